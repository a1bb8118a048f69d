"""Trees of tasks as they are being written down: a builder by handles (`root`, `child`) and by levels (`node`).

*Guarantees*: what is wrong with a placement alone is refused at its line; the tree is only recorded, in lists as long as it has nodes.
*Does not know*: rules between nodes; `compile_plan` checks them, on a snapshot.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any, Generic, Literal, NamedTuple, TypeVar, Unpack, cast, overload

from ._adapter import Adapter
from ._door import public
from ._errors import RegistrationError, problem
from ._known import KnownTasks
from ._register import Manager, Options
from ._results import TaskResult
from ._signature import name_of
from ._specs import FreeSource, PrevSource, Source
from ._tasks import Task, check_name
from ._types import UNKNOWN

__all__ = ["Fanout", "Node", "Placed", "TaskTree"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@public
class Fanout(Enum):
    """How the children of a node may use its output.

    `AUTO`: an only child may do anything; of several children, those that touch the output may only share it.

    `SHARED_READONLY`: only sharing, also by an only child.

    `CONSUME_WITH_COPIES`: every child that touches the output copies it, except at most one that consumes it. The copy for
    the others is made before any child starts, so the order of the children never matters.
    """

    AUTO = "auto"
    SHARED_READONLY = "shared_readonly"
    CONSUME_WITH_COPIES = "consume_with_copies"


class Placed(NamedTuple):
    """One node as it was registered; `name` is None where nobody chose one."""

    task: Task[Any]
    parent: int
    level: int
    name: str | None
    fanout: Fanout
    keep: bool


class PlacedOptions(Options, total=False):
    """The options of a node: those of a task, and how its output is shared and kept."""

    fanout: Fanout
    keep: bool


@public
class Node(Generic[T_co]):
    """A handle on one node of a tree; generic in the type of the node's output."""

    __slots__ = ("_index", "_tree")

    def __init__(self, tree: "TaskTree", index: int) -> None:
        self._tree = tree
        self._index = index

    @property
    def tree(self) -> "TaskTree":
        """The tree that the node belongs to."""
        return self._tree

    @property
    def index(self) -> int:
        """The node's place in the order of registration, from 0."""
        return self._index

    @property
    def level(self) -> int:
        """How far the node is from the root, which is at level 0."""
        return self._tree.placed[self._index].level

    @property
    def name(self) -> str:
        """The name that was given, or that of the task."""
        placed = self._tree.placed[self._index]
        return placed.name or placed.task.name

    @overload
    def child(
        self,
        fn: Callable[..., Manager[T]],
        /,
        *sources: FreeSource | PrevSource[T_co],
        managed: Literal[True],
        **options: Unpack[PlacedOptions],
    ) -> "Node[T]": ...
    @overload
    def child(self, fn: Task[T], /, **options: Unpack[PlacedOptions]) -> "Node[T]": ...
    @overload
    def child(
        self,
        fn: Callable[..., Awaitable[TaskResult[T]]],
        /,
        *sources: FreeSource | PrevSource[T_co],
        **options: Unpack[PlacedOptions],
    ) -> "Node[T]": ...
    @overload
    def child(
        self,
        fn: Callable[..., TaskResult[T]],
        /,
        *sources: FreeSource | PrevSource[T_co],
        **options: Unpack[PlacedOptions],
    ) -> "Node[T]": ...
    @overload
    def child(
        self,
        fn: Callable[..., Awaitable[T]],
        /,
        *sources: FreeSource | PrevSource[T_co],
        **options: Unpack[PlacedOptions],
    ) -> "Node[T]": ...
    @overload
    def child(
        self, fn: Callable[..., T], /, *sources: FreeSource | PrevSource[T_co], **options: Unpack[PlacedOptions]
    ) -> "Node[T]": ...
    def child(self, fn: Any, /, *sources: Source, **options: Any) -> "Node[Any]":
        """Place a callable with its sources, or a ready Task, below this node.

        The options are those of `task` - `adapters`, `name`, `output`, `managed` - and `fanout`, how the children of the new node
        may use its output, and `keep=True`, that its output stays in the result. A ready Task brings its own; only `name`,
        `fanout` and `keep` may be given with it. Raises `RegistrationError`.
        """
        return self._tree.place(self._index, fn, sources, **options)

    def __repr__(self) -> str:
        return f"<Node {self.name!r} at level {self.level} of {self._tree!r}>"


@public
class TaskTree:
    """A tree of tasks that is being written down. `compile_plan(tree)` makes a plan of what it holds by then.

    >>> from yorch_async import TaskTree, borrow_prev, value
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"))
    >>> doubled = seven.child(lambda x: 2 * x, borrow_prev(int), name="doubled")
    >>> doubled
    <Node 'doubled' at level 1 of <TaskTree 'numbers' with 2 nodes>>
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self.placed: list[Placed] = []
        """The nodes in the order of registration."""
        self._latest: list[int] = []
        """For each level, the node registered last."""
        self._known = KnownTasks()

    @overload
    def root(
        self,
        fn: Callable[..., Manager[T]],
        /,
        *sources: FreeSource,
        managed: Literal[True],
        **options: Unpack[PlacedOptions],
    ) -> Node[T]: ...
    @overload
    def root(self, fn: Task[T], /, **options: Unpack[PlacedOptions]) -> Node[T]: ...
    @overload
    def root(
        self,
        fn: Callable[..., Awaitable[TaskResult[T]]],
        /,
        *sources: FreeSource,
        **options: Unpack[PlacedOptions],
    ) -> Node[T]: ...
    @overload
    def root(
        self, fn: Callable[..., TaskResult[T]], /, *sources: FreeSource, **options: Unpack[PlacedOptions]
    ) -> Node[T]: ...
    @overload
    def root(
        self, fn: Callable[..., Awaitable[T]], /, *sources: FreeSource, **options: Unpack[PlacedOptions]
    ) -> Node[T]: ...
    @overload
    def root(self, fn: Callable[..., T], /, *sources: FreeSource, **options: Unpack[PlacedOptions]) -> Node[T]: ...
    def root(self, fn: Any, /, *sources: Source, **options: Any) -> Node[Any]:
        """Place the root; the options are those of `Node.child`. Raises `RegistrationError`."""
        return self.place(-1, fn, sources, **options)

    def node(
        self,
        level: int,
        fn: Callable[..., Any],
        /,
        *sources: Source,
        managed: bool = False,
        **options: Unpack[PlacedOptions],
    ) -> Node[Any]:
        """Place a node by its level: below the nearest earlier node that is one level up. Level 0 is the root.

        The options are those of `Node.child`. Raises `RegistrationError`, also for a level that leaves one out.
        """
        return self.place(self._parent_at(level, fn), fn, sources, managed=managed, **options)

    def place(
        self,
        parent: int,
        fn: Any,
        sources: tuple[Source, ...],
        *,
        adapters: Sequence[Adapter] = (),
        name: str | None = None,
        output: Any = UNKNOWN,
        managed: bool = False,
        fanout: Fanout = Fanout.AUTO,
        keep: bool = False,
    ) -> Node[Any]:
        """Record a node below the one with the index `parent` (-1: as the root). What all other ways of placing end in."""
        task: Task[Any]
        if isinstance(fn, Task):
            task = _ready(
                cast("Any", fn), sources, {"adapters": adapters, "output": output is not UNKNOWN, "managed": managed}
            )
        else:
            task = self._known.task(fn, sources, adapters=adapters, name=name, output=output, managed=managed)
        if name is not None:
            check_name(task.name, name)
        if not isinstance(fanout, Fanout):
            raise RegistrationError(problem("unknown-fanout", name or task.name, object=repr(fanout)))
        if parent < 0 and self.placed:
            first = self.placed[0]
            raise RegistrationError(problem("second-root", name or task.name, root=first.name or first.task.name))
        level = self.placed[parent].level + 1 if parent >= 0 else 0
        index = len(self.placed)
        self.placed.append(Placed(task, parent, level, name or _chosen(fn), fanout, bool(keep)))
        self._latest[level : level + 1] = [index]
        return Node(self, index)

    def _parent_at(self, level: int, fn: Any) -> int:
        label = fn.name if isinstance(fn, Task) else name_of(fn)
        if isinstance(level, bool) or not isinstance(level, int):
            raise TypeError(f"level must be an integer, not {level!r}")
        if level == 0:
            return -1
        if not self.placed:
            raise RegistrationError(problem("first-node", label, given=level))
        last = self.placed[-1].level
        if not 1 <= level <= last + 1:
            raise RegistrationError(problem("level", label, given=level, last=last, limit=last + 1))
        return self._latest[level - 1]

    def __len__(self) -> int:
        return len(self.placed)

    def __repr__(self) -> str:
        count = len(self.placed)
        return f"<TaskTree {self.name or 'unnamed'!r} with {count} node{'s' * (count != 1)}>"


def _ready(task: Task[Any], sources: tuple[Source, ...], given: dict[str, Any]) -> Task[Any]:
    """Check that nothing is given along with a Task that it has already."""
    what = ["sources"] * bool(sources) + [option for option, is_given in given.items() if is_given]
    if what:
        raise RegistrationError(problem("already-bound", task.name, options=" or ".join(what)))
    return task


def _chosen(fn: Any) -> str | None:
    """The name of a ready Task, if it was chosen and not taken from the callable."""
    return fn.name if isinstance(fn, Task) and fn.named else None
