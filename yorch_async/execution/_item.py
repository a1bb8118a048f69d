"""How a node runs what is to be run for one of its elements: a task, from registers of its own, or a tree, by a run of its own.

*Guarantees*: made once per node of a plan; an element is held by its registers only while it is run.
*Does not know*: which elements there are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .._accesses import accesses_of
from .._items import Each
from .._slots import EMPTY
from .._tasks import Task
from ..plan import CONTEXT, INPUTS, ITEM
from ._calls import Registers, caller_of
from ._modes import LENT, LENT_AWAIT, STRICT, expected_of, mode_of
from ._program import Program, Step
from ._state import Run
from ._turn import turn
from ._ways import Way, way_of

__all__ = ["ItemKind", "item_of"]


@dataclass(frozen=True, slots=True)
class ItemKind:
    """A task (`step`) or a tree (`way`)."""

    step: Step
    """The turn of a task for one element; of a tree, that of the node itself."""
    way: Way | None
    result: int
    """The node of a tree whose output is the result of an element; -1: none."""
    has_output: bool
    is_quick: bool
    """Whether a call that succeeds is all there is to an element."""
    awaits: bool
    expected: Any
    """The classes of results that need not be looked at."""
    expects_anything: bool

    def call(self, mine: Run) -> Callable[[Any], Any]:
        """The call of a task with one element."""
        op = self.step.op
        if op.mode in (LENT, LENT_AWAIT):
            return op.fn
        fn, caller, operands, registers = op.fn, op.more.caller, op.more.operands, mine.slots

        def call(element: Any) -> Any:
            registers[ITEM] = element
            return caller(fn, registers, operands)

        return call

    def registers(self, run: Run) -> Registers:
        """Registers that hold what the task reads besides the element, and nothing else of the run."""
        made: list[Any] = [EMPTY] * len(run.slots)
        for register in (CONTEXT, INPUTS, *self.step.reads):
            made[register] = run.slots[register]
        return made

    async def turn(self, mine: Run, element: Any) -> Any:
        """Run the task by a turn of its own; what it answered is the state's answer then."""
        mine.slots[ITEM] = element
        del element
        try:
            return await turn(mine, self.step)
        finally:
            mine.slots[ITEM] = EMPTY

    def run(self, outer: Run, number: int, element: Any, observer: Any) -> Run:
        """A run of the tree for one element."""
        way: Any = self.way
        sleep = outer.sleep if outer.is_sync else None
        made = Run(way.program, way.advance(), outer.slots[CONTEXT], outer.slots[INPUTS], sleep)
        made.slots[ITEM] = element
        made.above = (outer, self.step.index, number)
        made.left_out = outer.left_out
        if outer.observers:
            made.observers = (observer,)
        if outer.is_watched:
            made.check_borrows, made.is_watched, made.code = outer.check_borrows, True, None
        return made


def item_of(program: Program, step: Step, *, is_sync: bool) -> ItemKind:
    """How a node runs an element."""
    key = (step.index, is_sync)
    found: ItemKind | None = program.items.get(key)
    if found is None:
        each: Any = step.task.each
        made = _of_tree(program, step, each, is_sync=is_sync) if each.item is None else _of_task(program, step, each.item)
        found = program.items[key] = made
    return found


def _of_task(program: Program, step: Step, task: Task[Any]) -> ItemKind:
    first = len(accesses_of(step.task.arguments))
    reads = step.reads[first : first + len(task.accesses)]
    caller, operands = caller_of(task, reads, 0)
    more = step.op.more._replace(caller=caller, operands=operands, out=0, keep=False, sink=None)
    mode, expected = mode_of(task), expected_of(task, program.plain)
    register = reads[0] if reads else ITEM
    op = step.op._replace(mode=mode, fn=task.fn, register=register, expected=expected, clear=0, target=0, more=more)
    made = replace(
        step,
        task=task,
        op=op,
        wrapped=program.wrapped(task),
        strict=task.output.returns in STRICT,
        reads=reads,
        borrowed=(),
        condition=None,
    )
    has_output, anything = step.task.has_output is not False, expected is program.plain
    return ItemKind(made, None, -1, has_output, task.inlines, task.awaits, expected, anything)


def _of_tree(program: Program, step: Step, each: Each, *, is_sync: bool) -> ItemKind:
    plan = program.plan.inner[step.index]
    way = way_of(plan, "marked", is_sync, False, program.through)  # noqa: FBT003 - see there
    has_output = plan.result >= 0 or each.on_item_failure == "collect"
    return ItemKind(step, way, plan.result, has_output, is_quick=False, awaits=False, expected=(), expects_anything=False)
