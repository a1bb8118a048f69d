"""`yorch run --execution concurrent`: which options go together, and how it is told what several nodes have come to."""

import re
import signal

import pytest

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])

MEETING = """
import anyio
seen, most, running = anyio.Event(), 0, 0
def result() -> int:
    return most
async def wait():
    await seen.wait()
async def tell():
    seen.set()
async def count():
    global most, running
    running += 1
    most = max(most, running)
    for _ in range(20):
        await anyio.sleep(0)
    running -= 1
meeting, counting = TaskTree(), TaskTree()
root = meeting.root(int, name="root")
root.child(wait)
root.child(tell)
root = counting.root(int, name="root")
for number in range(6):
    root.child(count, name=f"n{number}").child(result)
"""


@BACKENDS
@pytest.mark.parametrize("option", ["--execution=concurrent", "--max-concurrency=2"])
def test_nodes_run_concurrently_when_asked_for(option, backend, write, yorch):
    """One waits for what its later sibling does. How many there may be at a time says it as well."""
    write("flow.py", MEETING)
    done = yorch("run", "flow.py:meeting", option, f"--backend={backend}", "--timeout=10")
    assert done.status == 0
    assert "[3/3] root/wait: SUCCESS" in done.err


@BACKENDS
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ((), 1),
        (("--execution=concurrent",), 6),
        (("--max-concurrency=1",), 1),
        (("--execution=concurrent", "--max-concurrency=2"), 2),
    ],
)
def test_no_more_nodes_run_at_a_time_than_allowed(options, most, backend, write, yorch):
    """One, if nothing is said."""
    write("flow.py", MEETING)
    done = yorch("run", "flow.py:counting", *options, f"--backend={backend}", "--json")
    assert most == max(output or 0 for output in done.json["outputs"].values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--max-concurrency=0",), "Invalid value for '--max-concurrency': 0 is not in the range x>=1."),
        (("--max-concurrency=many",), "Invalid value for '--max-concurrency': 'many' is not a valid integer range."),
        (("--on-failure=ignore",), "Invalid value for '--on-failure': 'ignore' is not one of 'stop', 'continue'."),
        (
            ("--on-failure=continue",),
            "--on-failure is for nodes that run concurrently; write --execution concurrent as well, or leave it out",
        ),
        (
            ("--execution=serial", "--max-concurrency=2"),
            "--max-concurrency is for nodes that run concurrently; write --execution concurrent as well, or leave it out",
        ),
    ],
)
def test_options_that_say_nothing_are_a_wrong_usage(options, words, write, yorch):
    """A number that is none, or an option for another execution. Nothing has run."""
    write("flow.py", 'tree = TaskTree()\ntree.root(lambda: print("ran"), name="one")')
    done = yorch("run", "flow.py:tree", *options)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"Usage: yorch run [OPTIONS] TARGET\nTry 'yorch run --help' for help.\n\nError: {words}\n"


FAILING = """
import anyio
async def wait():
    await anyio.sleep_forever()
def fail():
    return StepResult.failure("no luck")
def below():
    return "here"
def tree_of(*names):
    tree = TaskTree("many")
    root = tree.root(int, name="root")
    for name in names:
        root.child({"wait": wait, "fail": fail}.get(name, int), name=name).child(below)
    return tree
stopping, going_on = tree_of("wait", "fail", "good"), tree_of("fail", "good")
"""


@BACKENDS
def test_a_failure_stops_what_is_running(backend, write, yorch):
    """It is the reason; what was running is told to be cancelled."""
    write("flow.py", FAILING)
    done = yorch("run", "flow.py:stopping", "--execution=concurrent", f"--backend={backend}")
    assert (done.status, done.out) == (1, "")
    assert "root/wait: CANCELLED, " in done.err
    assert re.search(r"\nroot/fail: FAILURE \(1 attempt, .*\): no luck\n7 nodes, .*, FAILURE\n$", done.err)


@BACKENDS
def test_a_failure_cuts_off_its_own_branch_on_request(backend, write, yorch):
    """The others have outputs; the exit status is that of the failure all the same."""
    write("flow.py", FAILING)
    options = ("--execution=concurrent", "--on-failure=continue", f"--backend={backend}")
    done = yorch("run", "flow.py:going_on", *options)
    assert (done.status, done.out) == (1, "here\n")
    assert re.search(r"\nroot/fail: FAILURE \(1 attempt, .*\): no luck\n5 nodes, .*, FAILURE\n$", done.err)


RAISING = """
import sys
def bad():
    raise ValueError("broken")
async def worse():
    await run_plan(compile_plan(inner))
def leave():
    sys.exit(3)
def fail():
    return StepResult.failure("no luck")
def group():
    raise ExceptionGroup("of the task", [LookupError("not found")])
inner = TaskTree("inner")
inner.root(str, from_ctx(int))
tree = TaskTree("t")
root = tree.root(int, name="root")
root.child(fail)
root.child(bad)
root.child(group)
root.child(worse)
root.child(leave)
"""


@BACKENDS
def test_each_exception_is_a_paragraph(backend, write, yorch, tmp_path):
    """Shown as it is where it is alone: ours a sentence, others with the user's part of the traceback, and each with its node."""
    write("flow.py", RAISING)
    options = ("--progress=none", "--execution=concurrent", "--on-failure=continue", f"--backend={backend}")
    done = yorch("run", "flow.py:tree", *options)
    shown = re.sub(r"\n[ |]+[~^]+(?=\n)", "", done.err.replace(str(tmp_path), ""))
    alone, group, ours, last = shown.split("\n\n")
    assert (done.status, done.out) == (1, "")
    assert alone == (
        "Traceback (most recent call last):\n"
        '  File "/flow.py", line 5, in bad\n'
        '    raise ValueError("broken")\n'
        "ValueError: broken\n"
        "in node 'root/bad' of plan 't'"
    )
    assert group.startswith("  + Exception Group Traceback (most recent call last):\n")
    assert "ExceptionGroup: of the task (1 sub-exception)\n  | in node 'root/group' of plan 't'\n" in group
    assert ours.startswith("Error: plan 'inner' cannot be run with this context and these inputs: 1 problem\n")
    assert ours.endswith("\nin node 'root/worse' of plan 't'")
    *_, error, note, other, summary = last.splitlines()
    assert (error, note) == ("SystemExit: 3", "in node 'root/leave' of plan 't'")
    assert re.fullmatch(r"another node did not succeed: root/fail: FAILURE \(1 attempt, .*\): no luck", other)
    assert re.fullmatch(r"6 nodes, .*, EXCEPTION", summary)
    assert "yorch_async" not in done.err


def test_whole_tracebacks_are_shown_on_request(write, yorch):
    """Of each exception."""
    write("flow.py", RAISING)
    done = yorch("run", "flow.py:tree", "--execution=concurrent", "--on-failure=continue", "--traceback")
    assert done.err.count("yorch_async") >= 4
    assert "in bad" in done.err


def test_exceptions_are_told_in_json(write, yorch):
    """The group, and in it each exception with its node; for people the same as ever."""
    write("flow.py", RAISING)
    options = ("--execution=concurrent", "--on-failure=continue", "--json", "--progress=none")
    done = yorch("run", "flow.py:tree", *options)
    error = done.json["error"]
    assert (done.status, done.json["status"], error["type"]) == (1, "EXCEPTION", "BaseExceptionGroup")
    assert [each["type"] for each in error["exceptions"]] == ["ValueError", "ExceptionGroup", "SetupError", "SystemExit"]
    assert error["exceptions"][0] == {
        "type": "ValueError",
        "message": "broken",
        "notes": ["in node 'root/bad' of plan 't'"],
    }
    assert error["exceptions"][1]["exceptions"][0]["message"] == "not found"
    assert done.err.startswith("Traceback")
    assert "\n\nError: plan 'inner' cannot be run " in done.err


def test_what_a_context_manager_makes_of_the_exceptions_is_shown_as_it_is(write, yorch):
    """It is not what left the nodes."""
    text = """
from contextlib import asynccontextmanager
def bad():
    raise ValueError("broken")
tree = TaskTree("t")
tree.root(bad)
@asynccontextmanager
async def target():
    try:
        yield tree
    except* ValueError:
        raise KeyError("instead") from None
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:target", "--execution=concurrent", "--progress=none")
    assert done.status == 1
    assert "KeyError: 'instead'" in done.err
    assert "another node" not in done.err


WAITING = """
import anyio, time
async def wait():
    try:
        print("started", flush=True)
        await anyio.sleep_forever()
    finally:
        print("tidied up", flush=True)
def below():
    print("never")
def tree_of(count, task=wait):
    tree = TaskTree("waiting")
    root = tree.root(int, name="root")
    for number in range(count):
        root.child(task, name=f"n{number}").child(below)
    return tree
one, two, three, five = map(tree_of, (1, 2, 3, 5))
def slow():
    time.sleep(0.05)
plain = tree_of(4, slow)
"""


@BACKENDS
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("one", "node 'root/n0' was running"),
        ("two", "nodes 'root/n0' and 'root/n1' were running"),
        ("three", "nodes 'root/n0', 'root/n1' and 'root/n2' were running"),
        ("five", "nodes 'root/n0', 'root/n1', 'root/n2' and 2 more were running"),
    ],
)
def test_all_that_is_running_is_cancelled_when_the_time_is_over(target, words, backend, write, yorch):
    """One sentence names the nodes, as many as can be read; each may tidy up."""
    write("flow.py", WAITING)
    done = yorch(
        "run", f"flow.py:{target}", "--execution=concurrent", "--timeout=0.3", "--progress=none", f"--backend={backend}"
    )
    error, summary = done.err.splitlines()
    assert error == f"Error: cancelled after 300 ms (--timeout), while {words}"
    assert done.status == 1
    assert summary.endswith(", TIMEOUT")
    assert done.out.count("started") == done.out.count("tidied up") > 0
    assert "never" not in done.out


@BACKENDS
@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_no_plain_function_begins_after_the_time(on_failure, backend, write, yorch):
    """They give the loop no turn in which it could cancel."""
    write("flow.py", WAITING)
    options = ("--execution=concurrent", f"--on-failure={on_failure}", "--timeout=0.01", f"--backend={backend}")
    done = yorch("run", "flow.py:plain", *options)
    assert (done.status, done.out) == (1, "")
    assert "Error: cancelled after 10 ms (--timeout), while node 'root/n" in done.err
    assert "Traceback" not in done.err


@BACKENDS
def test_an_exception_of_one_who_tidies_up_is_not_hidden_by_the_time_limit(backend, write, yorch):
    """It is what went wrong."""
    text = """
import anyio
async def wait():
    try:
        await anyio.sleep_forever()
    finally:
        raise ValueError("broken")
tree = TaskTree()
tree.root(wait)
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:tree", "--execution=concurrent", "--timeout=0.01", f"--backend={backend}")
    assert done.status == 1
    assert "ValueError: broken\nin node 'wait'" in done.err


@BACKENDS
def test_ctrl_c_ends_all_that_is_running(backend, write, program):
    """At once; each node tidies up; no traceback; exit status 130."""
    write("flow.py", WAITING)
    process = program("run", "flow.py:two", "--execution=concurrent", f"--backend={backend}", "--progress=none")
    assert [process.stdout.readline() for _ in range(2)] == ["started\n"] * 2
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (130, "tidied up\n" * 2, "\nInterrupted.\n")


def test_a_reader_that_goes_ends_the_command_quietly(write, program):
    """As it does where one node runs at a time."""
    text = """
import sys
def speak():
    print("first", flush=True)
    sys.stdin.readline()
    for _ in range(100_000):
        print("more")
tree = TaskTree()
tree.root(speak)
"""
    write("flow.py", text)
    process = program("run", "flow.py:tree", "--execution=concurrent", "--progress=none")
    assert process.stdout.readline() == "first\n"
    process.stdout.close()
    process.stdin.write("\n")
    process.stdin.close()
    assert process.wait(timeout=15) == 141
    assert process.stderr.read() == ""
