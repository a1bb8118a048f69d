"""Awaiting something without letting the context variables that it sets reach the one who awaits.

A new task would do the same, but costs a turn of the loop, and is cancelled in other ways than its caller.

*Guarantees*: what is awaited runs in the caller's own task, sees the caller's variables as they were at the start, and is thrown
whatever the caller is thrown.
*Does not know*: what it is.
"""

from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from typing import Any

__all__ = ["Isolated"]


class Isolated:
    """Await an instance to run its coroutine."""

    __slots__ = ("_closing", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, None], closing: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._closing = closing
        """Called before the coroutine is closed, so that it can tell that from a GeneratorExit of somebody else's."""

    def __await__(self) -> Generator[Any, Any, None]:
        coroutine, context = self._coroutine, copy_context()
        step, sent = coroutine.send, None
        try:
            while True:
                try:
                    waited = context.run(step, sent)
                except StopIteration:
                    return
                try:
                    step, sent = coroutine.send, (yield waited)
                except GeneratorExit:
                    self._closing()
                    context.run(coroutine.close)
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is meant for the coroutine
                    step, sent = coroutine.throw, error
        finally:
            sent = None  # the traceback of what was thrown leads to this frame: it would be a cycle
