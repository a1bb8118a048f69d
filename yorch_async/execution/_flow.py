"""What follows each node of a concurrent run: what is let go of, which nodes are ready, what has failed.

*Guarantees*: an output goes when the last node that reads it is over, has been skipped, or can no longer run; no error of a node is
lost, also of those that are raised while the run is being cancelled; observers are told of every node, that it ended or that it was
skipped, unless the run is cancelled from outside.
*Does not know*: in which task of the event loop a node runs.
"""

from collections.abc import Iterable
from itertools import chain
from time import perf_counter
from typing import Any, Final

from anyio import CancelScope, get_cancelled_exc_class

from .._errors import ResultError, problem
from .._events import NodeSkipped
from .._results import StepResult, StepStatus
from .._slots import EMPTY
from ._conditions import UNMET
from ._interpret import replay
from ._lane import Lane
from ._modes import TURN
from ._outcome import Failure
from ._policies import Concurrent
from ._program import Step
from ._signals import Several
from ._state import SUCCESS, Run
from ._turn import careful_turn, turn
from ._weave import Weave

__all__ = ["Flow"]


class Flow:
    """The state that all runners of a run share."""

    def __init__(self, run: Run, policy: Concurrent, weave: Weave) -> None:
        self.run = run
        self.weave = weave
        self.ready = [weave.line(-1)]
        """The lines of siblings that may run; the last one first."""
        self.last: Run | None = None
        """The state of the runner that went on last: by it each of them sees whether others have, since it looked."""
        self.counts = list(weave.readers.counts)
        self.is_over = False
        """Whether no further node is to start."""
        self.is_closing = False
        """Whether the coroutine of the run is being closed."""
        self.scope = CancelScope()
        """Around all nodes."""
        self.keepers: Any = None
        """The `Keepers` of a plan with managed nodes."""
        self.errors: list[tuple[int, BaseException]] = []
        self._failures: list[Failure] = []
        self._pending = dict(weave.pending)
        """For each late node, how many of those are not over that it depends on."""
        self._dead: set[int] = set()
        """The late nodes, and those below them, that will never run."""
        self._opened = 0
        """How many lines have become ready."""
        self._cancelled: list[int] = []
        run.cancelled = self._cancelled
        run.left_out = []
        self._stops = policy.on_failure == "stop"
        self._seen: set[int] | None = set() if run.observers else None
        """The nodes that observers have been told of."""

    def stop(self) -> None:
        """End all nodes."""
        self.is_over = True
        self.ready.clear()
        self.last = None
        self.scope.cancel()

    def fail(self, index: int, error: BaseException) -> None:
        """Take note of an error of a node. What is no Exception, such as KeyboardInterrupt, ends the run whatever its policy says."""
        self.run.noted = 0  # the same object may have been raised by another node
        self.run.note(error, index)
        self.errors.append((index, error))
        if self._stops or not issubclass(type(error), Exception):
            self.stop()

    def interrupt(self, index: int) -> None:
        """Take note of a node that a cancellation has met."""
        self._cancelled.append(index)

    def count_down(self, register: int, count: int) -> None:
        """So many nodes are over that have read what is in a register."""
        self.counts[register] -= count
        if not self.counts[register]:
            self.run.slots[register] = EMPTY

    async def finish(self, lane: Lane, at: int, value: Any) -> bool:
        """Do what is to be done for a node that has not simply succeeded; whether others are ready now because of it."""
        run, step, count = lane.run, lane.run.program.step(at), self._opened
        try:
            if run.left is not None:
                value = await replay(run, step)
            elif step.op.mode == TURN or run.is_watched:
                value = await self._turn(run, step)
            else:
                run.answer = SUCCESS
            await self._conclude(run, step, (value, value := EMPTY)[0])
        except BaseException as error:
            if self._is_cancelled(lane, error):
                self.interrupt(at)
                raise
            await self._cut_off(run, step, error)
        return self._opened > count

    async def _turn(self, run: Run, step: Step) -> Any:
        if self._seen is not None:
            self._seen.add(step.index)
        if step.task.managed:
            return await self.keepers.turn(run, step)
        return await (careful_turn if run.is_watched else turn)(run, step)

    def _is_cancelled(self, lane: Lane, error: BaseException) -> bool:
        """Whether an exception is the end of the runner, rather than of a node."""
        cls = type(error)  # of an exception of the user's nothing is asked, not even its class
        if issubclass(cls, get_cancelled_exc_class()):
            return lane.watch.is_cancelled or (lane.is_host and lane.watch.was_cancelled)
        return cls is GeneratorExit and self.is_closing

    async def _cut_off(self, run: Run, step: Step, error: BaseException) -> None:
        """Take note of an error that has left a node, and leave out what is below it."""
        index = step.index
        if issubclass(type(error), get_cancelled_exc_class()):
            cancelled, error = error, ResultError(problem("cancelled", run.path(index)))
            error.__cause__ = cancelled
        for each in error.errors if type(error) is Several else (error,):
            self.fail(index, each)
        del error
        if not self.is_over:
            await self._skip(step)

    async def _conclude(self, run: Run, step: Step, value: Any) -> None:
        status, index = run.answer.status, step.index
        if status is StepStatus.SUCCESS:
            await self._place(run, step, (value, value := EMPTY)[0])
            return self._over(index, has_succeeded=True)
        is_unmet = run.answer is UNMET
        self.run.leave_out(index, is_unmet=is_unmet)
        if status is not StepStatus.ABORT_BRANCH:
            self._record(run, step)
        elif index == 0:
            self.run.answer = run.answer
        return await self._skip(step, is_unmet=is_unmet)

    async def _place(self, run: Run, step: Step, value: Any) -> None:
        """Put the output of a node where it belongs, and let go of what the node was the last to read."""
        registers, op, stage = run.slots, step.op.more, step.rare.stage
        if op.keep and (step.forwarded or value is not EMPTY):
            run.kept[op.at] = registers[step.forwarded] if step.forwarded else value
        if op.out:
            registers[op.out] = value
        value = EMPTY
        if stage is not None and self.counts[stage[1]]:
            source, target, copier = stage
            registers[target] = copier(registers[source])
        is_unread = op.out > 0 and not self.counts[op.out]
        if is_unread:  # who would have read it does not run
            registers[op.out] = EMPTY
        if not (step.task.managed and self.keepers.has(op.at)):
            await self._release([op.at])
        elif is_unread or self.weave.is_unused(op.at):
            await self._leave([op.at])

    def _record(self, run: Run, step: Step) -> None:
        """Note a node that has failed, and decide how the run ends."""
        answer, elapsed = run.answer, perf_counter() - run.started
        path = run.path(step.index)
        self._failures.append(Failure(path, step.index, answer.status, answer.reason, answer.error, run.attempts, elapsed))
        if not self.is_over and (self._stops or answer.status is StepStatus.ABORT_EXECUTION):
            self.run.answer = answer
            self.stop()

    def _over(self, index: int, *, has_succeeded: bool) -> None:
        """A node is over: what has only waited for it is ready. What depends on it and will not run is over when it could have begun.

        So who comes after that, with a default for its output, still comes after all that it would have come after.
        """
        if self.is_over:
            return
        if self._pending:
            links, waiting = self.run.plan.layout.links, [index]
            while waiting:
                each = waiting.pop()
                if each != index or not has_succeeded:
                    waiting.extend(child for child in links.children[each] if not links.is_late(child))
                for late in reversed(links.followers.get(each, ())):
                    self._pending[late] -= 1
                    if not self._pending[late] and late in self._dead:
                        waiting.append(late)
                    elif not self._pending[late]:
                        self.ready.append(self.weave.late(late))
                        self._opened += 1
        if has_succeeded and self.weave.opens(index):
            self.ready.append(self.weave.line(index))
            self._opened += 1

    async def _skip(self, step: Step, *, is_unmet: bool = False) -> None:
        """Leave out everything that depends on a node, which is over itself."""
        index = step.index
        dead = self.run.plan.layout.cut_off(index, self._dead)
        if self._pending:
            self._dead.update(dead)
        if is_unmet and self._seen is not None:
            self._seen.discard(index)
        try:
            self._tell_skipped([index, *dead] if is_unmet else dead, index)
        except BaseException as error:  # noqa: BLE001 - an observer's; what is left out has to be let go of all the same
            self.fail(index, error)
        if self.is_over:
            return  # the end of the run lets go of everything
        # What a resource was made from is needed until that is exited, which it is when its readers are over.
        is_held = step.task.managed and self.keepers.has(index)
        await self._release(dead if is_held else chain((index,), dead))
        if is_held and self.weave.is_unused(index):
            await self._leave([index])
        self._over(index, has_succeeded=False)

    async def _release(self, indexes: Iterable[int]) -> None:
        """Let go of what nodes have read, and nobody else will; they are over, or will never run."""
        ended = self.weave.release(indexes, self.counts, self.run.slots)
        if ended:
            await self._leave(ended)

    async def _leave(self, indexes: list[int]) -> None:
        """Exit the resources of managed nodes, and then let go of what those were made from."""
        for index in sorted(indexes, reverse=True):
            if self.keepers.has(index):  # if not, it has failed or was skipped, and that has let go of the rest
                await self.keepers.leave(index, self.first_error(index))
                await self._release([index])

    def _tell_skipped(self, indexes: Iterable[int], cause: int) -> None:
        seen, run = self._seen, self.run
        if seen is not None:
            because = run.path(cause)
            for index in indexes:
                if index not in seen:
                    seen.add(index)
                    run.notify(NodeSkipped(index, run.path(index), because, perf_counter()))

    @property
    def has_errors(self) -> bool:
        """Whether there are errors besides those by which nodes say that they were cancelled."""
        return any(type(error) is not ResultError or error.rule != "cancelled" for _, error in self.errors)

    def first_error(self, index: int | None) -> BaseException | None:
        """The error that came first, of a node and those that depend on it; of all nodes, if none is named."""
        depends = self.run.plan.layout.depends
        return next((error for at, error in self.errors if index is None or depends(at, index)), None)

    def end(self) -> BaseException | None:
        """Decide how the run has ended when all nodes have; the error to raise, if it is one."""
        run, registered = self.run, self.run.plan.layout.registered
        self._failures.sort(key=lambda failure: registered[failure.index])
        failures, remarks = tuple(self._failures), self.remarks()
        errors = sorted(self.errors, key=lambda each: registered[each[0]])
        self._failures.clear()  # tracebacks of their errors lead here
        self.errors.clear()
        try:
            if errors or failures:
                cause = errors[0][0] if errors else failures[0].index
                try:
                    self._tell_skipped(range(len(run.plan)), cause)
                except BaseException as error:  # noqa: BLE001 - an observer's; raised below with the others
                    run.note(error, cause)
                    errors.append((cause, error))
            if not errors:
                run.failures = failures
                if failures and run.answer.status in (StepStatus.SUCCESS, StepStatus.ABORT_BRANCH):
                    run.answer = StepResult.failure(failures[0].reason, failures[0].error)
                return None
            what = f"{len(errors)} error{'s' * (len(errors) != 1)} in plan '{run.plan.name}'"
            group = BaseExceptionGroup(what, [error for _, error in errors])
            for remark in remarks:
                group.add_note(remark)
            return group
        finally:
            del errors, failures

    def remarks(self) -> list[str]:
        """The nodes that have not succeeded, in words, for an error that ends the run in place of a result."""
        return [f"another node did not succeed: {failure}" for failure in self._failures]

    def clear(self) -> None:
        """Let go of all outputs, innermost first."""
        registers: Final = self.run.slots
        for register in range(len(registers) - 1, -1, -1):
            registers[register] = EMPTY
