"""What fan-outs over elements and joins of many nodes cost, compared with the loops and groups that one would write by hand."""

import argparse
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import anyio

from yorch_async import Concurrent, Plan, SerialDfs, TaskTree, borrow, borrow_prev, compile_plan, run_plan, run_sync, value

from .measuring import machine, quartiles, take_turns

__all__ = ["Report", "main", "measure", "misses", "table"]

ELEMENTS = 1_000_000
NAPS = 100_000
NAP = 0.001
"""How many seconds an element sleeps."""
AT_A_TIME = 1_000
JOINED = (1_000, 10_000, 100_000)
COUNTED = (10_000, 1_000_000)

TARGETS = {"SerialDfs": 2.0, "Concurrent": 5.0, "sleep": 1.5}
"""How many times the time of a loop written by hand."""

Contestant = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Elements:
    """What an element costs under a policy. Times are microseconds; `ratio` is against the loop written by hand in the same rounds."""

    loop: str
    work: str
    policy: str
    by_hand: float
    ours: float
    ratio: float
    low: float
    high: float
    target: float


@dataclass(frozen=True, slots=True)
class Joined:
    """Nodes that are joined into one: microseconds a node."""

    nodes: int
    register: float
    compile: float
    run: float
    run_concurrent: float


@dataclass(frozen=True, slots=True)
class Memory:
    """The peak of a process that reduces so many elements, in MiB."""

    policy: str
    elements: int
    peak: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured."""

    machine: str
    elements: list[Elements]
    joined: list[Joined]
    memory: list[Memory]


def no_op(number: int) -> int:
    return number


async def no_op_async(number: int) -> int:
    return number


async def nap(number: int) -> int:
    await anyio.sleep(NAP)
    return number


def count(total: int, _: int) -> int:
    return total + 1


async def listed() -> None:
    found: list[int] = []
    for number in range(ELEMENTS):
        found.append(no_op(number))  # noqa: PERF401 - the loop as it is written where a call can fail


async def listed_async() -> None:
    found: list[int] = []
    for number in range(ELEMENTS):
        found.append(await no_op_async(number))  # noqa: PERF401 - see above


async def reduced() -> None:
    total = 0
    for number in range(ELEMENTS):
        total = count(total, no_op(number))


async def reduced_async() -> None:
    total = 0
    for number in range(ELEMENTS):
        total = count(total, await no_op_async(number))


async def workers() -> None:
    """So many loops over one iterator, each of which takes the next element."""
    numbers = iter(range(NAPS))
    found = [0] * NAPS
    async with anyio.create_task_group() as group:
        for _ in range(AT_A_TIME):
            group.start_soon(worker, numbers, found)


async def worker(numbers: Iterator[int], found: list[int]) -> None:
    for number in numbers:
        found[number] = await nap(number)


WORK: dict[str, tuple[Callable[[], Awaitable[object]], Callable[[int], Any], dict[str, Any]]] = {
    "no-op": (listed, no_op, {}),
    "no-op, awaited": (listed_async, no_op_async, {}),
    "no-op, reduced": (reduced, no_op, {"reduce": count, "initial": 0}),
    "no-op, awaited, reduced": (reduced_async, no_op_async, {"reduce": count, "initial": 0}),
}


def fan_out(size: int, work: Callable[[int], Any], **options: Any) -> Plan:
    """A node that goes through so many numbers."""
    tree = TaskTree("elements")
    tree.root(partial(range, size), name="numbers").each(work, **options)
    return compile_plan(tree)


def rows_of(loop: str, *, repetitions: int) -> list[Elements]:
    """Measure every kind of work on one loop."""
    found: list[Elements] = []
    for work, (by_hand, fn, options) in WORK.items():
        plan = fan_out(ELEMENTS, fn, **options)
        contestants: dict[str, Contestant] = {
            "by hand": by_hand,
            "SerialDfs": partial(run_plan, plan, execution=SerialDfs()),
            "Concurrent": partial(run_plan, plan, execution=Concurrent()),
        }
        found += compared(loop, work, ELEMENTS, contestants, repetitions=repetitions)
    plan = fan_out(NAPS, nap, max_concurrency=AT_A_TIME)
    contestants = {"by hand": workers, "sleep": partial(run_plan, plan, execution=Concurrent())}
    return found + compared(
        loop, f"sleep 1 ms, {AT_A_TIME:,} at a time", NAPS, contestants, repetitions=max(3, repetitions // 3)
    )


def compared(loop: str, work: str, size: int, contestants: dict[str, Contestant], *, repetitions: int) -> list[Elements]:
    """Let them take turns."""
    times = anyio.run(partial(take_turns, contestants, loops=1, repetitions=repetitions), backend=loop)
    by_hand, rows = times.pop("by hand"), list[Elements]()
    for name, ours in times.items():
        ratios = [one / other for one, other in zip(ours, by_hand, strict=True)]
        low, high = quartiles(ratios)
        policy = "Concurrent" if name == "sleep" else name
        mine, theirs = median(ours) / size, median(by_hand) / size
        rows.append(Elements(loop, work, policy, theirs, mine, median(ratios), low, high, TARGETS[name]))
    return rows


def joined(nodes: int) -> Joined:
    """Register, compile and run nodes that are joined into one."""
    started = perf_counter()
    tree = TaskTree("joined")
    root = tree.root(no_op, value(1))
    parts = [root.child(no_op, borrow_prev()) for _ in range(nodes)]
    tree.join(lambda *numbers: len(numbers), *map(borrow, parts))
    registered = perf_counter()
    plan = compile_plan(tree, optimize=False)
    compiled = perf_counter()
    run, run_concurrent = (
        timed(lambda: run_sync(plan)),
        timed(lambda: anyio.run(partial(run_plan, plan, execution=Concurrent()))),
    )
    return Joined(
        nodes,
        (registered - started) / nodes * 1e6,
        (compiled - registered) / nodes * 1e6,
        run / nodes * 1e6,
        run_concurrent / nodes * 1e6,
    )


def timed(run: Callable[[], object]) -> float:
    """The median of the seconds of some runs, after one that prepares them."""
    times: list[float] = []
    for _ in range(6):
        started = perf_counter()
        run()
        times.append(perf_counter() - started)
    return median(times[1:])


def peak(policy: str, elements: int) -> Memory:
    """Reduce so many elements in this process."""
    plan = fan_out(elements, no_op_async, reduce=count, initial=0)
    execution = Concurrent() if policy == "Concurrent" else SerialDfs()
    anyio.run(partial(run_plan, plan, execution=execution))
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return Memory(policy, elements, next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))


def measure(*, repetitions: int) -> Report:
    """Measure everything; what memory a process takes, in processes of its own."""
    elements = [row for loop in ("asyncio", "trio") for row in rows_of(loop, repetitions=repetitions)]
    memory: list[Memory] = []
    for policy in ("SerialDfs", "Concurrent"):
        for size in COUNTED:
            command = [sys.executable, "-m", "benchmarks.graphs", "--peak", policy, str(size)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)  # noqa: S603 - this very file
            memory.append(Memory(**json.loads(done.stdout)))
    return Report(machine(), elements, [joined(nodes) for nodes in JOINED], memory)


def misses(report: Report) -> list[str]:
    """Every target that is not met, with by how much."""
    found = [
        f"{row.work}, {row.policy}, on {row.loop}: {row.ratio:.2f} times the loop by hand, target {row.target}"
        for row in report.elements
        if row.ratio > row.target
    ]
    first = report.joined[0]
    found += [
        f"{row.nodes:,} nodes joined: {row.compile:.1f} us a node to compile and {row.run:.2f} to run, "
        f"but {first.compile:.1f} and {first.run:.2f} where there are {first.nodes:,}"
        for row in report.joined
        if row.compile > 2 * first.compile or row.run > 2 * first.run
    ]
    return found


def table(report: Report) -> str:
    """The report for people."""
    lines = ["", "us an element, and how many times a loop written by hand (! is above the target)"]
    lines.append(f"  {'':58}{'hand':>8}{'us':>8}{'ratio':>8}{'quartiles':>16}{'target':>9}")
    for row in report.elements:
        name, spread = f"{row.loop}, {row.work}, {row.policy}", f"{row.low:.2f} - {row.high:.2f}"
        target = f"{row.target:.1f}{' ' if row.ratio <= row.target else '!'}"
        lines.append(f"  {name:58}{row.by_hand:>8.3f}{row.ours:>8.3f}{row.ratio:>8.2f}{spread:>16}{target:>9}")
    lines += ["", "us a node of those that are joined into one: register, compile, run, run concurrently"]
    for one in report.joined:
        lines.append(
            f"  {one.nodes:>9,}{one.register:>10.2f}{one.compile:>10.2f}{one.run:>10.2f}{one.run_concurrent:>10.2f}"
        )
    lines += ["", "the peak of a process that reduces elements, in MiB"]
    lines += [f"  {each.policy:12}{each.elements:>10,}{each.peak:>8.1f}" for each in report.memory]
    return "\n".join([*lines, "", "missed:", *(f"  {miss}" for miss in misses(report) or ["nothing"])])


def main() -> None:
    """Print a table, or with --json the same as data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graphs", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print data instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a first impression")
    parser.add_argument("--peak", nargs=2, metavar=("POLICY", "ELEMENTS"), help="reduce so many in this process")
    options = parser.parse_args()
    if options.peak:
        print(json.dumps(asdict(peak(options.peak[0], int(options.peak[1])))))
        return
    report = measure(repetitions=3 if options.quick else 9)
    print(json.dumps(asdict(report), indent=1) if options.json else table(report))


if __name__ == "__main__":
    main()
