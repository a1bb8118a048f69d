"""Retry policies: may it be tried again, after how long, and what if not.

*Guarantees*: a policy is a frozen value without memory, so that one object serves any number of tasks and runs.
*Does not know*: how waiting is done.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from .._door import public
from .._results import StepResult, TaskResult
from .._types import is_count

__all__ = ["Delay", "RetryFixed", "RetryFixedPassthrough", "RetryForever", "RetryPolicy"]

Delay: TypeAlias = float | Callable[[int], float | Awaitable[float]]
"""Seconds to wait, or what computes them from the number of retries so far."""


@public
@runtime_checkable
class RetryPolicy(Protocol):
    """What `retry` asks. `count` is the number of retries approved so far in this invocation, 0 at first.

    A policy may also have `delay(count)`, the seconds to wait before the retry that was just approved, and
    `on_exhausted(result)`, what the node answers when no retry is left; without it, the last answer stands. Each may be a
    coroutine function.
    """

    def should_retry(self, count: int, /) -> bool | Awaitable[bool]:
        """Whether the task is to be run once more."""
        ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The part of the ready-made policies that knows the delay."""

    wait: Delay = 0.0

    def __post_init__(self) -> None:
        if not callable(self.wait) and not 0 <= self.wait < math.inf:
            raise ValueError(
                f"the delay must be a finite number of seconds, 0 or more, or a function of the count, not {self.wait!r}"
            )

    def delay(self, count: int, /) -> Any:
        """The seconds to wait before the retry after `count` earlier ones."""
        return self.wait(count) if callable(self.wait) else self.wait


@dataclass(frozen=True, slots=True)
class _Fixed(_Waiting):
    retries: int = 0

    def __init__(self, retries: int, *, delay: Delay = 0.0) -> None:
        if not is_count(retries, 0):
            raise ValueError(f"the number of retries must be an integer of 0 or more, not {retries!r}")
        object.__setattr__(self, "retries", retries)
        object.__setattr__(self, "wait", delay)
        self.__post_init__()

    def should_retry(self, count: int, /) -> bool:
        """Whether fewer than the fixed number of retries were made."""
        return count < self.retries


@public
class RetryFixed(_Fixed):
    """At most `retries` retries, that is `retries + 1` attempts; then the node answers FAILURE.

    The failure carries the reason and the error of the last answer. `delay` is the wait in seconds, or a function of the count
    such as `Backoff()`.

    >>> policy = RetryFixed(2, delay=0.5)
    >>> [policy.should_retry(count) for count in range(3)], policy.delay(0)
    ([True, True, False], 0.5)
    """

    __slots__ = ()

    def on_exhausted(self, result: StepResult | TaskResult[Any], /) -> StepResult:
        """The last answer as a failure."""
        step = result.step if isinstance(result, TaskResult) else result
        reason = step.reason if step.reason is not None else f"still RETRY after {self.retries} retries"
        return StepResult.failure(reason, step.error)


@public
class RetryFixedPassthrough(_Fixed):
    """At most `retries` retries; then the last answer, RETRY, stands.

    >>> RetryFixedPassthrough(1).should_retry(1)
    False
    """

    __slots__ = ()


@public
class RetryForever(_Waiting):
    """As many retries as it takes.

    >>> RetryForever(delay=1.0).should_retry(10**9)
    True
    """

    __slots__ = ()

    def __init__(self, *, delay: Delay = 0.0) -> None:
        super().__init__(delay)

    def should_retry(self, count: int, /) -> bool:  # noqa: ARG002 - the protocol's argument
        """Always."""
        return True
