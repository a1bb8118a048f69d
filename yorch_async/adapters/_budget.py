"""What nodes may spend on retries together, so that they do not multiply when a service is ill.

The idea is that of the retry budgets of the Google SRE book ("Handling Overload": a client retries only while its retries stay
below a tenth of its requests) and of gRPC's retry throttling (proposal A6: tokens that failures take and successes give back in
part).

*Guarantees*: a budget may be used by any number of nodes, runs, event loops and threads at once: every change is made under a lock
that is held for nothing else.
*Does not know*: policies and delays.
"""

import math
from threading import RLock
from typing import Final

from .._door import public

__all__ = ["RetryBudget"]

_DIGITS: Final = 9
"""What tokens are rounded to, so that ten tenths are one."""


@public
class RetryBudget:
    """A budget of retries for all tasks whose `retry` or `retry_on` is given it. It has state: its tokens.

    Each turn of such a task puts in `ratio`, up to `maximum`, and each retry takes 1 out; without a whole token the retry is not
    made, and the task answers as if its policy had granted no more, with a reason that says so. With the default ratio of 0.1, in
    the long run at most one call in eleven is a retry. `initial` is what there is at first, by default `maximum`: room for the
    failures of a good day.

    When not to use it: for tasks that call different services, because each service that is ill would take the retries of the others.

    >>> from yorch_async import RetryFixed, TaskTree, compile_plan, retry_on, run, value
    >>> budget = RetryBudget(maximum=2)
    >>> tree = TaskTree()
    >>> node = tree.root(int, value("seven"), adapters=(retry_on(ValueError, RetryFixed(5), budget=budget),))
    >>> failure, = run(compile_plan(tree)).failures
    >>> failure.attempts, failure.reason
    (3, 'the retry budget is spent')
    >>> budget.tokens, budget.refused
    (0.0, 1)
    """

    __slots__ = ("_lock", "_maximum", "_ratio", "_refused", "_tokens")

    def __init__(self, *, ratio: float = 0.1, maximum: float = 10.0, initial: float | None = None) -> None:
        if not 0 <= ratio < math.inf:
            raise ValueError(f"ratio must be finite and 0 or more, not {ratio!r}")
        if not 1 <= maximum < math.inf:
            raise ValueError(f"maximum must be finite and 1 or more, not {maximum!r}")
        if initial is not None and not 0 <= initial <= maximum:
            raise ValueError(f"initial must be between 0 and maximum ({maximum!r}), not {initial!r}")
        self._ratio, self._maximum = float(ratio), float(maximum)
        self._tokens = self._maximum if initial is None else float(initial)
        self._refused = 0
        self._lock = RLock()  # reentrant: the collector may run a finaliser that comes back here

    @property
    def tokens(self) -> float:
        """How many retries may be made now, the parts of one included."""
        return self._tokens

    @property
    def refused(self) -> int:
        """How many retries have not been made for want of a token."""
        return self._refused

    def deposit(self) -> None:
        """Put in what one turn is worth."""
        with self._lock:
            self._tokens = min(self._maximum, round(self._tokens + self._ratio, _DIGITS))

    def take(self) -> bool:
        """Take a token for one retry; whether there was one."""
        with self._lock:
            if self._tokens < 1:
                self._refused += 1
                return False
            self._tokens = round(self._tokens - 1, _DIGITS)
            return True

    def __repr__(self) -> str:
        return f"<RetryBudget with {self._tokens:g} of {self._maximum:g} tokens>"
