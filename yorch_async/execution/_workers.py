"""Elements at the same time by workers, tasks of the event loop that are opened only where an element really waits.

A worker takes the next element when it is done with one. Before it begins one that may wait, it sees that a *spare* worker has been
started, which begins when the first one waits, and then does the same; so where nothing waits one worker does it all.

*Guarantees*: a worker whose task is not as it was takes no further element; another one does.
*Does not know*: how an element is run by more than a call.
"""

from collections.abc import Iterator
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from anyio import get_cancelled_exc_class
from anyio.lowlevel import checkpoint_if_cancelled

from .._errors import ResultError, problem
from .._slots import EMPTY
from ._crowd import Crowd
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
        self.active = 1
        self._has_spare = False
        self._is_exhausted = False
        self._is_quick = self.kind.is_quick and not run.observers
        self._waits = False
        """Whether a task that is no coroutine function has turned out to give what is awaited."""

    async def all(self, elements: Iterator[Any]) -> None:
        """Run all of them."""
        self._elements, self._numbered = elements, enumerate(elements, 1)
        await self.together(partial(self._work, is_host=True))

    def _see_to_others(self) -> None:
        """Before a worker waits: see that another one can go on."""
        stays = self._has_spare or self.is_over or self._is_exhausted or self.active >= self.limit
        if not stays and self.run.crew.take():
            self.active += 1
            self._hire(is_counted=True)

    def _hire(self, *, is_counted: bool) -> None:
        self._has_spare = True
        began: list[bool] = []
        self.starter.start(self._spare, began, is_counted, lost=partial(self.lost, began, is_counted=is_counted))

    async def _spare(self, began: list[bool], is_counted: bool) -> None:  # noqa: FBT001 - handed through
        """Take over when a worker waits."""
        began.append(True)
        self._has_spare, is_replaced = False, False
        try:
            is_replaced = await self._work(is_host=False, is_counted=is_counted)
        finally:
            if not is_replaced:
                self.end(is_counted=is_counted)

    async def _work(self, *, is_host: bool, is_counted: bool = False) -> bool:
        """Take elements until there are none; whether another worker has to go on, because the task is not as it was."""
        mine, view, at = self.state(), watch(self.starter.group), [0]
        try:
            if not is_host:
                await checkpoint_if_cancelled()
            if await self._take_all(mine, view, at) or self.is_over:
                return False
            self._hire(is_counted=is_counted)
        except get_cancelled_exc_class():
            if is_host or view.is_cancelled:
                raise
            self.fail(at[0], ResultError(problem("cancelled", f"{mine.path(self.step.index)}#{at[0]}")))
        except BaseException as error:  # noqa: BLE001 - raised by `_together`
            self.fail(at[0], error)
        else:
            return True
        finally:
            view.forget()
            mine.forget()
        return False

    async def _take_all(self, mine: Run, view: Watch, at: list[int]) -> bool:
        """Take elements while there are any and the task is as it was; whether there are none left."""
        if self._is_quick and not self.kind.awaits and not self._waits:
            try:
                is_clean = await self.quickly(self._elements, mine, self.context)
                if not (is_clean and view.is_clean(self.context)):
                    return False
            except Waits as met:
                self._numbered, self.next, self._waits = enumerate(self._elements, self.number + 1), self.number, True
                self.add(self.number, await self._first_awaited(mine, met.awaitable))
            else:
                return True
            finally:
                at[0] = self.number
        return await (self._take_quickly if self._is_quick else self._take_slowly)(mine, view, at)

    async def _first_awaited(self, mine: Run, awaitable: Any) -> Any:
        """The result of the first element of which it has turned out that it waits."""
        element, self._element = self._element, EMPTY
        self._see_to_others()
        try:
            return await self.looked_at(mine, self.number, element, awaitable)
        except Exception as error:  # noqa: BLE001 - what it means for the node, its options say
            return await self.again(mine, self.number, element, None, error)
        finally:
            element = EMPTY

    async def _take_slowly(self, mine: Run, view: Watch, at: list[int]) -> bool:
        """Run each by a turn of its own, or as the run of a tree."""
        for number, element in self._numbered:
            at[0] = number
            self._see_to_others()
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
        kind, context, empty = self.kind, self.context, EMPTY
        call, awaits, expected, append, reduce = (
            kind.call(mine),
            kind.awaits,
            kind.expected,
            self.results.append,
            self.each.reduce,
        )
        place, scope, cancels, count = view.marks
        number, element, value = 0, EMPTY, EMPTY
        try:
            while True:
                try:
                    for number, element in self._numbered:
                        if not self._has_spare:
                            self._see_to_others()
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
                        if place.cancel_scope is not scope or cancels() != count or copy_context() != context:
                            return False
                        if self.held or self.is_over:
                            await self.wait_for_room()
                        if not number & MASK:
                            await self.breathe()
                except Exception as error:
                    if element is empty or error is self._observed:
                        raise
                    self.add(number, await self.again(mine, number, (element, element := empty)[0], None, error))
                else:
                    self._is_exhausted = True
                    return True
        finally:
            at[0], element, value = number, empty, empty
            del place, cancels

    async def awaited(self, awaitable: Any) -> Any:
        """Await what a task has returned that was not known to be a coroutine function: from now on, beside others."""
        if self._waits or self.kind.awaits:
            return await awaitable
        raise Waits(awaitable)
