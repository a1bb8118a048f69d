"""What one run has: registers, resources, what is kept, and what has failed.

*Guarantees*: when it is finished nothing is alive in it; outputs go innermost first.
*Does not know*: in which order nodes run.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from .._events import Event, Observer
from .._results import StepResult
from .._slots import EMPTY
from ..plan import Plan
from ._calls import CONTEXT, INPUTS
from ._outcome import Failure, RunResult
from ._program import Program
from ._resources import Resource, leave

__all__ = ["Run"]


class Run:
    """The state of one run. Not shared: every call of `run_plan` makes its own."""

    __slots__ = (
        "answer",
        "attempts",
        "check_borrows",
        "failures",
        "kept",
        "noted",
        "observers",
        "plan",
        "program",
        "registers",
        "resources",
    )

    def __init__(
        self,
        plan: Plan,
        program: Program,
        *,
        get: Callable[[Any], Any],
        inputs: Any,
        observers: Sequence[Observer],
        check_borrows: bool,
    ) -> None:
        self.plan = plan
        self.program = program
        self.registers: list[Any] = [EMPTY] * program.registers
        self.registers[CONTEXT] = get
        self.registers[INPUTS] = inputs
        self.resources: dict[int, Resource] = {}
        self.kept: dict[int, Any] = {}
        self.failures: list[Failure] = []
        self.observers = observers
        self.check_borrows = check_borrows
        self.answer = StepResult.success()
        """What the current node has answered, and at the end the run. It stands here and not in frames: on newer Pythons a traceback
        keeps all frames below the one that raised, so that an answer with an error in a frame's variable would be a cycle."""
        self.attempts = 1
        """How many times the task of the current node has been called, where that is counted."""
        self.noted = 0
        """The id of the exception whose place is known already."""

    def result(self) -> RunResult:
        """Give away what is left, and be without it: the traceback of a failure's error leads to this object, and so to a cycle."""
        made = RunResult(self.plan, self.answer, tuple(self.failures), self.kept)
        self.answer, self.failures, self.kept = StepResult.success(), [], {}
        return made

    def path(self, index: int) -> str:
        """The path of a node."""
        return self.plan.layout.path(index)

    def notify(self, event: Event) -> None:
        """Tell all observers."""
        for observer in self.observers:
            observer(event)

    def note(self, error: BaseException, index: int) -> None:
        """Say on an exception at which node it left; once, also if the same object is raised by many runs."""
        if self.noted == id(error) or not issubclass(type(error), _NOTED):
            return
        self.noted = id(error)
        text = f"in node '{self.path(index)}' of plan '{self.plan.name}'"
        with suppress(
            Exception
        ):  # an exception of the user's that refuses notes (a frozen one) is more important than the note
            if text not in getattr(error, "__notes__", ()):
                error.add_note(text)

    async def leave(self, indexes: Iterable[int], error: BaseException | None) -> None:
        """Exit the resources of these nodes, in this order, all of them; then raise the last error that came of it, if any."""
        told = error
        for index in indexes:
            resource = self.resources.pop(index, None)
            if resource is None:
                continue
            try:
                await leave(resource, told)
            except BaseException as raised:  # noqa: BLE001 - raised again below, when the other resources have been left
                self.note(raised, index)
                _chain(raised, told, error)
                told = raised
        try:
            if told is not error and told is not None:
                _raise_as_it_is(told)
        finally:
            del told, error  # this frame is in the traceback: it would be a cycle that keeps everything until collected

    def remember(self, late: BaseException) -> None:
        """Say on an error that came while a run was ending how it had ended: there will be no result that does."""
        for failure in self.failures:
            with suppress(Exception):
                late.add_note(f"the run had ended already: {failure}")
                _chain(late, failure.error, None)
        self.failures.clear()

    async def finish(self, index: int, error: BaseException | None) -> None:
        """Let go of everything that is alive after the node at `index`, innermost first."""
        try:
            await self.leave(sorted(self.resources, reverse=True), error)
        finally:
            self._release_all(index)
            del error

    def _release_all(self, index: int) -> None:
        registers = self.registers
        registers[CONTEXT] = registers[INPUTS] = EMPTY
        alive = sum(obj is not EMPTY for obj in registers)
        while alive and index >= 0:
            # The slot's latest writer comes first on the way back, so what is found in it is that node's output.
            step = self.program.steps[index]
            for register in (step.stage[1] if step.stage else 0, step.out):
                if registers[register] is not EMPTY:
                    registers[register] = EMPTY
                    alive -= 1
            index -= 1


def _raise_as_it_is(error: BaseException) -> None:
    """Raise an exception without letting Python make the one that is being handled its context."""
    context = error.__context__
    try:
        raise error  # noqa: TRY301 - that is what it is for
    except BaseException:
        error.__context__ = context
        raise
    finally:
        del error, context


def _chain(raised: BaseException, earlier: BaseException | None, first: BaseException | None) -> None:
    """Put the error that a resource was told of behind the one that its exit raised, as nested `with` statements would.

    While `first` is being handled Python makes it the context of whatever is raised, and so leaves out what came in between.
    """
    last = raised
    while last is not earlier:
        context = last.__context__
        if context is None or (context is first and context is not earlier):
            last.__context__ = earlier
            return
        last = context


_NOTED = (Exception, BaseExceptionGroup, KeyboardInterrupt, SystemExit)
"""What is worth a note. Cancellation is not: it came from outside, and its receiver compares and discards it."""
