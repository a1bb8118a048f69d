"""Elements of a node at the same time: what those who work on them have in common.

*Guarantees*: no more elements are taken than are worked on, nor more than the node and the run allow; results stand in the order of
the elements; no task outlives the node, and every error is raised.
*Does not know*: who works on an element, and how.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from typing import Any, Final

from anyio import Event, create_task_group, get_cancelled_exc_class, sleep_forever

from .._errors import ResultError, problem
from .._results import StepResult, StepStatus
from ._elements import Elements
from ._program import Step
from ._raised import raise_as_it_is
from ._room import Room
from ._signals import Answered, Several
from ._starter import Starter
from ._state import Run

__all__ = ["Crowd", "Ticket", "together"]

LIMIT: Final = 100
"""How many elements are worked on at the same time where neither the node nor the run says."""
AHEAD: Final = 16
"""Of how many elements, for each that may be worked on, results may wait for an earlier one before no further element is taken."""


class Ticket:
    """One task of the event loop that works on elements."""

    __slots__ = ("has_begun", "is_counted")

    def __init__(self, *, is_counted: bool) -> None:
        self.has_begun = False
        self.is_counted = is_counted
        """Whether it was taken from the run's room; otherwise it has the place of the node itself."""


class Crowd(Elements):
    """Elements that are worked on at the same time. It has state: who works, and what waits for earlier results."""

    def __init__(self, run: Run, step: Step) -> None:
        super().__init__(run, step)
        room: Any = run.room  # without one nobody works at the same time as others
        self.room: Room = room
        given = [limit for limit in (self.each.max_concurrency, self.room.limit) if limit is not None]
        self.limit = min(given, default=LIMIT)
        self.active: int = 0
        """How many tasks of the event loop work on elements."""
        self.is_over = False
        """Whether no further element is to be taken."""
        self.context = copy_context()
        self.held: dict[int, Any] = {}
        """Results that wait for earlier ones."""
        self.next = 1
        """The number of the result that is to be taken next."""
        self._errors: list[tuple[int, BaseException]] = []
        self.changed = Event()
        """That somebody is done; a new one as soon as somebody waits for the next."""

    def add(self, number: int, value: Any) -> None:
        """Take a result: the next one, or one that waits for those before it."""
        if not self.kind.has_output:
            return
        if number != self.next:
            self.held[number] = value
            return
        self.gather(value)
        self.next += 1
        while self.held and self.next in self.held:
            self.gather(self.held.pop(self.next))
            self.next += 1
            self.changed.set()

    async def together(self, begin: Callable[[], Awaitable[object]]) -> None:
        """Begin, and wait for all that was started; raise what has gone wrong."""
        try:
            async with create_task_group() as group:
                self.starter = Starter(group, self.context, self.run.plan.name)
                await begin()
        except get_cancelled_exc_class():
            # It was for the whole node; that elements were cancelled as well is no news.
            if all(type(error) is ResultError and error.rule == "cancelled" for _, error in self._errors):
                raise
        errors = sorted(self._errors, key=lambda each: each[0])
        self._errors.clear()
        raised: list[BaseException] = []
        try:
            raised = [error for _, error in errors if type(error) is not Answered]
            answers = [error.answer for _, error in errors if type(error) is Answered]
            if not raised and answers:
                raise Answered(together(answers))
            failed = [answer for answer in answers if answer.status is not StepStatus.ABORT_EXECUTION]
            for answer in failed[:_SHOWN] if raised else ():
                with suppress(Exception):  # one of the user's that refuses notes
                    raised[0].add_note(f"another element did not succeed: {answer.reason}")
            if len(raised) > 1:
                raise Several(raised)
            if raised:
                raise_as_it_is(raised[0])
        finally:
            del errors, raised

    def fail(self, number: int, error: BaseException) -> None:
        """Take note of what ends the node, and end all that works on elements."""
        self._errors.append((number, error))
        self.is_over = True
        self.starter.group.cancel_scope.cancel()

    def fail_cancelled(self, number: int, cause: BaseException | None) -> None:
        """Take note of an element that somebody has cancelled, and not the run."""
        error = ResultError(problem("cancelled", f"{self.run.path(self.step.index)}#{number}"))
        error.__cause__ = cause
        self.fail(number, error)

    def end(self, ticket: Ticket) -> None:
        """One task less works on elements."""
        self.active -= 1
        if ticket.is_counted:
            self.room.give()
        self.changed.set()

    async def wait_for_room(self) -> None:
        """Before another element is taken: let results catch up that wait for an earlier one, where they are not to be kept anyway."""
        if self.is_over:
            await sleep_forever()  # it is being cancelled
        while self.each.reduce is not None and len(self.held) > AHEAD * self.limit:
            await self.wait()

    async def wait(self) -> None:
        """Wait until somebody is done. Several may."""
        if self.changed.is_set():
            self.changed = Event()
        await self.changed.wait()

    def wanted(self) -> None:
        """There may be room for one more task: what is to be done then, both kinds of crowd say themselves."""

    def forget(self) -> None:
        """Let go of everything."""
        super().forget()
        self.held = {}
        self._errors.clear()
        self.room.forget(self.wanted)
        del self.room


_SHOWN: Final = 5
"""Of how many elements it is said how they have ended."""


def together(answers: list[StepResult]) -> StepResult:
    """What a node answers of which several elements have failed at the same moment: as the first one, with the reasons of all."""
    first = answers[0]
    answers = [answer for answer in answers if answer.status is not StepStatus.ABORT_EXECUTION]
    if first not in answers or len(answers) == 1:
        return first
    words = [answer.reason or answer.status.name for answer in answers[:_SHOWN]]
    words += [f"{len(answers) - _SHOWN} more"] * (len(answers) > _SHOWN)
    errors = [answer.error for answer in answers if answer.error is not None]
    error = (
        errors[0] if len(errors) == 1 else BaseExceptionGroup(f"{len(errors)} elements failed", errors) if errors else None
    )
    return replace(first, reason="; ".join(words), error=error)
