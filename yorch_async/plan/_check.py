"""What `compile_plan` refuses: every rule between nodes, asked of every node.

*Guarantees*: all problems of a tree are found, in the order of the nodes; nothing here depends on a run.
*Does not know*: any adapter; a task answers for itself.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._errors import Problem, problem
from .._items import Each, ItemSource
from .._placed import Fanout
from .._reads import NodeSource
from .._signature import name_of
from .._slots import EMPTY
from .._specs import Access, InputSource, OutputSource, PrevSource
from .._tasks import Kind, Task
from .._types import UNKNOWN, describe, element_of, has_elements, satisfies
from ._layout import Layout
from ._ownership import Ownership

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
        *,
        is_inner: bool = False,
    ) -> None:
        self._layout = layout
        self._tasks = tasks
        self._fanouts = fanouts
        self._names = names
        self._is_inner = is_inner
        """Whether the tree is run for each element of something."""
        self._families: dict[int, tuple[int, int]] = {}
        self._makers: list[int] = []
        """The node that a node's output comes from: what a forwarding node lacks, the one that it forwards lacks."""
        self._types: list[Any] = []
        self._kept_above: list[int] = []
        self._kept: dict[int, int] = {}
        """By the node that made it, the first node that keeps an object."""
        self._outputs: list[bool | None] = []
        for position, (task, parent) in enumerate(zip(tasks, layout.parents, strict=True)):
            forwards = task.kind is Kind.FORWARD and parent >= 0
            above = self._types[parent] if forwards else UNKNOWN
            self._types.append(task.output.type if above is UNKNOWN else above)
            self._kept_above.append(position if kept[position] else self._kept_above[parent] if forwards else -1)
            self._makers.append(self._makers[parent] if forwards else position)
            if kept[position]:
                self._kept.setdefault(self._makers[position], position)
            self._outputs.append(self._outputs[parent] if forwards else task.has_output)

    def problems(self) -> list[Problem]:
        """Everything that is wrong."""
        found: list[tuple[int, Problem]] = [*self._duplicate_names(), *self._input_types(), *self._items()]
        for position, task in enumerate(self._tasks):
            if task.accesses:
                found.extend((position, each) for each in self._accesses(position, task))
        found.extend(Ownership(self._layout, self._tasks, self._fanouts, self._makers).problems())
        found.sort(key=lambda pair: pair[0])
        return [each for _, each in found]

    def _say(self, rule: str, position: int, parameter: str | None = None, **facts: object) -> Problem:
        return problem(rule, self._layout.path(position), parameter, **facts)

    def _accesses(self, position: int, task: Task[Any]) -> Iterator[Problem]:
        parent = self._layout.parents[position]
        is_fine = True
        for name, access in task.accesses:
            if isinstance(access, NodeSource):
                yield from self._access(position, name, access, self._layout.read(position, access), self._layout.path)
            elif parent < 0:
                yield self._say("root-access", position, name, access=access)
            else:
                is_fine = self._outputs[parent] is not False
                yield from self._access(position, name, access, parent, self._layout.labels.__getitem__)
        if parent >= 0 and is_fine:
            yield from self._fanout(position, parent)

    def _access(
        self, position: int, name: str, access: OutputSource, read: int, called: Callable[[int], str]
    ) -> Iterator[Problem]:
        """What is wrong with reading that node, whoever else does."""
        if self._outputs[read] is False:
            source = self._makers[read]
            facts = {"parent": called(source), "declared": self._tasks[source].output.words}
            yield self._say("no-parent-output", position, name, access=access, **facts)
            return
        offered, kept = self._types[read], self._kept_above[read]
        if kept < 0:  # by a node that comes before, and forwards the same object
            first = self._kept.get(self._makers[read], position)
            kept = first if first < position else -1
        if not satisfies(offered, access.type):
            facts = {"wanted": describe(access.type), "offered": describe(offered)}
            yield self._say("type-mismatch", position, name, access=access, parent=called(read), **facts)
        if access.default is not EMPTY and self._makers[read] != read:
            facts = {"parent": called(read), "maker": called(self._makers[read])}
            yield self._say("default-forwarded", position, name, access=access, **facts)
        if kept >= 0 and access.access.exclusive:
            yield self._say("kept-changed", position, name, access=access, kept=called(kept))

    def _fanout(self, position: int, parent: int) -> Iterator[Problem]:
        policy, task = self._fanouts[parent], self._tasks[position]
        is_asked = task.condition is not None and Access.CONSUME not in self._accesses_of(position)
        for name, access in task.accesses if is_asked else task.used:  # what it is going to take, its condition may look at
            is_free = policy is Fanout.ORDERED or (policy is not Fanout.CONSUME_WITH_COPIES and not access.access.exclusive)
            if is_free or isinstance(access, NodeSource):
                continue
            facts = {"access": access, "parent": self._layout.labels[parent]}
            if policy is Fanout.CONSUME_WITH_COPIES:
                if access.access is Access.CONSUME:
                    _, first = self._family(parent)
                    if first != position:
                        label = self._layout.labels[first]
                        yield self._say("fanout-consumers", position, name, first=label, **facts)
                elif access.access is not Access.COPY:
                    yield self._say("fanout-copies", position, name, **facts)
            elif policy is Fanout.SHARED_READONLY:
                yield self._say("fanout-shared", position, name, **facts)
            elif self._family(parent)[0] > 1:
                yield self._say("fanout-auto", position, name, count=self._family(parent)[0], **facts)

    def _family(self, parent: int) -> tuple[int, int]:
        """How many children a node has, and the first one that consumes its output (-1: none); looked up once per parent."""
        known = self._families.get(parent)
        if known is None:
            children = self._layout.children(parent)
            consumers = (child for child in children if Access.CONSUME in self._accesses_of(child))
            known = self._families[parent] = len(children), next(consumers, -1)
        return known

    def _accesses_of(self, position: int) -> list[Access]:
        return [access.access for _, access in self._tasks[position].used if isinstance(access, PrevSource)]

    def _duplicate_names(self) -> Iterator[tuple[int, Problem]]:
        seen: dict[str, int] = {}
        for position, name in enumerate(self._names):
            if name is not None and seen.setdefault(name, position) != position:
                first = self._layout.path(seen[name])
                yield position, self._say("duplicate-name", position, name=name, first=first)

    def _items(self) -> Iterator[tuple[int, Problem]]:
        """Elements, where there are none."""
        others: set[int] = set()
        """The tasks that have been found to have nothing to do with elements."""
        for position, task in enumerate(self._tasks):
            if id(task) in others:
                continue
            takes = [] if self._is_inner else [each for each in task.asks if isinstance(each.source, ItemSource)]
            for argument in takes:
                yield position, self._say("item-outside", position, argument.name)
            if task.each is None and not takes:
                others.add(id(task))
            parent = self._layout.parents[position]
            if task.each is not None and not task.each.is_made and not has_elements(self._types[parent]):
                facts = {"parent": self._layout.labels[parent], "offered": describe(self._types[parent])}
                yield position, self._say("each-elements", position, **facts)
            elif task.each is not None:
                yield from ((position, each) for each in self._elements(position, task, task.each))

    def _elements(self, position: int, task: Task[Any], each: Each) -> Iterator[Problem]:
        """Elements of another class than what is run for each of them asks for."""
        parent = self._layout.parents[position]
        offered = element_of(task.signature.returns if each.is_made else self._types[parent])
        source = name_of(task.fn) if each.is_made else self._layout.labels[parent]
        for name, wanted in each.takes:
            if not satisfies(offered, wanted):
                facts = {"wanted": describe(wanted), "offered": describe(offered), "source": source}
                yield self._say("each-type", position, name, **facts)

    def _input_types(self) -> Iterator[tuple[int, Problem]]:
        seen: dict[str, tuple[int, Any]] = {}
        for position, task in enumerate(self._tasks):
            for argument in task.asks:
                source = argument.source
                if not isinstance(source, InputSource) or source.type is UNKNOWN or source.name is None:
                    continue
                first, other = seen.setdefault(source.name, (position, source.type))
                if not (satisfies(source.type, other) or satisfies(other, source.type)):
                    facts = {"wanted": describe(source.type), "offered": describe(other)}
                    elsewhere = self._layout.path(first)
                    facts |= {"input": source.name, "first": elsewhere}
                    yield position, self._say("input-type", position, argument.name, **facts)
