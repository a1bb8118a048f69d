"""How many nodes read each object: what tells, when nodes run in no fixed order, that nobody needs it any more.

*Guarantees*: every object has a slot of its own, numbered in the order of the plan, so that clearing slots from the last to the first
lets go of outputs innermost first.
*Does not know*: which nodes run, and when.
"""

from dataclasses import dataclass, replace

from ._access import Stage
from ._schedule import FIRST_SLOT, Schedule

__all__ = ["Readers", "readers", "spread"]


@dataclass(frozen=True, slots=True)
class Readers:
    """Counts of a spread schedule."""

    counts: tuple[int, ...]
    """By register: how many nodes have to be over before what is in it may go. What stays to the end of the run has one more."""
    managers: dict[int, int]
    """The managed nodes, by the register of their output: their resources end with it."""

    def of(self, schedule: Schedule, index: int) -> tuple[int, ...]:
        """The registers that a node reads, each once."""
        return tuple(dict.fromkeys(map(schedule.register, schedule.reads(index))))


def spread(schedule: Schedule) -> Schedule:
    """The same schedule with a slot for each object: a slot can only be shared by outputs of which one is known to end first."""
    lives, slots, stages, count = schedule.lifetimes, list[int](), dict[int, Stage](), 0
    for index, slot in enumerate(lives.slots):
        slots.append(count if slot >= 0 else -1)
        count += slot >= 0
        if index in lives.stages:
            stages[index] = Stage(count, lives.stages[index].last)
            count += 1
    return replace(schedule, lifetimes=replace(lives, slots=tuple(slots), stages=stages, slot_count=count))


def readers(schedule: Schedule) -> Readers:
    """Count them."""
    size, lives = len(schedule), schedule.lifetimes
    counts = [0] * (FIRST_SLOT + lives.slot_count)
    managers: dict[int, int] = {}
    for index, task in enumerate(schedule.tasks):
        for register in set(map(schedule.register, schedule.reads(index))):
            counts[register] += 1
        if task.managed and lives.slots[index] >= 0:
            register = schedule.register(index)
            managers[register] = index
            counts[register] += lives.lasts[index] == size
    return Readers(tuple(counts), managers)
