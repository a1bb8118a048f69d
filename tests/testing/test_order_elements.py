"""The check of what happened, where nodes go through elements: every real run passes, and what cannot happen to them is found."""

import pytest

from yorch_async import (
    AttemptStarted,
    EachStarted,
    ItemEnded,
    ItemStarted,
    NodeEnded,
    NodeStarted,
    RetryWaiting,
    RunEnded,
    RunStarted,
    StepStatus,
    TaskTree,
    compile_plan,
)
from yorch_async.testing import check_order

SUCCESS, FAILURE = StepStatus.SUCCESS, StepStatus.FAILURE


@pytest.fixture(scope="module")
def plan():
    """Two nodes: a, and a/b, which goes through elements."""
    tree = TaskTree("t")
    tree.root(lambda: [1], name="a").each(str, name="b")
    return compile_plan(tree)


A = [NodeStarted(0, "a", 0.0), AttemptStarted(0, "a", 1, 0.0), NodeEnded(0, "a", SUCCESS, 1, 0.0, None, None, 0.0)]
BEFORE = [RunStarted("t", 2, 0.0), *A, NodeStarted(1, "a/b", 0.0), AttemptStarted(1, "a/b", 1, 0.0)]
BEGINS = EachStarted(1, "a/b", 2, 0.0)


def after(status=SUCCESS):
    return [NodeEnded(1, "a/b", status, 1, 0.0, None, None, 0.0), RunEnded("t", status, 0.0, None, 0.0)]


def start(number, path=None, index=1):
    return ItemStarted(index, path or f"a/b#{number}", number, 0.0)


def end(number, path=None):
    return ItemEnded(1, path or f"a/b#{number}", number, SUCCESS, 1, 0.0, None, None, 0.0)


def attempt(path="a/b#1", number=1):
    return AttemptStarted(1, path, number, 0.0)


def wait(path="a/b#1"):
    return RetryWaiting(1, path, 1, 0.5, 0.0)


@pytest.mark.parametrize(
    "inside",
    [
        [],
        [start(1), attempt(), wait(), attempt(number=2), end(1), start(2), end(2)],
        [start(1), start(2), end(2), attempt("a/b#1/x/y"), end(1)],
    ],
    ids=["none", "one after the other", "at the same time"],
)
def test_what_can_happen_passes(plan, inside):
    """Elements start and end while their node runs, with attempts in between."""
    check_order(plan, [*BEFORE, BEGINS, *inside, *after()])


def test_a_node_that_fails_may_leave_elements_behind(plan):
    """They are cut off."""
    check_order(plan, [*BEFORE, BEGINS, start(1), start(2), end(2), *after(FAILURE)])


CASES = {
    "again": ([*BEFORE, BEGINS, BEGINS], "'a/b' begins with its elements again"),
    "before the beginning": ([*BEFORE, start(1)], "'a/b#1' is told of before 'a/b' begins with its elements"),
    "not running": ([*BEFORE, BEGINS, after()[0], start(1)], "'a/b#1' is told of while 'a/b' is not running"),
    "not yet running": ([BEFORE[0], BEGINS], "'a/b' is told of while 'a/b' is not running"),
    "started twice": ([*BEFORE, BEGINS, start(1), start(1)], "'a/b#1' starts again"),
    "started after its end": ([*BEFORE, BEGINS, start(1), end(1), start(1)], "'a/b#1' starts again"),
    "ended twice": ([*BEFORE, BEGINS, start(1), end(1), end(1)], "'a/b#1' ends, and has not started or has ended before"),
    "ended without a start": ([*BEFORE, BEGINS, end(1)], "'a/b#1' ends, and has not started or has ended before"),
    "other number": ([*BEFORE, BEGINS, start(1, "a/b#2")], "'a/b#2' is not the path of element 1 of 'a/b'"),
    "no node": ([*BEFORE, start(1, "a/c#1")], "the plan has no node 1 at 'a/c#1'"),
    "no index": ([*BEFORE, start(1, index=7)], "the plan has no node 7 at 'a/b#1'"),
    "element that begins": ([*BEFORE, EachStarted(1, "a/b#1", 2, 0.0)], "the plan has no node 1 at 'a/b#1'"),
    "attempt of none": ([*BEFORE, BEGINS, attempt()], "'a/b#1' is told of while that element is not worked on"),
    "wait of none": ([*BEFORE, BEGINS, wait("a/b#x")], "'a/b#x' is told of while that element is not worked on"),
    "left behind": ([*BEFORE, BEGINS, start(1), *after()], "'a/b' ends with SUCCESS while 'a/b#1' is worked on"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_happen_is_found(plan, case):
    """At the event that does not fit."""
    events, fault = CASES[case]
    with pytest.raises(AssertionError) as caught:
        check_order(plan, events)
    assert f"plan 't': {fault}:" == str(caught.value).splitlines()[0]
