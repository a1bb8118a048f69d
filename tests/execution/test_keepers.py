"""The resources of managed nodes in a concurrent run: entered and exited in one task, innermost first, and told how it ended."""

import sys
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    Concurrent,
    Fanout,
    NodeEnded,
    NodeStarted,
    ResultError,
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    compile_plan,
    consume_prev,
    copy_prev,
    run_plan,
)
from yorch_async.testing import Recorder

pytestmark = [pytest.mark.anyio, pytest.mark.as_compiled]

VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="unset")


class Log(list):
    """What happened to resources, in order."""

    def resource(self, name, *, stuck=False):
        """Make a managed task whose resource notes what it is told."""

        @asynccontextmanager
        async def manage(*_args):
            self.append(f"enter {name}")
            if stuck:
                await anyio.sleep_forever()
            try:
                yield name
            except BaseException as error:
                self.append(f"exit {name}: {type(error).__name__}")
                raise
            else:
                self.append(f"exit {name}")

        return manage


async def run_it(tree, **options):
    return await run_plan(compile_plan(tree), execution=Concurrent(**options))


async def waits(*_args):
    await checkpoint()


async def forever(*_args):
    await anyio.sleep_forever()


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_resource_is_exited_when_its_last_reader_is_done(limit):
    """In the task that has entered it, so that scopes and context variables may be part of it."""
    log, exited = Log(), anyio.Event()

    @asynccontextmanager
    async def scoped():
        token = VARIABLE.set("inside")
        with anyio.CancelScope():
            async with anyio.create_task_group():
                log.append("enter")
                yield "scoped"
        VARIABLE.reset(token)
        log.append("exit")
        exited.set()

    tree = TaskTree()
    root = tree.root(scoped, managed=True)
    one = root.child(waits, borrow_prev())
    root.child(waits, borrow_prev())
    one.child(lambda: log.append(f"below {VARIABLE.get()}"))
    root.child(exited.wait)  # while the run goes on
    assert (await run_it(tree, max_concurrency=limit)).ok
    assert ["below unset", "enter", "exit"] == sorted(log)


async def test_resources_are_exited_innermost_first():
    """Those that are kept and those of leaves, at the end of the run."""
    log = Log()
    tree = TaskTree()
    root = tree.root(log.resource("outer"), managed=True, keep=True)
    middle = root.child(log.resource("middle"), borrow_prev(), managed=True)
    middle.child(log.resource("inner"), borrow_prev(), managed=True)
    root.child(lambda: log.append("sibling"))
    result = await run_it(tree)
    assert result.ok
    assert ["exit inner", "exit middle", "exit outer"] == log[-3:]


async def test_what_a_resource_was_made_from_is_exited_after_it():
    """Also in the middle of the run."""
    log = Log()
    tree = TaskTree()
    root = tree.root(log.resource("outer"), managed=True)
    inner = root.child(log.resource("inner"), borrow_prev(), managed=True)
    inner.child(waits, borrow_prev()).child(waits).child(lambda: log.append("last"))
    assert (await run_it(tree)).ok
    assert ["enter outer", "enter inner", "exit inner", "exit outer", "last"] == log


async def test_a_resource_that_nobody_reads_is_exited_at_once():
    """Before its children run."""
    log = Log()
    tree = TaskTree()
    tree.root(log.resource("unused"), managed=True).child(lambda: log.append("child"))
    assert (await run_it(tree)).ok
    assert ["enter unused", "exit unused", "child"] == log


async def test_resources_are_told_of_the_error_that_ends_the_run():
    """When all nodes have ended."""
    log = Log()

    async def cleans_up(_resource):
        try:
            await anyio.sleep_forever()
        finally:
            log.append("clean")

    async def fails():
        await checkpoint()
        raise ValueError("broken")

    tree = TaskTree()
    root = tree.root(log.resource("outer"), managed=True)
    root.child(cleans_up, borrow_prev())
    root.child(log.resource("inner"), borrow_prev(), managed=True)
    root.child(fails)
    with pytest.RaisesGroup(ValueError):
        await run_it(tree)
    assert ["clean", "exit inner: ValueError", "exit outer: ValueError"] == log[-3:]


async def test_resources_of_a_run_that_fails_by_a_status_are_exited_in_peace():
    """They may wait: what cancels the nodes does not reach them."""
    log = Log()

    @asynccontextmanager
    async def slow(_outer):
        yield
        await checkpoint()
        log.append("exit slow")

    tree = TaskTree()
    root = tree.root(log.resource("outer"), managed=True)
    root.child(slow, borrow_prev(), managed=True, keep=True)
    root.child(forever)
    root.child(lambda: StepResult.failure("no"))
    result = await run_it(tree)
    assert StepStatus.FAILURE is result.status
    assert ["exit slow", "exit outer"] == log[-2:]


async def test_cancelling_from_outside_exits_resources_in_order():
    """They are told of the cancellation, and end under it."""
    log = Log()
    tree = TaskTree()
    root = tree.root(log.resource("outer"), managed=True)
    middle = root.child(log.resource("middle"), borrow_prev(), managed=True)
    middle.child(forever, borrow_prev())
    root.child(log.resource("stuck", stuck=True), borrow_prev(), managed=True)
    cancelled = anyio.get_cancelled_exc_class().__name__
    async with anyio.create_task_group() as group:
        group.start_soon(run_it, tree)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert ["enter outer", "enter middle", "enter stuck"] == log[:3]
    assert [f"exit middle: {cancelled}", f"exit outer: {cancelled}"] == log[3:]


async def test_a_failing_sibling_ends_the_entering_of_a_resource():
    """What is half entered is not exited."""
    log = Log()
    tree = TaskTree()
    root = tree.root(log.resource("outer"), managed=True)
    root.child(log.resource("stuck", stuck=True), borrow_prev(), managed=True)
    root.child(lambda: StepResult.failure("no"))
    assert StepStatus.FAILURE is (await run_it(tree)).status
    assert ["enter outer", "enter stuck", "exit outer"] == log


async def test_a_resource_that_cannot_be_entered():
    """Is an error of its node, or the answer that it gave instead."""
    log = Log()

    @contextmanager
    def broken(*_args):
        raise OSError("no such thing")
        yield

    tree = TaskTree("t")
    root = tree.root(log.resource("outer"), managed=True, name="root")
    root.child(broken, borrow_prev(), managed=True, name="broken").child(lambda: log.append("never"))
    root.child(lambda: StepResult.abort_branch(), managed=True, name="none").child(lambda: log.append("never"))
    root.child(waits).child(lambda: log.append("goes on"))
    with pytest.RaisesGroup(OSError) as caught:
        await run_it(tree, on_failure="continue")
    assert ["in node 'root/broken' of plan 't'"] == caught.value.exceptions[0].__notes__
    assert {"enter outer", "exit outer: OSError", "goes on"} == set(log)


async def test_an_exception_that_says_nothing_of_its_class():
    """Is passed on as it is."""

    class Odd(Exception):
        @property
        def __class__(self):
            raise RuntimeError("no class")

    def broken():
        raise Odd

    tree = TaskTree("t")
    tree.root(broken, managed=True)
    with pytest.raises(ExceptionGroup) as caught:
        await run_it(tree)
    assert Odd is type(caught.value.exceptions[0])


async def test_a_resource_is_told_of_errors_below_it():
    """So that a transaction is not committed though one of its statements has failed, and all else goes on."""
    log = Log()

    async def fails(_resource):
        await checkpoint()
        raise ValueError("broken")

    tree = TaskTree()
    root = tree.root(waits)
    root.child(log.resource("bad"), managed=True).child(fails, borrow_prev())
    root.child(log.resource("good"), managed=True).child(waits, borrow_prev())
    with pytest.RaisesGroup(ValueError):
        await run_it(tree, on_failure="continue")
    assert {"enter bad", "exit bad: ValueError", "enter good", "exit good"} == set(log)


async def test_an_exit_that_raises_is_an_error_of_its_node():
    """Beside those of others; and the other resources are exited."""
    log = Log()

    @asynccontextmanager
    async def breaks(*_args):
        try:
            yield
        finally:
            raise OSError("cannot close")

    async def fails():
        await checkpoint()
        raise ValueError("broken")

    tree = TaskTree("t")
    root = tree.root(log.resource("outer"), managed=True, keep=True, name="root")
    root.child(breaks, managed=True, name="one")
    root.child(fails, name="two")
    with pytest.RaisesGroup(OSError, ValueError) as caught:
        await run_it(tree)
    assert ["in node 'root/one' of plan 't'"] == caught.value.exceptions[0].__notes__
    assert "exit outer: ValueError" == log[-1]


async def test_an_exit_that_raises_in_the_middle_of_a_run():
    """Ends it, or with on_failure="continue" does not."""
    log = Log()

    @asynccontextmanager
    async def breaks(*_args):
        yield
        raise OSError("cannot close")

    for policy in ("stop", "continue"):
        log.clear()
        tree = TaskTree("t")
        root = tree.root(breaks, managed=True, name="root")
        root.child(waits, borrow_prev()).child(lambda: log.append("below"))
        with pytest.RaisesGroup(OSError):
            await run_it(tree, on_failure=policy)
        assert ["below"] * (policy == "continue") == log


async def test_a_resource_whose_background_task_crashes_ends_the_run():
    """At once, with that error, as the body of an `async with` would."""
    log, crash = Log(), anyio.Event()

    @asynccontextmanager
    async def background():
        async def work():
            await crash.wait()
            raise OSError("connection lost")

        async with anyio.create_task_group() as group:
            group.start_soon(work)
            yield

    tree = TaskTree("t")
    root = tree.root(log.resource("outer"), managed=True, name="root", keep=True)
    inner = root.child(background, managed=True, name="background")
    inner.child(forever, borrow_prev())
    root.child(lambda: crash.set())
    with pytest.RaisesGroup(pytest.RaisesGroup(OSError)):
        await run_it(tree)
    assert log[-1].startswith("exit outer: ")


async def test_a_resource_that_cancels_its_own_scope_ends_the_run():
    """Not silently: nodes that have not run are missing."""
    scopes = []

    @asynccontextmanager
    async def scoped():
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            yield scope

    tree = TaskTree("t")
    root = tree.root(scoped, managed=True, name="root", keep=True)
    root.child(lambda scope: scope.cancel(), borrow_prev())
    root.child(forever)
    with pytest.RaisesGroup(pytest.RaisesExc(ResultError, match="^root: ended as cancelled, though nobody has")):
        await run_it(tree)


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_managed_node_that_fails_when_it_has_entered_its_resource(limit):
    """What that was made from goes after it, and not before others have read it."""
    log, seen = Log(), []

    def refuse(_obj):
        raise OSError("no copies")

    async def looks(resource):
        await checkpoint()
        seen.append("exit outer" not in log)

    tree = TaskTree("t")
    root = tree.root(log.resource("outer"), managed=True)
    inner = root.child(log.resource("inner"), borrow_prev(), managed=True, fanout=Fanout.CONSUME_WITH_COPIES, name="inner")
    inner.child(waits, consume_prev())
    inner.child(waits, copy_prev(copier=refuse))
    root.child(looks, borrow_prev())
    root.child(looks, borrow_prev())
    with pytest.RaisesGroup(OSError):
        await run_it(tree, on_failure="continue", max_concurrency=limit)
    assert [True, True] == seen
    assert ["enter outer", "enter inner"] == log[:2]
    assert log[-2].startswith("exit inner")
    assert log[-1].startswith("exit outer")


@pytest.mark.parametrize("kind", [NodeEnded, NodeStarted])
async def test_an_observer_that_raises_at_a_managed_node_that_nobody_reads(kind):
    """What has been entered is exited at once, as it would have been."""
    log = Log()

    def observer(event):
        if isinstance(event, kind) and event.path == "root/unread":
            raise OSError("observer")

    tree = TaskTree("t")
    root = tree.root(log.resource("root"), managed=True, name="root")
    root.child(log.resource("unread"), borrow_prev(), managed=True, name="unread").child(waits)
    with pytest.RaisesGroup(OSError):
        await run_plan(compile_plan(tree), execution=Concurrent(on_failure="continue"), observers=[observer])
    entered = ["enter unread", "exit unread: OSError"] if kind is NodeEnded else []
    assert ["enter root", *entered, "exit root: OSError"] == log


async def test_cancelling_while_resources_are_entered_is_a_cancellation():
    """And no group of them."""
    raised = []

    @asynccontextmanager
    async def slow():
        await anyio.sleep_forever()
        yield

    tree = TaskTree("t")
    root = tree.root(waits)
    for _ in range(4):
        root.child(slow, managed=True)

    async def run_and_tell():
        try:
            await run_it(tree)
        except BaseException as error:
            raised.append(type(error))
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(run_and_tell)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert [anyio.get_cancelled_exc_class()] == raised


async def test_a_managed_node_that_fails_to_clean_up_while_it_is_cancelled():
    """Its error is not lost."""

    @asynccontextmanager
    async def stuck():
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("disk full")
        yield

    async def fails():
        await checkpoint()
        await anyio.wait_all_tasks_blocked()
        raise ValueError("broken")

    tree = TaskTree("t")
    root = tree.root(waits)
    root.child(stuck, managed=True)
    root.child(fails)
    with pytest.RaisesGroup(OSError, ValueError):
        await run_it(tree)


async def test_a_managed_node_that_fails_when_its_run_has_just_been_cancelled():
    """Natively, which may come at any moment: its error is not lost."""
    asyncio = sys.modules["asyncio"]
    try:
        caller = asyncio.current_task()
    except RuntimeError:
        pytest.skip("asyncio alone")

    @asynccontextmanager
    async def broken():
        task.cancel()
        raise OSError("no such thing")
        yield

    tree = TaskTree("t")
    tree.root(waits).child(broken, managed=True)
    task = caller.get_loop().create_task(run_it(tree))
    with pytest.RaisesGroup(OSError):
        await task


async def test_a_keeper_that_is_cancelled_before_it_has_begun():
    """As by somebody who cancels all tasks: the run ends by that, and does not wait for it."""
    asyncio = sys.modules["asyncio"]
    try:
        caller = asyncio.current_task()
    except RuntimeError:
        pytest.skip("asyncio alone")
    log = Log()

    async def cancels_others():
        for task in asyncio.all_tasks() - before:
            task.cancel()

    before = asyncio.all_tasks()
    tree = TaskTree("t")
    tree.root(log.resource("never"), managed=True, name="root")
    task = caller.get_loop().create_task(run_it(tree))
    await asyncio.sleep(0)
    await cancels_others()
    with pytest.raises(asyncio.CancelledError):
        await task
    keepers = [running for running in asyncio.all_tasks() - before if running.get_name() == "t"]
    assert [] == keepers
    assert log in ([], ["enter never", "exit never: CancelledError"])  # where tasks begin at once it had begun


async def test_a_keeper_that_alone_is_cancelled_before_it_has_begun():
    """Nobody has cancelled the run, which says so."""
    asyncio = sys.modules["asyncio"]
    try:
        caller = asyncio.current_task()
    except RuntimeError:
        pytest.skip("asyncio alone")
    before = asyncio.all_tasks()
    tree = TaskTree("t")
    tree.root(Log().resource("never"), managed=True, name="root")
    task = caller.get_loop().create_task(run_it(tree))
    await asyncio.sleep(0)
    (keeper,) = asyncio.all_tasks() - before - {task}
    keeper.cancel()
    with pytest.RaisesGroup(pytest.RaisesExc(ResultError, match="^root: ended as cancelled, though nobody has")):
        await task


async def test_a_managed_node_that_enters_nothing_holds_nothing():
    """What it has read goes when the others have read it, and not before."""
    log, seen = Log(), []

    async def looks(resource):
        await checkpoint()
        seen.append("exit outer" not in log)

    tree = TaskTree("t")
    root = tree.root(log.resource("outer"), managed=True)
    root.child(lambda _outer: StepResult.failure("none"), borrow_prev(), managed=True).child(looks, borrow_prev())
    root.child(lambda _outer: StepResult.success(), borrow_prev(), managed=True).child(waits)
    other = root.child(lambda _outer: StepResult.abort_branch(), borrow_prev())
    other.child(log.resource("never"), managed=True).child(looks, borrow_prev())
    root.child(looks, borrow_prev())
    result = await run_it(tree, on_failure="continue")
    assert StepStatus.FAILURE is result.status
    assert [True] == seen
    assert ["enter outer", "exit outer"] == log


async def test_a_managed_node_whose_own_await_was_cancelled():
    """Nobody has cancelled the run, which says so."""
    try:
        future = sys.modules["asyncio"].get_running_loop().create_future()
    except RuntimeError:
        pytest.skip("asyncio alone")
    future.cancel()

    async def awaits_something_cancelled():
        await future

    tree = TaskTree("t")
    tree.root(waits).child(awaits_something_cancelled, managed=True, name="odd")
    with pytest.RaisesGroup(pytest.RaisesExc(ResultError, match="/odd: ended as cancelled")):
        await run_it(tree)


async def test_an_exit_that_is_cancelled_natively_while_it_is_waited_for():
    """The second `Task.cancel()` reaches the exit as well, and nothing else changes: in order, and told of a cancellation."""
    try:
        loop = sys.modules["asyncio"].get_running_loop()
    except RuntimeError:
        pytest.skip("asyncio alone")
    log, event = Log(), anyio.Event()

    @asynccontextmanager
    async def slow():
        try:
            yield
        finally:
            log.append("exiting")
            with anyio.CancelScope(shield=True):
                await event.wait()
            log.append("exited")

    tree = TaskTree("t")
    root = tree.root(log.resource("outer"), managed=True, keep=True)
    root.child(slow, managed=True, keep=True).child(forever)
    task = loop.create_task(run_it(tree))
    for expected in ("enter outer", "exiting"):
        await anyio.wait_all_tasks_blocked()
        assert expected == log[-1]
        task.cancel()
    await anyio.wait_all_tasks_blocked()
    event.set()
    with pytest.raises(sys.modules["asyncio"].CancelledError):
        await task
    assert ["exiting", "exited", "exit outer: CancelledError"] == log[1:]


async def test_managed_nodes_are_observed_like_others():
    """Start, attempt and end."""
    recorder = Recorder()
    log = Log()
    tree = TaskTree("t")
    tree.root(log.resource("root"), managed=True, name="root").child(waits, borrow_prev(), name="child")
    result = await run_plan(compile_plan(tree), execution=Concurrent(), observers=[recorder])
    assert result.ok
    names = [f"{type(event).__name__} {getattr(event, 'path', '')}".strip() for event in recorder.events]
    nodes = [f"{what} {path}" for path in ("root", "root/child") for what in ("NodeStarted", "AttemptStarted", "NodeEnded")]
    assert ["RunStarted", *nodes, "RunEnded"] == names
