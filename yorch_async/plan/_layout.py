"""The shape of a tree as flat tuples, in the order in which a serial run visits it.

That order is depth first, children in the order of registration. A *late* node, one that depends on more than its parent, comes as
soon as all that was registered before it has come.

*Guarantees*: position 0 is the root; a node comes after all that it depends on; where no node is late, a node's subtree is the range
from its position to its end, so skipping it is a jump; linear in the number of nodes, at any depth, without recursion.
*Does not know*: outputs, rules.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .._placed import Placed
from .._reads import NodeSource
from .._specs import OutputSource
from ._links import NO_LINKS, Links, links_of

__all__ = ["Layout", "lay_out", "path_at"]

_SHOWN = 24
"""How many levels a path shows at its end. Deeper trees would otherwise spend most of their time and memory on paths."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One entry a node, by position: depth first, children in the order of registration."""

    registered: tuple[int, ...]
    """Position -> index of registration."""
    positions: tuple[int, ...]
    """Index of registration -> position."""
    parents: tuple[int, ...]
    """The parent's position; -1 at the root."""
    ends: tuple[int, ...]
    """The position after the last node of the subtree. Where nodes are late, others may stand between."""
    levels: tuple[int, ...]
    labels: tuple[str, ...]
    """What the node is called in paths: unique among its siblings."""
    links: Links = NO_LINKS
    """What late nodes depend on."""

    def children(self, position: int) -> Sequence[int]:
        """The positions of the direct children, in order."""
        if self.links:
            return self.links.children[position]
        found: list[int] = []
        child, end = position + 1, self.ends[position]
        while child < end:
            found.append(child)
            child = self.ends[child]
        return found

    def read(self, position: int, source: OutputSource) -> int:
        """The node whose output a source of a node reads; -1: the parent of a node that has none."""
        return self.positions[source.node.index] if isinstance(source, NodeSource) else self.parents[position]

    def is_leaf(self, position: int) -> bool:
        """Whether nothing comes after a node because of it."""
        return self.ends[position] == position + 1 and position not in self.links.followers

    def depends(self, position: int, other: int) -> bool:
        """Whether a node cannot run without another one, or is it."""
        if not self.links:
            return other <= position < self.ends[other]
        return position == other or position in self.cut_off(other)

    def cut_off(self, position: int, known: Container[int] = ()) -> Sequence[int]:
        """The nodes that can never run when this one does not succeed, in order, without those of which that is known.

        Of a known one everything that depends on it has to be known as well.
        """
        if not self.links:
            return range(position + 1, self.ends[position])
        needs, found, waiting = self.links.needs, {position}, [position]
        while waiting:
            over = waiting.pop()
            late = (each for each in self.links.followers.get(over, ()) if over in needs[each])
            for each in (*self.children(over), *late):
                if each not in found and each not in known:
                    found.add(each)
                    waiting.append(each)
        return sorted(found - {position})

    def path(self, position: int) -> str:
        """The names from the root, or from the join that it is below, down to a node."""
        top = self.links.tops[position] if self.links else 0
        return path_at(self.parents, self.levels, self.labels, position, top)


def path_at(parents: Sequence[int], levels: Sequence[int], labels: Sequence[str], position: int, top: int = 0) -> str:
    """The names from the root, or the join at `top`, down to a node, leaving out the middle of a very long line."""
    level = levels[position]
    names: list[str] = []
    while position >= 0 and len(names) <= _SHOWN:
        names.append(labels[position])
        position = parents[position]
    if position >= 0:
        names[-1:] = [f"(... {level - _SHOWN} more ...)", labels[top]]
    return "/".join(reversed(names))


def lay_out(placed: Sequence[Placed]) -> Layout:
    """Put registered nodes, which may come in any order of handles, into the order of a serial run."""
    children: list[list[int]] = [[] for _ in placed]
    tops: list[int] = []
    late = [node.is_late for node in placed]
    for index, node in enumerate(placed):
        (children[node.parent] if node.parent >= 0 else tops).append(index)
    order = list(_walk(children, late) if any(late) else _descend([0], children))
    positions = [0] * len(placed)
    for position, index in enumerate(order):
        positions[index] = position
    parents = tuple(positions[placed[i].parent] if placed[i].parent >= 0 else -1 for i in order)
    return Layout(
        tuple(order),
        tuple(positions),
        parents,
        _ends(parents),
        tuple(placed[i].level for i in order),
        _labels(placed, order, [tops, *children]),
        links_of(placed, order, positions) if any(late) else NO_LINKS,
    )


def _descend(waiting: list[int], children: Sequence[Sequence[int]]) -> Iterator[int]:
    """Depth first."""
    while waiting:
        index = waiting.pop()
        yield index
        waiting.extend(reversed(children[index]))


def _walk(children: Sequence[Sequence[int]], late: Sequence[bool]) -> Iterable[int]:
    """The same, but a late node comes when all that was registered before it has."""
    size = len(late)
    done, waiting, lowest = [False] * size, [0], 0
    while lowest < size:
        if done[lowest]:
            lowest += 1
            continue
        index = lowest if late[lowest] else waiting.pop()
        done[index] = True
        yield index
        waiting.extend(child for child in reversed(children[index]) if not late[child])


def _ends(parents: tuple[int, ...]) -> tuple[int, ...]:
    ends = list(range(1, len(parents) + 1))
    for position in range(len(parents) - 1, 0, -1):
        parent = parents[position]
        if parent >= 0:
            ends[parent] = max(ends[parent], ends[position])
    return tuple(ends)


def _labels(placed: Sequence[Placed], order: Sequence[int], children: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Names made unique among siblings: `load`, `load[2]`, `load[3]`; a chosen name stays as it is."""
    labels = [node.name or node.task.name for node in placed]
    for siblings in children:
        if len(siblings) > 1:
            used = {placed[i].name for i in siblings}
            counts: dict[str, int] = {}
            for index in siblings:
                if placed[index].name is None:
                    name, count = labels[index], counts.get(labels[index], 1)
                    while labels[index] in used:
                        count += 1
                        labels[index] = f"{name}[{count}]"
                    used.add(labels[index])
                    counts[name] = count
    return tuple(labels[i] for i in order)
