"""What a run of a runner raises: who gets it, how often, and what happens if nobody asks."""

import gc
import logging
import traceback
import weakref
from contextlib import suppress

import anyio
import anyio.lowlevel
import pytest
from running import Gate, forever, logged_by_runner, plan_of

from yorch_async import (
    RunCancelled,
    RunFailed,
    Runner,
    RunnerStatistics,
    RunState,
    StepResult,
    StepStatus,
    catch_as_failure,
)
from yorch_async.testing import scripted

pytestmark = pytest.mark.anyio


class Stop(BaseException):
    """Is to end the program."""


@pytest.fixture
def logged(caplog):
    """Collect what the runner logs."""
    caplog.set_level(logging.INFO, "yorch_async.runner")
    return lambda: logged_by_runner(caplog)


def fail(error):
    raise error


async def ended(handle):
    """Wait for an end without asking for it."""
    while handle.ended is None:
        await anyio.lowlevel.checkpoint()


async def test_an_exception_is_raised_to_everybody_who_awaits_the_run(logged):
    """The very object, with its note, and without frames or contexts of those who have awaited it before."""
    error, plan = ValueError("broken"), plan_of(lambda: fail(error), plan="p")
    async with Runner() as runner:
        handle = await runner.submit(plan)
        lengths, names = set(), set()
        for _ in range(5):
            try:
                fail(KeyError("being handled by who awaits"))
            except KeyError:
                with pytest.raises(ValueError, match="broken") as caught:
                    await handle
            assert caught.value is error
            assert error.__context__ is None
            frames = traceback.extract_tb(error.__traceback__)
            lengths.add(len(frames))
            names.add(frames[-1].name)
    assert ["in node 'root' of plan 'p'"] == error.__notes__
    assert (1, {"fail"}) == (len(lengths), names)
    assert [] == logged()


async def test_a_failed_run_leaves_no_cycles():
    """Its error and what hangs on it go with the last who has it, without the garbage collector."""

    class Broken(Exception):
        pass

    def breaks():
        raise Broken

    plan = plan_of(breaks)
    gc.collect()
    gc.disable()
    try:
        async with Runner() as runner:
            handle = await runner.submit(plan)
            try:
                await handle
            except Broken as error:
                gone = weakref.ref(error)
            await anyio.lowlevel.checkpoint()
            handle = None
            assert gone() is None
    finally:
        gc.enable()


async def test_a_failure_ends_nothing_but_its_run():
    """Others go on, and the runner takes new ones."""
    gate = Gate()
    async with Runner() as runner:
        good = await runner.submit(gate.plan)
        bad = await runner.submit(plan_of(scripted(ValueError("broken"))))
        with pytest.raises(ValueError, match="broken"):
            await bad
        gate.opened.set()
        assert (await good).ok
        assert (await (await runner.submit(gate.plan))).ok


async def test_a_failure_that_nobody_can_ask_for_is_logged(logged):
    """At once when the handle is gone, with the traceback, names and fields; the message is formatted late."""
    async with Runner() as runner:
        handle = await runner.submit(plan_of(lambda: fail(ValueError("broken")), plan="p"), name="monday")
        del handle
        while runner.runs:
            await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        gc.collect()
        [record] = logged()
    assert ("yorch_async.runner", logging.ERROR) == (record.name, record.levelno)
    assert ("run '%s' of plan '%s' failed, and nobody awaited it", ("monday", "p")) == (record.msg, record.args)
    assert ("monday", 1, "p") == (record.run, record.run_id, record.plan)
    assert "ValueError: broken\nin node 'root' of plan 'p'" in logging.Formatter().format(record)
    assert 1 == len(logged())


async def test_a_failure_that_nobody_has_asked_for_is_logged_when_the_runner_is_left(logged):
    """Once, also if the handle is kept, and asked later."""
    async with Runner() as runner:
        handle = await runner.submit(plan_of(lambda: fail(ValueError("broken"))))
        await ended(handle)
        assert [] == logged()
    assert 1 == len(logged())
    with pytest.raises(ValueError, match="broken"):
        await handle
    del handle
    gc.collect()
    assert 1 == len(logged())


async def test_a_result_that_is_no_success_is_a_failure_as_well(logged):
    """It is logged as what raise_for_status raises."""
    error = OSError("disk full")
    async with Runner() as runner:
        handle = await runner.submit(plan_of(scripted(error), plan="p", adapters=(catch_as_failure(),)))
        await ended(handle)
    [record] = logged()
    failed = record.exc_info[1]
    assert isinstance(failed, RunFailed)
    assert ("p", StepStatus.FAILURE, error) == (failed.plan, failed.status, failed.__cause__)
    assert "plan 'p' ended with FAILURE\n  root: FAILURE" in logging.Formatter().format(record)


@pytest.mark.parametrize("ask", ["await", "outcome"])
async def test_a_failure_that_somebody_knows_is_not_logged(logged, ask):
    """By awaiting it, or by looking at the outcome."""
    async with Runner() as runner:
        handle = await runner.submit(plan_of(scripted(StepResult.failure("no"))))
        await ended(handle)
        status = (await handle).status if ask == "await" else handle.outcome.status
    assert StepStatus.FAILURE is status
    del handle
    gc.collect()
    assert [] == logged()


async def test_looking_too_early_does_not_count(logged):
    """There was nothing to know yet. Neither does to watch the status."""
    gate = Gate()
    async with Runner() as runner:

        async def fails():
            await gate.opened.wait()
            raise ValueError("broken")

        handle = await runner.submit(plan_of(fails))
        assert handle.outcome is None
        gate.opened.set()
        await ended(handle)
        assert RunState.FAILED is handle.status
    assert 1 == len(logged())


async def test_what_went_well_or_was_cancelled_is_not_logged(logged):
    """There is nothing to say."""
    async with Runner() as runner:
        await runner.submit(plan_of(lambda: 1))
        (await runner.submit(plan_of(forever))).cancel()
    gc.collect()
    assert [] == logged()


async def test_errors_beside_a_cancellation_are_kept():
    """Where a run's own tasks fail while it is cancelled, what is left is what came of it."""

    async def fails_late():
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("late")

    async def several():
        async with anyio.create_task_group() as group:
            group.start_soon(fails_late)
            group.start_soon(forever)

    with anyio.CancelScope() as scope:
        async with Runner() as runner:
            handle = await runner.submit(plan_of(several))
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    with pytest.raises(ExceptionGroup) as caught, anyio.CancelScope(shield=True):
        await handle
    assert [ValueError] == [type(error) for error in caught.value.exceptions]


async def test_a_cancellation_that_nobody_has_asked_for_ends_the_run_alone():
    """Such as one of a task of the user's that is awaited within: it does not reach the runner, nor who awaits."""
    gate = Gate()

    async def raises():
        raise scope_error

    cancelled = anyio.get_cancelled_exc_class()
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        except cancelled as error:
            scope_error = error
            raise
    async with Runner() as runner:
        other = await runner.submit(gate.plan)
        handle = await runner.submit(plan_of(raises))
        with pytest.raises(RunCancelled):
            await handle
        gate.opened.set()
        assert (await other).ok


async def test_what_is_to_end_the_program_ends_the_block(logged):
    """It is raised as it is, the other runs are cancelled, and nothing is logged beside it."""
    gate, stop = Gate(), Stop()
    with pytest.raises(Stop) as caught:
        async with Runner(max_runs=2) as runner:
            good = await runner.submit(gate.plan)
            waits = await runner.submit(plan_of(lambda: fail(stop)))
            pending = await runner.submit(gate.plan)
            await anyio.sleep_forever()
    assert stop is caught.value
    assert (RunState.CANCELLED,) * 2 == (good.status, pending.status)
    assert stop is waits.outcome
    assert RunnerStatistics(0, 0, 0, 1, 2) == runner.statistics()
    assert 1 == len(gate.left)
    assert [] == logged()


async def test_several_that_are_to_end_the_program_are_raised_together():
    """None is lost."""

    async def stop_late():
        try:
            await anyio.sleep_forever()
        finally:
            raise Stop("late")

    with pytest.raises(BaseExceptionGroup) as caught:
        async with Runner() as runner:
            await runner.submit(plan_of(stop_late))
            await anyio.wait_all_tasks_blocked()
            raise ValueError("of the body")
    assert {"ValueError", "Stop"} == {type(error).__name__ for error in caught.value.exceptions}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_interrupts_and_exits_end_the_program(kind, backend):
    """From inside a run as from anywhere else: it leaves the block as it is, and on asyncio the loop besides."""
    ended = []

    async def main():
        try:
            async with Runner() as runner:
                other = await runner.submit(plan_of(forever))
                await runner.submit(plan_of(scripted(kind())))
                await anyio.sleep_forever()
        except kind:
            ended.append(other.status)

    with suppress(kind):
        anyio.run(main, backend=backend)
    assert [RunState.CANCELLED] == ended


async def test_a_failure_of_a_run_with_events_is_gone_with_its_handle():
    """Without the collector, though its events tell of it."""

    class Odd(Exception):
        pass

    def fails():
        raise Odd

    gc.collect()
    gc.disable()
    try:
        async with Runner() as runner:
            handle = await runner.submit(plan_of(fails), events=True)
            with pytest.raises(Odd):
                await handle
            error = weakref.ref(handle.outcome)
            del handle
            await anyio.lowlevel.checkpoint()
            assert error() is None
    finally:
        gc.enable()
