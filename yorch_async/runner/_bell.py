"""A bell that wakes whoever waits for it now, and nobody who comes later.

*Guarantees*: a bell for which nobody waits costs nothing.
*Does not know*: what has happened; who wakes up has to look.
"""

from anyio import Event

__all__ = ["Bell"]


class Bell:
    """Has state: the event for which somebody waits, if somebody does."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: Event | None = None

    async def wait(self) -> None:
        """Wait for the next time it rings."""
        if self._event is None:
            self._event = Event()
        await self._event.wait()

    def ring(self) -> None:
        """Wake all who wait."""
        if self._event is not None:
            self._event.set()
            self._event = None
