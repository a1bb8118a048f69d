"""Siblings concurrently: a task of the event loop is opened only where a node really waits while others could run.

One *runner*, a loop in a task, works through the nodes that are ready. Only before it starts a node that may wait does it make sure
that one more, the *spare*, has been started, which begins when the first one waits, and then does the same. So where nothing waits
one task runs any number of nodes, and where each node waits for a moment, a few do. A runner never gives a node away, so what a node
does with its task - scopes, timeouts - is what it would do in code written by hand; and a runner whose task is not as it was takes no
further node.

Siblings that are ready stand in a line, and lines in a stack. So what becomes ready last is taken first, which is descendants before
later siblings. Whoever is free takes the next node of the topmost line.

*Guarantees*: no task outlives the run; every error is raised, in one group, in the order of registration; where nothing ever waits,
the loop still gets a turn every few milliseconds.
*Does not know*: how a node is called.
"""

from contextvars import copy_context
from time import perf_counter
from typing import Any, Final

from anyio import create_task_group, get_cancelled_exc_class, sleep_forever
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from .._errors import ResultError, problem
from .._slots import EMPTY
from ._flow import Flow
from ._interpret import into, write
from ._isolated import Isolated
from ._keepers import Keepers
from ._lane import Lane
from ._modes import CALL, CALL_AWAIT, INTO, INTO_AWAIT, LENT, LENT_AWAIT, TAKEN, TURN, WAITING
from ._policies import Concurrent
from ._room import Room
from ._settle import settled
from ._starter import Starter
from ._state import Run
from ._watch import watch
from ._weave import FINISH, LEAF, OPENED, PARENT, Weave, weave_of

__all__ = ["run_concurrent"]

SLICE: Final = 0.005
"""How many seconds a run may take before it gives the loop a turn."""
BEAT: Final = 7
"""A runner looks at the clock after every eighth node: these bits of their number."""


async def run_concurrent(run: Run, policy: Concurrent) -> None:
    """Run all nodes; the run's answer is then how it ended."""
    weave = weave_of(run.plan, run.program.keep, run.program.through, is_watched=run.is_watched)
    runners = _Runners(run, policy, weave)
    await Isolated(runners.all(), runners.close)


class _Runners:
    """All runners of a run. It has state: how many there are, and whether one more is on its way."""

    def __init__(self, run: Run, policy: Concurrent, weave: Weave) -> None:
        self._flow = Flow(run, policy, weave)
        self._weave = weave
        # Who has changed what it only borrowed can be told where nodes do not overlap.
        self._room = run.room = Room(1 if run.check_borrows else policy.max_concurrency, self._freed)
        self._has_spare = False
        self._is_covered = False
        """Whether no further runner is to be started now: one is on its way, or there are as many as there may be."""
        self._was_cancelled = False
        """Whether a runner has ended by a cancellation. Of many tasks only the caller's passes it on, which is enough."""
        self._context = copy_context()
        self._due = 0.0
        """When the loop is to get a turn."""

    def close(self) -> None:
        """The caller's coroutine is being closed."""
        self._flow.is_closing = True

    async def all(self) -> None:
        """Run all nodes, and let go of everything."""
        flow, run = self._flow, self._flow.run
        error: BaseException | None = None
        try:
            try:
                await (self._with_resources if self._weave.has_managed else self._nodes)()
            except get_cancelled_exc_class():
                if not flow.has_errors:
                    raise
            error = flow.end()
            if error is not None:
                raise error  # noqa: TRY301 - what follows it lets go of everything
        except BaseException:
            run.lose()
            flow.clear()
            run.remarks = flow.remarks()
            raise
        finally:
            flow.keepers = run.room = None
            self._room.close()
            del error  # this frame is in its traceback
        if run.failures or self._weave.has_managed:
            flow.clear()

    async def _with_resources(self) -> None:
        """Run all nodes, and then exit what managed ones have entered and is still in use."""
        flow = self._flow
        flow.run.resources = {}
        async with create_task_group() as group:
            keepers = flow.keepers = Keepers(flow, Starter(group, self._context, flow.run.plan.name))
            try:
                await self._nodes()
            except BaseException as error:
                await keepers.leave_all(error)
                raise
            await keepers.leave_all(None)

    async def _nodes(self) -> None:
        flow = self._flow
        while flow.ready:  # once more, should somebody have cancelled a runner before it could take over
            self._room.taken, self._has_spare, self._due = 1, False, perf_counter() + SLICE
            async with create_task_group() as group:
                self._starter = Starter(group, self._context, flow.run.plan.name)
                flow.scope = group.cancel_scope
                await self._runner(is_host=True)
            if self._was_cancelled and not flow.is_over:
                await sleep_forever()  # it was for the whole run, and comes here as well

    async def _spare(self) -> None:
        """Take over when a runner waits."""
        self._has_spare = False
        await self._runner(is_host=False)

    async def _runner(self, *, is_host: bool) -> None:
        """Work in this task, and see that another one does if this one cannot go on."""
        flow = self._flow
        lane = Lane(flow.run.beside(), watch(self._starter.group), is_host=is_host)
        self._is_covered = self._has_spare or self._room.is_full
        try:
            if not is_host:
                await checkpoint_if_cancelled()
            await self._work(lane)
        except get_cancelled_exc_class():
            if is_host:
                raise
            if lane.watch.is_cancelled:
                self._was_cancelled = True
            else:  # somebody has cancelled this one task of the loop, and not the run
                flow.fail(lane.run.at, ResultError(problem("cancelled", lane.run.path(lane.run.at))))
        finally:
            self._room.taken -= 1
            lane.watch.forget()
            lane.run.forget()
        self._freed()

    def _freed(self) -> None:
        """One task less is at work: see that another one is, if there is anything to do."""
        self._flow.last = None  # every runner is to look whether it is still covered
        self._is_covered = self._has_spare
        if not self._was_cancelled and not self._flow.is_over:
            if not self._is_covered:
                self._cover()
            self._room.offer()

    def _cover(self) -> bool:
        """See that a runner is there to take over, if there is anything to take over; whether there is one, or may be none."""
        ready = self._flow.ready
        while ready and not ready[-1].has_more():
            ready.pop()
        if ready:
            self._is_covered = True
            if not self._room.is_full:  # elements may have taken the last place since it was last looked
                self._starter.start(self._spare)
                self._has_spare = True
                self._room.taken += 1
        return self._is_covered

    async def _work(self, lane: Lane) -> None:  # noqa: C901, PLR0912, PLR0915 - one loop, because a call per node would cost more than the node
        """Run nodes until none is ready, or the task is not as it was."""
        flow, weave, run, context, clock, empty = self._flow, self._weave, lane.run, self._context, perf_counter, EMPTY
        ready, registers, kept = flow.ready, run.slots, run.kept
        place, scope, cancels, count = lane.watch.marks
        value: Any = empty
        flow.last, is_covered, done = run, self._is_covered, 0
        try:
            while ready:
                line = ready[-1]
                shared, before, is_clean = line.shared, done, True
                for mode, fn, register, expected, target, follows, more in line.strands:
                    try:
                        if mode == LENT_AWAIT:
                            if not is_covered:
                                is_covered = self._cover()
                            value = await fn(registers[register])
                        elif mode == LENT:
                            value = fn(registers[register])
                        else:
                            if mode in WAITING and not is_covered:
                                is_covered = self._cover()
                            if mode < CALL:
                                value, registers[register] = registers[register], empty
                                if mode == TAKEN:
                                    value = fn((value, value := empty)[0])
                                else:
                                    pending, value = fn(value), empty
                                    value = await pending
                            elif mode < INTO:
                                value = more[1](fn, registers, more[2])  # its caller, its operands
                                if mode == CALL_AWAIT:
                                    value = await value
                            elif mode < TURN:
                                value = into(run, register, more)
                                if mode == INTO_AWAIT:
                                    value = await value
                                value = await write(run, register, more, value)
                        if type(value) not in expected and mode < INTO:
                            is_covered = is_covered or self._cover()
                            value = await settled(run, more[0], value)
                            flow.run.has_gaps = flow.run.has_gaps or value is empty
                    except BaseException as error:  # noqa: BLE001 - raised again in `finish`, where no adapter catches it
                        value, follows = empty, FINISH  # noqa: PLW2901 - more than it usually would be
                        run.leave_at(more[0], error)
                    if not follows:
                        done += 1
                        kept[target] = value
                        value = empty
                    elif follows == FINISH:
                        run.at = more[0]
                        has_opened = await flow.finish(lane, run.at, (value, value := empty)[0])
                        if flow.is_over:
                            return
                        follows = OPENED if has_opened else LEAF  # noqa: PLW2901 - see above
                        # It has been counted down already, and has taken so long that the clock is worth a look.
                        skipped = BEAT + 1 - (done & BEAT)
                        done, before = done + skipped, before + skipped
                    else:
                        done += 1
                        if target:
                            registers[target] = value
                        value = empty
                    if follows == PARENT and not flow.is_over:
                        ready.append(weave.line(more[0]))
                    if not done & BEAT and clock() > self._due:
                        await self._breathe(run)
                    try:
                        if (
                            follows < PARENT
                            and place.cancel_scope is scope
                            and cancels() == count
                            and copy_context() == context
                        ):
                            if flow.last is run:
                                continue
                            flow.last, self._due, is_covered = run, clock() + SLICE, self._is_covered
                            if ready and ready[-1] is line:
                                continue
                            break
                    except Exception:  # noqa: BLE001, S110 - it compares values of the user's, where a variable was set; see `is_clean`
                        pass
                    run.at, is_clean = more[0], lane.watch.is_clean(context)
                    if self._has_to_turn(run) or not is_clean or not ready or ready[-1] is not line:
                        break
                    is_covered = self._is_covered
                else:
                    if ready and ready[-1] is line:
                        ready.pop()
                if shared:
                    flow.count_down(shared, done - before)
                if flow.is_over:
                    return
                if not is_clean:
                    await self._retire(lane)
                    return
                is_covered = self._is_covered
        finally:
            # An exception that somebody keeps leads to this frame, which must keep neither outputs nor the task: see `forget`.
            del place, cancels, kept, registers

    def _has_to_turn(self, run: Run) -> bool:
        """Look whether others have run meanwhile; whether everything is over."""
        if self._flow.last is not run:
            self._flow.last, self._due = run, perf_counter() + SLICE
        return self._flow.is_over

    async def _breathe(self, run: Run) -> None:
        """Give the loop a turn, unless it has just had one."""
        if self._flow.last is run:
            await checkpoint()
            self._due = perf_counter() + SLICE

    async def _retire(self, lane: Lane) -> None:
        """Leave a task that is not as it was. Where that is because the run was cancelled and a node has caught it, pass it on."""
        if lane.is_host and lane.watch.was_cancelled:
            self._flow.interrupt(lane.run.at)
            if lane.watch.is_cancelled:
                await sleep_forever()
            raise get_cancelled_exc_class()
