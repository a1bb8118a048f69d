"""The one rule of ownership: of two accesses to an object, one of them exclusive, the graph says which comes first."""

import pytest

from yorch_async import (
    Fanout,
    PlanError,
    TaskTree,
    borrow,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume,
    consume_prev,
    copy_prev,
    task,
    task_forward_prev,
)

COPIES = Fanout.CONSUME_WITH_COPIES


def use(*given): ...


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
