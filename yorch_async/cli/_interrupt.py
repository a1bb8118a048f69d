"""Ctrl-C while a blocking task runs.

On asyncio the first Ctrl-C only asks for the cancellation of what waits next, so that it goes unnoticed for as long as a task blocks
the loop, and a plan of plain functions would run to its end. Here, code that runs is interrupted where it is, as Python does without a
loop; what waits is cancelled. (Trio does so by itself.)

*Guarantees*: the handler that was there is there again afterwards.
*Does not know*: what is run.
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import CodeType, FrameType

__all__ = ["interrupting"]


@contextmanager
def interrupting(code: CodeType) -> Generator[None]:
    """Raise KeyboardInterrupt at once while `code`, a coroutine on the loop, or anything that it calls is running."""
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    waiting = previous

    def interrupt(number: int, frame: FrameType | None) -> None:
        running = frame
        while running is not None and running.f_code is not code:
            running = running.f_back
        if running is not None:
            raise KeyboardInterrupt
        waiting(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
