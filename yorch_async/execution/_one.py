"""How one element of a node is run, and what becomes of it: by a turn of its own, or as the run of a tree.

*Guarantees*: how each of them went is told, noted, or ends the node; what ends the node is never taken for a failure of an element.
*Does not know*: which element is next, and in which task of the event loop that happens.
"""

from dataclasses import replace
from time import perf_counter
from typing import Any

from .._events import AttemptStarted, Event, ItemEnded, ItemStarted, RetryWaiting
from .._results import StepStatus
from .._slots import EMPTY
from .._types import class_of
from ._gathered import Gathered
from ._outcome import Failure
from ._program import Step
from ._raised import without_ours
from ._serial import run_serial
from ._settle import SEEN, learn
from ._signals import Answered
from ._state import Run

__all__ = ["OneByOne"]


class OneByOne(Gathered):
    """Runs elements. It has state: what has ended the node."""

    def __init__(self, run: Run, step: Step) -> None:
        super().__init__(run, step)
        self._ends: list[BaseException] = []
        """What ends the node, and is no failure of an element that adapters or options could make something of."""

    def state(self) -> Run:
        """A state for elements that are run by turns, with what their task reads and nothing else."""
        mine = self.run.beside()
        mine.at, mine.slots = self.step.index, self.kind.registers(self.run)
        if self.run.observers:
            mine.observers, mine.place = (self.relay,), self.run.path(self.step.index)
        return mine

    def let_go(self, mine: Run) -> None:
        """Nothing of a state is needed any more; calls that have failed may still lead to its registers."""
        mine.slots.clear()
        mine.forget()

    def is_end(self, error: BaseException) -> bool:
        """Whether an exception ends the node, whatever is to become of elements that fail."""
        return any(error is each for each in self._ends)

    async def looked_at(self, mine: Run, number: int, element: Any, raw: Any) -> Any:
        """The result of a task that has returned something of a class that was not expected; EMPTY: none."""
        cls = class_of(raw)
        if hasattr(cls, "__await__"):
            raw = await self.awaited(raw)
            cls = class_of(raw)
        if cls not in SEEN and self.kind.expects_anything:
            learn(self.run.program, cls)
            return raw
        return await self.again(mine, number, (element, element := EMPTY)[0], (raw, raw := None)[0], None)

    async def awaited(self, awaitable: Any) -> Any:
        """Await what a task has returned that was not known to be a coroutine function."""
        return await awaitable

    async def again(self, mine: Run, number: int, element: Any, raw: Any, error: BaseException | None) -> Any:
        """The result of an element whose first call has not simply succeeded."""
        mine.left = raw, error, False
        del raw, error
        try:
            return await self.one(mine, number, (element, element := EMPTY)[0])
        except Exception as ending:
            self._ends.append(ending)
            raise

    async def one(self, mine: Run, number: int, element: Any) -> Any:
        """Run one element; its result, or EMPTY where it is left out. Raises what is to end the node."""
        run, index, started = self.run, self.step.index, perf_counter()
        mine.number = number
        error: BaseException | None = None
        inner, value = mine, EMPTY
        try:
            if run.observers:
                run.notify(ItemStarted(index, mine.path(index), number, started))
            try:
                if self.kind.way is None:
                    value = await self.kind.turn(mine, (element, element := EMPTY)[0])
                else:
                    inner = self.kind.run(run, number, (element, element := EMPTY)[0], self.relay)
                    await run_serial(inner)
                    value = inner.kept.pop(self.kind.result, EMPTY)
            except Exception as raised:  # noqa: BLE001 - what it means for the node, its options say
                error = raised
            except BaseException as raised:
                self._tell(mine, inner, number, started, raised)
                raise
            self._tell(mine, inner, number, started, error)
            if error is not None or not inner.answer.ok:
                return self._failed_with(mine, inner, error)
            if value is EMPTY and self.each.on_item_failure == "collect" and self.kind.result < 0:
                return None  # where failures have their places in the list, so has a success that has no output
            return value
        finally:
            mine.number = 0
            if inner is not mine:
                inner.forget()
                inner.failures = ()
            del error, value, element

    def relay(self, event: Event) -> None:
        """Pass on what observers are told from inside an element."""
        if isinstance(event, AttemptStarted | RetryWaiting):
            try:
                index = self.step.index
                self.run.notify(event if event.index == index else replace(event, index=index))
            except BaseException as error:
                self._ends.append(error)
                raise

    def _tell(self, mine: Run, inner: Run, number: int, started: float, error: BaseException | None) -> None:
        if self.run.observers:
            index, now, answer = self.step.index, perf_counter(), inner.answer
            status, reason = (answer.status, answer.reason) if error is None else (None, None)
            error = answer.error if error is None else error
            path, elapsed = mine.path(index), now - started
            self.run.notify(ItemEnded(index, path, number, status, inner.attempts, elapsed, reason, error, now))

    def _failed_with(self, mine: Run, inner: Run, error: BaseException | None) -> Any:
        """What becomes of an element that has not succeeded."""
        index, answer, how = self.step.index, inner.answer, self.each.on_item_failure
        try:
            if error is not None and self.is_end(error):
                raise error
            if error is None and answer.status is StepStatus.ABORT_BRANCH:
                return EMPTY
            if error is None and answer.status is StepStatus.ABORT_EXECUTION:
                raise Answered(answer)
            at = inner.failures[0] if inner is not mine and inner.failures else None
            path, attempts = (at.path, at.attempts) if at is not None else (inner.path(inner.at), inner.attempts)
            if how == "stop":
                if error is None:
                    raise Answered(replace(answer, reason=f"{path}: {answer.reason or answer.status.name}"))
                if inner is mine:  # a run of a tree has said already where it was
                    mine.noted = 0
                    mine.note(error, index)
                raise error
            status, reason = (StepStatus.FAILURE, None) if error is not None else (answer.status, answer.reason)
            cause = answer.error if error is None else without_ours(error)
            failure = Failure(path, index, status, reason, cause, attempts, perf_counter() - self.run.started)
            if how == "collect":
                return failure
            self.leave_out(failure)
            return EMPTY
        finally:
            del error

    def add(self, number: int, value: Any) -> None:  # noqa: ARG002 - the number matters where elements end in another order
        """Take a result, the next one."""
        self.gather(value)

    def forget(self) -> None:
        """Let go of everything."""
        super().forget()
        self._ends.clear()
