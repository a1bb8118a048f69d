"""How far a run of a runner is, and how many are how far.

*Guarantees*: values only.
*Does not know*: who runs.
"""

from dataclasses import dataclass
from enum import Enum

from .._door import public

__all__ = ["RunState", "RunnerStatistics"]


@public
class RunState(Enum):
    """How far a run of a `Runner` is, and whether it went well.

    `SUCCEEDED` is a result with the status SUCCESS or ABORT_BRANCH; `FAILED` is any other result, or an exception.

    >>> [state.value for state in RunState]
    ['pending', 'running', 'succeeded', 'failed', 'cancelled']
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@public
@dataclass(frozen=True, slots=True)
class RunnerStatistics:
    """How many runs of a `Runner` there are and were: those that wait and that run now, and how those before them ended.

    >>> RunnerStatistics(pending=0, running=1, succeeded=7, failed=1, cancelled=0).ended
    8
    """

    pending: int
    running: int
    succeeded: int
    failed: int
    cancelled: int

    @property
    def ended(self) -> int:
        """How many have ended, in whatever way."""
        return self.succeeded + self.failed + self.cancelled
