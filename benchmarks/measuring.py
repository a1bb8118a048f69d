"""Taking turns: every contestant runs once per round, and the rounds are compared, not the clock's readings."""

import gc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

__all__ = ["Figure", "compare", "show"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One contestant: microseconds per node, and how many times the reference's time it took in the same round."""

    name: str
    microseconds: float
    ratio: float
    low: float
    high: float


async def compare(
    contestants: Mapping[str, Callable[[], Awaitable[object]]], *, nodes: int, repetitions: int
) -> list[Figure]:
    """Measure them; the first one is the reference."""
    rounds: dict[str, list[float]] = {name: [] for name in contestants}
    loops = max(1, 20_000 // nodes)
    for _ in range(repetitions + 1):  # the first round warms up and does not count
        for name, run in contestants.items():
            gc.collect()
            gc.disable()
            started = perf_counter()
            for _ in range(loops):
                await run()
            rounds[name].append((perf_counter() - started) / loops / nodes * 1e6)
            gc.enable()
    reference = next(iter(rounds.values()))[1:]
    figures: list[Figure] = []
    for name, times in rounds.items():
        ratios = [time / other for time, other in zip(times[1:], reference, strict=True)]
        low, _, high = quantiles(ratios, n=4)
        figures.append(Figure(name, median(times[1:]), median(ratios), low, high))
    return figures


def show(title: str, figures: list[Figure]) -> None:
    """Print a table."""
    print(f"\n{title}")
    print(f"  {'':38}{'us per node':>12}{'times':>9}   quartiles")
    for each in figures:
        print(f"  {each.name:38}{each.microseconds:>12.3f}{each.ratio:>9.2f}   {each.low:.2f} - {each.high:.2f}")
