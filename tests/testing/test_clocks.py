"""Time that is told: a clock that moves by itself, and one that the test moves."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import ResultError, RetryFixed, TaskTree, compile_plan, retry_on, run_plan, run_sync
from yorch_async.testing import ManualClock, SteppedClock, scripted


@pytest.mark.anyio
async def test_a_manual_clock_moves_when_somebody_sleeps():
    """By exactly that much, and it remembers."""
    clock = ManualClock(10.0)
    await clock.sleep(1.5)
    await clock.sleep(0)
    assert clock.time() == clock.now == 11.5
    assert clock.waits == [1.5, 0]


@pytest.mark.anyio
async def test_a_manual_sleep_can_be_cancelled():
    """As a real one can."""
    clock = ManualClock()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await clock.sleep(1.0)
    assert scope.cancelled_caught


def test_a_manual_clock_needs_no_loop():
    """It serves a retry under run_sync."""
    clock, tree = ManualClock(), TaskTree()
    tree.root(scripted(OSError(), 3), adapters=(retry_on(OSError, RetryFixed(1, delay=5.0), sleep=clock.sleep),))
    assert run_sync(compile_plan(tree)).ok
    assert clock.waits == [5.0]


async def sleeper(clock, name, log, *times):
    """Sleep some times, and note when it woke."""
    for seconds in times:
        await clock.sleep(seconds)
        log.append((name, clock.now))


@pytest.mark.anyio
async def test_a_stepped_clock_stands_still():
    """Nobody wakes before the test says so, and then exactly who is due."""
    clock, log = SteppedClock(100.0), []
    async with anyio.create_task_group() as group:
        group.start_soon(sleeper, clock, "a", log, 2.0)
        group.start_soon(sleeper, clock, "b", log, 3.0)
        await clock.advance(1.5)
        assert ([], 101.5, [102.0, 103.0]) == (log, clock.time(), clock.due)
        await clock.advance(0.5)
        assert [("a", 102.0)] == log
        await clock.advance(10)
    assert [("a", 102.0), ("b", 103.0)] == log
    assert (112.0, [], [2.0, 3.0]) == (clock.now, clock.due, sorted(clock.waits))


@pytest.mark.anyio
async def test_sleepers_wake_in_the_order_in_which_they_are_due():
    """Also those that fall asleep again on the way, and each sees the time for which it asked."""
    clock, log = SteppedClock(), []
    async with anyio.create_task_group() as group:
        group.start_soon(sleeper, clock, "slow", log, 5.0)
        group.start_soon(sleeper, clock, "quick", log, 2.0, 2.0, 2.0)
        await clock.advance(6.0)
    assert [("quick", 2.0), ("quick", 4.0), ("slow", 5.0), ("quick", 6.0)] == log


@pytest.mark.anyio
async def test_who_is_due_at_the_same_time_wakes_in_the_order_of_falling_asleep():
    """First come, first served."""
    clock, log = SteppedClock(), []
    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(sleeper, clock, name, log, 1.0)
            await clock.advance(0)
        await clock.advance(1.0)
    assert [("a", 1.0), ("b", 1.0), ("c", 1.0)] == log


@pytest.mark.anyio
async def test_all_that_a_sleeper_sets_going_is_done_before_the_next_one_wakes():
    """However many turns of the loop that takes."""
    clock, log = SteppedClock(), []

    async def first():
        await clock.sleep(1.0)
        for _ in range(200):
            await checkpoint()
        log.append("first")

    async def second():
        await clock.sleep(1.0)
        log.append("second")

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await clock.advance(0)
        group.start_soon(second)
        await clock.advance(1.0)
        assert ["first", "second"] == log


@pytest.mark.anyio
async def test_a_stepped_sleep_can_be_cancelled():
    """It is forgotten, and the others go on."""
    clock, log = SteppedClock(), []
    async with anyio.create_task_group() as group:
        group.start_soon(sleeper, clock, "a", log, 2.0)
        async with anyio.create_task_group() as inner:
            inner.start_soon(sleeper, clock, "b", log, 1.0)
            await clock.advance(0.5)
            inner.cancel_scope.cancel()
        assert [2.0] == clock.due
        await clock.advance(2.0)
    assert [("a", 2.0)] == log


@pytest.mark.anyio
async def test_a_sleep_of_no_time_needs_no_advance():
    """The loop gets its turn, and delivers a cancellation."""
    clock = SteppedClock()
    await clock.sleep(0)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await clock.sleep(0)
    assert scope.cancelled_caught
    assert [0, 0] == clock.waits


@pytest.mark.anyio
async def test_sums_of_floats_wake_who_is_due():
    """0.7 + 0.1 is a little less than 0.8, and yet it is time."""
    clock, log = SteppedClock(), []
    async with anyio.create_task_group() as group:
        group.start_soon(sleeper, clock, "a", log, 0.8)
        await clock.advance(0.7)
        await clock.advance(0.1)
        assert [("a", 0.8)] == log


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [-1, float("nan")])
async def test_time_does_not_go_back(seconds):
    """A clock is only advanced."""
    with pytest.raises(ValueError) as caught:
        await SteppedClock().advance(seconds)
    assert f"a clock is advanced by 0 or more seconds, not {seconds!r}" == str(caught.value)


@pytest.mark.anyio
async def test_a_retry_waits_until_the_test_says_so():
    """The use of it: what has happened before the wait is over, and what after."""
    clock, tree, calls = SteppedClock(), TaskTree(), []

    def fetch():
        calls.append(clock.now)
        if len(calls) == 1:
            raise OSError
        return 3

    node = tree.root(fetch, adapters=(retry_on(OSError, RetryFixed(1, delay=10.0), sleep=clock.sleep),))
    plan, results = compile_plan(tree), []

    async def main():
        results.append(await run_plan(plan))

    async with anyio.create_task_group() as group:
        group.start_soon(main)
        await clock.advance(9.9)
        assert [0.0] == calls
        await clock.advance(0.1)
        assert [0.0, 10.0] == calls
    assert 3 == results[0][node]


def test_a_stepped_clock_needs_a_loop():
    """Without one nobody could advance it, and it says what to use."""
    clock, tree = SteppedClock(), TaskTree()
    tree.root(scripted(OSError(), 3), adapters=(retry_on(OSError, RetryFixed(1, delay=5.0), sleep=clock.sleep),))
    with pytest.raises(RuntimeError) as caught:
        run_sync(compile_plan(tree))
    expected = "a SteppedClock is advanced by another task, and here is no event loop; use a ManualClock"
    assert expected == str(caught.value)
    assert not isinstance(caught.value, ResultError)
