"""Where words go: stdout for the answer alone, and what happens when nobody reads it any more.

*Guarantees*: a reader that has gone ends the command as quietly as other tools; what a character set cannot express is escaped.
*Does not know*: what is said.
"""

import os
import select
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, redirect_stdout, suppress
from io import TextIOWrapper
from signal import SIGINT
from typing import NoReturn, TextIO

import click
from click.exceptions import Exit

from ._trouble import Trouble

__all__ = [
    "BROKEN_PIPE",
    "INTERRUPTED",
    "end_if_nobody_reads",
    "is_terminal",
    "put",
    "reserved_stdout",
    "say",
    "wants_colour",
]

INTERRUPTED = 128 + SIGINT
BROKEN_PIPE = 128 + 13
"""13 is SIGPIPE, a signal that not every platform has."""


class Unwritten(Trouble):
    """The answer is there, but cannot be written down."""

    exit_code = 1


def say(text: str) -> None:
    """Write to people, on stderr; if none of them can read it any more, so be it."""
    stream = sys.stderr
    with suppress(AttributeError, OSError, ValueError):
        stream.write(f"{text}\n" if wants_colour(stream) else f"{click.unstyle(text)}\n")
        stream.flush()


def put(text: str) -> None:
    """Write the answer, and with it all that was written before."""
    stream: TextIO | None = sys.stdout
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    if stream is None:  # closed, as by the shell's >&-
        return
    try:
        stream.write(f"{text}\n" if text else "")
        stream.flush()
    except BrokenPipeError:
        _end()
    except OSError as error:
        _hush()
        raise Unwritten(f"cannot write to stdout: {error.strerror}") from None


def end_if_nobody_reads(errors: Iterable[BaseException]) -> None:
    """End the command if one of these is the error of a print to a reader that has gone."""
    if any(isinstance(error, BrokenPipeError) for error in errors) and _reader_has_gone():
        _end()


def _reader_has_gone() -> bool:
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return bool(poll.poll(0))  # nothing was asked for, so that it can only be an error
    except (AttributeError, OSError, ValueError):  # no such thing on this platform, or no file
        return False


def _end() -> NoReturn:
    _hush()
    raise Exit(BROKEN_PIPE) from None


def _hush() -> None:
    # What is left in the buffer would be written when the interpreter ends, and fail again, loudly.
    with suppress(OSError, ValueError):
        number = sys.stdout.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


@contextmanager
def reserved_stdout() -> Generator[None]:
    """Keep stdout for what comes after; what the user's code, its libraries and child processes write meanwhile goes to stderr."""
    with _lent_descriptor(), redirect_stdout(sys.stderr):
        yield


@contextmanager
def _lent_descriptor() -> Generator[None]:
    out, err = sys.stdout, sys.stderr
    try:
        number, other = out.fileno(), err.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or no file at all
        yield
        return
    saved = os.dup(number)
    try:
        os.dup2(other, number)
        yield
    finally:
        with suppress(OSError):
            out.flush()
        os.dup2(saved, number)
        os.close(saved)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is looking, on something that can be drawn on."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def wants_colour(stream: TextIO | None) -> bool:
    """Whether to use colours: NO_COLOR and FORCE_COLOR say it, and else whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)
