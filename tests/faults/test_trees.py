"""What can go wrong while a tree runs, done for real: cancelled at every await, failing all at once, helpers that raise, huge trees.

*Guarantees*: after each test nothing is left of a run: no task of the loop, no output, no entered resource.
*Does not know*: what a run does when all goes well.
"""

import gc
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    Concurrent,
    Fanout,
    NodeEnded,
    NodeStarted,
    RetryForever,
    SerialDfs,
    StepResult,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    retry,
    run_plan,
    value,
)

pytestmark = pytest.mark.anyio

EXECUTIONS = {
    "serial, interpreted": (False, SerialDfs()),
    "serial, generated": (True, SerialDfs()),
    "concurrent": (None, Concurrent()),
    "concurrent, one at a time": (None, Concurrent(max_concurrency=1)),
    "concurrent, two at a time": (None, Concurrent(max_concurrency=2)),
    "concurrent, going on": (None, Concurrent(on_failure="continue")),
}


@pytest.fixture(params=EXECUTIONS)
def running(request):
    """Compile and run a tree in each way that there is."""
    optimize, policy = EXECUTIONS[request.param]
    return lambda tree: (compile_plan(tree, optimize=optimize), partial(run_plan, execution=policy))


def alone(error):
    """The one error of a run, out of its group if it comes in one."""
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    return error


class Box:
    """An output that counts how many of its kind are alive."""

    alive = 0

    def __init__(self):
        Box.alive += 1

    def __del__(self):
        Box.alive -= 1

    def __deepcopy__(self, memo):
        return Box()


class Awaits:
    """Everything that a run awaits, counted, so that it can be cancelled at any one of them."""

    def __init__(self, at):
        self.at = at
        self.count = 0
        self.scope = anyio.CancelScope()
        self.open = 0

    async def turn(self, *_args):
        """Wait for a turn of the loop; at the chosen one the run is cancelled first."""
        self.count += 1
        if self.count == self.at:
            self.scope.cancel()
        await checkpoint()

    async def box(self, *_args):
        await self.turn()
        return Box()

    async def asks_again(self, *_args):
        await self.turn()
        return StepResult.retry()

    async def raises(self, *_args):
        await self.turn()
        raise ValueError("caught")

    @asynccontextmanager
    async def resource(self, *_args):
        await self.turn()
        self.open += 1
        try:
            await self.turn()
            yield Box()
            await self.turn()
        finally:
            self.open -= 1

    async def should_retry(self, count):
        await self.turn()
        return count < 2

    async def delay(self, count):
        await self.turn()
        return 0.0

    async def on_exhausted(self, result):
        await self.turn()
        return StepResult.success()


def everything(awaits, inner=None):
    """A tree with every kind of await: tasks, resources, retries, their policies and waits, a run inside the run."""
    tree = TaskTree("everything")
    root = tree.root(awaits.box, fanout=Fanout.CONSUME_WITH_COPIES, output=Box)
    root.child(awaits.box, consume_prev())
    again = root.child(
        awaits.asks_again, copy_prev(), adapters=[retry(awaits, sleep=lambda seconds: awaits.turn())], output=StepResult
    )
    again.child(awaits.resource, managed=True).child(awaits.box, borrow_prev()).child(awaits.turn)
    kept = root.child(awaits.resource, managed=True, keep=True)
    kept.child(awaits.raises, borrow_prev(), adapters=[catch_as_failure(awaits.recovered)], output=StepResult)
    if inner is not None:
        kept.child(inner)
    return tree


async def recovered(self, error):
    await self.turn()
    return StepResult.success()


Awaits.recovered = recovered


async def test_a_tree_is_cancelled_at_every_await(running):
    """Each time the run ends by that cancellation, resources are exited, and no output is alive, without the collector."""
    undisturbed = Awaits(0)
    assert (await run_everything(running, undisturbed)).ok
    assert undisturbed.count > 40
    gc.collect()
    Box.alive = 0
    gc.disable()
    try:
        for at in range(1, undisturbed.count + 1):
            awaits = Awaits(at)
            with awaits.scope as scope:
                await run_everything(running, awaits)
            assert scope.cancelled_caught, f"at await {at}"
            assert awaits.open == 0, f"at await {at}"
            await checkpoint()  # until then the loop itself may keep the exception, and so the frames that it has left
            assert Box.alive == 0, f"at await {at}"
    finally:
        gc.enable()


async def run_everything(running, awaits):
    inner_plan, inner_run = running(everything(awaits))
    plan, run_it = running(everything(awaits, partial(inner_run, inner_plan)))
    return await run_it(plan, keep="none")


async def test_a_tree_whose_nodes_swallow_their_cancellation_once(running):
    """The nodes after them meet it again."""
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
    tree.root(stubborn).child(polite).child(polite)
    plan, run_it = running(tree)
    async with anyio.create_task_group() as group:
        group.start_soon(run_it, plan)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert ["swallowed"] == log


async def test_a_tree_that_is_cancelled_while_it_waits_between_retries(running):
    """At once, however long it would wait."""
    tree = TaskTree()
    tree.root(StepResult.retry, output=StepResult, adapters=[retry(RetryForever(delay=3600.0))])
    plan, run_it = running(tree)
    async with anyio.create_task_group() as group:
        group.start_soon(run_it, plan)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()


async def test_a_tree_inside_a_tree_inside_a_tree_is_cancelled(running):
    """The innermost one ends first."""
    log, inner = [], None
    for depth in range(3):

        @asynccontextmanager
        async def resource(depth=depth):
            try:
                yield
            finally:
                log.append(depth)

        tree = TaskTree(f"depth {depth}")
        node = tree.root(resource, managed=True, keep=True)
        node.child(inner or anyio.sleep_forever)
        plan, run_it = running(tree)
        inner = partial(run_it, plan)
    async with anyio.create_task_group() as group:
        group.start_soon(inner)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert [0, 1, 2] == log


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
async def test_a_tree_in_which_nodes_fail_at_the_same_moment(on_failure):
    """Every error that was raised is reported, in the order of registration."""
    event, raised = anyio.Event(), []

    async def fails(number):
        try:
            await event.wait()
        except anyio.get_cancelled_exc_class():
            pass
        raised.append(number)
        raise ValueError(number)

    tree = TaskTree()
    root = tree.root(lambda: None)
    for number in range(50):
        root.child(fails, value(number))
    root.child(lambda: event.set(), name="now")
    with pytest.raises(ExceptionGroup) as caught:
        await run_plan(compile_plan(tree), execution=Concurrent(on_failure=on_failure))
    assert sorted(raised) == [error.args[0] for error in caught.value.exceptions]
    assert len(raised) == 50


class Unequal:
    """What cannot be compared."""

    __hash__ = None

    def __eq__(self, other):
        raise OSError("incomparable")


class Uncopied:
    """What cannot be copied."""

    def __deepcopy__(self, memo):
        raise OSError("no copies")


def refuse(*_args):
    raise OSError("helper")


class Refusing:
    """A retry policy of which one part raises."""

    def __init__(self, part):
        self.part = part

    def should_retry(self, count):
        return refuse() if self.part == "should_retry" else self.part != "on_exhausted"

    def delay(self, count):
        return refuse()

    def on_exhausted(self, result):
        return refuse()


def policy_tree(part):
    tree = TaskTree("t")
    tree.root(lambda: 1, name="root").child(
        StepResult.retry, output=StepResult, name="bad", adapters=[retry(Refusing(part), sleep=refuse)]
    )
    return tree


def copier_tree(**options):
    tree = TaskTree("t")
    root = tree.root(Uncopied if not options else dict, name="root")
    root.child(lambda x: x, copy_prev(**options), name="bad")
    return tree


def staging_tree():
    tree = TaskTree("t")
    root = tree.root(Uncopied, name="bad", fanout=Fanout.CONSUME_WITH_COPIES)
    root.child(lambda x: x, consume_prev())
    root.child(lambda x: x, copy_prev())
    return tree


def catch_tree():
    tree = TaskTree("t")
    tree.root(lambda: 1, name="root").child(refuse, value(1), name="bad", adapters=[catch_as_failure(refuse)])
    return tree


HELPERS = {
    "a policy's should_retry": partial(policy_tree, "should_retry"),
    "a policy's delay": partial(policy_tree, "delay"),
    "a policy's on_exhausted": partial(policy_tree, "on_exhausted"),
    "a copier": partial(copier_tree, copier=refuse),
    "a deep copy": copier_tree,
    "a staged copy": staging_tree,
    "a policy of catch_as_failure": catch_tree,
}


@pytest.mark.parametrize("helper", HELPERS)
async def test_a_tree_whose_helpers_raise(running, helper):
    """The run ends with that error at that node."""
    plan, run_it = running(HELPERS[helper]())
    with pytest.raises(Exception) as caught:
        await run_it(plan)
    error = alone(caught.value)
    assert isinstance(error, OSError)
    assert [note for note in error.__notes__ if note.endswith("bad' of plan 't'")]


@pytest.mark.parametrize("kind", [NodeStarted, NodeEnded])
async def test_a_tree_whose_observer_raises(running, kind):
    """The run ends with that error, at the node of the event."""

    def observer(event):
        if isinstance(event, kind) and event.path == "root/bad":
            raise OSError("observer")

    tree = TaskTree("t")
    tree.root(lambda: 1, name="root").child(lambda: 2, name="bad").child(lambda: 3)
    plan, run_it = running(tree)
    with pytest.raises(Exception) as caught:
        await run_it(plan, observers=[observer])
    error = alone(caught.value)
    assert isinstance(error, OSError)
    assert ["in node 'root/bad' of plan 't'"] == error.__notes__


async def test_a_tree_whose_outputs_cannot_be_compared(running):
    """Nobody compares them; asked to look for changes, the run ends with that error at that node."""
    tree = TaskTree("t")
    root = tree.root(lambda: [Unequal()], name="root")
    leaf = root.child(lambda x: x, borrow_prev(), name="bad")
    plan, run_it = running(tree)
    result = await run_it(plan)
    assert isinstance(result[leaf][0], Unequal)
    with pytest.raises(Exception) as caught:
        await run_it(plan, check_borrows=True)
    error = alone(caught.value)
    assert isinstance(error, OSError)
    assert ["in node 'root/bad' of plan 't'"] == error.__notes__


@pytest.mark.timeout(55)
@pytest.mark.parametrize("shape", ["chain", "fan"])
@pytest.mark.parametrize("running", ["serial, interpreted", "concurrent"], indirect=True)
async def test_a_tree_of_a_hundred_thousand_nodes(running, shape):
    """At any depth and any width."""

    async def add(number):
        return number + 1

    tree = TaskTree()
    node = root = tree.root(lambda: 0)
    for _ in range(100_000):
        node = (node if shape == "chain" else root).child(add, borrow_prev())
    plan, run_it = running(tree)
    result = await run_it(plan)
    assert (100_000 if shape == "chain" else 1) == result[node]


@pytest.mark.timeout(55)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"])
@pytest.mark.parametrize("execution", ["serial", "concurrent"])
def test_a_tree_that_is_run_ten_thousand_times(execution, loop):
    """One after the other, and a thousand at the same time: less than 1 KiB is kept per 1,000 runs, and no task."""
    environment = {key: given for key, given in os.environ.items() if not key.startswith("COV")}  # tracing takes minutes
    program = [sys.executable, Path(__file__).with_name("memory.py"), loop, execution]
    told = subprocess.run(program, check=True, capture_output=True, text=True, env=environment).stdout
    measured = json.loads(told)
    assert measured["sequential"] < 10 * 1024
    # Tables of the loop grow with the number of tasks, at some time; what is kept of a run is kept of every one.
    assert min(measured["simultaneous"]) < 1024
    assert measured["tasks"] == 0
