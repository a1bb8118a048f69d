"""Waits before retries: clipped by deadlines, left out in tests."""

import math
import threading

import anyio
import pytest

from yorch_async import (
    Backoff,
    RetryFixed,
    RetryForever,
    RetryWaiting,
    StepResult,
    TaskTree,
    compile_plan,
    retry,
    run_plan,
    run_sync,
    task,
    timeout,
)
from yorch_async.testing import ManualClock, Recorder, scripted, without_waits

pytestmark = pytest.mark.anyio

AGAIN = StepResult.retry()
HOUR = 3600.0


def unlimited():
    """Outside of the time limit that every test has."""
    return anyio.CancelScope(shield=True)


def plan_of(fn, *adapters):
    """A plan of one task."""
    tree = TaskTree("t")
    tree.root(task(fn, adapters=adapters, name="root"))
    return compile_plan(tree)


async def test_a_wait_is_no_longer_than_the_time_that_is_left():
    """With a sleep of the user's too; what is announced is what is waited."""
    clock, recorder = ManualClock(), Recorder()
    plan = plan_of(scripted(AGAIN, AGAIN, 1), retry(RetryFixed(2, delay=2 * HOUR), sleep=clock.sleep))
    with unlimited(), anyio.fail_after(HOUR):
        await run_plan(plan, observers=[recorder])
    assert [event.delay for event in recorder.of(RetryWaiting)] == clock.waits
    assert all(HOUR - 60 < wait < HOUR + 1 for wait in clock.waits)


async def test_what_the_task_asks_for_is_clipped_as_well():
    """And a shorter wait is left as it is, a wait of nothing too."""
    clock = ManualClock()
    answers = scripted(StepResult.retry(after=2 * HOUR), StepResult.retry(after=1.0), AGAIN, 1)
    with unlimited(), anyio.fail_after(HOUR):
        await run_plan(plan_of(answers, retry(RetryForever(), sleep=clock.sleep)))
    assert clock.waits[0] < HOUR + 1
    assert clock.waits[1:] == [1.0, 0.0]


async def test_without_a_deadline_nothing_is_clipped():
    """Whatever is around it."""
    clock = ManualClock()
    with unlimited(), anyio.CancelScope():
        await run_plan(plan_of(scripted(AGAIN, 1), retry(RetryFixed(1, delay=2 * HOUR), sleep=clock.sleep)))
    assert clock.waits == [2 * HOUR]


async def test_a_deadline_that_has_passed_leaves_no_time():
    """The wait is then 0, never less."""
    clock = ManualClock()

    async def late(delay):
        clock.waits.append(delay)

    with anyio.CancelScope(deadline=anyio.current_time() - 5):
        await run_plan(plan_of(scripted(AGAIN, 1), retry(RetryFixed(1, delay=1.0), sleep=late)))
    assert clock.waits == [0.0]


async def test_a_real_wait_ends_with_the_deadline():
    """And no attempt is made after it."""
    calls = []

    async def refuses():
        calls.append(1)
        return AGAIN

    plan = plan_of(refuses, retry(RetryForever(delay=HOUR)), timeout(0.01, then=StepResult.failure("time is up")))
    result = await run_plan(plan)
    assert result.failures[0].reason == "time is up"
    assert calls == [1]


async def test_under_run_sync_there_is_no_deadline():
    """Not even that of a scope around the call, which cannot cut off anything there."""
    waits = []

    async def sleep(delay):
        waits.append(delay)

    with anyio.move_on_after(1):  # noqa: ASYNC100 - that it cannot do anything is the point
        run_sync(plan_of(scripted(AGAIN, 1), retry(RetryFixed(1, delay=HOUR), sleep=sleep)))
    assert waits == [HOUR]


@pytest.mark.parametrize("sleep", [None, ManualClock().sleep], ids=["of the run", "passed in"])
async def test_without_waits_nothing_is_waited_for(sleep):
    """Neither what the policy says nor what the task says; observers hear what it would have been."""
    recorder = Recorder()
    answers = scripted(AGAIN, StepResult.retry(after=HOUR), AGAIN, 1)
    policy = RetryFixed(3, delay=Backoff(initial=HOUR, maximum=9 * HOUR, jitter=False))
    with without_waits(), unlimited():
        result = await run_plan(plan_of(answers, retry(policy, sleep=sleep)), observers=[recorder])
    assert result.ok
    assert [event.delay for event in recorder.of(RetryWaiting)] == [HOUR, HOUR, 4 * HOUR]


async def test_without_waits_the_loop_still_has_its_turn():
    """A cancellation arrives in between."""
    with without_waits(), anyio.CancelScope() as scope:

        def again():
            scope.cancel()
            return AGAIN

        await run_plan(plan_of(again, retry(RetryForever(delay=HOUR))))
    assert scope.cancelled_caught


async def test_without_waits_can_be_nested_and_ends():
    """With the outermost, also when that is left by an exception."""
    clock = ManualClock()
    plan = plan_of(lambda: next(answers), retry(RetryForever(delay=1.0), sleep=clock.sleep))

    async def waits():
        nonlocal answers
        answers = iter([AGAIN, 1])
        clock.waits.clear()
        await run_plan(plan)
        return clock.waits == [1.0]

    answers = iter([])
    assert await waits()
    with without_waits():
        with without_waits():
            assert not await waits()
        assert not await waits()
    assert await waits()
    with pytest.raises(ValueError, match="left"), without_waits():
        raise ValueError("left")
    assert await waits()


def test_without_waits_holds_for_other_threads_and_without_a_loop():
    """It is the process that does not wait."""
    results = []
    plan = plan_of(scripted(AGAIN, 1), retry(RetryFixed(1, delay=HOUR)))
    with without_waits():
        thread = threading.Thread(target=lambda: results.append(run_sync(plan)))
        thread.start()
        thread.join()
    assert results[0].ok


async def test_an_adapter_may_ask_how_much_time_is_left():
    """For what it does itself; without a deadline it is infinite."""
    seen = []

    class Look:
        def wrap(self, call):
            async def look(attempt):
                seen.append(attempt.time_left)
                return await call(attempt)

            return look

    plan = plan_of(lambda: 1, Look())
    with unlimited():
        await run_plan(plan)
    with unlimited(), anyio.fail_after(HOUR):
        await run_plan(plan)
    run_sync(plan)
    assert seen[0] == seen[2] == math.inf
    assert HOUR - 60 < seen[1] < HOUR + 1
