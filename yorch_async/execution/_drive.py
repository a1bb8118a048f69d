"""Running a coroutine to its end without an event loop.

*Guarantees*: what wants to wait is told, by an error at that very place, that nothing can be waited for here.
*Does not know*: what the coroutine does.
"""

import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from .._errors import ResultError, problem
from ._state import Run

__all__ = ["drive", "sleep_here"]

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T], run: Run) -> T:
    """Run it; what it returns."""
    try:
        coroutine.send(None)
        coroutine.throw(ResultError(problem("suspends", run.path(run.at))))
    except StopIteration as stop:
        result: T = stop.value
        return result
    # It was told, and wants to wait once more: closing it is the last way to end it.
    run.is_stuck, at = True, run.at
    coroutine.close()
    error = ResultError(problem("suspends", run.path(at)))
    run.note(error, at)
    raise error


async def sleep_here(delay: float) -> None:
    """Wait in the thread: there is no loop that could go on meanwhile."""
    time.sleep(delay)  # noqa: ASYNC251 - awaited only where `drive` runs the coroutine
