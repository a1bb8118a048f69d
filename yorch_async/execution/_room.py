"""How many tasks of the event loop a concurrent run may use for nodes and elements, and who waits for one more.

*Guarantees*: no more are taken than there may be; whoever has asked is told when there is room, the one that has waited longest first.
*Does not know*: what the tasks do.
"""

from collections.abc import Callable

__all__ = ["Room"]


class Room:
    """The tasks of a run. It has state: how many are taken, and who would like one."""

    def __init__(self, limit: int | None, freed: Callable[[], None]) -> None:
        self.limit = limit
        """Of nodes and elements together; None: elements are not counted."""
        self.taken = 0
        self._freed = freed
        """Called when elements have given one back."""
        self._waiting: dict[Callable[[], None], None] = {}

    @property
    def is_full(self) -> bool:
        """Whether no further one may be taken."""
        return self.limit is not None and self.taken >= self.limit

    def take(self, wanted: Callable[[], None]) -> bool:
        """Take one for an element. If there is none, `wanted` is called when there may be."""
        if self.limit is not None:
            if self.taken >= self.limit:
                self._waiting[wanted] = None
                return False
            self.taken += 1
        return True

    def give(self) -> None:
        """Give back what was taken for an element."""
        if self.limit is not None:
            self.taken -= 1
            self._freed()

    def offer(self) -> None:
        """Tell those who wait, as long as there is room."""
        while self._waiting and not self.is_full:
            wanted = next(iter(self._waiting))
            del self._waiting[wanted]
            wanted()

    def close(self) -> None:
        """The run is over: it is let go of, which would be a cycle otherwise."""
        self._freed = _nobody
        self._waiting.clear()

    def forget(self, wanted: Callable[[], None]) -> None:
        """Somebody does not wait any more."""
        self._waiting.pop(wanted, None)


def _nobody() -> None: ...
