"""Graphs on the command line: joins, conditions, and what is skipped because of a node somewhere else."""

import re

import pytest

from yorch_async import NodeEnded, NodeSkipped, NodeStarted, StepStatus, TaskTree, borrow, compile_plan, run
from yorch_async.cli._board import Board, Look
from yorch_async.cli._progress import Lines
from yorch_async.testing import ManualClock

GRAPH = """
tree = TaskTree("report")
load = tree.root(lambda: [3, 1], name="load")
large = load.child(max, borrow(load), name="large", when=lambda numbers: len(numbers) > 5)
large.child(print, borrow(large), name="print")
least = load.child(min, borrow(load), name="least")
both = tree.join(lambda a, b: (a, b), borrow(large), borrow(least), name="both")
both.child(print, borrow_prev(), name="shown")
tree.join(lambda a, b: [a, b], borrow(large, default=0), borrow(least), name="some")
least.child(lambda: 1, name="later", after=both)
"""

PLAIN = """\
[1/8] load: SUCCESS, <1 ms
[1/8] load/large: SKIPPED, its condition did not hold
[2/8] load/least: SUCCESS, <1 ms
[3/8] some: SUCCESS, <1 ms
both: skipped because of 'load/large'
load/least/later: skipped because of 'load/large'
8 nodes, <1 ms, SUCCESS
"""

RICH = """\
report  3/8 nodes, 5 skipped, <1 ms
✓ load  <1 ms
  - large  its condition did not hold
    - print
  ✓ least  <1 ms
    - later  because of load/large
- both  because of load/large
  - shown
✓ some  <1 ms
both: skipped because of 'load/large'
load/least/later: skipped because of 'load/large'
8 nodes, <1 ms, SUCCESS
"""


@pytest.mark.parametrize(("progress", "shown"), [("plain", PLAIN), ("rich", RICH)])
def test_what_was_skipped_is_told_with_its_reason(progress, shown, write, yorch):
    """Conditions while the run goes; at the end what depends on a node that it is not below, and nothing that is seen anyhow."""
    write("flow.py", GRAPH)
    done = yorch("run", "flow.py:tree", "--progress", progress)
    assert (done.status, done.out) == (0, "[0, 1]\n")
    assert re.sub(r"(<1|\d+) ms", "<1 ms", done.err) == shown


def test_json_lists_all_that_was_skipped(write, yorch):
    """Each with the node because of which it was; its own path where its condition did not hold."""
    write("flow.py", GRAPH)
    done = yorch("run", "flow.py:tree", "--json")
    assert done.json["skipped"] == [
        {"path": path, "because": "load/large"}
        for path in ("load/large", "load/large/print", "both", "both/shown", "load/least/later")
    ]


def test_a_graph_is_checked_and_shown(write, yorch):
    """The joins stand below the tree; what is wrong between nodes of different branches is told as anything else."""
    write("flow.py", GRAPH)
    assert yorch("check", "flow.py:tree").out == "8 nodes, no problems\n"
    assert yorch("show", "flow.py:tree").out == (
        "plan 'report': 8 nodes, 3 slots\n"
        "load()\n"
        "├─ large(#1=borrow(load)) [when <lambda>]\n"
        "│  └─ print(args=borrow(large))\n"
        "└─ least(#1=borrow(load))\n"
        "   └─ later() after both\n"
        "both(a=borrow(large), b=borrow(least))\n"
        "└─ shown(args=borrow_prev())\n"
        "some(a=borrow(large, default=int), b=borrow(least))\n"
    )
    write("wrong.py", GRAPH + 'tree.join(len, consume(load), name="taken")\n')
    done = yorch("check", "wrong.py:tree")
    assert done.status == 1
    assert [line.partition(":")[0] for line in done.out.splitlines()] == ["taken, parameter 'obj'"] * len(
        done.out.splitlines()
    )
    assert "[unordered]" in done.out


def test_a_failure_elsewhere_is_a_reason(write, yorch):
    """After the failure itself; what is below the node that failed is not listed, as in a tree."""
    write(
        "flow.py",
        GRAPH.replace("child(min,", "child(lambda _: StepResult.failure('no'),").replace("after=both", "when=bool"),
    )
    done = yorch("run", "flow.py:tree", "--progress", "none")
    failure, *skips, _ = done.err.splitlines()
    assert (done.status, failure.partition(" (")[0]) == (1, "load/least: FAILURE")
    assert skips == ["both: skipped because of 'load/large'", "some: skipped because of 'load/least'"]


def test_no_more_skips_are_told_than_can_be_read(write, yorch):
    """Of many the first ones, and how many there are besides."""
    text = 'tree = TaskTree("t")\nroot = tree.root(lambda: 1, name="root", when=lambda: False)\n'
    write("flow.py", f"{text}for n in range(12):\n    tree.join(lambda x: x, borrow(root), name=f'n{{n}}')\n")
    lines = yorch("run", "flow.py:tree", "--progress", "none").err.splitlines()
    assert lines[0] == "root: ABORT_BRANCH: its condition did not hold"
    assert lines[1:-1] == [
        *(f"n{number}: skipped because of 'root'" for number in range(10)),
        "2 more skipped because of others",
    ]


def plan_of(condition=lambda: False):
    """A root, a child with a condition, a join of both, and a node below that."""
    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    child = root.child(lambda: 2, name="child", when=condition)
    tree.join(lambda *numbers: numbers, borrow(root), borrow(child), name="join").child(lambda: 3, name="below")
    root.child(lambda: 4, name="late", after=child)
    return compile_plan(tree)


def test_the_board_draws_joins_below_the_tree():
    """Wherever they come in the run; of a large plan, which is not drawn whole, what is of interest is in the order of the run."""
    board = Board(plan_of())
    run(board.plan, observers=[board])
    assert [(row.level, row.name, row.look, row.remark) for row in board.rows(5, 0.0)] == [
        (0, "root", Look.DONE, ""),
        (1, "child", Look.SKIPPED, "its condition did not hold"),
        (1, "late", Look.SKIPPED, "because of root/child"),
        (0, "join", Look.SKIPPED, "because of root/child"),
        (1, "below", Look.SKIPPED, ""),
    ]


def test_the_board_says_nothing_twice():
    """A join is skipped because of the parent of a late node, or below what was skipped: there its place says it."""
    board = Board(plan_of())
    for event in (
        NodeStarted(0, "root", 0.0),
        NodeEnded(0, "root", StepStatus.FAILURE, 1, 0.5, "no", None, 0.0),
        *(NodeSkipped(node.index, node.path, "root", 0.0) for node in board.plan.nodes[1:]),
    ):
        board(event)
    assert {row.name: row.remark for row in board.rows(5, 0.0)} == {
        "root": "no",
        "child": "",
        "late": "",
        "join": "because of root",
        "below": "",
    }


def test_lines_about_conditions_are_limited_as_others_are():
    """After a burst they are left out."""
    lines = []
    say = Lines(plan_of(), lines.append, ManualClock().time)
    for _ in range(30):
        say(NodeSkipped(1, "root/child", "root/child", 0.0))
        say(NodeSkipped(2, "join", "root/child", 0.0))
    assert len(lines) == 20
