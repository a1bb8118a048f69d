"""What registering, compiling and running cost per node, from ten nodes to a million, and how much memory that takes.

Every tree is measured in a process of its own, because memory that was used once is not given back.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

from yorch_async import Plan, RunResult, TaskTree, borrow_prev, compile_plan, run_sync, value

from .scenarios import Scenario, add, mixed

__all__ = ["SIZES", "Row", "main", "measure", "misses", "table"]

SIZES = (10, 1_000, 100_000, 1_000_000)
SHAPES = ("chain", "siblings", "new functions")
LARGEST = {"new functions": 10_000}
"""How many nodes a tree of this shape has at most: where each has a function of its own, those take more memory than the plan."""

LARGEST_CODE = 100_000
"""Plans with more nodes stay with the interpreter."""

BUILD = {"chain": 15.0, "siblings": 15.0, "new functions": 45.0}
"""The targets for registering and compiling, in microseconds per node."""
BYTES = 1500
"""The target for what a compiled plan takes, per node."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One tree. Times are microseconds per node, memory is bytes per node; the peak is that of the process, in MiB."""

    shape: str
    nodes: int
    register: float
    compile: float
    first_run: float
    """With what is prepared for all runs."""
    run: float
    generate: float | None
    """What the code costs; None for plans that stay with the interpreter."""
    run_generated: float | None
    tree_bytes: float
    plan_bytes: float
    """Of the plan, and of what is prepared for its runs."""
    peak: float


def one(shape: str, nodes: int) -> Row:
    """Measure one tree in this process."""
    make = maker(shape, nodes)
    loops = max(1, 5_000 // nodes)
    run_sync(compile_plan(maker("chain", 10)()))  # what is made once in a process is no cost of a tree
    empty = _resident()
    register, tree = _timed(make, loops)
    filled = _resident()
    compiling, plan = _timed(lambda: compile_plan(tree, optimize=False), loops)
    first_run, run = _runs(plan)
    prepared = _resident()
    peak = _peak()
    generate, quick = _runs(compile_plan(tree, optimize=True)) if nodes <= LARGEST_CODE else (None, None)
    return Row(
        shape=shape,
        nodes=nodes,
        register=register / nodes * 1e6,
        compile=compiling / nodes * 1e6,
        first_run=first_run / nodes * 1e6,
        run=run / nodes * 1e6,
        generate=None if generate is None or quick is None else (generate - quick) / nodes * 1e6,
        run_generated=None if quick is None else quick / nodes * 1e6,
        tree_bytes=(filled - empty) / nodes,
        plan_bytes=(prepared - filled) / nodes,
        peak=peak,
    )


def _runs(plan: Plan) -> tuple[float, float]:
    """The seconds of the first run of a plan, and of later ones."""
    inputs, context = {"number": 3} if plan.inputs else {}, dict.fromkeys(plan.context_keys)

    def run() -> RunResult:
        return run_sync(plan, context, inputs=inputs, keep="none")

    first, _ = _timed(run, 1)
    # Python itself takes some runs to find out how to execute code that is new to it.
    later, _ = _timed(run, 5 if len(plan) > LARGEST_CODE else max(15, 50_000 // len(plan)))
    return first, later


def maker(shape: str, nodes: int) -> Callable[[], TaskTree]:
    """What registers a tree."""
    if shape == "new functions":
        return Scenario(shape, mixed(nodes, is_async=False, seed=3), is_async=False).tree

    def make() -> TaskTree:
        tree = TaskTree()
        node = root = tree.root(add, value(0))
        for _ in range(nodes - 1):
            node = (node if shape == "chain" else root).child(add, borrow_prev())
        return tree

    return make


def _timed(work: Callable[[], T], loops: int) -> tuple[float, T]:
    """The median of the seconds that it takes, and what came of it the last time."""
    times: list[float] = []
    while True:
        started = perf_counter()
        made = work()
        times.append(perf_counter() - started)
        if len(times) == loops:
            return median(times), made


def _peak() -> float:
    """MiB; of this process alone, whereas getrusage begins with what the parent had."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * resource.getpagesize()


def measure(sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Measure every shape and size, each in a process of its own."""
    rows: list[Row] = []
    for shape in SHAPES:
        for nodes in dict.fromkeys(min(size, LARGEST.get(shape, size)) for size in sizes):
            command = [sys.executable, "-m", "benchmarks.scaling", "--one", shape, str(nodes)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)  # noqa: S603 - this very file
            rows.append(Row(**json.loads(done.stdout)))
    return rows


def misses(rows: list[Row]) -> list[str]:
    """Every target that is not met by trees that are not small, with by how much."""
    large = [row for row in rows if row.nodes >= 1_000]
    slow = [row for row in large if row.register + row.compile > BUILD[row.shape]]
    big = [row for row in large if row.nodes >= 10_000 and row.plan_bytes > BYTES]
    found = [
        f"{row.shape}, {row.nodes:,} nodes: {row.register + row.compile:.0f} us a node to register and compile, "
        f"target {BUILD[row.shape]:.0f}"
        for row in slow
    ]
    return found + [f"{row.shape}, {row.nodes:,} nodes: {row.plan_bytes:.0f} bytes a node, target {BYTES}" for row in big]


def table(rows: list[Row]) -> str:
    """The rows for people."""
    columns = ("register", "compile", "1st run", "run", "generate", "run code", "tree", "plan", "peak")
    head = f"  {'':16}{'nodes':>10}" + "".join(f"{column:>10}" for column in columns)
    lines = ["", "us per node; tree and plan in bytes per node, the peak of the process in MiB", head]
    for row in rows:
        times = (row.register, row.compile, row.first_run, row.run, row.generate, row.run_generated)
        cells = "".join(f"{'-' if time is None else f'{time:.2f}':>10}" for time in times)
        sizes = "".join(f"{size:>10.0f}" for size in (row.tree_bytes, row.plan_bytes, row.peak))
        lines.append(f"  {row.shape:16}{row.nodes:>10,}{cells}{sizes}")
    return "\n".join(lines)


def main() -> None:
    """Print a table, or with --json the same as data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print data instead of a table")
    parser.add_argument("--quick", action="store_true", help="without the largest trees")
    parser.add_argument("--one", nargs=2, metavar=("SHAPE", "NODES"), help="measure one tree in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(asdict(one(options.one[0], int(options.one[1])))))
        return
    rows = measure(SIZES[:2] if options.quick else SIZES)
    print(json.dumps([asdict(row) for row in rows], indent=1) if options.json else table(rows))


if __name__ == "__main__":
    main()
