"""Whatever the graph, a resource is exited when nobody uses its output any more, and what it was made from is there until then."""

import gc
from random import Random

import anyio
import pytest
from anyio.lowlevel import checkpoint
from random_graphs import Box, Model, Written, calls_of, graphs

from yorch_async import Concurrent, SerialDfs, compile_plan, run_plan

CHUNKS = [pytest.param(range(first, first + 150), id=f"from {first}") for first in range(0, 600, 150)]
SERIAL = [{"optimize": False}, {"optimize": True}]
CONCURRENT = [Concurrent(max_concurrency=limit, on_failure="continue") for limit in (None, 1, 2)]


@pytest.fixture(autouse=True)
def _no_collector():
    gc.collect()  # what earlier tests left to the collector
    gc.disable()
    Box.living.clear()
    yield
    gc.enable()
    Box.log = None


def used_until(model, log):
    """Check each exit against the calls before and after it; the nodes with resources."""
    shape, specs = model.shape, model.shape.specs
    entered = [number for what, number, *_ in log if what == "entered"]
    exited = [number for what, number, *_ in log if what == "exited"]
    assert sorted(entered) == sorted(exited) == sorted(number for number in model.succeeded if specs[number].managed)
    ends = {number: log.index(("exited", number)) for number in exited}
    for number in exited:
        for reader in shape.readers.get(number, ()):
            places = [at for at, (what, who, *_) in enumerate(log) if who == reader and what in ("call", "when", "exited")]
            assert all(at < ends[number] for at in places), f"n{reader} after n{number}"
    return ends


def in_time(model, log, ends):
    """Check that a resource is exited before the next node begins, once nobody can use it."""
    shape, specs = model.shape, model.shape.specs
    over: set[int] = set()
    for at, (what, number, *more) in enumerate(log):
        if what in ("call", "when"):
            dead = shape.cut_off([each for each in over if model.statuses[each] != "success"])
            for each, end in ends.items():
                is_used = not shape.readers.get(each, set()) <= over | dead
                is_nested = any(specs[reader].managed for reader in shape.readers.get(each, ()))
                if each in over and each not in shape.kept and not is_used and not is_nested:
                    assert end < at, f"n{each} before n{number}"
        if (what == "call" and more[0] == model.attempts[number]) or (what == "when" and not specs[number].when):
            over.add(number)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("seeds", CHUNKS)
def test_resources_are_exited_between_their_last_reader_and_what_they_hold(backend, seeds):
    """Once, innermost first; one after the other also in time. What they hold is as they left it, and nothing is alive afterwards."""

    async def main():
        for seed in seeds:
            specs, _ = graphs(Random(seed), endings=["failure"] if seed % 2 else [], most_pauses=seed % 3, resources=0.5)
            log = []
            tree = Written(specs, log, turn=checkpoint, sleep=lambda delay: checkpoint())
            for execution, options in [
                *((SerialDfs(), each) for each in SERIAL),
                *((each, SERIAL[0]) for each in CONCURRENT),
            ]:
                model = Model(specs, is_patient=not isinstance(execution, SerialDfs))
                tree.counts.clear()
                log.clear()
                result = await run_plan(compile_plan(tree.tree, **options), execution=execution)
                assert model.status == result.status.value
                assert calls_of(model.log) == calls_of(log)
                ends = used_until(model, log)
                if isinstance(execution, SerialDfs):
                    in_time(model, log, ends)
                assert {spec.number for spec in specs if f"n{spec.number}" in result} == model.kept.keys()
                del result
                assert Box.alive() == 0

    anyio.run(main, backend=backend)
