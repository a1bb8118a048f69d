"""The rest of a serial run of a graph in which something has been skipped: the plan alone cannot say any more what is let go of when.

*Guarantees*: an output goes when its last reader that can still run is over, or at once where there is none; a resource goes with its
output; nodes that can run are run in the same order as before.
*Does not know*: why something was skipped.
"""

from collections.abc import Iterable, Sequence

from .._results import StepStatus
from .._slots import EMPTY
from ._program import Step
from ._state import Run
from ._turn import careful_turn, turn

__all__ = ["Rest"]


class Rest:
    """The nodes from one on. It has state: which of them cannot run, and how many readers each object still waits for."""

    def __init__(self, run: Run, index: int) -> None:
        self._run = run
        self.is_new = True
        """Whether nothing was left out so far."""
        self._at = index
        """The node that is over, and with it all before it."""
        self.dead: set[int] = set()
        """The nodes that are left out."""
        self._counts: dict[int | None, int] = {}
        """By object: how many nodes have to be over before it may go."""
        schedule, size = run.program.schedule, run.program.size
        self._schedule = schedule
        for reader in (*run.resources, *range(index, size)):
            for obj in self._reads(reader):
                self._counts[obj] = self._counts.get(obj, 0) + 1
        for index_, task in enumerate(schedule.tasks):
            if task.managed and schedule.lifetimes.lasts[index_] == size:
                self._counts[index_] = self._counts.get(index_, 0) + 1

    def _reads(self, index: int) -> set[int]:
        return set(self._schedule.reads(index))

    async def cut(self, indexes: Sequence[int]) -> None:
        """Leave out further nodes, and let go of what only they would have read."""
        self.dead.update(indexes)
        # What the first node has read that has not succeeded may have been meant for the time of its resource.
        over = [self._at, *indexes] if self.is_new else indexes
        self.is_new = False
        await self._over(over)

    async def node(self, step: Step) -> bool:
        """Run a node; whether it has succeeded. Otherwise the run's answer says how it ended."""
        run, op = self._run, step.op.more
        run.at = self._at = step.index
        value = await (careful_turn if run.is_watched else turn)(run, step)
        is_ok = run.answer.status is StepStatus.SUCCESS
        if is_ok and op.keep and (step.forwarded or value is not EMPTY):
            run.kept[op.at] = run.slots[step.forwarded] if step.forwarded else value
        is_held = op.at in run.resources
        is_unused = is_held and not self._counts.get(op.at)
        objects = [] if is_held and not is_unused else self._ended([op.at])
        stage = step.rare.stage if is_ok and self._counts.get(~op.at) else None
        source = self._schedule.lifetimes.owners[op.at] if stage else None
        self._release(obj for obj in objects if obj != source)
        if op.out and (self._counts.get(op.at) or stage):
            run.slots[op.out] = value
        value = EMPTY  # if what follows raises, this frame is in a traceback, which must not keep the output
        if stage is not None:
            register, target, copier = stage
            run.slots[target] = copier(run.slots[register])
            if not self._counts.get(source):  # who would have taken it does not run
                run.slots[register] = EMPTY
        await self._leave([op.at, *objects] if is_unused else objects)
        return is_ok

    async def _over(self, indexes: Iterable[int]) -> None:
        """These nodes will read nothing any more."""
        objects = self._ended(indexes)
        self._release(objects)
        await self._leave(objects)

    def _ended(self, indexes: Iterable[int]) -> list[int]:
        """Count down what nodes read that are over, and resources that end with it; what nobody waits for, innermost first."""
        ended, waiting = list[int](), list(indexes)
        while waiting:
            for obj in self._reads(waiting.pop()):
                self._counts[obj] -= 1
                if not self._counts[obj]:
                    ended.append(obj)
                    if obj in self._run.resources:
                        waiting.append(obj)
        return sorted(ended, key=lambda obj: (max(obj, ~obj), obj < 0), reverse=True)

    def _release(self, objects: Iterable[int]) -> None:
        for obj in objects:
            if max(obj, ~obj) <= self._at:  # of what was never made, the place may be another one's
                self._run.slots[self._schedule.register(obj)] = EMPTY

    async def _leave(self, objects: Iterable[int]) -> None:
        """Exit the resources among these."""
        leaves = [obj for obj in objects if obj in self._run.resources]
        if leaves:
            await self._run.leave(leaves, None)
