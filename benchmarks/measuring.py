"""Taking turns: every contestant runs once per round, and the rounds are compared, not the clock's readings."""

import gc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

__all__ = ["Figure", "figures_of", "take_turns", "take_turns_sync"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One contestant: microseconds per run, and how many times the reference's time it took in the same round."""

    name: str
    microseconds: float
    ratio: float
    low: float
    high: float


async def take_turns(
    contestants: Mapping[str, Callable[[], Awaitable[object]]], *, loops: int, repetitions: int
) -> dict[str, list[float]]:
    """Microseconds per run of each contestant, round by round."""
    rounds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repetitions + 1):
        for name, run in contestants.items():
            gc.collect()
            gc.disable()
            started = perf_counter()
            for _ in range(loops):
                await run()
            rounds[name].append((perf_counter() - started) / loops * 1e6)
            gc.enable()
    return {name: times[1:] for name, times in rounds.items()}  # the first round warms up and does not count


def take_turns_sync(
    contestants: Mapping[str, Callable[[], object]], *, loops: int, repetitions: int
) -> dict[str, list[float]]:
    """The same for plain functions."""
    rounds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repetitions + 1):
        for name, run in contestants.items():
            gc.collect()
            gc.disable()
            started = perf_counter()
            for _ in range(loops):
                run()
            rounds[name].append((perf_counter() - started) / loops * 1e6)
            gc.enable()
    return {name: times[1:] for name, times in rounds.items()}


def figures_of(rounds: Mapping[str, list[float]]) -> list[Figure]:
    """Medians, and ratios to the first contestant with their quartiles."""
    reference = next(iter(rounds.values()))
    figures: list[Figure] = []
    for name, times in rounds.items():
        ratios = [time / other for time, other in zip(times, reference, strict=True)]
        low, _, high = quantiles(ratios, n=4)
        figures.append(Figure(name, median(times), median(ratios), low, high))
    return figures
