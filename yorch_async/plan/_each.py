"""What a node of `each` does, in the words that all pictures of a plan use.

*Guarantees*: what is as always is not said.
*Does not know*: notations.
"""

from typing import Any

from .._adapter import Adapter
from .._items import Each
from .._signature import name_of
from .._tasks import Task

__all__ = ["adapters_of", "options_of", "over_of", "tree_of"]


def adapters_of(task: Task[Any]) -> tuple[Adapter, ...]:
    """The adapters of a task, or of the task that it runs for each element."""
    return task.adapters if task.each is None or task.each.item is None else task.each.item.adapters


def over_of(task: Task[Any]) -> str | None:
    """What the callable is called that gives the elements; None: the parent's output holds them."""
    return name_of(task.fn) if task.each is not None and task.each.is_made else None


def tree_of(task: Task[Any]) -> str:
    """What the tree is called that is run for each element: as its root, if it has no name."""
    each: Any = task.each
    root = each.tree.placed[0]
    return str(each.tree.name or root.name or root.task.name)


def options_of(each: Each | None) -> list[str]:
    """The options of a node of `each`."""
    if each is None:
        return []
    return [
        *([] if each.max_concurrency is None else [f"max_concurrency={each.max_concurrency}"]),
        *([] if each.on_item_failure == "stop" else [f"on_item_failure={each.on_item_failure}"]),
        *([] if each.reduce is None else [f"reduce={name_of(each.reduce)}"]),
    ]
