r"""A plan in the language of Graphviz.

*Guarantees*: every text is shown as it is; Graphviz would otherwise read `\N` and `&lt;` in it as something else.
*Does not know*: layout and file formats; `dot -Tsvg` does.
"""

from .._tree import TaskTree
from .._types import visible
from ..plan import Plan
from ._picture import edges_of, lines_of, plan_of, public

__all__ = ["to_dot"]


@public
def to_dot(plan: Plan | TaskTree) -> str:
    r"""Write a plan as a Graphviz digraph. An edge says which parameter reads the output, and how; a dashed one reads nothing.

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
    lines += [f"  n{node.index} [label={_quoted(lines_of(node))}]" for node in plan.nodes]
    for edge in edges_of(plan):
        style = "style=dashed" if edge.reads is None else f"label={_quoted([edge.reads])}"
        lines.append(f"  n{edge.source} -> n{edge.target} [{style}]")
    return "\n".join([*lines, "}"])


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "&": "&amp;"})


def _quoted(lines: list[str]) -> str:
    return '"' + "\\n".join(line.translate(_ESCAPES) for line in lines) + '"'
