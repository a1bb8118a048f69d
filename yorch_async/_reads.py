"""Sources that read the output of any node that was registered before, by its handle.

*Guarantees*: what they say of access and ownership is what the sources for the direct parent say.
*Does not know*: trees; a handle is only asked where it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ._copying import copy_of
from ._door import public
from ._slots import EMPTY
from ._specs import Access, OutputSource
from ._types import UNKNOWN

__all__ = ["NodeLike", "NodeSource", "borrow", "borrow_mut", "consume", "copy", "is_handle"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_WORDS = {Access.BORROW: "borrow", Access.BORROW_MUT: "borrow_mut", Access.COPY: "copy", Access.CONSUME: "consume"}


class NodeLike(Protocol[T_co]):
    """A node, as a source sees it: a `Node`."""

    @property
    def tree(self) -> Any:
        """What the node belongs to."""
        ...

    @property
    def index(self) -> int:
        """The node's place in the order of registration."""
        ...

    @property
    def name(self) -> str:
        """What the node is called."""
        ...


def is_handle(obj: object) -> bool:
    """Whether an object can stand for a node."""
    return all(hasattr(obj, name) for name in ("tree", "index", "name", "child"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeSource(OutputSource):
    """The output of `node`, or `otherwise` where that has not succeeded (EMPTY: this node does not run then)."""

    node: NodeLike[Any]
    otherwise: Any = EMPTY

    @property
    def identity(self) -> tuple[Any, ...]:
        """See `CtxSource`."""
        return *OutputSource.identity.__get__(self), id(self.node.tree), self.node.index, id(self.otherwise)

    @property
    def default(self) -> Any:
        """See `OutputSource`."""
        return self.otherwise

    def __str__(self) -> str:
        return _WORDS[self.access]


def _source(access: Access, node: Any, default: Any, copier: Callable[[Any], Any] = copy_of) -> NodeSource:
    if not is_handle(node):
        raise TypeError(f"{_WORDS[access]} takes a node, as root(), child() and join() return it, not {node!r}")
    return NodeSource(access, UNKNOWN, copier, node=node, otherwise=default)


@public
def borrow(node: NodeLike[Any], *, default: Any = EMPTY) -> NodeSource:
    """Lend the output of a node that was registered before, to read.

    The node that reads it runs when that node has succeeded. With `default` it does not depend on that: where there is no output,
    because the node was skipped or has failed, this object is passed.

    >>> from yorch_async import TaskTree, borrow, compile_plan, run
    >>> tree = TaskTree()
    >>> words = tree.root("b a".split, name="words")
    >>> first = words.child(min, borrow(words), name="first")
    >>> last = words.child(max, borrow(words), name="last")
    >>> both = tree.join(lambda first, last: f"{first} to {last}", borrow(first), borrow(last), name="both")
    >>> run(compile_plan(tree))[both]
    'a to b'
    """
    return _source(Access.BORROW, node, default)


@public
def borrow_mut(node: NodeLike[Any], *, default: Any = EMPTY) -> NodeSource:
    """Lend the output of a node to this one alone, to change in place. `default` is as for `borrow`.

    Whoever else accesses it has to come before or after this node, by what it reads or by `after=`.

    >>> from yorch_async import TaskTree, borrow_mut
    >>> tree = TaskTree()
    >>> print(borrow_mut(tree.root(list)))
    borrow_mut
    """
    return _source(Access.BORROW_MUT, node, default)


@public
def copy(node: NodeLike[T], *, copier: Callable[[T], T] = copy_of, default: Any = EMPTY) -> NodeSource:
    """Give every attempt its own copy of the output of a node. `copier` is as for `copy_prev`, `default` as for `borrow`.

    >>> from yorch_async import TaskTree, copy
    >>> tree = TaskTree()
    >>> print(copy(tree.root(list)))
    copy
    """
    if not callable(copier):
        raise TypeError(f"copier must be callable, not {copier!r}")
    return _source(Access.COPY, node, default, copier)


@public
def consume(node: NodeLike[Any], *, default: Any = EMPTY) -> NodeSource:
    """Give the output of a node away: the callable holds the only reference that the run had. `default` is as for `borrow`.

    All others that read it have to come before this node, by what it reads or by `after=`.

    >>> from yorch_async import TaskTree, consume
    >>> tree = TaskTree()
    >>> print(consume(tree.root(list)))
    consume
    """
    return _source(Access.CONSUME, node, default)
