"""What happened in a run, kept by an observer that can be asked about it.

*Guarantees*: it answers by the order of the events and not by clocks; whom it cannot answer, it tells what happened instead.
*Does not know*: the plan, and so no node that nothing was heard of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from .._events import Event, NodeEnded, NodeSkipped, NodeStarted, RetryWaiting
from .._results import StepStatus
from ..plan import Plan
from ._order import check_order
from ._public import public
from ._told import latest_run, story

__all__ = ["Finding", "Outcome", "Recorder"]

E = TypeVar("E", bound=Event)


@public
@dataclass(frozen=True, slots=True)
class Outcome:
    """How a node ended: `recorder.outcome("load")`.

    `status` is None where an exception (`error`) left it; `attempts` is how many times its task was called, `waits` are the seconds
    of each wait in between, `elapsed` those from its start to its end.

    >>> from yorch_async import NodeEnded, StepStatus
    >>> recorder = Recorder()
    >>> recorder(NodeStarted(0, "load", time=1.0))
    >>> recorder(NodeEnded(0, "load", StepStatus.SUCCESS, attempts=1, elapsed=0.5, reason=None, error=None, time=1.5))
    >>> recorder.outcome("load").ok
    True
    """

    path: str
    status: StepStatus | None
    attempts: int
    waits: tuple[float, ...]
    reason: str | None
    error: BaseException | None
    elapsed: float

    @property
    def ok(self) -> bool:
        """Whether the status is SUCCESS."""
        return self.status is StepStatus.SUCCESS


@public
@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something is the case, as its truth value, and `why`; a failed `assert` shows both.

    >>> assert Finding(False, "b started, a started")
    Traceback (most recent call last):
    AssertionError
    >>> Finding(False, "b started, a started")
    <False: b started, a started>
    """

    holds: bool
    why: str

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        return f"<{self.holds}: {self.why}>"


@public
class Recorder:
    """An observer that keeps all events, and answers questions about the latest run that it has seen.

    A node is asked for by its path or the end of one. Questions about a node that did not come so far raise `AssertionError`, which
    tells what happened instead; `str(recorder)` tells it at any time.

    >>> from yorch_async import TaskTree, compile_plan, run, value
    >>> tree, recorder = TaskTree("numbers"), Recorder()
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> node = seven.child(lambda: None, name="rest")
    >>> result = run(compile_plan(tree), observers=[recorder])
    >>> recorder.order
    ['seven', 'seven/rest']
    >>> recorder.outcome("rest").attempts
    1
    >>> recorder.started_before("rest", "seven")
    <False: seven started, seven ended, rest started, rest ended>
    >>> print(recorder)
    run of 'numbers' started
      seven started
    ...
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        """Everything that happened, in order, in all runs."""

    def __call__(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in all runs."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def order(self) -> list[str]:
        """The paths of the nodes in the order in which they started."""
        return [event.path for event in self._latest() if isinstance(event, NodeStarted)]

    @property
    def skipped(self) -> dict[str, str]:
        """The paths of the nodes that were skipped, each with that of the node because of which it was; its own: by its condition."""
        return {event.path: event.because for event in self._latest() if isinstance(event, NodeSkipped)}

    def outcome(self, node: str) -> Outcome:
        """How a node ended."""
        path = self._path(node)
        waits: list[float] = []
        for event in self._latest():
            if isinstance(event, RetryWaiting) and event.path == path:
                waits.append(event.delay)
            elif isinstance(event, NodeEnded) and event.path == path:
                how = event.status, event.attempts, tuple(waits), event.reason, event.error, event.elapsed
                return Outcome(path, *how)
        raise self._otherwise(f"'{path}' {self._short_of_end(path)}")

    def started_before(self, first: str, second: str) -> Finding:
        """Whether one node started before another one did."""
        (a, _), (b, _), why = self._marks(first, second)
        return Finding(a < b, why)

    def overlapped(self, first: str, second: str) -> Finding:
        """Whether two nodes ran at the same time: each started before the other one ended."""
        (a, a_end), (b, b_end), why = self._marks(first, second)
        return Finding(a < b_end and b < a_end, why)

    def check(self, plan: Plan) -> None:
        """Raise `AssertionError` if the latest run is none that this plan can have; see `check_order`."""
        check_order(plan, self._latest())

    def _latest(self) -> Sequence[Event]:
        return latest_run(self.events)

    def _path(self, node: str) -> str:
        paths = dict.fromkeys(event.path for event in self._latest() if isinstance(event, NodeStarted | NodeSkipped))
        found = [node] if node in paths else [path for path in paths if path.endswith(f"/{node}")]
        if len(found) == 1:
            return found[0]
        if found:
            raise AssertionError(f"'{node}' may be any of {', '.join(found)}; ask by path")
        raise self._otherwise(f"nothing was heard of a node '{node}'")

    def _short_of_end(self, path: str) -> str:
        because = self.skipped.get(path)
        if because is None:
            return "has started, and not ended"
        return "was skipped: its condition did not hold" if because == path else f"was skipped because of '{because}'"

    def _marks(self, first: str, second: str) -> tuple[tuple[int, int], tuple[int, int], str]:
        """Where two nodes started and ended in the order of events, and all of that in words."""
        names = self._path(first), self._path(second)
        marks: dict[tuple[str, str], int] = {}
        for place, event in enumerate(self._latest()):
            if isinstance(event, NodeStarted | NodeEnded) and event.path in names:
                word = "started" if isinstance(event, NodeStarted) else "ended"
                marks.setdefault((event.path, word), place)
        for name in names:
            if (name, "started") not in marks:
                raise self._otherwise(f"'{name}' {self._short_of_end(name)}")
        words = dict(zip(names, (first, second), strict=True))
        why = ", ".join(f"{words[name]} {word}" for name, word in marks)
        a, b = ((marks[name, "started"], marks.get((name, "ended"), len(self.events))) for name in names)
        return a, b, why

    def _otherwise(self, what: str) -> AssertionError:
        return AssertionError(f"{what}; instead:\n{story(self._latest())}")

    def __str__(self) -> str:
        return story(self._latest()).removeprefix("  ")

    def __repr__(self) -> str:
        return f"<Recorder of {len(self.events)} event{'s' * (len(self.events) != 1)}>"
