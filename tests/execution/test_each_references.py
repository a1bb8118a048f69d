"""Who holds elements and results, and until when: seen through weak references, with the collector off."""

import gc
from functools import partial
from weakref import ref

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import Concurrent, StepResult, TaskTree, compile_plan, item, run_plan, value

pytestmark = pytest.mark.anyio


class Broken(Exception): ...


class Payload:
    """Something that can be watched."""

    made: list = []  # noqa: RUF012 - cleared by each test

    def __init__(self, number=0):
        self.number = number
        Payload.made.append(ref(self))

    @classmethod
    def alive(cls):
        return [each().number for each in cls.made if each() is not None]


@pytest.fixture(autouse=True)
def _no_collector():
    gc.collect()
    gc.disable()
    Payload.made.clear()
    yield
    gc.enable()


def passes(payload, *rest, at=None, how="raise"):
    if payload.number == at:
        if how == "raise":
            raise Broken
        return StepResult.failure()
    return Payload(100 + payload.number)


async def passes_late(payload, *rest, at=None, how="raise"):
    await checkpoint()
    return passes(payload, *rest, at=at, how=how)


def passes_awaited(payload, *rest, at=None, how="raise"):
    return passes_late(payload, *rest, at=at, how=how)


async def payloads(numbers):
    for number in numbers:
        await checkpoint()
        yield Payload(number)


WATCHED = [partial(map, Payload), payloads, lambda numbers: [Payload(number) for number in numbers]]


@pytest.mark.parametrize("over", WATCHED, ids=["map", "async", "list"])
@pytest.mark.parametrize("fn", [passes, passes_late, passes_awaited])
@pytest.mark.parametrize(("more", "observers"), [((), []), ((value(1),), [lambda event: None])], ids=["bare", "observed"])
async def test_a_kept_traceback_keeps_no_other_element_and_no_result(execution, over, fn, more, observers):
    """Only what the failing call itself was passed, which is in its own frame."""
    given = {"adapters": [], "on_item_failure": "stop"}
    at = 4

    def failing(payload, *rest):
        return fn(payload, *rest, at=at)

    for what in (fn.__name__, "tree"):
        inner = TaskTree("inner")
        inner.root(failing, item(), *more)
        tree = TaskTree("t")
        root = tree.root(lambda: range(1, 9), name="root")
        if what == "tree":
            root.each(inner, over=over, name="each")
        else:
            root.each(failing, item(), *more, over=over, name="each", **given)
        with pytest.raises(Exception) as caught:
            await run_plan(compile_plan(tree), execution=execution, observers=observers)
        assert caught.value.__traceback__ is not None
        assert [] == [number for number in Payload.alive() if number != at]
        del caught
        assert [] == Payload.alive()


@pytest.mark.parametrize("over", WATCHED[1:], ids=["async", "list"])
@pytest.mark.parametrize("fn", [passes, passes_awaited])
@pytest.mark.parametrize("options", [{}, {"reduce": lambda so_far, each: [*so_far, each], "initial": []}])
@pytest.mark.parametrize("how", ["skip", "collect"])
async def test_what_a_run_has_noted_of_failures_keeps_no_other_element_and_no_result(execution, over, fn, options, how):
    """Errors of elements that have failed hold their own call alone, and go with the result, without the collector."""

    def failing(payload, *rest):
        return fn(payload, *rest, at=4)

    inner = TaskTree("inner")
    inner.root(failing, item())
    for what in (failing, inner):
        tree = TaskTree("t")
        root = tree.root(lambda: range(1, 9), name="root")
        node = root.each(what, over=over, name="each", on_item_failure=how, **options)
        result = await run_plan(compile_plan(tree), execution=execution)
        assert (8 if how == "collect" else 7) == len(result[node])
        assert {4} >= {number for number in Payload.alive() if number < 100}
        kept = result.left_out
        del result
        assert {4} >= set(Payload.alive())
        del kept
        assert [] == Payload.alive()


async def test_an_error_of_the_source_keeps_nothing_of_what_was_left_out(execution):
    """There will be no result that could tell of it."""

    def breaks(numbers):
        yield from map(Payload, numbers)
        raise Broken

    def failing(payload):
        return passes(payload, at=4)

    tree = TaskTree("t")
    tree.root(lambda: range(1, 9), name="root").each(failing, over=breaks, name="each", on_item_failure="skip")
    with pytest.raises(Exception) as caught:
        await run_plan(compile_plan(tree), execution=execution)
    assert caught.value.__traceback__ is not None
    assert [] == Payload.alive()


@pytest.mark.as_compiled
@pytest.mark.parametrize("over", WATCHED[:2], ids=["map", "async"])
async def test_an_element_is_held_only_while_it_is_worked_on(over):
    """One that is done goes, though others still wait."""
    gate = anyio.Event()

    async def fn(payload):
        if payload.number == 1:
            await gate.wait()
        await checkpoint()

    tree = TaskTree("t")
    tree.root(lambda: range(1, 9), name="root").each(fn, over=over, max_concurrency=2)
    async with anyio.create_task_group() as group:
        group.start_soon(partial(run_plan, compile_plan(tree), execution=Concurrent()))
        await anyio.wait_all_tasks_blocked()
        alive = Payload.alive()
        gate.set()
    assert [1] == alive
