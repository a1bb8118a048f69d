"""Cancellation ends a run promptly, wherever it waits, and leaves nothing behind."""

from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    NodeEnded,
    RetryForever,
    RunEnded,
    StepResult,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    retry,
    run_plan,
    value,
)
from yorch_async.testing import Recorder

pytestmark = pytest.mark.anyio


async def forever():
    await anyio.sleep_forever()


def opened(log):
    @asynccontextmanager
    async def resource():
        try:
            yield "open"
        finally:
            log.append("closed")

    return resource


async def cancelled_when_waiting(plan, **options):
    """Start a run, cancel it when everything waits, and say whether it has ended by cancellation."""
    ended = []

    async def run_it():
        try:
            await run_plan(plan, **options)
        except anyio.get_cancelled_exc_class():
            ended.append(True)
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(run_it)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    return ended == [True]


async def wait_in_policy(count):
    await anyio.sleep_forever()
    return True


class SlowPolicy:
    should_retry = staticmethod(wait_in_policy)


class SlowDelay(RetryForever):
    async def delay(self, count):
        await anyio.sleep_forever()


class SlowHook:
    def should_retry(self, count):
        return False

    async def on_exhausted(self, result):
        await anyio.sleep_forever()


async def slow_policy(error):
    await anyio.sleep_forever()


def fail():
    raise ValueError("broken")


WAITS = {
    "in the task": (forever, ()),
    "in the task, under catch": (forever, (catch_as_failure(),)),
    "between retries": (StepResult.retry, (retry(RetryForever(delay=3600.0)),)),
    "in a retry policy": (StepResult.retry, (retry(SlowPolicy()),)),
    "in a delay": (StepResult.retry, (retry(SlowDelay()),)),
    "in an exhaustion hook": (StepResult.retry, (retry(SlowHook()),)),
    "in a catch policy": (fail, (catch_as_failure(slow_policy),)),
}


@pytest.mark.parametrize("where", WAITS)
@pytest.mark.parametrize("observed", [False, True])
async def test_a_run_is_cancelled_wherever_it_waits(where, observed):
    """Resources are closed, and observers are told; no adapter swallows it."""
    log, recorder = [], Recorder()
    tree = TaskTree()
    root = tree.root(opened(log), managed=True)
    fn, adapters = WAITS[where]
    root.child(fn, name="waits", adapters=adapters)
    root.child(lambda x: log.append("never"), borrow_prev())
    plan = compile_plan(tree)
    assert await cancelled_when_waiting(plan, observers=[recorder] if observed else [])
    assert log == ["closed"]
    if observed:
        assert recorder.of(NodeEnded)[-1].path.endswith("/waits")
        assert recorder.of(NodeEnded)[-1].status is None
        assert isinstance(recorder.of(RunEnded)[0].error, anyio.get_cancelled_exc_class())


async def test_a_run_is_cancelled_while_it_enters_or_exits_a_resource():
    """What is half entered is not exited, as with `async with`; the others are."""
    log = []

    @asynccontextmanager
    async def stuck():
        log.append("entering")
        await anyio.sleep_forever()
        yield

    @asynccontextmanager
    async def slow():
        try:
            yield
        finally:
            log.append("leaving")
            await anyio.sleep_forever()

    for manager, expected in ((stuck, ["entering", "closed"]), (slow, ["leaving", "closed"])):
        log.clear()
        tree = TaskTree()
        tree.root(opened(log), managed=True, keep=True).child(manager, managed=True)
        assert await cancelled_when_waiting(compile_plan(tree))
        assert expected == log


async def test_a_retry_that_never_suspends_can_be_cancelled():
    """Each retry gives the loop its turn, also when it waits for 0 seconds."""
    tree = TaskTree()
    tree.root(StepResult.retry, output=StepResult, adapters=(retry(RetryForever()),))
    plan = compile_plan(tree)
    with anyio.move_on_after(0.05) as scope:
        await run_plan(plan)
    assert scope.cancelled_caught


async def test_a_node_that_swallows_its_cancellation_once():
    """Later nodes meet it again: cancellation is of the scope, not of the moment."""
    log = []

    async def stubborn():
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            log.append("swallowed")

    async def polite():
        await checkpoint()
        log.append("never")

    tree = TaskTree()
    tree.root(stubborn).child(polite)
    plan = compile_plan(tree)
    async with anyio.create_task_group() as group:
        group.start_soon(run_plan, plan)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert log == ["swallowed"]


async def test_a_deadline_around_a_run():
    """`fail_after` works as around any other await."""
    tree = TaskTree()
    tree.root(anyio.sleep, value(3600))
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0.01):
            await run_plan(compile_plan(tree))


async def test_a_run_inside_a_run():
    """Cancelling the outer one ends the inner one first."""
    log = []
    inner_tree = TaskTree()
    inner = inner_tree.root(opened(log), managed=True)
    inner.child(forever)
    inner.child(lambda x: x, borrow_prev())
    inner_plan = compile_plan(inner_tree)
    tree = TaskTree()
    outer = tree.root(opened(log), managed=True)
    outer.child(run_plan, value(inner_plan))
    outer.child(lambda x: x, borrow_prev())
    assert await cancelled_when_waiting(compile_plan(tree))
    assert log == ["closed", "closed"]


async def test_a_plan_runs_many_times_at_once():
    """Each run has its own registers."""
    tree = TaskTree()

    async def step(x):
        await checkpoint()
        return [*x, len(x)]

    leaf = tree.root(list).child(step, borrow_prev()).child(step, borrow_prev()).child(step, borrow_prev())
    plan = compile_plan(tree)
    results = []

    async def run_it():
        results.append((await run_plan(plan))[leaf])

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(run_it)
    assert [[0, 1, 2]] * 1000 == results


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_program_passes_through_catch(error):
    """And is noted, so that one knows where it came in."""

    def interrupted():
        raise error

    tree = TaskTree("t")
    tree.root(interrupted, adapters=(catch_as_failure(),), name="root")
    plan = compile_plan(tree)
    caught = []
    try:
        await run_plan(plan)
    except BaseException as raised:  # noqa: BLE001 - pytest must not see a KeyboardInterrupt leave the test
        caught.append(raised)
    assert type(caught[0]) is error
    assert caught[0].__notes__ == ["in node 'root' of plan 't'"]
