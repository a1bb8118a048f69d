"""Measure the peers, all of them or those that are named, each in its own environment and each against hand-written code."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from .environments import PeerFailedError, measure, python_of

FOLDER = Path(__file__).parent


class Peer(NamedTuple):
    """What is installed for a script."""

    script: str
    requirements: tuple[str, ...]


PEERS = {
    "asyncio": Peer("peer_asyncio.py", ("uvloop>=0.21",)),
    "trio": Peer("peer_trio.py", ("trio>=0.31",)),
    "anyio": Peer("peer_anyio.py", ("anyio>=4", "trio>=0.31")),
    "py_trees": Peer("peer_py_trees.py", ("py-trees>=2",)),
    "hamilton": Peer("peer_hamilton.py", ("apache-hamilton>=1",)),
    "dask": Peer("peer_dask.py", ("dask>=2025",)),
    "burr": Peer("peer_burr.py", ("apache-burr>=0.40",)),
    "pydantic_graph": Peer("peer_pydantic_graph.py", ("pydantic-graph>=2",)),
    "langgraph": Peer("peer_langgraph.py", ("langgraph>=1",)),
    "taskflow": Peer("peer_taskflow.py", ("taskflow>=6",)),
    "pipefunc": Peer("peer_pipefunc.py", ("pipefunc>=0.80",)),
    "dbos": Peer("peer_dbos.py", ("dbos>=3",)),
    "prefect": Peer("peer_prefect.py", ("prefect>=3",)),
    "retries": Peer("retries.py", ("backoff>=2", "tenacity>=9", "stamina>=25")),
}

LINE = "{:<28} {:<9} {:<22} {:>11} {:>11} {:>19} {:>11}"


def _line(row: dict[str, Any]) -> str:
    named = row["peer"], row["version"], row["shape"]
    if row["failure"]:
        return f"{LINE.format(*named, '', '', '', '').rstrip()}   not finished: {row['failure']}"
    build = "-" if row["build_us_per_node"] is None else f"{row['build_us_per_node']:,.1f}"
    quartiles = f"{row['low']:,.1f}-{row['high']:,.1f}"
    return LINE.format(*named, f"{row['us_per_node']:,.2f}", f"{row['times_hand_written']:,.1f}", quartiles, build)


def _result(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """What the peer's script found, or why it found nothing."""
    peer = PEERS[name]
    arguments = ["--quick"] if options.quick else []
    try:
        python = python_of(name, peer.requirements, options.envs)
        return {"name": name, "failure": "", **measure(python, FOLDER / peer.script, arguments, options.limit)}
    except PeerFailedError as error:
        return {"name": name, "failure": str(error), "rows": []}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PEERS)}; all, if none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too, as one list")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, for a first impression")
    parser.add_argument("--envs", type=Path, default=Path(".venv-peers"), metavar="DIR", help="where the environments are")
    parser.add_argument("--limit", type=float, default=300, metavar="SECONDS", help="how long one script may run (300)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in PEERS]
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return options


def main() -> int:
    """Print the table, peer by peer; the exit code is 1 if any of them gave no result."""
    options = _options()
    print(LINE.format("peer", "version", "shape", "us per node", "x by hand", "quartiles", "build us"))
    results: list[dict[str, Any]] = []
    for name in options.names or PEERS:
        results.append(_result(name, options))
        for row in results[-1]["rows"]:
            print(_line(row))
        if results[-1]["failure"]:
            print(f"{name:<28} failed: {results[-1]['failure']}")
        sys.stdout.flush()
        if options.json:  # after every peer, so that what was found is kept if a later one is interrupted
            options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return int(any(result["failure"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
