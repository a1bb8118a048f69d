"""Starting tasks of the event loop under given context variables, and never at once.

A task is put into its group without anyio's help where that can be done - on trio by the nursery inside, on asyncio by hand - because
what anyio makes besides, for callers who want to hold on to a task, costs more than the task. To the group, its scope and everybody
who asks anyio, such a task is like any other.

*Guarantees*: a task begins when the one that started it waits, also where a task factory of the program makes tasks begin eagerly:
runners that start runners would then be nested as deep as there are nodes. Cancellation reaches it as anyio promises.
*Does not know*: what the tasks do.
"""

import sys
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from typing import Any

from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

__all__ = ["Starter"]

_KNOWN = ("_tasks", "_exceptions", "_on_completed_fut", "cancel_scope")
"""What is needed of a group of anyio's on asyncio to put a task into it."""
_NURSERY = "_nursery"
"""Where one on trio has its nursery."""


class Starter:
    """Starts tasks in one group. It has state: whether it is doing so right now."""

    __slots__ = ("_backend", "_context", "_is_starting", "_loop", "_name", "_start_soon", "group")

    def __init__(self, group: TaskGroup, context: Context, name: str) -> None:
        self.group: Any = group
        self._context = context
        self._name = name
        self._is_starting = False
        self._start_soon: Any = getattr(group, _NURSERY, group).start_soon
        backend: Any = sys.modules[type(group).__module__]
        can_put = hasattr(backend, "_task_states") and all(hasattr(group, each) for each in _KNOWN)
        self._backend: Any = backend if can_put else None
        self._loop: Any = backend.get_running_loop() if can_put else None

    def start(
        self, function: Callable[..., Coroutine[Any, Any, None]], *args: Any, lost: Callable[[], None] | None = None
    ) -> None:
        """Start a task. `lost` is called when a task of asyncio's is gone: cancelled before its first step, it has never run."""
        self._is_starting = True
        try:
            if self._loop is None:
                self._context.run(self._start_soon, self._begin, function, args, name=self._name)
            else:
                self._context.run(self._put, self._begin(function, args), lost)
        finally:
            self._is_starting = False

    async def _begin(self, function: Callable[..., Coroutine[Any, Any, None]], args: tuple[Any, ...]) -> None:
        if self._is_starting:
            # By hand, because anyio does not know this task before it has been put into the group.
            await (checkpoint() if self._backend is None else self._backend.sleep(0))
        running = function(*args)
        del function, args  # Python 3.13 and later may keep this frame with the traceback of an exception from inside
        await running

    def _put(self, coroutine: Coroutine[Any, Any, None], lost: Callable[[], None] | None) -> None:
        """Put a task into the group, as anyio would."""
        group, backend = self.group, self._backend
        scope = group.cancel_scope
        try:
            task = self._loop.create_task(coroutine, name=self._name)
        except BaseException:
            coroutine.close()
            raise
        backend._task_states[task] = backend.TaskState(id(scope._host_task), scope)  # noqa: SLF001 - see above
        scope._tasks.add(task)  # noqa: SLF001 - see above
        group._tasks.add(task)  # noqa: SLF001 - see above
        task.add_done_callback(partial(self._take, lost))

    def _take(self, lost: Callable[[], None] | None, task: Any) -> None:
        """Take a task that has ended out of the group."""
        group = self.group
        scope = self._backend._task_states.pop(task).cancel_scope  # noqa: SLF001 - see above
        scope._tasks.discard(task)  # noqa: SLF001 - see above
        group._tasks.discard(task)  # noqa: SLF001 - see above
        if not task.cancelled() and task.exception() is not None:
            group._exceptions.append(task.exception())  # noqa: SLF001 - see above
            group.cancel_scope.cancel()
        waiting = group._on_completed_fut  # noqa: SLF001 - see above
        if waiting is not None and not group._tasks and not waiting.done():  # noqa: SLF001 - see above
            waiting.set_result(None)
        if lost is not None:
            lost()
