"""What `compile_plan` refuses: every rule between nodes, asked of every node.

*Guarantees*: all problems of a tree are found, in the order of the nodes; nothing here depends on a run.
*Does not know*: any adapter; a task answers for itself.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from .._errors import Problem, problem
from .._specs import Access, InputSource, PrevSource
from .._tasks import Kind, Task
from .._tree import Fanout
from .._types import UNKNOWN, describe, satisfies
from ._layout import Layout

__all__ = ["Checker"]


class Checker:
    """The rules, over one tree. Each method answers with the problems that it finds."""

    def __init__(
        self,
        layout: Layout,
        tasks: Sequence[Task[Any]],
        fanouts: Sequence[Fanout],
        kept: Sequence[bool],
        names: Sequence[str | None],
    ) -> None:
        self._layout = layout
        self._tasks = tasks
        self._fanouts = fanouts
        self._names = names
        self._types: list[Any] = []
        self._kept_above: list[int] = []
        self._outputs: list[bool | None] = []
        for position, (task, parent) in enumerate(zip(tasks, layout.parents, strict=True)):
            forwards = task.kind is Kind.FORWARD and parent >= 0
            above = self._types[parent] if forwards else UNKNOWN
            self._types.append(task.output.type if above is UNKNOWN else above)
            self._kept_above.append(position if kept[position] else self._kept_above[parent] if forwards else -1)
            self._outputs.append(self._outputs[parent] if forwards else task.has_output)

    def problems(self) -> list[Problem]:
        """Everything that is wrong."""
        found: list[tuple[int, Problem]] = [*self._duplicate_names(), *self._input_types()]
        for position, task in enumerate(self._tasks):
            if task.prev:
                found.extend((position, each) for each in self._accesses(position, task))
        found.sort(key=lambda pair: pair[0])
        return [each for _, each in found]

    def _accesses(self, position: int, task: Task[Any]) -> Iterator[Problem]:
        path, parent = self._layout.path(position), self._layout.parents[position]
        if parent < 0:
            for name, access in task.prev:
                yield problem("root-access", path, name, what=str(access))
            return
        above = self._layout.labels[parent]
        if self._outputs[parent] is False:
            why = f" (it is declared to return {self._tasks[parent].output.words})"
            for name, access in task.prev:
                yield problem("no-parent-output", path, name, what=str(access), parent=above, why=why)
            return
        for name, access in task.prev:
            offered = self._types[parent]
            if not satisfies(offered, access.type):
                facts = {"wanted": describe(access.type), "offered": describe(offered)}
                yield problem("type-mismatch", path, name, what=str(access), parent=above, **facts)
            kept = self._kept_above[parent]
            if kept >= 0 and access.access.exclusive:
                yield problem("kept-changed", path, name, what=str(access), kept=self._layout.labels[kept])
        yield from self._fanout(position, path, parent, task.prev)

    def _fanout(
        self, position: int, path: str, parent: int, prev: Sequence[tuple[str, PrevSource[Any]]]
    ) -> Iterator[Problem]:
        above, policy = self._layout.labels[parent], self._fanouts[parent]
        for name, access in prev:
            what = {"what": str(access), "parent": above}
            if policy is Fanout.CONSUME_WITH_COPIES:
                if access.access is Access.CONSUME:
                    first = self._first_consumer(parent)
                    if first != position:
                        label = self._layout.labels[first]
                        yield problem("fanout-consumers", path, name, first=label, **what)
                elif access.access is not Access.COPY:
                    yield problem("fanout-copies", path, name, **what)
            elif not access.access.exclusive:
                continue
            elif policy is Fanout.SHARED_READONLY:
                yield problem("fanout-shared", path, name, **what)
            elif self._has_siblings(position, parent):
                yield problem("fanout-auto", path, name, count=len(self._layout.children(parent)), **what)

    def _has_siblings(self, position: int, parent: int) -> bool:
        return position != parent + 1 or self._layout.ends[position] != self._layout.ends[parent]

    def _first_consumer(self, parent: int) -> int:
        return next(
            child
            for child in self._layout.children(parent)
            if any(access.access is Access.CONSUME for _, access in self._tasks[child].prev)
        )

    def _duplicate_names(self) -> Iterator[tuple[int, Problem]]:
        seen: dict[str, int] = {}
        for position, name in enumerate(self._names):
            if name is not None and seen.setdefault(name, position) != position:
                first = self._layout.path(seen[name])
                yield position, problem("duplicate-name", self._layout.path(position), first=first)

    def _input_types(self) -> Iterator[tuple[int, Problem]]:
        seen: dict[str, tuple[int, Any]] = {}
        for position, task in enumerate(self._tasks):
            for argument in task.arguments:
                source = argument.source
                if not isinstance(source, InputSource) or source.type is UNKNOWN or source.name is None:
                    continue
                first, other = seen.setdefault(source.name, (position, source.type))
                if not (satisfies(source.type, other) or satisfies(other, source.type)):
                    facts = {"wanted": describe(source.type), "offered": describe(other)}
                    path, elsewhere = self._layout.path(position), f"'{self._layout.path(first)}'"
                    yield (
                        position,
                        problem("input-type", path, argument.name, what=source.name, first=elsewhere, **facts),
                    )
