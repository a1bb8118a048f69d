"""The Plan: everything that is known about a tree before it runs, as one immutable value.

*Guarantees*: nothing in it changes after `compile_plan` has made it, so that any number of runs may use it, one after the other
and at the same time; memory in proportion to the nodes, a few hundred bytes each.
*Does not know*: how it is run. What an executor derives from it, it may put aside in `prepared`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, overload

from .._door import public
from .._placed import Fanout
from .._tasks import Task
from .._tree import Node, TaskTree
from ._access import Lifetimes
from ._emit import code_of, legend
from ._explain import explain
from ._layout import Layout
from ._parts import Variant
from ._schedule import PART, Keep, Schedule

__all__ = ["InputInfo", "Plan", "PlanNode"]


@public
@dataclass(frozen=True, slots=True)
class InputInfo:
    """A named input that a plan takes.

    `type` is `Any` where it is not known, `default` is None where the input is `required`, `node` is the index of the first
    node that takes it.
    """

    name: str
    type: Any
    required: bool
    default: Any
    node: int


@public
@dataclass(frozen=True, slots=True)
class PlanNode:
    """One node of a plan, as a view; `index` is its place in the order of a serial run."""

    plan: "Plan"
    index: int

    @property
    def label(self) -> str:
        """What it is called among its siblings."""
        return self.plan.layout.labels[self.index]

    @property
    def name(self) -> str:
        """The chosen name, or that of the task."""
        return self.plan.names[self.index] or self.task.name

    @property
    def path(self) -> str:
        """The names from the root down to it, separated by slashes."""
        return self.plan.layout.path(self.index)

    @property
    def parent(self) -> int | None:
        """The index of the parent; None at the root and at joins."""
        parent = self.plan.layout.parents[self.index]
        return None if parent < 0 else parent

    @property
    def children(self) -> tuple[int, ...]:
        """The indexes of the children, in order."""
        return tuple(self.plan.layout.children(self.index))

    @property
    def after(self) -> tuple[int, ...]:
        """The indexes of the nodes that it only comes after (`after=`), without its parent."""
        return self.plan.layout.links.after.get(self.index, ())

    @property
    def level(self) -> int:
        """How far it is from the root, or from the join that it is below."""
        return self.plan.layout.levels[self.index]

    @property
    def task(self) -> Task[Any]:
        """The task."""
        return self.plan.tasks[self.index]

    @property
    def fanout(self) -> Fanout:
        """How its children may use its output."""
        return self.plan.fanouts[self.index]

    @property
    def keep(self) -> bool:
        """Whether `keep=True` was given."""
        return self.plan.kept[self.index]

    @property
    def is_leaf(self) -> bool:
        """Whether it has no children, and no other node depends on it."""
        return self.plan.layout.is_leaf(self.index)

    @property
    def slot(self) -> int | None:
        """The number of the slot that holds its output in a serial run; None: it has none, or nobody reads it."""
        slot = self.plan.lifetimes.slots[self.index]
        return None if slot < 0 else slot

    @property
    def reads(self) -> tuple[int, ...]:
        """The indexes of the nodes whose outputs it reads, one for each access."""
        return self.plan.lifetimes.sources[self.index]


@public
@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True, weakref_slot=True)
class Plan:
    """A checked tree, ready to be run any number of times, also concurrently. Made by `compile_plan`; printing it shows the tree.

    `len(plan)` is the number of nodes and `plan.nodes` shows them in the order of a serial run.
    """

    name: str
    """The name of the tree, or of its root."""
    tree: TaskTree
    layout: Layout
    lifetimes: Lifetimes
    tasks: tuple[Task[Any], ...]
    fanouts: tuple[Fanout, ...]
    kept: tuple[bool, ...]
    names: tuple[str | None, ...]
    inputs: Mapping[str, InputInfo]
    """The named inputs that the plan takes."""
    context_keys: Mapping[Any, int]
    """The keys that it asks the context for, each with the index of the first node that does."""
    inner: "Mapping[int, Plan]" = field(default_factory=dict[int, "Plan"])
    """The plans of the trees that nodes run for each element."""
    result: int = -1
    """Of such a tree: the node whose output is the result of an element; -1: none."""
    optimize: bool | None = None
    """Whether code is generated for it: at once, never, or (None) when it has been run often enough for that to pay."""
    part: int = PART
    """How many nodes are run at a time, and generated code has in a function."""
    prepared: dict[Any, Any] = field(default_factory=dict[Any, Any], init=False)
    """What executors derive from the plan, by a key of their own; the same for every run, so a race costs only time."""

    @property
    def nodes(self) -> "Sequence[PlanNode]":
        """The nodes in the order of a serial run."""
        return _Nodes(self)

    @property
    def slots(self) -> int:
        """How many outputs are alive together at most in a serial run, staged copies included."""
        return self.lifetimes.slot_count

    @property
    def schedule(self) -> Schedule:
        """What a serial run does around each node."""
        return Schedule(self.name, self.layout, self.lifetimes, self.tasks, self.kept, self.part)

    def source(self, *, keep: Keep = "leaves", sync: bool = False) -> str:
        """The code that is generated for the plan when it has earned it: what `run_plan` then runs, or with `sync=True` `run_sync`.

        It holds the path on which every node succeeds; anything else goes on in the interpreter. The names that it uses without
        defining them are the plan's callables, values and keys, the classes of results, and helpers of the library, which comments at
        its head explain. Raises `ValueError` for other values of `keep`, and for `sync=True` where a task needs an event loop.

        >>> from yorch_async import TaskTree, borrow_prev, compile_plan, value
        >>> tree = TaskTree("sizes")
        >>> words = tree.root("b a c".split, name="words")
        >>> in_order = words.child(sorted, borrow_prev(list))
        >>> print(compile_plan(tree).source(sync=True))
        # settled looks at an answer that has neither the class that is expected nor one of those in plain
        # kept holds what stays in the result
        def sizes(run):
            kept = run.kept
            words = split()  # words
            if type(words) is not words_class and type(words) not in plain:
                words = settled(run, 0, words)
            result = sorted(words)  # words/sorted
            if type(result) is not sorted_class and type(result) not in plain:
                result = settled(run, 1, result)
            kept[1] = result
            words = None
            result = None
            kept = None
        """
        if keep not in get_args(Keep):
            raise ValueError(f"keep must be one of {', '.join(map(repr, get_args(Keep)))}, not {keep!r}")
        waiting = ((index, why) for index, task in enumerate(self.tasks) if (why := task.awaited_for) is not None)
        if sync and (found := next(waiting, None)):
            path, why = self.layout.path(found[0]), found[1]
            raise ValueError(f"plan '{self.name}' cannot be run without an event loop: '{path}' {why}")
        texts = code_of(self.prepared, self.schedule, Variant(keep, sync, held=True)).texts()
        text = "\n\n".join(text.rstrip("\n") for text in texts)
        return legend(text) + text

    def index_of(self, node: Node[Any]) -> int:
        """Where a node of the tree stands in the plan. Raises `ValueError` for a node of another tree, or a later one."""
        if not isinstance(node, Node):
            raise TypeError(f"a node is asked for by its handle, its name or its path, not by {node!r}")
        if node.tree is not self.tree or node.index >= len(self.tasks):
            raise ValueError(
                f"{node!r} is not part of plan '{self.name}'; pass a node of the tree that it was compiled from"
            )
        return self.layout.positions[node.index]

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:
        return f"<Plan {self.name!r} with {len(self)} node{'s' * (len(self) != 1)}>"

    def __str__(self) -> str:
        return explain(self)


class _Nodes(Sequence[PlanNode]):
    """The nodes of a plan; views are made when they are looked at."""

    __slots__ = ("_plan",)

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __len__(self) -> int:
        return len(self._plan.tasks)

    @overload
    def __getitem__(self, index: int) -> PlanNode: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[PlanNode, ...]: ...
    def __getitem__(self, index: int | slice) -> PlanNode | tuple[PlanNode, ...]:
        found = range(len(self))[index]
        return PlanNode(self._plan, found) if isinstance(found, int) else tuple(PlanNode(self._plan, i) for i in found)

    def __iter__(self) -> Iterator[PlanNode]:
        return (PlanNode(self._plan, index) for index in range(len(self)))
