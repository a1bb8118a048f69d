"""What every picture of a plan shows, before it is written in a notation.

*Guarantees*: words stand on one line and hold printable characters only; the same plan gives the same words, in the same order;
linear in the number of nodes.
*Does not know*: any notation, and what has to be escaped in it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from .._adapter import Adapter, words_of
from .._bind import Argument
from .._placed import Fanout
from .._specs import CtxSource, InputSource, OutputSource
from .._tree import TaskTree
from .._types import UNKNOWN, describe, visible
from ..plan import Plan, PlanNode, compile_plan

__all__ = ["Edge", "adapter_words", "edges_of", "lines_of", "plan_of", "public", "type_words"]

P = ParamSpec("P")
R = TypeVar("R")

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function as part of the `yorch_async.views` door."""
    function.__module__ = "yorch_async.views"
    return function


def plan_of(plan: Plan | TaskTree) -> Plan:
    """The plan itself, or the plan of a tree."""
    if isinstance(plan, TaskTree):
        return compile_plan(plan)
    if not isinstance(plan, Plan):
        raise TypeError(f"only a Plan or a TaskTree can be shown, not {plan!r}")
    return plan


def type_words(hint: Any) -> str | None:
    """A type in words that are the same in every process, or None where it is not known."""
    return None if hint is UNKNOWN or hint is Any else visible(_ADDRESS.sub("", describe(hint)))


@dataclass(frozen=True, slots=True)
class Edge:
    """From a node to a later one. `reads` says by which parameter and access; None: it only comes after."""

    source: int
    target: int
    reads: str | None


def edges_of(plan: Plan) -> Iterator[Edge]:
    """Every access of a node to another one's output, and every child that reads nothing of its parent."""
    for node in plan.nodes:
        parent = node.parent
        if parent is not None and parent not in node.reads:
            yield Edge(parent, node.index, None)
        for source, (parameter, access) in zip(node.reads, node.task.accesses, strict=True):
            yield Edge(source, node.index, f"{visible(parameter)}: {access}")


def lines_of(node: PlanNode) -> list[str]:
    """What stands in a node: its name, its arguments from outside of the tree, its output, its options."""
    task = node.task
    lines = [visible(node.label)]
    lines += [f"{visible(a.name)} = {words}" for a in task.asks if (words := _outside(a)) is not None]
    if task.has_output and (words := type_words(task.output.type)) is not None:
        lines.append(f"→ {words}")
    options = [
        *["managed"] * task.managed,
        *[node.fanout.value] * (node.fanout is not Fanout.AUTO),
        *["keep"] * node.keep,
        *map(adapter_words, task.adapters),
    ]
    return [*lines, ", ".join(options)] if options else lines


def adapter_words(adapter: Adapter) -> str:
    """What an adapter is called."""
    return visible(words_of(adapter))


def _outside(argument: Argument) -> str | None:
    """Where an argument comes from, as a user would write it; None: from another node."""
    source = argument.source
    if isinstance(source, OutputSource):
        return None
    if isinstance(source, CtxSource):
        return f"from_ctx({type_words(source.key) or ''})"
    if isinstance(source, InputSource):
        return f"from_input({visible(str(source.name))})"
    return f"value({type_words(type(source.value))})"
