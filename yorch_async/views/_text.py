"""A plan as a tree of lines, for terminals and messages."""

from .._tree import TaskTree
from ..plan import Plan
from ._picture import plan_of, public

__all__ = ["to_text"]


@public
def to_text(plan: Plan | TaskTree) -> str:
    """Draw a plan as a tree of lines; the same as `str(plan)`.

    >>> from yorch_async import TaskTree, borrow_prev, value
    >>> from yorch_async.views import to_text
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> halved = seven.child(lambda x: x / 2, borrow_prev(int), name="halved")
    >>> print(to_text(tree))
    plan 'numbers': 2 nodes, 1 slot
    seven(#1=value(str)) -> int
    └─ halved(x=borrow_prev(int))
    """
    return str(plan_of(plan))
