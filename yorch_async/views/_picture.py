"""What every picture of a plan shows, before it is written in a notation.

*Guarantees*: words stand on one line and hold printable characters only; the same plan gives the same words, in the same order;
linear in the number of nodes.
*Does not know*: any notation, and what has to be escaped in it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from .._accesses import accesses_of
from .._adapter import Adapter, words_of
from .._bind import Argument
from .._items import ItemSource
from .._placed import Fanout
from .._slots import EMPTY
from .._specs import Access, CtxSource, InputSource, OutputSource
from .._tasks import Task
from .._tree import TaskTree
from .._types import UNKNOWN, describe, visible
from .._variants import is_lent_the_same, unconditional
from ..plan import Plan, PlanNode, adapters_of, compile_plan, options_of, over_of, tree_of

__all__ = ["Edge", "adapter_words", "edges_of", "lines_of", "plan_of", "public", "title_of", "type_words"]

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
    """From a node to a later one that depends on it."""

    source: int
    target: int
    words: str | None
    """By which parameter and access it reads the output; where it does not, "after", or None for a child."""
    access: Access | None = None
    is_optional: bool = False
    """Whether there is a default for the case that the node has not succeeded."""

    @property
    def is_exclusive(self) -> bool:
        """Whether nobody else may look at the output at the same time."""
        return self.access is not None and self.access.exclusive


def edges_of(plan: Plan) -> Iterator[Edge]:
    """Every access of a node to another one's output, and every node that it comes after without reading it."""
    return (edge for node in plan.nodes for edge in _edges(node))


def _edges(node: PlanNode) -> Iterator[Edge]:
    reads = list(zip(node.reads, accesses_of(_arguments(node.task)), strict=False))
    seen = {source for source, (_, access) in reads if access.default is EMPTY}
    if node.parent is not None and node.parent not in seen:
        seen.add(node.parent)
        yield Edge(node.parent, node.index, None)
    yield from (Edge(source, node.index, "after") for source in node.after if source not in seen)
    for source, (parameter, access) in reads:
        words, is_optional = f"{visible(parameter)}: {access}", access.default is not EMPTY
        words += f", default={type_words(type(access.default))}" if is_optional else ""
        yield Edge(source, node.index, words, access.access, is_optional)


def _arguments(task: Task[Any]) -> tuple[Argument, ...]:
    """What a node asks for, with that of its condition only where it looks at something else than the node is passed."""
    is_same = task.condition is not None and is_lent_the_same(task.condition, task)
    return unconditional(task) if is_same else task.asks


def lines_of(node: PlanNode) -> list[str]:
    """What stands in a node: its name, what it goes through, arguments from outside of the tree, output, condition, options."""
    task, each, over = node.task, node.task.each, over_of(node.task)
    lines = [visible(node.label)]
    if each is not None:
        lines.append("for each" if over is None else f"for each of {visible(over)}")
    lines += [f"{visible(a.name)} = {words}" for a in _asks(task) if (words := _outside(a)) is not None]
    if task.has_output and (words := type_words(task.output.type)) is not None:
        lines.append(f"→ {words}")
    options = [
        *([] if task.condition is None else [f"when {visible(task.condition.name)}"]),
        *["managed"] * task.managed,
        *[node.fanout.value] * (node.fanout is not Fanout.AUTO),
        *["keep" if node.plan.result < 0 else "result"] * node.keep,
        *map(visible, options_of(each)),
        *map(adapter_words, adapters_of(task)),
    ]
    return [*lines, ", ".join(options)] if options else lines


def title_of(node: PlanNode) -> str:
    """What stands above the tree that a node runs for each element."""
    return f"for each element: {visible(tree_of(node.task))}"


def _asks(task: Task[Any]) -> tuple[Argument, ...]:
    """What a node asks for, and what it runs for each element asks for."""
    if task.each is None or task.each.item is None:
        return _arguments(task)
    of_element: tuple[Argument, ...] = task.each.item.asks
    return task.arguments + of_element + _arguments(task)[len(unconditional(task)) :]


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
    if isinstance(source, ItemSource):
        return f"item({type_words(source.type) or ''})"
    return f"value({type_words(type(source.value))})"
