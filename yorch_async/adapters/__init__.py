"""What can be wrapped around a task; users add their own."""

from ._backoff import Backoff
from ._catch import catch_as_failure
from ._policies import RetryFixed, RetryFixedPassthrough, RetryForever, RetryPolicy
from ._retry import retry, retry_on

__all__ = [
    "Backoff",
    "RetryFixed",
    "RetryFixedPassthrough",
    "RetryForever",
    "RetryPolicy",
    "catch_as_failure",
    "retry",
    "retry_on",
]
