"""Waiting before a retry: never beyond the time that is left, and in tests not at all.

*Guarantees*: a wait gives the event loop its turn, however short it is, because a task that never suspends would otherwise retry
without ever letting the loop go on.
*Does not know*: how long it should be.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from threading import Lock
from typing import TypeAlias

from .._adapter import Attempt

__all__ = ["Sleep", "pause", "without_waits"]

Sleep: TypeAlias = Callable[[float], Awaitable[object]]


class _Switch:
    """Whether waits are left out. It has state: how many ask for that."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.count = 0

    def turn(self, by: int) -> None:
        with self._lock:
            self.count += by


_switch = _Switch()


async def pause(attempt: Attempt, delay: float, sleep: Sleep | None) -> None:
    """Tell observers of the wait, and wait."""
    left = min(delay, attempt.time_left) if delay else delay
    attempt.waiting(left)
    if _switch.count:
        await attempt.sleep(0)
    elif sleep is None:
        # Not what is left: a timer may be a little early, and then there would be time for one more attempt, and one more.
        await attempt.sleep(delay)
    else:
        await sleep(left)


@contextmanager
def without_waits() -> Generator[None, None, None]:
    """Let retries wait for nothing as long as the context is entered; what they would have waited is announced to observers.

    It holds for the whole process, for every run and thread, also where a `sleep` was passed in; it can be nested, and ends with the
    outermost. The loop still has its turn before each retry, and delivers a cancellation. `attempt.sleep` in adapters of your own,
    `timeout` and what tasks wait for themselves are as they are.

    When not to use it: in tests of the waiting itself; a `ManualClock` knows how long it was.

    >>> from yorch_async import RetryFixed, StepResult, TaskTree, compile_plan, retry, run
    >>> answers = iter([StepResult.retry(after=3600), StepResult.success()])
    >>> tree = TaskTree()
    >>> node = tree.root(lambda: next(answers), adapters=(retry(RetryFixed(3)),))
    >>> with without_waits():
    ...     run(compile_plan(tree)).ok
    True
    """
    _switch.turn(1)
    try:
        yield
    finally:
        _switch.turn(-1)


without_waits.__module__ = "yorch_async.testing"  # its door
