"""What happens around each node of a serial run: which objects it reads, what is let go of after it, and where all of it lives.

An *object* is an output or the staged copy of one. It is named by a number: `j` is the output that node `j` made, `~j` the
copy of node `j`'s output that is staged for its copying children. A run keeps its objects in *registers*, one list: 0 is how to
ask the context, 1 the inputs, 2 the element that the plan is run for, and from `FIRST_SLOT` on the slots of the plan.

*Guarantees*: pure; both ways to run a plan, loop and generated code, read the same schedule.
*Does not know*: who follows it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from .._copying import copy_of
from .._slots import EMPTY
from .._specs import Access
from .._tasks import Kind, Task
from .._variants import as_it_is
from ._access import Lifetimes, is_staged
from ._layout import Layout

__all__ = ["CONTEXT", "FIRST_SLOT", "INPUTS", "ITEM", "PART", "Endings", "Keep", "Schedule"]

CONTEXT: Final = 0
INPUTS: Final = 1
ITEM: Final = 2
FIRST_SLOT: Final = 3

PART: Final = 100
"""How many nodes a part has: compiling so many takes a few milliseconds, which is how long an event loop may be held up."""

Keep: TypeAlias = Literal["leaves", "marked", "none"]


@dataclass(frozen=True, slots=True)
class Endings:
    """What ends after each node, innermost first; nodes after which nothing ends are left out."""

    objects: dict[int, list[int]]
    """The objects that nobody reads any more."""
    leaves: dict[int, list[int]]
    """The managed nodes whose resources nobody uses any more."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A plan as a serial run sees it."""

    name: str
    layout: Layout
    lifetimes: Lifetimes
    tasks: tuple[Task[Any], ...]
    kept: tuple[bool, ...]
    part: int
    """How many nodes are run at a time, and generated code has in a function."""
    _taken: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]], init=False)
    """What nodes move out of where it lives; found when it is asked for first, for a node may read many."""
    _required: list[dict[int, int]] = field(default_factory=list[dict[int, int]], init=False)
    """The first node that cannot do without another one's output, by that other one; once it was asked for."""

    def __len__(self) -> int:
        return len(self.tasks)

    def register(self, obj: int) -> int:
        """Where an object lives."""
        slot = self.lifetimes.slots[obj] if obj >= 0 else self.lifetimes.stages[~obj].slot
        return FIRST_SLOT + slot

    def last(self, obj: int) -> int:
        """The node after which an object is let go of."""
        return self.lifetimes.lasts[obj] if obj >= 0 else self.lifetimes.stages[~obj].last

    def taker(self, obj: int) -> int:
        """The node that moves an object out of where it lives; -1: none does."""
        last = self.last(obj)
        if last >= len(self.tasks):
            return -1
        taken = self._taken.get(last)
        if taken is None:
            accesses = zip(self.reads(last), self.tasks[last].accesses, strict=True)
            taken = self._taken[last] = frozenset(read for read, (_, each) in accesses if each.access is Access.CONSUME)
        return last if obj in taken else -1

    def reads(self, index: int) -> Sequence[int]:
        """The objects that a node's accesses read, in order."""
        prev = self.tasks[index].accesses
        if not prev:
            return ()
        lives, found = self.lifetimes, list[int]()
        for source, (_, access) in zip(lives.sources[index], prev, strict=True):
            is_copied = bool(lives.stages) and source in lives.stages and is_staged(access)
            found.append(~source if is_copied else lives.owners[source])
        return found

    def reader(self, index: int) -> int | None:
        """The first node that cannot do without what this one itself puts into its slot."""
        if not self._required:
            self._required.append(self._first_readers())
        return self._required[0].get(index)

    def _first_readers(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for reader, (sources, task) in enumerate(zip(self.lifetimes.sources, self.tasks, strict=True)):
            for source, (_, access) in zip(sources, task.accesses, strict=True):
                if access.default is EMPTY:
                    found.setdefault(source, reader)
        return found

    def stage(self, index: int) -> Callable[[Any], Any] | None:
        """What makes the copy for the copying children of a node, if there is to be one."""
        if index not in self.lifetimes.stages:
            return None
        copiers = {
            access.copier
            for child in self.layout.children(index)
            for _, access in self.tasks[child].accesses
            if is_staged(access) and access.copier is not as_it_is
        }
        # Where the children copy in different ways, no one's way may decide what the others get to copy.
        return copiers.pop() if len(copiers) == 1 else copy_of

    def keeps(self, index: int, keep: Keep) -> bool:
        """Whether the output of a node stays in the result, if it has one."""
        can = self.tasks[index].has_output is not False
        return can and keep != "none" and (self.kept[index] or (keep == "leaves" and self.layout.is_leaf(index)))

    def kept_object(self, index: int) -> int:
        """The object that stays: a forwarding node's is the one that it forwards."""
        return self.lifetimes.owners[index] if self.tasks[index].kind is Kind.FORWARD else index

    def endings(self) -> Endings:
        """Everything that ends, by node."""
        lives, size = self.lifetimes, len(self.tasks)
        objects: dict[int, list[int]] = {}
        leaves: dict[int, list[int]] = {}
        for index in range(size - 1, -1, -1):
            last = lives.lasts[index]
            stage = lives.stages.get(index) if lives.stages else None
            if stage is not None:
                objects.setdefault(stage.last, []).append(~index)
            if last < size:
                if lives.slots[index] >= 0:
                    objects.setdefault(last, []).append(index)
                if self.tasks[index].managed:
                    leaves.setdefault(last, []).append(index)
        return Endings(objects, leaves)
