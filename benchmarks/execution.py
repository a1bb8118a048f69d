"""What a run costs, compared with the code that an author would have written by hand in its place.

Each scenario is measured in one process, generated and interpreted runs taking turns with the hand-written code. The fixed cost
of a run is measured with plans of one node, and taken off the time of whole runs; what is left is the cost of a node.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from yorch_async import run_plan, run_sync

from .measuring import machine, quartiles, take_turns, take_turns_sync
from .scenarios import Scenario, Settings, scenarios, smallest, surroundings

__all__ = ["Report", "Row", "main", "measure", "table"]

NODE = {"generated": 1.35, "interpreted": 2.5}
"""The targets for async tasks: times a hand-written await."""
CALL = {"generated": 1.8, "interpreted": 4.0}
"""The targets for sync tasks: times a hand-written call."""
FIXED = 2.0
"""The target for what a run costs besides its nodes, in microseconds."""
ADAPTER = 0.1
"""The target for an adapter that has nothing to do, in microseconds."""


TRIED = {
    "that consume, sync": (
        "the hand-written line keeps a reference to what it hands over, and this code must not; of the ways to let go of a name "
        "before the callee begins - a tuple, a list, pop() of a list or dictionary, a helper function - the tuple is the fastest, "
        "and takes 25 ns"
    ),
    "us a run": (
        "what is checked, made and given back for every run was reduced to two coroutines, four objects and one look at the clock"
    ),
}
"""What was tried against misses that are known, by a part of their text."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario, run in one way. Times are microseconds."""

    scenario: str
    nodes: int
    way: str
    by_hand_per_node: float
    per_run: float
    ratio: float
    low: float
    high: float
    net: float
    """The ratio without the fixed cost of a run."""
    target: float | None
    within: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured."""

    machine: str
    fixed: dict[str, float]
    """What a run costs besides its nodes, by function and way."""
    adapters: dict[str, float]
    """What an adapter costs that has nothing to do."""
    rows: list[Row]
    misses: list[str]


Times = dict[str, list[float]]


def rounds_of(scenario: Scenario, *, repetitions: int) -> Times:
    """Measure the ways to run a scenario: microseconds a run, round by round."""
    ctx, everything = surroundings()
    settings, number = Settings(), everything["number"]
    plans = {"generated": scenario.plan(optimize=True), "interpreted": scenario.plan(optimize=False)}
    inputs = {name: everything[name] for name in plans["generated"].inputs}
    straight = scenario.by_hand()
    run: Callable[..., Any] = run_plan if scenario.is_async else run_sync
    generated, interpreted = plans.values()
    contestants: dict[str, Callable[[], Any]] = {
        "by hand": lambda: straight(settings, number),
        "generated": lambda: run(generated, ctx, inputs=inputs, keep="none"),
        "interpreted": lambda: run(interpreted, ctx, inputs=inputs, keep="none"),
    }
    loops = max(1, 40_000 // max(20, len(scenario)))
    if scenario.is_async:
        return asyncio.run(take_turns(contestants, loops=loops, repetitions=repetitions))
    return take_turns_sync(contestants, loops=loops, repetitions=repetitions)


def fixed_cost(smallest: Scenario, *, repetitions: int) -> dict[str, float]:
    """What a run costs besides its nodes: a plan of one node against its one call."""
    times = rounds_of(smallest, repetitions=repetitions)
    return {way: median(times[way]) - median(times["by hand"]) for way in ("generated", "interpreted")}


def rows_of(scenario: Scenario, fixed: dict[str, float], *, repetitions: int) -> list[Row]:
    """Measure a scenario."""
    times = rounds_of(scenario, repetitions=repetitions)
    by_hand, rows = times["by hand"], list[Row]()
    for way in ("generated", "interpreted"):
        ratios = [one / other for one, other in zip(times[way], by_hand, strict=True)]
        net = median((one - fixed[way]) / other for one, other in zip(times[way], by_hand, strict=True))
        target = (NODE if scenario.is_async else CALL)[way] if scenario.has_target else None
        low, high = quartiles(ratios)
        per_node = median(by_hand) / len(scenario)
        within = target is None or net <= target
        facts = (per_node, median(times[way]), median(ratios), low, high, net, target, within)
        rows.append(Row(scenario.name, len(scenario), way, *facts))
    return rows


def measure(*, repetitions: int, only: str = "") -> Report:
    """Measure everything, or the scenarios whose name contains a text."""
    fixed: dict[str, float] = {}
    rows: list[Row] = []
    for is_async in (True, False):
        function = "run_plan" if is_async else "run_sync"
        bare, full = (smallest(is_async=is_async, surrounded=each) for each in (False, True))
        costs = fixed_cost(bare, repetitions=repetitions)
        fixed |= {f"{function}, {way}": cost for way, cost in costs.items()}
        for way, cost in fixed_cost(full, repetitions=repetitions).items():
            fixed[f"{function} with context and input, {way}"] = cost
        for scenario in scenarios():
            if scenario.is_async is is_async and only in scenario.name:
                rows += rows_of(scenario, costs, repetitions=repetitions)
    adapters = dict(adapter_costs(rows))
    return Report(machine(), fixed, adapters, rows, list(misses(fixed, adapters, rows)))


def adapter_costs(rows: list[Row]) -> list[tuple[str, float]]:
    """What an adapter that has nothing to do adds to a node: siblings with it, less siblings without."""
    per_node = {(row.scenario, row.way): row.per_run / row.nodes for row in rows}
    found: list[tuple[str, float]] = []
    for (scenario, way), cost in per_node.items():
        bare, _, rest = scenario.partition(", ")
        adapter, _, kind = rest.partition(" unused, ")
        if kind and (f"{bare}, {kind}", way) in per_node:
            found.append((f"{adapter} unused, {kind}, {way}", cost - per_node[f"{bare}, {kind}", way]))
    return found


def misses(fixed: dict[str, float], adapters: dict[str, float], rows: list[Row]) -> list[str]:
    """Every target that is not met, with by how much."""
    found = [
        f"{row.scenario}, {row.way}: {row.net:.2f} times by hand, target {row.target}" for row in rows if not row.within
    ]
    runs = [(name, cost) for name, cost in fixed.items() if cost > FIXED and "generated" in name]
    found += [f"{name}: {cost:.2f} us a run, target {FIXED}" for name, cost in runs]
    found += [f"{name}: {cost:.2f} us, target {ADAPTER}" for name, cost in adapters.items() if cost > ADAPTER]
    return [f"{miss}{_tried(miss)}" for miss in found]


def _tried(miss: str) -> str:
    return next((f" (tried: {tried})" for part, tried in TRIED.items() if part in miss), "")


def table(report: Report) -> str:
    """The report for people."""
    head = f"  {'':54}{'by hand, us':>12}{'a run':>8}{'quartiles':>16}{'a node':>8}{'target':>9}"
    lines = [
        "",
        "how many times the hand-written code a whole run takes, and a node without what a run costs (! is above the target);",
        "beside it what the hand-written code takes per node",
        head,
    ]
    for row in report.rows:
        spread = f"{row.low:.2f} - {row.high:.2f}"
        target = "" if row.target is None else f"{row.target:.2f}{' ' if row.within else '!'}"
        name = f"{row.scenario}, {row.way}"
        lines.append(f"  {name:54}{row.by_hand_per_node:>12.3f}{row.ratio:>8.2f}{spread:>16}{row.net:>8.2f}{target:>9}")
    lines += ["", f"what a run costs besides its nodes, us (target {FIXED}, of generated code)"]
    lines += [f"  {name:54}{cost:>12.2f}" for name, cost in report.fixed.items()]
    if report.adapters:
        lines += ["", f"what an adapter costs that has nothing to do, us per node (target {ADAPTER}); below zero is noise"]
    lines += [f"  {name:54}{cost:>12.3f}" for name, cost in report.adapters.items()]
    return "\n".join([*lines, "", "missed:", *(f"  {miss}" for miss in report.misses or ["nothing"])])


def main() -> None:
    """Print a table, or with --json the same as data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.execution", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print data instead of a table")
    parser.add_argument(
        "--quick", action="store_true", help="fewer repetitions: a first impression, in which a miss means little"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only scenarios whose name contains this")
    options = parser.parse_args()
    if not any(options.only in scenario.name for scenario in scenarios()):
        parser.error(
            f"no scenario has {options.only!r} in its name; there are {', '.join(each.name for each in scenarios())}"
        )
    report = measure(repetitions=5 if options.quick else 21, only=options.only)
    print(json.dumps(asdict(report), indent=1) if options.json else table(report))


if __name__ == "__main__":
    main()
