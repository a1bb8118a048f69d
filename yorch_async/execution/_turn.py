"""One node's turn: the only place where a task is called with adapters, observed, or checked for borrows.

*Guarantees*: after a turn nothing of it is left: its handle is closed, an attempt that did not succeed has left its resource, and
no frame holds another node's output.
*Does not know*: which node comes next.
"""

from math import inf
from time import perf_counter
from typing import Any

from anyio import current_effective_deadline, current_time

from .._adapter import Runner
from .._errors import BorrowError, ResultError, problem
from .._events import AttemptStarted, Event, NodeEnded, NodeStarted, RetryWaiting
from .._results import StepResult, TaskResult
from .._slots import EMPTY, DirectOut, close
from .._tasks import Kind, Task
from .._types import class_of
from ._away import away
from ._borrows import difference, snapshot
from ._calls import Condition
from ._conditions import holds
from ._instead import instead
from ._program import Step
from ._raised import raise_as_it_is
from ._resources import Resource, enter, leave
from ._settle import settle
from ._signals import Several
from ._state import Run

__all__ = ["Turn", "begin", "careful_turn", "turn"]


class Turn:
    """What adapters see as an attempt, and what is to be tidied up after it."""

    __slots__ = ("_before", "_handle", "_resource", "_runner", "number", "observed", "run", "step")

    def __init__(self, run: Run, step: Step, before: int = 0) -> None:
        self.run = run
        self.step = step
        self.number = 0
        self._before = before
        """How many calls of other tasks there were in this turn."""
        self._runner: Runner | None = None
        self.observed: BaseException | None = None
        """What an observer raised meanwhile."""
        self._handle: DirectOut[Any] | None = None
        self._resource: Resource | None = None

    @property
    def path(self) -> str:
        """The node's path."""
        return self.run.path(self.step.index)

    def waiting(self, delay: float) -> None:
        """Tell observers of a wait before the next call."""
        if self.run.observers:
            index = self.step.index
            self._tell(RetryWaiting(index, self.path, self.attempts, delay, perf_counter()))

    async def sleep(self, delay: float) -> None:
        """Wait as the run does."""
        await self.run.sleep(delay)

    @property
    def attempts(self) -> int:
        """How many calls there were, those of other tasks included."""
        return self._before + self.number

    @property
    def time_left(self) -> float:
        """The seconds until whatever is around the node is out of time."""
        return inf if self.run.is_sync else max(0.0, current_effective_deadline() - current_time())

    def call_by(self, runner: Runner) -> None:
        """Let the task be called somewhere else."""
        self._runner = runner

    def _tell(self, event: Event) -> None:
        """Tell observers from inside the adapters, which must not take an observer's error for one of the task."""
        try:
            self.run.notify(event)
        except BaseException as error:
            self.observed = error
            raise

    async def reset(self) -> None:
        """Let go of what the last call left."""
        if self._handle is not None:
            close(self._handle)
            self._handle = None
            self.run.slots[self.step.sink] = EMPTY
        if self._resource is not None:
            resource, self._resource = self._resource, None
            await leave(resource, None)

    async def call(self) -> Any:
        """Resolve the arguments, call the task, await what it returned, enter it if it is managed."""
        run, step, task = self.run, self.step, self.step.task
        if run.left is not None:
            return self._replayed()
        if self.number:
            await self.reset()
            if task.traits.consumes:
                raise ResultError(problem("consumed-twice", self.path))
        self.number += 1
        if run.observers:
            self._tell(AttemptStarted(step.index, self.path, self.attempts, perf_counter()))
        if task.kind is Kind.DIRECT:
            self._handle = run.slots[step.sink] = DirectOut[Any](step.op.more.sink)
        if self._runner is None:
            result = step.op.more.caller(task.fn, run.slots, step.op.more.operands)
        else:
            result = await self._runner(away(run, step))
        if hasattr(class_of(result), "__await__"):
            result = await result
        if task.each is not None:
            return await run.program.through(run, step, (result, result := None)[0])
        return await self._entered(result) if task.managed else result

    def _replayed(self) -> Any:
        """The outcome of the first call, which was made outside of the adapters."""
        raw, error = self.run.take_left()
        self.number = 1
        if self.step.task.kind is Kind.DIRECT:
            handle = self.run.slots[self.step.sink]
            self._handle = None if handle is EMPTY else handle
        try:
            if error is not None:
                raise_as_it_is(error)
            return raw
        finally:
            del raw, error  # the traceback of the error leads to this frame: it would be a cycle

    async def _entered(self, result: Any) -> Any:
        cls = class_of(result)
        if cls is StepResult or (cls is TaskResult and not result.ok):
            return result
        manager = result.value if cls is TaskResult else result
        self._resource, yielded = await enter(manager, self.path, is_sync=self.run.is_sync)
        return TaskResult.success(yielded)

    async def instead(self, task: Task[Any]) -> Any:
        """Run another task in this turn; what it answered, in a form that says the same in place of what the first one returns."""
        run = self.run
        await self.reset()
        run.left = None
        other = Turn(run, instead(run.program, self.step, task), self.attempts)
        try:
            wrapped = other.step.wrapped
            raw = await (begin(other) if wrapped is None else wrapped(other))
            value = settle(run, other.step, raw)
            return run.answer if value is EMPTY else TaskResult.success(value)
        finally:
            self._before = other.attempts - self.number
            if self.observed is None:
                self.observed = other.observed
            other.observed = None  # its traceback leads to this frame: it would be a cycle
            raw = value = None

    async def end(self, value: Any) -> Any:
        """Settle the handle and the resource; return the output of the node."""
        ok = self.run.answer.ok
        if self.step.task.kind is Kind.DIRECT:
            # There is no handle if an adapter has answered without calling the task, or has let go of what it wrote.
            written, self._handle = EMPTY if self._handle is None else close(self._handle), None
            self.run.slots[self.step.sink] = EMPTY
            if ok and written is EMPTY:
                raise ResultError(problem("empty-slot", self.path))
            value = written if ok else EMPTY
        if self._resource is not None:
            resource, self._resource = self._resource, None
            if ok:
                self.run.own(self.step.index, resource)
            else:
                await leave(resource, None)
        return value

    async def fail(self, error: BaseException) -> None:
        """Tidy up after an exception."""
        if self._handle is not None:
            close(self._handle)
            self.run.slots[self.step.sink] = EMPTY  # the run may go on, and others would take it for an output
        if self._resource is not None:
            resource, self._resource = self._resource, None
            await leave(resource, error)


async def begin(turn: Turn) -> Any:
    """The innermost call, around which adapters are wrapped."""
    return await turn.call()


async def turn(run: Run, step: Step) -> Any:
    """Run one node with its adapters; its output or EMPTY. What it answered is the run's answer then."""
    if step.condition is not None and not run.is_watched and not await holds(run, step.condition):
        return EMPTY
    state = Turn(run, step)
    run.attempts = 0
    try:
        wrapped = step.wrapped
        raw = await (begin(state) if wrapped is None else wrapped(state))
        if run.is_closing:
            raise GeneratorExit  # noqa: TRY301 - what follows it tidies up
        if state.observed is not None:
            raise state.observed  # noqa: TRY301 - what follows it tidies up
        value = settle(run, step, raw)
        del raw
        value = await state.end(value)
    except BaseException as error:
        await state.fail(error)
        raise
    finally:
        run.attempts = state.attempts
        run.left = None  # an adapter that has not called the task has no use for how the first call went
        state.observed = None  # its traceback leads to this frame: it would be a cycle
    return value


async def careful_turn(run: Run, step: Step) -> Any:
    """The same under the eyes of observers and, if asked for, with what the node borrows compared before and after."""
    index, path = step.index, run.path(step.index)
    if step.condition is not None and not await _asked(run, step, step.condition):
        return EMPTY
    started = perf_counter()
    run.notify(NodeStarted(index, path, started))
    borrowed = _Borrowed(run, index, step.borrowed) if run.check_borrows else None
    try:
        value = await turn(run, step)
        if borrowed is not None:
            borrowed.compare()
    except BaseException as error:
        now = perf_counter()
        told = error.errors[0] if type(error) is Several else error  # of the others observers know from elements
        run.notify(NodeEnded(index, path, None, run.attempts, now - started, None, told, now))
        del told  # its traceback leads to this frame: it would be a cycle
        raise
    finally:
        if borrowed is not None:
            borrowed.copies.clear()
    try:
        _tell_end(run, index, path, started)
    except BaseException:
        value = EMPTY  # this frame is in the traceback, which must not keep the output
        raise
    return value


async def _asked(run: Run, step: Step, condition: Condition) -> bool:
    """Whether a condition holds. What it raises is told of its node, which else would neither have started nor ended."""
    index, started = step.index, perf_counter()
    looked = _Borrowed(run, index, step.looked if run.check_borrows else ())
    try:
        answer = await holds(run, condition)
        looked.compare()
    except BaseException as error:
        now, path = perf_counter(), run.path(index)
        run.notify(NodeStarted(index, path, started))
        run.notify(NodeEnded(index, path, None, 0, now - started, None, error, now))
        raise
    finally:
        looked.copies.clear()
    return answer


def _tell_end(run: Run, index: int, path: str, started: float) -> None:
    now, answer = perf_counter(), run.answer
    run.notify(NodeEnded(index, path, answer.status, run.attempts, now - started, answer.reason, answer.error, now))


class _Borrowed:
    """Copies of what a node, or its condition, borrows, made before."""

    __slots__ = ("copies", "index", "run")

    def __init__(self, run: Run, index: int, borrowed: tuple[tuple[str, int], ...]) -> None:
        self.run, self.index = run, index
        self.copies: list[tuple[str, int, Any]] = []
        for name, register in borrowed:
            self.copies.append((name, register, snapshot(run.slots[register])))

    def compare(self) -> None:
        """Raise a BorrowError for the first difference."""
        for name, register, copy in self.copies:
            found = difference(copy, self.run.slots[register], name)
            if found:
                raise BorrowError(problem("borrow-changed", self.run.path(self.index), name, what=found))
