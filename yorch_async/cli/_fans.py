"""How far nodes are that run something for each of many elements: counts, however many elements there are.

*Guarantees*: an event costs a few assignments; what is remembered is as much as runs at the same time.
*Does not know*: how counts are shown.
"""

from collections.abc import Callable
from typing import Any

from .. import AttemptStarted, EachStarted, Event, ItemEnded, ItemStarted, NodeEnded, RetryWaiting, StepStatus

__all__ = ["Fan", "Fans", "has_failed", "is_failure"]


class Fan:
    """The elements of one node. State: counts."""

    def __init__(self, path: str, total: int | None) -> None:
        self.path = path
        self.total = total
        self.started = 0
        self.ended = 0
        self.failed = 0
        self.aborted = 0
        self.retries = 0
        self.waiting: set[str] = set()
        """The elements that wait to be tried again, by their numbers."""

    @property
    def running(self) -> int:
        """How many elements have begun and not ended."""
        return self.started - self.ended

    def __str__(self) -> str:
        """How far it is, in a few words."""
        running = self.running
        counts = (
            (self.failed, "failed"),
            (self.aborted, "aborted"),
            (running, "running"),
            (len(self.waiting), "waiting"),
            (self.retries, "retry" if self.retries == 1 else "retries"),
        )
        done = f"{self.ended:,} done" if self.total is None else f"{self.ended:,} of {self.total:,}"
        return ", ".join([done, *(f"{count:,} {word}" for count, word in counts if count)])


class Fans:
    """All nodes of a run that have begun with elements, by index. State: written by events."""

    def __init__(self) -> None:
        self._fans: dict[int, Fan] = {}
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            EachStarted: self._each_started,
            ItemStarted: self._item_started,
            ItemEnded: self._item_ended,
            AttemptStarted: self._attempt_started,
            RetryWaiting: self._waiting,
            NodeEnded: self._node_ended,
        }

    def __call__(self, event: Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def get(self, index: int) -> Fan | None:
        """Those of one node, if it has any."""
        return self._fans.get(index)

    def holds(self, event: AttemptStarted | RetryWaiting) -> bool:
        """Whether something happens to an element, and not to the node itself, whose index it has."""
        fan = self._fans.get(event.index)
        return fan is not None and event.path != fan.path

    def _each_started(self, event: EachStarted) -> None:
        self._fans[event.index] = Fan(event.path, event.total)

    def _item_started(self, event: ItemStarted) -> None:
        self._fans[event.index].started += 1

    def _item_ended(self, event: ItemEnded) -> None:
        fan = self._fans[event.index]
        fan.ended += 1
        fan.aborted += event.status is StepStatus.ABORT_BRANCH
        fan.failed += has_failed(event)
        if fan.waiting:
            fan.waiting.discard(str(event.number))

    def _attempt_started(self, event: AttemptStarted) -> None:
        fan = self._fans.get(event.index)
        if fan is not None and fan.waiting:
            fan.waiting.discard(_number(fan, event.path))

    def _waiting(self, event: RetryWaiting) -> None:
        if self.holds(event):
            fan = self._fans[event.index]
            fan.retries += 1
            fan.waiting.add(_number(fan, event.path))

    def _node_ended(self, event: NodeEnded) -> None:
        fan = self._fans.get(event.index)
        if fan is not None:  # of elements that were cancelled with their node nothing is told
            fan.started = fan.ended
            fan.waiting.clear()


def _number(fan: Fan, path: str) -> str:
    """Of the element that a path leads into: `root/files#12/parse` is about the 12th of `root/files`."""
    return path[len(fan.path) + 1 :].partition("/")[0]


def has_failed(event: NodeEnded | ItemEnded) -> bool:
    """Whether a node or an element has ended as nobody wants it to. A cancelled one has not."""
    if event.status is None:
        return is_failure(event.error)
    return event.status not in (StepStatus.SUCCESS, StepStatus.ABORT_BRANCH)


def is_failure(error: BaseException | None) -> bool:
    """Whether an exception that left a node was of its own making. Cancellation and Ctrl-C are not."""
    return isinstance(error, Exception | SystemExit)
