"""Tasks of the event loop that each keep the resource of one managed node: a resource is entered and exited in the same task.

Cancel scopes demand that, task groups and whatever is built on them with it, and so do context variables that an exit resets.

*Guarantees*: what a keeper has entered is exited exactly once, when the keeper is told to, or, should the resource itself cancel the
task that it was entered in, when all nodes have ended.
*Does not know*: in which order resources are to be exited.
"""

import math
from functools import partial
from typing import Any, Protocol

from anyio import CancelScope, Event, current_effective_deadline, get_cancelled_exc_class, sleep_forever
from anyio.lowlevel import checkpoint

from .._errors import ResultError, problem
from .._slots import EMPTY
from ._program import Step
from ._starter import Starter
from ._state import SUCCESS, Run
from ._turn import careful_turn, turn

__all__ = ["Keepers"]


class _Flow(Protocol):
    """The run, as keepers see it."""

    def fail(self, index: int, error: BaseException) -> None:
        """Take note of an error of a node."""

    def stop(self) -> None:
        """End all nodes."""

    def interrupt(self, index: int) -> None:
        """Take note of a node that a cancellation has met."""

    def first_error(self, index: int | None) -> BaseException | None:
        """The error that came first, of a node and those that depend on it; of all nodes, if none is named."""


class _Keeper:
    """One of them. It has state: how far it is."""

    __slots__ = (
        "answer",
        "attempts",
        "ended",
        "error",
        "is_abandoned",
        "is_lost",
        "released",
        "scope",
        "settled",
        "told",
        "value",
    )

    def __init__(self) -> None:
        self.scope = CancelScope()
        """Around the node's turn."""
        self.is_abandoned = False
        """Whether nobody waits for how the turn ends."""
        self.is_lost = False
        """Whether its task was cancelled before its first step."""
        self.settled = Event()
        self.value: Any = EMPTY
        self.answer = SUCCESS
        self.attempts = 0
        self.error: BaseException | None = None
        self.released = Event()
        self.told: BaseException | None = None
        """What the exit is told of."""
        self.ended = Event()


class Keepers:
    """All keepers of a run. It has state: those that have not ended."""

    def __init__(self, flow: _Flow, starter: Starter) -> None:
        self._flow = flow
        self._starter = starter
        self._all: dict[int, _Keeper] = {}
        self._was_cancelled = False
        """Whether a cancellation has ended one of them."""

    async def turn(self, run: Run, step: Step) -> Any:
        """Run a managed node in a task of its own, which then keeps its resource; its output or EMPTY."""
        keeper = self._all[step.index] = _Keeper()
        lost = partial(self._lose, keeper, step.index)
        self._starter.start(self._keep, keeper, run.beside(), step, lost=lost)
        try:
            await keeper.settled.wait()
        except BaseException:
            keeper.is_abandoned = True
            keeper.scope.cancel()
            error, keeper.error = keeper.error, None
            if error is not None and not _is_cancellation(error):
                self._flow.fail(step.index, error)
            del error
            raise
        run.answer, run.attempts = keeper.answer, keeper.attempts
        error, keeper.error = keeper.error, None
        value, keeper.value = keeper.value, EMPTY
        try:
            if error is None and not keeper.is_lost:
                return value
            if error is None or _is_cancellation(error):
                await checkpoint()  # where this task is cancelled as well, by the same scope
                raise ResultError(problem("cancelled", run.path(step.index))) from error
            raise error
        finally:
            del error, value  # the traceback leads to this frame

    def has(self, index: int) -> bool:
        """Whether a node has entered something that it has not exited."""
        return index in self._all

    async def leave(self, index: int, told: BaseException | None) -> None:
        """Let a resource be exited, telling it of an error, and wait until it is."""
        keeper = self._all[index]
        keeper.told = told
        keeper.released.set()
        await keeper.ended.wait()

    async def leave_all(self, error: BaseException | None) -> None:
        """Let all resources that are left be exited, innermost first, telling them what ends the run, as far as that is known."""
        again: BaseException | None = None
        try:
            for _, keeper in sorted(self._all.items(), reverse=True):
                keeper.told = self._flow.first_error(None) if error is None else error
                keeper.released.set()
                while not keeper.ended.is_set():
                    try:
                        # Its exit is cancelled, and as long as that takes the next one has to wait.
                        with CancelScope(shield=True):
                            await keeper.ended.wait()
                    except get_cancelled_exc_class() as cancelled:  # asyncio's own, which knows of no shields
                        error = again = cancelled
                        self._starter.group.cancel_scope.cancel()
            if again is not None:
                raise again
            if self._was_cancelled and current_effective_deadline() == -math.inf:
                await sleep_forever()  # what has ended the exit of a resource is for the whole run, and comes here as well
        finally:
            del error, again  # the traceback leads to this frame

    async def _keep(self, keeper: _Keeper, mine: Run, step: Step) -> None:
        """Run the node, and keep what it has entered until it is released."""
        try:
            with keeper.scope:  # to its end, because what is entered inside it has to be exited inside it
                await self._enter(keeper, mine, step)
                if step.index in mine.resources:
                    await self._exit(keeper, mine, step.index)
        except get_cancelled_exc_class():
            self._was_cancelled = True  # `leave_all` passes it on
            self._flow.interrupt(step.index)
        finally:
            self._all.pop(step.index, None)
            mine.forget()
            keeper.settled.set()
            keeper.ended.set()

    def _lose(self, keeper: _Keeper, index: int) -> None:
        """See that nobody waits for a task that has never run."""
        if not keeper.ended.is_set():
            keeper.is_lost = self._was_cancelled = True
            del self._all[index]
            keeper.settled.set()
            keeper.ended.set()

    async def _enter(self, keeper: _Keeper, mine: Run, step: Step) -> None:
        try:
            keeper.value = await (careful_turn if mine.is_watched else turn)(mine, step)
        except BaseException as error:
            is_cancelled = _is_cancellation(error)
            if not keeper.is_abandoned:
                keeper.error = error
            elif not is_cancelled:
                self._flow.fail(step.index, error)
            if is_cancelled:
                raise
        finally:
            keeper.answer, keeper.attempts = mine.answer, mine.attempts
        if step.index in mine.resources:
            keeper.settled.set()

    async def _exit(self, keeper: _Keeper, mine: Run, index: int) -> None:
        cancelled = get_cancelled_exc_class()
        told: BaseException | None = None
        try:
            try:
                await keeper.released.wait()
                told = keeper.told
            except cancelled as error:
                told = error
                self._flow.stop()
                with CancelScope(shield=True):
                    await keeper.released.wait()
            await mine.leave([index], told)
            if told is not None and _is_cancellation(told) and told is not keeper.told:
                if current_effective_deadline() == -math.inf:
                    raise told  # noqa: TRY301 - see below
                raise ResultError(problem("cancelled", mine.path(index))) from told  # noqa: TRY301 - see below
        except cancelled:
            raise
        except BaseException as error:  # noqa: BLE001 - the flow raises it, with all others, when everything has ended
            self._flow.fail(index, error)
        finally:
            del told
            keeper.told = None


def _is_cancellation(error: BaseException) -> bool:
    # Of an exception of the user's nothing is asked, not even its class.
    return issubclass(type(error), get_cancelled_exc_class())
