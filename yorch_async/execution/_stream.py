"""Elements at the same time that come one by one, from an async iterable: a task of the event loop for each.

They are taken by the node's own task alone, as what makes them may have opened scopes in it.

*Guarantees*: an element is taken when there is somebody to work on it, and leaves nothing behind for another one.
*Does not know*: how an element is run.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from anyio import get_cancelled_exc_class

from .._slots import EMPTY
from ._crowd import Crowd, Ticket
from ._program import Step
from ._resources import close
from ._state import Run
from ._watch import watch

__all__ = ["Stream"]


class Stream(Crowd):
    """The elements of an async iterable. It has state: who has the place of the node itself."""

    def __init__(self, run: Run, step: Step) -> None:
        super().__init__(run, step)
        self._elements: Any = None
        self._own: Ticket | None = None
        """Whoever works in the place of the node, so that it does not take elements meanwhile."""

    async def stream(self, elements: AsyncIterator[Any]) -> None:
        """Run all of them."""
        self._elements = elements
        del elements
        await self.together(self._take)

    async def _take(self) -> None:
        """Take elements in the node's own task, and open a task for each."""
        try:
            try:
                await self._take_all()
            finally:
                # Here, because a scope that it has opened is inside of the one around the elements.
                if self.closing is not None:
                    closing, self.closing = self.closing, None
                    await close((closing, closing := None)[0])
        except get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `together`
            self.fail(self.number + 1, error)

    async def _take_all(self) -> None:
        while True:
            try:
                element = await anext(self._elements)
            except StopAsyncIteration:
                return
            self.number += 1
            self._begin(self.number, (element, element := EMPTY)[0])
            while self.active >= self.limit or self._own is not None:
                await self.wait()
            await self.wait_for_room()

    def _begin(self, number: int, element: Any) -> None:
        ticket = Ticket(is_counted=self.limit > 1 and self.room.take(self.wanted))
        if not ticket.is_counted:
            self._own = ticket
        self.active += 1
        self.starter.start(self._single, ticket, number, element, lost=partial(self._lost, ticket, number))

    def wanted(self) -> None:
        """Give the place of the node back to it, where there is another one now."""
        if self._own is not None and not self.is_over and self.room.take(self.wanted):
            self._own.is_counted, self._own = True, None
            self.changed.set()

    def _lost(self, ticket: Ticket, number: int) -> None:
        """See that an element whose task was cancelled before its first step is not forgotten."""
        if not ticket.has_begun:
            self.fail_cancelled(number, None)
            self.end(ticket)

    async def _single(self, ticket: Ticket, number: int, element: Any) -> None:
        """Run one element in a task of its own."""
        ticket.has_begun = True
        mine, view = self.state(), watch(self.starter.group)
        try:
            self.add(number, await self.one(mine, number, (element, element := EMPTY)[0]))
        except get_cancelled_exc_class() as cancelled:
            if view.is_cancelled:
                raise
            self.fail_cancelled(number, cancelled)
        except BaseException as error:  # noqa: BLE001 - raised by `together`
            self.fail(number, error)
        finally:
            view.forget()
            self.let_go(mine)
            self.end(ticket)

    def end(self, ticket: Ticket) -> None:
        """One task less works on elements."""
        if self._own is ticket:
            self._own = None
        super().end(ticket)

    def forget(self) -> None:
        """Let go of everything."""
        super().forget()
        self._elements = None
