"""Running a task or a tree for each element of what a node's callable gave: the way in.

*Guarantees*: what was made only to be gone through is closed, however that ends, and exceptions lead to none of it.
*Does not know*: how elements are run.
"""

from inspect import isasyncgen
from operator import length_hint
from time import perf_counter
from typing import Any

from .._errors import ResultError, problem
from .._events import EachStarted
from .._results import StepResult, TaskResult
from .._slots import EMPTY
from .._types import class_of
from ._elements import Elements
from ._program import Step
from ._resources import close
from ._signals import Answered
from ._state import Run
from ._stream import Stream
from ._workers import Workers

__all__ = ["go_through"]


async def go_through(run: Run, step: Step, given: Any) -> Any:
    """Run all elements of what was given; what the node answers."""
    cls = class_of(given)
    if cls is StepResult or (cls is TaskResult and not given.ok):
        return given
    if run.left_out is None:
        run.left_out = []
    source = given.value if cls is TaskResult else given
    given, is_async = None, hasattr(class_of(source), "__aiter__")
    elements: Any = source.__aiter__() if is_async else _iterator_of(run, step, source)
    closing = _closing(step, source, elements)
    if elements is source and closing is None:
        _check_alone(run, step, source)
    total = _total(source) if run.observers else None
    source = None  # this frame may be in a traceback, which must keep nothing of it
    work: Elements = Elements(run, step) if run.room is None else (Stream if is_async else Workers)(run, step)
    work.closing = closing
    closing = None
    try:
        if run.observers:
            run.notify(EachStarted(step.index, run.path(step.index), total, perf_counter()))
        await (work.stream if is_async else work.all)((elements, elements := EMPTY)[0])
        return work.output()
    except Answered as ended:
        return ended.answer
    finally:
        elements = EMPTY
        work.tell_left_out()
        closing = work.closing
        work.forget()
        if closing is not None:
            await close((closing, closing := None)[0])


def _iterator_of(run: Run, step: Step, source: Any) -> Any:
    """What gives the elements of something that is no async iterable."""
    cls = class_of(source)
    if getattr(cls, "__iter__", None) is None and not hasattr(cls, "__getitem__"):
        what = f"an object of type {cls.__qualname__}"
        raise ResultError(problem("no-elements", run.path(step.index), what=what))
    return iter(source)


def _check_alone(run: Run, step: Step, source: Any) -> None:
    """Refuse to use up what another node is going to go through, which would find nothing."""
    schedule = run.program.schedule
    mine = schedule.reads(step.index)[:1]
    for index, task in enumerate(schedule.tasks):
        if index != step.index and task.each is not None and not task.each.is_made and schedule.reads(index)[:1] == mine:
            facts = {"what": f"an object of type {class_of(source).__qualname__}", "other": run.path(index)}
            raise ResultError(problem("used-up", run.path(step.index), **facts))


def _closing(step: Step, source: Any, elements: Any) -> Any:
    """What is to be closed when all is over: what was made to be gone through."""
    is_made = step.task.each is not None and step.task.each.is_made
    return elements if (is_made if elements is source else isasyncgen(elements)) else None


def _total(source: Any) -> int | None:
    """How many elements there are, where that is known."""
    try:
        found = length_hint(source, -1)
    except Exception:  # noqa: BLE001 - only observers want to know, and a length may fail in any way
        return None
    return found if found >= 0 else None
