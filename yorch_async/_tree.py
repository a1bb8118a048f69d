"""Trees of tasks as they are being written down: a builder by handles (`root`, `child`) and by levels (`node`).

*Guarantees*: what is wrong with a placement alone is refused at its line; the tree is only recorded, in lists as long as it has nodes.
*Does not know*: rules between nodes; `compile_plan` checks them, on a snapshot.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar, Unpack, overload

from ._builder import Builder
from ._door import public
from ._each import EachOptions, OnItemFailure, each_task
from ._errors import RegistrationError, problem
from ._placed import PlacedOptions, no_others
from ._reads import NodeSource
from ._register import Manager
from ._results import TaskResult
from ._specs import FreeSource, PrevSource, Source
from ._tasks import Task

__all__ = ["Node", "TaskTree"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
A = TypeVar("A")


class EachNodeOptions(EachOptions, PlacedOptions, total=False):
    """All options of `each` that do not change the type of its output."""


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
        *sources: FreeSource | NodeSource | PrevSource[T_co],
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
        *sources: FreeSource | NodeSource | PrevSource[T_co],
        **options: Unpack[PlacedOptions],
    ) -> "Node[T]": ...
    @overload
    def child(
        self,
        fn: Callable[..., TaskResult[T]],
        /,
        *sources: FreeSource | NodeSource | PrevSource[T_co],
        **options: Unpack[PlacedOptions],
    ) -> "Node[T]": ...
    @overload
    def child(
        self,
        fn: Callable[..., Awaitable[T]],
        /,
        *sources: FreeSource | NodeSource | PrevSource[T_co],
        **options: Unpack[PlacedOptions],
    ) -> "Node[T]": ...
    @overload
    def child(
        self, fn: Callable[..., T], /, *sources: FreeSource | NodeSource | PrevSource[T_co], **options: Unpack[PlacedOptions]
    ) -> "Node[T]": ...
    def child(self, fn: Any, /, *sources: Source, **options: Any) -> "Node[Any]":
        """Place a callable with its sources, or a ready Task, below this node.

        The options are those of `task` - `adapters`, `name`, `output`, `managed` - and of the node: `fanout`, how the children of the
        new node may use its output; `keep=True`, that its output stays in the result; `after`, a node or several that it comes after
        without reading them; `when`, its condition. A ready Task brings its own; only the options of the node and `name` may be given
        with it. Raises `RegistrationError`.

        A condition is a callable that is lent what the node is going to be passed, or a Task with sources of its own that only share.
        Where it answers something false, the node and all that depends on it are skipped; siblings go on.
        """
        return Node(self._tree, self._tree.place(self._index, fn, sources, **options))

    @overload
    def each(
        self,
        what: Any,
        /,
        *sources: FreeSource | PrevSource[T_co],
        reduce: Callable[[A, Any], A],
        initial: A = ...,
        on_item_failure: OnItemFailure = ...,
        **options: Unpack[EachNodeOptions],
    ) -> "Node[A]": ...
    @overload
    def each(
        self,
        what: Any,
        /,
        *sources: FreeSource | PrevSource[T_co],
        on_item_failure: Literal["collect"],
        **options: Unpack[EachNodeOptions],
    ) -> "Node[list[Any]]": ...
    @overload
    def each(
        self,
        what: Task[T],
        /,
        *sources: FreeSource | PrevSource[T_co],
        on_item_failure: Literal["stop", "skip"] = ...,
        **options: Unpack[EachNodeOptions],
    ) -> "Node[list[T]]": ...
    @overload
    def each(
        self,
        what: Callable[..., Awaitable[TaskResult[T]]],
        /,
        *sources: FreeSource | PrevSource[T_co],
        on_item_failure: Literal["stop", "skip"] = ...,
        **options: Unpack[EachNodeOptions],
    ) -> "Node[list[T]]": ...
    @overload
    def each(
        self,
        what: Callable[..., TaskResult[T]],
        /,
        *sources: FreeSource | PrevSource[T_co],
        on_item_failure: Literal["stop", "skip"] = ...,
        **options: Unpack[EachNodeOptions],
    ) -> "Node[list[T]]": ...
    @overload
    def each(
        self,
        what: Callable[..., Awaitable[T]],
        /,
        *sources: FreeSource | PrevSource[T_co],
        on_item_failure: Literal["stop", "skip"] = ...,
        **options: Unpack[EachNodeOptions],
    ) -> "Node[list[T]]": ...
    @overload
    def each(
        self,
        what: Callable[..., T],
        /,
        *sources: FreeSource | PrevSource[T_co],
        on_item_failure: Literal["stop", "skip"] = ...,
        **options: Unpack[EachNodeOptions],
    ) -> "Node[list[T]]": ...
    @overload
    def each(
        self,
        what: "TaskTree",
        /,
        *,
        on_item_failure: OnItemFailure = ...,
        **options: Unpack[EachNodeOptions],
    ) -> "Node[list[Any]]": ...
    def each(self, what: Any, /, *sources: Source, **options: Any) -> "Node[Any]":
        """Place a node that runs `what` once for each element of this node's output; its output is the list of results, in order.

        `what` is a callable with its sources, a Task, or a whole `TaskTree`; `item(T)` among the sources is the element, and may be
        left out where a callable has one parameter. Of a tree the output of the only leaf counts, or of the only one with `keep=True`.
        `over` makes what is gone through of this node's output: any iterable or async iterable. Elements are taken as fast as they
        can be worked on, not faster.

        Under `Concurrent` elements are worked on at the same time, at most `max_concurrency` of them, nor more than the run allows
        (100, where neither says); the nodes of a tree run one after the other. `on_item_failure`: an element that fails ends the node
        ("stop"), is left out of the results ("skip", see `RunResult.left_out`), or stands among them as a `Failure` ("collect"). One
        that answers ABORT_BRANCH is left out. With `reduce` the output is `reduce(reduce(initial, first), second)` and so on, in the
        order of the elements, and no list is made; without `initial` the first result begins.

        Adapters are those of the task, and so work on each element. The other options are those of `child`, without `managed`.
        Raises `RegistrationError`.

        >>> from yorch_async import TaskTree, compile_plan, run
        >>> tree = TaskTree()
        >>> words = tree.root("to be or not".split, name="words")
        >>> lengths = words.each(len, name="lengths")
        >>> letters = words.each(len, reduce=lambda total, length: total + length, initial=0, name="letters")
        >>> result = run(compile_plan(tree))
        >>> result[lengths], result[letters]
        ([2, 2, 2, 3], 9)
        """
        others = {"on_item_failure", "reduce", "initial"}
        known = EachNodeOptions.__annotations__.keys() | others
        no_others({key: each for key, each in options.items() if key not in known}, EachNodeOptions, *sorted(others))
        place = {key: options.pop(key) for key in ("fanout", "keep", "after", "when") if key in options}
        if what is self._tree:
            raise RegistrationError(problem("each-itself", self.name, name=what.name or "unnamed"))
        task = each_task(what, sources, **options)
        return Node(self._tree, self._tree.place(self._index, task, (), **place))

    def __repr__(self) -> str:
        return f"<Node {self.name!r} at level {self.level} of {self._tree!r}>"


@public
class TaskTree(Builder):
    """A tree of tasks that is being written down. `compile_plan(tree)` makes a plan of what it holds by then.

    >>> from yorch_async import TaskTree, borrow_prev, value
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"))
    >>> doubled = seven.child(lambda x: 2 * x, borrow_prev(int), name="doubled")
    >>> doubled
    <Node 'doubled' at level 1 of <TaskTree 'numbers' with 2 nodes>>
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self.name = name

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
        return Node(self, self.place(-1, fn, sources, **options))

    @overload
    def join(
        self,
        fn: Callable[..., Manager[T]],
        /,
        *sources: FreeSource | NodeSource,
        managed: Literal[True],
        **options: Unpack[PlacedOptions],
    ) -> Node[T]: ...
    @overload
    def join(self, fn: Task[T], /, **options: Unpack[PlacedOptions]) -> Node[T]: ...
    @overload
    def join(
        self,
        fn: Callable[..., Awaitable[TaskResult[T]]],
        /,
        *sources: FreeSource | NodeSource,
        **options: Unpack[PlacedOptions],
    ) -> Node[T]: ...
    @overload
    def join(
        self, fn: Callable[..., TaskResult[T]], /, *sources: FreeSource | NodeSource, **options: Unpack[PlacedOptions]
    ) -> Node[T]: ...
    @overload
    def join(
        self, fn: Callable[..., Awaitable[T]], /, *sources: FreeSource | NodeSource, **options: Unpack[PlacedOptions]
    ) -> Node[T]: ...
    @overload
    def join(
        self, fn: Callable[..., T], /, *sources: FreeSource | NodeSource, **options: Unpack[PlacedOptions]
    ) -> Node[T]: ...
    def join(self, fn: Any, /, *sources: Source, **options: Any) -> Node[Any]:
        """Place a node that reads any nodes that were registered before it.

        Its sources are `borrow(node)`, `borrow_mut(node)`, `copy(node)` and `consume(node)`, beside those that have nothing to do with
        nodes. It has no parent, and may have children, and be joined again. It runs once, when everything that it depends on has
        succeeded: what it reads without a default, and the nodes that it comes `after`. Where one of those has not, it is skipped;
        `RunResult.skipped` says because of which node. The options are those of `Node.child`. Raises `RegistrationError`.

        >>> from yorch_async import TaskTree, borrow, compile_plan, run, value
        >>> tree = TaskTree("pair")
        >>> start = tree.root(int, value("3"))
        >>> squared = start.child(lambda x: x * x, borrow(start), name="squared")
        >>> doubled = start.child(lambda x: 2 * x, borrow(start), name="doubled")
        >>> total = tree.join(lambda a, b: a + b, borrow(squared), borrow(doubled), name="total")
        >>> run(compile_plan(tree))[total]
        15
        """
        return Node(self, self.place(-1, fn, sources, is_join=True, **options))

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
        return Node(self, self.place(self._parent_at(level, fn), fn, sources, managed=managed, **options))

    def __len__(self) -> int:
        return len(self.placed)

    def __repr__(self) -> str:
        count = len(self.placed)
        return f"<TaskTree {self.name or 'unnamed'!r} with {count} node{'s' * (count != 1)}>"
