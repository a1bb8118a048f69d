"""A function that blocks is called in a thread, so that the event loop goes on.

*Guarantees*: resolving the arguments and the call happen in the thread, in a copy of the node's context; the callable holds what
it would hold if it were called right here. What it raises is raised here.
*Does not know*: threads; anyio keeps them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from anyio import CapacityLimiter
from anyio import to_thread as threads

from .._adapter import Attempt, Call, TaskTraits
from .._door import public
from .._errors import RegistrationError, problem

__all__ = ["ToThread", "to_thread"]


@dataclass(frozen=True, slots=True)
class ToThread:
    """The adapter behind `to_thread`."""

    abandon_on_cancel: bool
    limiter: CapacityLimiter | None
    needs_loop: ClassVar = True

    def traits(self, traits: TaskTraits) -> TaskTraits:
        """Refuse what would not run in the thread, and what must not go on there alone."""
        rule = None
        if traits.adapted:
            rule = "thread-innermost"
        elif traits.managed:
            rule = "thread-managed"
        elif traits.stops:
            rule = "thread-async"
        elif self.abandon_on_cancel and traits.changes:
            rule = "thread-abandoned"
        if rule is not None:
            raise RegistrationError(problem(rule, traits.task))
        return replace(traits, stops=self.abandon_on_cancel)

    def wrap(self, call: Call) -> Call:
        """Say where the task is to be called."""

        async def elsewhere(attempt: Attempt) -> Any:
            attempt.call_by(self._run)
            return await call(attempt)

        return elsewhere

    async def _run(self, function: Callable[[], Any]) -> Any:
        # In a tuple, because trio refuses to hand over a coroutine, and asyncio does not; it is awaited where the node runs.
        returned, error = await threads.run_sync(
            _packed, function, abandon_on_cancel=self.abandon_on_cancel, limiter=self.limiter
        )
        try:
            if error is not None:
                raise error
            return returned
        finally:
            del error  # the traceback leads to this frame


def _packed(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    # An exception comes back beside what is returned: raised through it, it would make a cycle with the thread's future.
    try:
        return function(), None
    except Exception as error:  # noqa: BLE001 - raised again by whoever waits for the thread
        return None, error


@public
def to_thread(*, abandon_on_cancel: bool = False, limiter: CapacityLimiter | None = None) -> ToThread:
    """Call the task, a plain function that blocks, in a worker thread. It stands closest to the task.

    A thread cannot be stopped: a node that is cancelled waits for it, unless `abandon_on_cancel=True` lets it go on alone, its result
    unused. What it writes into its `DirectOut` by then is refused. That also makes the task one that `timeout` can serve. `limiter`
    is an `anyio.CapacityLimiter` for threads; by default that of anyio, 40 for an event loop.

    When not to use it: for a function that is done in less time than a thread takes to answer (some tenths of a millisecond);
    for one that computes, because threads take turns in the interpreter; and for libraries that may only be used from one thread.

    >>> import threading
    >>> from yorch_async import TaskTree, compile_plan, run
    >>> tree = TaskTree()
    >>> node = tree.root(threading.current_thread, adapters=(to_thread(),))
    >>> run(compile_plan(tree))[node] is threading.main_thread()
    False
    """
    if not isinstance(abandon_on_cancel, bool):
        raise TypeError(f"abandon_on_cancel is True or False, not {abandon_on_cancel!r}")
    if limiter is not None and not isinstance(limiter, CapacityLimiter):
        raise TypeError(f"limiter is an anyio.CapacityLimiter, not {limiter!r}")
    return ToThread(abandon_on_cancel, limiter)
