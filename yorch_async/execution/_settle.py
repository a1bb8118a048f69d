"""Reading what a task returned: a status, and perhaps an output.

*Guarantees*: what cannot be an answer is a ResultError; what no success is leaves the success path by `Left`.
*Does not know*: adapters; `settle` is for what is left when they are done.
"""

from typing import Any

from .._errors import ResultError, problem
from .._outputs import Returns
from .._results import FLOW, StepResult, StepStatus, TaskResult
from .._slots import EMPTY, DirectOut, close
from .._tasks import Kind
from .._types import class_of
from ._program import Program, Step
from ._signals import Left
from ._state import SUCCESS, Run

__all__ = ["SEEN", "learn", "settle", "settled", "written"]

SEEN = FLOW | {StepStatus}
"""Classes of results that are looked at, however often they have been seen."""
_MOST_SEEN = 256
"""How many classes of results a plan remembers; a program that makes classes as it runs must not fill the memory with them."""


async def settled(run: Run, index: int, raw: Any) -> Any:
    """What a task returned where that is not of a class that was expected: its output or EMPTY. Raises `Left` if it is no success."""
    task, cls = run.plan.tasks[index], class_of(raw)
    if not task.awaits and hasattr(cls, "__await__"):
        run.at = index
        raw = await raw
        cls = class_of(raw)
    program = run.program
    if program.op(index).expected is program.plain and cls not in SEEN:
        if not hasattr(cls, "__await__"):
            learn(program, cls)
            if run.code is not None:
                run.code.learn(index, cls)
        return raw
    try:
        value = settle(run, program.step(index), raw)
    except ResultError:
        raise Left(raw) from None  # said once more, and by then in its place: adapters do not see it
    if not run.answer.ok:
        raise Left(raw)
    run.has_gaps = run.has_gaps or value is EMPTY
    return value


def learn(program: Program, cls: type) -> None:
    """Remember a class whose objects are outputs, and need not be looked at."""
    if len(program.plain) < _MOST_SEEN:
        program.plain.add(cls)


def written(handle: DirectOut[Any]) -> Any:
    """What a direct-output task that has succeeded wrote."""
    obj = close(handle)
    if obj is EMPTY:
        raise Left
    return obj


def settle(run: Run, step: Step, raw: Any) -> Any:
    """Read what a task with its adapters returned: its answer, which becomes the run's, and its output or EMPTY."""
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
    if value is EMPTY and answer.ok and step.task.kind is Kind.REGULAR:
        reader = run.program.schedule.reader(step.index)
        if reader is not None:
            raise ResultError(problem("no-output", run.path(step.index), reader=run.path(reader)))
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
