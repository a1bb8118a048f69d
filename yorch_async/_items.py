"""The source that stands for one element of what `each` goes through.

*Guarantees*: a frozen value, as all sources.
*Does not know*: where elements come from.
"""

from dataclasses import dataclass
from typing import Any

from ._door import public
from ._types import UNKNOWN

__all__ = ["ItemSource", "item"]


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
