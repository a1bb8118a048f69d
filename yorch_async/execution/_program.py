"""A plan as the interpreter wants it: one step a node, with everything looked up that can be looked up before a run.

*Guarantees*: made once per plan and shared by all of its runs; a step never changes.
*Does not know*: runs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

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
    is_async: bool
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
    lives, layout, size = plan.lifetimes, plan.layout, len(plan)
    releases: list[list[int]] = [[] for _ in range(size)]
    leaves: list[list[int]] = [[] for _ in range(size)]
    readers = [0] * size
    for index in range(size - 1, -1, -1):
        last = lives.lasts[index]
        if index in lives.stages:
            releases[lives.stages[index].last].append(SLOTS + lives.stages[index].slot)
        if last < size and (lives.slots[index] >= 0):
            releases[last].append(SLOTS + lives.slots[index])
        if last < size and plan.tasks[index].managed:
            leaves[last].append(index)
        for source in lives.sources[index]:
            readers[source] = index
    wraps: dict[int, Callable[[Any], Awaitable[Any]]] = {}
    steps: list[Step] = []
    for index, task in enumerate(plan.tasks):
        owner, slot = lives.owners[index], lives.slots[index]
        forwards = task.kind is Kind.FORWARD
        register = SLOTS + slot if slot >= 0 else 0
        caller, operands = caller_of(task, read_registers(plan, index), register)
        is_leaf = layout.ends[index] == index + 1
        kept = keep != "none" and (plan.kept[index] or (keep == "leaves" and is_leaf))
        step = Step(
            index=index,
            end=layout.ends[index],
            task=task,
            fn=task.fn,
            caller=caller,
            operands=operands,
            wrapped=_wrapped(task, wraps, innermost),
            is_async=task.signature.is_async,
            strict=task.kind is not Kind.REGULAR or task.output.returns in _STRICT,
            out=register if lives.lasts[index] > index else 0,
            sink=register,
            keep=kept,
            forwarded=SLOTS + lives.slots[owner] if forwards else 0,
            reader=0 if forwards else readers[index],
            stage=_stage(plan, index),
            releases=tuple(releases[index]),
            leaves=tuple(leaves[index]),
        )
        steps.append(step)
    return Program(tuple(steps), SLOTS + lives.slot_count)


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
    copier = next(
        access.copier
        for child in plan.layout.children(index)
        for _, access in plan.tasks[child].prev
        if access.access is Access.COPY
    )
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
