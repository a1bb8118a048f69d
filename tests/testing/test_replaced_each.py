"""Fakes in place of nodes that go through elements: for the whole node, or for each element."""

import pytest

from yorch_async import (
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    from_input,
    item,
    run_sync,
    value,
)
from yorch_async.testing import _fakes, replaced, scripted


def real(number, more, known):
    raise NotImplementedError


def plan_of(*, is_tree):
    """A plan whose second node runs a task or a tree for each element."""
    tree = TaskTree("t")
    root = tree.root(lambda: [1, 2, 3], name="numbers")
    inner = TaskTree("inner")
    inner.root(real, item(), from_input("more"), value(1), name="root")
    sources = () if is_tree else (item(), from_input("more"), borrow_prev())
    root.each(inner if is_tree else real, *sources, name="each").child(list, borrow_prev(list), name="after")
    return compile_plan(tree)


KINDS = pytest.mark.parametrize("is_tree", [False, True], ids=["task", "tree"])


@KINDS
def test_a_value_is_the_output_of_the_node(is_tree):
    """Nothing is run for any element, and nothing is needed for that."""
    assert [5, 6] == run_sync(replaced(plan_of(is_tree=is_tree), {"each": [5, 6]}))["after"]


@KINDS
def test_an_answer_is_that_of_the_node(is_tree):
    """And an exception is raised there."""
    result = run_sync(replaced(plan_of(is_tree=is_tree), {"each": StepResult.failure("fake")}))
    assert (StepStatus.FAILURE, "fake", "numbers/each") == (result.status, result.step.reason, result.failures[0].path)
    with pytest.raises(KeyError):
        run_sync(replaced(plan_of(is_tree=is_tree), {"each": KeyError}))


@pytest.mark.parametrize("fake", [lambda number, more, known: 10 * number, lambda *given: 10 * given[0]])
def test_a_callable_is_called_for_each_element(fake):
    """As the task would be."""
    plan = replaced(plan_of(is_tree=False), {"each": fake})
    assert [10, 20, 30] == run_sync(plan, inputs={"more": 0})["after"]


@KINDS
def test_a_callable_without_parameters_is_called_as_it_is(is_tree):
    """Once for each element, so that a script can answer one after the other."""
    plan = replaced(plan_of(is_tree=is_tree), {"each": scripted(7, 8, 9)})
    assert [7, 8, 9] == run_sync(plan)["after"]


def test_in_place_of_a_tree_a_callable_is_passed_the_element():
    """And nothing else."""
    plan = replaced(plan_of(is_tree=True), {"each": lambda number: -number})
    assert [-1, -2, -3] == run_sync(plan)["after"]
    with pytest.raises(ValueError, match="the fake of 'numbers/each' takes"):
        replaced(plan_of(is_tree=True), {"each": lambda one, two: None})


@KINDS
def test_adapters_are_those_of_the_task(is_tree):
    """They see what the fake does for one element."""

    def fails(*_):
        raise ValueError

    plan = replaced(plan_of(is_tree=is_tree), {"each": fails}, adapters=[catch_as_failure(lambda error: 0)])
    assert [0, 0, 0] == run_sync(plan, inputs={"more": 0})["after"]


@KINDS
def test_what_was_replaced_can_be_replaced_again(is_tree):
    """The last fake counts."""
    first = replaced(plan_of(is_tree=is_tree), {"each": [1]})
    assert [7, 7, 7] == run_sync(replaced(first, {"each": scripted(7)}))["after"]
    second = replaced(plan_of(is_tree=is_tree), {"each": scripted(7)})
    assert [1] == run_sync(replaced(second, {"each": [1]}))["after"]


def test_the_function_for_each_element_of_a_tree_is_called_with_the_element():
    """Any callable in the place of a tree, and a fake that stands for an element as it is."""
    inner, tree = TaskTree("inner"), TaskTree("t")
    inner.root(str, item(), name="root")
    tree.root(lambda: [1, 2], name="numbers").each(inner, name="each")
    assert [2, 4] == run_sync(replaced(compile_plan(tree), {"each": lambda element: 2 * element}))["each"]
    assert 5 == _fakes._element(5)
