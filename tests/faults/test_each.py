"""What going through very many elements takes: memory that does not grow with their number, however they are run.

*Guarantees*: measured in this process, between two runs of the same plan that differ in the number of elements alone.
*Does not know*: what the results are.
"""

import gc
import tracemalloc
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import Concurrent, SerialDfs, TaskTree, compile_plan, from_input, item, run_plan

FEW, MANY = 20_000, 80_000
ROOM = 300_000
"""By how many bytes the peaks of two runs may differ: buffers, free lists, what the loop keeps."""


def at_once(number):
    return bytes(100)


async def now_and_then(number):
    if number % 64 == 0:
        await checkpoint()
    return bytes(100)


def fails_often(number):
    if number % 20 == 0:
        raise ValueError
    return bytes(100)


def gives_none(number) -> None: ...


async def numbers(count):
    for number in range(count):
        yield number


def count_results(so_far, _result):
    return so_far + 1


COUNTED = {"reduce": count_results, "initial": 0}
KINDS = {
    "at once": (at_once, COUNTED),
    "now and then": (now_and_then, COUNTED),
    "failing": (fails_often, {**COUNTED, "on_item_failure": "skip"}),
    "nothing": (gives_none, {}),
}


def plan_of(what, over, options):
    tree = TaskTree("t")
    tree.root(lambda count: count, from_input("count", int), name="root").each(
        what, item(), over=over, name="each", **options
    )
    return compile_plan(tree)


def peak_of(plan, execution, backend, count):
    """How much a run has taken at most, above what there was before it."""
    gc.collect()
    tracemalloc.start()
    try:
        result = anyio.run(partial(run_plan, plan, execution=execution, inputs={"count": count}), backend=backend)
        assert result.ok
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    # Workers are opened one by one, as elements wait, so that a hundred of them would take more elements than there are here.
    "execution",
    [SerialDfs(), Concurrent(max_concurrency=10), Concurrent(max_concurrency=1)],
    ids=["serial", "concurrent", "one"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_the_number_of_elements(backend, execution, kind):
    """They come from a generator, and what they give is reduced, or nothing at all."""
    what, options = KINDS[kind]
    plan = plan_of(what, lambda count: (number for number in range(count)), options)
    peak_of(plan, execution, backend, FEW)  # what is made once
    few = peak_of(plan, execution, backend, FEW)
    assert peak_of(plan, execution, backend, MANY) < few + ROOM


@pytest.mark.timeout(120)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("execution", [SerialDfs(), Concurrent(max_concurrency=10)], ids=["serial", "concurrent"])
def test_memory_does_not_grow_with_the_length_of_a_stream(backend, execution):
    """Nor with that of an async source, or of what a tree is run for."""
    inner = TaskTree("inner")
    inner.root(at_once, item(), name="root")
    for what in (at_once, inner):
        tree = TaskTree("t")
        root = tree.root(lambda count: count, from_input("count", int), name="root")
        sources = () if what is inner else (item(),)
        root.each(what, *sources, over=numbers, name="each", **COUNTED)
        plan = compile_plan(tree)
        peak_of(plan, execution, backend, FEW // 40)
        few = peak_of(plan, execution, backend, FEW // 40)
        assert peak_of(plan, execution, backend, MANY // 20) < few + ROOM
