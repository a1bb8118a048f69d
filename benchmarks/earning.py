"""After how many runs generated code has paid for itself: what it costs, divided by what a run saves with it."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter

from yorch_async import RunResult, run_plan
from yorch_async.execution._ways import EARNED
from yorch_async.plan import Variant, code_of

from .measuring import take_turns
from .scenarios import Scenario, scenarios, surroundings

__all__ = ["GENERATE", "STRETCH", "Row", "main", "measure", "misses", "table"]

GENERATE = 40.0
"""The target for generating code, in microseconds per node."""
STRETCH = 10.0
"""The target for the longest time without a pause, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario. Times are microseconds per node, the longest stretch of compiling is milliseconds."""

    scenario: str
    nodes: int
    generate: float
    saved: float
    runs: float
    """How many runs pay for the code."""
    stretch: float


def row_of(scenario: Scenario, *, repetitions: int) -> Row:
    """Measure a scenario."""
    times: list[float] = []
    stretches: list[float] = []
    for _ in range(3):
        plan = scenario.plan(optimize=None)
        code = code_of(plan.prepared, plan.schedule, Variant("leaves", sync=False, held=True))
        while not code.is_complete:
            started = perf_counter()
            code.compile_next()
            stretches.append(perf_counter() - started)
        times.append(sum(stretches[-code.parts :]) / len(scenario) * 1e6)
    ctx, everything = surroundings()
    contestants: dict[str, Callable[[], Awaitable[RunResult]]] = {}
    for optimize in (False, True):
        plan = scenario.plan(optimize=optimize)
        inputs = {name: everything[name] for name in plan.inputs}
        contestants[str(optimize)] = lambda plan=plan, inputs=inputs: run_plan(plan, ctx, inputs=inputs)  # type: ignore[misc]  # mypy reads no defaults of a lambda
    loops = max(1, 20_000 // len(scenario))
    slow, quick = asyncio.run(take_turns(contestants, loops=loops, repetitions=repetitions)).values()
    saved = median(one - other for one, other in zip(slow, quick, strict=True)) / len(scenario)
    generate = median(times)
    return Row(scenario.name, len(scenario), generate, saved, generate / saved, max(stretches) * 1e3)


def measure(*, repetitions: int) -> list[Row]:
    """Measure every scenario in which nothing but successes happen."""
    return [row_of(scenario, repetitions=repetitions) for scenario in scenarios() if scenario.has_target]


def misses(rows: list[Row]) -> list[str]:
    """Every target that is not met, with by how much."""
    slow = [row for row in rows if row.generate > GENERATE]
    long = [row for row in rows if row.stretch > STRETCH]
    found = [f"code of {row.scenario}: {row.generate:.0f} us a node, target {GENERATE:.0f}" for row in slow]
    return found + [f"code of {row.scenario}: {row.stretch:.1f} ms at a stretch, target {STRETCH:.0f}" for row in long]


def table(rows: list[Row]) -> str:
    """The rows for people."""
    lines = ["", "what code costs and saves, us per node; the longest stretch, ms"]
    lines.append(f"  {'':44}{'generate':>10}{'saved':>8}{'runs':>8}{'stretch':>9}")
    lines += [
        f"  {row.scenario:44}{row.generate:>10.1f}{row.saved:>8.3f}{row.runs:>8.0f}{row.stretch:>9.1f}" for row in rows
    ]
    typical = median(row.runs for row in rows)
    return "\n".join([*lines, f"  the median is {typical:.0f} runs; plans become code after {EARNED}"])


def main() -> None:
    """Print a table, or with --json the same as data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.earning", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print data instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a first impression")
    options = parser.parse_args()
    rows = measure(repetitions=5 if options.quick else 11)
    print(json.dumps([asdict(row) for row in rows], indent=1) if options.json else table(rows))


if __name__ == "__main__":
    main()
