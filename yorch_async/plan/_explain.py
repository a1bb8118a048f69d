"""A plan as lines, for people: the tree, and below it each join with what it is the parent of.

A tree that a node runs for each element stands below that node, behind a dashed line, before the node's children.

*Guarantees*: one line a node, of bounded length but for the arguments: very deep nodes say their level instead of being indented, and
of many nodes that one comes after only some are named; linear in the number of nodes, without recursion but for trees inside trees.
*Does not know*: colours, and other notations; those are views.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from .._adapter import words_of
from .._bind import Argument
from .._items import Each, ItemSource
from .._placed import Fanout
from .._reads import NodeSource
from .._slots import EMPTY
from .._specs import CtxSource, InputSource, OutputSource
from .._tasks import Kind, Task
from .._types import UNKNOWN, describe
from .._variants import is_lent_the_same, unconditional
from ._each import adapters_of, options_of, over_of, tree_of
from ._layout import Layout

__all__ = ["Called", "Shown", "drawn", "explain", "source_text", "task_text"]

_DEEPEST: Final = 30
_NAMED: Final = 4
"""How many nodes that a node comes after are named."""

Called: TypeAlias = Callable[[NodeSource], str]
"""What a node that is read by its handle is called."""


class Shown(Protocol):
    """A plan, as far as it is shown."""

    @property
    def name(self) -> str: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def tasks(self) -> Sequence[Task[Any]]: ...
    @property
    def fanouts(self) -> Sequence[Fanout]: ...
    @property
    def kept(self) -> Sequence[bool]: ...
    @property
    def slots(self) -> int: ...
    @property
    def inner(self) -> "Mapping[int, Shown]": ...
    @property
    def result(self) -> int: ...


def explain(plan: Shown) -> str:
    """The whole plan."""
    return "\n".join([f"plan '{plan.name}': {_count(len(plan.tasks), 'node')}, {_count(plan.slots, 'slot')}", *_lines(plan)])


def _lines(plan: Shown) -> Iterator[str]:
    layout, words = plan.layout, _Words(plan.layout)
    stems: list[str] = []  # for each level, what stands below a node of that level in front of its children
    for position, is_last in drawn(layout):
        level, after, keep = layout.levels[position], words.after(position), plan.kept[position]
        label, fanout = layout.labels[position], plan.fanouts[position]
        kept = ("keep" if plan.result < 0 else "result") * keep
        text = task_text(label, plan.tasks[position], fanout, kept=kept, after=after, called=words.source)
        if level == 0:
            stems.clear()
            yield text
        elif level > _DEEPEST:
            yield f"{''.join(stems[:_DEEPEST])}(level {level}) {text}"
        else:
            del stems[level - 1 :]
            yield "".join(stems) + ("└─ " if is_last else "├─ ") + text
            stems.append("   " if is_last else "│  ")
        if position in plan.inner:
            stem = "".join(stems[:_DEEPEST]) + ("│" if layout.children(position) else " ")
            yield from (f"{stem} ┊ {line}" for line in _lines(plan.inner[position]))


def drawn(layout: Layout) -> Iterator[tuple[int, bool]]:
    """The nodes in the order of their lines, and whether each is the last one of its siblings."""
    tops = [position for position, parent in enumerate(layout.parents) if parent < 0] if layout.links else [0]
    waiting = [(top, True) for top in reversed(tops)]
    while waiting:
        position, is_last = waiting.pop()
        yield position, is_last
        children = layout.children(position)
        waiting.extend((child, child == children[-1]) for child in reversed(children))


class _Words:
    """What nodes are called where others depend on them: their labels, or their paths where a label could mean several."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._counts = Counter(layout.labels) if layout.links else Counter[str]()

    def source(self, source: NodeSource) -> str:
        """The node that a source reads."""
        return self._node(self._layout.positions[source.node.index])

    def after(self, position: int) -> str:
        """The nodes that a node comes after."""
        found = self._layout.links.after.get(position, ())
        named = ", ".join(map(self._node, found[:_NAMED]))
        return f"{named} and {len(found) - _NAMED} more" if len(found) > _NAMED else named

    def _node(self, position: int) -> str:
        label = self._layout.labels[position]
        return label if self._counts[label] == 1 else self._layout.path(position)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _name_of(source: NodeSource) -> str:
    return source.node.name


def task_text(
    label: str, task: Task[Any], fanout: Fanout, *, kept: str = "", after: str = "", called: Called = _name_of
) -> str:
    """One node: name, sources, what it goes through, what it comes after, output, condition, adapters, options."""
    condition, each = task.condition, task.each
    parts = [f"{label}({_arguments(unconditional(task), called)})" if each is None else _each(label, task, each, called)]
    if after:
        parts.append(f"after {after}")
    if task.has_output is False:
        parts.append("-> nothing")
    elif task.output.type is not UNKNOWN:
        parts.append(f"-> {describe(task.output.type)}")
    options = [
        "" if condition is None else _when(task, condition, called),
        "" if task.kind is Kind.REGULAR else task.kind.value,
        "managed" * task.managed,
        "" if fanout is Fanout.AUTO else fanout.value,
        kept,
        *options_of(each),
        *map(words_of, adapters_of(task)),
    ]
    shown = ", ".join(option for option in options if option)
    return " ".join(parts) + (f" [{shown}]" if shown else "")


def _each(label: str, task: Task[Any], each: Each, called: Called) -> str:
    """What is run for each element, and where those come from."""
    what = f"tree '{tree_of(task)}'" if each.item is None else _arguments(each.item.asks, called)
    over = over_of(task)
    return f"{label}({what}) for each" + ("" if over is None else f" of {over}({_arguments(task.arguments, called)})")


def _when(task: Task[Any], condition: Task[Any], called: Called) -> str:
    """A condition: by its name where it looks at what the task is passed, and else with what it looks at."""
    return f"when {condition.name}" + (
        "" if is_lent_the_same(condition, task) else f"({_arguments(condition.asks, called)})"
    )


def _arguments(arguments: Sequence[Argument], called: Called) -> str:
    return ", ".join(f"{argument.name}={source_text(argument, called)}" for argument in arguments)


def source_text(argument: Argument, called: Called = _name_of) -> str:
    """A source, as a user would write it."""
    source = argument.source
    if isinstance(source, CtxSource):
        return f"from_ctx({describe(source.key)})"
    if isinstance(source, InputSource):
        return f"from_input({source.name})"
    if isinstance(source, NodeSource):
        default = "" if source.default is EMPTY else f", default={describe(type(source.default))}"
        return f"{source}({called(source)}{default})"
    if isinstance(source, OutputSource):
        return f"{source}({'' if source.type is UNKNOWN else describe(source.type)})"
    if isinstance(source, ItemSource):
        return f"item({'' if source.type is UNKNOWN else describe(source.type)})"
    return f"value({describe(type(source.value))})"
