"""Elements of a node at the same time: by workers, tasks of the event loop that are opened only where an element really waits.

A worker takes the next element when it is done with one. Before it begins one that may wait, it sees that a *spare* worker has been
started, which begins when the first one waits, and then does the same; so where nothing waits one worker does it all. Elements that
come from an async iterable are taken by the node's own task alone, as what makes them may have opened scopes in it, and have a task
each.

*Guarantees*: no more elements are taken than are worked on, nor more than the node and the run allow; no worker outlives the node; a
worker whose task is not as it was takes no further element.
*Does not know*: how an element is run.
"""

from collections.abc import AsyncIterator, Iterator
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Final

from anyio import Event, create_task_group, get_cancelled_exc_class, sleep_forever
from anyio.lowlevel import checkpoint_if_cancelled

from .._errors import ResultError, problem
from .._slots import EMPTY
from ._elements import Answered, Elements, Waits
from ._program import Step
from ._raised import raise_as_it_is
from ._starter import Starter
from ._state import Run, Several
from ._watch import Watch, watch

__all__ = ["Crowd"]

LIMIT: Final = 100
"""How many elements are worked on at the same time where neither the node nor the run says."""
MASK: Final = 7
"""It is looked at the clock after every eighth element: these bits of its number."""
AHEAD: Final = 16
"""Of how many elements, for each that may be worked on, results may wait for an earlier one before no further element is taken."""


class Crowd(Elements):
    """Elements that are worked on at the same time. It has state: the workers, and what waits for earlier results."""

    def __init__(self, run: Run, step: Step) -> None:
        super().__init__(run, step)
        given = [limit for limit in (self.each.max_concurrency, run.crew.limit) if limit is not None]
        self._limit = min(given, default=LIMIT)
        self._active = 1
        self._has_spare = False
        self._is_over = False
        """Whether no further element is to be taken."""
        self._is_exhausted = False
        self._waits = False
        """Whether a task that is no coroutine function has turned out to give what is awaited."""
        self._errors: list[tuple[int, BaseException]] = []
        self._held: dict[int, Any] = {}
        """Results that wait for earlier ones."""
        self._next = 1
        """The number of the result that is to be taken next."""
        self._changed = Event()
        """That somebody is done."""

    # --- results in order

    def add(self, number: int, value: Any) -> None:
        """Take a result: the next one, or one that waits for those before it."""
        if number != self._next:
            self._held[number] = value
            return
        super().add(number, value)
        self._next += 1
        while self._held and self._next in self._held:
            super().add(self._next, self._held.pop(self._next))
            self._next += 1
            self._changed.set()

    # --- workers

    async def all(self, elements: Iterator[Any]) -> None:
        """Run all of them."""
        self._elements, self._numbered = elements, enumerate(elements, 1)
        self._is_quick = self.kind.is_quick and not self.run.observers
        await self._together(partial(self._work, is_host=True))

    async def stream(self, elements: AsyncIterator[Any]) -> None:
        """Run all of them."""
        await self._together(partial(self._take, elements))

    async def _together(self, begin: Any) -> None:
        """Begin, and wait for all workers; raise what has gone wrong."""
        self._context: Context = copy_context()
        try:
            async with create_task_group() as group:
                self._starter = Starter(group, self._context, self.run.plan.name)
                await begin()
        except get_cancelled_exc_class():
            if not self._errors:
                raise
        errors = sorted(self._errors, key=lambda each: each[0])
        self._errors.clear()
        try:
            raised = [error for _, error in errors if type(error) is not Answered]
            if len(raised) > 1:
                raise Several(raised)
            if errors:
                raise_as_it_is(raised[0] if raised else errors[0][1])
        finally:
            del errors, raised

    def _fail(self, number: int, error: BaseException) -> None:
        self._errors.append((number, error))
        self._is_over = True
        self._starter.group.cancel_scope.cancel()

    def waits(self) -> None:
        """Before a worker waits: see that another one can go on."""
        stays = self._has_spare or self._is_over or self._is_exhausted or self._active >= self._limit
        if not stays and self.run.crew.take():
            self._active += 1
            self._hire(is_counted=True)

    def _hire(self, *, is_counted: bool) -> None:
        self._has_spare = True
        began: list[bool] = []
        self._starter.start(self._spare, began, is_counted, lost=partial(self._lost, began, is_counted=is_counted))

    def _lost(self, began: list[bool], *, is_counted: bool) -> None:
        """See that a task that was cancelled before its first step is not counted any more."""
        if not began:
            self._end(is_counted=is_counted)

    def _end(self, *, is_counted: bool) -> None:
        self._active -= 1
        if is_counted:
            self.run.crew.give()
        self._changed.set()

    async def _spare(self, began: list[bool], is_counted: bool) -> None:  # noqa: FBT001 - handed through
        """Take over when a worker waits."""
        began.append(True)
        self._has_spare, is_replaced = False, False
        try:
            is_replaced = await self._work(is_host=False, is_counted=is_counted)
        finally:
            if not is_replaced:
                self._end(is_counted=is_counted)

    async def _work(self, *, is_host: bool, is_counted: bool = False) -> bool:
        """Take elements until there are none; whether another worker has to go on, because the task is not as it was."""
        mine, view, at = self.state(), watch(self._starter.group), [0]
        try:
            if not is_host:
                await checkpoint_if_cancelled()
            if await self._take_all(mine, view, at):
                return False
            self._hire(is_counted=is_counted)
        except get_cancelled_exc_class():
            if is_host or view.is_cancelled:
                raise
            self._fail(at[0], ResultError(problem("cancelled", f"{mine.path(self.step.index)}[{at[0]}]")))
        except BaseException as error:  # noqa: BLE001 - raised by `_together`
            self._fail(at[0], error)
        finally:
            view.forget()
            mine.forget()
        return not self._is_over

    async def _take_all(self, mine: Run, view: Watch, at: list[int]) -> bool:
        """Take elements while there are any and the task is as it was; whether there are none left."""
        if self._is_quick and not self.kind.awaits and not self._waits:
            try:
                is_clean = await self.quickly(self._elements, mine, self._context)
                if not (is_clean and view.is_clean(self._context)):
                    return False
            except Waits as met:
                self._numbered, self._next, self._waits = enumerate(self._elements, self.number + 1), self.number, True
                self.add(self.number, await self._first_awaited(mine, met.awaitable))
            else:
                return True
            finally:
                at[0] = self.number
        return await (self._take_quickly if self._is_quick else self._take_slowly)(mine, view, at)

    async def _first_awaited(self, mine: Run, awaitable: Any) -> Any:
        """The result of the first element of which it has turned out that it waits."""
        element, self._element = self._element, EMPTY
        self.waits()
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
            self.waits()
            self.add(number, await self.one(mine, number, (element, element := EMPTY)[0]))
            if not view.is_clean(self._context):
                return False
            if self._held or self._is_over:
                await self._wait_for_room()
            await self.breathe()
        self._is_exhausted = True
        return True

    async def _take_quickly(self, mine: Run, view: Watch, at: list[int]) -> bool:  # noqa: C901, PLR0912 - one loop, because a call per element would cost more than the element
        """Call a task of which a call that succeeds is all there is to an element."""
        kind, context, empty = self.kind, self._context, EMPTY
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
                            self.waits()
                        value = await call(element) if awaits else call(element)
                        if type(value) not in expected:
                            value = await self.looked_at(mine, number, element, value)
                        element = empty  # noqa: PLW2901 - what fails from here on is no failure of an element
                        if number == self._next and value is not empty and not self._held:
                            if reduce is None:
                                append(value)
                            else:
                                self.folded = value if self.folded is empty else reduce(self.folded, value)
                            self._next = number + 1
                        else:
                            self.add(number, value)
                        if place.cancel_scope is not scope or cancels() != count or copy_context() != context:
                            return False
                        if self._held or self._is_over:
                            await self._wait_for_room()
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

    async def _wait_for_room(self) -> None:
        """Before another element is taken: let results catch up that wait for an earlier one, where they are not to be kept anyway."""
        if self._is_over:
            await sleep_forever()  # it is being cancelled
        while self.each.reduce is not None and len(self._held) > AHEAD * self._limit:
            await self._wait()

    async def _wait(self) -> None:
        self._changed = Event()
        await self._changed.wait()

    # --- elements that come one by one

    async def _take(self, elements: AsyncIterator[Any]) -> None:
        """Take elements in the node's own task, and open a task for each."""
        mine, number = self.state(), 0
        try:
            async for element in elements:
                number += 1
                while self._active > self._limit:
                    await self._wait()
                await self._wait_for_room()
                if self._limit > 1 and self.run.crew.take():
                    self._active += 1
                    began: list[bool] = []
                    lost = partial(self._lost, began, is_counted=True)
                    self._starter.start(self._single, began, number, element, lost=lost)
                else:
                    self.add(number, await self.one(mine, number, element))
                del element
        except get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `_together`
            self._fail(number, error)
        finally:
            mine.forget()

    async def _single(self, began: list[bool], number: int, element: Any) -> None:
        """Run one element in a task of its own."""
        began.append(True)
        mine, view = self.state(), watch(self._starter.group)
        try:
            self.add(number, await self.one(mine, number, (element, element := EMPTY)[0]))
        except get_cancelled_exc_class():
            if view.is_cancelled:
                raise
            self._fail(number, ResultError(problem("cancelled", f"{self.run.path(self.step.index)}[{number}]")))
        except BaseException as error:  # noqa: BLE001 - raised by `_together`
            self._fail(number, error)
        finally:
            view.forget()
            mine.forget()
            self._end(is_counted=True)
