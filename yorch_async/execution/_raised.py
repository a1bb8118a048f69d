"""What Python keeps on an exception - traceback, cause, context - read and written whatever its class makes of attributes.

An exception of the user's may be a frozen dataclass, or compute its attributes and fail; the run that it ends must go on ending.

*Guarantees*: nothing of the exception's own is called.
*Does not know*: what was raised, and why.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

__all__ = ["cause_of", "context_of", "raise_as_it_is", "set_context", "set_traceback", "traceback_of", "without_ours"]

_KEPT: Final[Any] = vars(BaseException)
_OURS: Final = (str(Path(__file__).parents[1]), "<yorch_async: ")
"""Where the library's own code is, and what its generated code is called."""
_TRACEBACK, _CAUSE, _CONTEXT = _KEPT["__traceback__"], _KEPT["__cause__"], _KEPT["__context__"]


def traceback_of(error: BaseException) -> TracebackType | None:
    """Where it was raised."""
    found: TracebackType | None = _TRACEBACK.__get__(error)
    return found


def set_traceback(error: BaseException, trace: TracebackType | None) -> None:
    """Say that it was raised there."""
    _TRACEBACK.__set__(error, trace)


def cause_of(error: BaseException) -> BaseException | None:
    """What it was raised from."""
    found: BaseException | None = _CAUSE.__get__(error)
    return found


def context_of(error: BaseException) -> BaseException | None:
    """What was being handled when it was raised."""
    found: BaseException | None = _CONTEXT.__get__(error)
    return found


def set_context(error: BaseException, context: BaseException | None) -> None:
    """Say what was being handled when it was raised."""
    _CONTEXT.__set__(error, context)


def without_ours(error: BaseException) -> BaseException:
    """The error, its traceback beginning where the library has called somebody else: what is kept of it keeps nothing of a run."""
    trace = traceback_of(error)
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    set_traceback(error, trace)
    return error


def raise_as_it_is(error: BaseException) -> NoReturn:
    """Raise an exception without letting Python make the one that is being handled its context."""
    context = context_of(error)
    try:
        raise error  # noqa: TRY301 - that is what it is for
    except BaseException:
        set_context(error, context)
        raise
    finally:
        del error, context  # this frame is in the traceback: it would be a cycle
