"""Leaving a runner: what still runs, what is cancelled, how long it takes, and that nothing is left."""

import asyncio
import logging

import anyio
import pytest
from running import Gate, forever, logged_by_runner, plan_of

from yorch_async import RunCancelled, Runner, RunnerClosed, RunnerStatistics, RunState
from yorch_async.testing import scripted

pytestmark = pytest.mark.anyio


async def test_leaving_waits_for_all_that_was_submitted():
    """Pending runs too; what is submitted meanwhile is refused."""
    gate, refused = Gate(), []

    async def open_later():
        await anyio.wait_all_tasks_blocked()
        try:
            await runner.submit(gate.plan)
        except RunnerClosed as error:
            refused.append(error)
        gate.opened.set()

    async with anyio.create_task_group() as group:
        async with Runner(max_runs=1) as runner:
            handles = [await runner.submit(gate.plan, inputs={"who": who}) for who in range(3)]
            group.start_soon(open_later)
        assert [RunState.SUCCEEDED] * 3 == [handle.status for handle in handles]
    assert 1 == len(refused)
    assert [0, 1, 2] == gate.entered


@pytest.mark.parametrize("patience", [0, 0.01])
async def test_what_has_not_ended_in_time_is_cancelled(caplog, patience):
    """And awaited; how many, a warning says."""
    caplog.set_level(logging.INFO, "yorch_async.runner")
    gate = Gate()
    async with Runner(max_runs=2, shutdown_timeout=patience) as runner:
        handles = [await runner.submit(gate.plan) for _ in range(5)]
        await anyio.wait_all_tasks_blocked()
    assert [None] * 2 == gate.left
    assert [RunState.CANCELLED] * 5 == [handle.status for handle in handles]
    for handle in handles:
        with pytest.raises(RunCancelled):
            await handle
    assert [f"{patience} s after the runner was left, 2 runs are cancelled, and 3 that are pending"] == [
        record.getMessage() for record in logged_by_runner(caplog)
    ]


async def test_without_a_time_out_leaving_waits_as_long_as_it_takes():
    """None is for ever."""
    gate = Gate()

    async def open_later():
        await anyio.wait_all_tasks_blocked()
        gate.opened.set()

    async with anyio.create_task_group() as group, Runner(shutdown_timeout=None) as runner:
        await runner.submit(gate.plan)
        group.start_soon(open_later)
    assert [None] == gate.left


async def test_leaving_an_idle_runner_takes_no_time(caplog):
    """Also where there would be none."""
    async with Runner(shutdown_timeout=0) as runner:
        assert (await (await runner.submit(plan_of(lambda: 1)))).ok
    async with Runner(shutdown_timeout=0):
        pass
    assert [] == logged_by_runner(caplog)


async def test_leaving_by_an_exception_cancels_all_at_once():
    """The exception is raised as it is, not in a group."""
    gate, error = Gate(), ValueError("of the body")
    with pytest.raises(ValueError, match="of the body") as caught:
        async with Runner(max_runs=1, shutdown_timeout=None) as runner:
            await runner.submit(gate.plan)
            await runner.submit(gate.plan)
            await anyio.wait_all_tasks_blocked()
            raise error
    assert caught.value is error
    assert error.__context__ is None
    assert [None] == gate.left
    assert RunnerStatistics(0, 0, 0, 0, 2) == runner.statistics()


async def test_a_group_of_the_body_stays_a_group():
    """It is neither taken apart nor put into another one."""
    group = ExceptionGroup("of the body", [ValueError("a")])
    with pytest.raises(ExceptionGroup) as caught:
        async with Runner():
            raise group
    assert (group.message, group.exceptions) == (caught.value.message, caught.value.exceptions)


async def test_being_cancelled_cancels_all_at_once():
    """Whoever is in the block, and whatever is pending: none of it begins."""
    gate = Gate()
    with anyio.CancelScope() as scope:
        async with Runner(max_runs=1, shutdown_timeout=None) as runner:
            first = await runner.submit(gate.plan)
            second = await runner.submit(plan_of(lambda: gate.entered.append("second")))
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert [None] == gate.left == gate.entered
    assert [RunState.CANCELLED] * 2 == [first.status, second.status]


async def test_being_cancelled_while_leaving_ends_the_waiting():
    """The time-out of who uses the runner counts more than its own."""
    gate = Gate()
    with anyio.CancelScope() as scope:
        async with Runner(shutdown_timeout=None) as runner:
            await runner.submit(gate.plan)
            await anyio.wait_all_tasks_blocked()
            scope.deadline = anyio.current_time() + 0.01
    assert scope.cancelled_caught
    assert [None] == gate.left


async def test_an_exception_is_not_lost_in_a_cancellation():
    """Where both come together, it is raised."""
    with pytest.raises(ValueError, match="of the body"), anyio.CancelScope() as scope:
        async with Runner() as runner:
            await runner.submit(plan_of(forever))
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            raise ValueError("of the body")


async def test_runs_are_cancelled_even_if_the_body_does_not_notice():
    """A surrounding scope reaches them directly; what is pending then begins and ends without a step."""
    gate = Gate()
    with anyio.CancelScope() as scope:
        async with Runner(max_runs=1) as runner:
            first = await runner.submit(gate.plan)
            second = await runner.submit(plan_of(lambda: gate.entered.append("second")))
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            with anyio.CancelScope(shield=True):
                for handle in (first, second):
                    with pytest.raises(RunCancelled):
                        await handle
    assert [None] == gate.entered


async def test_who_waits_to_submit_is_told_that_the_runner_is_closed():
    """At once, all of them."""
    gate, refused = Gate(), []

    async def submit():
        try:
            await runner.submit(gate.plan)
        except RunnerClosed:
            refused.append(len(gate.left))

    async with anyio.create_task_group() as group, Runner(max_runs=1, max_pending=0) as runner:
        await runner.submit(gate.plan)
        for _ in range(3):
            group.start_soon(submit)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(anyio.wait_all_tasks_blocked)
        group.start_soon(set_when_blocked, gate.opened)
    assert [0, 0, 0] == refused


async def set_when_blocked(event):
    await anyio.wait_all_tasks_blocked()
    event.set()


async def test_runners_can_be_nested_and_follow_each_other():
    """They know nothing of each other."""
    for _ in range(2):
        async with Runner() as outer, Runner() as inner:
            handles = [await runner.submit(plan_of(scripted(3))) for runner in (outer, inner)]
            assert [3, 3] == [(await handle)["root"] for handle in handles]


async def test_a_run_may_submit_runs_and_await_them():
    """To the runner that it is run by."""
    inner = plan_of(scripted(3))

    async with Runner() as runner:

        async def outer():
            return (await (await runner.submit(inner)))["root"]

        assert 3 == (await (await runner.submit(plan_of(outer))))["root"]


def test_cancellation_by_asyncio_itself_is_understood():
    """Its timeouts and tasks know nothing of anyio's scopes."""

    async def in_a_runner(gate, handles):
        async with Runner(shutdown_timeout=None) as runner:
            handles.append(await runner.submit(gate.plan))
            await anyio.sleep_forever()

    async def main():
        gate, handles = Gate(), []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await in_a_runner(gate, handles)
        task = asyncio.create_task(in_a_runner(gate, handles))
        while len(gate.entered) < 2:
            await anyio.lowlevel.checkpoint()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [RunState.CANCELLED] * 2 == [handle.status for handle in handles]
        async with Runner() as runner:
            handle = await runner.submit(gate.plan)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handle, 0.01)
            assert RunState.RUNNING is handle.status
            gate.opened.set()
            results = await asyncio.gather(handle, handle)
        assert results[0] is results[1]

    asyncio.run(main())
