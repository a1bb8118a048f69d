"""One node of a tree as it was registered, and what is checked where it is.

*Guarantees*: every node that another one depends on belongs to the same tree and was registered before, so that no cycle can be
written.
*Does not know*: rules between nodes; `compile_plan` checks them.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, cast

from ._door import public
from ._errors import RegistrationError, problem
from ._reads import NodeLike, NodeSource, is_handle
from ._register import Options
from ._tasks import Task

__all__ = ["Fanout", "Placed", "PlacedOptions", "indexes_after", "no_others", "reads_others"]


@public
class Fanout(Enum):
    """How the children of a node may use its output.

    `AUTO`: an only child may do anything; of several children, those that touch the output may only share it.

    `SHARED_READONLY`: only sharing, also by an only child.

    `CONSUME_WITH_COPIES`: every child that touches the output copies it, except at most one that consumes it. The copy for
    the others is made before any child starts, so the order of the children never matters.

    `ORDERED`: children may do anything that the graph puts in order, as it is for nodes that read by `borrow(node)` and its like:
    of two that access the output, one of them to change or to take it, one has to come before the other (`after=`).
    """

    AUTO = "auto"
    SHARED_READONLY = "shared_readonly"
    CONSUME_WITH_COPIES = "consume_with_copies"
    ORDERED = "ordered"


class Placed(NamedTuple):
    """One node as it was registered; `name` is None where nobody chose one, `parent` is -1 for the root and for joins."""

    task: Task[Any]
    parent: int
    level: int
    name: str | None
    fanout: Fanout
    keep: bool
    after: tuple[int, ...] = ()
    """The nodes that it comes after without reading them."""

    is_late: bool = False
    """Whether it depends on more than its parent."""


class PlacedOptions(Options, total=False):
    """The options of a node: those of a task, how its output is shared and kept, what it comes after, and whether it runs at all."""

    fanout: Fanout
    keep: bool
    after: NodeLike[Any] | Sequence[NodeLike[Any]]
    when: Callable[..., Any] | None


def no_others(unknown: Mapping[str, Any], *known: type | str) -> None:
    """Refuse options that there are not, in the words of those that there are."""
    if unknown:
        names = [name for each in known for name in ([each] if isinstance(each, str) else each.__annotations__)]
        raise TypeError(f"there is no option {', '.join(unknown)}; there are {', '.join(dict.fromkeys(names))}")


def indexes_after(tree: object, label: str, after: Any) -> tuple[int, ...]:
    """The nodes that `after=` names, as one node or a sequence of them."""
    nodes: Any = (after,) if is_handle(after) else after
    if not isinstance(nodes, list | tuple):
        raise RegistrationError(problem("after-node", label, object=repr(nodes)))
    found: list[int] = []
    for node in cast("Sequence[Any]", nodes):
        if not is_handle(node) or node.tree is not tree:
            raise RegistrationError(problem("after-node", label, object=repr(node)))
        found.append(node.index)
    return tuple(dict.fromkeys(found))


def reads_others(tree: object, label: str, task: Task[Any], parent: int, *, is_join: bool) -> bool:
    """Whether a task reads other nodes than the parent, all of which have to be there to be read."""
    found = False
    for name, source in task.accesses:
        if not isinstance(source, NodeSource):
            if is_join:
                raise RegistrationError(problem("join-parent", label, name, access=source))
        elif source.node.tree is not tree:
            raise RegistrationError(problem("foreign-node", label, name, access=source, node=source.node.name))
        else:
            found = found or source.node.index != parent
    return found
