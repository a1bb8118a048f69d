"""What one run has: registers, resources, what is kept, and what has failed.

*Guarantees*: when it is finished nothing is alive in it; outputs go innermost first.
*Does not know*: in which order nodes run.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, Final, TypeAlias

import anyio

from .._context import Objects
from .._events import Event, Observer
from .._results import StepResult
from .._slots import EMPTY
from ..plan import CONTEXT, INPUTS, ITEM, Code
from ._outcome import Failure, LeftOut, RunResult
from ._program import Program
from ._raised import context_of, raise_as_it_is, set_context
from ._resources import Resource, leave
from ._room import Room
from ._signals import Left

__all__ = ["SUCCESS", "Run", "Sleep"]

SUCCESS: Final = StepResult.success()

Sleep: TypeAlias = Callable[[float], Awaitable[object]]


_NO_RESOURCES: Final[dict[int, Resource]] = {}
"""What all runs have in common that have entered nothing; nobody writes into it."""


_NOTHING_KEPT: Final[dict[int, Any]] = {}
"""What all runs have that have given away their result; nobody writes into it."""


class Run:
    """The state of one run. Not shared: every call of `run_plan` makes its own."""

    has_gaps = False
    """Whether EMPTY may be among what is kept, for nodes that have succeeded without an output."""
    answer = SUCCESS
    """What the node that was settled last has answered."""
    verdict = SUCCESS
    """What the run answers when it comes to its end."""
    attempts = 0
    """How many times the task of the current node has been called, where that is counted."""
    at = 0
    """The node that an error belongs to."""
    left: tuple[Any, BaseException | None, bool] | None = None
    """How the first call of the node has gone, if it has not simply succeeded: what it returned, or what it raised; and whether that
    ends the run, adapters or not."""
    noted = 0
    """The id of the exception whose place is known already."""
    resources = _NO_RESOURCES
    """What managed nodes have entered, by node."""
    failures: tuple[Failure, ...] = ()
    remarks: Sequence[str] = ()
    """What is to be said of nodes that have failed before a concurrent run was cancelled."""
    cancelled: Sequence[int] = ()
    """The nodes that ran when a concurrent run was cancelled."""
    causes: list[tuple[int, bool]] | None = None
    """The nodes that have not succeeded, each with whether that was because its condition did not hold."""
    above: "tuple[Run, int, int] | None" = None
    """For the run of a tree for one element: the run in which that happens, the node there, and the number of the element."""
    number = 0
    """The element that a state is for, counted from 1; 0: for none."""
    place = ""
    """The path of the node whose elements a state is for, where observers ask for it all the time."""
    left_out: "list[LeftOut] | None" = None
    """What is noted of elements that have failed and were left out."""
    room: Room | None = None
    """What nodes ask that could use further tasks of the loop; None: nodes run one after the other."""
    rest: Any = None
    """The `Rest` of a serial run of a graph, once something in it was left out."""
    observers: Sequence[Observer] = ()
    check_borrows = False
    is_closing = False
    """Whether the coroutine of the run is being closed, so that it ends here, whatever adapters make of that."""
    is_stuck = False
    """Whether something has waited though it was told that it cannot; no adapter is to hear of that."""
    is_watched = False
    """Whether every node has to be observed, or checked for borrows."""

    def __init__(
        self, program: Program, code: Code | None, context: Objects, inputs: Mapping[str, Any], sleep: Sleep | None
    ) -> None:
        # What nearly every run needs is set here, and always in this order: Python is slower with objects of one class that are not.
        self.plan = program.plan
        self.program = program
        self.code = code
        """The generated code, as far as the plan has any."""
        self.slots: list[Any] = [context, inputs, *program.empty]
        """All registers."""
        self.kept: dict[int, Any] = {}
        self.is_sync = sleep is not None
        """Whether there is no event loop to wait by."""
        self.sleep: Sleep = anyio.sleep if sleep is None else sleep
        self.started = perf_counter()

    def beside(self) -> "Run":
        """A state for nodes that run at the same time as others of this run: with what they share, and what is each one's own."""
        made = object.__new__(Run)
        made.plan, made.program, made.code = self.plan, self.program, None
        made.slots, made.kept = self.slots, self.kept
        made.is_sync, made.sleep, made.started = self.is_sync, self.sleep, self.started
        made.observers, made.resources = self.observers, self.resources
        made.is_watched, made.check_borrows = self.is_watched, self.check_borrows
        made.above, made.left_out, made.room = self.above, self.left_out, self.room
        return made

    def forget(self) -> None:
        """Let go of everything: an exception that somebody keeps leads to this object."""
        self.kept, self.slots, self.answer = _NOTHING_KEPT, [], SUCCESS
        self.resources, self.observers, self.room = _NO_RESOURCES, (), None

    def leave_at(self, index: int, error: BaseException, *, is_over: bool = False) -> None:
        """Note how the first call of a node has gone, or the error that is to end the run there."""
        self.at = index
        if type(error) is Left:  # of an exception of the user's nothing is asked, not even its class
            self.left = error.raw, None, is_over
        else:
            self.left = None, error, is_over

    def take_left(self) -> tuple[Any, BaseException | None]:
        """How the first call has gone, to replay it."""
        (raw, error, _), self.left = self.left or (EMPTY, None, False), None
        return raw, error

    def result(self) -> RunResult:
        """Give away what is left, and be without it: tracebacks that somebody keeps lead to this object."""
        kept = {index: obj for index, obj in self.kept.items() if obj is not EMPTY} if self.has_gaps else self.kept
        made = RunResult(self.plan, self.answer, self.failures, kept, self.causes or (), tuple(self.left_out or ()))
        self.kept = _NOTHING_KEPT
        if self.failures:
            self.answer, self.failures = SUCCESS, ()
        if self.left_out:
            self.left_out.clear()
        return made

    def lose(self) -> None:
        """There will be no result: let go of what would be in it."""
        self.kept.clear()
        if self.left_out and self.above is None:
            self.left_out.clear()

    def own(self, index: int, resource: Resource) -> None:
        """Take over what a managed node has entered."""
        if self.resources is _NO_RESOURCES:
            self.resources = {}
        self.resources[index] = resource

    def disown(self, index: int) -> Resource | None:
        """Give away what a managed node has entered, if it is there."""
        return self.resources.pop(index, None)

    def path(self, index: int) -> str:
        """The path of a node."""
        if self.place and self.number:
            return f"{self.place}#{self.number}"
        path = self.plan.layout.path(index)
        if self.above is not None:
            run, at, number = self.above
            path = f"{run.path(at)}#{number}/{path}"
        return f"{path}#{self.number}" if self.number else path

    def notify(self, event: Event) -> None:
        """Tell all observers."""
        for observer in self.observers:
            observer(event)

    def leave_out(self, index: int, *, is_unmet: bool) -> None:
        """Note a node that has not succeeded; what depends on it does not run, nor did itself if its condition did not hold."""
        if self.causes is None:
            self.causes = []
        self.causes.append((index, is_unmet))

    def note(self, error: BaseException, index: int) -> None:
        """Say on an exception at which node it left; once, also if the same object is raised by many runs."""
        if self.noted == id(error) or not issubclass(type(error), _NOTED):
            return
        self.noted = id(error)
        text = f"in node '{self.path(index)}' of plan '{self.plan.name}'"
        with suppress(
            Exception
        ):  # an exception of the user's that refuses notes (a frozen one) is more important than the note
            notes = getattr(error, "__notes__", ())
            if text not in notes and not any(each.startswith(text.partition("' of plan")[0] + "#") for each in notes):
                error.add_note(text)

    async def leave(self, indexes: Iterable[int], error: BaseException | None) -> None:
        """Exit the resources of these nodes, in this order, all of them; then raise the last error that came of it, if any."""
        told, at = error, self.at
        for index in indexes:
            resource = self.disown(index)
            if resource is None:
                continue
            self.at = index
            try:
                await leave(resource, told)
            except BaseException as raised:  # noqa: BLE001 - raised again below, when the other resources have been left
                self.note(raised, index)
                _chain(raised, told, error)
                told = raised
        self.at = at
        try:
            if told is not error and told is not None:
                raise_as_it_is(told)
        finally:
            del told, error  # this frame is in the traceback: it would be a cycle that keeps everything until collected

    def remember(self, late: BaseException) -> None:
        """Say on an error that came while a run was ending how it had ended: there will be no result that does."""
        for failure in self.failures:
            with suppress(Exception):
                late.add_note(f"the run had ended already: {failure}")
                _chain(late, failure.error, None)
        self.failures = ()

    async def finish(self, index: int, error: BaseException | None) -> None:
        """Let go of everything that is alive after the node at `index`, innermost first."""
        try:
            await self.leave(sorted(self.resources, reverse=True), error)
        finally:
            self._release_all(index)
            del error

    def _release_all(self, index: int) -> None:
        registers = self.slots
        registers[CONTEXT] = registers[INPUTS] = registers[ITEM] = EMPTY
        alive = sum(obj is not EMPTY for obj in registers)
        while alive and index >= 0:
            # The slot's latest writer comes first on the way back, so what is found in it is that node's output.
            out = self.program.op(index).more.out
            stage = self.program.rare[index].stage if index in self.program.rare else None
            for register in (stage[1] if stage else 0, out):
                if registers[register] is not EMPTY:
                    registers[register] = EMPTY
                    alive -= 1
            index -= 1


def _chain(raised: BaseException, earlier: BaseException | None, first: BaseException | None) -> None:
    """Put the error that a resource was told of behind the one that its exit raised, as nested `with` statements would.

    While `first` is being handled Python makes it the context of whatever is raised, and so leaves out what came in between.
    """
    last = raised
    while last is not earlier:
        context = context_of(last)
        if context is None or (context is first and context is not earlier):
            set_context(last, earlier)
            return
        last = context


_NOTED = (Exception, BaseExceptionGroup, KeyboardInterrupt, SystemExit)
"""What is worth a note. Cancellation is not: it came from outside, and its receiver compares and discards it."""
