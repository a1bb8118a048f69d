"""Retry wrappers around an async call, against a loop by hand: where it succeeds at once, and where it fails twice before.

Nobody waits between attempts, and nobody reports them: stamina's hooks, which would log every retry, are switched off.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import backoff
import stamina
import stamina.instrumentation
import tenacity
from common import Pace, Row, alternate, figures, in_asyncio, publish_rows, seconds_of

ATTEMPTS = 3
Call = Callable[[], Awaitable[int]]


class NotYetError(Exception):
    """What a failing attempt raises."""


async def at_once() -> int:
    """Succeed."""
    return 1


def third_time() -> Call:
    """A call that fails twice, then succeeds, and then begins anew."""
    calls = 0

    async def call() -> int:
        nonlocal calls
        calls += 1
        if calls % ATTEMPTS:
            raise NotYetError
        return 1

    return call


def by_hand(call: Call) -> Call:
    """The reference."""

    async def run() -> int:
        for attempt in range(ATTEMPTS):
            try:
                return await call()
            except NotYetError:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    return run


WRAPPERS: dict[str, Callable[[Call], Any]] = {
    "backoff": backoff.on_exception(backoff.constant, NotYetError, max_tries=ATTEMPTS, interval=0, jitter=None),
    "tenacity": tenacity.retry(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_none(),
        retry=tenacity.retry_if_exception_type(NotYetError),
        reraise=True,
    ),
    "stamina": stamina.retry(on=NotYetError, attempts=ATTEMPTS, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0),
}


async def measured(name: str, case: str, pace: Pace) -> Row:
    """One wrapper around one call."""
    make: Callable[[], Call] = third_time if case == "fails twice" else lambda: at_once
    run = WRAPPERS[name](make())
    if await run() != 1:
        raise AssertionError(f"{name}, {case}: the wrapped call returned something else")
    first = await seconds_of(run, 1, is_async=True)
    rounds = await alternate(by_hand(make()), run, pace, is_async=True, first=first)
    return Row(name, version(name), case, 1, **figures(rounds, 1))


def main(pace: Pace) -> list[Row]:
    """All wrappers around both calls."""
    stamina.instrumentation.set_on_retry_hooks([])
    return [
        in_asyncio(partial(measured, name, case, pace)) for case in ("succeeds at once", "fails twice") for name in WRAPPERS
    ]


if __name__ == "__main__":
    publish_rows(main)
