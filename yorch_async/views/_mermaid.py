"""A plan as a Mermaid flowchart, which GitHub, GitLab and many editors draw inside Markdown.

Mermaid reads a label several times: for directives and styles before it is parsed, then as Markdown, then for entities and icons. What
any of these could take for its own is written as an entity, so that it is text for all of them.

*Guarantees*: every text is shown as it is.
*Does not know*: how large a chart a renderer accepts; that is a setting of its own (`maxEdges`, `maxTextSize`).
"""

import re

from .._tree import TaskTree
from ..plan import Plan
from ._charts import chart
from ._picture import Edge, plan_of, public

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
    return "\n".join(["flowchart TD", *chart(plan_of(plan), _Mermaid())])


class _Mermaid:
    """The language of Mermaid."""

    def node(self, name: str, words: list[str]) -> str:
        return f"{name}[{_quoted(words)}]"

    def part(self, name: str, title: str) -> tuple[str, str]:
        return f"subgraph {name}_each [{_quoted([title])}]", "end"

    def each(self, name: str, first: str) -> str:
        return f"{name} -.->|{_quoted(['each'])}| {first}"

    def edge(self, source: str, target: str, edge: Edge) -> str:
        words = "" if edge.words is None else f"|{_quoted([edge.words])}|"
        return f"{source} {_arrow(edge)}{words} {target}"


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
