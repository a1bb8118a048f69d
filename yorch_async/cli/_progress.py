"""How a run is watched while it goes: as a live tree, as plain lines, or not at all. Always on stderr.

*Guarantees*: an observer here does little per event and never fails, whatever has become of the terminal; a thread that was started
has ended when the run has.
*Does not know*: how a live tree is drawn.
"""

import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeAlias

import click

from .. import Event, ItemEnded, NodeEnded, NodeSkipped, NodeStarted, Observer, Plan, RetryWaiting, StepStatus
from .._types import visible
from ._board import UNMET, is_unmet
from ._fans import Fans, has_failed, is_failure
from ._load import load_room
from ._streams import is_terminal, say

__all__ = ["COLOURS", "KINDS", "Lines", "seconds", "ticking", "watching"]

KINDS = ("auto", "rich", "plain", "none")

COLOURS = {
    StepStatus.SUCCESS: "green",
    StepStatus.FAILURE: "red",
    StepStatus.RETRY: "yellow",
    StepStatus.ABORT_BRANCH: "cyan",
    StepStatus.ABORT_EXECUTION: "magenta",
    None: "red",
}

Handler: TypeAlias = Callable[[Any], None]


@contextmanager
def watching(kind: str, plan: Plan) -> Generator[Sequence[Observer]]:
    """Watch a run: the observers to hand to it."""
    if kind == "auto":
        kind = "rich" if is_terminal(sys.stderr) else "plain"
    if kind == "none" or sys.stderr is None:
        yield ()
    elif kind == "rich":
        with load_room("_live").drawn(plan) as observer:
            yield (observer,)
    else:
        lines = Lines(plan, say)
        with ticking(lines.still_running, every=10.0):
            yield (lines,)


@contextmanager
def ticking(tick: Callable[[], object], *, every: float) -> Generator[None]:
    """Call `tick` now and then, from a thread, so that also a task that blocks the loop is seen to take its time."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(every):
            tick()

    thread = threading.Thread(target=work, name="yorch progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Lines:
    """A line for each node that has ended, or that its condition has kept from running, and now and then for elements.

    There are no more than can be read.

    State: what has been said, and when.
    """

    BURST, RATE = 20.0, 10.0
    """So many lines at once, and later so many a second; what goes badly is always said."""

    SILENCE = 5.0
    """How long nothing may have been said before it is said what is still running, and how far a node is with its elements."""

    def __init__(self, plan: Plan, say: Callable[[str], None], clock: Callable[[], float] = perf_counter) -> None:
        self._plan = plan
        self._say = say
        self._clock = clock
        self._ended = 0
        self._running: dict[int, NodeStarted] = {}
        self._fans = Fans()
        self._told: dict[int, float] = {}
        """When it was said how far a node is with its elements."""
        self._allowance = self.BURST
        self._said_at = self._filled_at = clock()
        self._handlers: dict[type[Event], Handler] = {
            NodeStarted: self._started,
            NodeEnded: self._node_ended,
            NodeSkipped: self._skipped,
            ItemEnded: self._item_ended,
            RetryWaiting: self._waiting,
        }

    def __call__(self, event: Event) -> None:
        self._fans(event)
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def still_running(self) -> None:
        """Say what has been running for a while, if nothing else was said."""
        running = list(self._running.values())  # in one step, since this is another thread
        if running and self._clock() - self._said_at > self.SILENCE:
            longest, others = min(running, key=lambda event: event.time), len(running) - 1
            besides = f", and {others} other node{'s' * (others > 1)}" * bool(others)
            far = self._far(longest.index)
            self._line(f"{visible(longest.path)}: running for {seconds(self._clock() - longest.time)}{far}{besides}")

    def _started(self, event: NodeStarted) -> None:
        self._running[event.index] = event

    def _item_ended(self, event: ItemEnded) -> None:
        if has_failed(event) and self._may_speak():
            self._line(f"{visible(event.path)}: {_word(event)}, {seconds(event.elapsed)}")
        now = self._clock()
        if now - self._told.setdefault(event.index, now) > self.SILENCE and self._may_speak():
            self._told[event.index] = now
            self._line(f"{visible(event.path.rpartition('#')[0])}: {self._fans.get(event.index)}")

    def _node_ended(self, event: NodeEnded) -> None:
        self._running.pop(event.index, None)
        self._ended += 1
        important = event.status not in (StepStatus.SUCCESS, StepStatus.ABORT_BRANCH)
        if self._may_speak() or important:
            self._line(f"{visible(event.path)}: {_word(event)}, {seconds(event.elapsed)}{self._far(event.index)}")

    def _skipped(self, event: NodeSkipped) -> None:
        """Only what a condition did: the rest follows from how other nodes have ended, and may be long."""
        if is_unmet(self._plan, event) and self._may_speak():
            word = click.style("SKIPPED", fg=COLOURS[StepStatus.ABORT_BRANCH])
            self._line(f"{visible(event.path)}: {word}, {UNMET}")

    def _waiting(self, event: RetryWaiting) -> None:
        if self._may_speak():
            status = click.style("RETRY", fg=COLOURS[StepStatus.RETRY])
            self._line(f"{visible(event.path)}: {status} after attempt {event.attempts}, again in {seconds(event.delay)}")

    def _far(self, index: int) -> str:
        fan = self._fans.get(index)
        return "" if fan is None else f", {fan}"

    def _may_speak(self) -> bool:
        now = self._clock()
        self._allowance = min(self.BURST, self._allowance + (now - self._filled_at) * self.RATE)
        self._filled_at = now
        return self._allowance >= 1

    def _line(self, text: str) -> None:
        self._allowance, self._said_at = self._allowance - 1, self._clock()
        self._say(f"[{self._ended}/{len(self._plan)}] {text}")


def _word(event: NodeEnded | ItemEnded) -> str:
    left_by_an_error = "EXCEPTION" if is_failure(event.error) else "CANCELLED"
    return click.style(event.status.name if event.status else left_by_an_error, fg=COLOURS[event.status])


def seconds(time: float) -> str:
    """A duration, as precise as it is of interest."""
    for limit, factor, form in _DURATIONS:
        if time * factor < limit:
            return form.format(time * factor)
    minutes, rest = divmod(round(time), 60)
    return f"{minutes} min {rest:02} s"


_DURATIONS = ((1, 1e3, "<1 ms"), (999.5, 1e3, "{:.0f} ms"), (59.95, 1, "{:.1f} s"))
