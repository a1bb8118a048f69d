"""`yorch`, called in this process, and as a program of its own."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

import pytest

from yorch_async.cli import main

COLOURS = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


@dataclass(frozen=True)
class Done:
    """What a call of `yorch` has left."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        """What is on stdout, which is JSON and nothing else."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def clean_world(tmp_path, monkeypatch):
    """Work in an empty folder, and forget what was imported from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in COLOURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        facts = vars(sys.modules[name])
        places = [facts.get("__file__"), *facts.get("__path__", ())]
        if any(place and place.startswith(str(tmp_path)) for place in places):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path):
    """Write a module, which has all public names."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"from yorch_async import *\n{text}", "utf-8")
        return path

    return write


@pytest.fixture
def yorch(capfd):
    """Call `yorch` in this process."""

    def yorch(*args):
        capfd.readouterr()
        status = main(args)
        return Done(status, *capfd.readouterr())

    return yorch


@pytest.fixture
def program():
    """Start `yorch` as a program; it is ended with the test."""
    started = []

    def program(*args, script=False, interrupts=signal.default_int_handler, **options):
        python = [str(Path(sys.executable).with_name("yorch"))] if script else [sys.executable, "-m", "yorch_async"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # What ignores Ctrl-C, as a job in the background of a shell does, hands that on to its children.
        before = signal.signal(signal.SIGINT, interrupts)
        try:
            started.append(subprocess.Popen([*python, *args], **(pipes | options)))
        finally:
            signal.signal(signal.SIGINT, before)
        return started[-1]

    yield program
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def finished(program):
    """Run `yorch` as a program to its end."""

    def finished(*args, **options):
        process = program(*args, **options)
        out, err = process.communicate(timeout=15)
        return Done(process.returncode, out, err)

    return finished


class Terminal:
    """A pseudo-terminal: what a person would look at."""

    def __init__(self, rows: int, columns: int) -> None:
        self.master, self.slave = pty.openpty()
        self._open = {self.master, self.slave}
        ioctl(self.slave, TIOCSWINSZ, pack("HHHH", rows, columns, 0, 0))

    def hand_over(self) -> None:
        """Leave the inner end to the programs that have it by now."""
        self._close(self.slave)

    def read(self, until: str | None = None) -> str:
        """What was drawn so far: up to a text, or to the end."""
        found = b""
        with suppress(OSError):  # how Linux says that nobody has the inner end any more
            while until is None or until.encode() not in found:
                part = os.read(self.master, 65536)
                if not part:
                    break
                found += part
        return found.decode()

    def close(self) -> None:
        """Close the window."""
        self._close(self.master)
        self._close(self.slave)

    def _close(self, end: int) -> None:
        if end in self._open:
            self._open.discard(end)
            os.close(end)


@pytest.fixture
def terminal():
    """Open terminals of a size."""
    opened = []

    def terminal(rows=24, columns=80):
        opened.append(Terminal(rows, columns))
        return opened[-1]

    yield terminal
    for each in opened:
        each.close()
