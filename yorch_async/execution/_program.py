"""A plan as the interpreter wants it: one step a node, with everything looked up that can be looked up before a run.

*Guarantees*: made once per plan and shared by all of its runs; a step never changes.
*Does not know*: runs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .._copying import copy_of
from .._outputs import Returns
from .._specs import Access
from .._tasks import Kind, Task
from ..plan import Plan
from ._calls import SLOTS, Caller, caller_of

__all__ = ["Keep", "Program", "Step", "program_of", "read_registers"]

Keep: TypeAlias = Literal["leaves", "marked", "none"]


@dataclass(frozen=True, slots=True)
class Step:
    """One node. Registers are places in the list of a run; 0 stands for none."""

    index: int
    end: int
    """The index after the subtree."""
    task: Task[Any]
    fn: Callable[..., Any]
    caller: Caller
    operands: tuple[Any, ...]
    wrapped: Callable[[Any], Awaitable[Any]] | None
    """The call with its adapters; None: the task can be called as it is."""
    strict: bool
    """Whether what the task may return is limited by its declaration or kind, and so has to be looked at."""
    out: int
    """The register of the output; 0 where nobody reads it."""
    sink: int
    """The register of a direct-output task's handle."""
    keep: bool
    forwarded: int
    """The register of the object that a forwarding node passes on."""
    reader: int
    """A node that reads the output; 0, which is the root and reads nothing: nobody does."""
    stage: tuple[int, int, Callable[[Any], Any]] | None
    """From which register to which one the output is copied before the children start, and by what."""
    releases: tuple[int, ...]
    """The registers that nobody reads after this node."""
    leaves: tuple[int, ...]
    """The managed nodes, innermost first, whose resources nobody uses after this node."""


@dataclass(frozen=True, slots=True)
class Program:
    """The steps, and how many registers a run of them needs."""

    steps: tuple[Step, ...]
    registers: int


def program_of(plan: Plan, keep: Keep, innermost: Callable[[Any], Awaitable[Any]]) -> Program:
    """The program of a plan, made when it is asked for first."""
    key = ("program", keep)
    program: Program | None = plan.prepared.get(key)
    if program is None:
        program = plan.prepared[key] = _make(plan, keep, innermost)
    return program


def _make(plan: Plan, keep: Keep, innermost: Callable[[Any], Awaitable[Any]]) -> Program:
    ends = _endings(plan)
    wraps: dict[int, Callable[[Any], Awaitable[Any]]] = {}
    steps = tuple(_step(plan, index, keep, ends, _wrapped(task, wraps, innermost)) for index, task in enumerate(plan.tasks))
    return Program(steps, SLOTS + plan.lifetimes.slot_count)


def _step(plan: Plan, index: int, keep: Keep, ends: "_Endings", wrapped: Callable[[Any], Awaitable[Any]] | None) -> Step:
    lives, task, end = plan.lifetimes, plan.tasks[index], plan.layout.ends[index]
    slot, forwards = lives.slots[index], task.kind is Kind.FORWARD
    register = SLOTS + slot if slot >= 0 else 0
    caller, operands = caller_of(task, read_registers(plan, index), register)
    return Step(
        index=index,
        end=end,
        task=task,
        fn=task.fn,
        caller=caller,
        operands=operands,
        wrapped=wrapped,
        strict=task.kind is not Kind.REGULAR or task.output.returns in _STRICT,
        out=register if lives.lasts[index] > index else 0,
        sink=register,
        keep=keep != "none" and (plan.kept[index] or (keep == "leaves" and end == index + 1)),
        forwarded=SLOTS + lives.slots[lives.owners[index]] if forwards else 0,
        reader=0 if forwards else ends.readers[index],
        stage=_stage(plan, index),
        releases=tuple(ends.releases.get(index, ())),
        leaves=tuple(ends.leaves.get(index, ())),
    )


@dataclass(frozen=True, slots=True)
class _Endings:
    """For each node, what ends after it, innermost first; and for each output, a node that reads it."""

    releases: dict[int, list[int]]
    leaves: dict[int, list[int]]
    readers: list[int]


def _endings(plan: Plan) -> _Endings:
    lives, size = plan.lifetimes, len(plan)
    ends = _Endings({}, {}, [0] * size)
    for index in range(size - 1, -1, -1):
        last = lives.lasts[index]
        stage = lives.stages.get(index)
        if stage is not None:
            ends.releases.setdefault(stage.last, []).append(SLOTS + stage.slot)
        if last < size and lives.slots[index] >= 0:
            ends.releases.setdefault(last, []).append(SLOTS + lives.slots[index])
        if last < size and plan.tasks[index].managed:
            ends.leaves.setdefault(last, []).append(index)
        for source in lives.sources[index]:
            ends.readers[source] = index
    return ends


_STRICT = frozenset({Returns.NOTHING, Returns.STATUS, Returns.RESULT})


def read_registers(plan: Plan, index: int) -> list[int]:
    """The registers that a node's accesses read, in order: of the staged copy, or of the output's owner."""
    lives = plan.lifetimes
    found: list[int] = []
    for source, (_, access) in zip(lives.sources[index], plan.tasks[index].prev, strict=True):
        staged = lives.stages.get(source) if access.access is Access.COPY else None
        found.append(SLOTS + (lives.slots[lives.owners[source]] if staged is None else staged.slot))
    return found


def _stage(plan: Plan, index: int) -> tuple[int, int, Callable[[Any], Any]] | None:
    lives = plan.lifetimes
    if index not in lives.stages:
        return None
    copiers = {
        access.copier
        for child in plan.layout.children(index)
        for _, access in plan.tasks[child].prev
        if access.access is Access.COPY
    }
    # Where the children copy in different ways, no one's way may decide what the others get to copy.
    copier = copiers.pop() if len(copiers) == 1 else copy_of
    return SLOTS + lives.slots[lives.owners[index]], SLOTS + lives.stages[index].slot, copier


def _wrapped(
    task: Task[Any], known: dict[int, Callable[[Any], Awaitable[Any]]], innermost: Callable[[Any], Awaitable[Any]]
) -> Callable[[Any], Awaitable[Any]] | None:
    """The call with its adapters, one for all nodes of the task."""
    if task.kind is Kind.REGULAR and not task.adapters and not task.managed:
        return None
    found = known.get(id(task))
    if found is None:
        found = known[id(task)] = task.wrapped(innermost)
    return found
