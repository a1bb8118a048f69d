r"""A plan in the language of Graphviz.

*Guarantees*: every text is shown as it is; Graphviz would otherwise read `\N` and `&lt;` in it as something else.
*Does not know*: layout and file formats; `dot -Tsvg` does.
"""

from collections.abc import Iterator

from .._tree import TaskTree
from .._types import visible
from ..plan import Plan
from ._charts import chart
from ._picture import Edge, plan_of, public

__all__ = ["to_dot"]


@public
def to_dot(plan: Plan | TaskTree) -> str:
    r"""Write a plan as a Graphviz digraph. An edge says which parameter reads the output, and how.

    A dashed one reads nothing, and says `after` where that puts its node there; a thick one changes the output or takes it; one that
    ends in a ring has a default. A tree that a node runs for each element is a cluster, to which a dotted edge leads.

    >>> from yorch_async import TaskTree, borrow_prev, value
    >>> from yorch_async.views import to_dot
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> halved = seven.child(lambda x: x / 2, borrow_prev(int), name="halved")
    >>> print(to_dot(tree))
    digraph {
      label="numbers"; labelloc=t; rankdir=TB
      node [shape=box, style=rounded]
      n0 [label="seven\n#1 = value(str)\n→ int"]
      n1 [label="halved"]
      n0 -> n1 [label="x: borrow_prev"]
    }
    """
    plan = plan_of(plan)
    lines = [
        "digraph {",
        f"  label={_quoted([visible(plan.name)])}; labelloc=t; rankdir=TB",
        "  node [shape=box, style=rounded]",
    ]
    return "\n".join([*lines, *chart(plan, _Dot()), "}"])


class _Dot:
    """The language of Graphviz."""

    def node(self, name: str, words: list[str]) -> str:
        return f"{name} [label={_quoted(words)}]"

    def part(self, name: str, title: str) -> tuple[str, str]:
        return f"subgraph cluster_{name} {{ label={_quoted([title])}; style=dashed", "}"

    def each(self, name: str, first: str) -> str:
        return f'{name} -> {first} [label="each" style=dotted]'

    def edge(self, source: str, target: str, edge: Edge) -> str:
        return f"{source} -> {target} [{' '.join(_attributes(edge))}]"


def _attributes(edge: Edge) -> Iterator[str]:
    if edge.words is not None:
        yield f"label={_quoted([edge.words])}"
    if edge.access is None:
        yield "style=dashed"
    elif edge.is_exclusive:
        yield "style=bold"
    if edge.is_optional:
        yield "arrowhead=odot"


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "&": "&amp;"})


def _quoted(lines: list[str]) -> str:
    return '"' + "\\n".join(line.translate(_ESCAPES) for line in lines) + '"'
