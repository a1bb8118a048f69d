"""Plans with nodes that go through elements: what is known of trees that are run for each of them before anything runs."""

from collections.abc import Iterator

import pytest

from yorch_async import (
    Context,
    PlanError,
    SetupError,
    TaskTree,
    borrow_prev,
    compile_plan,
    from_ctx,
    from_input,
    item,
    run_sync,
    task,
    value,
)


def inner_tree(*children, name="inner", sources=(), **options):
    """A tree that is run for each element."""
    tree = TaskTree(name)
    root = tree.root(lambda *given: given[0], item(), *sources, name="root", **options)
    for number, child in enumerate(children):
        root.child(*child, name=f"n{number}")
    return tree


def outer_tree(inner, **options):
    tree = TaskTree("outer")
    return tree, tree.root(lambda: [1, 2, 3], name="numbers").each(inner, **options)


def problems_of(tree):
    with pytest.raises(PlanError) as caught:
        compile_plan(tree)
    return [(problem.path, problem.rule) for problem in caught.value.problems]


def test_a_tree_is_compiled_once_as_it_is_then():
    """What is placed in it later does not reach the plan."""
    inner = inner_tree()
    tree, node = outer_tree(inner)
    plan = compile_plan(tree)
    inner.placed.clear()
    assert [1, 2, 3] == run_sync(plan)[node]
    assert [1, 2, 3] == run_sync(plan)[node]


def test_its_problems_are_told_with_the_path_of_the_node_in_front():
    """Beside those of the tree around it, all at once."""
    inner = TaskTree("inner")
    inner.root(int, item(), name="root").child(len, borrow_prev(str), name="n0")
    tree, node = outer_tree(inner, name="each")
    for name, kind in (("one", int), ("two", str)):
        tree.join(lambda x: x, from_input("x", kind), after=node, name=name)
    assert [("two", "input-type"), ("numbers/each/root/n0", "type-mismatch")] == problems_of(tree)


def test_an_empty_tree_is_a_problem_of_it():
    """As of a plan of its own."""
    tree, _ = outer_tree(TaskTree("inner"), name="each")
    assert [("numbers/each/inner", "empty-tree")] == problems_of(tree)


def test_a_tree_inside_a_tree():
    """Its problems are told with both nodes in front."""
    innermost = TaskTree("innermost")
    innermost.root(lambda: 1, name="root")
    inner = TaskTree("inner")
    inner.root(list, item(), name="root").each(innermost, name="each")
    tree, _ = outer_tree(inner, name="each")
    assert [("numbers/each/root/each/root", "each-no-element")] == problems_of(tree)


@pytest.mark.parametrize(
    ("children", "options", "result"),
    [
        ((), {}, [1, 2, 3]),
        (((lambda x: -x, borrow_prev()),), {}, [-1, -2, -3]),
        (((lambda x: -x, borrow_prev()),), {"keep": True}, [1, 2, 3]),
        (((task(lambda x: None, borrow_prev(), output=None),), (lambda x: -x, borrow_prev())), {}, [-1, -2, -3]),
    ],
)
def test_which_output_is_the_result_of_an_element(children, options, result):
    """That of the one that is kept, else of the only leaf that has any."""
    tree, node = outer_tree(inner_tree(*children, **options))
    assert result == run_sync(compile_plan(tree))[node]


def test_a_tree_without_an_output_gives_none():
    """It is run all the same; with `collect`, None stands for each."""
    seen = []
    inner = TaskTree("inner")
    inner.root(task(seen.append, item(), output=None))
    tree, node = outer_tree(inner)
    assert node not in run_sync(compile_plan(tree))
    tree, node = outer_tree(inner, on_item_failure="collect")
    assert [None] * 3 == run_sync(compile_plan(tree))[node]
    tree, node = outer_tree(inner, reduce=lambda one, other: one, initial=7)
    assert 7 == run_sync(compile_plan(tree))[node]
    assert [1, 2, 3] * 3 == seen


def test_two_outputs_are_one_too_many():
    """More than five are not all told."""
    children = [(lambda x: x, borrow_prev())] * 7
    tree, _ = outer_tree(inner_tree(*children), name="each")
    with pytest.raises(PlanError, match=r"gives an element 7 outputs \(root/n0, .*, root/n4, \.\.\.\)"):
        compile_plan(tree)


def test_what_the_tree_needs_the_plan_needs():
    """Inputs and context objects; what is taken by both is taken as the narrower type, and is only optional for both."""

    def counted(number, more: float = 0.5, name: str = "none"):
        return number, more, name

    inner = TaskTree("inner")
    inner.root(counted, item(), from_input("more"), from_input("name")).child(
        lambda x, y: (*x, y), borrow_prev(), from_ctx(bytes)
    )
    tree = TaskTree("outer")
    root = tree.root(lambda more: [more], from_input("more", int), name="numbers")
    node = root.each(inner, name="each")
    plan = compile_plan(tree)
    assert {"more": (int, True, 0), "name": (str, False, node.index)} == {
        name: (info.type, info.required, info.node) for name, info in plan.inputs.items()
    }
    assert [bytes] == list(plan.context_keys)
    result = run_sync(plan, Context(b"there"), inputs={"more": 3})
    assert [(3, 3, "none", b"there")] == result[node]
    with pytest.raises(SetupError) as caught:
        run_sync(plan)
    assert ["missing-context", "missing-input"] == sorted(problem.rule for problem in caught.value.problems)
    assert {"numbers/each", "numbers"} == {problem.path for problem in caught.value.problems}


def test_an_input_that_a_tree_takes_as_another_type_is_a_problem():
    """As between two nodes of one tree."""
    inner = TaskTree("inner")
    inner.root(lambda number, x: number, item(), from_input("x", str), name="root")
    tree = TaskTree("outer")
    tree.root(lambda x: [x], from_input("x", int), name="numbers").each(inner, name="each")
    assert [("numbers/each/root", "input-type")] == problems_of(tree)


def test_a_node_of_a_tree_may_take_the_element_anywhere():
    """Below the root, in a join, in a condition; not only in the first one."""
    inner = TaskTree("inner")
    root = inner.root(lambda: 1, name="root", keep=True)
    root.child(lambda x, y: None, item(int), borrow_prev(), name="child", when=task(lambda x: x == 2, item()), output=None)
    tree, node = outer_tree(inner)
    assert [1, 1, 1] == run_sync(compile_plan(tree))[node]


def test_elements_of_a_known_type_are_only_those_of_iterables():
    """What says nothing of itself may be one; what has elements by index is one as well."""

    class ByIndex:
        def __getitem__(self, index: int) -> int:
            return [1, 2, 3][index]

    class Without: ...

    for cls, is_fine in ((list, True), (str, True), (ByIndex, True), (Without, False), (int, False), (object, True)):
        tree = TaskTree("t")
        tree.root(task(lambda cls=cls: cls(), output=cls), name="root").each(str, name="each")
        if is_fine:
            compile_plan(tree)
        else:
            assert [("root/each", "each-elements")] == problems_of(tree)
    tree = TaskTree("t")
    tree.root(task(lambda: 3, output=int), name="root").each(str, over=range, name="each")
    compile_plan(tree)


def numbers_of(_: object) -> Iterator[int]:
    yield 1


def test_elements_are_of_the_class_that_is_asked_for():
    """By the declaration of the parent, or of what over= makes of it; also in a tree, at whichever node; subclasses fit."""
    inner = TaskTree("inner")
    inner.root(str, item(str), name="start").child(lambda number, text: text, item(int), borrow_prev(str), name="below")
    tree = TaskTree("outer")
    root = tree.root(lambda: ["a"], name="root", output=list[str])
    root.each(repr, item(str), name="fits")
    root.each(repr, item(object), over=numbers_of, name="fits as well")
    root.each(pow, item(int), value(2), name="power")
    root.each(repr, item(str), over=numbers_of, name="made")
    root.each(inner, name="tree")
    with pytest.raises(PlanError) as refused:
        compile_plan(tree)
    assert [(each.rule, each.path, each.parameter) for each in refused.value.problems] == [
        ("each-type", "root/power", "base"),
        ("each-type", "root/made", "obj"),
        ("each-type", "root/tree", "below.number"),
    ]
    assert "item asks for str, but what 'numbers_of' gives to go through is int" in str(refused.value)
