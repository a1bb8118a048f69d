"""One run of a runner, as the runner has it: how far it is, and what came of it.

*Guarantees*: a run ends once, and what came of it never changes. What it raises is kept and goes nowhere else, except what is to end
the program. A failure that nobody has been given is logged, once, at the latest when nobody can ask for it any more.
*Does not know*: what is run, and when it is its turn.
"""

import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from types import TracebackType
from typing import Final, TypeAlias, cast

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from .._errors import RunCancelled, RunFailed
from .._events import RunEnded
from .._results import StepStatus
from ..execution import RunResult, raise_as_it_is, set_traceback, traceback_of
from ._feed import Feed
from ._states import RunState

__all__ = ["Call", "Job", "Outcome", "alone_in"]

_logger: Final = logging.getLogger("yorch_async.runner")

Call: TypeAlias = Callable[[], Awaitable[RunResult]]
Outcome: TypeAlias = RunResult | BaseException
"""What comes of a run: its result, or what it raised."""


class Job:
    """Has state: how far the run is. Shared by the runner, which lets it begin and end, and the handle."""

    def __init__(self, number: int, name: str, plan: str, feed: Feed | None, withdraw: Callable[["Job"], None]) -> None:
        self.id = number
        self.name = name
        self.plan = plan
        self.feed = feed
        self.state = RunState.PENDING
        self.started: float | None = None
        self.ended: float | None = None
        self.outcome: Outcome | None = None
        self.is_known = False
        """Whether somebody has been given what came of it."""
        self._withdraw: Callable[[Job], None] | None = withdraw
        self._scope = anyio.CancelScope()
        self._done = anyio.Event()
        self._trace: TracebackType | None = None

    def begin(self) -> None:
        """Note that it runs from now on."""
        self.state, self.started, self._withdraw = RunState.RUNNING, perf_counter(), None

    async def perform(self, call: Call) -> None:
        """Run it. A cancellation ends here too, wherever it came from: who else is meant by it is told on their own."""
        outcome: Outcome | None = None
        try:
            with self._scope:
                await checkpoint_if_cancelled()  # a plan that never waits would not notice that it is not wanted any more
                outcome = await call()
        except BaseException as error:  # noqa: BLE001 - it belongs to who awaits the run
            outcome = _without_cancellation(error)
        try:
            self.end(outcome)
            if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
                self.is_known = True
                raise_as_it_is(outcome)
        finally:
            del self, call, outcome  # the traceback of what it raised leads to this frame: it would be a cycle

    def end(self, outcome: Outcome | None) -> None:
        """Note what came of it (None: it was cancelled), and tell all who wait."""
        self.ended, self._withdraw = perf_counter(), None
        if outcome is None:
            outcome, self.state = RunCancelled(self.plan, self.name), RunState.CANCELLED
        else:
            self.state = RunState.SUCCEEDED if _is_good(outcome) else RunState.FAILED
        if isinstance(outcome, BaseException):
            trace = traceback_of(outcome)
            self._trace = trace and trace.tb_next  # without `perform`, which leads back here
            set_traceback(outcome, self._trace)
        self.outcome = outcome
        if self.feed is not None:
            self.feed.add(self._told(outcome, self.ended))
        self._done.set()

    def _told(self, outcome: Outcome, now: float) -> RunEnded:
        elapsed = 0.0 if self.started is None else now - self.started
        if isinstance(outcome, RunResult):
            return RunEnded(self.plan, outcome.status, elapsed, outcome.step.error, now)
        return RunEnded(self.plan, None, elapsed, outcome, now)

    def cancel(self) -> None:
        """End it, if it has not ended."""
        if self._withdraw is not None:
            self._withdraw(self)
        else:
            self._scope.cancel()

    async def wait(self) -> RunResult:
        """Wait for its end, and return or raise what came of it."""
        try:
            await self._done.wait()
            return self._give()
        finally:
            del self  # see `perform`

    def _give(self) -> RunResult:
        outcome, self.is_known = self.outcome, True
        try:
            if isinstance(outcome, BaseException):
                set_traceback(outcome, self._trace)  # without the frames of who awaited it before
                raise_as_it_is(outcome)
            return cast("RunResult", outcome)
        finally:
            del self, outcome

    def report(self) -> None:
        """Log a failure, unless somebody knows it."""
        if self.state is not RunState.FAILED or self.is_known:
            return
        self.is_known = True
        _logger.error(
            "run '%s' of plan '%s' failed, and nobody awaited it",
            self.name,
            self.plan,
            exc_info=_error_of(self.outcome),
            extra={"run": self.name, "run_id": self.id, "plan": self.plan},
        )

    def __del__(self) -> None:
        self.report()


def _is_good(outcome: Outcome) -> bool:
    return isinstance(outcome, RunResult) and outcome.status in (StepStatus.SUCCESS, StepStatus.ABORT_BRANCH)


def _error_of(outcome: Outcome | None) -> BaseException | None:
    """What a failure raises, or would raise if it were asked for its status."""
    if not isinstance(outcome, RunResult):
        return outcome
    error = RunFailed(outcome.plan.name, outcome.status, outcome.failures)
    error.__cause__ = outcome.step.error
    return error


def _without_cancellation(error: BaseException) -> BaseException | None:
    """What is left of an error when cancellation is left out."""
    if isinstance(error, Exception):
        return error
    cancelled = anyio.get_cancelled_exc_class()
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(cancelled)[1]
    return None if isinstance(error, cancelled) else error


def alone_in(raised: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error in a group, without the cancellation beside it; the group itself, if there are more."""
    cancelled = anyio.get_cancelled_exc_class()
    errors = [error for error in raised.exceptions if not isinstance(error, cancelled)]
    return errors[0] if len(errors) == 1 else raised
