"""How a run is watched: the lines, the board behind the live tree, and the tree in a terminal."""

import io
import re
import sys
import threading

import pytest
from rich.console import Console, Group
from rich.live import Live

from yorch_async import (
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    RetryWaiting,
    RunEnded,
    StepStatus,
    TaskTree,
    compile_plan,
)
from yorch_async.cli._board import Board, Look, Row
from yorch_async.cli._live import Screen, drawn, picture
from yorch_async.cli._progress import Lines, seconds, ticking, watching
from yorch_async.testing import ManualClock


def plan_of(count):
    """A root with children, called `n0`, `n1`, ..."""
    tree = TaskTree("many")
    root = tree.root(lambda: 1, name="root")
    for number in range(count - 1):
        root.child(lambda: 1, name=f"n{number}")
    return compile_plan(tree)


def started(index, path="root", time=0.0):
    """A node starts."""
    return NodeStarted(index, path, time)


def ended(index, path="root", status=StepStatus.SUCCESS, error=None, reason=None, elapsed=0.5):
    """A node ends."""
    return NodeEnded(index, path, status, 1, elapsed, reason, error, 0.0)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0, "<1 ms"),
        (0.0009, "<1 ms"),
        (0.0011, "1 ms"),
        (0.5, "500 ms"),
        (0.99951, "1.0 s"),
        (1.25, "1.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125.4, "2 min 05 s"),
        (7200.0, "120 min 00 s"),
    ],
)
def test_durations_are_as_precise_as_they_are_of_interest(time, text):
    """Milliseconds, tenths of seconds, minutes."""
    assert seconds(time) == text


class Spoken:
    """Lines, with the clock in hand."""

    def __init__(self, nodes):
        self.clock = ManualClock()
        self.lines: list[str] = []
        self.say = Lines(plan_of(nodes), lambda text: self.lines.append(re.sub("\x1b\\[[0-9]+m", "", text)), self.clock.time)


def test_each_end_is_a_line():
    """With the count, the path, how it ended and how long it took."""
    spoken = Spoken(4)
    for event in (
        started(0),
        ended(0),
        RetryWaiting(1, "root/n0", 2, 0.25, 0.0),
        ended(1, "root/n\n0", StepStatus.ABORT_BRANCH),
        NodeSkipped(2, "root/n1", "root/n0", 0.0),
        ended(3, "root/n2", None, ValueError("no")),
        ended(3, "root/n2", None, KeyboardInterrupt()),
        RunEnded("many", None, 1.0, None, 0.0),
    ):
        spoken.say(event)
    assert spoken.lines == [
        "[1/4] root: SUCCESS, 500 ms",
        "[1/4] root/n0: RETRY after attempt 2, again in 250 ms",
        "[2/4] root/n\\n0: ABORT_BRANCH, 500 ms",
        "[3/4] root/n2: EXCEPTION, 500 ms",
        "[4/4] root/n2: CANCELLED, 500 ms",
    ]


def test_more_lines_than_can_be_read_are_left_out():
    """After a burst it is so many a second; failures are always said, and the count goes on."""
    spoken = Spoken(200)
    for index in range(100):
        spoken.say(ended(index, f"n{index}"))
        spoken.say(RetryWaiting(index, "x", 1, 0.0, 0.0))
    assert len(spoken.lines) == 20
    spoken.say(ended(100, "bad", StepStatus.FAILURE))
    assert spoken.lines[20:] == ["[101/200] bad: FAILURE, 500 ms"]
    spoken.clock.now += 0.35
    for index in range(101, 111):
        spoken.say(ended(index, f"n{index}"))
    assert len(spoken.lines) == 21 + 2  # the failure was one too many


def test_a_node_that_runs_for_long_is_named():
    """When nothing else is said for a while."""
    spoken = Spoken(2)
    spoken.say.still_running()
    spoken.say(started(0, "root", 0.0))
    spoken.clock.now = 4.0
    spoken.say.still_running()
    spoken.clock.now = 10.0
    spoken.say.still_running()
    spoken.say.still_running()
    spoken.say(ended(0))
    spoken.clock.now = 30.0
    spoken.say.still_running()
    assert spoken.lines == ["[0/2] root: running for 10.0 s", "[1/2] root: SUCCESS, 500 ms"]


def test_of_several_nodes_the_one_that_runs_longest_is_named():
    """And how many there are besides; one that has ended is no longer meant."""
    spoken = Spoken(4)
    for index, time in enumerate((3.0, 1.0, 2.0)):
        spoken.say(started(index, f"n{index}", time))
    for index, now in ((1, 10.0), (2, 20.0), (0, 30.0)):
        spoken.clock.now = now
        spoken.say.still_running()
        spoken.say(ended(index, f"n{index}"))
    spoken.clock.now = 40.0
    spoken.say.still_running()
    assert spoken.lines == [
        "[0/4] n1: running for 9.0 s, and 2 other nodes",
        "[1/4] n1: SUCCESS, 500 ms",
        "[1/4] n2: running for 18.0 s, and 1 other node",
        "[2/4] n2: SUCCESS, 500 ms",
        "[2/4] n0: running for 27.0 s",
        "[3/4] n0: SUCCESS, 500 ms",
    ]


def test_a_ticking_thread_ends_with_its_block():
    """Also when the block fails; while it goes on, it is called again and again."""
    ticks = threading.Semaphore(0)
    before = threading.active_count()
    with pytest.raises(ValueError), ticking(ticks.release, every=0.001):
        for _ in range(3):
            assert ticks.acquire(timeout=10)
        raise ValueError
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", ["auto", "plain"])
def test_lines_are_written_to_stderr(kind, capsys):
    """What is no terminal gets lines."""
    with watching(kind, plan_of(1)) as (observer,):
        observer(ended(0))
    assert capsys.readouterr() == ("", "[1/1] root: SUCCESS, 500 ms\n")


@pytest.mark.parametrize(("kind", "stream"), [("none", io.StringIO()), ("auto", None), ("plain", None), ("rich", None)])
def test_nobody_watches_where_nobody_can_look(kind, stream, monkeypatch):
    """On request, or because stderr is closed: then nothing is recorded at all."""
    monkeypatch.setattr(sys, "stderr", stream)
    with watching(kind, plan_of(1)) as observers:
        assert observers == ()


class Broken(io.StringIO):
    """A terminal that has gone."""

    def write(self, text):
        raise OSError(5, "Input/output error")

    def isatty(self):
        return True


@pytest.mark.parametrize("kind", ["auto", "plain", "rich"])
def test_a_terminal_that_has_gone_is_left_alone(kind, monkeypatch):
    """The run does not notice."""
    monkeypatch.setattr(sys, "stderr", Broken())
    with watching(kind, plan_of(2)) as (observer,):
        observer(started(0))
        observer(ended(0))
    assert isinstance(sys.stderr, Broken)


def test_what_has_gone_is_not_drawn_on_again():
    """The first failure is the last attempt."""
    live = Live(console=Console(file=Broken(), force_terminal=True), auto_refresh=False)
    screen = Screen(live)
    screen.attempt(live.start)
    screen.attempt(lambda: live.console.print("x"))
    live.console.file.write = pytest.fail
    screen.refresh()


def test_colours_are_as_asked_for(capsys, monkeypatch):
    """NO_COLOR wins over FORCE_COLOR; without either, what is no terminal has none."""

    def line():
        with watching("plain", plan_of(1)) as (observer,):
            observer(ended(0))
        return capsys.readouterr().err

    plain, green = "[1/1] root: SUCCESS, 500 ms\n", "[1/1] root: \x1b[32mSUCCESS\x1b[0m, 500 ms\n"
    assert line() == plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert line() == green
    monkeypatch.setenv("NO_COLOR", "1")
    assert line() == plain


def rows(board, room, now=2.0):
    """The rows as tuples."""
    return [tuple(row) for row in board.rows(room, now)]


def test_the_board_shows_a_small_plan_whole():
    """Every node, with what is known of it."""
    board = Board(plan_of(6))
    for event in (
        started(0),
        ended(0),
        started(1, time=1.0),
        RetryWaiting(1, "root/n0", 1, 0.5, 1.5),
        ended(2, status=StepStatus.ABORT_BRANCH),
        NodeSkipped(3, "root/n2", "root/n1", 0.0),
        ended(4, status=StepStatus.FAILURE, reason="no luck"),
        RunEnded("many", None, 1.0, None, 0.0),
    ):
        board(event)
    assert rows(board, 6) == [
        (0, "root", Look.DONE, 0.5, ""),
        (1, "n0", Look.WAITING, 1.0, "attempt 2"),
        (1, "n1", Look.CUT, 0.5, ""),
        (1, "n2", Look.SKIPPED, None, ""),
        (1, "n3", Look.BAD, 0.5, "no luck"),
        (1, "n4", Look.PENDING, None, ""),
    ]
    assert (board.ended, board.bad, board.skipped) == (3, 1, 1)
    board(ended(1))
    assert rows(board, 6)[1] == (1, "n0", Look.DONE, 0.5, "")


@pytest.mark.parametrize(
    ("error", "look", "remark"),
    [
        (ValueError("no"), Look.BAD, "ValueError('no')"),
        (SystemExit(1), Look.BAD, "SystemExit(1)"),
        (KeyboardInterrupt(), Look.CUT, "cancelled"),
    ],
)
@pytest.mark.parametrize("size", [1, 600])
def test_the_board_says_what_ended_a_node(error, look, remark, size):
    """An exception as it is; a cancellation as what it is, which is no failure."""
    board = Board(plan_of(size))
    board(ended(0, status=None, error=error))
    assert rows(board, 1) == [(0, "root", look, 0.5, remark)]
    assert board.bad == (look is Look.BAD)


def test_the_board_has_no_words_where_there_are_none():
    """A failure without a reason."""
    board = Board(plan_of(1))
    board(ended(0, status=StepStatus.FAILURE))
    assert rows(board, 1) == [(0, "root", Look.BAD, 0.5, "")]


def test_the_board_shows_of_a_large_plan_what_is_of_interest():
    """Failed and running nodes by their paths, as many as fit; what went well is only counted."""
    board = Board(plan_of(1000))
    for index in range(100):
        board(started(index))
        board(ended(index, status=StepStatus.FAILURE if index % 10 == 3 else StepStatus.SUCCESS))
    board(started(100, time=1.0))
    assert (board.ended, board.bad) == (100, 10)
    assert [row.name for row in board.rows(20, 2.0)] == [f"root/n{i}" for i in range(2, 100, 10)] + ["root/n99"]
    assert rows(board, 2) == [(0, "root/n2", Look.BAD, 0.5, ""), (0, "root/n99", Look.RUNNING, 1.0, "")]
    assert rows(board, 1) == [(0, "root/n99", Look.RUNNING, 1.0, "")]
    assert rows(board, 0) == rows(board, -3) == []


def test_the_board_shows_all_nodes_that_are_running():
    """Each for as long as it has been; of a large plan as many as half of the room takes, and how many there are is said above."""
    small, large = Board(plan_of(4)), Board(plan_of(1000))
    for board in (small, large):
        for index in (1, 3, 2):
            board(started(index, time=index / 4))
        board(ended(2))
    assert rows(small, 4) == [
        (0, "root", Look.PENDING, None, ""),
        (1, "n0", Look.RUNNING, 1.75, ""),
        (1, "n1", Look.DONE, 0.5, ""),
        (1, "n2", Look.RUNNING, 1.25, ""),
    ]
    assert rows(large, 20) == [(0, "root/n0", Look.RUNNING, 1.75, ""), (0, "root/n2", Look.RUNNING, 1.25, "")]
    assert (small.running, len(large.rows(2, 2.0))) == (2, 1)
    assert drawing(small, 24).startswith("many  1/4 nodes, 2 running, 1.0 s\n")


def drawing(board, height, width=60, **options):
    """The picture as plain text."""
    console = Console(file=io.StringIO(), width=width, height=height, **options)
    console.print(Group(picture(board, console, 1.0)))
    return console.file.getvalue()


def test_the_picture_says_all_that_fits():
    """A headline with counts, then the tree. Nothing is taken for markup."""
    tree = TaskTree("[bold]t\n")
    tree.root(lambda: 1, name="[red]root").child(lambda: 1, name="child")
    board = Board(compile_plan(tree))
    board(ended(0))
    board(ended(1, status=StepStatus.FAILURE, reason="[/x]"))
    board(NodeSkipped(1, "", "", 0.0))
    assert drawing(board, 24) == (
        "[bold]t\\n  2/2 nodes, 1 failed, 1 skipped, 1.0 s\n✓ [red]root  500 ms\n  - child  500 ms  [/x]\n"
    )
    assert drawing(board, 3) == "[bold]t\\n  2/2 nodes, 1 failed, 1 skipped, 1.0 s\n- [red]root/child  500 ms  [/x]\n"
    assert drawing(board, 1, width=12) == "[bold]t\\n  …\n"


def test_the_picture_without_unicode(monkeypatch):
    """Where the terminal has other characters only."""
    monkeypatch.setattr(Console, "encoding", "ascii")
    assert drawing(Board(plan_of(1)), 24).splitlines()[1] == ". root"


def test_the_tree_on_something_that_is_no_terminal(capsys):
    """`--progress rich` into a file: the last picture only, in whole lines."""
    with drawn(plan_of(1)) as observer:
        observer(ended(0))
        sys.stdout.write("said meanwhile\n")
    out, err = capsys.readouterr()
    assert out == "said meanwhile\n"
    assert re.fullmatch(r"many  1/1 nodes, .*\n✓ root  500 ms\n", err)


def test_a_row_names_its_parts():
    """For those who draw it otherwise."""
    assert Row._fields == ("level", "name", "look", "time", "remark")
