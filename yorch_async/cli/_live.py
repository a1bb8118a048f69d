"""A live tree of the run in the terminal. The only import of rich.

*Guarantees*: drawn at most some times a second, never higher than the terminal; a terminal that has gone is left alone; nothing of the
user's own output is lost or moved to another stream.
*Does not know*: how a run goes; the board does.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import perf_counter

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.text import Text

from .. import Observer, Plan
from .._types import visible
from ._board import Board, Look, Row
from ._progress import seconds, ticking

__all__ = ["Screen", "drawn", "picture"]

EVERY = 0.1
DEEPEST = 12

MARKS = {
    Look.PENDING: ("·", ".", "dim"),
    Look.RUNNING: ("▶", ">", "cyan"),
    Look.WAITING: ("↻", "~", "yellow"),
    Look.DONE: ("✓", "+", "green"),
    Look.CUT: ("✂", "/", "cyan"),
    Look.BAD: ("✗", "x", "red"),
    Look.SKIPPED: ("-", "-", "dim"),
}


@contextmanager
def drawn(plan: Plan) -> Generator[Observer]:
    """Draw the run of a plan while it goes on, and leave the last picture standing."""
    board, console, started = Board(plan), _console(), perf_counter()
    live = Live(
        console=console,
        get_renderable=lambda: picture(board, console, perf_counter() - started),
        auto_refresh=False,
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        vertical_overflow="crop",
    )
    screen = Screen(live)
    try:
        screen.attempt(live.start)
        with ticking(screen.refresh, every=EVERY):
            yield board
    finally:
        screen.attempt(_hand_out)
        screen.attempt(live.stop)
        if not console.is_terminal:  # where rich draws the last picture only, and does not end its last line
            screen.attempt(console.line)


def _console() -> Console:
    # What tasks print is printed by the console while the tree is drawn, and must not be taken for rich's own notation.
    return Console(stderr=True, markup=False, emoji=False, highlight=False)


def _hand_out() -> None:
    """Print a last line that tasks have begun and not ended; rich would forget it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, FileProxy):
            stream.flush()


class Screen:
    """Draws for as long as there is something to draw on. State: whether there is."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._is_there = True

    def attempt(self, act: Callable[[], object]) -> None:
        """Do something with the terminal, which may have gone."""
        try:
            act()
        except (OSError, ValueError):
            self._is_there = False

    def refresh(self) -> None:
        """Draw again."""
        if self._is_there:
            self.attempt(self._live.refresh)


def picture(board: Board, console: Console, elapsed: float) -> Text:
    """The state of a run, in lines that fit."""
    plan, size, plainly = board.plan, console.size, console.options.ascii_only
    counts = [f"{board.ended}/{len(plan)} nodes"]
    counts += [f"{board.running} running"] * (board.running > 1)
    counts += [f"{board.bad} failed"] * bool(board.bad) + [f"{board.skipped} skipped"] * bool(board.skipped)
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(visible(plan.name), "bold").append(f"  {', '.join(counts)}, {seconds(elapsed)}")
    for row in board.rows(size.height - 2, perf_counter()):
        text.append("\n").append_text(_line(row, plainly=plainly))
    return text


def _line(row: Row, *, plainly: bool) -> Text:
    pretty, ascii_, style = MARKS[row.look]
    line = Text("  " * min(row.level, DEEPEST)).append(f"{ascii_ if plainly else pretty} ", style).append(visible(row.name))
    if row.time is not None:
        line.append(f"  {seconds(row.time)}", "dim")
    if row.remark:
        line.append(f"  {visible(row.remark)}", style)
    return line
