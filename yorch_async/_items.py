"""What is run for each element of something, and the source that stands for one element.

*Guarantees*: frozen values.
*Does not know*: where elements come from, and what tasks are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._door import public
from ._types import UNKNOWN

__all__ = ["Each", "ItemSource", "item"]


@dataclass(frozen=True, slots=True)
class ItemSource:
    """The element that a task is run for."""

    type: Any

    @property
    def identity(self) -> tuple[Any, ...]:
        """See `CtxSource`."""
        return ItemSource, id(self.type)

    def __str__(self) -> str:
        return "item"


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """What is run for each element, and what becomes of the results."""

    item: Any
    """The task that is run; None: it is a tree."""
    tree: Any
    max_concurrency: int | None
    on_item_failure: str
    reduce: Callable[[Any, Any], Any] | None
    initial: Any
    is_made: bool
    """Whether what is gone through was made for that."""

    @property
    def takes(self) -> tuple[tuple[str, Any], ...]:
        """The parameters that take the element, and the types that they ask for."""
        named = (
            [("", self.item)]
            if self.item is not None
            else [(f"{each.name or each.task.name}.", each.task) for each in self.tree.placed]
        )
        return tuple(
            (f"{prefix}{argument.name}", argument.source.type)
            for prefix, task in named
            for argument in task.asks
            if isinstance(argument.source, ItemSource)
        )

    @property
    def awaited_for(self) -> str | None:
        """Why it cannot do without an event loop, in words."""
        tasks = [self.item] if self.item is not None else [placed.task for placed in self.tree.placed]
        found = next((task for task in tasks if task.awaited_for is not None), None)
        return None if found is None else f"runs '{found.name}' for each element, which {found.awaited_for}"


@public
def item(type: Any = UNKNOWN) -> ItemSource:  # noqa: A002 - a user's word for it
    """Take the element that the task is run for: in a task of `each`, and in the trees that are run by it.

    >>> from yorch_async import TaskTree, compile_plan, item, run, value
    >>> tree = TaskTree()
    >>> numbers = tree.root(lambda: [1, 2, 3], name="numbers")
    >>> powers = numbers.each(pow, item(int), value(2), name="powers")
    >>> run(compile_plan(tree))[powers]
    [1, 4, 9]
    """
    return ItemSource(type)
