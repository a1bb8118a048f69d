"""What can be wrapped around a task; users add their own."""

from ._backoff import Backoff
from ._budget import RetryBudget
from ._catch import catch_as_failure
from ._fallback import fallback
from ._limit import limit
from ._policies import RetryFixed, RetryFixedPassthrough, RetryForever, RetryPolicy
from ._retry import retry, retry_on
from ._timeout import timeout
from ._to_thread import to_thread
from ._waiting import without_waits

__all__ = [
    "Backoff",
    "RetryBudget",
    "RetryFixed",
    "RetryFixedPassthrough",
    "RetryForever",
    "RetryPolicy",
    "catch_as_failure",
    "fallback",
    "limit",
    "retry",
    "retry_on",
    "timeout",
    "to_thread",
    "without_waits",
]
