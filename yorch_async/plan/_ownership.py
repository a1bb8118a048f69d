"""The one rule of ownership beyond direct children: two accesses to an output, one of them exclusive, are put in order by the graph.

What is accessed is the object: through forwarding nodes, which pass their parent's object on, it may have several nodes as its
sources. Children of one parent are told apart by its fanout policy, and fall under this rule where that is `Fanout.ORDERED`.

*Guarantees*: where nothing is found, every order in which the graph lets nodes run gives each of them the same; two questions for each
access to an output.
*Does not know*: what nodes do with what they are lent.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from .._errors import Problem, problem
from .._placed import Fanout
from .._reads import NodeSource
from .._specs import Access, OutputSource, PrevSource
from .._tasks import Task
from ._access import is_staged, staged_in
from ._layout import Layout
from ._reach import Reach

__all__ = ["Ownership"]


class _Use(NamedTuple):
    """One access."""

    position: int
    name: str
    source: OutputSource
    parent: int
    """The parent, where its policy has decided already; -1 where the graph has to."""

    @property
    def is_exclusive(self) -> bool:
        return self.source.access.exclusive


class Ownership:
    """The rule, over one tree."""

    def __init__(self, layout: Layout, tasks: Sequence[Task[Any]], fanouts: Sequence[Fanout], makers: Sequence[int]) -> None:
        self._layout = layout
        self._tasks = tasks
        self._fanouts = fanouts
        self._makers = makers
        """The node that made the object which is a node's output."""
        self._reach: Reach | None = None
        """Made when it is asked for first: most trees have no two accesses that have to be put in order."""

    def problems(self) -> Iterator[tuple[int, Problem]]:
        """Everything that is wrong, with the position of its node."""
        if self._layout.links or Fanout.ORDERED in self._fanouts or self._has_handles():
            for maker, uses in self._uses().items():
                if any(use.is_exclusive for use in uses) and len(uses) > 1 and any(use.parent < 0 for use in uses):
                    yield from self._together(maker, uses)
                    yield from self._ordered(maker, uses)

    def _has_handles(self) -> bool:
        tasks = {id(task): task for task in self._tasks}  # many nodes may have the same
        return any(isinstance(source, NodeSource) for task in tasks.values() for _, source in task.accesses)

    def _uses(self) -> dict[int, list[_Use]]:
        """The accesses to each object, in the order of their nodes; those to staged copies are left out."""
        found: dict[int, list[_Use]] = {}
        staged = frozenset(staged_in(self._layout, self._tasks, self._fanouts))
        for position, task in enumerate(self._tasks):
            own = len(task.used)
            for number, (name, source) in enumerate(task.accesses):
                read = self._layout.read(position, source)
                if read < 0 or (read in staged and is_staged(source)):
                    continue
                uses = found.setdefault(self._makers[read], [])
                if number < own or not (uses and uses[-1].position == position):  # a condition is over when its node begins
                    is_decided = isinstance(source, PrevSource) and self._fanouts[read] is not Fanout.ORDERED
                    uses.append(_Use(position, name, source, read if is_decided else -1))
        return found

    def _together(self, maker: int, uses: Sequence[_Use]) -> Iterator[tuple[int, Problem]]:
        """Accesses of one node by several names of the same object."""
        for one, other in pairwise(uses):
            if one.position == other.position and (one.is_exclusive or other.is_exclusive):
                facts = {"access": other.source, "beside": one.source, "parameter": one.name, "node": self._path(maker)}
                yield other.position, problem("same-output", self._path(other.position), other.name, **facts)

    def _ordered(self, maker: int, uses: Sequence[_Use]) -> Iterator[tuple[int, Problem]]:
        """Every access against the exclusive one before it and the one after it; those further away follow from that."""
        exclusive = [use for use in uses if use.is_exclusive]
        places = [use.position for use in exclusive]
        for use in uses:
            at = bisect_left(places, use.position)
            if at > 0:
                yield from self._pair(maker, exclusive[at - 1], use)
            if not use.is_exclusive and at < len(places) and places[at] != use.position:
                yield from self._pair(maker, use, exclusive[at])
        holders = (use for use in uses if self._tasks[use.position].managed and _lends(use.source))
        holder = next(holders, None)
        for use in exclusive:
            if holder is not None and holder.position < use.position:
                facts = {"access": use.source, "other": self._path(holder.position), "node": self._path(maker)}
                yield use.position, problem("resource-reads", self._path(use.position), use.name, **facts)

    def _pair(self, maker: int, one: _Use, other: _Use) -> Iterator[tuple[int, Problem]]:
        """Two accesses, of which the first comes first in a serial run."""
        if one.parent >= 0 and one.parent == other.parent:
            return
        path, facts = self._path(other.position), {"access": other.source, "node": self._path(maker)}
        facts |= {"other": self._path(one.position), "beside": one.source}
        if self._reach is None:
            self._reach = Reach(self._layout)
        if not self._reach.is_before(one.position, other.position):
            both = one.is_exclusive and other.is_exclusive
            exclusive = one.source if one.is_exclusive else other.source
            facts |= {"which": "both are" if both else f"{exclusive} is", "exclusive": exclusive}
            yield other.position, problem("unordered", path, other.name, **facts)
        elif one.source.access is Access.CONSUME:
            yield other.position, problem("read-after-taken", path, other.name, **facts)

    def _path(self, position: int) -> str:
        return self._layout.path(position)


def _lends(source: OutputSource) -> bool:
    return source.access in (Access.BORROW, Access.BORROW_MUT)
