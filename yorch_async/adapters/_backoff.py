"""How long to wait before the next attempt, as a function of the number of retries so far.

*Guarantees*: pure; the random source is an argument.
*Does not know*: who waits, and how.
"""

import math
import random as _random
from collections.abc import Callable
from dataclasses import dataclass

from .._door import public

__all__ = ["Backoff"]

_CEILING = 1000
"""The largest exponent that is raised to; beyond it the float would overflow, long after `maximum` was reached."""


def _chance() -> float:
    # A function of ours and not the method `random.random`, which would be pickled with its state: all processes that such a
    # policy is sent to would wait the same "random" times.
    return _random.random()  # noqa: S311 - nothing secret


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential back-off with full jitter: a random time between 0 and `initial * factor ** count`, at most `maximum` seconds.

    Full jitter spreads clients that failed together over the whole interval, and needs less total work than waiting the interval
    out (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). With `jitter=False` the whole time is waited.
    `random` returns a number in [0, 1); tests pass their own.

    >>> wait = Backoff(initial=0.1, maximum=1.0, jitter=False)
    >>> [wait(count) for count in range(5)]
    [0.1, 0.2, 0.4, 0.8, 1.0]
    """

    initial: float = 0.1
    maximum: float = 30.0
    factor: float = 2.0
    jitter: bool = True
    random: Callable[[], float] = _chance

    def __post_init__(self) -> None:
        if not self.initial >= 0:
            raise ValueError(f"initial must be 0 or more seconds, not {self.initial!r}")
        if not self.initial <= self.maximum < math.inf:
            raise ValueError(f"maximum must be finite and not less than initial ({self.initial!r}), but is {self.maximum!r}")
        if not self.factor >= 1:
            raise ValueError(f"factor must be 1 or more, not {self.factor!r}")

    def __call__(self, count: int) -> float:
        """The seconds to wait before the retry after `count` earlier ones."""
        try:
            whole = min(self.maximum, self.initial * self.factor ** min(count, _CEILING))
        except OverflowError:
            whole = self.maximum if self.initial else 0.0
        return whole * self.random() if self.jitter else whole
