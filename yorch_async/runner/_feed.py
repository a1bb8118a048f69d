"""What has happened in a run, for readers who come when they like and are as slow as they like.

All readers read one log, each from its own place in it. The log keeps what is still true: that a node has started, and the latest
that is known of it - an attempt, a wait, an element, its end. What is newer takes the place of what is older and goes to the end.

*Guarantees*: writing never waits. However many readers there are and however slow, the log holds at most two events per node, three
where it goes through elements, and two for the run, and a reader at most as many more. Starts, ends and skips of nodes, and how many
elements there are, reach every reader, in order, also one that comes after the end.
*Does not know*: who runs, and what an event means.
"""

from collections.abc import AsyncIterator
from typing import Final, TypeAlias

from anyio.lowlevel import checkpoint

from .._events import EachStarted, Event, NodeStarted, RunEnded, RunStarted
from ._bell import Bell

__all__ = ["Feed", "Reader"]

_Entry: TypeAlias = tuple[int, int, Event]
"""The number of an event, the place that it takes, and the event."""

_STARTED: Final = -2
_ENDED: Final = -1


def _place(event: Event) -> int:
    """What an event is about; a later one about the same takes its place."""
    if isinstance(event, RunStarted):
        return _STARTED
    if isinstance(event, RunEnded):
        return _ENDED
    kind = 0 if isinstance(event, NodeStarted) else 1 if isinstance(event, EachStarted) else 2
    return 3 * event.index + kind


class Feed:
    """Has state: the log of one run. It is over with the run's end, which its owner puts in."""

    __slots__ = ("_count", "_log", "bell")

    def __init__(self) -> None:
        self._count = 0
        self._log: dict[int, _Entry] = {}  # in the order of the numbers: what changes is taken out and put in again
        self.bell = Bell()

    @property
    def is_over(self) -> bool:
        """Whether nothing will follow."""
        return _ENDED in self._log

    def watch(self, event: Event) -> None:
        """Observe a run. Its end is left to the owner, who knows what comes of it afterwards."""
        if not isinstance(event, RunEnded):
            self.add(event)

    def add(self, event: Event) -> None:
        """Put in an event."""
        place = _place(event)
        self._log.pop(place, None)
        self._count += 1
        self._log[place] = self._count, place, event
        self.bell.ring()

    def is_current(self, entry: _Entry) -> bool:
        """Whether nothing newer has taken its place."""
        return self._log[entry[1]] is entry

    def after(self, number: int) -> list[_Entry]:
        """What a reader has yet to see who has come to this number, the latest first."""
        found: list[_Entry] = []
        for entry in reversed(self._log.values()):
            if entry[0] <= number:
                break
            found.append(entry)
        return found


class Reader(AsyncIterator[Event]):
    """Has state: how far it has come. It need not be closed, and loses nothing when it is cancelled."""

    __slots__ = ("_feed", "_next", "_seen")

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._next: list[_Entry] = []
        self._seen = 0

    async def __anext__(self) -> Event:
        await checkpoint()
        while True:
            while self._next:
                entry = self._next.pop()
                if self._feed.is_current(entry):
                    self._seen, _, event = entry
                    return event
            while not (found := self._feed.after(self._seen)):
                if self._feed.is_over:
                    raise StopAsyncIteration
                await self._feed.bell.wait()
            self._next = found
