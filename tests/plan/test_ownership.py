"""The one rule of ownership: of two accesses to an object, one of them exclusive, the graph says which comes first."""

import pytest

from yorch_async import (
    Fanout,
    PlanError,
    TaskTree,
    borrow,
    borrow_mut,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume,
    consume_prev,
    copy,
    copy_prev,
    task,
    task_forward_prev,
)

COPIES = Fanout.CONSUME_WITH_COPIES


def use(*given): ...


def two(first, second): ...


def load() -> list: ...


def found(tree):
    """What is wrong with a tree: node, parameter, rule."""
    try:
        compile_plan(tree)
    except PlanError as error:
        return [(problem.path.rpartition("/")[2], problem.parameter, problem.rule) for problem in error.problems]
    return []


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_copy_of_what_no_child_consumes_is_made_of_the_original(is_taken):
    """Children that copy are served from a copy only where another child consumes; where not, they read like any other node."""
    tree = TaskTree()
    root = tree.root(load, name="root", fanout=COPIES)
    root.child(use, copy_prev(), name="copies")
    if is_taken:
        root.child(use, consume_prev(), name="takes")
        assert [] == found(tree)
    else:
        tree.join(use, consume(root), name="takes")
        assert [("takes", "given", "unordered")] == found(tree)


@pytest.mark.parametrize(
    ("source", "wrong"), [(borrow_prev(), [("looks", "use.given", "fanout-copies")]), (copy_prev(), [])]
)
def test_what_is_given_away_with_copies_is_not_looked_at_by_conditions(source, wrong):
    """They may come when it is gone; unless it is the consumer's own, which looks at what it is going to be passed."""
    tree = TaskTree()
    root = tree.root(load, name="root", fanout=COPIES)
    root.child(use, consume_prev(), name="takes", when=bool)
    root.child(use, copy_prev(), name="copies", when=bool)
    root.child(use, name="looks", when=task(use, source))
    assert wrong == found(tree)


def test_a_condition_reads_as_its_node_would():
    """It has to come before whoever changes or takes what it looks at."""
    tree = TaskTree()
    root = tree.root(load, name="root")
    tree.join(use, consume(root), name="takes")
    tree.join(use, after=root, name="looks", when=task(use, borrow(root)))
    assert [("looks", "use.given", "unordered")] == found(tree)


@pytest.mark.parametrize("keeps", [True, False])
def test_an_object_that_is_kept_is_not_changed_later(keeps):
    """By whatever node it is read, and whichever of the nodes that pass it on keeps it."""
    tree = TaskTree()
    root = tree.root(load, name="root", fanout=Fanout.ORDERED)
    passed = root.child(task_forward_prev(use, borrow_prev_mut()), name="passed", keep=keeps)
    tree.join(use, consume(root), after=passed, name="takes")
    assert [("takes", "given", "kept-changed")] * keeps == found(tree)


def test_children_that_are_ordered_may_do_anything():
    """One after the other, as `after=` says; where it says nothing, the rule says so."""
    tree = TaskTree()
    root = tree.root(load, name="root", fanout=Fanout.ORDERED)
    reads = root.child(use, borrow_prev(), name="reads")
    changes = root.child(use, borrow_prev_mut(), name="changes", after=reads)
    root.child(use, consume_prev(), name="takes", after=changes)
    assert [] == found(tree)
    root.child(use, borrow_prev(), name="late", after=reads)
    assert {("takes", "given", "unordered"), ("late", "given", "unordered")} >= set(found(tree)) != set()


@pytest.mark.parametrize("between", [0, 1, 5])
def test_order_is_found_over_any_number_of_steps(between):
    """Whatever is between two nodes: a parent, a read of something else, `after=`, a read with a default."""
    tree = TaskTree()
    root = tree.root(load, name="root")
    node = tree.join(use, borrow(root), name="reads")
    for number in range(between):
        steps = [
            lambda node: node.child(use),
            lambda node: tree.join(load, after=node),
            lambda node: tree.join(use, borrow(node)),
            lambda node: tree.join(use, borrow(node, default=None)),
        ]
        node = steps[number % 4](node)
    tree.join(use, consume(root), after=node, name="takes")
    assert [] == found(tree)


@pytest.mark.parametrize("source", [borrow, borrow_mut, copy, consume])
def test_what_is_taken_away_is_not_read_later(source):
    """Whatever would be done with it; a plan that can never read it is refused, also where there is a default."""
    tree = TaskTree()
    root = tree.root(load, name="root")
    takes = tree.join(use, consume(root), name="takes")
    tree.join(use, source(root), after=takes, name="reads")
    tree.join(use, source(root, default=1), after=takes, name="hopes")
    assert [("reads", "given", "read-after-taken")] == found(tree)[:1]
    assert {"reads", "hopes"} == {name for name, *_ in found(tree)}


@pytest.mark.parametrize(
    ("one", "other", "is_fine"),
    [(borrow, borrow, True), (borrow, copy, True), (copy, borrow_mut, False), (consume, copy, False)],
)
def test_one_node_has_an_object_to_itself_or_not(one, other, is_fine):
    """By whichever names it reads it: that of the node that made it, or of one that passes it on."""
    tree = TaskTree()
    root = tree.root(load, name="root")
    passed = root.child(task_forward_prev(use, borrow_prev_mut()), name="passed")
    again = passed.child(task_forward_prev(use, borrow_prev_mut()), name="again")
    tree.join(two, one(root), other(again), name="both")
    assert ([] if is_fine else [("both", "second", "same-output")]) == found(tree)


@pytest.mark.parametrize("source", [borrow, borrow_mut, copy, consume])
def test_what_a_resource_was_made_from_is_not_changed_while_it_may_be_open(source):
    """Unless it has a copy, or nothing else was left."""
    tree = TaskTree()
    root = tree.root(load, name="root")
    opens = tree.join(use, source(root), managed=True, name="opens")
    tree.join(use, borrow_mut(root), after=opens, name="changes")
    rule = {copy: [], consume: ["read-after-taken"]}.get(source, ["resource-reads"])
    assert [("changes", "given", each) for each in rule] == found(tree)


def test_what_was_changed_before_may_be_held_by_a_resource():
    """It is what comes later that must not change it."""
    tree = TaskTree()
    root = tree.root(load, name="root")
    changes = tree.join(use, borrow_mut(root), name="changes")
    tree.join(use, borrow(root), managed=True, after=changes, name="opens")
    assert [] == found(tree)


@pytest.mark.parametrize("source", [borrow, copy, consume])
def test_a_condition_goes_with_what_its_node_is_passed(source):
    """It looks at the object before the node takes it, so between the two nothing has to be put in order; others are asked as ever."""
    tree = TaskTree()
    root = tree.root(load, name="root")
    tree.join(use, source(root), name="asks", when=bool)
    assert [] == found(tree)
    tree.join(use, copy(root) if source is consume else borrow_mut(root), name="other")
    assert ("other", "given", "unordered") in found(tree)
