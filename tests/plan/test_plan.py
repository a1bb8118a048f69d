"""A plan as a value: views of its nodes, finding them, and that nothing of it changes."""

import gc
import weakref
from dataclasses import FrozenInstanceError, fields

import pytest

from yorch_async import (
    Fanout,
    Plan,
    PlanNode,
    TaskTree,
    borrow_prev,
    compile_plan,
    copy_prev,
    run,
)
from yorch_async.plan._plan import InputInfo


def load(): ...


def save(x, y=None): ...


@pytest.fixture
def tree():
    """A tree whose order of registration is not that of its run."""
    tree = TaskTree("scene")
    root = tree.root(load, name="root", keep=True, fanout=Fanout.SHARED_READONLY)
    a = root.child(load)
    root.child(save, borrow_prev(), copy_prev(), name="b")
    a.child(save, borrow_prev())
    root.child(load)
    return tree


@pytest.fixture
def plan(tree):
    """Its plan."""
    return compile_plan(tree)


def test_a_plan_is_as_long_as_it_has_nodes(tree, plan):
    """And says so."""
    assert 5 == len(plan) == len(plan.nodes)
    assert "<Plan 'scene' with 5 nodes>" == repr(plan)
    one = TaskTree()
    one.root(load)
    assert "<Plan 'load' with 1 node>" == repr(compile_plan(one))


def test_its_nodes_are_views_in_the_order_of_the_run(plan):
    """Each shows all that is known of it."""

    def shown(attribute):
        return [getattr(node, attribute) for node in plan.nodes]

    assert [0, 1, 2, 3, 4] == shown("index")
    assert ["root", "load", "save", "b", "load"] == shown("name")
    assert ["root", "load", "save", "b", "load[2]"] == shown("label")
    assert ["root", "root/load", "root/load/save", "root/b", "root/load[2]"] == shown("path")
    assert [None, 0, 1, 0, 0] == shown("parent")
    assert [(1, 3, 4), (2,), (), (), ()] == shown("children")
    assert [0, 1, 2, 1, 1] == shown("level")
    assert [load, load, save, save, load] == [node.task.fn for node in plan.nodes]
    assert [Fanout.SHARED_READONLY, *[Fanout.AUTO] * 4] == shown("fanout")
    assert [True, *[False] * 4] == shown("keep")
    assert [False, False, True, True, True] == shown("is_leaf")
    assert [(), (), (1,), (0, 0), ()] == shown("reads")
    assert [0, 1, None, None, None] == shown("slot")
    assert 2 == plan.slots


def test_nodes_are_a_sequence(plan):
    """By index from either end, by slice, and to iterate over."""
    nodes = plan.nodes
    assert nodes[4] == nodes[-1] == PlanNode(plan, 4)
    assert (PlanNode(plan, 1), PlanNode(plan, 3)) == nodes[1:5:2]
    assert () == nodes[5:]
    assert list(nodes) == [nodes[index] for index in range(5)]
    assert nodes[2] in nodes
    assert 3 == nodes.index(PlanNode(plan, 3))
    for index in (5, -6):
        with pytest.raises(IndexError):
            nodes[index]


def test_views_of_one_node_are_equal(tree, plan):
    """Those of another plan are not, even of the same tree."""
    assert plan.nodes[1] == plan.nodes[1]
    assert hash(plan.nodes[1]) == hash(plan.nodes[1])
    assert plan.nodes[1] != plan.nodes[2]
    assert plan.nodes[1] != compile_plan(tree).nodes[1]


def test_a_handle_is_found_in_the_plan():
    """By its place in the run."""
    tree = TaskTree()
    root = tree.root(load)
    a, b = root.child(load), root.child(load)
    c = a.child(load)
    plan = compile_plan(tree)
    assert [0, 1, 3, 2] == [plan.index_of(node) for node in (root, a, b, c)]


def test_a_handle_that_is_not_in_the_plan_is_refused(tree, plan):
    """Of another tree, or registered later."""
    other = TaskTree("other")
    stranger = other.root(load)
    later = tree.node(1, load, name="later")
    for node, shown in [
        (stranger, "<Node 'load' at level 0 of <TaskTree 'other' with 1 node>>"),
        (later, "<Node 'later' at level 1 of <TaskTree 'scene' with 6 nodes>>"),
    ]:
        with pytest.raises(ValueError) as caught:
            plan.index_of(node)
        assert (f"{shown} is not part of plan 'scene'; pass a node of the tree that it was compiled from") == str(
            caught.value
        )


@pytest.mark.parametrize("given", [3, None, load])
def test_what_is_no_handle_is_refused(plan, given):
    """The message says by what a node is asked for."""
    with pytest.raises(TypeError) as caught:
        plan.index_of(given)
    assert f"a node is asked for by its handle, its name or its path, not by {given!r}" == str(caught.value)


def test_a_plan_cannot_be_changed(plan):
    """Any number of runs use it, also at the same time."""
    for field in fields(Plan):
        with pytest.raises(FrozenInstanceError):
            setattr(plan, field.name, None)
    with pytest.raises(FrozenInstanceError):
        plan.nodes[0].index = 3
    with pytest.raises(FrozenInstanceError):
        del plan.name
    with pytest.raises((AttributeError, TypeError)):
        plan.more = 1
    with pytest.raises(TypeError):
        plan.nodes[0] = plan.nodes[1]


def test_a_plan_is_itself_and_no_other(tree, plan):
    """It can be a key; equal trees make different plans."""
    assert plan != compile_plan(tree)
    assert {plan: 1}[plan] == 1


def test_a_plan_is_not_kept_alive():
    """Neither by its nodes nor by what was derived from it for a run."""
    tree = TaskTree()
    tree.root(load)
    plan = compile_plan(tree)
    run(plan)
    reference = weakref.ref(plan)
    assert reference() is plan
    del plan
    gc.collect()
    assert reference() is None


def test_what_executors_prepare_is_each_plans_own(tree):
    """It begins empty."""
    one, two = compile_plan(tree), compile_plan(tree)
    one.prepared["x"] = 1
    assert {} == two.prepared


def test_an_input_is_a_value():
    """Equal by what it says, and frozen."""
    info = InputInfo("n", int, required=True, default=None, node=0)
    assert InputInfo("n", int, required=True, default=None, node=0) == info
    with pytest.raises(FrozenInstanceError):
        info.name = "m"
