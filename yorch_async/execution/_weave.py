"""A plan as a concurrent run wants it: its nodes as families of siblings, and how many nodes have to be over before an output may go.

*Guarantees*: made once per plan and shared by all of its runs; what a family needs is made bit by bit, when a run comes to it.
*Does not know*: runs.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import length_hint
from typing import Any, Final, TypeAlias

from .._slots import EMPTY, DirectOut
from .._tasks import Kind
from ..plan import Keep, Plan, readers, spread
from ._calls import Registers
from ._modes import TURN
from ._program import More, Program, Through
from ._setup import Needs, needs_of
from ._turn import begin

__all__ = ["FINISH", "KEPT", "LEAF", "OPENED", "PARENT", "Line", "Strand", "Weave", "weave_of"]

KEPT: Final = 0
LEAF: Final = 1
PARENT: Final = 2
FINISH: Final = 3
OPENED: Final = 4
"""What follows a node that has succeeded: a leaf's output is kept, or is not needed; a parent's goes into its register, and its
children come next; or more than that is to be done, after which others may be ready. In this order, because that is how it is
asked for."""

Strand: TypeAlias = tuple[int, Any, int, Any, int, int, More]
"""One node: mode, fn, register and expected as in an `Op`; its index, if its output is kept, else the register of that, or 0; what
follows, as one of those above; the rest of the `Op`."""

_BIT: Final = 16
"""How many siblings are made at a time: with each come its neighbours in the order of the plan, which may be many."""


class Line:
    """Siblings that are to run, in order. It has state: how far it is; whoever is free takes the next one."""

    __slots__ = ("shared", "strands")

    def __init__(self, strands: Iterator[Strand], shared: int) -> None:
        self.strands = strands
        self.shared = shared
        """The register that each of them reads, and no other; 0: they differ, or read none."""

    def has_more(self) -> bool:
        """Whether there is one left; where that cannot be told, yes."""
        return length_hint(self.strands, 1) > 0


class _Family:
    """The children of a node. It has state: those made so far."""

    __slots__ = ("_bits", "_indexes", "_weave", "all", "shared")

    def __init__(self, weave: "Weave", indexes: list[int]) -> None:
        self._weave = weave
        self._indexes = indexes
        self._bits: dict[int, tuple[Strand, ...]] = {}
        self.all: tuple[Strand, ...] | None = None
        reads = {weave.reads(index) for index in indexes}
        self.shared = next(iter(reads))[0] if len(reads) == 1 and all(map(len, reads)) else 0

    def line(self) -> Line:
        """Let all of them run."""
        if self.all is None and len(self._indexes) <= _BIT:
            self.all = self._bit(0)
        return Line(chain.from_iterable(self._lazily()) if self.all is None else iter(self.all), self.shared)

    def _lazily(self) -> Iterator[tuple[Strand, ...]]:
        for first in range(0, len(self._indexes), _BIT):
            yield self._bit(first)
        self.all = tuple(chain.from_iterable(map(self._bit, range(0, len(self._indexes), _BIT))))
        self._bits.clear()

    def _bit(self, first: int) -> tuple[Strand, ...]:
        made = self._bits.get(first)
        if made is None:
            indexes = self._indexes[first : first + _BIT]
            made = self._bits[first] = tuple(self._weave.strand(index, is_shared=self.shared > 0) for index in indexes)
        return made


class Weave:
    """The families of a plan. It has state: those made so far."""

    def __init__(self, plan: Plan, keep: Keep, through: Through, *, is_watched: bool) -> None:
        self._layout = plan.layout
        self._is_watched = is_watched
        self._families: dict[int, _Family] = {}
        self._late: dict[int, Strand] = {}
        links = plan.layout.links
        self.pending = {index: len(set(links.before(index, plan.layout.parents))) for index in links.needs}
        """How many nodes have to be over before each late node is ready."""
        self.schedule = spread(plan.schedule)
        self.program = Program(plan, keep, begin, through, self.schedule)
        self.needs: Needs | None = needs_of(plan)
        self.readers = readers(self.schedule)
        self.has_managed = any(task.managed for task in plan.tasks)

    def advance(self) -> None:
        """There is no code for concurrent runs."""

    def line(self, parent: int) -> Line:
        """The children of a node, of which there is one at least; those of -1 are the root."""
        family = self._families.get(parent)
        if family is None:
            links = self._layout.links
            indexes = [each for each in self._layout.children(parent) if not links.is_late(each)] if parent >= 0 else [0]
            family = self._families[parent] = _Family(self, indexes)
        return family.line()

    def opens(self, index: int) -> bool:
        """Whether a node has children that are ready when it has succeeded."""
        links = self._layout.links
        if not links:
            return self._layout.ends[index] > index + 1
        return not all(map(links.is_late, links.children[index]))

    def late(self, index: int) -> Line:
        """A node that depends on more than its parent, alone."""
        strand = self._late.get(index)
        if strand is None:
            strand = self._late[index] = self.strand(index, is_shared=False)
        return Line(iter((strand,)), 0)

    def strand(self, index: int, *, is_shared: bool) -> Strand:
        """One node."""
        op, task, reads = self.program.op(index), self.schedule.tasks[index], self.reads(index)
        more = op.more
        mode = TURN if self._is_watched else op.mode
        is_leaf = not self.opens(index)
        is_simple = (
            mode != TURN
            and not (more.keep and (more.out or task.kind is Kind.FORWARD or not is_leaf))
            and (is_shared or not reads)
            and not any(register in self.readers.managers for register in reads)
            and self.schedule.stage(index) is None
            and index not in self._layout.links.followers
        )
        follows = (KEPT if more.keep else LEAF if is_leaf else PARENT) if is_simple else FINISH
        return mode, op.fn, op.register, op.expected, index if more.keep else more.out, follows, more

    def reads(self, index: int) -> tuple[int, ...]:
        """The registers that a node reads."""
        return self.readers.of(self.schedule, index)

    def release(self, indexes: Iterable[int], counts: list[int], registers: Registers) -> list[int]:
        """Clear what these nodes, which are over, were the last to read; the managed nodes whose output that was."""
        ended: list[int] = []
        for index in indexes:
            for register in self.reads(index):
                counts[register] -= 1
                if not counts[register]:
                    if (
                        type(registers[register]) is not DirectOut
                    ):  # the handle of a node that runs, and still writes into it
                        registers[register] = EMPTY
                    if register in self.readers.managers:
                        ended.append(self.readers.managers[register])
        return ended

    def is_unused(self, index: int) -> bool:
        """Whether nobody reads the output of a managed node, so that its resource can be left at once."""
        return self.schedule.lifetimes.lasts[index] == index


def weave_of(plan: Plan, keep: Keep, through: Through, *, is_watched: bool) -> Weave:
    """The weave of a plan, made when it is asked for first."""
    key = ("weave", keep, is_watched)
    known: Weave | None = plan.prepared.get(key)
    return plan.prepared.setdefault(key, Weave(plan, keep, through, is_watched=is_watched)) if known is None else known
