"""What a task may answer: a status alone, or a status and, on success, a value.

*Guarantees*: results are immutable; a value is there exactly when the status is SUCCESS.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, Never, TypeVar, final

from ._door import public

__all__ = ["FLOW", "StepResult", "StepStatus", "TaskResult"]

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")


@public
class StepStatus(Enum):
    """How a step ended, and with it what happens next.

    `SUCCESS` goes on to the children; `ABORT_BRANCH` leaves out the children and goes on with the siblings; `FAILURE`,
    `RETRY` (that no adapter has acted on) and `ABORT_EXECUTION` end the run with that status.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    RETRY = "retry"
    ABORT_BRANCH = "abort_branch"
    ABORT_EXECUTION = "abort_execution"


@public
@final
@dataclass(frozen=True, slots=True)
class StepResult:
    """A status without data. It is true exactly when it is a success.

    `reason` is a sentence for people, `error` the exception behind it, `after` the seconds that a retry should wait at least
    (`None`: as the policy says).

    >>> StepResult.retry("not ready yet", after=0.5).after
    0.5
    >>> bool(StepResult.failure("no such file"))
    False
    """

    status: StepStatus
    reason: str | None = None
    error: BaseException | None = None
    after: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.status, StepStatus):
            raise TypeError(f"status must be a StepStatus, not {self.status!r}")
        if self.reason is not None and not isinstance(self.reason, str):
            raise TypeError(f"reason must be a string, not {self.reason!r}; an exception is passed as error=")
        if self.error is not None and not isinstance(self.error, BaseException):
            raise TypeError(f"error must be an exception, not {self.error!r}")
        if self.after is not None and not 0 <= self.after < math.inf:
            raise ValueError(f"after must be a finite number of seconds, 0 or more, not {self.after!r}")

    @staticmethod
    def success() -> "StepResult":
        """Go on to the children."""
        return _SUCCESS

    @staticmethod
    def failure(reason: str | None = None, error: BaseException | None = None) -> "StepResult":
        """End the run as failed."""
        return StepResult(StepStatus.FAILURE, reason, error)

    @staticmethod
    def retry(reason: str | None = None, after: float | None = None, error: BaseException | None = None) -> "StepResult":
        """Ask the nearest `retry` adapter to run the task again, no sooner than `after` seconds from now."""
        return StepResult(StepStatus.RETRY, reason, error, after)

    @staticmethod
    def abort_branch(reason: str | None = None) -> "StepResult":
        """Leave out everything below this node, and go on with its siblings."""
        return StepResult(StepStatus.ABORT_BRANCH, reason)

    @staticmethod
    def abort_execution(reason: str | None = None) -> "StepResult":
        """End the run, without calling it a failure."""
        return StepResult(StepStatus.ABORT_EXECUTION, reason)

    @property
    def ok(self) -> bool:
        """Whether the status is SUCCESS."""
        return self.status is StepStatus.SUCCESS

    def __bool__(self) -> bool:
        return self.status is StepStatus.SUCCESS


_SUCCESS: Final = StepResult(StepStatus.SUCCESS)


class _NoValue(Enum):
    TOKEN = "no value"


@public
@final
class TaskResult(Generic[T_co]):
    """A status and, only on success, a value. It is true exactly when it is a success.

    >>> TaskResult.success(3).value
    3
    >>> TaskResult.failure("no luck").has_value
    False
    """

    __slots__ = ("_value", "step")

    step: StepResult
    _value: T_co | _NoValue

    def __init__(self, step: StepResult, value: Any = _NoValue.TOKEN) -> None:
        if not isinstance(step, StepResult):
            raise TypeError(f"step must be a StepResult, not {step!r}")
        if step.ok is (value is _NoValue.TOKEN):
            raise ValueError("a TaskResult has a value exactly when it is a success; use its constructors")
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "_value", value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a TaskResult cannot be changed ({name})")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a TaskResult cannot be changed ({name})")

    def __reduce__(self) -> tuple[Any, ...]:
        return (TaskResult, (self.step, self._value))

    @staticmethod
    def success(value: S) -> "TaskResult[S]":
        """Success with an output."""
        return TaskResult(_SUCCESS, value)

    @staticmethod
    def failure(reason: str | None = None, error: BaseException | None = None) -> "TaskResult[Never]":
        """End the run as failed."""
        return TaskResult(StepResult.failure(reason, error))

    @staticmethod
    def retry(
        reason: str | None = None, after: float | None = None, error: BaseException | None = None
    ) -> "TaskResult[Never]":
        """Ask the nearest `retry` adapter to run the task again, no sooner than `after` seconds from now."""
        return TaskResult(StepResult.retry(reason, after, error))

    @staticmethod
    def abort_branch(reason: str | None = None) -> "TaskResult[Never]":
        """Leave out everything below this node, and go on with its siblings."""
        return TaskResult(StepResult.abort_branch(reason))

    @staticmethod
    def abort_execution(reason: str | None = None) -> "TaskResult[Never]":
        """End the run, without calling it a failure."""
        return TaskResult(StepResult.abort_execution(reason))

    @property
    def status(self) -> StepStatus:
        """The status alone."""
        return self.step.status

    @property
    def ok(self) -> bool:
        """Whether the status is SUCCESS."""
        return self.step.ok

    @property
    def has_value(self) -> bool:
        """Whether there is a value; the same as `ok`."""
        return self._value is not _NoValue.TOKEN

    @property
    def value(self) -> T_co:
        """The value. Raises `ValueError` where there is none."""
        if self._value is _NoValue.TOKEN:
            raise ValueError(f"a TaskResult with status {self.status.name} has no value; ask ok or has_value first")
        return self._value

    def __bool__(self) -> bool:
        return self.step.ok

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TaskResult):
            return NotImplemented
        mine, theirs = (self.step, self._value), (other.step, other._value)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.step, self._value))

    def __repr__(self) -> str:
        return f"TaskResult.success({self._value!r})" if self.has_value else f"TaskResult({self.step!r})"


FLOW: Final = frozenset({StepResult, TaskResult})
"""The classes of results that direct the flow; anything else that a task returns is a value."""
