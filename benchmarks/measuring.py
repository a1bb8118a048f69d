"""Taking turns: every contestant runs once per round, and the rounds are compared, not the clock's readings."""

import gc
import platform
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from statistics import quantiles
from time import perf_counter

__all__ = ["machine", "quartiles", "take_turns", "take_turns_sync"]


@contextmanager
def _timed(times: list[float], loops: int) -> Generator[None]:
    """Note the microseconds of one of `loops` runs, undisturbed by the collector."""
    gc.collect()
    gc.disable()
    started = perf_counter()
    yield
    times.append((perf_counter() - started) / loops * 1e6)
    gc.enable()


async def take_turns(
    contestants: Mapping[str, Callable[[], Awaitable[object]]], *, loops: int, repetitions: int
) -> dict[str, list[float]]:
    """Microseconds per run of each contestant, round by round."""
    rounds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repetitions + 1):
        for name, run in contestants.items():
            with _timed(rounds[name], loops):
                for _ in range(loops):
                    await run()
    return {name: times[1:] for name, times in rounds.items()}  # the first round warms up and does not count


def take_turns_sync(
    contestants: Mapping[str, Callable[[], object]], *, loops: int, repetitions: int
) -> dict[str, list[float]]:
    """The same for plain functions."""
    rounds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repetitions + 1):
        for name, run in contestants.items():
            with _timed(rounds[name], loops):
                for _ in range(loops):
                    run()
    return {name: times[1:] for name, times in rounds.items()}


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third."""
    low, _, high = quantiles(values, n=4)
    return low, high


def machine() -> str:
    """What the figures were taken on."""
    return f"CPython {platform.python_version()}, {platform.machine()}, {sys.platform}"
