"""What nodes depend on besides their parents: the nodes that they read by handles, and those that they come after.

*Guarantees*: empty for a tree, so that nothing of it costs anything there; every link goes from an earlier position to a later one.
*Does not know*: who owns what is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._placed import Placed
from .._reads import NodeSource
from .._slots import EMPTY

__all__ = ["NO_LINKS", "Links", "links_of"]


@dataclass(frozen=True, slots=True)
class Links:
    """Nodes by position, and only those that have such dependencies: *late* ones."""

    needs: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])
    """What has to have succeeded before a late node runs, its parent included."""
    hopes: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])
    """What only has to be over: it is read with a default."""
    followers: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    """The other way round: the late nodes that depend on a node."""
    after: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    """What late nodes come after without reading it (`after=`)."""
    children: tuple[tuple[int, ...], ...] = ()
    """For every node its children, which are not to be found by ranges where nodes are late."""
    tops: tuple[int, ...] = ()
    """For every node the root or the join that it is below, or that it is."""

    def __bool__(self) -> bool:
        return bool(self.needs or self.hopes)

    def is_late(self, position: int) -> bool:
        """Whether a node depends on more than its parent."""
        return position in self.needs

    def before(self, position: int, parents: Sequence[int]) -> Iterable[int]:
        """What has to be over before a node runs."""
        if position in self.needs:
            return self.needs[position] | self.hopes.get(position, frozenset())
        parent = parents[position]
        return (parent,) if parent >= 0 else ()


NO_LINKS = Links()


def links_of(placed: Sequence[Placed], order: Sequence[int], positions: Sequence[int]) -> Links:
    """Gather them."""
    made = Links(children=_children(placed, order, positions), tops=_tops(placed, order, positions))
    followers: dict[int, list[int]] = {}
    for position, index in enumerate(order):
        if placed[index].is_late:
            _add(made, position, placed[index], positions)
            for each in made.needs[position] | made.hopes.get(position, frozenset()):
                followers.setdefault(each, []).append(position)
    made.followers.update((each, tuple(found)) for each, found in followers.items())
    return made


def _add(links: Links, position: int, node: Placed, positions: Sequence[int]) -> None:
    after = tuple(sorted(positions[each] for each in node.after))
    needs, hopes = set(after), set[int]()
    if node.parent >= 0:
        needs.add(positions[node.parent])
    for source in _sources(node.task):
        (needs if source.default is EMPTY else hopes).add(positions[source.node.index])
    links.needs[position] = frozenset(needs)
    if hopes - needs:
        links.hopes[position] = frozenset(hopes - needs)
    if after:
        links.after[position] = after


def _children(placed: Sequence[Placed], order: Sequence[int], positions: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    found: list[list[int]] = [[] for _ in order]
    for position, index in enumerate(order):
        if placed[index].parent >= 0:
            found[positions[placed[index].parent]].append(position)
    return tuple(map(tuple, found))


def _tops(placed: Sequence[Placed], order: Sequence[int], positions: Sequence[int]) -> tuple[int, ...]:
    tops: list[int] = []
    for position, index in enumerate(order):
        parent = placed[index].parent
        tops.append(tops[positions[parent]] if parent >= 0 else position)
    return tuple(tops)


def _sources(task: Any) -> Iterator[NodeSource]:
    return (source for _, source in task.accesses if isinstance(source, NodeSource))
