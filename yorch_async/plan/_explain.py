"""A plan as a tree of lines, for people.

*Guarantees*: one line a node, of bounded length: very deep nodes say their level instead of being indented.
*Does not know*: colours, and other notations; those are views.
"""

from collections.abc import Sequence
from typing import Any

from .._adapter import words_of
from .._bind import Argument
from .._items import ItemSource
from .._placed import Fanout
from .._specs import CtxSource, InputSource, OutputSource
from .._tasks import Kind, Task
from .._types import UNKNOWN, describe
from ._layout import Layout

__all__ = ["explain", "source_text", "task_text"]

_DEEPEST = 30


def explain(
    name: str,
    tasks: Sequence[Task[Any]],
    layout: Layout,
    fanouts: Sequence[Fanout],
    kept: Sequence[bool],
    slots: int,
) -> str:
    """The whole plan."""
    lines = [f"plan '{name}': {_count(len(tasks), 'node')}, {_count(slots, 'slot')}"]
    stems: list[str] = []  # for each level, what stands below a node of that level in front of its children
    for position, task in enumerate(tasks):
        level, parent = layout.levels[position], layout.parents[position]
        text = task_text(layout.labels[position], task, fanouts[position], keep=kept[position])
        if level == 0:
            lines.append(text)
        elif level > _DEEPEST:
            lines.append(f"{''.join(stems[:_DEEPEST])}(level {level}) {text}")
        else:
            is_last = layout.ends[position] == layout.ends[parent]
            del stems[level - 1 :]
            lines.append("".join(stems) + ("└─ " if is_last else "├─ ") + text)
            stems.append("   " if is_last else "│  ")
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def task_text(label: str, task: Task[Any], fanout: Fanout, *, keep: bool) -> str:
    """One node: name, sources, output, adapters, options."""
    arguments = ", ".join(f"{a.name}={source_text(a)}" for a in task.asks)
    parts = [f"{label}({arguments})"]
    if task.has_output is False:
        parts.append("-> nothing")
    elif task.output.type is not UNKNOWN:
        parts.append(f"-> {describe(task.output.type)}")
    options = [
        "" if task.kind is Kind.REGULAR else task.kind.value,
        "managed" * task.managed,
        "" if fanout is Fanout.AUTO else fanout.value,
        "keep" * keep,
        *map(words_of, task.adapters),
    ]
    shown = ", ".join(option for option in options if option)
    return " ".join(parts) + (f" [{shown}]" if shown else "")


def source_text(argument: Argument) -> str:
    """A source, as a user would write it."""
    source = argument.source
    if isinstance(source, CtxSource):
        return f"from_ctx({describe(source.key)})"
    if isinstance(source, InputSource):
        return f"from_input({source.name})"
    if isinstance(source, OutputSource):
        return f"{source}({'' if source.type is UNKNOWN else describe(source.type)})"
    if isinstance(source, ItemSource):
        return f"item({'' if source.type is UNKNOWN else describe(source.type)})"
    return f"value({describe(type(source.value))})"
