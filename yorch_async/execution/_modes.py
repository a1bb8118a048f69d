"""How a node's task is run, as far as the task alone tells: by which kind of call, and what it may return without being looked at.

*Guarantees*: decided once per node, before any run.
*Does not know*: plans and runs.
"""

from typing import Any, Final

from .._items import ItemSource
from .._outputs import Returns
from .._specs import Access, OutputSource
from .._tasks import Kind, Task

__all__ = [
    "CALL",
    "CALL_AWAIT",
    "INTO",
    "INTO_AWAIT",
    "LENT",
    "LENT_AWAIT",
    "PLAIN",
    "STRICT",
    "TAKEN",
    "TAKEN_AWAIT",
    "TURN",
    "WAITING",
    "expected_of",
    "mode_of",
]

LENT: Final = 0
LENT_AWAIT: Final = 1
TAKEN: Final = 2
TAKEN_AWAIT: Final = 3
CALL: Final = 4
CALL_AWAIT: Final = 5
INTO: Final = 6
INTO_AWAIT: Final = 7
TURN: Final = 8
"""How a node's task is run, as plain numbers, because comparing them is all that the loop does: with one argument, another node's
output, that is lent to it or moved to it; by a caller; by a caller with the handle of a direct-output task - called, or called and
awaited; or by a turn of its own, since adapters have a part in a success, or a resource has to be entered.
"""

WAITING: Final = frozenset({LENT_AWAIT, TAKEN_AWAIT, CALL_AWAIT, INTO_AWAIT, TURN})
"""The modes of nodes that may wait."""

NOTHING: Final = frozenset({type(None)})
"""What a task that has no output of its own may return without being looked at."""
_NO_CLASS: Final = frozenset[type]()

PLAIN: Final = (type(None), bool, int, float, str, bytes, list, tuple, dict, set)
"""Classes of which it is known that they are neither results nor awaitable."""

STRICT: Final = frozenset({Returns.NOTHING, Returns.STATUS, Returns.RESULT})
"""The declarations that limit what a task may return."""


def expected_of(task: Task[Any], plain: set[type]) -> Any:
    """The classes of results that need not be looked at."""
    returns = task.output.returns
    if task.kind is not Kind.REGULAR or returns is Returns.NOTHING:
        return NOTHING
    return _NO_CLASS if returns in STRICT else plain


def mode_of(task: Task[Any]) -> int:
    """How a task is called."""
    if not task.inlines:
        return TURN
    mode = INTO if task.kind is Kind.DIRECT else CALL
    source = task.arguments[0].source if len(task.arguments) == 1 else None
    if mode == CALL and isinstance(source, OutputSource | ItemSource) and not (task.method or task.arguments[0].keyword):
        access = source.access if isinstance(source, OutputSource) else Access.BORROW
        mode = TAKEN if access is Access.CONSUME else CALL if access is Access.COPY else LENT
    return mode + task.awaits
