"""Tasks that a tree has bound already, for nodes that are written in the very same way, as in a loop that places many.

*Guarantees*: what is found was bound of the very same objects, not of equal ones; what it can hold is bounded.
*Does not know*: nodes.
"""

from collections.abc import Sequence
from typing import Any, Final

from ._adapter import Adapter
from ._items import ItemSource
from ._specs import CtxSource, InputSource, OutputSource, Source, ValueSource
from ._tasks import Kind, Task, make_task

__all__ = ["KnownTasks"]

_MOST: Final = 1000
_SOURCES: Final = (CtxSource, InputSource, ItemSource, OutputSource, ValueSource)


class KnownTasks:
    """A memory of tasks. It has state: what was bound last."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[Any, ...], tuple[Task[Any], Any]] = {}

    def task(
        self,
        fn: Any,
        sources: tuple[Source, ...],
        *,
        adapters: Sequence[Adapter],
        name: str | None,
        output: Any,
        managed: bool,
    ) -> Task[Any]:
        """The task that a callable is bound to; see `make_task`."""
        key = None
        if name is None and isinstance(adapters, tuple) and all(isinstance(each, _SOURCES) for each in sources):
            key = (id(fn), id(output), managed, *map(id, adapters), *(each.identity for each in sources))
            known = self._tasks.get(key)
            if known is not None:
                return known[0]
        task = make_task(Kind.REGULAR, fn, sources, adapters=adapters, name=name, output=output, managed=managed)
        # Other adapters may keep something of their own for each task that they wrap.
        if key is not None and task.inlines:
            if len(self._tasks) >= _MOST:
                self._tasks.clear()
            self._tasks[key] = task, (sources, output)  # alive as long as their ids are compared
        return task
