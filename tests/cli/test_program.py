"""`yorch` as a program: signals, pipes, terminals, the shell, and what is installed."""

import os
import signal
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from shutil import which

import pytest

from yorch_async.cli import main

SLOW = """
import anyio, sys, time
from anyio.from_thread import check_cancelled
from contextlib import asynccontextmanager

def block():
    try:
        print("started", flush=True)
        time.sleep(60)
    finally:
        print("tidied up", flush=True)

async def wait():
    try:
        print("started", flush=True)
        await anyio.sleep(60)
    finally:
        print("tidied up", flush=True)

async def grouped():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 60)
        block()

def ask():
    try:
        print("started", flush=True)
        while True:
            check_cancelled()
            time.sleep(0.001)
    finally:
        print("tidied up", flush=True)

def tree_of(task, *adapters):
    tree = TaskTree("slow")
    tree.root(task, adapters=adapters)
    return tree

blocking, waiting, in_a_group, in_a_thread = tree_of(block), tree_of(wait), tree_of(grouped), tree_of(ask, to_thread())

def factory():
    block()

async def async_factory():
    block()

@asynccontextmanager
async def resource():
    block()
    yield waiting
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    "target", ["blocking", "waiting", "in_a_group", "in_a_thread", "factory", "async_factory", "resource"]
)
def test_ctrl_c_ends_the_command(target, backend, write, program):
    """At once, wherever it is; tasks tidy up; no traceback; exit status 130."""
    write("flow.py", SLOW)
    process = program("run", f"flow.py:{target}", f"--backend={backend}", "--progress=none")
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (130, "tidied up\n", "\nInterrupted.\n")


@pytest.mark.parametrize("command", ["run", "check", "show"])
def test_ctrl_c_while_the_target_is_imported(command, write, program):
    """The same."""
    write("flow.py", "import sys, time\nprint('started', file=sys.stderr, flush=True)\ntime.sleep(60)")
    process = program(command, "flow.py:tree")
    assert process.stderr.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (130, "", "\nInterrupted.\n")


def test_ctrl_c_with_json_leaves_stdout_empty(write, program):
    """There is no result."""
    write("flow.py", SLOW)
    process = program("run", "flow.py:waiting", "--json", "--progress=none")
    assert process.stderr.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (130, "", "tidied up\n\nInterrupted.\n")


def test_an_ignored_ctrl_c_stays_ignored(write, program):
    """As for a job in the background of a shell."""
    text = """
import signal
def work():
    signal.raise_signal(signal.SIGINT)
    return "done"
tree = TaskTree()
tree.root(work)
"""
    write("flow.py", text)
    process = program("run", "flow.py:tree", interrupts=signal.SIG_IGN)
    assert process.communicate(timeout=15)[0] == "done\n"
    assert process.returncode == 0


SPEAKING = """
import sys
def speak():
    print("first", flush=True)
    sys.stdin.readline()
    for _ in range(100_000):
        print("more")
def answer():
    print("first", file=sys.stderr, flush=True)
    sys.stdin.readline()
    return "x" * 1_000_000
def pipe_of_its_own():
    raise BrokenPipeError("not stdout")
speaking, answering, other = TaskTree(), TaskTree(), TaskTree()
speaking.root(speak)
answering.root(answer)
other.root(pipe_of_its_own)
"""


@pytest.mark.parametrize("target", ["speaking", "answering"])
def test_a_reader_that_goes_ends_the_command_quietly(target, write, program):
    """As with `yorch run ... | head -1`, whether a task prints or the answer is written."""
    write("flow.py", SPEAKING)
    process = program("run", f"flow.py:{target}", "--progress=none")
    stream = process.stdout if target == "speaking" else process.stderr
    assert stream.readline() == "first\n"
    process.stdout.close()
    process.stdin.write("\n")
    process.stdin.close()
    assert process.wait(timeout=15) == 141
    assert process.stderr.read() == ""


def test_a_broken_pipe_of_a_task_is_its_own(write, finished):
    """It is an exception like others when stdout is well."""
    write("flow.py", SPEAKING)
    done = finished("run", "flow.py:other", "--progress=none")
    assert done.status == 1
    assert "BrokenPipeError: not stdout" in done.err


def test_a_broken_pipe_where_stdout_is_no_file(write, yorch, monkeypatch):
    """It cannot be asked whether anybody reads it, and counts as well."""
    write("flow.py", SPEAKING)
    monkeypatch.delattr("select.poll")
    assert yorch("run", "flow.py:other", "--progress=none").status == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is a device of Linux")  # noqa: PTH110 - a device
def test_an_answer_that_cannot_be_written(write, finished):
    """A full disk, for example."""
    write("flow.py", "tree = TaskTree()\ntree.root(lambda: 1)")
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = finished("run", "flow.py:tree", "--progress=none", stdout=full)
    assert (done.status, done.err) == (1, "Error: cannot write to stdout: No space left on device\n")


@pytest.mark.parametrize("closed", ["1", "2", "1 2"])
def test_closed_streams_are_no_reason_to_fail(closed, write, tmp_path):
    """The shell's `>&-`: what would be written is lost, the run is not."""
    write("flow.py", "import pathlib\ntree = TaskTree()\ntree.root(lambda: pathlib.Path('ran').touch())")
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    for option in ("--json", "--progress=rich", "--progress=plain"):
        command = f"'{sys.executable}' -m yorch_async run flow.py:tree {option} {redirections}; echo $? > status"
        subprocess.run(["sh", "-c", command], check=True, timeout=15, capture_output=True)
        assert (tmp_path / "status").read_text() == "0\n"
        (tmp_path / "ran").unlink()


def test_json_is_alone_on_stdout_whatever_writes_there(write, finished):
    """Child processes and the descriptor itself included; the order on stderr is kept."""
    text = """
import os, subprocess, sys
def work():
    print("from a print")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    os.write(1, b"from the descriptor\\n")
    return 1
tree = TaskTree()
tree.root(work)
"""
    write("flow.py", text)
    done = finished("run", "flow.py:tree", "--json", "--progress=none")
    assert done.json["outputs"] == {"work": 1}
    assert done.err == "from a print\nfrom a child\nfrom the descriptor\n"


def test_text_that_the_terminal_cannot_write_is_escaped(write, finished):
    """A surrogate, or everything beyond ASCII where there is nothing else."""
    write("flow.py", "tree = TaskTree()\ntree.root(lambda: 'ü \\ud800')")
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    assert finished("run", "flow.py:tree", env=ascii_only).out == "\\xfc \\ud800\n"


def looked_at(terminal, program, *args, env=None, rows=24, columns=80):
    """What a person sees who calls `yorch` in a terminal."""
    screen = terminal(rows, columns)
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), screen.slave)
    process = program(*args, **ends, start_new_session=True, env=os.environ | (env or {}))
    screen.hand_over()
    return process, screen


WATCHED = """
import time
def speak(n):
    print("[/said] in between")
    print("not ended", end="", flush=False)
    return n + 1
def fail(n): raise ValueError("no")
tree = TaskTree("watched")
root = tree.root(lambda: 1, name="root")
root.child(speak, borrow_prev(int))
root.child(fail, borrow_prev(int))
root.child(lambda: 1, name="last")
"""


@pytest.mark.parametrize("size", [(24, 80), (2, 20), (1, 1), (0, 0)])
def test_a_live_tree_in_a_terminal(size, write, program, terminal):
    """Drawn, and left standing; what tasks print is not lost; a tiny terminal breaks nothing."""
    write("flow.py", WATCHED)
    process, screen = looked_at(terminal, program, "run", "flow.py:tree", rows=size[0], columns=size[1])
    seen = screen.read()
    assert process.wait(timeout=15) == 1
    assert "ValueError: no" in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1  # the cursor is back
    if size[1] in (0, 80):
        assert "[/said] in between" in seen
        assert "not ended" in seen
        assert "\x1b[32m✓ \x1b[0mspeak" in seen
        assert "\x1b[31m✗ \x1b[0mfail" in seen
        assert "last" in seen


def test_no_color_is_honoured_in_a_terminal(write, program, terminal):
    """The tree is drawn, without colours."""
    write("flow.py", WATCHED)
    process, screen = looked_at(terminal, program, "run", "flow.py:tree", env={"NO_COLOR": "1"})
    seen = screen.read()
    assert process.wait(timeout=15) == 1
    assert "✗ " in seen
    assert not any(f"\x1b[{bright}{colour}m" in seen for bright in (3, 9) for colour in range(8))


def test_a_dumb_terminal_gets_lines(write, program, terminal):
    """Nothing can be drawn there."""
    write("flow.py", WATCHED)
    process, screen = looked_at(terminal, program, "run", "flow.py:tree", env={"TERM": "dumb"})
    seen = screen.read()
    assert process.wait(timeout=15) == 1
    assert "\x1b" not in seen
    assert "[1/4] root: SUCCESS" in seen


def test_a_terminal_that_is_closed_does_not_end_the_run(write, program, terminal):
    """The tree is on a terminal, the answer goes to a file; then the window is closed."""
    text = """
import sys
def work():
    print("started", flush=True)
    sys.stdin.readline()
    return "done"
tree = TaskTree()
tree.root(work)
"""
    write("flow.py", text)
    screen = terminal()
    process = program("run", "flow.py:tree", stderr=screen.slave, start_new_session=True)
    screen.hand_over()
    assert process.stdout.readline() == "started\n"
    screen.close()
    out, _ = process.communicate("\n", timeout=15)
    assert (process.returncode, out) == (0, "done\n")


def test_a_long_task_is_seen_to_take_its_time(write, program, terminal):
    """The tree is drawn again while a task blocks the loop."""
    text = """
import sys
def work():
    sys.stdin.readline()
tree = TaskTree()
tree.root(work)
"""
    write("flow.py", text)
    screen = terminal()
    process = program("run", "flow.py:tree", stderr=screen.slave, start_new_session=True)
    screen.hand_over()
    screen.read(until="▶")
    process.communicate("\n", timeout=15)
    assert process.returncode == 0


@pytest.mark.parametrize("script", [False, True], ids=["python -m yorch_async", "yorch"])
def test_both_ways_to_call_it(script, finished):
    """The script has the same name in usage messages as the module."""
    if script and which("yorch", path=os.path.dirname(sys.executable)) is None:  # noqa: PTH120 - a path to search
        pytest.skip("the script is not installed")
    assert finished("--version", script=script).out == f"yorch, version {version('yorch_async')}\n"
    assert finished("run", script=script).err.startswith("Usage: yorch run [OPTIONS] TARGET\n")


def test_the_main_module_can_be_imported():
    """By a tool that looks at all modules: nothing is run."""
    assert import_module("yorch_async.__main__").main is main


def test_without_arguments_it_shows_what_there_is(yorch):
    """The commands."""
    for args in [(), ("--help",), ("-h",)]:
        done = yorch(*args)
        assert "completion" in done.out + done.err


@pytest.mark.parametrize("command", ["run", "check", "show"])
def test_the_help_of_a_command(command, yorch):
    """Without a target; also when an option of a target stands where the target should."""
    for args in [("--help",), ("--url=3", "-h")]:
        done = yorch(command, *args)
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith(f"Usage: yorch {command} [OPTIONS] TARGET\n")
        assert "Exit status: " in done.out
    done = yorch(command)
    assert done.status == 2
    assert done.err.endswith("\n\nError: Missing argument 'TARGET'.\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_each_shell(shell, yorch):
    """A script that the shell itself accepts, where it is installed."""
    done = yorch("completion", shell)
    assert done.status == 0
    assert "_YORCH_COMPLETE" in done.out
    if which(shell) is not None:
        subprocess.run([shell, "-n"], input=done.out.encode(), check=True, timeout=15)
    assert yorch("completion", "tcsh").status == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("yorch ", "plain,run\nplain,check\nplain,show\nplain,completion\n"),
        ("yorch run --back", "plain,--backend\n"),
        ("yorch run --backend ", "plain,asyncio\nplain,trio\n"),
        ("yorch run fl", "file,fl\n"),
        ("yorch run --context fl", "file,fl\n"),
    ],
)
def test_what_is_completed(words, expected, finished):
    """Commands, options, choices, files."""
    environ = os.environ | {
        "_YORCH_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    found = finished(env=environ).out
    assert sorted(found.splitlines()) == sorted(expected.splitlines())


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_tools_it_says_what_to_install(missing, finished, tmp_path):
    """One line, no traceback; the room can be imported nonetheless."""
    hide = f"import sys; sys.modules['{missing}'] = None"
    (tmp_path / "sitecustomize.py").write_text(hide)
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = finished("run", "flow.py:tree", env=environ)
    assert (done.status, done.out, done.err) == (2, "", "yorch needs click and rich: pip install 'yorch_async[cli]'\n")


@pytest.mark.parametrize("command", [("check", "flow.py:tree"), ("completion", "fish"), ("--help",)])
def test_what_draws_nothing_does_not_load_rich(command, write, yorch, monkeypatch):
    """It takes as long to load as everything else together."""
    write("flow.py", "tree = TaskTree()\ntree.root(int, name='one')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich" or name.endswith("cli._live")]:
        monkeypatch.delitem(sys.modules, name)
    assert yorch(*command).status == 0
    assert "rich" not in sys.modules
