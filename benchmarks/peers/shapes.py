"""The trees that every peer runs, and the straight-line code that each is compared with."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["CHAIN", "SHAPES", "Shape", "add_async", "add_sync", "hand_written"]


def add_sync(x: int) -> int:
    """Do what every node does: next to nothing, so that all the rest is overhead."""
    return x + 1


async def add_async(x: int) -> int:
    """Do the same where nodes are async; it never suspends."""
    return x + 1


@dataclass(frozen=True, slots=True)
class Shape:
    """A tree: for each node the index of its parent, which comes before it; the root has -1."""

    name: str
    parents: tuple[int, ...]

    def children(self) -> list[list[int]]:
        """For each node, the indices of those below it."""
        below: list[list[int]] = [[] for _ in self.parents]
        for index, parent in enumerate(self.parents[1:], start=1):
            below[parent].append(index)
        return below

    def leaves(self) -> list[int]:
        """The nodes that have none below them."""
        return [index for index, below in enumerate(self.children()) if not below]

    def values(self) -> list[int]:
        """What each node gives, if the root is called with zero."""
        found: list[int] = []
        for parent in self.parents:
            found.append(found[parent] + 1 if found else 1)
        return found


def _random_parents(count: int, reach: int) -> tuple[int, ...]:
    chance = random.Random(1)  # noqa: S311 - the same tree in every environment is the point
    return (-1, *(chance.randrange(max(0, index - reach), index) for index in range(1, count)))


CHAIN = Shape("chain of 32", tuple(range(-1, 31)))
SHAPES = (
    CHAIN,
    Shape("1,000 siblings", (-1, *[0] * 1_000)),
    Shape("random tree of 10,000", _random_parents(10_000, reach=50)),
)


def hand_written(shape: Shape, add: Callable[[int], Any], *, is_async: bool) -> Callable[[], Any]:
    """One function that calls `add` line by line and returns what the leaves gave."""
    call = "await add" if is_async else "add"
    lines = [f"    v{index} = {call}({f'v{parent}' if index else 0})" for index, parent in enumerate(shape.parents)]
    head = "async def run():" if is_async else "def run():"
    leaves = ", ".join(f"v{index}" for index in shape.leaves())
    names: dict[str, Any] = {"add": add}
    exec("\n".join([head, *lines, f"    return [{leaves}]"]), names)  # noqa: S102 - our own text, from numbers alone
    run: Callable[[], Any] = names["run"]
    return run
