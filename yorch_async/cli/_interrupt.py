"""Ctrl-C, whatever is running.

On asyncio the first Ctrl-C only asks for the cancellation of what waits next, so that it goes unnoticed for as long as a task blocks
the loop, and a plan of plain functions would run to its end. Here, code that runs is interrupted where it is, as Python does without a
loop; what waits is cancelled. (Trio does so by itself.)

Both loops bring Ctrl-C to their main task. If that were in the middle of what cannot be cancelled, such as a call in a thread, trio
would put it off, and asyncio would leave the thread alone. So the main task only waits, and what it waits for is cancelled.

*Guarantees*: the handler that was there is there again afterwards.
*Does not know*: what is run.
"""

import signal
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from types import CodeType, FrameType
from typing import TypeVar

import anyio

__all__ = ["beside", "interrupting"]

T = TypeVar("T")


async def beside(work: Callable[[], Awaitable[T]]) -> T:
    """Do the work in a task of its own. What it raises is raised here, as it is."""
    done: list[T] = []
    failed: list[BaseException] = []

    async def do() -> None:
        try:
            done.append(await work())
        except BaseException as error:
            failed.append(error)  # raised below, where it is not put into a group
            if isinstance(error, anyio.get_cancelled_exc_class()):
                raise

    async with anyio.create_task_group() as group:
        group.start_soon(do)
    if failed:
        raise failed[0]
    return done[0]


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

    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGINT, previous)
        # Where the loop listens as well, a signal wakes it, also one that comes just before the loop falls asleep.
        with suppress(RuntimeError, NotImplementedError):  # there is none, or it is of a kind that wakes by itself
            stack.enter_context(anyio.open_signal_receiver(signal.SIGINT))
        signal.signal(signal.SIGINT, interrupt)
        yield
