"""Who reads what, who owns it, and until when it is needed: the lifetimes of all outputs, known before the run.

A *reader* is any node that takes an output by one of its arguments. Whose output that is, is decided in one place, `_sources`;
everything after it works with any earlier node as a source.

*Guarantees*: an output is needed from its own position up to its last reader's; a slot is shared by outputs whose times do not
overlap, so that the number of slots is the largest number of outputs alive together.
*Does not know*: whether any of it is allowed; it is asked only of trees that have no problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from .._placed import Fanout
from .._specs import Access, OutputSource, PrevSource
from .._tasks import Kind, Task
from ._layout import Layout

__all__ = ["Lifetimes", "Stage", "is_staged", "lifetimes", "staged_in"]


@dataclass(frozen=True, slots=True)
class Stage:
    """The copy of a node's output that is made before its children start, for those of them that copy."""

    slot: int
    last: int


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """One entry a node, by position, unless said otherwise."""

    sources: tuple[tuple[int, ...], ...]
    """For each access of a node to another one's output, in the order of the parameters: the position of that node."""
    owners: tuple[int, ...]
    """The node that the output object belongs to: itself, or for a forwarding node the one that made it; -1: no output."""
    slots: tuple[int, ...]
    """The slot that the node writes; -1: none, because nobody reads it."""
    lasts: tuple[int, ...]
    """The position after which an output is released; the number of nodes: at the end of the run."""
    stages: dict[int, Stage]
    """For nodes whose output is staged."""
    slot_count: int


def lifetimes(layout: Layout, tasks: Sequence[Task[Any]], fanouts: Sequence[Fanout], kept: Sequence[bool]) -> Lifetimes:
    """Follow every access of every node."""
    sources = _sources(layout, tasks)
    owners = _owners(layout, tasks)
    staged = staged_in(layout, tasks, fanouts)
    lasts = list(range(len(tasks)))
    stage_lasts = dict.fromkeys(staged, -1)
    for position in range(len(tasks) - 1, -1, -1):
        task = tasks[position]
        if task.managed:
            # A resource is left only after everything that it was made from may still be used: innermost first.
            if kept[position] or layout.is_leaf(position):
                lasts[position] = len(tasks)
            until = lasts[position]
        else:
            until = position
        for source, (_, access) in zip(sources[position], task.accesses, strict=True):
            if source in staged and is_staged(access):
                stage_lasts[source] = max(stage_lasts[source], until)
            else:
                owner = owners[source]
                lasts[owner] = max(lasts[owner], until)
    slots, stage_slots, count = _assign_slots(tasks, owners, lasts, stage_lasts)
    stages = {source: Stage(stage_slots[source], stage_lasts[source]) for source in staged}
    return Lifetimes(sources, owners, slots, tuple(lasts), stages, count)


def is_staged(source: OutputSource) -> bool:
    """Whether a source is served from the staged copy, if there is one: by it children copy."""
    return source.access is Access.COPY and isinstance(source, PrevSource)


def _sources(layout: Layout, tasks: Sequence[Task[Any]]) -> tuple[tuple[int, ...], ...]:
    if not layout.links:
        return tuple((parent,) * len(task.accesses) for parent, task in zip(layout.parents, tasks, strict=True))
    return tuple(tuple(layout.read(position, source) for _, source in task.accesses) for position, task in enumerate(tasks))


def _owners(layout: Layout, tasks: Sequence[Task[Any]]) -> tuple[int, ...]:
    owners: list[int] = []
    for position, task in enumerate(tasks):
        if task.kind is Kind.FORWARD:
            owners.append(owners[layout.parents[position]])
        else:
            owners.append(-1 if task.has_output is False else position)
    return tuple(owners)


def staged_in(layout: Layout, tasks: Sequence[Task[Any]], fanouts: Sequence[Fanout]) -> list[int]:
    """The nodes whose output one child consumes and others copy."""
    found: list[int] = []
    for position, fanout in enumerate(fanouts):
        if fanout is Fanout.CONSUME_WITH_COPIES:
            taken = (access for child in layout.children(position) for _, access in tasks[child].used)
            accesses = {access.access for access in taken if isinstance(access, PrevSource)}
            if accesses >= {Access.CONSUME, Access.COPY}:
                found.append(position)
    return found


def _assign_slots(
    tasks: Sequence[Task[Any]], owners: Sequence[int], lasts: Sequence[int], stage_lasts: dict[int, int]
) -> tuple[tuple[int, ...], dict[int, int], int]:
    """Give outputs slots, in the order of the run; what is released after a node can be used by that node's own output."""
    slots = [-1] * len(tasks)
    stage_slots: dict[int, int] = {}
    free: list[int] = []
    ending: dict[int, list[int]] = {}
    count = 0

    def take(last: int) -> int:
        nonlocal count
        if free:
            slot = heappop(free)
        else:
            slot, count = count, count + 1
        ending.setdefault(last, []).append(slot)
        return slot

    for position, task in enumerate(tasks):
        direct = task.kind is Kind.DIRECT
        if direct:  # written while the node's arguments are still alive
            slots[position] = take(lasts[position])
        for slot in ending.pop(position, ()):
            if slot != slots[position]:
                heappush(free, slot)
        if not direct and owners[position] == position and lasts[position] > position:
            slots[position] = take(lasts[position])
        if position in stage_lasts:
            stage_slots[position] = take(stage_lasts[position])
        if direct and lasts[position] == position:
            heappush(free, slots[position])
    return tuple(slots), stage_slots, count
