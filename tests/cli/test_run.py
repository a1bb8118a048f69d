"""`yorch run`: what is written where, and with which exit status."""

import re

import pytest

from yorch_async import Failure, StepStatus
from yorch_async.cli import _report

TREE = """
tree = TaskTree("numbers")
root = tree.root(lambda: 7, name="seven", keep=True)
root.child(lambda x: f"half of it is {x / 2}", borrow_prev(), name="half")
root.child(lambda: None, name="nothing")
"""


def test_outputs_are_written_under_their_paths(write, yorch):
    """Kept outputs on stdout, as text; progress and the summary on stderr. The output None is nothing to read."""
    write("flow.py", TREE)
    done = yorch("run", "flow.py:tree")
    assert (done.status, done.out) == (0, "seven: 7\nseven/half: half of it is 3.5\n")
    assert re.fullmatch(r"(\[\d/3\] .*: SUCCESS, <1 ms\n){3}3 nodes, .* ms, SUCCESS\n", done.err)


def test_a_single_output_is_written_as_it_is(write, yorch):
    """So that it can be piped into another program."""
    write("flow.py", 'tree = TaskTree()\ntree.root(lambda: "one\\ntwo", name="text")')
    done = yorch("run", "flow.py:tree", "--progress", "none")
    assert (done.status, done.out) == (0, "one\ntwo\n")
    assert re.fullmatch(r"1 node, .*, SUCCESS\n", done.err)


def test_a_text_of_several_lines_stands_below_its_path(write, yorch):
    """Then outputs are set apart by empty lines, too; a name that would break the line is escaped."""
    text = 'tree = TaskTree()\nroot = tree.root(lambda: "a\\nb", name="text", keep=True)\nroot.child(lambda: 1, name="x.y")'
    write("flow.py", text)
    assert yorch("run", "flow.py:tree").out == "text:\na\nb\n\ntext/x.y: 1\n"


def test_no_outputs_leave_stdout_empty(write, yorch):
    """Not even an empty line is written."""
    write("flow.py", "tree = TaskTree()\ntree.root(print, output=None)")
    done = yorch("run", "flow.py:tree")
    assert (done.status, done.out) == (0, "\n")  # this is what the task printed


def test_an_output_that_cannot_be_shown_does_not_hide_the_others(write, yorch):
    """`__str__` and `__repr__` are the user's code, and may fail."""
    text = """
class Bad:
    def __repr__(self):
        raise KeyError("no")

tree = TaskTree()
tree.root(Bad, name="bad", keep=True).child(lambda: 1, name="good")
"""
    write("flow.py", text)
    bad = "<Bad that cannot be shown: KeyError>"
    assert yorch("run", "flow.py:tree").out == f"bad: {bad}\nbad/good: 1\n"
    assert yorch("run", "flow.py:tree", "--json").json["outputs"] == {"bad": bad, "bad/good": 1}


STATUSES = {
    "success": ("StepResult.success()", 0, []),
    "failure": ('StepResult.failure("no luck")', 1, ["one: FAILURE (1 attempt, ", ": no luck"]),
    "error": ('StepResult.failure(error=OSError("gone"))', 1, ["one: FAILURE (1 attempt, ", ": OSError: gone"]),
    "retry": ('StepResult.retry("later")', 3, ["one: RETRY (1 attempt, ", ": later"]),
    "abort branch": ('StepResult.abort_branch("not today")', 4, ["one: ABORT_BRANCH: not today"]),
    "abort branch without a word": ("StepResult.abort_branch()", 4, ["one: ABORT_BRANCH\n"]),
    "abort execution": ('StepResult.abort_execution("enough")', 4, ["one: ABORT_EXECUTION (1 attempt, ", ": enough"]),
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("case", STATUSES)
def test_each_status_has_its_exit_status(case, backend, write, yorch):
    """The same on both loops; what ended the run is said."""
    answer, status, words = STATUSES[case]
    write("flow.py", f'tree = TaskTree()\ntree.root(lambda: {answer}, name="one", output=StepResult)')
    done = yorch("run", "flow.py:tree", "--progress=none", f"--backend={backend}")
    assert (done.status, done.out) == (status, "")
    assert all(word in done.err for word in words)


def test_json_is_all_of_the_result(write, yorch):
    """Status, failures, outputs; what cannot be JSON is its repr. Prints of tasks and of the module go elsewhere."""
    text = """
import math
print("importing")
def work():
    print("working")
    return {"a": [1, 2.5, None, True, "\\ud800"]}
tree = TaskTree("t")
root = tree.root(work, name="dict", keep=True)
root.child(lambda: {1, 2}, name="set")
root.child(lambda: math.nan, name="nan")
root.child(lambda: None, name="none")
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:tree", "--json")
    elapsed = done.json.pop("elapsed")
    assert 0 < elapsed < 15
    assert done.json | {"elapsed": 0} == {
        "version": 1,
        "plan": "t",
        "nodes": 4,
        "status": "SUCCESS",
        "ok": True,
        "reason": None,
        "error": None,
        "failures": [],
        "skipped": [],
        "left_out": [],
        "outputs": {
            "dict": {"a": [1, 2.5, None, True, "\ud800"]},
            "dict/set": "{1, 2}",
            "dict/nan": "nan",
            "dict/none": None,
        },
        "elapsed": 0,
    }
    assert done.status == 0
    assert done.err.startswith("importing\nworking\n[1/4] dict: SUCCESS")


def test_json_tells_failures(write, yorch):
    """Path, status, attempts, error and time."""
    text = """
def bad():
    raise ValueError("broken")
tree = TaskTree("t")
tree.root(bad, adapters=(retry_on(ValueError, RetryFixed(2)),))
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:tree", "--json")
    (failure,) = done.json["failures"]
    assert failure.pop("elapsed") > 0
    error = {"type": "ValueError", "message": "broken", "notes": []}
    assert failure == {"path": "bad", "status": "FAILURE", "reason": failure["reason"], "error": error, "attempts": 3}
    assert (done.status, done.json["status"], done.json["ok"], done.json["error"]) == (1, "FAILURE", False, error)


RAISING = """
def inner():
    raise ValueError("broken")
def outer(x: BorrowPrev[int]):
    try:
        inner()
    except ValueError as error:
        raise LookupError("not found") from error
tree = TaskTree("t")
tree.root(lambda: 1, name="one").child(outer, name="two")
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_exception_shows_the_users_part_of_the_traceback(backend, write, yorch, tmp_path):
    """Frames of the library and of the loop are left out, in causes as well; the note that names the node comes last."""
    write("flow.py", RAISING)
    done = yorch("run", "flow.py:tree", "--progress=none", f"--backend={backend}")
    assert (done.status, done.out) == (1, "")
    shown = re.sub(r"\n +[~^]+(?=\n)", "", done.err.replace(str(tmp_path), ""))
    assert shown.startswith(
        """\
Traceback (most recent call last):
  File "/flow.py", line 7, in outer
    inner()
  File "/flow.py", line 4, in inner
    raise ValueError("broken")
ValueError: broken

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/flow.py", line 9, in outer
    raise LookupError("not found") from error
LookupError: not found
in node 'one/two' of plan 't'
2 nodes, """
    )
    assert shown.endswith(", EXCEPTION\n")


def test_the_whole_traceback_is_shown_on_request(write, yorch):
    """For those who look for a mistake of ours."""
    write("flow.py", RAISING)
    done = yorch("run", "flow.py:tree", "--traceback")
    assert "in run_plan" in done.err
    assert "in outer" in done.err


def test_the_whole_traceback_of_a_failure_is_shown_on_request(write, yorch):
    """A caught exception is one line, unless asked for; a failure without one has nothing more to show."""
    text = """
def bad():
    raise ValueError("broken")
caught, plain = TaskTree(), TaskTree()
caught.root(bad, adapters=(catch_as_failure(),))
plain.root(lambda: StepResult.failure("no"), name="plain", output=StepResult)
"""
    write("flow.py", text)
    assert "in bad" not in yorch("run", "flow.py:caught").err
    assert "in bad" in yorch("run", "flow.py:caught", "--traceback").err
    assert "Traceback" not in yorch("run", "flow.py:plain", "--traceback").err


def test_members_of_a_group_are_shown_in_the_same_way(write, yorch):
    """An ExceptionGroup of the user's: no frame of ours in any member."""
    text = """
def bad():
    raise ExceptionGroup("many", [ValueError("a"), ValueError("b")])
tree = TaskTree()
tree.root(bad)
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:tree", "--progress=none")
    assert "yorch_async" not in done.err
    assert "ValueError: b" in done.err


def test_an_exception_is_told_in_json(write, yorch):
    """Its type, message and notes on stdout; the traceback for people on stderr."""
    write("flow.py", RAISING)
    done = yorch("run", "flow.py:tree", "--json", "--progress=none")
    note = "in node 'one/two' of plan 't'"
    assert done.json["error"] == {"type": "LookupError", "message": "not found", "notes": [note]}
    assert (done.status, done.json["status"], done.json["outputs"]) == (1, "EXCEPTION", {})
    assert done.err.startswith("Traceback")
    assert done.err.endswith(f"{note}\n")


def test_a_broken_rule_is_one_sentence(write, yorch):
    """An error of ours has no traceback that could help."""
    text = """
tree = TaskTree("t")
tree.root(lambda: [1], name="list").child(lambda x: x.append(2), borrow_prev(), name="change")
"""
    write("flow.py", text)
    assert yorch("run", "flow.py:tree").status == 0
    done = yorch("run", "flow.py:tree", "--check-borrows", "--progress=none")
    assert done.status == 1
    first, note, summary = done.err.splitlines()
    assert first.startswith("Error: list/change, parameter 'x': changed what it only borrowed")
    assert note == "in node 'list/change' of plan 't'"
    assert summary.endswith("EXCEPTION")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_that_ends_the_program_is_a_failure(backend, write, yorch):
    """SystemExit leaves the run like an exception; its own code is not the command's."""
    write("flow.py", "import sys\ntree = TaskTree()\ntree.root(lambda: sys.exit(0), name='one')")
    done = yorch("run", "flow.py:tree", f"--backend={backend}")
    assert done.status == 1
    assert "[1/1] one: EXCEPTION" in done.err
    assert "SystemExit: 0\nin node 'one' of plan 'one'\n" in done.err


def test_a_task_that_cancels_itself_is_a_failure(write, yorch):
    """A cancellation that nobody asked for is an exception like others."""
    text = """
import asyncio
async def work():
    raise asyncio.CancelledError
tree = TaskTree()
tree.root(work)
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:tree")
    assert done.status == 1
    assert "CancelledError" in done.err


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_run_is_cancelled_when_its_time_is_over(backend, write, yorch):
    """The task may tidy up; the node is named."""
    text = """
import anyio
async def work():
    try:
        await anyio.sleep_forever()
    finally:
        print("tidied up")
tree = TaskTree()
tree.root(work)
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:tree", "--timeout=0.01", f"--backend={backend}")
    assert (done.status, done.out) == (1, "tidied up\n")
    first, error, summary = done.err.splitlines()
    assert first.startswith("[1/1] work: CANCELLED, ")
    assert error == "Error: cancelled after 10 ms (--timeout), while node 'work' was running"
    assert summary.endswith(", TIMEOUT")
    done = yorch("run", "flow.py:tree", "--timeout=0.01", "--json", f"--backend={backend}")
    assert (done.status, done.json["status"], done.json["ok"]) == (1, "TIMEOUT", False)


def test_a_time_limit_that_is_not_needed_changes_nothing(write, yorch):
    """The run ends before."""
    write("flow.py", TREE)
    assert yorch("run", "flow.py:tree", "--timeout=60").status == 0


def test_a_time_limit_before_the_first_node_names_none(write, yorch):
    """It is over before anything was started."""
    write("flow.py", "import anyio\nasync def work():\n    await anyio.sleep_forever()\ntree = TaskTree()\ntree.root(work)")
    done = yorch("run", "flow.py:tree", "--timeout=1e-9")
    assert done.status == 1
    assert "(--timeout)" in done.err


@pytest.mark.parametrize("given", ["0", "-1", "nan", "soon"])
def test_a_time_limit_is_a_positive_number(given, write, yorch):
    """Everything else is a wrong usage."""
    write("flow.py", TREE)
    assert yorch("run", "flow.py:tree", f"--timeout={given}").status == 2


def test_what_a_run_lacks_is_told_before_it_starts(write, yorch):
    """One paragraph with every problem, and where a context comes from."""
    write("flow.py", "tree = TaskTree('t')\ntree.root(lambda n, x: n, from_ctx(int), from_ctx(str), name='one')")
    done = yorch("run", "flow.py:tree")
    assert (done.status, done.out) == (2, "")
    headline, first, second, hint = done.err.splitlines()
    assert headline == "Error: plan 't' cannot be run with this context and these inputs: 2 problems"
    assert first.startswith("  one: the context holds no int; it holds nothing [missing-context]; ")
    assert second.startswith("  one: the context holds no str; it holds nothing [missing-context]; ")
    assert hint == "  --context names the context of the run"


def test_a_setup_error_of_a_run_inside_a_task_is_the_tasks(write, yorch):
    """It leaves the run as the exception of a node."""
    text = """
inner = TaskTree("inner")
inner.root(str, from_ctx(int))
async def work():
    await run_plan(compile_plan(inner))
tree = TaskTree()
tree.root(work)
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:tree")
    assert done.status == 1
    assert "in node 'work' of plan 'work'" in done.err


def test_execution_is_a_choice(write, yorch):
    """Of two; what runs concurrently has tests of its own."""
    write("flow.py", TREE)
    assert yorch("run", "flow.py:tree", "--execution=serial").status == 0
    assert yorch("run", "flow.py:tree", "--execution=parallel").status == 2


def test_a_loop_that_is_not_installed_is_named(write, yorch, monkeypatch):
    """With the way to install it."""
    write("flow.py", TREE)
    monkeypatch.setattr("yorch_async.cli._command.find_spec", lambda name: None)
    done = yorch("run", "flow.py:tree", "--backend=trio")
    assert (done.status, done.err) == (2, "Error: --backend trio needs trio, which is not installed: pip install trio\n")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_time_limit_between_plain_functions(yorch, write, backend):
    """They give the loop no turn in which it could cancel; no node begins after the time."""
    write(
        "flow.py",
        "import time\ntree = TaskTree()\n"
        'tree.root(lambda: time.sleep(0.05), name="slow").child(lambda: print("never"), name="after")',
    )
    done = yorch("run", "flow.py:tree", "--timeout=0.01", f"--backend={backend}")
    assert (done.status, done.out) == (1, "")
    assert "Error: cancelled after 10 ms (--timeout), while node 'slow' was running" in done.err


def test_an_element_that_has_failed_is_data_among_the_results_of_others():
    """And what JSON cannot hold is shown by its repr."""
    failure = Failure("r/e#2", 1, StepStatus.FAILURE, "no", None, 1, 0.5)
    shown = _report._jsonable([1, failure])
    assert [1, "r/e#2"] == [shown[0], shown[1]["path"]]
    assert repr({1, 2}) == _report._jsonable({1, 2})
