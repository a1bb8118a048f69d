"""The leak guard is only worth what it finds."""

import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from footprint import Footprint

linux_only = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")


def test_nothing_left_over_is_said_at_once():
    """A test that leaves nothing pays nothing."""
    assert [] == Footprint.now().left_over()


def test_a_thread_is_named():
    """A thread that still runs is left over."""
    before, stop = Footprint.now(), threading.Event()
    thread = threading.Thread(target=stop.wait, name="sleeper")
    thread.start()
    assert ["thread 'sleeper'"] == before.left_over(grace=0)
    stop.set()
    thread.join()
    assert [] == before.left_over()


def test_a_thread_that_is_about_to_end_is_waited_for():
    """What ends by itself in a moment is no leak."""
    before, stop = Footprint.now(), threading.Event()
    threading.Thread(target=stop.wait).start()
    threading.Timer(0.05, stop.set).start()
    assert [] == before.left_over()


@linux_only
def test_a_descriptor_is_named():
    """An open pipe is left over, end by end."""
    before = Footprint.now()
    reading, writing = os.pipe()
    with closing(os.fdopen(reading)), closing(os.fdopen(writing, "w")):
        found = before.left_over(grace=0)
    assert sorted(line.partition(" (pipe:")[0] for line in found) == sorted(
        [f"descriptor {reading}", f"descriptor {writing}"]
    )
    assert [] == before.left_over()


@linux_only
def test_a_child_is_named():
    """A child that still runs is left over, with its command."""
    before = Footprint.now()
    program = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        running = [line for line in before.left_over(grace=0) if line.startswith("child")]
        child.communicate(b"\n")
        assert [] == before.left_over()
    assert [f"child process {child.pid} ({' '.join(program)})"] == running


@linux_only
def test_a_child_that_has_ended_unnoticed_is_named():
    """A child is left over until somebody has waited for it."""
    before = Footprint.now()
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert [f"child process {child.pid} (ended, but not waited for)"] == before.left_over(grace=0)
    assert [] == before.left_over()
