"""Run the benchmarks - all of them, or those that are named - and write the page of the documentation that shows them."""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from yorch_async.execution._ways import EARNED

from . import concurrent, earning, execution, graphs, page, scaling

NAMES = ("execution", "concurrent", "graphs", "scaling", "earning")
RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Print a table for each; when all have been measured in full, write the results and the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, and nothing is written")
    parser.add_argument(
        "--peers", action="store_true", help="measure other libraries too, each in an environment of its own"
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    results["earned"] = EARNED
    for name in options.names or NAMES:
        results[name] = measured(name, quick=options.quick)
    if options.peers:
        results["peers"] = peers(quick=options.quick)
    if not options.quick and all(name in results for name in NAMES):
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        page.write(results)
        print(f"\nwritten: {RESULTS} and docs/benchmarks.md")


def measured(name: str, *, quick: bool) -> Any:
    """Run one benchmark, print its table, and return its data."""
    if name == "execution":
        report = execution.measure(repetitions=5 if quick else 21)
        print(f"{report.machine}\n{execution.table(report)}")
        return asdict(report)
    if name == "concurrent":
        siblings = concurrent.measure(repetitions=5 if quick else 21)
        print(concurrent.table(siblings))
        return asdict(siblings)
    if name == "graphs":
        fans = graphs.measure(repetitions=3 if quick else 9)
        print(graphs.table(fans))
        return asdict(fans) | {"misses": graphs.misses(fans)}
    if name == "scaling":
        sizes = scaling.measure(scaling.SIZES[:2] if quick else scaling.SIZES)
        print(scaling.table(sizes))
        return [asdict(row) for row in sizes]
    rows = earning.measure(repetitions=5 if quick else 11)
    print(earning.table(rows))
    return [asdict(row) for row in rows]


def peers(*, quick: bool) -> Any:
    """Run the peers in their own environments."""
    target = RESULTS.with_name("peers.json")
    command = [sys.executable, "-m", "benchmarks.peers", "--json", str(target), *["--quick"] * quick]
    subprocess.run(command, check=True)  # noqa: S603 - our own module
    found: Any = json.loads(target.read_text("utf-8"))
    target.unlink()
    return found


if __name__ == "__main__":
    main()
