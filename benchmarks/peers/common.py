"""One load for every peer: the same trees of the same empty nodes, each timed against the code that a hand would write.

A script of this folder describes how its peer runs a tree (a `Contestant`) and hands that to `publish`. It runs in the
peer's own environment, so this module has the standard library and nothing else.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from platform import python_version
from statistics import median, quantiles
from time import perf_counter
from types import FrameType
from typing import Any

from shapes import SHAPES, Shape, add_async, add_sync, hand_written

__all__ = ["Contestant", "Node", "Run", "Runner", "alternate", "in_asyncio", "publish", "without_loop"]

Node = Callable[[int], Any]
"""The function of every node: takes its parent's value; a coroutine function where the contestant is async."""
Run = Callable[[], Any]
"""Runs the whole tree once; a coroutine function where the contestant is async."""
Runner = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]

LIMIT = 30.0  # seconds for building once, and for running once; who needs more does not finish


@dataclass(frozen=True, slots=True)
class Pace:
    """How patiently a row is measured."""

    rounds: int
    block: float
    """Seconds that one measured block takes at least; shorter ones are repeated inside it."""
    budget: float
    """Seconds after which no further round begins."""


PATIENT = Pace(rounds=21, block=0.02, budget=10.0)
QUICK = Pace(rounds=5, block=0.005, budget=3.0)


class OverLimitError(BaseException):
    """Raised by the alarm; no Exception, because a peer would take that for the failure of a node."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; without figures where `failure` says why there are none."""

    peer: str
    version: str
    shape: str
    nodes: int
    us_per_node: float | None = None
    times_hand_written: float | None = None
    low: float | None = None
    high: float | None = None
    build_us_per_node: float | None = None
    rounds: int = 0
    failure: str = ""


def without_loop(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine that has nothing to wait for, so that sync code is measured by the same lines as async code."""
    coroutine = main()
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError("a sync contestant waited for something, which only an event loop can provide")


def in_asyncio(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run it in asyncio's own event loop."""
    return asyncio.run(main())


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to run trees: `build` prepares a shape, what it returns is run and measured."""

    name: str
    package: str
    """The distribution whose version is shown; empty for what comes with Python."""
    build: Callable[[Shape, Node], Run]
    is_async: bool = True
    runner: Runner = in_asyncio
    shapes: Sequence[Shape] = SHAPES
    unfit: str = "the peer has no such shape"
    """Why the other shapes are left out."""
    has_build: bool = True
    """Whether building is a step of the peer; if not, its time is ours and not shown."""

    def row(self, shape: Shape, **figures: Any) -> Row:
        """A row of this contestant, without figures unless given."""
        number = version(self.package) if self.package else python_version()
        return Row(self.name, number, shape.name, len(shape.parents), **figures)


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Interrupt what takes longer; where the system has no such alarm, only the driver's limit holds."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise OverLimitError(f"{what} takes more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5)  # rings again, for peers that swallow even the first one
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


async def seconds_of(run: Run, loops: int, *, is_async: bool) -> float:
    """Seconds per run, with no garbage collection in between."""
    gc.collect()
    gc.disable()
    try:
        started = perf_counter()
        if is_async:
            for _ in range(loops):
                await run()
        else:
            for _ in range(loops):
                run()
        return (perf_counter() - started) / loops
    finally:
        gc.enable()


async def alternate(hand: Run, run: Run, pace: Pace, *, is_async: bool, first: float) -> list[tuple[float, float]]:
    """Seconds per run of both, round by round; `first` is how long the peer's first run took."""
    estimates = [await seconds_of(hand, 2, is_async=is_async), first]
    if first < pace.block:  # the first run of code is slower than the others, by more than a block may be off
        estimates[1] = await seconds_of(run, 2, is_async=is_async)
    loops = [max(1, round(pace.block / max(estimate, 1e-7))) for estimate in estimates]
    rounds: list[tuple[float, float]] = []
    deadline = perf_counter() + pace.budget
    while len(rounds) < pace.rounds and (not rounds or perf_counter() < deadline):
        ours = await seconds_of(hand, loops[0], is_async=is_async)
        rounds.append((ours, await seconds_of(run, loops[1], is_async=is_async)))
    return rounds


def figures(rounds: Sequence[tuple[float, float]], nodes: int) -> dict[str, Any]:
    """Medians of the rounds, and the quartiles of their ratios."""
    ratios = [peer / hand for hand, peer in rounds]
    low, _, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return {
        "us_per_node": median(peer for _, peer in rounds) / nodes * 1e6,
        "times_hand_written": median(ratios),
        "low": low,
        "high": high,
        "rounds": len(rounds),
    }


async def _proved(contestant: Contestant, shape: Shape) -> float:
    """Seconds of one run, of which is checked that it called every node with the value of its parent."""
    seen: list[int] = []  # appended to and not added up: some peers call nodes in threads

    def watched_sync(x: int) -> int:
        seen.append(x + 1)
        return x + 1

    async def watched_async(x: int) -> int:
        seen.append(x + 1)
        return x + 1

    with within(LIMIT, "building it once"):
        run = contestant.build(shape, watched_async if contestant.is_async else watched_sync)
    with within(LIMIT, "running it once"):
        seconds = await seconds_of(run, 1, is_async=contestant.is_async)
    if sorted(seen) != sorted(shape.values()):
        raise AssertionError(f"{contestant.name}, {shape.name}: {len(seen)} calls with other values than those of the tree")
    return seconds


def _built(contestant: Contestant, shape: Shape, add: Node) -> tuple[Run, float]:
    """What is to be measured, and the median of the seconds that up to five buildings of it took."""
    times: list[float] = []
    run: Run | None = None
    while run is None or (len(times) < 5 and sum(times) < 1):
        gc.collect()
        gc.disable()
        started = perf_counter()
        run = contestant.build(shape, add)
        times.append(perf_counter() - started)
        gc.enable()
    return run, median(times)


async def _measured(contestant: Contestant, shape: Shape, pace: Pace) -> Row:
    add = add_async if contestant.is_async else add_sync
    hand = hand_written(shape, add, is_async=contestant.is_async)
    first = await _proved(contestant, shape)
    run, build = _built(contestant, shape, add)
    rounds = await alternate(hand, run, pace, is_async=contestant.is_async, first=first)
    build_us = build / len(shape.parents) * 1e6 if contestant.has_build else None
    return contestant.row(shape, build_us_per_node=build_us, **figures(rounds, len(shape.parents)))


def _row_of(contestant: Contestant, shape: Shape, pace: Pace) -> Row:
    if shape not in contestant.shapes:
        return contestant.row(shape, failure=contestant.unfit)
    try:
        row: Row = contestant.runner(partial(_measured, contestant, shape, pace))
        return row
    except (Exception, OverLimitError, BaseExceptionGroup) as error:  # noqa: BLE001 - any of them is the peer's result
        return contestant.row(shape, failure=_reason(error))


def _reason(error: BaseException) -> str:
    """One line; of a group of errors, the first says more than that there are several."""
    if isinstance(error, BaseExceptionGroup):
        return _reason(error.exceptions[0])
    text = str(error) if isinstance(error, OverLimitError) else f"{type(error).__name__}: {error}"
    return text.partition("\n")[0][:200]


def publish(contestants: Sequence[Contestant]) -> None:
    """Measure every contestant with every shape; print one JSON document, in one line."""
    publish_rows(lambda pace: [_row_of(contestant, shape, pace) for contestant in contestants for shape in SHAPES])


def publish_rows(measure: Callable[[Pace], Sequence[Row]]) -> None:
    """Print the rows that `measure` finds, as `publish` does."""
    if os.environ.get("DO_NOT_TRACK") != "1":
        raise SystemExit(f"{sys.argv[0]}: start it by `python -m benchmarks.peers`, which switches off what peers send home")
    with redirect_stdout(sys.stderr):  # what a peer prints must not end up inside the document
        rows = measure(QUICK if "--quick" in sys.argv else PATIENT)
    print(json.dumps({"python": python_version(), "rows": [asdict(row) for row in rows]}))
