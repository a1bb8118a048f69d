"""Whatever the tree, and whoever waits where: a concurrent run does what the model says, loses no error, and leaves nothing behind."""

import gc

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_trees import Box, Patient, build, calls_of, trees

from yorch_async import Concurrent, compile_plan, run_plan
from yorch_async.testing import Recorder

LIMITS = st.sampled_from([None, None, 1, 2, 3])
RUNS = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@pytest.fixture(autouse=True)
def _collected():
    gc.collect()  # what earlier tests left to the collector


class Ended:
    """How a run ended, in words: what holds no output and no error."""

    def __init__(self, result=None, group=None):
        self.status = None if result is None else result.status
        self.failed = [] if result is None else [(number_of(f.path), f.status.value) for f in result.failures]
        self.kept = {} if result is None else {number_of(path): list(box.items) for path, box in result.items()}
        self.raised = [] if group is None else [str(error) for error in group.exceptions]


def number_of(path):
    return int(path.rpartition("/n")[2].lstrip("n"))


async def run_it(plan, policy, observers=()):
    try:
        return Ended(await run_plan(plan, execution=policy, observers=observers))
    except ExceptionGroup as group:
        return Ended(group=group)


def everything_is_told(plan, recorder):
    """Events are in an order that the tree allows, and tell of every node."""
    recorder.check(plan)
    assert len(plan) == len(recorder.order) + len(recorder.skipped)


@BACKENDS
@RUNS
@given(specs=trees(most_pauses=3), limit=LIMITS, is_observed=st.booleans())
def test_what_does_not_depend_on_a_failure_runs(backend, specs, limit, is_observed):
    """Each node with the same arguments, attempt by attempt; the same outputs, failures and errors, in order of registration."""
    for spec in specs:  # that one ends the run, whatever its policy
        spec.script = ["failure" if outcome == "abort_execution" else outcome for outcome in spec.script]
    model, log, counts, recorder = Patient(specs), [], {}, Recorder()
    plan = compile_plan(build(specs, log, counts, turn=checkpoint, sleep=anyio.sleep))
    policy = Concurrent(max_concurrency=limit, on_failure="continue")
    ended = anyio.run(run_it, plan, policy, [recorder] if is_observed else [], backend=backend)
    assert model.calls == calls_of(log)
    assert model.raised == ended.raised
    if not model.raised:
        kept = {number: items for number, items in model.kept.items() if items is not None}
        assert (model.failed, kept) == (ended.failed, ended.kept)
        assert ended.status.value == ("failure" if model.failed else model.status)
    if is_observed:
        everything_is_told(plan, recorder)


@BACKENDS
@RUNS
@given(specs=trees(most_pauses=3), limit=LIMITS, is_observed=st.booleans())
def test_a_failure_ends_the_run(backend, specs, limit, is_observed):
    """What ran until then ran as it would have; the run ends by what has failed, and by nothing else."""
    model, log, counts, recorder = Patient(specs), [], {}, Recorder()
    plan = compile_plan(build(specs, log, counts, turn=checkpoint, sleep=anyio.sleep))
    policy = Concurrent(max_concurrency=limit)
    ended = anyio.run(run_it, plan, policy, [recorder] if is_observed else [], backend=backend)
    for number, calls in calls_of(log).items():
        assert model.calls[number][: len(calls)] == calls
    assert set(ended.raised) <= set(model.raised)
    assert set(ended.failed) <= set(model.failed)
    if not model.raised and not model.failed:
        assert model.calls == calls_of(log)
        assert model.status == ended.status.value
    else:
        assert ended.raised or ended.failed
        assert bool(ended.raised) == (ended.status is None)
        assert ended.status is None or ended.status.value in {status for _, status in ended.failed}
    if is_observed:
        everything_is_told(plan, recorder)


@BACKENDS
@RUNS
@given(specs=trees(most_pauses=3), limit=LIMITS, turns=st.integers(0, 20), on_failure=st.sampled_from(["stop", "continue"]))
def test_a_cancelled_run_ends_and_leaves_nothing(backend, specs, limit, turns, on_failure):
    """Wherever it is cancelled: no output is alive afterwards, without the collector, and no node goes on."""
    left = turns
    log: list = []

    async def turn():
        nonlocal left
        left -= 1
        if left < 0:
            scope.cancel()
        await checkpoint()

    plan = compile_plan(build(specs, log, {}, turn=turn, sleep=anyio.sleep))
    Box.alive = Box.most = 0

    async def main():
        nonlocal scope
        with anyio.CancelScope() as scope:
            ended = await run_it(plan, Concurrent(max_concurrency=limit, on_failure=on_failure))
            assert left >= 0 or ended.raised, "a run that was cancelled ends by that, or by an error"
        before = list(log)
        await checkpoint()
        assert before == log

    scope = None
    gc.disable()
    try:
        anyio.run(main, backend=backend)
        assert Box.alive == 0
    finally:
        gc.enable()
