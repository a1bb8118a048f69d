"""Running a task or a tree for each element of what a node's callable gave: the way in.

*Guarantees*: what was made only to be gone through is closed, however that ends.
*Does not know*: how elements are run.
"""

from collections.abc import AsyncIterator, Iterator
from operator import length_hint
from time import perf_counter
from typing import Any

from .._errors import ResultError, problem
from .._events import EachStarted
from .._results import StepResult, TaskResult
from .._types import class_of
from ._elements import Elements
from ._program import Step
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
    elements = _elements_of(run, step, source)
    if run.observers:
        path, now = run.path(step.index), perf_counter()
        run.notify(EachStarted(step.index, path, _total(source), now))
    is_made = step.task.each is not None and step.task.each.is_made
    try:
        work: Elements
        if isinstance(elements, AsyncIterator):
            work = Elements(run, step) if run.crew is None else Stream(run, step)
            await work.stream(elements)
        else:
            work = Elements(run, step) if run.crew is None else Workers(run, step)
            await work.all(elements)
    except Answered as ended:
        return ended.answer
    finally:
        if elements is source and is_made:
            await _close(elements)
    return work.output()


def _elements_of(run: Run, step: Step, source: Any) -> Iterator[Any] | AsyncIterator[Any]:
    """What can be gone through, once."""
    cls = class_of(source)
    found: Any
    try:
        found = source.__aiter__() if hasattr(cls, "__aiter__") else iter(source)
    except TypeError:
        what = f"an object of type {cls.__qualname__}"
        raise ResultError(problem("no-elements", run.path(step.index), what=what)) from None
    return found  # type: ignore[no-any-return]


def _total(source: Any) -> int | None:
    """How many elements there are, where that is known."""
    try:
        return length_hint(source, -1) if length_hint(source, -1) >= 0 else None
    except TypeError:
        return None


async def _close(elements: Any) -> None:
    """Close a generator that was made to be gone through."""
    if hasattr(elements, "aclose"):
        await elements.aclose()
    elif hasattr(elements, "close"):
        elements.close()
