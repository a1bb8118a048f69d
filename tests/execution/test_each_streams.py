"""Elements that come one by one: async iterables, endless sources, and that what was made to be gone through is closed."""

import anyio
import pytest
from anyio.lowlevel import checkpoint
from going_through import Broken, each_of, error_of

from yorch_async import (
    EachStarted,
    ItemEnded,
    StepResult,
    StepStatus,
    TaskTree,
    compile_plan,
    item,
    run_plan,
    run_sync,
    value,
)
from yorch_async.testing import Recorder

pytestmark = pytest.mark.anyio


def through(over, what, *sources, **options):
    """A tree that goes through what `over` makes."""
    return each_of(None, what, *sources, over=over, **options)


class Source:
    """Makes generators of both kinds, and knows what has become of them. `last` is None: they are endless."""

    def __init__(self, last=None, *, error=None):
        self.last = last
        self.error = error
        self.taken = 0
        self.closed_in = []

    def sync(self, _):
        try:
            while self.last is None or self.taken < self.last:
                self.taken += 1
                yield self.taken
            if self.error is not None:
                raise self.error
        finally:
            self.closed_in.append(anyio.get_current_task().id)

    async def late(self, _):
        try:
            while self.last is None or self.taken < self.last:
                await checkpoint()
                self.taken += 1
                yield self.taken
            if self.error is not None:
                raise self.error
        finally:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            self.closed_in.append(anyio.get_current_task().id)

    async def at_once(self, _):
        try:
            while self.last is None or self.taken < self.last:
                self.taken += 1
                yield self.taken
            if self.error is not None:
                raise self.error
        finally:
            self.closed_in.append(anyio.get_current_task().id)


KINDS = pytest.mark.parametrize("kind", ["sync", "late", "at_once"])


async def until(number, last):
    await checkpoint()
    return StepResult.abort_execution("enough") if number >= last else number


def at_once_until(number, last):
    return StepResult.abort_execution("enough") if number >= last else number


@KINDS
@pytest.mark.parametrize("fn", [until, at_once_until])
async def test_an_endless_source_is_gone_through_until_something_ends_it(execution, kind, fn):
    """It is taken from as fast as can be worked on, and closed by the task of the run, or by one that works for it."""
    source = Source()
    tree, _ = through(getattr(source, kind), fn, item(), value(500), max_concurrency=7)
    result = await run_plan(compile_plan(tree), execution=execution)
    assert (StepStatus.ABORT_EXECUTION, "enough") == (result.status, result.step.reason)
    assert 500 <= source.taken <= 507
    assert 1 == len(source.closed_in)


@KINDS
async def test_what_over_has_made_is_closed_in_the_task_of_the_node(execution, kind):
    """However it ends: at its end, by a failure, by a source that fails."""
    for last, error, fails in ((3, None, False), (3, Broken(), False), (None, None, True)):
        source = Source(last, error=error)

        async def fn(number, fails=fails):
            await checkpoint()
            if fails and number == 3:
                raise Broken
            return number

        tree, node = through(getattr(source, kind), fn)
        if fails or error is not None:
            assert Broken is type(await error_of(tree, execution))
        else:
            assert [1, 2, 3] == (await run_plan(compile_plan(tree), execution=execution))[node]
        assert 1 == len(source.closed_in)
        if kind != "sync" or fails:  # one that ends by itself ends in the task that has asked it last
            assert [anyio.get_current_task().id] == source.closed_in


@KINDS
async def test_what_over_has_made_is_closed_when_the_run_is_cancelled(execution, kind):
    """Before the cancellation goes on."""
    source = Source()

    async def fn(number):
        if number == 3:
            scope.cancel()
        await checkpoint()

    tree, _ = through(getattr(source, kind), fn, max_concurrency=2)
    with anyio.CancelScope() as scope:
        await run_plan(compile_plan(tree), execution=execution)
    assert scope.cancelled_caught
    assert [anyio.get_current_task().id] == source.closed_in


@pytest.mark.parametrize("kind", ["sync", "at_once"])
async def test_elements_that_never_wait_let_the_loop_have_its_turn(execution, kind):
    """So that an endless source can be cancelled, and others go on."""
    source, turns = Source(), []

    async def others():
        for _ in range(3):
            turns.append(source.taken)
            await checkpoint()
        group.cancel_scope.cancel()

    tree, _ = through(getattr(source, kind), lambda number: None, output=None)
    async with anyio.create_task_group() as group:
        group.start_soon(others)
        await run_plan(compile_plan(tree), execution=execution)
    assert 3 == len(turns)


async def test_an_error_of_closing_is_one_of_the_node(execution):
    """Whether the source is sync or async."""

    def sync(_):
        try:
            yield from range(10)
        finally:
            raise Broken

    async def late(_):
        try:
            for number in range(10):
                yield number
        finally:
            raise Broken

    for over in (sync, late):
        tree, _ = through(over, lambda number: StepResult.abort_execution())
        assert ["in node 'root/each' of plan 't'"] == (await error_of(tree, execution)).__notes__


async def test_what_others_hold_is_not_closed(execution):
    """The output of another node, or what it lends."""
    source = Source()
    generator = source.at_once(None)
    tree = TaskTree("t")
    root = tree.root(lambda: generator, name="root")
    first = root.each(at_once_until, item(), value(3), name="each", on_item_failure="stop")
    assert (await run_plan(compile_plan(tree), execution=execution)).status is StepStatus.ABORT_EXECUTION
    assert [] == source.closed_in
    assert first.name == "each"
    await generator.aclose()


async def test_an_async_generator_that_was_made_by_an_iterable_is_closed(execution):
    """Nobody else could close it."""
    source = Source()

    class Iterable:
        def __aiter__(self):
            return source.late(None)

    tree = TaskTree("t")
    tree.root(Iterable, name="root").each(at_once_until, item(), value(3), name="each")
    assert (await run_plan(compile_plan(tree), execution=execution)).status is StepStatus.ABORT_EXECUTION
    assert [anyio.get_current_task().id] == source.closed_in


async def test_an_async_iterator_needs_no_more_than_anext(execution):
    """As in an async for statement; what is sync and async is gone through as the latter."""

    class Iterator:
        def __init__(self):
            self.left = [3, 2, 1]

        async def __anext__(self):
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    class Both:
        def __aiter__(self):
            return Iterator()

        def __iter__(self):
            raise NotImplementedError

    tree = TaskTree("t")
    node = tree.root(Both, name="root").each(lambda number: -number, name="each")
    assert [-1, -2, -3] == (await run_plan(compile_plan(tree), execution=execution))[node]


async def test_a_channel_is_gone_through_as_it_is_filled(execution):
    """And closed, where it was made for that."""
    send, receive = anyio.create_memory_object_stream(0)

    async def fill():
        async with send:
            for number in range(5):
                await send.send(number)

    tree, node = through(lambda _: receive, lambda number: -number)
    async with anyio.create_task_group() as group:
        group.start_soon(fill)
        result = await run_plan(compile_plan(tree), execution=execution)
    assert [0, -1, -2, -3, -4] == result[node]
    assert 0 == receive.statistics().open_receive_streams


async def test_how_many_come_is_not_known(execution):
    """Each is told of when it comes."""
    tree, _ = through(Source(2).late, lambda number: number)
    recorder = Recorder()
    plan = compile_plan(tree)
    await run_plan(plan, execution=execution, observers=[recorder])
    recorder.check(plan)
    assert [None] == [event.total for event in recorder.events if isinstance(event, EachStarted)]
    assert {1, 2} == {event.number for event in recorder.events if isinstance(event, ItemEnded)}


@pytest.mark.as_compiled
async def test_an_async_source_without_a_loop():
    """One that never waits can be gone through."""
    tree, node = through(Numbers, lambda number: -number)
    assert [-1, -2] == run_sync(compile_plan(tree))[node]


class Numbers:
    """An async iterator that never waits."""

    def __init__(self, _):
        self.left = [2, 1]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


@pytest.mark.parametrize("ending", ["an element", "its time"])
async def test_a_stream_that_holds_a_scope_is_closed_inside_of_the_one_around_its_elements(execution, ending):
    """However the node ends: what ended it is what is told, and the caller's task is as it was."""

    async def numbers(_):
        with anyio.fail_after(5):
            for number in range(10):
                await checkpoint()
                yield number

    async def fn(number):
        if ending == "an element" and number == 3:
            raise Broken
        await (checkpoint() if ending == "an element" else anyio.sleep_forever())
        return number

    tree, _ = through(numbers, fn, max_concurrency=2)
    if ending == "an element":
        assert Broken is type(await error_of(tree, execution))
    else:
        with pytest.raises(TimeoutError, match="it was at 'root/each'"):
            await run_plan(compile_plan(tree), execution=execution, timeout=0)
    await checkpoint()
