"""What is said of nodes that run something for each of many elements: while they do, and when it is over."""

import io
import re

import pytest
from rich.console import Console

from yorch_async import (
    AttemptStarted,
    EachStarted,
    ItemEnded,
    ItemStarted,
    NodeEnded,
    NodeStarted,
    RetryWaiting,
    StepStatus,
    TaskTree,
    compile_plan,
    item,
)
from yorch_async.cli._board import Board, Look
from yorch_async.cli._fans import Fans
from yorch_async.cli._live import picture
from yorch_async.cli._progress import Lines
from yorch_async.testing import ManualClock

PATH = "root/files"


def plan():
    """A root, and below it two nodes that run something for each element."""
    tree = TaskTree("p")
    root = tree.root(list, name="root")
    for name in ("files", "other"):
        root.each(len, item(), name=name)
    return compile_plan(tree)


def begun(*numbers):
    """Elements begin."""
    return [ItemStarted(1, f"{PATH}#{number}", number, 0.0) for number in numbers]


def done(*numbers, status=StepStatus.SUCCESS, error=None):
    """Elements end."""
    return [ItemEnded(1, f"{PATH}#{number}", number, status, 1, 0.5, None, error, 0.0) for number in numbers]


def waiting(number, inside="", *, attempts=1):
    """An element waits."""
    return RetryWaiting(1, f"{PATH}#{number}{inside}", attempts, 0.5, 0.0)


def over(status=StepStatus.SUCCESS, reason=None):
    """The node ends."""
    return NodeEnded(1, PATH, status, 1, 2.0, reason, None, 0.0)


def told(observer, *events, total=1604):
    """Tell of a node that begins with so many elements, and of what comes then."""
    for event in (NodeStarted(1, PATH, 0.0), EachStarted(1, PATH, total, 0.0), *events):
        observer(event)


@pytest.mark.parametrize(
    ("total", "events", "words"),
    [
        (1604, [], "0 of 1,604"),
        (None, [], "0 done"),
        (1604, [*begun(*range(1, 813)), *done(*range(1, 805))], "804 of 1,604, 8 running"),
        (None, [*begun(1, 2), *done(1, 2)], "2 done"),
        (3, [*begun(1, 2), *done(1, status=StepStatus.FAILURE), *done(2)], "2 of 3, 1 failed"),
        (3, [*begun(1), *done(1, status=None, error=ValueError())], "1 of 3, 1 failed"),
        (3, [*begun(1), *done(1, status=StepStatus.RETRY)], "1 of 3, 1 failed"),
        (3, [*begun(1), *done(1, status=StepStatus.ABORT_BRANCH)], "1 of 3, 1 aborted"),
        (3, [*begun(1, 2), waiting(2), waiting(1, "/parse")], "0 of 3, 2 running, 2 waiting, 2 retries"),
        (3, [*begun(1), waiting(1), AttemptStarted(1, f"{PATH}#1", 2, 0.0)], "0 of 3, 1 running, 1 retry"),
        (3, [*begun(1), waiting(1, "/a/b#2/c"), *done(1)], "1 of 3, 1 retry"),
        (3, [*begun(1, 2), AttemptStarted(1, f"{PATH}#1", 1, 0.0), waiting(1), over()], "0 of 3, 1 retry"),
    ],
)
def test_elements_are_counted(total, events, words):
    """How many are done, have failed, are worked on, wait; with the total, where it is known. Those of an ended node are over."""
    fans = Fans()
    told(fans, *events, total=total)
    assert str(fans.get(1)) == words
    assert fans.get(0) is None


def test_what_happens_to_a_node_does_not_count_for_its_elements():
    """An attempt and a wait have the index of the node also where they are those of an element: the path tells."""
    board, fans = Board(plan()), Fans()
    node = RetryWaiting(1, PATH, 1, 0.5, 0.0)
    for observer in (board, fans):
        observer(NodeStarted(1, PATH, 0.0))
        observer(node)
        observer(AttemptStarted(1, PATH, 2, 0.0))
    assert (fans.holds(node), board.rows(3, 1.0)[1].remark) == (False, "attempt 2")
    told(fans, node, *begun(1))
    assert (fans.holds(node), str(fans.get(1))) == (False, "0 of 1,604, 1 running")
    assert fans.holds(waiting(1))


def test_only_as_much_is_remembered_as_waits():
    """However many elements there were."""
    fans = Fans()
    told(fans, *(event for number in range(1, 1000) for event in (*begun(number), waiting(number), *done(number))))
    assert (str(fans.get(1)), fans.get(1).waiting) == ("999 of 1,604, 999 retries", set())


def row(board):
    """How the node looks, and what is remarked."""
    _, _, look, _, remark = board.rows(3, 1.0)[1]
    return look, remark


def test_the_board_shows_how_far_a_node_is():
    """It waits when all its elements do; the waits of elements are not its own; what ended it stands behind the counts."""
    board = Board(plan())
    told(board, *begun(1, 2), waiting(1))
    assert row(board) == (Look.RUNNING, "0 of 1,604, 2 running, 1 waiting, 1 retry")
    board(waiting(2))
    assert row(board) == (Look.WAITING, "0 of 1,604, 2 running, 2 waiting, 2 retries")
    board(done(1, status=StepStatus.FAILURE)[0])
    board(over(StepStatus.FAILURE, f"{PATH}#1: no luck"))
    assert row(board) == (Look.BAD, f"1 of 1,604, 1 failed, 2 retries: {PATH}#1: no luck")
    assert (board.ended, board.bad, board.running) == (1, 1, 0)


def test_the_picture_has_one_line_for_all_elements():
    """Which says how far the node is."""
    board = Board(plan())
    told(board, *begun(*range(1, 821)), *done(*range(1, 813)))
    console = Console(file=io.StringIO(), width=60, height=24)
    console.print(picture(board, console, 1.0))
    line = console.file.getvalue().splitlines()[2]
    assert re.fullmatch(r"  ▶ files  .*s  812 of 1,604, 8 running", line)


class Spoken:
    """Lines, with the clock in hand."""

    def __init__(self):
        self.clock, self.lines = ManualClock(), []
        self.observer = Lines(plan(), lambda text: self.lines.append(re.sub("\x1b\\[[0-9]+m", "", text)), self.clock.time)

    def after(self, seconds, *events):
        """Tell of events some time later; the lines that came of it."""
        self.clock.now += seconds
        before = len(self.lines)
        for event in events:
            self.observer(event)
        return self.lines[before:]


def test_lines_say_now_and_then_how_far_a_node_is():
    """Not for each element; what fails or waits has a line of its own; the last one has all counts."""
    spoken = Spoken()
    told(spoken.observer)
    assert spoken.after(1.0, *begun(1, 2), *done(1)) == []
    assert spoken.after(1.0, waiting(2, "/parse")) == ["[0/3] root/files#2/parse: RETRY after attempt 1, again in 500 ms"]
    assert spoken.after(1.0, *done(2, status=StepStatus.FAILURE)) == ["[0/3] root/files#2: FAILURE, 500 ms"]
    assert spoken.after(3.1, *begun(3, 4), *done(3)) == ["[0/3] root/files: 3 of 1,604, 1 failed, 1 running, 1 retry"]
    assert spoken.after(1.0, *done(4)) == []
    spoken.clock.now += 10
    spoken.observer.still_running()
    assert spoken.lines[-1] == "[0/3] root/files: running for 17.1 s, 4 of 1,604, 1 failed, 1 retry"
    assert spoken.after(0.0, over()) == ["[1/3] root/files: SUCCESS, 2.0 s, 4 of 1,604, 1 failed, 1 retry"]


def test_a_flood_of_failures_is_no_flood_of_lines():
    """Also where one comes after the other: no more than are read, in all that time."""
    spoken = Spoken()
    told(spoken.observer)
    for number in range(1, 10_001):
        spoken.after(0.001, *begun(number), *done(number, status=StepStatus.FAILURE))
    assert 20 + 10 * 10 <= len(spoken.lines) + 1 <= 20 + 10 * 10 + 2


FLOW = """
def parse(number: Item[int]) -> int:
    if number % 10 == 3:
        raise ValueError(f"no {number}")
    return number
one = TaskTree("one")
one.root(parse, name="parse").child(lambda x: x, borrow_prev(int), name="same")
def tree(mode: str = "skip", size: int = 70) -> TaskTree:
    tree = TaskTree("flow")
    numbers = tree.root(range, value(size), name="numbers")
    parsed = numbers.each(one, name="parsed", on_item_failure=mode)
    small = numbers.child(len, borrow(numbers), name="small", when=lambda numbers: len(numbers) < 9)
    for name in ("a", "b", "c", "d"):
        tree.join(lambda a, b: 1, borrow(parsed), borrow(small), name=name)
    tree.join(len, borrow(parsed), name="count")
    return tree
"""


@pytest.mark.parametrize("execution", ["serial", "concurrent"])
def test_what_was_left_out_and_skipped_is_reported(execution, write, yorch):
    """How many elements, and the first few with their paths and reasons; nodes, by what they were skipped for."""
    write("flow.py", FLOW)
    done = yorch("run", "flow.py:tree", "--execution", execution, "--progress", "none")
    assert (done.status, done.out) == (0, "63\n")
    assert re.sub(r"\(1 attempt, .*?\)", "(...)", done.err).splitlines()[:-1] == [
        "numbers/parsed: 7 elements left out",
        "  numbers/parsed#4/parse: FAILURE (...): ValueError: no 3",
        "  numbers/parsed#14/parse: FAILURE (...): ValueError: no 13",
        "  numbers/parsed#24/parse: FAILURE (...): ValueError: no 23",
        "  and 4 more",
        *(f"{name}: skipped because of 'numbers/small'" for name in "abcd"),
    ]


def test_one_element_that_was_left_out_is_reported(write, yorch):
    """With its reason, and nothing more."""
    write("flow.py", FLOW)
    lines = yorch("run", "flow.py:tree", "--size", "4", "--progress", "none").err.splitlines()
    assert lines[0] == "numbers/parsed: 1 element left out"
    assert lines[1].endswith(": ValueError: no 3")
    assert len(lines) == 3


def test_json_has_what_was_left_out_and_skipped(write, yorch):
    """All that the result holds of it."""
    write("flow.py", FLOW)
    told = yorch("run", "flow.py:tree", "--json", "--progress", "none").json
    assert told["skipped"][:2] == [
        {"path": "numbers/small", "because": "numbers/small"},
        {"path": "a", "because": "numbers/small"},
    ]
    (left,) = told["left_out"]
    assert (left["path"], left["count"], len(left["failures"])) == ("numbers/parsed", 7, 7)
    assert (left["failures"][0]["path"], left["failures"][0]["error"]["message"]) == ("numbers/parsed#4/parse", "no 3")


@pytest.mark.parametrize("progress", ["plain", "rich"])
def test_an_element_that_ends_the_run_is_named(progress, write, finished):
    """By a note on its exception, which is there once, and in the progress."""
    write("flow.py", FLOW)
    done = finished("run", "flow.py:tree", "--mode", "stop", "--progress", progress)
    assert done.status == 1
    assert re.search(r"parsed:? .*4 of 70, 1 failed", done.err)
    assert re.search(
        r"ValueError: no 3\nin node 'numbers/parsed#4/parse' of plan 'flow'\n8 nodes, .*, EXCEPTION\n$", done.err
    )


def test_an_answer_that_ends_the_run_names_the_element(write, finished):
    """In its reason."""
    write("flow.py", FLOW.replace('raise ValueError(f"no {number}")', 'return TaskResult.failure("no luck")'))
    done = finished("run", "flow.py:tree", "--mode", "stop", "--progress", "none")
    assert re.search(r"^numbers/parsed: FAILURE \(.*\): numbers/parsed#4/parse: no luck$", done.err, re.MULTILINE)


WAITING = """
import sys

async def ask(number: Item[int]) -> int:
    return number

def wait(number):
    return number if number != 1 else sys.stdin.readline()

one = TaskTree("one")
one.root(ask, name="ask").child(wait, borrow_prev(int), adapters=[to_thread()])
def tree(known: bool = True) -> TaskTree:
    tree = TaskTree("waiting")
    numbers = tree.root(lambda: range(3), name="numbers")
    numbers.each(one, name="answers", over=lambda numbers: numbers if known else iter(map(int, numbers)), max_concurrency=1)
    return tree
"""


@pytest.mark.parametrize(
    ("option", "before", "after"), [("--known", "1 of 3", "3 of 3"), ("--no-known", "1 done", "3 done")]
)
@pytest.mark.parametrize("execution", ["serial", "concurrent"])
def test_a_live_tree_counts_while_elements_are_worked_on(execution, option, before, after, write, program, terminal):
    """In a real terminal: one is done and one waits for somebody who is looking."""
    write("flow.py", WAITING)
    screen = terminal()
    process = program("run", "flow.py:tree", option, "--execution", execution, stderr=screen.slave)
    screen.hand_over()
    assert "numbers" in screen.read(until=f"{before}, 1 running")
    process.stdin.write("here\n")
    process.stdin.flush()
    assert f"{after}\x1b" in screen.read()
    assert process.wait(timeout=15) == 0
