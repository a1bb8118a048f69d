"""What can happen during a run, as frozen records. An observer is any callable that takes one of them.

*Guarantees*: a record holds no output of a node, so that keeping it keeps nothing else alive, except the error that it reports.
All times are seconds of one monotonic clock, `time.perf_counter()`.
*Does not know*: who makes them and who reads them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ._door import public
from ._results import StepStatus

__all__ = [
    "AttemptStarted",
    "EachStarted",
    "Event",
    "ItemEnded",
    "ItemStarted",
    "NodeEnded",
    "NodeSkipped",
    "NodeStarted",
    "Observer",
    "RetryWaiting",
    "RunEnded",
    "RunStarted",
]


@public
@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins; `nodes` is how many nodes its plan has."""

    plan: str
    nodes: int
    time: float


@public
@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node begins; `index` is its place in the order of execution, `plan.nodes[index]`."""

    index: int
    path: str
    time: float


@public
@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A node's task is called for the `number`-th time, counted from 1."""

    index: int
    path: str
    number: int
    time: float


@public
@dataclass(frozen=True, slots=True)
class RetryWaiting:
    """A node waits for `delay` seconds before it is tried again; `attempts` have been made."""

    index: int
    path: str
    attempts: int
    delay: float
    time: float


@public
@dataclass(frozen=True, slots=True)
class NodeEnded:
    """A node has ended with this status after `elapsed` seconds; None: an exception (`error`) left it."""

    index: int
    path: str
    status: StepStatus | None
    attempts: int
    elapsed: float
    reason: str | None
    error: BaseException | None
    time: float


@public
@dataclass(frozen=True, slots=True)
class NodeSkipped:
    """A node is not run, because the node at `because` ended as it did; if that is the node itself, its condition did not hold.

    Such a node has no `NodeStarted`. What depends on it is skipped next, because of it.
    """

    index: int
    path: str
    because: str
    time: float


@public
@dataclass(frozen=True, slots=True)
class EachStarted:
    """A node begins to go through elements; `total` is how many there are, None where that is not known before."""

    index: int
    path: str
    total: int | None
    time: float


@public
@dataclass(frozen=True, slots=True)
class ItemStarted:
    """A node begins with its `number`-th element, counted from 1. `path` is that of the element: `root/files#12`.

    What happens inside - attempts, waits - is told with the `index` of the node, and a path that begins with that of the element.
    """

    index: int
    path: str
    number: int
    time: float


@public
@dataclass(frozen=True, slots=True)
class ItemEnded:
    """A node is done with an element, which has ended with this status after `elapsed` seconds; None: an `error` has left it."""

    index: int
    path: str
    number: int
    status: StepStatus | None
    attempts: int
    elapsed: float
    reason: str | None
    error: BaseException | None
    time: float


@public
@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run has ended with this status after `elapsed` seconds; None: an exception (`error`) left it."""

    plan: str
    status: StepStatus | None
    elapsed: float
    error: BaseException | None
    time: float


Event: TypeAlias = (
    RunStarted
    | NodeStarted
    | AttemptStarted
    | RetryWaiting
    | EachStarted
    | ItemStarted
    | ItemEnded
    | NodeEnded
    | NodeSkipped
    | RunEnded
)
Observer: TypeAlias = Callable[[Event], object]
