"""Whatever is done to the runs of a runner, in whatever order, each of them is accounted for."""

from collections import Counter
from contextlib import suppress
from random import Random

import anyio
import pytest
from running import plan_of

from yorch_async import RunCancelled, Runner, RunState, from_input

pytestmark = pytest.mark.anyio

RUNS, AT_ONCE, WAITING = 60, 3, 4


class Script:
    """Submits runs, lets them go on, cancels them and awaits them, as chance has it; every fifth run fails."""

    def __init__(self, seed, runner, group):
        self.random, self.runner, self.group = Random(seed), runner, group
        self.gates, self.handles, self.given = [], [], Counter()
        self.plan = plan_of(self.passes, from_input("number", int))

    async def passes(self, number):
        await self.gates[number].wait()
        if number % 5 == 0:
            raise ValueError(number)

    async def submit(self, number):
        self.handles.append(await self.runner.submit(self.plan, inputs={"number": number}, events=number % 2 == 0))

    async def wait(self, handle):
        with suppress(ValueError, RunCancelled):
            await handle
        assert handle.ended is not None
        self.given[handle.status] += 1

    async def begin(self, number):
        """Submit one more, and do up to three things to those that are there."""
        self.gates.append(anyio.Event())
        self.group.start_soon(self.submit, number)
        for _ in range(self.random.randrange(4)):
            await anyio.lowlevel.checkpoint()
            handle = self.random.choice(self.handles or [None])
            act = self.random.choice([self.cancel, self.watch, self.let_go, self.let_go])
            act(handle)
            states = Counter(handle.status for handle in self.runner.runs)
            assert states[RunState.RUNNING] <= AT_ONCE
            assert states[RunState.PENDING] <= WAITING

    def cancel(self, handle):
        if handle is not None:
            handle.cancel()

    def watch(self, handle):
        if handle is not None:
            self.group.start_soon(self.wait, handle)

    def let_go(self, _):
        self.random.choice(self.gates).set()

    def let_all_go(self):
        for gate in self.gates:
            gate.set()


@pytest.mark.parametrize("seed", range(8))
async def test_every_run_is_accounted_for(seed):
    """Each ends once, is counted as what its handle says, and begins in the order in which it was submitted."""
    async with Runner(max_runs=AT_ONCE, max_pending=WAITING) as runner, anyio.create_task_group() as group:
        script = Script(seed, runner, group)
        for number in range(RUNS):
            await script.begin(number)
        script.let_all_go()
    counts, ends = runner.statistics(), Counter(handle.status for handle in script.handles)
    assert (0, 0, RUNS) == (counts.pending, counts.running, counts.ended)
    states = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
    assert [counts.succeeded, counts.failed, counts.cancelled] == [ends[state] for state in states]
    assert {*range(1, RUNS + 1)} == {handle.id for handle in script.handles}
    started = [handle.started for handle in sorted(script.handles, key=lambda handle: handle.id)]
    begun = [time for time in started if time is not None]
    assert sorted(begun) == begun
