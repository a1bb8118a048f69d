"""One generated function: the text of up to `PART` nodes, and what tells where in it something left the success path.

*Guarantees*: linear in the number of nodes; an object that nobody reads any more is held by no name; a consumed one is on its way to
the callee and nowhere else.
*Does not know*: the rest of the plan's code, but for the names that are taken.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final

from .._bind import Argument
from .._copying import copy_of
from .._items import ItemSource
from .._outputs import Returns
from .._results import FLOW, StepStatus
from .._signature import name_of
from .._slots import EMPTY, Sink
from .._specs import Access, CtxSource, InputSource, OutputSource, ValueSource
from .._tasks import Kind, Task
from .._types import describe
from ._names import literal, method_of
from ._parts import Home, Part, Shared, Unseen
from ._schedule import CONTEXT, INPUTS, ITEM

__all__ = ["Writer"]


class Writer:
    """Writes one part. It has state: the lines so far, and where each object is."""

    def __init__(self, shared: Shared, function: str, first: int, end: int) -> None:
        self._shared, self._schedule = shared, shared.schedule
        self._function, self._first, self._end = function, first, end
        self._awaits = "" if shared.variant.sync else "await "
        self._lines: list[str] = []
        self._where: list[int] = []
        self._homes: dict[int, Home] = {}
        """The objects that have a local name."""
        self._fetched: dict[tuple[str, str], tuple[str, str]] = {}
        """Context objects and inputs: the local name, and the expression that fetches them."""
        self._used: set[str] = set()
        self._resident = frozenset(self._residents())

    def part(self) -> Part:
        """Write all of it."""
        for index in range(self._first, self._end):
            self._node(index)
        going_on = [home for home in self._homes.values() if home.last >= self._end]
        for home in going_on:
            if home.born >= self._first:
                self._line(f"{self._slot(home.register)} = {home.name}", ~(self._end - 1))
        left = [home.name for home in going_on] + ["kept"] * ("kept" in self._used)
        if left:  # a traceback that somebody has kept may keep this frame as well
            self._line(" = ".join([*left, "None"]), ~(self._end - 1))
        body, where = self._lines, self._where
        if not self._shared.variant.sync:
            # A coroutine that is closed shows nobody its frame, so the code itself has to say what it held.
            body = ["try:", *(f"    {line}" for line in body), "except GeneratorExit:", *_CLOSING]
            where = [~self._first, *where, *[~(self._end - 1)] * 3]
        self._lines, self._where = [], []
        self._head()
        title = f"{'' if self._shared.variant.sync else 'async '}def {self._function}(run):"
        source = "\n    ".join([title, *self._lines, *body]) + "\n"
        homes = {home.name: home for home in self._homes.values()}
        return Part(self._function, self._first, self._end, source, (~self._first, *self._where, *where), homes)

    def _head(self) -> None:
        """What the part needs from outside, fetched before its first node."""
        before = ~self._first
        expressions = {"slots": "run.slots", "kept": "run.kept"}
        expressions |= {"context": f"run.slots[{CONTEXT}]", "inputs": f"run.slots[{INPUTS}]"}
        for name, expression in expressions.items():
            if name in self._used:
                self._line(f"{name} = {expression}", before)
        for name, expression in self._fetched.values():
            self._line(f"{name} = {expression}", before)
        for home in self._homes.values():
            if home.born < self._first:
                self._line(f"{home.name} = slots[{home.register}]", before)
                if home.last < self._end:
                    self._line(f"slots[{home.register}] = EMPTY", before)

    def _line(self, text: str, where: int) -> None:
        self._lines.append(text)
        self._where.append(where)

    def _slot(self, register: int) -> str:
        self._used.add("slots")
        return f"slots[{register}]"

    def _residents(self) -> Iterator[int]:
        """The objects that stay in their registers, because a node of this part takes them from there or leaves them there."""
        for index in range(self._first, self._end):
            if not self._schedule.tasks[index].inlines:
                yield from self._schedule.reads(index)
                yield from self._shared.endings.objects.get(index, ())
                yield from (index, ~index)

    def _object(self, obj: int) -> str:
        """The expression for an object that is read."""
        if obj in self._resident:
            return self._slot(self._schedule.register(obj))
        home = self._homes.get(obj)
        if home is None:
            self._used.add("slots")
            home = self._settle_in(obj, born=self._first - 1)
        return home.name

    def _settle_in(self, obj: int, *, born: int) -> Home:
        """Give an object a local name."""
        schedule, index = self._schedule, obj if obj >= 0 else ~obj
        label = self._label(index)
        is_function = label == self._callee(index)
        name = self._shared.names.new(f"{label}_copy" if obj < 0 else f"{label}_output" if is_function else label)
        last = schedule.last(obj)
        home = self._homes[obj] = Home(name, schedule.register(obj), born, last, schedule.taker(obj))
        return home

    def _node(self, index: int) -> None:
        task, path = self._schedule.tasks[index], self._schedule.layout.path(index)
        if not task.inlines:
            self._line(f"{self._awaits}node(run, {index})  # {path}", ~index)
            return
        if task.kind is Kind.DIRECT:
            sink = Sink(task.output.type, partial(self._schedule.layout.path, index))
            self._line(f"out = DirectOut({self._shared.constant(f'{self._label(index)}_sink', sink)})", index)
        call = self._moving(task, index) or self._call(
            task, index
        )  # before the result has a name: what is read may be born in an earlier part
        target = self._target(task, index)
        self._result(task, index, target, f"{call}  # {path}")
        self._after(task, index, target)

    def _label(self, index: int) -> str:
        return self._schedule.layout.labels[index]

    def _callee(self, index: int) -> str:
        """What the function of a node is called; one without a name is called as the node."""
        name = name_of(self._schedule.tasks[index].fn)
        return self._label(index) if name == "<lambda>" else name

    def _target(self, task: Task[Any], index: int) -> str:
        """Where the result goes: the name of the output, or a passing one where nobody reads it by name."""
        is_read = task.kind is not Kind.FORWARD and self._schedule.lifetimes.lasts[index] > index
        return self._settle_in(index, born=index).name if is_read and index not in self._resident else "result"

    # --- the call

    def _call(self, task: Task[Any], index: int) -> str:
        arguments = self._arguments(task, index)
        if task.kind is Kind.DIRECT:
            arguments.append("out")
        if task.method is not None:
            return f"{method_of(arguments.pop(0), task.method)}({', '.join(arguments)})"
        awaits = self._awaits if task.awaits else ""
        return f"{awaits}{self._shared.constant(self._callee(index), task.fn)}({', '.join(arguments)})"

    def _moving(self, task: Task[Any], index: int) -> str:
        """The call of a coroutine function that takes an output over: the name lets go of it before the function begins."""
        read = zip(self._schedule.reads(index), task.accesses, strict=True)
        taken = [obj for obj, (_, source) in read if source.access is Access.CONSUME and obj not in self._resident]
        if not (taken and task.awaits and task.kind is Kind.REGULAR):
            return ""
        fn, arguments = self._shared.constant(self._callee(index), task.fn), self._arguments(task, index, lent=True)
        self._line(f"pending = {fn}({', '.join(arguments)})  # {self._schedule.layout.path(index)}", index)
        self._line(f"{' = '.join(map(self._object, taken))} = None", index)
        return "await pending"

    def _arguments(self, task: Task[Any], index: int, *, lent: bool = False) -> list[str]:
        reading = iter(self._schedule.reads(index))
        return [self._argument(argument, reading, lent=lent) for argument in task.arguments]

    def _argument(self, argument: Argument, reading: Iterator[int], *, lent: bool) -> str:
        source = argument.source
        if isinstance(source, OutputSource):
            text = self._access(source, next(reading), lent=lent)
        elif isinstance(source, ValueSource):
            text = literal(source.value) or self._shared.constant(f"{argument.name}_value", source.value)
            text = f"copied({text})" if source.copy else text
        elif isinstance(source, ItemSource):
            text = self._fetch(("item", ""), "item", f"run.slots[{ITEM}]")
        elif isinstance(source, CtxSource):
            text = self._context(source.key)
            text = f"copied({text})" if source.copy else text
        else:
            text = self._input(source, argument.default)
        return text if argument.keyword is None else f"{argument.keyword}={text}"

    def _access(self, source: OutputSource, obj: int, *, lent: bool) -> str:
        name = self._object(obj)
        if source.access is Access.COPY:
            return f"{self._copier(source.copier)}({name})"
        if source.access is Access.CONSUME and obj in self._resident:
            return f"taken(slots, {self._schedule.register(obj)})"
        if lent or source.access is not Access.CONSUME:
            return name
        # Both go into a tuple and the first is taken out of it: the name has let go before the callee begins.
        return f"({name}, {name} := None)[0]"

    def _copier(self, copier: Callable[[Any], Any]) -> str:
        return "copied" if copier is copy_of else self._shared.constant(name_of(copier), copier)

    def _context(self, key: Any) -> str:
        self._used.add("context")
        name = self._shared.constant(describe(key), key)
        if not self._shared.variant.held:
            return f"context[{name}]"
        return self._fetch(("context", name), describe(key).lower(), f"context[{name}]")

    def _input(self, source: InputSource, default: Any) -> str:
        self._used.add("inputs")
        name = str(source.name)
        if default is EMPTY:
            return self._fetch(("input", name), name, f"inputs[{name!r}]")
        fallback = literal(default) or self._shared.constant(f"{name}_default", default)
        expression = f"inputs.get({name!r}, {fallback})"
        return self._fetch(("input", expression), name, expression)

    def _fetch(self, key: tuple[str, str], wanted: str, expression: str) -> str:
        known = self._fetched.get(key)
        if known is None:
            known = self._fetched[key] = self._shared.names.new(wanted), expression
        return known[0]

    # --- what follows the call

    def _result(self, task: Task[Any], index: int, target: str, call: str) -> None:
        """The call, and what is looked at before it counts as a success."""
        passing, returns = "result" if task.kind is Kind.DIRECT else target, task.output.returns
        self._line(f"{passing} = {call}", index)
        settle = f"{passing} = {self._awaits}settled(run, {index}, {passing})"
        if task.kind is not Kind.REGULAR:
            condition = f"{passing} is not None and {passing} is not SUCCESS"
        elif returns is Returns.NOTHING:
            condition = f"{passing} is not None"
        elif returns is Returns.STATUS:
            condition = f"{passing} is not SUCCESS"
        elif returns is Returns.RESULT:
            self._line(f"if type({passing}) is TaskResult and {passing}.step is SUCCESS:", index)
            self._line(f"    {passing} = {passing}.value", index)
            condition = ""
        else:
            condition = self._unexpected(task, index, passing)
        self._line(f"if {condition}:" if condition else "else:", index)
        self._line(f"    {settle}", index)
        if task.kind is Kind.DIRECT:
            self._line(f"{target} = written(out)", index)

    def _unexpected(self, task: Task[Any], index: int, passing: str) -> str:
        """Whether the result is of another class than expected: than the declared one, else than those that were seen."""
        declared = task.output.type
        if type(declared) is type and declared not in _LOOKED_AT and not hasattr(declared, "__await__"):
            name = self._shared.constant(describe(declared), declared)
        else:
            name = self._shared.seen[index] = self._shared.names.new(f"{self._label(index)}_class")
            self._shared.constants[name] = Unseen
        return f"type({passing}) is not {name} and type({passing}) not in plain"

    def _after(self, task: Task[Any], index: int, target: str) -> None:
        """What becomes of the output, and what is let go of."""
        schedule, after = self._schedule, ~index
        if schedule.keeps(index, self._shared.variant.keep):
            self._used.add("kept")
            kept = self._object(schedule.kept_object(index)) if task.kind is Kind.FORWARD else target
            self._line(f"kept[{index}] = {kept}", after)
        self._release(self._shared.endings.objects.get(index, ()), index)
        if target == "result" and task.kind is not Kind.FORWARD and task.has_output is not False:
            if schedule.lifetimes.lasts[index] > index:
                self._line(f"{self._slot(schedule.register(index))} = result", after)
            self._line("result = None", after)
        copier = schedule.stage(index)
        if copier is not None:
            copy = f"{self._copier(copier)}({self._object(schedule.lifetimes.owners[index])})"
            is_slot = ~index in self._resident
            stage = self._slot(schedule.register(~index)) if is_slot else self._settle_in(~index, born=index).name
            self._line(f"{stage} = {copy}", after)
        leaves = self._shared.endings.leaves.get(index)
        if leaves:
            self._line(f"{self._awaits}leave(run, {tuple(leaves)})", after)

    def _release(self, objects: Sequence[int], index: int) -> None:
        """Let go of objects, in this order: innermost first."""
        names: list[str] = []
        for obj in objects:
            home = self._homes.get(obj)
            if (
                obj != index and home is not None and home.taker != index
            ):  # its own output nobody reads: it never was anywhere
                names.append(f"{home.name} = ")
            elif obj != index and home is None:
                names.append(f"{self._slot(self._schedule.register(obj))} = ")
        for value, group in groupby(names, key=lambda name: "EMPTY" if name.startswith("slots[") else "None"):
            self._line(f"{''.join(group)}{value}", ~index)


_CLOSING: Final = ("    closed(run, locals())", "    raise")

_LOOKED_AT: Final = FLOW | {StepStatus}
