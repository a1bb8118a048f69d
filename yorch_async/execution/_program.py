"""A plan as the interpreter wants it: one operation a node, with everything looked up that can be looked up before a run.

*Guarantees*: made once per plan and shared by all of its runs; what it holds of a node never changes.
*Does not know*: runs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import Any, Final, NamedTuple, TypeAlias

from .._slots import EMPTY, Sink
from .._specs import Access
from .._tasks import Kind, Task
from ..plan import FIRST_SLOT, ITEM, Endings, Keep, Plan, Schedule
from ._calls import Caller, Condition, caller_of, condition_of
from ._modes import PLAIN, STRICT, expected_of, mode_of

__all__ = [
    "More",
    "Op",
    "Program",
    "Rare",
    "Step",
    "Through",
    "program_of",
]


class Op(NamedTuple):
    """One node. Registers are places in the list of a run; 0 stands for none."""

    mode: int
    fn: Callable[..., Any]
    register: int
    """What the one argument is read from, or where the handle of a direct-output task goes."""
    expected: Any
    """The classes of results that need not be looked at: a set."""
    clear: int
    """The register that nobody reads after this node; -1: look at the program's `rare`."""
    target: int
    """Where the output goes: into a register, or for `~index` into what is kept; 0: nowhere."""
    more: "More"


PlainOp: TypeAlias = tuple[int, Callable[..., Any], int, Any, int, int, "More"]
"""An `Op` as the loop takes it apart: of a plain tuple Python does that twice as fast."""


class More(NamedTuple):
    """What of a node is needed by those that are not run in the simplest way."""

    at: int
    """The node itself."""
    caller: Caller
    operands: tuple[Any, ...]
    out: int
    """The register of the output."""
    keep: bool
    sink: Any
    """The Sink of a direct-output task's handles; None for others."""


@dataclass(frozen=True, slots=True)
class Rare:
    """What follows a node where it is more than clearing one register."""

    releases: tuple[int, ...]
    leaves: tuple[int, ...]
    """The managed nodes, innermost first, whose resources nobody uses after this node."""
    stage: tuple[int, int, Callable[[Any], Any]] | None
    """From which register to which one the output is copied before the children start, and by what."""


_NOT_RARE: Final = Rare((), (), None)


@dataclass(frozen=True, slots=True)
class Step:
    """One node as its turn sees it; made for those that have one."""

    index: int
    end: int
    """The index after the subtree."""
    task: Task[Any]
    op: Op
    rare: Rare
    wrapped: Callable[[Any], Awaitable[Any]] | None
    """The call with its adapters; None: the task can be called as it is."""
    strict: bool
    """Whether what the task may return is limited by its declaration or kind, and so has to be looked at."""
    sink: int
    """The register of a direct-output task's handle."""
    forwarded: int
    """The register of the object that a forwarding node passes on."""
    reads: tuple[int, ...]
    """The registers that it reads other nodes' outputs from, one for each access."""
    borrowed: tuple[tuple[str, int], ...]
    """What it borrows and nobody changes meanwhile: the parameter and the register."""
    condition: Condition | None = None
    looked: tuple[tuple[str, int], ...] = ()
    """What its condition looks at, likewise."""


Wrapped: TypeAlias = Callable[[Any], Awaitable[Any]]
Through: TypeAlias = Callable[[Any, Step, Any], Awaitable[Any]]
"""Runs, for a run and a node of it, what is to be run for each element of what the node's callable gave."""


class Program:
    """The operations of a plan under one choice of outputs to keep. It has state: the steps made so far, the classes seen so far."""

    def __init__(self, plan: Plan, keep: Keep, innermost: Wrapped, through: Through, schedule: Schedule) -> None:
        self.plan = plan
        self.through = through
        self.items: dict[tuple[int, bool], Any] = {}
        """What nodes that go through elements put aside here, by node."""
        self.schedule = schedule
        self.keep: Keep = keep
        self.plain: set[type] = set(PLAIN)
        """The classes that results have had and that need not be looked at again."""
        self.rare: dict[int, Rare] = {}
        self._innermost = innermost
        self._wraps: dict[int, Wrapped] = {}
        self._steps: dict[int, Step] = {}
        self.part = plan.part
        """How many nodes are taken at a time."""
        self.size = len(plan)
        self._missing = -(-self.size // self.part)
        self._parts: list[list[PlainOp] | None] = [None] * self._missing
        self._maker: _Maker | None = _Maker(self, keep)
        self._lock = RLock()
        self.empty = [EMPTY] * (FIRST_SLOT - ITEM + self.schedule.lifetimes.slot_count)

    def ops(self, number: int) -> list[PlainOp]:
        """The operations of one part, made when they are asked for first: of a plan that has become code, they may never be."""
        found = self._parts[number]
        return self._made(number) if found is None else found

    def _made(self, number: int) -> list[PlainOp]:
        with self._lock:  # runs in several threads may come here at the same time
            first, maker = number * self.part, self._maker
            made = [] if maker is None else maker.ops(first, min(first + self.part, self.size))
            # Making them may have run the collector, and so a finaliser that runs the same plan.
            if self._parts[number] is None:
                self._parts[number] = made
                self._missing -= 1
                self._maker = maker if self._missing else None
            return self._parts[number] or made

    def op(self, index: int) -> Op:
        """One node."""
        return Op(*self.ops(index // self.part)[index % self.part])

    def step(self, index: int) -> Step:
        """One node that is to have a turn."""
        found = self._steps.get(index)
        if found is None:
            found = self._steps[index] = self._step(index)
        return found

    def _step(self, index: int) -> Step:
        schedule, op = self.schedule, self.op(index)
        task = schedule.tasks[index]
        is_direct, is_forward = task.kind is Kind.DIRECT, task.kind is Kind.FORWARD
        reads = tuple(map(schedule.register, schedule.reads(index)))
        lent = [(name, source.access, at) for (name, source), at in zip(task.accesses, reads, strict=True)]
        used = lent[: len(task.used)]
        changed = {at for _, access, at in used if access.exclusive}
        return Step(
            index=index,
            end=schedule.layout.ends[index],
            task=task,
            op=op,
            rare=self.rare.get(index, _NOT_RARE) if op.clear <= 0 else Rare((op.clear,), (), None),
            wrapped=self.wrapped(task),
            strict=task.kind is not Kind.REGULAR or task.output.returns in STRICT,
            sink=schedule.register(index) if is_direct else 0,
            forwarded=schedule.register(schedule.lifetimes.owners[index]) if is_forward else 0,
            reads=reads,
            borrowed=tuple((name, at) for name, access, at in used if access is Access.BORROW and at not in changed),
            condition=condition_of(task, reads),
            looked=tuple((name, at) for name, _, at in lent[len(used) :]),
        )

    def wrapped(self, task: Task[Any]) -> Wrapped | None:
        """The call with its adapters, one for all nodes of the task."""
        if task.kind is Kind.REGULAR and not task.adapters and not task.managed:
            return None
        found = self._wraps.get(id(task))
        if found is None:
            found = self._wraps[id(task)] = task.wrapped(self._innermost)
        return found


def program_of(plan: Plan, keep: Keep, innermost: Wrapped, through: Through) -> Program:
    """The program of a plan, made when it is asked for first."""
    key = ("program", keep)
    known: Program | None = plan.prepared.get(key)
    return plan.prepared.setdefault(key, Program(plan, keep, innermost, through, plan.schedule)) if known is None else known


class _Maker:
    """Makes the operations of a program; what many nodes have in common is made once."""

    def __init__(self, program: Program, keep: Keep) -> None:
        self._program = program
        self._keep: Keep = keep
        self._schedule: Schedule = program.schedule
        self._endings: Endings = self._schedule.endings()
        self._calls: dict[tuple[Any, ...], tuple[int, Caller, tuple[Any, ...]]] = {}

    def ops(self, first: int, end: int) -> list[PlainOp]:
        return [self._op(index, self._schedule.tasks[index]) for index in range(first, end)]

    def _op(self, index: int, task: Task[Any]) -> PlainOp:
        schedule = self._schedule
        reads = tuple(map(schedule.register, schedule.reads(index)))
        register = schedule.register(index) if task.kind is Kind.DIRECT else reads[0] if reads else ITEM
        is_read = task.kind is not Kind.FORWARD and schedule.lifetimes.lasts[index] > index
        out = schedule.register(index) if is_read and task.has_output is not False else 0
        keep = schedule.keeps(index, self._keep)
        clear = self._clear(index, out, is_kept=keep and task.kind is Kind.FORWARD)
        mode, caller, operands = self._call(task, reads, register)
        is_direct = task.kind is Kind.DIRECT
        sink = Sink(task.output.type, partial(schedule.layout.path, index)) if is_direct else None
        if out and keep and clear >= 0:  # the loop itself knows one place for an output
            self._program.rare[index] = Rare((clear,) * bool(clear), (), None)
            clear = -1
        target = ~index if keep else out
        more = More(index, caller, operands, out, keep, sink)
        return mode, task.fn, register, expected_of(task, self._program.plain), clear, target, more

    def _call(self, task: Task[Any], reads: tuple[int, ...], register: int) -> tuple[int, Caller, tuple[Any, ...]]:
        key = (id(task), reads, register)
        made = self._calls.get(key)
        if made is None:
            made = self._calls[key] = mode_of(task), *caller_of(task, reads, register)
        return made

    def _clear(self, index: int, out: int, *, is_kept: bool) -> int:
        """What is let go of after a node: nothing, one register, or -1 for what is noted as rare, as what a forwarding node keeps."""
        schedule = self._schedule
        objects = self._endings.objects.get(index, ())
        leaves, copier = self._endings.leaves.get(index), schedule.stage(index)
        if len(objects) > 1 or leaves or copier is not None or is_kept:
            stage = None
            if copier is not None:
                stage = schedule.register(schedule.lifetimes.owners[index]), schedule.register(~index), copier
            self._program.rare[index] = Rare(tuple(map(schedule.register, objects)), tuple(leaves or ()), stage)
            return -1
        register = schedule.register(objects[0]) if objects and objects[0] != index else 0
        return 0 if register == out else register  # the output itself takes the place
