"""What can be told of the elements of a node, and in which order: a part of the check of what happened.

*Guarantees*: it accepts elements one at a time and many, and nothing that is told of an element that is not worked on.
*Does not know*: whether the node itself may run.
"""

from typing import TypeAlias

from .._events import AttemptStarted, EachStarted, ItemEnded, ItemStarted, RetryWaiting

__all__ = ["Inside"]

_Told: TypeAlias = EachStarted | ItemStarted | ItemEnded | AttemptStarted | RetryWaiting


class Inside:
    """The elements of one node, as far as events tell. It has state: which of them are worked on, and which are over."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._has_begun = False
        self._running: set[int] = set()
        self._over: set[int] = set()

    def fault(self, event: _Told) -> str | None:
        """What is wrong with the next event, if something is."""
        path = event.path
        if isinstance(event, EachStarted):
            is_again, self._has_begun = self._has_begun, True
            return f"'{path}' begins with its elements again" if is_again else None
        if not self._has_begun:
            return f"'{path}' is told of before '{self._path}' begins with its elements"
        if isinstance(event, AttemptStarted | RetryWaiting):
            number = path.removeprefix(f"{self._path}#").partition("/")[0]
            return None if number in map(str, self._running) else f"'{path}' is told of while that element is not worked on"
        return self._item(event)

    def _item(self, event: ItemStarted | ItemEnded) -> str | None:
        path, number = event.path, event.number
        if path != f"{self._path}#{number}":
            return f"'{path}' is not the path of element {number} of '{self._path}'"
        if isinstance(event, ItemStarted):
            is_known = number in self._running or number in self._over
            self._running.add(number)
            return f"'{path}' starts again" if is_known else None
        if number not in self._running:
            return f"'{path}' ends, and has not started or has ended before"
        self._running.remove(number)
        self._over.add(number)
        return None

    @property
    def unfinished(self) -> str | None:
        """An element that is still worked on, by its path."""
        return f"{self._path}#{min(self._running)}" if self._running else None
