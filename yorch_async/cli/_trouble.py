"""What keeps a command from doing its work, told in one paragraph, and where in the user's code it came from.

*Guarantees*: a frame of ours is shown only to those who ask for all of them.
*Does not know*: which command it is.
"""

import importlib
import os
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from .. import YorchError

__all__ = ["Trouble", "describe_error", "place_of", "safely", "traceback_of"]

_OURS = (f"{Path(__file__).parent.parent}{os.sep}", "<yorch_async: ", "<frozen ")
_COMMAND_LINE = f"{Path(__file__).parent}{os.sep}"
_IMPORTLIB = f"{Path(importlib.__file__).parent}{os.sep}"
_LIBRARIES = tuple(f"{sysconfig.get_path(kind)}{os.sep}" for kind in ("stdlib", "purelib", "platlib"))


class Trouble(click.ClickException):
    """The command cannot go on: exit status 2. `error` is the exception behind it, if it was raised by the user's code."""

    exit_code = 2

    def __init__(self, message: str, error: BaseException | None = None) -> None:
        super().__init__(message)
        self.error = error


def describe_error(error: BaseException) -> str:
    """An exception in one sentence, and where in the user's code it was raised."""
    words = safely(str, error)
    if not isinstance(error, YorchError):
        words = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else words}".removesuffix(": ")
    place = place_of(error)
    return f"{words} (at {place})" if place else words


def safely(show: Callable[[object], str], obj: object) -> str:
    """What `str` or `repr` makes of a user's object, which may fail."""
    try:
        return show(obj)
    except Exception as error:  # noqa: BLE001 - what the object is must not decide whether anything is shown
        return f"<{type(obj).__qualname__} that cannot be shown: {type(error).__name__}>"


def place_of(error: BaseException) -> str | None:
    """File and line: in the user's own files where possible, and else in a library that they use."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shortened(error.filename)}:{error.lineno}"
    places = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith((*_OURS, _IMPORTLIB))
    ]
    for name, line in [*(place for place in reversed(places) if not place[0].startswith(_LIBRARIES)), *reversed(places)]:
        return f"{_shortened(name)}:{line}"
    return None


def _shortened(name: str) -> str:
    """A file's name as seen from the current directory, where it lies below that."""
    try:
        return name.removeprefix(f"{Path.cwd()}{os.sep}")
    except OSError:  # the current directory is gone
        return name


def traceback_of(error: BaseException, *, whole: bool) -> str:
    """The traceback as Python prints it; unless `whole`, without our frames, and without the loop's that led to the first of them."""
    shown = traceback.TracebackException.from_exception(error)
    if not whole:
        for each in _family(shown):
            entrances = [number for number, frame in enumerate(each.stack, 1) if frame.filename.startswith(_COMMAND_LINE)]
            inside = each.stack[max(entrances, default=0) :]
            each.stack = traceback.StackSummary.from_list(
                [frame for frame in inside if not frame.filename.startswith(_OURS)]
            )
    return "".join(shown.format()).rstrip("\n")


def _family(shown: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """An exception with its causes, contexts and members."""
    waiting = [shown]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(filter(None, [each.__cause__, each.__context__, *(each.exceptions or ())]))
