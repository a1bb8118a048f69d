"""The call of a task as a function that can be called anywhere, also in a thread that the run has given up.

What the task reads is taken out of the run's registers before the function is handed out, into a list of its own. A thread that begins
late would otherwise find there what belongs to later nodes by then.

*Guarantees*: while the callable runs, a consumed output is referenced by it alone, as in a call that is made right here; when it has
returned, the function holds nothing any more.
*Does not know*: who calls it, and where.
"""

from collections.abc import Callable
from typing import Any

from .._slots import EMPTY
from .._specs import Access
from .._tasks import Kind
from ..plan import CONTEXT, INPUTS, ITEM
from ._calls import Caller, Registers
from ._program import Step
from ._state import Run

__all__ = ["away"]


def away(run: Run, step: Step) -> Callable[[], Any]:
    """Take out of the run what the task reads; the call."""
    task, registers = step.task, [EMPTY] * len(run.slots)
    for register in (CONTEXT, INPUTS, ITEM, *step.reads, *[step.sink] * (task.kind is Kind.DIRECT)):
        registers[register] = run.slots[register]
    for register, (_, source) in zip(step.reads, task.accesses, strict=True):
        if source.access is Access.CONSUME:
            run.slots[register] = EMPTY
    return _Away(step.op.more.caller, task.fn, registers, step.op.more.operands)


class _Away:
    """The call. It has state: what is to be passed, until it has been."""

    __slots__ = ("_caller", "_fn", "_operands", "_registers")

    def __init__(self, caller: Caller, fn: Callable[..., Any], registers: Registers, operands: tuple[Any, ...]) -> None:
        self._caller, self._fn, self._registers, self._operands = caller, fn, registers, operands

    def __call__(self) -> Any:
        try:
            return self._caller(self._fn, self._registers, self._operands)
        finally:
            self._registers.clear()
