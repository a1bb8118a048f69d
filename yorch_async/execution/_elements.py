"""What runs for each element of a node, one after the other: called right here, where a success is all that there is to it.

*Guarantees*: an element is taken when there is somebody to work on it.
*Does not know*: tasks of the event loop.
"""

from collections.abc import AsyncIterator, Iterator
from contextvars import Context, copy_context
from itertools import islice
from time import perf_counter
from typing import Any, Final

from anyio.lowlevel import checkpoint

from .._slots import EMPTY
from ._one import OneByOne
from ._program import Step
from ._signals import Waits
from ._state import Run

__all__ = ["Elements"]

BATCH: Final = 128
"""How many elements are called for before it is looked at the clock."""
SLICE: Final = 0.005
"""How many seconds a node may take before it gives the loop a turn."""


class Elements(OneByOne):
    """The elements of one node in one run. It has state: how far it is, and the results so far."""

    def __init__(self, run: Run, step: Step) -> None:
        super().__init__(run, step)
        self.number: int = 0
        """Of the last element that was taken."""
        self._element: Any = EMPTY
        """The element that has failed; EMPTY: what was raised came from somewhere else."""
        self._due = perf_counter() + SLICE

    # --- one after the other

    async def all(self, elements: Iterator[Any]) -> None:
        """Run all of them."""
        mine = self.state()
        try:
            if self.kind.is_quick and not self.run.observers:
                await self.quickly(elements, mine, None)
                return
            for element in elements:
                self.number += 1
                self.add(self.number, await self.one(mine, self.number, (element, element := EMPTY)[0]))
                await self.breathe()
        finally:
            self.let_go(mine)
            del elements  # this frame may be in a traceback, which must not keep what is gone through

    async def stream(self, elements: AsyncIterator[Any]) -> None:
        """Run all of them."""
        mine = self.state()
        try:
            while True:
                try:
                    element = await anext(elements)
                except StopAsyncIteration:
                    return
                self.number += 1
                self.add(self.number, await self.one(mine, self.number, (element, element := EMPTY)[0]))
                await self.breathe()
        finally:
            self.let_go(mine)
            del elements

    async def quickly(self, elements: Iterator[Any], mine: Run, context: Context | None) -> bool:
        """Call a task for all of them, without more around it than a loop written by hand; whether there are none left.

        With a `context`, only as long as the context variables are these.
        """
        loop = self._listed if self.each.reduce is None else self._folded
        try:
            while True:
                before, failed, is_clean = self.number, None, False
                size = 1 if self.each.reduce is not None and self.folded is EMPTY else BATCH
                try:
                    is_clean = await loop(islice(elements, size), mine, context)
                except Exception as error:
                    if self._element is EMPTY or self.is_end(error) or type(error) is Waits:
                        raise  # from where elements come from, from what reduces the results, or no failure
                    failed = error
                if failed is not None:
                    element, self._element = self._element, EMPTY
                    value = await self.again(
                        mine, self.number, (element, element := EMPTY)[0], None, (failed, failed := None)[0]
                    )
                    self.gather((value, value := EMPTY)[0])
                    if context is not None and not is_same(context):
                        return False
                elif not is_clean or self.number - before < size:
                    return is_clean
                else:
                    await self.breathe()
                if not self.kind.has_output:
                    self.results.clear()
        finally:
            del elements

    async def _listed(self, elements: Iterator[Any], mine: Run, context: Context | None) -> bool:
        call, awaits, expected = self.kind.call(mine), self.kind.awaits, self.kind.expected
        append, first, element, value, empty = self.results.append, self.number - len(self.results), EMPTY, EMPTY, EMPTY
        try:
            for element in elements:
                value = await call(element) if awaits else call(element)
                if type(value) not in expected:
                    value = await self.looked_at(mine, first + len(self.results) + 1, element, value)
                    if value is empty:
                        element, first = empty, first + 1  # noqa: PLW2901 - see below
                        continue
                element = empty  # noqa: PLW2901 - what fails from here on is no failure of an element
                append(value)
                if context is not None and not is_same(context):
                    return False
            return True
        finally:
            self.number = first + len(self.results) + (element is not empty)
            self._element = element
            del elements, element, value, call, append

    async def _folded(self, elements: Iterator[Any], mine: Run, context: Context | None) -> bool:
        call, awaits, expected = self.kind.call(mine), self.kind.awaits, self.kind.expected
        folded, number, element, value, empty = self.folded, self.number, EMPTY, EMPTY, EMPTY
        reduce: Any = _begin if folded is empty else self.each.reduce
        try:
            for number, element in enumerate(elements, self.number + 1):
                value = await call(element) if awaits else call(element)
                if type(value) not in expected:
                    value = await self.looked_at(mine, number, element, value)
                    if value is empty:
                        element = empty  # noqa: PLW2901 - see below
                        continue
                element = empty  # noqa: PLW2901 - what fails from here on is no failure of an element
                folded = reduce(folded, value)
                if context is not None and not is_same(context):
                    return False
            return True
        finally:
            self.number, self.folded, self._element = number, folded, element
            del elements, element, value, folded, call

    async def breathe(self) -> None:
        """Give the loop a turn every few milliseconds."""
        if not self.run.is_sync and perf_counter() > self._due:
            await checkpoint()
            self._due = perf_counter() + SLICE

    def forget(self) -> None:
        """Let go of everything."""
        super().forget()
        self._element = EMPTY


def is_same(context: Context) -> bool:
    """Whether the context variables are these."""
    try:
        return copy_context() == context
    except Exception:  # noqa: BLE001 - it compares values of the user's, where a variable was set
        return False


def _begin(_: Any, value: Any) -> Any:
    """What reduces the first result, where nothing else is to begin with."""
    return value
