"""In which order nodes run: values that say it, nothing more."""

from dataclasses import dataclass
from typing import Literal, get_args

from .._door import public
from .._types import is_count

__all__ = ["Concurrent", "OnFailure", "SerialDfs"]

OnFailure = Literal["stop", "continue"]


@public
@dataclass(frozen=True, slots=True)
class SerialDfs:
    """One node at a time, depth first, children in the order of registration, at any depth.

    What a node sets in a context variable is seen by the nodes after it, as in code written by hand.

    >>> SerialDfs()
    SerialDfs()
    """


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrent:
    """Siblings run concurrently: while a node waits, the next one that is ready starts.

    Of all nodes that are ready, descendants go before later siblings. At most `max_concurrency` nodes run at a time; None:
    as many as there are. `on_failure="stop"`: the first failure cancels all that is running, and ends the run. `"continue"`: a
    failure only cuts off its own subtree, and the run ends as FAILURE when all else is done; ABORT_EXECUTION still ends it at once.

    Exceptions are raised as one `ExceptionGroup`, however many there are, in the order of registration. What a node sets in a
    context variable is not seen by other nodes, nor by the caller.

    It is for nodes that wait. Where none does, `SerialDfs` is faster; and Python does not compute two things at once by it.

    >>> Concurrent(max_concurrency=10)
    Concurrent(max_concurrency=10, on_failure='stop')
    """

    max_concurrency: int | None = None
    on_failure: OnFailure = "stop"

    def __post_init__(self) -> None:
        limit = self.max_concurrency
        if limit is not None and not is_count(limit, 1):
            raise ValueError(f"max_concurrency must be an integer of 1 or more, or None for no limit, not {limit!r}")
        if self.on_failure not in get_args(OnFailure):
            raise ValueError(f"on_failure must be 'stop' or 'continue', not {self.on_failure!r}")
