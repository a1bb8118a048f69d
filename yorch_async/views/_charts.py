"""A plan as lines of a chart: first its nodes, then its edges, in whatever notation.

*Guarantees*: what a node runs for each element is a part of its own behind that node, with names that begin as the node's.
*Does not know*: how anything is written.
"""

from collections.abc import Iterator
from typing import Protocol

from ..plan import Plan
from ._picture import Edge, edges_of, lines_of, title_of

__all__ = ["Notation", "chart"]


class Notation(Protocol):
    """How the lines of a chart are written."""

    def node(self, name: str, words: list[str]) -> str:
        """A node, with these lines in it."""
        ...

    def part(self, name: str, title: str) -> tuple[str, str]:
        """Where the part for each element of a node begins, and where it ends."""
        ...

    def each(self, name: str, first: str) -> str:
        """An edge from a node to the first one of its part."""
        ...

    def edge(self, source: str, target: str, edge: Edge) -> str:
        """An edge of the plan."""
        ...


def chart(plan: Plan, notation: Notation, prefix: str = "n", indent: str = "  ") -> Iterator[str]:
    """All of it."""
    for node in plan.nodes:
        name = f"{prefix}{node.index}"
        yield f"{indent}{notation.node(name, lines_of(node))}"
        if node.index in plan.inner:
            begin, end = notation.part(name, title_of(node))
            yield f"{indent}{begin}"
            yield from chart(plan.inner[node.index], notation, f"{name}_", f"{indent}  ")
            yield f"{indent}{end}"
            yield f"{indent}{notation.each(name, f'{name}_0')}"
    for edge in edges_of(plan):
        yield f"{indent}{notation.edge(f'{prefix}{edge.source}', f'{prefix}{edge.target}', edge)}"
