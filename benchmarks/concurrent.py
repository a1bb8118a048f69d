"""What it costs to run a thousand siblings concurrently, compared with the ways to do it by hand, on the same loop, taking turns."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

import anyio
import trio

from yorch_async import Concurrent, Plan, TaskTree, borrow_prev, compile_plan, run_plan

from .measuring import machine, quartiles, take_turns

__all__ = ["Report", "Row", "main", "measure", "misses", "table"]

SIBLINGS = 1_000
NAP = 0.01
"""How many seconds a child sleeps."""
AT_A_TIME = 100

TARGETS = {"no-op": 0.1, "suspend once": 0.6, "sleep": 1.6, f"sleep, {AT_A_TIME} at a time": 1.2}
"""How many times the time of the loop's own task group, or of a pool of loops written by hand."""

Child = Callable[[int], Awaitable[int]]
Sleep = Callable[[float], Awaitable[Any]]
Contestant = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Row:
    """A thousand siblings, run by somebody. Times are microseconds."""

    loop: str
    children: str
    contestant: str
    per_child: float
    ratio: float
    """What this library takes, times what this one takes."""
    low: float
    high: float
    target: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured."""

    machine: str
    rows: list[Row]


async def no_op(number: int) -> int:
    return number + 1


def waits(sleep: Sleep, delay: float) -> Child:
    """A child that sleeps as the loop itself does, once."""

    async def wait(number: int) -> int:
        await sleep(delay)
        return number + 1

    return wait


SLEEPS: dict[str, Sleep] = {"asyncio": asyncio.sleep, "trio": trio.sleep}


def child_of(loop: str, children: str) -> Child:
    """What each of the thousand does."""
    return no_op if children == "no-op" else waits(SLEEPS[loop], 0.0 if children == "suspend once" else NAP)


def plan_of(child: Child) -> Plan:
    """A root and its thousand children."""
    tree = TaskTree("siblings")
    root = tree.root(partial(int, 1))
    for _ in range(SIBLINGS):
        root.child(child, borrow_prev())
    return compile_plan(tree)


async def task_group(child: Child) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(SIBLINGS):
            group.create_task(child(number))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # they are coroutines


async def gathered(child: Child) -> None:
    await asyncio.gather(*(child(number) for number in range(SIBLINGS)))


async def nursery(child: Child) -> None:
    async with trio.open_nursery() as group:
        for number in range(SIBLINGS):
            group.start_soon(child, number)


async def anyio_group(child: Child) -> None:
    async with anyio.create_task_group() as group:
        for number in range(SIBLINGS):
            group.start_soon(child, number)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # see task_group


async def pool(child: Child, *, loop: str) -> None:
    """So many loops, each of which takes the next number."""
    numbers = iter(range(SIBLINGS))
    work = partial(worker, child, numbers)
    if loop == "trio":
        async with trio.open_nursery() as group:
            for _ in range(AT_A_TIME):
                group.start_soon(work)
    else:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_A_TIME):
                tasks.create_task(work())


async def worker(child: Child, numbers: Iterator[int]) -> None:
    for number in numbers:
        await child(number)


def contestants_of(loop: str, children: str) -> dict[str, Contestant]:
    """Who does it, this library first, and then what it is held against."""
    child = child_of(loop, children)
    if children.endswith("at a time"):
        policy = Concurrent(max_concurrency=AT_A_TIME)
        by_hand = partial(pool, child, loop=loop)
        return {"yorch_async": partial(run_plan, plan_of(child), execution=policy), "a pool of loops by hand": by_hand}
    found: dict[str, Contestant] = {"yorch_async": partial(run_plan, plan_of(child), execution=Concurrent())}
    if loop == "trio":
        found["trio nursery"] = partial(nursery, child)
    else:
        found |= {"asyncio.TaskGroup": partial(task_group, child), "asyncio.gather": partial(gathered, child)}
    found["anyio task group"] = partial(anyio_group, child)
    return found


def rows_of(loop: str, children: str, *, repetitions: int) -> list[Row]:
    """Measure one sort of children on one loop."""
    contestants = contestants_of(loop, children)
    rounds = partial(take_turns, contestants, loops=3, repetitions=repetitions)
    times = anyio.run(rounds, backend="trio" if loop == "trio" else "asyncio")
    ours, rows = times["yorch_async"], list[Row]()
    for place, (name, theirs) in enumerate(times.items()):
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        low, high = quartiles(ratios)
        target = TARGETS[children] if place == 1 else None
        rows.append(Row(loop, children, name, median(theirs) / SIBLINGS, median(ratios), low, high, target))
    return rows


def measure(*, repetitions: int) -> Report:
    """Measure everything."""
    found = [
        row
        for loop in ("asyncio", "trio")
        for children in TARGETS
        for row in rows_of(loop, children, repetitions=repetitions)
    ]
    return Report(machine(), found)


def misses(rows: list[Row]) -> list[str]:
    """Every target that is not met, with by how much."""
    return [
        f"{row.children}, on {row.loop}: {row.ratio:.2f} times {row.contestant}, target {row.target}"
        for row in rows
        if row.target is not None and row.ratio > row.target
    ]


def table(report: Report) -> str:
    """The report for people."""
    lines = ["", f"{SIBLINGS} siblings: us a child, and how many times that this library takes (! is above the target)"]
    lines.append(f"  {'':58}{'us':>8}{'ratio':>8}{'quartiles':>16}{'target':>9}")
    for row in report.rows:
        name = f"{row.loop}, {row.children}, {row.contestant}"
        target = "" if row.target is None else f"{row.target:.2f}{' ' if row.ratio <= row.target else '!'}"
        spread = f"{row.low:.3f} - {row.high:.3f}"
        lines.append(f"  {name:58}{row.per_child:>8.2f}{row.ratio:>8.3f}{spread:>16}{target:>9}")
    return "\n".join([*lines, "", "missed:", *(f"  {miss}" for miss in misses(report.rows) or ["nothing"])])


def main() -> None:
    """Print a table, or with --json the same as data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.concurrent", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print data instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a first impression")
    options = parser.parse_args()
    report = measure(repetitions=5 if options.quick else 21)
    print(json.dumps(asdict(report), indent=1) if options.json else table(report))


if __name__ == "__main__":
    main()
