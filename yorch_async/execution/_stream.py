"""Elements at the same time that come one by one, from an async iterable: a task of the event loop for each.

They are taken by the node's own task alone, as what makes them may have opened scopes in it.

*Guarantees*: an element is taken when there is somebody to work on it.
*Does not know*: how an element is run.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from anyio import get_cancelled_exc_class

from .._errors import ResultError, problem
from .._slots import EMPTY
from ._crowd import Crowd
from ._watch import watch

__all__ = ["Stream"]


class Stream(Crowd):
    """The elements of an async iterable. It has state: whether one of them takes the place of the node, which waits meanwhile."""

    _is_replaced = False

    async def stream(self, elements: AsyncIterator[Any]) -> None:
        """Run all of them."""
        await self.together(partial(self._take, elements))

    async def _take(self, elements: AsyncIterator[Any]) -> None:
        """Take elements in the node's own task, and open a task for each."""
        number = 0
        try:
            async for element in elements:
                number += 1
                is_counted = await self._place()
                began: list[bool] = []
                lost = partial(self.lost, began, is_counted=is_counted)
                self.starter.start(self._single, began, number, element, is_counted, lost=lost)
                del element
        except get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `_together`
            self.fail(number, error)

    async def _place(self) -> bool:
        """Wait until one more element may be worked on; whether that is counted by the run, or takes the place of the node itself."""
        await self.wait_for_room()
        while True:
            if self.active < self.limit:
                if not self._is_replaced:
                    self._is_replaced = True
                    break
                if self.run.crew.take():
                    self.active += 1
                    return True
            await self.wait()
        self.active += 1
        return False

    async def _single(self, began: list[bool], number: int, element: Any, is_counted: bool) -> None:  # noqa: FBT001 - handed through
        """Run one element in a task of its own."""
        began.append(True)
        mine, view = self.state(), watch(self.starter.group)
        try:
            self.add(number, await self.one(mine, number, (element, element := EMPTY)[0]))
        except get_cancelled_exc_class():
            if view.is_cancelled:
                raise
            self.fail(number, ResultError(problem("cancelled", f"{self.run.path(self.step.index)}#{number}")))
        except BaseException as error:  # noqa: BLE001 - raised by `_together`
            self.fail(number, error)
        finally:
            view.forget()
            mine.forget()
            self.end(is_counted=is_counted)

    def end(self, *, is_counted: bool) -> None:
        """See `Crowd`."""
        if not is_counted:
            self._is_replaced = False
        super().end(is_counted=is_counted)
