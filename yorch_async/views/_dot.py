r"""A plan in the language of Graphviz.

*Guarantees*: every text is shown as it is; Graphviz would otherwise read `\N` and `&lt;` in it as something else.
*Does not know*: layout and file formats; `dot -Tsvg` does.
"""

from collections.abc import Iterator

from .._tree import TaskTree
from .._types import visible
from ..plan import Plan
from ._picture import Edge, edges_of, lines_of, plan_of, public, title_of

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
    return "\n".join([*lines, *_lines(plan, "n", "  "), "}"])


def _lines(plan: Plan, prefix: str, indent: str) -> Iterator[str]:
    """The nodes, then the edges. What is run for each element is a part of its own, with names that begin as that of its node."""
    for node in plan.nodes:
        name = f"{prefix}{node.index}"
        yield f"{indent}{name} [label={_quoted(lines_of(node))}]"
        if node.index in plan.inner:
            yield f"{indent}subgraph cluster_{name} {{"
            yield f"{indent}  label={_quoted([title_of(node)])}; style=dashed"
            yield from _lines(plan.inner[node.index], f"{name}_", f"{indent}  ")
            yield f"{indent}}}"
            yield f'{indent}{name} -> {name}_0 [label="each" style=dotted]'
    for edge in edges_of(plan):
        yield f"{indent}{prefix}{edge.source} -> {prefix}{edge.target} [{' '.join(_attributes(edge))}]"


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
