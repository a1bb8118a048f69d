"""A plan as a Mermaid flowchart, which GitHub, GitLab and many editors draw inside Markdown.

Mermaid reads a label several times: for directives and styles before it is parsed, then as Markdown, then for entities and icons. What
any of these could take for its own is written as an entity, so that it is text for all of them.

*Guarantees*: every text is shown as it is.
*Does not know*: how large a chart a renderer accepts; that is a setting of its own (`maxEdges`, `maxTextSize`).
"""

import re
from collections.abc import Iterator

from .._tree import TaskTree
from ..plan import Plan
from ._picture import Edge, edges_of, lines_of, plan_of, public, title_of

__all__ = ["to_mermaid"]


@public
def to_mermaid(plan: Plan | TaskTree) -> str:
    """Write a plan as a Mermaid flowchart. An edge says which parameter reads the output, and how.

    A dotted one reads nothing, and says `after` where that puts its node there; a thick one changes the output or takes it; one that
    ends in a circle has a default. A tree that a node runs for each element is a subgraph, to which a dotted edge leads.

    >>> from yorch_async import TaskTree, borrow_prev, value
    >>> from yorch_async.views import to_mermaid
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> halved = seven.child(lambda x: x / 2, borrow_prev(int), name="halved")
    >>> print(to_mermaid(tree))
    flowchart TD
      n0["seven<br>#35;1 = value(str)<br>→ int"]
      n1["halved"]
      n0 -->|"x: borrow_prev"| n1
    """
    return "\n".join(["flowchart TD", *_lines(plan_of(plan), "n", "  ")])


def _lines(plan: Plan, prefix: str, indent: str) -> Iterator[str]:
    """The nodes, then the edges. What is run for each element is a part of its own, with names that begin as that of its node."""
    for node in plan.nodes:
        name = f"{prefix}{node.index}"
        yield f"{indent}{name}[{_quoted(lines_of(node))}]"
        if node.index in plan.inner:
            yield f"{indent}subgraph {name}_each [{_quoted([title_of(node)])}]"
            yield from _lines(plan.inner[node.index], f"{name}_", f"{indent}  ")
            yield f"{indent}end"
            yield f"{indent}{name} -.->|{_quoted(['each'])}| {name}_0"
    for edge in edges_of(plan):
        words = "" if edge.words is None else f"|{_quoted([edge.words])}|"
        yield f"{indent}{prefix}{edge.source} {_arrow(edge)}{words} {prefix}{edge.target}"


def _arrow(edge: Edge) -> str:
    if edge.access is None:
        return "-.->"
    return ("==" if edge.is_exclusive else "--") + ("o" if edge.is_optional else ">")


# What is left as it is: letters and digits of all scripts, single spaces, and what cannot be Markdown where it stands - an
# underscore, a point, a dash or a parenthesis inside of a word, a colon, a comma or an equals sign before a space, our own arrow.
_SAFE = r"(?<=\w)_(?=\w)|(?<=\w)(?<!www)\.(?=\w)|(?<=\w)[-(](?=\w)|(?<=[A-Za-z_])\)|[:,](?= )|(?<= )=(?= )|→(?= )"
_ESCAPED = re.compile(_SAFE + r"|(?P<unsafe>[^\w ]|_|^\d|^ | $| (?= ))")


def _quoted(lines: list[str]) -> str:
    return '"' + "<br>".join(map(_escaped, lines)) + '"'


def _escaped(line: str) -> str:
    return _ESCAPED.sub(lambda found: f"#{ord(found[0])};" if found["unsafe"] else found[0], line)
