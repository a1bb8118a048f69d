"""A demo that is cancelled in the middle, by Ctrl-C or by its time limit, ends promptly and leaves nothing."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

SLOW = f"""
import sys

import anyio

sys.path.insert(0, {str(EXAMPLES)!r})
import code_audit
from yorch_async import Context

make = code_audit.plan


async def read(path):
    async with await anyio.open_file(path, "rb") as file:
        try:
            print("reading", flush=True)
            await anyio.sleep_forever()
        finally:
            print("let go", flush=True)


async def read_but_one(path):
    return await (read(path) if path.name == "00.py" else anyio.Path(path).read_bytes())


def measure_file(path, source):
    print("measuring\\n", end="", flush=True)  # in one piece, because others print as well
    sys.stdin.readline()
    return "no matter"


def reading():
    plan, _ = make()
    return plan, Context(code_audit.Settings(read=read))


def measuring():
    code_audit.measure_file = measure_file
    plan, _ = make()
    return plan, Context(code_audit.Settings(read=read_but_one))


if __name__ == "__main__":
    code_audit.plan = reading
    sys.exit(code_audit.main())
"""

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
CONCURRENT = "--execution=concurrent"


@pytest.fixture
def started(tmp_path):
    """Start the demo on twelve files, by way of the command line or as a program; it is ended with the test."""
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "sources").mkdir()
    for number in range(12):
        (tmp_path / "sources" / f"{number:02}.py").touch()
    processes = []

    def started(target, *options):
        directory = tmp_path / "sources"
        command = (
            ("slow.py", directory) if target is None else ("-m", "yorch_async", "run", target, "--directory", directory)
        )
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        # a job in the background of a shell ignores Ctrl-C, and hands that on to its children
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = subprocess.Popen([sys.executable, *command, *options], cwd=tmp_path, start_new_session=True, **pipes)
        finally:
            signal.signal(signal.SIGINT, before)
        processes.append(process)
        return process

    yield started
    for process in processes:
        with process:
            process.kill()


def lines(process, count):
    """The next lines that it prints."""
    return [process.stdout.readline() for _ in range(count)]


def ended(process):
    """What it has left: an exit status, words, and no process of its session, which would be a child of it."""
    out, err = process.communicate(timeout=15)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert "Traceback" not in err
    return process.returncode, out, err


@BACKENDS
@pytest.mark.parametrize(("options", "count"), [((CONCURRENT,), 8), ((), 1)], ids=["concurrent", "serial"])
def test_ctrl_c_while_files_are_read(started, backend, options, count):
    """Each file is let go of."""
    process = started("slow.py:reading", *options, f"--backend={backend}", "--progress=none")
    assert lines(process, count) == ["reading\n"] * count
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, "let go\n" * count, "\nInterrupted.\n")


@BACKENDS
def test_ctrl_c_while_files_are_measured(started, backend):
    """Each thread ends with the file that it is at, and no other file is begun."""
    process = started("slow.py:measuring", CONCURRENT, f"--backend={backend}", "--progress=plain")
    assert sorted(lines(process, 8)) == MEASURING
    process.send_signal(signal.SIGINT)
    let_go_on(process)
    status, out, err = ended(process)
    assert (status, out) == (130, "")
    assert "discover/files: CANCELLED" in err
    assert err.endswith("\nInterrupted.\n")


MEASURING = [*["measuring\n"] * 7, "reading\n"]


def let_go_on(process):
    """Wait until the run is being cancelled, and let the threads go on then."""
    assert lines(process, 1) == ["let go\n"]
    process.stdin.close()
    process.stdin = None


def test_ctrl_c_in_the_program(started):
    """Without the command line it is the same, and nothing is said."""
    process = started(None)
    assert lines(process, 8) == ["reading\n"] * 8
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, "let go\n" * 8, "")


@BACKENDS
def test_a_time_limit_while_files_are_read(started, backend):
    """One sentence says what was running."""
    process = started("slow.py:reading", CONCURRENT, f"--backend={backend}", "--progress=none", "--timeout=2")
    status, out, err = ended(process)
    assert (status, out) == (1, "reading\n" * 8 + "let go\n" * 8)
    error, summary = err.splitlines()
    assert error == "Error: cancelled after 2.0 s (--timeout), while node 'discover/files' was running"
    assert re.fullmatch(r"10 nodes, .*, TIMEOUT", summary)


@BACKENDS
def test_a_time_limit_while_files_are_measured(started, backend):
    """The threads are waited for, which the sentence comes after."""
    process = started("slow.py:measuring", CONCURRENT, f"--backend={backend}", "--progress=plain", "--timeout=2")
    assert sorted(lines(process, 8)) == MEASURING
    let_go_on(process)
    status, out, err = ended(process)
    assert (status, out) == (1, "")
    assert re.search("discover/files: CANCELLED, .* of 12.*\nError: cancelled after 2.0 s", err)
