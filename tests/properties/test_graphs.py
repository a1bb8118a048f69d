"""Whatever the graph: every execution does what the model says, lets go of outputs when it says, and leaves nothing behind."""

import gc
from contextlib import nullcontext, suppress
from dataclasses import replace
from random import Random

import anyio
import pytest
from anyio.lowlevel import checkpoint
from random_graphs import Box, Broken, Model, Watcher, Written, calls_of, graphs

from yorch_async import Concurrent, SerialDfs, compile_plan, run_plan, run_sync
from yorch_async.plan import Variant, code_of
from yorch_async.testing import Recorder

CHUNKS = [pytest.param(range(first, first + 125), id=f"from {first}") for first in range(0, 2000, 125)]
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def way(tree, *, optimize, part=128, sync=False):
    """Compile a tree, and all of its code."""
    plan = replace(compile_plan(tree), optimize=optimize, part=part)
    if optimize:
        code_of(plan.prepared, plan.schedule, Variant("leaves", sync, held=True)).compile_all()
    return plan


WAYS = [{"optimize": False}, {"optimize": True}, {"optimize": True, "part": 3}]


@pytest.fixture(autouse=True)
def _no_collector():
    gc.collect()  # what earlier tests left to the collector
    gc.disable()
    Box.living.clear()
    yield
    gc.enable()
    Box.log = None


async def at_once(delay):
    """Wait for nothing."""


def finished(run):
    """Run a coroutine that waits for nothing; its result."""
    try:
        run.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def number_of(path):
    return int(path.rpartition("n")[2])


class Ended:
    """How a run ended, in words: what holds no output and no error."""

    def __init__(self, result):
        self.status = result.status.value
        self.failed = [(number_of(failure.path), failure.status.value) for failure in result.failures]
        self.kept = {number_of(path): list(box.items) for path, box in result.items()}
        self.skipped = sorted((number_of(skip.path), number_of(skip.because)) for skip in result.skipped)


def as_the_model_says(model, ended):
    """Check how a run ended."""
    assert (model.status, sorted(model.failed), model.skipped) == (ended.status, sorted(ended.failed), ended.skipped)
    assert model.kept == ended.kept


def story(model, written, plan, log, run):
    """Run a plan, and compare all that has happened with what the model says."""
    log.clear()
    written.counts.clear()
    Box.log, result = log, None
    with suppress(Broken) if model.raised else nullcontext():
        result = run(plan)
    if result is None:
        assert calls_of(model.log) == calls_of(log)
    else:
        assert model.log == log
        as_the_model_says(model, Ended(result))
    del result
    Box.log = None
    assert Box.alive() == 0


@pytest.mark.parametrize("seeds", CHUNKS)
def test_a_serial_run_does_what_the_model_says(seeds):
    """Calls, births and deaths in this order, in generated code, in parts of it, interpreted, observed, and without a loop."""
    for seed in seeds:
        specs, _ = graphs(Random(seed), endings=["failure", "abort_execution", "raise"] if seed % 2 else ["abort_branch"])
        model, log = Model(specs), []
        written = Written(specs, log, sleep=at_once)
        for options in WAYS:
            story(model, written, way(written.tree, **options), log, lambda plan: finished(run_plan(plan)))
        recorder = Recorder()
        plan = way(written.tree, optimize=True)
        story(model, written, plan, log, lambda plan, seen=recorder: finished(run_plan(plan, observers=[seen])))
        recorder.check(plan)
        if not any(spec.is_async for spec in specs):
            for options in WAYS:
                story(model, written, way(written.tree, **options, sync=True), log, run_sync)


class Lookout(Watcher):
    """Whenever a node begins, there are just those outputs that somebody may read, or that are kept. It has state: who is over."""

    def __init__(self, model):
        self.model = model
        self.done: set[int] = set()

    def over(self, number, attempt):
        if attempt == self.model.attempts[number]:
            self.done.add(number)

    def asked(self, number, answer):
        if not answer:
            self.done.add(number)

    def started(self, number):
        model, shape = self.model, self.model.shape
        dead = shape.cut_off([each for each in self.done if model.statuses[each] != "success"])
        there = self.done & model.succeeded
        kept = {shape.makers[each] for each in there & shape.kept}
        awaited = {each for each in there if not shape.readers.get(each, set()) <= self.done | dead}
        alive = {each for each, count in Box.living.items() if count and each is not None}
        assert kept | awaited == alive, f"when n{number} begins"


async def ran_at_once(plan, policy, observers=()):
    """Run a plan concurrently: how it ended, and what it raised."""
    try:
        return Ended(await run_plan(plan, execution=policy, observers=observers)), []
    except ExceptionGroup as group:
        return None, [str(error) for error in group.exceptions]


def concurrent_runs(seeds, endings):
    """Plans with what a run of each is to come to, and how to run it."""
    for seed in seeds:
        random = Random(seed)
        specs, _ = graphs(random, endings=endings, most_pauses=random.choice([0, 0, 1, 3]))
        model, log = Model(specs, is_patient=True), []
        watcher = Watcher() if "raise" in endings else Lookout(model)  # errors keep what their nodes were given
        written = Written(specs, log, turn=checkpoint, sleep=lambda delay: checkpoint(), watcher=watcher)
        plan = compile_plan(written.tree, optimize=False)
        yield model, log, plan, random.choice([None, None, 1, 2, 3])


@BACKENDS
@pytest.mark.parametrize("seeds", CHUNKS)
def test_a_concurrent_run_does_what_does_not_depend_on_a_failure(backend, seeds):
    """Calls see the same as one after the other, however long each takes, and outputs go when nobody can read them any more."""

    async def main():
        for model, log, plan, limit in concurrent_runs(seeds, [["failure"], ["failure", "raise"]][seeds[0] // 125 % 2]):
            observers = [Recorder()] if limit == 2 else []
            ended, raised = await ran_at_once(plan, Concurrent(max_concurrency=limit, on_failure="continue"), observers)
            assert calls_of(model.log) == calls_of(log)
            for recorder in observers:
                recorder.check(plan)
            if ended is None:
                assert [f"node {number}" for number, status in sorted(model.failed) if status == "raise"] == raised
            else:
                as_the_model_says(model, ended)
            del ended
            assert Box.alive() == 0

    anyio.run(main, backend=backend)


@BACKENDS
@pytest.mark.parametrize("seeds", CHUNKS[:4])
def test_a_failure_ends_a_concurrent_run(backend, seeds):
    """What ran until then ran as it would have; the run ends by what has failed, and by nothing else."""

    async def main():
        for model, log, plan, limit in concurrent_runs(seeds, ["failure", "abort_execution", "raise"]):
            ended, raised = await ran_at_once(plan, Concurrent(max_concurrency=limit))
            calls = calls_of(model.log)
            assert all(calls[key][: len(made)] == made for key, made in calls_of(log).items())
            assert set(raised) <= {f"node {number}" for number, status in model.failed if status == "raise"}
            assert bool(model.failed) == bool(raised or ended.failed)
            if ended is not None:
                assert set(ended.failed) <= set(model.failed)
                assert ended.kept.keys() <= model.kept.keys()
                assert dict(ended.skipped).keys() <= model.because.keys()
            del ended
            assert Box.alive() == 0

    anyio.run(main, backend=backend)


@BACKENDS
@pytest.mark.parametrize("seeds", CHUNKS[:4])
def test_a_cancelled_run_ends_and_leaves_nothing(backend, seeds):
    """Wherever it is cancelled: no output is alive afterwards, without the collector, and no node goes on."""

    async def main(seed):
        random = Random(seed)
        specs, _ = graphs(random, endings=["failure", "raise"], most_pauses=3)
        log, left = [], random.randint(0, 12)

        async def turn():
            nonlocal left
            left -= 1
            if left < 0:
                scope.cancel()
            await checkpoint()

        tree = Written(specs, log, turn=turn, sleep=lambda delay: turn()).tree
        plan = way(tree, **random.choice(WAYS))
        policy = Concurrent(max_concurrency=random.choice([None, 1, 2]), on_failure=random.choice(["stop", "continue"]))
        with anyio.CancelScope() as scope:
            _, raised = await ran_at_once(plan, random.choice([policy, SerialDfs()]))
            assert left >= 0 or raised, "a run that was cancelled ends by that, or by an error"
        before = list(log)
        await checkpoint()
        assert before == log

    for seed in seeds:
        with suppress(Broken):
            anyio.run(main, seed, backend=backend)
        assert Box.alive() == 0
