"""From a tree to a plan: a snapshot, and what a run has to bring for it."""

from typing import Annotated, Any

import pytest

from yorch_async import (
    Context,
    FromCtx,
    FromInput,
    InputInfo,
    PlanError,
    TaskTree,
    borrow_prev,
    compile_plan,
    from_ctx,
    from_input,
    item,
    run,
    task,
    value,
)

DSN = Annotated[str, "dsn"]


class Base: ...


class Derived(Base): ...


def use(*given): ...


def chain(*tasks):
    """A tree in which each node is the child of the one before."""
    tree = TaskTree()
    for level, made in enumerate(tasks):
        tree.node(level, made)
    return tree


def inputs_of(*tasks):
    """What the plan of such a tree says of its inputs."""
    return dict(compile_plan(chain(*tasks)).inputs)


@pytest.mark.parametrize("given", [None, 3, TaskTree, "tree"])
def test_only_trees_are_compiled(given):
    """What else was given is named."""
    with pytest.raises(TypeError) as caught:
        compile_plan(given)
    assert f"compile_plan takes a TaskTree, not {given!r}" == str(caught.value)


def test_a_plan_is_called_as_its_tree():
    """Or as its root, chosen or not."""
    named, unnamed, root_named = TaskTree("scene"), TaskTree(), TaskTree()
    named.root(use)
    unnamed.root(use)
    root_named.root(use, name="load")
    assert ["scene", "use", "load"] == [compile_plan(tree).name for tree in (named, unnamed, root_named)]


def test_an_error_is_headed_by_the_name_of_the_plan():
    """Also where there is no root to take it from."""
    tree = TaskTree()
    tree.root(use, borrow_prev())
    headlines = []
    for wrong in (tree, TaskTree(), TaskTree("scene")):
        with pytest.raises(PlanError) as caught:
            compile_plan(wrong)
        headlines.append((caught.value.headline, caught.value.problems[0].path))
    assert [("plan 'use'", "use"), ("plan 'unnamed'", "unnamed"), ("plan 'scene'", "scene")] == headlines


def test_a_plan_is_a_snapshot():
    """What is added to the tree afterwards is in the next one."""
    tree = TaskTree()
    root = tree.root(lambda: 1, name="root")
    before = compile_plan(tree)
    root.child(lambda: 2, name="child")
    assert [1, 2] == [len(before), len(compile_plan(tree))]
    assert [("root", 1)] == list(run(before).items())


def test_a_plan_takes_the_nodes_in_the_order_of_its_run():
    """With the options of each."""
    tree = TaskTree()
    root = tree.root(use, name="root", keep=True)
    one = root.child(use, name="one")
    root.child(use, name="two", keep=True)
    one.child(use)
    plan = compile_plan(tree)
    assert (("root", "one", None, "two"), (True, False, False, True)) == (plan.names, plan.kept)
    assert [tree.placed[index].task for index in (0, 1, 3, 2)] == list(plan.tasks)
    assert plan.tree is tree


def test_a_plan_knows_which_objects_it_asks_the_context_for():
    """Each key once, with the first node that asks."""

    def ask(a: FromCtx[int], b: FromCtx[DSN], c: FromCtx[int]): ...

    plan = compile_plan(chain(task(use, value(1)), task(ask), task(use, from_ctx(str), from_ctx(DSN))))
    assert {int: 1, DSN: 1, str: 2} == dict(plan.context_keys)
    assert {} == dict(compile_plan(chain(task(use))).context_keys)


def test_a_plan_knows_its_inputs():
    """By name, with type, default and the first node that takes it."""

    def ask(a: FromInput[int], b: FromInput[str] = "b", c=3, d: FromInput[Any] = None): ...

    assert {
        "a": InputInfo("a", int, required=True, default=None, node=1),
        "b": InputInfo("b", str, required=False, default="b", node=1),
        "d": InputInfo("d", Any, required=False, default=None, node=1),
        "e": InputInfo("e", Any, required=True, default=None, node=2),
    } == inputs_of(task(use), task(ask), task(use, from_input("e")))
    assert {} == inputs_of(task(use))


@pytest.mark.parametrize(
    ("types", "found"),
    [
        ((int, int), int),
        ((Base, Derived), Derived),
        ((Derived, Base), Derived),
        ((int | None, int), int),
        ((int, int | None), int),
        ((None, int), int),
        ((int, None), int),
        ((None, None), Any),
        ((None, Base, Derived), Derived),
        ((list[int], list), list),
        ((list, list[int]), list),
        ((float, int), int),
        ((None, list[int]), list[int]),
        ((list[int], None), list[int]),
    ],
    ids=str,
)
def test_an_input_that_several_nodes_take_is_of_the_narrower_type(types, found):
    """So that what is passed suits all of them; a type that cannot be compared gives way."""
    tasks = [task(use, from_input("n", *([] if type_ is None else [type_]))) for type_ in types]
    assert {"n": InputInfo("n", found, required=True, default=None, node=0)} == inputs_of(*tasks)


def test_an_input_is_required_if_one_node_requires_it():
    """It may be left out only where all have a default; the first one is shown."""

    def required(n: FromInput[int]): ...

    def optional(n: FromInput[int] = 3): ...

    def other(n: FromInput[int] = 4): ...

    def shown(*fns):
        info = inputs_of(*map(task, fns))["n"]
        return info.required, info.default, info.node

    assert [(True, None, 0), (True, None, 0), (False, 3, 0), (False, 4, 0)] == [
        shown(required, optional),
        shown(optional, required),
        shown(optional, other),
        shown(other, optional),
    ]


def test_each_node_falls_back_to_its_own_default():
    """Whatever the plan shows."""

    def one(n: FromInput[int] = 3):
        return n

    def two(m: FromInput[int] = 4, n: FromInput[int] = 5):
        return m, n

    tree = TaskTree()
    root = tree.root(one, keep=True)
    leaf = root.child(two)
    result = run(compile_plan(tree), inputs={"m": 1})
    assert (3, (1, 5)) == (result[root], result[leaf])


def test_what_a_plan_needs_cannot_be_changed():
    """Any number of runs use it."""
    plan = compile_plan(chain(task(use, from_ctx(int), from_input("n"))))
    with pytest.raises(TypeError):
        plan.inputs["m"] = plan.inputs["n"]
    with pytest.raises(TypeError):
        plan.context_keys[str] = 0
    assert run(plan, Context(1), inputs={"n": 2}).ok


def test_an_input_is_of_one_type_also_inside_of_what_runs_for_each_element():
    """The problem stands at the node of the inner tree."""
    inner, tree = TaskTree("inner"), TaskTree("t")
    inner.root(lambda element, name: (element, name), item(), from_input("name", str), name="pair")
    tree.root(lambda name: [name], from_input("name", int), name="numbers").each(inner, name="pairs")
    with pytest.raises(PlanError) as caught:
        compile_plan(tree)
    (found,) = caught.value.problems
    assert str(found) == (
        "numbers/pairs/pair: the input 'name' is taken as str, but 'numbers' takes it as int [input-type]; "
        "ask for one type everywhere, or for two inputs"
    )
