"""What is known of a run while it goes: which nodes are done, running, waiting, failed, and how far they are with their elements.

*Guarantees*: an event costs a few assignments, however large the plan; what is shown is bounded by the room that there is. It is
written by the run and read by another thread: a row may be a moment old, but is never half of something.
*Does not know*: terminals.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, NamedTuple

from .. import Event, NodeEnded, NodeSkipped, NodeStarted, Plan, RetryWaiting, Skip, StepStatus
from ..plan import drawn
from ._fans import Fans, is_failure
from ._trouble import safely

__all__ = ["UNMET", "Board", "Look", "Row", "is_apart", "is_unmet"]

UNMET = "its condition did not hold"


class Look(IntEnum):
    """What a node looks like at the moment."""

    PENDING = 0
    RUNNING = 1
    WAITING = 2
    DONE = 3
    CUT = 4
    BAD = 5
    SKIPPED = 6


class Row(NamedTuple):
    """One line of the tree. `time` is how long the node took, or has been running; None: nothing to say."""

    level: int
    name: str
    look: Look
    time: float | None
    remark: str


_BY_STATUS = {StepStatus.SUCCESS: Look.DONE, StepStatus.ABORT_BRANCH: Look.CUT}


class Board:
    """The nodes of one run. State: written by events."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ended = 0
        self.bad = 0
        self.skipped = 0
        self._looks = bytearray(len(plan))
        self._running: dict[int, float] = {}
        self._remarks: dict[int, str] = {}
        self._times: dict[int, float] = {}
        """How long nodes took: all of a small plan, and of a large one those that have gone badly."""
        self._stopped: list[int] = []
        """The nodes that have gone badly, or were cancelled."""
        self._fans = Fans()
        self._remembers_all = len(plan) <= 500  # noqa: PLR2004 - more than any terminal shows
        self._drawn = [index for index, _ in drawn(plan.layout)] if self._remembers_all else range(len(plan))
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            NodeStarted: self._node_started,
            NodeEnded: self._node_ended,
            NodeSkipped: self._node_skipped,
            RetryWaiting: self._node_waits,
        }

    def __call__(self, event: Event) -> None:
        self._fans(event)
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _node_started(self, event: NodeStarted) -> None:
        self._running[event.index] = event.time
        self._looks[event.index] = Look.RUNNING

    def _node_waits(self, event: RetryWaiting) -> None:
        if not self._fans.holds(event):
            self._remarks[event.index] = f"attempt {event.attempts + 1}"

    def _node_ended(self, event: NodeEnded) -> None:
        index = event.index
        self._running.pop(index, None)
        look = _look(event)
        self._looks[index] = look
        self.ended += 1
        if look is Look.BAD or event.status is None:
            self.bad += look is Look.BAD
            self._stopped.append(index)
            self._remarks[index] = event.reason or _words(event.error)
        elif self._remarks:
            self._remarks.pop(index, None)
        if self._remembers_all or index in self._remarks:
            self._times[index] = event.elapsed

    def _node_skipped(self, event: NodeSkipped) -> None:
        self._looks[event.index] = Look.SKIPPED
        self.skipped += 1
        if is_unmet(self.plan, event):
            self._remarks[event.index] = UNMET
        elif is_apart(self.plan, event, lambda index: self._looks[index] == Look.SKIPPED):
            self._remarks[event.index] = f"because of {event.because}"

    @property
    def running(self) -> int:
        """How many nodes are running."""
        return len(self._running)

    def rows(self, room: int, now: float) -> list[Row]:
        """The whole tree if there is room for it; else what has failed and what is running, as much as there is room for."""
        if len(self.plan) <= room:
            return [self._row(index, now, whole=True) for index in self._drawn]
        running = sorted(self._running)[-max(room // 2, 1) :]
        bad = self._stopped[: max(room - len(running), 0)]
        chosen: Iterable[int] = sorted({*bad, *running})
        return [self._row(index, now, whole=False) for index in chosen][: max(room, 0)]

    def _row(self, index: int, now: float, *, whole: bool) -> Row:
        node = self.plan.nodes[index]
        started = self._running.get(index)
        time = self._times.get(index) if started is None else now - started
        remark, fan = self._remarks.get(index, ""), self._fans.get(index)
        is_waiting = remark if fan is None else fan.waiting and len(fan.waiting) == fan.running
        look = Look.WAITING if started is not None and is_waiting else Look(self._looks[index])
        if fan is not None:
            remark = f"{fan}: {remark}" if remark else str(fan)
        return Row(node.level if whole else 0, node.label if whole else node.path, look, time, remark)


def is_unmet(plan: Plan, skip: NodeSkipped | Skip) -> bool:
    """Whether a node was skipped because its own condition did not hold."""
    return skip.because == skip.path and plan.tasks[skip.index].condition is not None


def is_apart(plan: Plan, skip: NodeSkipped | Skip, is_skipped: Callable[[int], bool]) -> bool:
    """Whether a node was skipped because of one that it depends on without being below it."""
    if skip.because == skip.path or not plan.layout.links.is_late(skip.index):
        return False
    parent = plan.layout.parents[skip.index]
    return parent < 0 or not (is_skipped(parent) or plan.layout.path(parent) == skip.because)


def _look(event: NodeEnded) -> Look:
    if event.status is None:
        return Look.BAD if is_failure(event.error) else Look.CUT
    return _BY_STATUS.get(event.status, Look.BAD)


def _words(error: BaseException | None) -> str:
    """What ended a node that gave no reason."""
    if error is None:
        return ""
    return safely(repr, error) if is_failure(error) else "cancelled"
