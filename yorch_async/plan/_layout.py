"""The shape of a tree as flat tuples, in the order in which a serial run visits it.

*Guarantees*: position 0 is the root; a node's subtree is the range from its position to its end, so skipping it is a jump; linear
in the number of nodes, at any depth, without recursion.
*Does not know*: tasks, outputs, rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .._tree import Placed

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
    """The position after the last node of the subtree."""
    levels: tuple[int, ...]
    labels: tuple[str, ...]
    """What the node is called in paths: unique among its siblings."""

    def children(self, position: int) -> list[int]:
        """The positions of the direct children, in order."""
        found: list[int] = []
        child, end = position + 1, self.ends[position]
        while child < end:
            found.append(child)
            child = self.ends[child]
        return found

    def path(self, position: int) -> str:
        """The names from the root down to a node."""
        return path_at(self.parents, self.levels, self.labels, position)


def path_at(parents: Sequence[int], levels: Sequence[int], labels: Sequence[str], position: int) -> str:
    """The names from the root down to a node, leaving out the middle of a very long line."""
    level = levels[position]
    names: list[str] = []
    while position >= 0 and len(names) <= _SHOWN:
        names.append(labels[position])
        position = parents[position]
    if position >= 0:
        names[-1:] = [f"(... {level - _SHOWN} more ...)", labels[0]]
    return "/".join(reversed(names))


def lay_out(placed: Sequence[Placed]) -> Layout:
    """Put registered nodes, which may come in any order of handles, into the order of a serial run."""
    children: list[list[int]] = [[] for _ in placed]
    for index, node in enumerate(placed):
        if node.parent >= 0:
            children[node.parent].append(index)
    order: list[int] = []
    waiting = [0]
    while waiting:
        index = waiting.pop()
        order.append(index)
        waiting.extend(reversed(children[index]))
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
        _labels(placed, order, children),
    )


def _ends(parents: tuple[int, ...]) -> tuple[int, ...]:
    ends = list(range(1, len(parents) + 1))
    for position in range(len(parents) - 1, 0, -1):
        parent = parents[position]
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
