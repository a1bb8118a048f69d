"""The check of what happened: every real run passes, and every way to break the tree is found."""

from contextlib import suppress

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, given, settings
from random_trees import Broken, build, trees

from yorch_async import (
    AttemptStarted,
    Concurrent,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    RetryWaiting,
    RunEnded,
    RunStarted,
    SerialDfs,
    StepStatus,
    TaskTree,
    compile_plan,
    run_plan,
    run_sync,
    value,
)
from yorch_async.testing import Recorder, SteppedClock, check_order

SUCCESS, FAILURE, BRANCH = StepStatus.SUCCESS, StepStatus.FAILURE, StepStatus.ABORT_BRANCH
PATHS = ["a", "a/b", "a/b/c", "a/d"]


@pytest.fixture(scope="module")
def plan():
    """Four nodes: a, a/b, a/b/c, a/d."""
    tree = TaskTree("t")
    a = tree.root(lambda: 1, name="a")
    a.child(lambda: 2, name="b").child(lambda: 3, name="c")
    a.child(lambda: 4, name="d")
    return compile_plan(tree)


BEGIN = RunStarted("t", 4, 0.0)


def start(index):
    return NodeStarted(index, PATHS[index], 0.0)


def attempt(index, number=1):
    return AttemptStarted(index, PATHS[index], number, 0.0)


def wait(index, attempts=1):
    return RetryWaiting(index, PATHS[index], attempts, 0.5, 0.0)


def end(index, status=SUCCESS, attempts=1):
    return NodeEnded(index, PATHS[index], status, attempts, 0.0, None, None, 0.0)


def skip(index, because):
    return NodeSkipped(index, PATHS[index], PATHS[because], 0.0)


def over(status=SUCCESS):
    return RunEnded("t", status, 0.0, None, 0.0)


def whole(index, status=SUCCESS):
    return [start(index), attempt(index), end(index, status)]


GOOD = {
    "one node at a time": [BEGIN, *whole(0), *whole(1), *whole(2), *whole(3), over()],
    "siblings side by side": [
        BEGIN,
        *whole(0),
        start(3),
        start(1),
        attempt(1),
        attempt(3),
        end(1),
        start(2),
        end(3),
        attempt(2),
        end(2),
        over(),
    ],
    "not over yet": [BEGIN, *whole(0), start(1)],
    "several attempts": [BEGIN, start(0), attempt(0), wait(0), attempt(0, 2), wait(0, 2)],
    "no attempt at all": [BEGIN, start(0), end(0, FAILURE, 0), over(FAILURE)],
    "a branch is left out": [BEGIN, *whole(0), *whole(1, BRANCH), skip(2, 1), *whole(3), over()],
    "a branch with one word": [BEGIN, *whole(0, BRANCH), skip(1, 0), skip(3, 0), over(BRANCH)],
    "a failure leaves out all the rest": [BEGIN, *whole(0), *whole(1, FAILURE), skip(2, 1), skip(3, 1), over(FAILURE)],
    "a failure leaves out what is below": [BEGIN, *whole(0), *whole(1, FAILURE), skip(2, 1), *whole(3), over(FAILURE)],
    "an exception": [BEGIN, *whole(0, None), over(None)],
    "an exception of nobody": [BEGIN, *whole(0), over(None)],
}


@pytest.mark.parametrize("events", GOOD.values(), ids=GOOD)
def test_what_can_happen_passes(plan, events):
    """In whatever order an execution chooses."""
    check_order(plan, iter(events))


BAD = {
    "no beginning": ([start(0)], "something happens before the run has started"),
    "two beginnings": ([BEGIN, BEGIN], "the run starts again"),
    "another plan": ([RunStarted("u", 4, 0.0)], "a run of another plan, 'u' with 4 nodes"),
    "another size": ([RunStarted("t", 5, 0.0)], "a run of another plan, 't' with 5 nodes"),
    "after the end": ([BEGIN, *whole(0, FAILURE), over(FAILURE), skip(1, 0)], "something happens after the run has ended"),
    "another path": ([BEGIN, NodeStarted(0, "b", 0.0)], "the plan has no node 0 at 'b'"),
    "another index": ([BEGIN, NodeStarted(4, "a", 0.0)], "the plan has no node 4 at 'a'"),
    "a negative index": ([BEGIN, NodeStarted(-1, "a/d", 0.0)], "the plan has no node -1 at 'a/d'"),
    "started twice": ([BEGIN, *whole(0), start(0)], "'a' starts again"),
    "started after it was skipped": (
        [BEGIN, *whole(0), *whole(1, FAILURE), skip(3, 1), start(3)],
        "'a/d' starts, but was skipped",
    ),
    "started too early": ([BEGIN, start(0), start(1)], "'a/b' starts before its parent has ended with SUCCESS"),
    "started below a failure": (
        [BEGIN, *whole(0, FAILURE), start(1)],
        "'a/b' starts before its parent has ended with SUCCESS",
    ),
    "an attempt before the start": ([BEGIN, attempt(0)], "'a' is not running"),
    "an attempt after the end": ([BEGIN, *whole(0), attempt(0, 2)], "'a' is not running"),
    "a wait after the end": ([BEGIN, *whole(0), wait(0)], "'a' is not running"),
    "ended twice": ([BEGIN, *whole(0), end(0)], "'a' is not running"),
    "an attempt is missing": ([BEGIN, start(0), attempt(0, 2)], "attempt 2 of 'a' comes after 0"),
    "an attempt comes again": ([BEGIN, start(0), attempt(0), attempt(0)], "attempt 1 of 'a' comes after 1"),
    "attempts of a wait": ([BEGIN, start(0), attempt(0), wait(0, 2)], "'a' has made 1 attempts, not 2"),
    "attempts of an end": ([BEGIN, start(0), attempt(0), end(0, SUCCESS, 3)], "'a' has made 1 attempts, not 3"),
    "skipped after its start": ([BEGIN, *whole(0), start(1), skip(1, 0)], "'a/b' is skipped, but has started"),
    "skipped twice": ([BEGIN, *whole(0, FAILURE), skip(1, 0), skip(1, 0)], "'a/b' is skipped again"),
    "skipped because of a success": ([BEGIN, *whole(0), skip(1, 0)], "'a/b' is skipped, but 'a' is no cause for that"),
    "skipped because of the future": ([BEGIN, *whole(0), skip(3, 1)], "'a/d' is skipped, but 'a/b' is no cause for that"),
    "skipped because of a sibling's branch": (
        [BEGIN, *whole(0), *whole(1, BRANCH), skip(3, 1)],
        "'a/d' is skipped, but 'a/b' is no cause for that",
    ),
    "over too early": ([BEGIN, start(0), over(None)], "the run ends while 'a' is running"),
    "a failure out of nothing": (
        [BEGIN, *whole(0, BRANCH), over(FAILURE)],
        "the run ends with FAILURE, but every node has ended well",
    ),
    "a failure that is forgotten": (
        [BEGIN, *whole(0, FAILURE), over()],
        "the run ends with SUCCESS, but 'a' has not ended well",
    ),
    "an exception that is forgotten": (
        [BEGIN, *whole(0, None), over()],
        "the run ends with SUCCESS, but 'a' has not ended well",
    ),
    "a node is forgotten": (
        [BEGIN, *whole(0), *whole(1, BRANCH), skip(2, 1), over()],
        "the run ends with SUCCESS, but nothing is heard of 'a/d'",
    ),
    "a branch is forgotten": (
        [BEGIN, *whole(0, BRANCH), skip(1, 0), over(BRANCH)],
        "the run ends with ABORT_BRANCH, but nothing is heard of 'a/d'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_happen_is_found(plan, case):
    """At the event that does not fit, which is the last one here."""
    events, expected = BAD[case]
    with pytest.raises(AssertionError) as caught:
        check_order(plan, [*events, over(None)])
    lines = str(caught.value).splitlines()
    assert f"plan 't': {expected}:" == lines[0]
    assert lines[-1].startswith("> ")
    assert min(len(events), 6) == len([line for line in lines[1:] if line != "  ..."])


def test_a_message_shows_what_came_before(plan):
    """The last five events, and the one that does not fit."""
    events = [BEGIN, *whole(0), *whole(1), start(1), start(2)]
    with pytest.raises(AssertionError) as caught:
        check_order(plan, events)
    assert (
        "plan 't': 'a/b' starts again:\n  ...\n  a attempt 1\n  a ended: SUCCESS\n  a/b started\n"
        "  a/b attempt 1\n  a/b ended: SUCCESS\n> a/b started"
    ) == str(caught.value)


def test_nothing_is_no_run(plan):
    """A recorder that was never passed on is a mistake of the test."""
    with pytest.raises(AssertionError, match="^plan 't': nothing happened$"):
        Recorder().check(plan)


def test_only_a_plan_can_be_checked():
    """The tree is not enough."""
    with pytest.raises(TypeError, match="^check_order takes a Plan, made by compile_plan\\(tree\\), not 3$"):
        check_order(3, [])


POLICIES = [SerialDfs(), Concurrent(), Concurrent(max_concurrency=2), Concurrent(on_failure="continue")]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees(most_pauses=3))
def test_every_run_of_a_random_tree_passes(backend, policy, specs):
    """Whatever its nodes answer, and whoever waits where."""
    plan, recorder = compile_plan(build(specs, [], {}, turn=checkpoint, sleep=anyio.sleep)), Recorder()

    async def main():
        try:
            await run_plan(plan, observers=[recorder], execution=policy)
        except* Broken:
            assert recorder.of(RunEnded)[0].status is None

    anyio.run(main, backend=backend)
    recorder.check(plan)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees())
def test_every_run_without_a_loop_passes(specs):
    """The same, for run_sync."""
    for spec in specs:
        spec.is_async = False
    plan, recorder = compile_plan(build(specs, [], {})), Recorder()
    with suppress(Broken):
        run_sync(plan, observers=[recorder])
    recorder.check(plan)


@pytest.mark.anyio
async def test_siblings_that_wait_overlap():
    """What a recorder tells of a concurrent run, on a clock that the test moves."""
    clock, recorder = SteppedClock(), Recorder()
    root = TaskTree("t").root(list, name="load")
    root.child(clock.sleep, value(2.0), name="slow").child(list, name="below")
    root.child(clock.sleep, value(1.0), name="quick")
    root.child(clock.sleep, value(3.0), name="slowest")
    plan = compile_plan(root.tree)

    async def main():
        await run_plan(plan, observers=[recorder], execution=Concurrent())

    async with anyio.create_task_group() as group:
        group.start_soon(main)
        await clock.advance(0)
        assert ["load", "load/slow", "load/quick", "load/slowest"] == recorder.order
        await clock.advance(1.0)
        assert recorder.outcome("quick").ok
        with pytest.raises(AssertionError, match="'load/slow' has started, and not ended"):
            recorder.outcome("slow")
        recorder.check(plan)
        await clock.advance(2.0)
    assert recorder.overlapped("slow", "quick")
    assert not recorder.overlapped("quick", "below")
    assert recorder.overlapped("slowest", "below")
    assert not recorder.overlapped("load", "slow")
    recorder.check(plan)
