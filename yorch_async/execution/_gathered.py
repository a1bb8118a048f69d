"""What becomes of the elements of a node: their results, in a list or reduced, and what was left out because it failed.

*Guarantees*: results stand in the order in which they are given; what nobody will see is not kept.
*Does not know*: how an element is run.
"""

from typing import Any, Final

from .._errors import ResultError, problem
from .._items import Each
from .._results import StepResult, TaskResult
from .._slots import EMPTY
from ._item import item_of
from ._outcome import Failure, LeftOut
from ._program import Step
from ._state import SUCCESS, Run

__all__ = ["Gathered"]

NOTED: Final = 100
"""Of how many elements that are left out it is noted why."""


class Gathered:
    """The results of one node in one run. It has state: those so far."""

    closing: Any = None
    """What is to be closed when all is over."""

    def __init__(self, run: Run, step: Step) -> None:
        self.run = run
        self.step = step
        each: Any = step.task.each
        self.each: Each = each
        self.kind = item_of(run.program, step, is_sync=run.is_sync)
        """How an element is run."""
        self.results: list[Any] = []
        self.folded: Any = self.each.initial
        self._failed = 0
        self._noted: list[Failure] = []

    def gather(self, value: Any) -> None:
        """Put a result to the others."""
        if value is not EMPTY:
            if self.each.reduce is not None:
                self.folded = value if self.folded is EMPTY else self.each.reduce(self.folded, value)
            elif self.kind.has_output:
                self.results.append(value)

    def leave_out(self, failure: Failure) -> None:
        """Note an element that has failed, and has no result."""
        self._failed += 1
        if len(self._noted) < NOTED:
            self._noted.append(failure)

    def tell_left_out(self) -> None:
        """Let the result of the run say what was left out."""
        if self._failed and self.run.left_out is not None:
            index, path = self.step.index, self.run.path(self.step.index)
            self.run.left_out.append(LeftOut(path, index, self._failed, tuple(self._noted)))

    def output(self) -> StepResult | TaskResult[Any]:
        """What the node answers."""
        if self.each.reduce is None:
            return TaskResult.success(self.results) if self.kind.has_output else SUCCESS
        if self.folded is EMPTY:
            raise ResultError(problem("nothing-reduced", self.run.path(self.step.index)))
        return TaskResult.success(self.folded)

    def forget(self) -> None:
        """Let go of everything: exceptions that somebody keeps lead here."""
        self.results, self.folded, self._noted = [], EMPTY, []
        del self.run
