"""Elements at the same time by workers, tasks of the event loop that are opened only where an element really waits.

A worker takes the next element when it is done with one. Before it begins one that may wait, it sees that a *spare* worker has been
started, which begins when the first one waits, and then does the same; so where nothing waits one worker does it all.

*Guarantees*: a worker whose task is not as it was takes no further element; another one does.
*Does not know*: how an element is run by more than a call.
"""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

from anyio import get_cancelled_exc_class
from anyio.lowlevel import checkpoint_if_cancelled

from .._slots import EMPTY
from ._crowd import Crowd, Ticket
from ._program import Step
from ._signals import Waits
from ._state import Run
from ._watch import Watch, watch

__all__ = ["Workers"]

MASK: Final = 7
"""It is looked at the clock after every eighth element: these bits of its number."""


class Workers(Crowd):
    """All workers of a node. It has state: whether one more is on its way."""

    def __init__(self, run: Run, step: Step) -> None:
        super().__init__(run, step)
        self._elements: Iterator[Any] = iter(())
        self._has_spare = False
        self._is_exhausted = False
        self._is_quick = self.kind.is_quick and not run.observers
        self._waits = False
        """Whether a task that is no coroutine function has turned out to give what is awaited."""

    async def all(self, elements: Iterator[Any]) -> None:
        """Run all of them."""
        self._elements = elements
        del elements
        begin: Callable[[], Awaitable[object]] = self._host
        while not self._is_exhausted:  # once more, should somebody have cancelled a worker before it could take over
            self.active, self._has_spare = 1, False
            await self.together(begin)
            begin = self._no_host

    async def _host(self) -> None:
        """Work in the node's own task."""
        await self._work(Ticket(is_counted=False), is_host=True)

    async def _no_host(self) -> None:
        """Let another task do it, as the node's own is not as it was."""
        self._hire(Ticket(is_counted=False))

    def wanted(self) -> None:
        """See that another worker goes on when this one waits."""
        stays = self._has_spare or self.is_over or self._is_exhausted or self.active >= self.limit
        if not stays and self.room.take(self.wanted):
            self.active += 1
            self._hire(Ticket(is_counted=True))

    def _hire(self, ticket: Ticket) -> None:
        self._has_spare = True
        self.starter.start(self._spare, ticket, lost=partial(self._lost, ticket))

    def _lost(self, ticket: Ticket) -> None:
        """See that a task that was cancelled before its first step is not counted any more."""
        if not ticket.has_begun:
            self._has_spare = False
            self.end(ticket)

    async def _spare(self, ticket: Ticket) -> None:
        """Take over when a worker waits."""
        ticket.has_begun, self._has_spare, is_replaced = True, False, False
        try:
            is_replaced = await self._work(ticket, is_host=False)
        finally:
            if not is_replaced:
                self.end(ticket)

    async def _work(self, ticket: Ticket, *, is_host: bool) -> bool:
        """Take elements until there are none; whether another worker has to go on, because the task is not as it was."""
        mine, view, at = self.state(), watch(self.starter.group), [0]
        try:
            if not is_host:
                await checkpoint_if_cancelled()
            if await self._take_all(mine, view, at) or self.is_over:
                return False
            # It was for all of them, and an element has caught it.
            if is_host and view.was_cancelled:
                raise get_cancelled_exc_class()  # noqa: TRY301 - as it would have come here
            self._hire(Ticket(is_counted=ticket.is_counted))
        except get_cancelled_exc_class() as cancelled:
            if view.is_cancelled or (is_host and view.was_cancelled):
                raise
            self.fail_cancelled(at[0], cancelled)
        except BaseException as error:  # noqa: BLE001 - raised by `together`
            self.fail(at[0], error)
        finally:
            view.forget()
            self.let_go(mine)
        return not self.is_over

    async def _take_all(self, mine: Run, view: Watch, at: list[int]) -> bool:
        """Take elements while there are any and the task is as it was; whether there are none left."""
        if self._is_quick and not self.kind.awaits and not self._waits:
            awaitable, is_clean = None, False
            try:
                is_clean = await self.quickly(self._elements, mine, self.context)
            except Waits as met:
                awaitable = met.awaitable
            finally:
                at[0] = self.number
            if awaitable is None:
                self._is_exhausted = is_clean
                return is_clean
            self._waits, self.next = True, self.number
            self.add(self.number, await self._first_awaited(mine, (awaitable, awaitable := None)[0]))
            if not view.is_clean(self.context):
                return False
        return await (self._take_quickly if self._is_quick else self._take_slowly)(mine, view, at)

    async def _first_awaited(self, mine: Run, awaitable: Any) -> Any:
        """The result of the first element of which it has turned out that it waits."""
        number, failed = self.number, None
        element, self._element = self._element, EMPTY
        self.wanted()
        try:
            return await self.looked_at(mine, number, element, (awaitable, awaitable := None)[0])
        except Exception as error:
            if self.is_end(error):
                raise
            failed = error
        return await self.again(mine, number, (element, element := EMPTY)[0], None, (failed, failed := None)[0])

    async def _take_slowly(self, mine: Run, view: Watch, at: list[int]) -> bool:
        """Run each by a turn of its own, or as the run of a tree."""
        for element in self._elements:
            self.number = at[0] = number = self.number + 1
            self.wanted()
            self.add(number, await self.one(mine, number, (element, element := EMPTY)[0]))
            if not view.is_clean(self.context):
                return False
            if self.held or self.is_over:
                await self.wait_for_room()
            await self.breathe()
        self._is_exhausted = True
        return True

    async def _take_quickly(self, mine: Run, view: Watch, at: list[int]) -> bool:  # noqa: C901, PLR0912 - one loop, because a call per element would cost more than the element
        """Call a task of which a call that succeeds is all there is to an element."""
        kind, context, empty, reduce = self.kind, self.context, EMPTY, self.each.reduce
        call, awaits, expected = kind.call(mine), kind.awaits, kind.expected
        number, element, value = 0, EMPTY, EMPTY
        append: Any = self.results.append if kind.has_output else self.gather
        try:
            while not self._is_exhausted:
                failed = None
                try:
                    for element in self._elements:
                        self.number = number = self.number + 1
                        if not self._has_spare:
                            self.wanted()
                        value = await call(element) if awaits else call(element)
                        if type(value) not in expected:
                            value = await self.looked_at(mine, number, element, value)
                        element = empty  # noqa: PLW2901 - what fails from here on is no failure of an element
                        if number == self.next and value is not empty and not self.held:
                            if reduce is None:
                                append(value)
                            else:
                                self.folded = value if self.folded is empty else reduce(self.folded, value)
                            self.next = number + 1
                        else:
                            self.add(number, value)
                        value = empty
                        if not view.is_clean(context):
                            return False
                        if self.held or self.is_over:
                            await self.wait_for_room()
                        if not number & MASK:
                            await self.breathe()
                    self._is_exhausted = True
                except Exception as error:
                    if element is empty or self.is_end(error):
                        raise
                    failed = error
                if failed is not None:
                    value = await self.again(mine, number, (element, element := empty)[0], None, (failed, failed := None)[0])
                    self.add(number, (value, value := empty)[0])
                    if not view.is_clean(context):
                        return False
            return True
        finally:
            at[0] = number
            del element, value, append, call

    async def awaited(self, awaitable: Any) -> Any:
        """Await what a task has returned that was not known to be a coroutine function: from now on, beside others."""
        if self._waits or self.kind.awaits:
            return await awaitable
        raise Waits(awaitable)

    def forget(self) -> None:
        """Let go of everything."""
        super().forget()
        self._elements = iter(())
