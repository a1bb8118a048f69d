"""Submitting runs to a runner, awaiting and cancelling them, how many run at once, and what can be asked."""

import gc
import sys
import tracemalloc
from contextvars import ContextVar
from dataclasses import replace

import anyio
import pytest
from running import Gate, plan_of

from yorch_async import (
    Context,
    NodeStarted,
    RunCancelled,
    Runner,
    RunnerClosed,
    RunnerStatistics,
    RunState,
    SetupError,
    StepResult,
    TaskTree,
    compile_plan,
    from_ctx,
    from_input,
    run_plan,
)
from yorch_async.testing import Recorder, scripted

pytestmark = pytest.mark.anyio


# Submitting and awaiting


async def test_a_handle_gives_the_result_to_everybody_any_number_of_times():
    """The same result, before and after the end."""
    gate, results = Gate(), []

    async def wait(handle):
        results.append(await handle)

    async with Runner() as runner, anyio.create_task_group() as group:
        handle = await runner.submit(gate.plan, inputs={"who": 7})
        for _ in range(3):
            group.start_soon(wait, handle)
        await anyio.wait_all_tasks_blocked()
        assert [] == results
        gate.opened.set()
        result = await handle
        assert 7 == result[gate.node]
    assert [result] * 3 == results
    assert result is await handle


async def test_options_are_those_of_run_plan():
    """Context, inputs, observers, what is kept, and the checking of borrows are handed on."""
    tree = TaskTree("options")
    root = tree.root(lambda a, b: a + b, from_ctx(int), from_input("b", int), name="root")
    root.child(lambda: 1, name="leaf")
    recorder = Recorder()
    async with Runner() as runner:
        options = {"inputs": {"b": 2}, "observers": [recorder], "keep": "none", "check_borrows": True}
        result = await (await runner.submit(compile_plan(tree), Context(1), **options))
    assert [] == list(result.items())
    assert ["root", "root/leaf"] == [event.path for event in recorder.of(NodeStarted)]


async def test_runs_without_a_context_have_that_of_the_runner():
    """One that is given goes before."""
    plan = plan_of(lambda number: number, from_ctx(int))
    async with Runner(context=Context(1)) as runner:
        first, second = await runner.submit(plan), await runner.submit(plan, Context(2))
        assert [1, 2] == [(await first)["root"], (await second)["root"]]


async def test_a_run_that_cannot_work_is_refused_where_it_is_submitted():
    """By the same errors as in run_plan, and nothing is counted."""
    gate = Gate()
    async with Runner() as runner:
        with pytest.raises(SetupError, match="no node takes an input 'wohm'"):
            await runner.submit(gate.plan, inputs={"wohm": 1})
        with pytest.raises(TypeError, match="^submit takes a Plan, made by compile_plan"):
            await runner.submit(TaskTree())
        with pytest.raises(ValueError, match="^keep must be one of"):
            await runner.submit(gate.plan, keep="all")
        with pytest.raises(TypeError, match="^observers is a sequence of them"):
            await runner.submit(gate.plan, observers=print, events=True)
        assert RunnerStatistics(0, 0, 0, 0, 0) == runner.statistics()


async def test_inputs_are_those_at_the_time_of_submitting():
    """What the caller does to the mapping afterwards does not matter."""
    gate, inputs = Gate(), {"who": 1}
    async with Runner(max_runs=1) as runner:
        first = await runner.submit(gate.plan, inputs=inputs)
        second = await runner.submit(gate.plan, inputs=inputs)
        inputs["who"] = 2
        gate.opened.set()
        assert [1, 1] == [(await first)[gate.node], (await second)[gate.node]]


async def test_a_run_starts_with_the_context_variables_of_its_submitter():
    """Also one that had to wait, and whoever is changed in between; what it sets itself stays inside."""
    user, seen, gate = ContextVar("user", default="nobody"), [], Gate()

    async def look():
        seen.append(user.get())
        user.set("a run")

    plan = plan_of(look)

    async def submit_as(name, runner):
        user.set(name)
        await runner.submit(plan)
        user.set("somebody else")

    async with Runner(max_runs=1) as runner, anyio.create_task_group() as group:
        await runner.submit(gate.plan)
        for name in ("ada", "bob"):
            group.start_soon(submit_as, name, runner)
        await anyio.wait_all_tasks_blocked()
        gate.opened.set()
        await runner.submit(plan)
    assert {"ada", "bob"} == set(seen[:2])
    assert "nobody" == seen[2] == user.get()


async def test_who_awaits_can_be_cancelled_without_harm():
    """The run goes on."""
    gate = Gate()
    async with Runner() as runner:
        handle = await runner.submit(gate.plan)
        with anyio.move_on_after(0) as scope:
            await handle
        assert scope.cancelled_caught
        assert RunState.RUNNING is handle.status
        gate.opened.set()
        assert (await handle).ok


async def test_awaiting_what_has_ended_lets_others_go_on():
    """It is a checkpoint, as all awaiting is: a cancellation is noticed."""
    async with Runner() as runner:
        handle = await runner.submit(plan_of(lambda: 1))
        await handle
        with anyio.CancelScope() as scope:
            scope.cancel()
            await handle
        assert scope.cancelled_caught


async def test_a_cancelled_submit_has_submitted_nothing():
    """Either there is a handle, or there is no run."""
    async with Runner() as runner:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await runner.submit(plan_of(lambda: 1))
        assert scope.cancelled_caught
        assert 0 == runner.statistics().ended
        assert () == runner.runs


# Cancelling


async def test_cancelling_ends_a_run_that_is_running():
    """Whoever awaits it is told by an error of its own, and goes on."""
    gate = Gate("slow")
    async with Runner() as runner:
        handle = await runner.submit(gate.plan, name="monday")
        await anyio.wait_all_tasks_blocked()
        handle.cancel()
        handle.cancel()
        assert RunState.RUNNING is handle.status
        for _ in range(2):
            with pytest.raises(RunCancelled) as caught:
                await handle
            assert ("slow", "monday") == (caught.value.plan, caught.value.run)
        assert "run 'monday' of plan 'slow' was cancelled" == str(handle.outcome)
    assert RunState.CANCELLED is handle.status
    assert [None] == gate.left


async def test_cancelling_what_is_pending_keeps_it_from_starting():
    """It is over at once; the others keep their order."""
    gate = Gate()
    async with Runner(max_runs=1) as runner:
        first, second, third = [await runner.submit(gate.plan, inputs={"who": who}) for who in "abc"]
        second.cancel()
        assert RunState.CANCELLED is second.status
        assert second.started is None
        assert second.ended is not None
        assert (first, third) == runner.runs
        with pytest.raises(RunCancelled):
            await second
        gate.opened.set()
    assert ["a", "c"] == gate.entered


async def test_a_run_that_is_cancelled_before_its_first_step_does_nothing():
    """Also if it would never have waited."""
    calls = []
    async with Runner() as runner:
        handle = await runner.submit(plan_of(lambda: calls.append(1)))
        was = handle.status
        handle.cancel()
        handle.cancel()
        if was is RunState.RUNNING:  # a loop with eager tasks has run it already
            with pytest.raises(RunCancelled):
                await handle
            assert [] == calls


async def test_cancelling_what_has_ended_changes_nothing():
    """It keeps its outcome."""
    async with Runner() as runner:
        handle = await runner.submit(plan_of(lambda: 1))
        result = await handle
        handle.cancel()
        assert result is await handle
    assert RunState.SUCCEEDED is handle.status


async def test_a_run_that_comes_to_its_end_in_spite_of_being_cancelled_has_a_result():
    """What came of it counts, not what was asked for."""

    async def stubborn():
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            return "done"  # what nobody should do

    async with Runner() as runner:
        handle = await runner.submit(plan_of(stubborn))
        await anyio.wait_all_tasks_blocked()
        handle.cancel()
        assert "done" == (await handle)["root"]


async def test_an_error_while_a_run_is_cancelled_is_what_came_of_it():
    """It is not hidden behind the cancellation."""

    async def clumsy():
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("cannot clean up")

    async with Runner() as runner:
        handle = await runner.submit(plan_of(clumsy))
        await anyio.wait_all_tasks_blocked()
        handle.cancel()
        with pytest.raises(OSError, match="cannot clean up"):
            await handle


async def test_all_can_be_cancelled_at_once():
    """Those that are pending never begin; the runner goes on."""
    gate = Gate()
    async with Runner(max_runs=2) as runner:
        handles = [await runner.submit(gate.plan) for _ in range(5)]
        await anyio.wait_all_tasks_blocked()
        runner.cancel_all()
        for handle in handles:
            with pytest.raises(RunCancelled):
                await handle
        assert 2 == len(gate.entered)
        assert RunnerStatistics(0, 0, 0, 0, 5) == runner.statistics()
        gate.opened.set()
        assert (await (await runner.submit(gate.plan))).ok


# How many at once


async def test_runs_beyond_the_limit_wait_in_order():
    """A place that becomes free goes to the one who has waited longest."""
    gates = [Gate() for _ in range(5)]
    async with Runner(max_runs=2) as runner:
        handles = [await runner.submit(gate.plan) for gate in gates]
        states = ["running", "running", "pending", "pending", "pending"]
        for index in range(5):
            await anyio.wait_all_tasks_blocked()
            assert states[: len(handles)] == [handle.status.value for handle in runner.runs]
            assert index + 2 >= sum(len(gate.entered) for gate in gates) == min(index + 2, 5)
            gates[index].opened.set()
            await handles[index]
            states.pop()


async def test_many_runs_that_end_at_once_do_not_pile_up():
    """However many are pending, each is started by the end of another without nesting."""
    gate, plan = Gate(), plan_of(lambda: 1)
    async with Runner(max_runs=1) as runner:
        await runner.submit(gate.plan)
        handles = [await runner.submit(plan) for _ in range(2000)]
        gate.opened.set()
        await handles[-1]
    assert 2001 == runner.statistics().succeeded


async def test_a_run_whose_task_is_cancelled_before_it_has_begun():
    """It is accounted for as cancelled, and its place is given to the next one; asyncio alone can do that."""
    asyncio = sys.modules["asyncio"]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pytest.skip("asyncio alone")
    async with Runner(max_runs=1) as runner:
        before = asyncio.all_tasks()
        lost = await runner.submit(plan_of(lambda: 1))
        (task,) = asyncio.all_tasks() - before
        task.cancel()
        with pytest.raises(RunCancelled):
            await lost
        assert (await (await runner.submit(plan_of(lambda: 1)))).ok
    assert (1, 1) == (runner.statistics().cancelled, runner.statistics().succeeded)


async def test_submit_waits_when_enough_are_pending():
    """In the order in which it was called; until there is room no run is made, and who waits can be cancelled."""
    gate, order = Gate(), []

    async def submit(who):
        handle = await runner.submit(gate.plan, inputs={"who": who})
        order.append((who, handle.id))

    async with Runner(max_runs=1, max_pending=1) as runner, anyio.create_task_group() as group:
        for who in "abcd":
            group.start_soon(submit, who)
            await anyio.wait_all_tasks_blocked()
        assert [("a", 1), ("b", 2)] == order
        with anyio.move_on_after(0) as scope:
            await runner.submit(gate.plan)
        assert scope.cancelled_caught
        gate.opened.set()
    assert [("a", 1), ("b", 2), ("c", 3), ("d", 4)] == order
    assert list("abcd") == gate.entered


async def test_with_none_pending_submit_waits_for_a_free_place():
    """Which makes a loop that submits as fast as runs end."""
    gate = Gate()
    async with Runner(max_runs=1, max_pending=0) as runner:
        first = await runner.submit(gate.plan)
        with anyio.move_on_after(0) as scope:
            await runner.submit(gate.plan)
        assert scope.cancelled_caught
        first.cancel()
        second = await runner.submit(gate.plan)
        assert RunState.RUNNING is second.status
        second.cancel()


# Asking


async def test_a_handle_says_what_it_is_about():
    """Number, name, plan, status, and times of the clock of events."""
    gate = Gate()
    async with Runner(max_runs=1) as runner:
        handle = await runner.submit(gate.plan, name="first")
        other = await runner.submit(gate.plan)
        assert (1, "first", gate.plan) == (handle.id, handle.name, handle.plan)
        assert (2, "gate", RunState.PENDING) == (other.id, other.name, other.status)
        assert "<Handle 1 of run 'first': running>" == repr(handle)
        assert "<Handle 2 of run 'gate': pending>" == repr(other)
        assert (None, None, None) == (other.started, other.ended, other.outcome)
        assert handle.ended is None
        gate.opened.set()
        result = await handle
    assert handle.started <= handle.ended
    assert result is handle.outcome


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (1, RunState.SUCCEEDED),
        (StepResult.abort_branch(), RunState.SUCCEEDED),
        (StepResult.failure("no"), RunState.FAILED),
        (StepResult.retry("later"), RunState.FAILED),
        (StepResult.abort_execution(), RunState.FAILED),
        (ValueError("no"), RunState.FAILED),
    ],
)
async def test_the_state_says_whether_it_went_well(answer, state):
    """Good is what raise_for_status lets pass; the outcome has the details."""
    async with Runner() as runner:
        handle = await runner.submit(plan_of(scripted(answer)))
        while handle.outcome is None:
            await anyio.lowlevel.checkpoint()
        assert state is handle.status
        if isinstance(answer, Exception):
            assert answer is handle.outcome
        else:
            assert answer == 1 or answer.status is handle.outcome.status


async def test_the_runner_counts_and_lists_its_runs():
    """What has ended is counted only."""
    gate = Gate()
    async with Runner(max_runs=2) as runner:
        bad = await runner.submit(plan_of(scripted(ValueError("no"))))
        with pytest.raises(ValueError, match="^no\n"):
            await bad
        handles = tuple([await runner.submit(gate.plan) for _ in range(4)])
        assert handles == runner.runs
        assert RunnerStatistics(pending=2, running=2, succeeded=0, failed=1, cancelled=0) == runner.statistics()
        handles[3].cancel()
        gate.opened.set()
    assert () == runner.runs
    assert RunnerStatistics(pending=0, running=0, succeeded=3, failed=1, cancelled=1) == runner.statistics()
    assert 5 == runner.statistics().ended


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_of_a_run_is_kept_when_it_has_ended(backend):
    """Ten thousand runs, and less than a byte kept of each, whatever way they end, and recorded or not."""
    good, cut, bad = (
        replace(plan_of(scripted(answer)), optimize=False)
        for answer in (b"data", StepResult.abort_branch(), StepResult.failure("no"))
    )

    async def submit(runner, count):
        for number in range(count):
            handle = await runner.submit((good, cut)[number % 2], events=number % 10 == 0)
            if number % 7 == 0:
                handle.cancel()
            elif number % 50 == 0:
                assert not (await (await runner.submit(bad))).ok
        del handle
        while runner.runs:
            await anyio.lowlevel.checkpoint()
        gc.collect()

    async def main():
        async with Runner(max_runs=10) as runner:
            await submit(runner, 100)
            tracemalloc.start()
            try:
                await submit(runner, 100)
                before = tracemalloc.get_traced_memory()[0]
                await submit(runner, 10_000)
                return tracemalloc.get_traced_memory()[0] - before
            finally:
                tracemalloc.stop()

    assert anyio.run(main, backend=backend) < 10 * 1024


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_runs": 0}, "max_runs must be an integer of 1 or more, or None for any number, not 0"),
        ({"max_runs": True}, "max_runs must be an integer of 1 or more, or None for any number, not True"),
        ({"max_runs": "2"}, "max_runs must be an integer of 1 or more, or None for any number, not '2'"),
        ({"max_runs": 1, "max_pending": -1}, "max_pending must be an integer of 0 or more, or None for any number, not -1"),
        ({"max_pending": 1}, "max_pending says how many may wait, but none has to without max_runs; give both"),
        (
            {"shutdown_timeout": -1},
            "shutdown_timeout must be a finite number of seconds, 0 or more, or None for no limit, not -1",
        ),
        (
            {"shutdown_timeout": float("inf")},
            "shutdown_timeout must be a finite number of seconds, 0 or more, or None for no limit, not inf",
        ),
        (
            {"shutdown_timeout": "1"},
            "shutdown_timeout must be a finite number of seconds, 0 or more, or None for no limit, not '1'",
        ),
    ],
)
async def test_options_are_checked_where_they_are_made(options, message):
    """With what may be written instead."""
    with pytest.raises(ValueError) as caught:
        Runner(**options)
    assert message == str(caught.value)


async def test_a_runner_takes_runs_inside_of_its_block_only():
    """Before and after, the error says which."""
    plan, runner = plan_of(lambda: 1), Runner()
    with pytest.raises(RunnerClosed) as caught:
        await runner.submit(plan)
    assert "the runner is not open yet; write: async with Runner(...) as runner, and submit inside of it" == str(
        caught.value
    )
    async with runner:
        assert (await (await runner.submit(plan))).ok
    with pytest.raises(RunnerClosed) as caught:
        await runner.submit(plan)
    assert "the runner takes no more runs: its `async with` block has been left" == str(caught.value)
    with pytest.raises(
        RuntimeError, match=r"^a runner is entered once; make another one: async with Runner\(...\) as runner$"
    ):
        await runner.__aenter__()


async def test_without_events_a_run_is_not_observed(monkeypatch):
    """It costs what run_plan costs: nothing per node."""
    asked = []

    async def run_it(plan, ctx, **options):
        asked.append(options["observers"])
        return await run_plan(plan, ctx, **options)

    monkeypatch.setattr("yorch_async.runner._runner.run_plan", run_it)
    async with Runner() as runner:
        handle = await runner.submit(plan_of(lambda: 1))
        await handle
    assert [()] == asked


async def test_a_run_with_a_timeout():
    """It fails when the time is up; what cannot be a time is refused where it is submitted."""

    async def forever():
        await anyio.sleep_forever()

    async with Runner() as runner:
        handle = await runner.submit(plan_of(forever), timeout=0.01)
        with pytest.raises(TimeoutError, match="was not done after its timeout of 0.01 s"):
            await handle
        with pytest.raises(ValueError, match="^timeout must be a number of seconds, 0 or more, or None, not -1$"):
            await runner.submit(plan_of(forever), timeout=-1)
