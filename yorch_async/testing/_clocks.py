"""Time that a test tells: one clock that moves on by itself when somebody sleeps, and one that the test moves.

*Guarantees*: no sleep here takes time; sleepers wake in the order in which they are due, each when all that the one before it has
set going has come to wait; cancelling a sleep ends it.
*Does not know*: who sleeps. What waits for a thread or the network counts as waiting like any other.
"""

from heapq import heapify, heappop, heappush
from typing import Final

from anyio import Event, get_current_task, wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from ._public import public

__all__ = ["ManualClock", "SteppedClock"]


@public
class ManualClock:
    """A clock that moves on when somebody sleeps on it, at once.

    It fits where one thing sleeps at a time, and under `run_sync`. Of several sleepers each moves the clock on by its own time, as if
    they had slept one after the other; `SteppedClock` lets them wait side by side.

    >>> import anyio
    >>> clock = ManualClock()
    >>> anyio.run(clock.sleep, 1.5)
    >>> clock.now, clock.waits
    (1.5, [1.5])
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        """The time, in seconds."""
        self.waits: list[float] = []
        """How long each sleep was."""

    def time(self) -> float:
        """The time, in seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move the clock on. The loop, if there is one, gets its turn, and delivers a cancellation, as in a real sleep."""
        self.waits.append(seconds)
        self.now += seconds
        if _has_loop():
            await checkpoint()


@public
class SteppedClock:
    """A clock that stands still until the test advances it: who sleeps on it really waits.

    It needs an event loop.

    >>> import anyio
    >>> async def main():
    ...     clock = SteppedClock()
    ...     async with anyio.create_task_group() as group:
    ...         group.start_soon(clock.sleep, 2.0)
    ...         await clock.advance(1.5)
    ...         print(clock.now, clock.due)
    ...         await clock.advance(0.5)
    ...         print(clock.now, clock.due)
    >>> anyio.run(main)
    1.5 [2.0]
    2.0 []
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        """The time, in seconds."""
        self.waits: list[float] = []
        """How long each sleep was to be."""
        self._sleepers: list[tuple[float, int, Event]] = []
        """A heap; the number, which rises, keeps the order of those that are due at the same time."""

    def time(self) -> float:
        """The time, in seconds."""
        return self.now

    @property
    def due(self) -> list[float]:
        """The times at which those who sleep now will wake, in order."""
        return sorted(due for due, _, _ in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced by that much; a sleep of 0 seconds only gives the loop its turn.

        Raises `RuntimeError` under `run_sync`, where nobody could advance it.
        """
        if not _has_loop():
            raise RuntimeError("a SteppedClock is advanced by another task, and here is no event loop; use a ManualClock")
        self.waits.append(seconds)
        if seconds <= 0:
            await checkpoint()
            return
        sleeper = self.now + seconds, len(self.waits), Event()
        heappush(self._sleepers, sleeper)
        try:
            await sleeper[2].wait()
        finally:
            if sleeper in self._sleepers:  # it was cancelled
                self._sleepers.remove(sleeper)
                heapify(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move the clock on, and wake who is due by then, one after the other.

        Before the first one, after each, and at the end all tasks of the loop run until they wait, so that who is about to sleep
        does, and a test may assert right away what has come of it. Raises `ValueError` for a time before now.
        """
        if not seconds >= 0:
            raise ValueError(f"a clock is advanced by 0 or more seconds, not {seconds!r}")
        await _everybody_waits()
        end = self.now + seconds
        while self._sleepers and self._sleepers[0][0] <= end + _ROUNDING:
            due, _, event = heappop(self._sleepers)
            self.now = max(self.now, due)
            event.set()
            await _everybody_waits()
        self.now = max(self.now, end)


_ROUNDING: Final = 1e-9
"""Times are sums of floats, and 0.7 + 0.1 is less than 0.8: who is due so little later is due."""
_TURNS: Final = 50
"""How many turns the loop gets before it is asked who still runs: asking asyncio costs a real wait when somebody does."""


async def _everybody_waits() -> None:
    """Let all other tasks run until they wait."""
    for _ in range(_TURNS):
        await checkpoint()
    await wait_all_tasks_blocked()


def _has_loop() -> bool:
    try:
        get_current_task()
    except RuntimeError:  # under run_sync
        return False
    return True
