"""One node's turn: the only place where a task is called with adapters, observed, or checked for borrows.

*Guarantees*: after a turn nothing of it is left: its handle is closed, an attempt that did not succeed has left its resource, and
no frame holds another node's output.
*Does not know*: which node comes next.
"""

from time import perf_counter
from typing import Any

from .._errors import BorrowError, ResultError, problem
from .._events import AttemptStarted, Event, NodeEnded, NodeStarted, RetryWaiting
from .._outputs import Returns
from .._results import FLOW, StepResult, StepStatus, TaskResult
from .._slots import EMPTY, Cell, DirectOut
from .._specs import Access
from .._tasks import Kind
from .._types import class_of
from ._borrows import difference, snapshot
from ._program import Step, read_registers
from ._resources import Resource, enter, leave
from ._state import Run

__all__ = ["Turn", "begin", "careful_turn", "settle", "turn"]

SUCCESS = StepResult.success()


class Turn:
    """What adapters see as an attempt, and what is to be tidied up after it."""

    __slots__ = ("_cell", "_resource", "number", "observed", "run", "step")

    def __init__(self, run: Run, step: Step) -> None:
        self.run = run
        self.step = step
        self.number = 0
        self.observed: BaseException | None = None
        """What an observer raised meanwhile."""
        self._cell: Cell | None = None
        self._resource: Resource | None = None

    @property
    def path(self) -> str:
        """The node's path."""
        return self.run.path(self.step.index)

    def waiting(self, delay: float) -> None:
        """Tell observers of a wait before the next call."""
        if self.run.observers:
            index = self.step.index
            self._tell(RetryWaiting(index, self.path, self.number, delay, perf_counter()))

    def _tell(self, event: Event) -> None:
        """Tell observers from inside the adapters, which must not take an observer's error for one of the task."""
        try:
            self.run.notify(event)
        except BaseException as error:
            self.observed = error
            raise

    async def reset(self) -> None:
        """Let go of what the last call left."""
        if self._cell is not None:
            self._cell.close()
            self._cell = None
            self.run.registers[self.step.sink] = EMPTY
        if self._resource is not None:
            resource, self._resource = self._resource, None
            await leave(resource, None)

    async def call(self) -> Any:
        """Resolve the arguments, call the task, await what it returned, enter it if it is managed."""
        run, step, task = self.run, self.step, self.step.task
        if self.number:
            await self.reset()
            if task.traits.consumes:
                raise ResultError(problem("consumed-twice", self.path))
        self.number += 1
        if run.observers:
            self._tell(AttemptStarted(step.index, self.path, self.number, perf_counter()))
        if task.kind is Kind.DIRECT:
            self._cell = Cell()
            run.registers[step.sink] = DirectOut[Any](self._cell, task.output.type, lambda: run.path(step.index))
        result = step.caller(step.fn, run.registers, step.operands)
        if hasattr(class_of(result), "__await__"):
            result = await result
        return await self._entered(result) if task.managed else result

    async def _entered(self, result: Any) -> Any:
        cls = class_of(result)
        if cls is StepResult or (cls is TaskResult and not result.ok):
            return result
        manager = result.value if cls is TaskResult else result
        self._resource, yielded = await enter(manager, self.path)
        return TaskResult.success(yielded)

    async def end(self, value: Any) -> Any:
        """Settle the handle and the resource; return the output of the node."""
        ok = self.run.answer.ok
        if self.step.task.kind is Kind.DIRECT:
            # There is no handle if an adapter has answered without calling the task, or has let go of what it wrote.
            written, self._cell = EMPTY if self._cell is None else self._cell.close(), None
            self.run.registers[self.step.sink] = EMPTY
            if ok and written is EMPTY:
                raise ResultError(problem("empty-slot", self.path))
            value = written if ok else EMPTY
        if self._resource is not None:
            resource, self._resource = self._resource, None
            if ok:
                self.run.resources[self.step.index] = resource
            else:
                await leave(resource, None)
        return value

    async def fail(self, error: BaseException) -> None:
        """Tidy up after an exception."""
        if self._cell is not None:
            self._cell.close()
        if self._resource is not None:
            resource, self._resource = self._resource, None
            await leave(resource, error)


async def begin(turn: Turn) -> Any:
    """The innermost call, around which adapters are wrapped."""
    return await turn.call()


async def turn(run: Run, step: Step) -> Any:
    """Run one node with its adapters; its output or EMPTY. What it answered is the run's answer then."""
    state = Turn(run, step)
    run.attempts = 0
    try:
        wrapped = step.wrapped
        raw = await (begin(state) if wrapped is None else wrapped(state))
        if state.observed is not None:
            raise state.observed  # noqa: TRY301 - what follows it tidies up
        value = settle(run, step, raw)
        del raw
        value = await state.end(value)
    except BaseException as error:
        await state.fail(error)
        raise
    finally:
        run.attempts = state.number
        state.observed = None  # its traceback leads to this frame: it would be a cycle
    return value


async def careful_turn(run: Run, step: Step) -> Any:
    """The same under the eyes of observers and, if asked for, with what the node borrows compared before and after."""
    index, path = step.index, run.path(step.index)
    started = perf_counter()
    run.notify(NodeStarted(index, path, started))
    borrowed = _Borrowed(run, step) if run.check_borrows else None
    try:
        value = await turn(run, step)
        if borrowed is not None:
            borrowed.compare()
    except BaseException as error:
        now = perf_counter()
        run.notify(NodeEnded(index, path, None, run.attempts, now - started, None, error, now))
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


def _tell_end(run: Run, index: int, path: str, started: float) -> None:
    now, answer = perf_counter(), run.answer
    run.notify(NodeEnded(index, path, answer.status, run.attempts, now - started, answer.reason, answer.error, now))


class _Borrowed:
    """Copies of what a node borrows, made before its turn."""

    __slots__ = ("copies", "run", "step")

    def __init__(self, run: Run, step: Step) -> None:
        self.run, self.step = run, step
        self.copies: list[tuple[str, int, Any]] = []
        registers = read_registers(run.plan, step.index)
        for (name, access), register in zip(step.task.prev, registers, strict=True):
            if access.access is Access.BORROW:
                self.copies.append((name, register, snapshot(run.registers[register])))

    def compare(self) -> None:
        """Raise a BorrowError for the first difference."""
        for name, register, copy in self.copies:
            found = difference(copy, self.run.registers[register], name)
            if found:
                raise BorrowError(problem("borrow-changed", self.run.path(self.step.index), name, what=found))


def settle(run: Run, step: Step, raw: Any) -> Any:
    """Read what a task returned: its answer, which becomes the run's, and its output or EMPTY.

    A result that cannot be is a ResultError.
    """
    cls = class_of(raw)
    if cls is StepResult:
        answer, value = raw, EMPTY
    elif cls is TaskResult:
        answer, value = raw.step, raw.value if raw.ok else EMPTY
    else:
        answer, value = SUCCESS, raw
    if cls is StepStatus:
        what = f"StepStatus.{raw.name}"
        declared = "a status alone is no answer; StepResult and TaskResult have a constructor for each"
        raise ResultError(problem("result-type", run.path(step.index), what=what, declared=declared))
    if step.strict:
        value = _strict(run, step, raw, value)
        if step.task.kind is Kind.FORWARD and answer.ok and step.keep:
            value = run.registers[step.forwarded]
    if value is EMPTY and answer.ok and step.reader and step.task.kind is Kind.REGULAR:
        raise ResultError(problem("no-output", run.path(step.index), reader=run.path(step.reader)))
    run.answer = answer
    return value


def _strict(run: Run, step: Step, raw: Any, value: Any) -> Any:
    """What may be returned where the declaration or the kind of the task limits it."""
    task = step.task
    returns = task.output.returns
    if task.kind is not Kind.REGULAR:
        if value is EMPTY or raw is None:
            return EMPTY
        declared = f"{task.kind.value} takes only None or a StepResult"
    elif returns is Returns.RESULT:
        if task.adapters or class_of(raw) in FLOW:
            return value
        declared = f"it is declared to return {task.output.words}"
    else:
        # An adapter may answer None where the task itself would have to answer a status: a value-less success.
        if value is EMPTY or (raw is None and (returns is Returns.NOTHING or task.adapters)):
            return EMPTY
        declared = f"it is declared to return {task.output.words}"
    what = "None" if raw is None else f"an object of type {class_of(raw).__qualname__}"
    raise ResultError(problem("result-type", run.path(step.index), what=what, declared=declared))
