"""Whether a node is to run at all: its condition (`when=`), asked once, before its task and all adapters.

*Guarantees*: a condition is lent what it looks at, and nothing of it is kept.
*Does not know*: what becomes of a node that does not run.
"""

from typing import Any, Final

from .._results import StepResult
from .._types import class_of
from ._calls import Condition
from ._state import Run

__all__ = ["UNMET", "holds"]

UNMET: Final = StepResult.abort_branch("its condition did not hold")
"""What a node answers that did not run for that reason."""


async def holds(run: Run, condition: Condition) -> bool:
    """Ask the condition of a node; the run's answer is then `UNMET` where that is no."""
    fn, caller, operands = condition
    answer: Any = caller(fn, run.slots, operands)
    if hasattr(class_of(answer), "__await__"):
        answer = await answer
    if answer:
        return True
    run.answer, run.attempts, run.left = UNMET, 0, None
    return False
