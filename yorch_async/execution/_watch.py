"""What a runner can see of the task of the event loop that it runs in: whether a node has left something behind in it.

Neither asyncio nor trio tells in public which cancel scope a task is in, so their backends are asked where they keep it; where that is
not found, every node counts as one that has left something, which is always right and only slower.

*Guarantees*: looking costs a fraction of a microsecond, and changes nothing.
*Does not know*: nodes; and of a context variable whether it was set to another object, where that is equal to the first.
"""

import math
import sys
from collections.abc import Callable
from contextvars import Context, copy_context
from operator import attrgetter
from typing import Any, Final, Protocol

from anyio import current_effective_deadline
from anyio.abc import TaskGroup

__all__ = ["Watch", "watch"]


_NONE: Final[Callable[[], int]] = ().__len__
"""How often a task was cancelled where nobody counts: the quickest way to say 0."""


class Place(Protocol):
    """What knows in which cancel scope a task is."""

    @property
    def cancel_scope(self) -> object:
        """The scope, by identity."""


class Watch:
    """What a task was like when a runner began in it."""

    __slots__ = ("_cancels", "_count", "marks")

    def __init__(self, place: Place, cancels: Callable[[], int] = _NONE) -> None:
        self._cancels, self._count = cancels, cancels()
        self.marks = (place, place.cancel_scope, cancels, self._count)
        """Where to look for the scope; the scope at the start; how often the task was cancelled, as asyncio counts that; and how often
        it had been at the start. In this form, because the loop over the nodes compares them after each one."""

    def forget(self) -> None:
        """Let go of the task: it keeps the exception that ends it, whose traceback leads here."""
        self._cancels, self.marks = _NONE, (_Unknown(), None, _NONE, 0)

    def is_clean(self, context: Context) -> bool:
        """Whether the task is as it was, and has these context variables."""
        place, scope, cancels, count = self.marks
        try:
            return place.cancel_scope is scope and cancels() == count and copy_context() == context
        except Exception:  # noqa: BLE001 - it compares values of the user's, but only where a variable was set
            return False

    @property
    def was_cancelled(self) -> bool:
        """Whether the task itself was told to end, as asyncio does it: not by a scope, and only once."""
        return self._cancels() > self._count

    @property
    def is_cancelled(self) -> bool:
        """Whether a cancellation that a node raises comes from a scope around the run, and not from what the node has awaited."""
        return current_effective_deadline() == -math.inf


class _Unknown:
    """Where nothing is known of the task: always another scope."""

    @property
    def cancel_scope(self) -> object:
        return object()


class _OnTrio:
    """The place of a task of trio."""

    __slots__ = ("_task",)

    def __init__(self, task: Any) -> None:
        self._task = task

    cancel_scope: Any = property(attrgetter("_task._cancel_status"))


_PLACES: Final = ("_task_states", "_cancel_status")
"""What is needed of asyncio's backend, and of a task of trio."""


def watch(group: TaskGroup) -> Watch:
    """Look at the current task."""
    backend: Any = sys.modules[type(group).__module__]
    if hasattr(backend, "trio"):
        task = backend.trio.lowlevel.current_task()
        return Watch(_OnTrio(task) if _is_known(task) else _Unknown())
    task = backend.current_task()
    return Watch(backend._task_states[task] if _is_known(backend) else _Unknown(), task.cancelling)  # noqa: SLF001 - see above


def _is_known(keeper: object) -> bool:
    return any(hasattr(keeper, name) for name in _PLACES)
