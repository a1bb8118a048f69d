"""What runs for each element of a node, one after the other, and how the results are gathered.

An element is run in the quickest way that fits: called right here, where a success is all that there is to it; else by a turn of its
own, or as the run of a tree.

*Guarantees*: an element is taken when there is somebody to work on it; results stand in the order of the elements; how each of them
went is told, noted, or ends the node.
*Does not know*: tasks of the event loop.
"""

from collections.abc import AsyncIterator, Iterator
from contextvars import Context, copy_context
from dataclasses import replace
from itertools import islice
from time import perf_counter
from typing import Any, Final

from anyio.lowlevel import checkpoint

from .._errors import ResultError, problem
from .._events import AttemptStarted, Event, ItemEnded, ItemStarted, RetryWaiting
from .._items import Each
from .._results import StepResult, StepStatus, TaskResult
from .._slots import EMPTY
from .._types import class_of
from ._item import item_of
from ._outcome import Failure, LeftOut
from ._program import Step
from ._serial import run_serial
from ._settle import SEEN, learn
from ._signals import Answered, Waits
from ._state import SUCCESS, Run

__all__ = ["Elements"]

BATCH: Final = 128
"""How many elements are called for before it is looked at the clock."""
SLICE: Final = 0.005
"""How many seconds a node may take before it gives the loop a turn."""
NOTED: Final = 100
"""Of how many elements that are left out it is noted why."""


class Elements:
    """The elements of one node in one run. It has state: how far it is, and the results so far."""

    def __init__(self, run: Run, step: Step) -> None:
        self.run = run
        self.step = step
        each: Any = step.task.each
        self.each: Each = each
        self.kind = item_of(run.program, step, is_sync=run.is_sync)
        """How an element is run."""
        self.results: list[Any] = []
        self.folded: Any = self.each.initial
        self.number = 0
        """Of the last element that was taken."""
        self._failed = 0
        self._noted: list[Failure] = []
        self._observed: BaseException | None = None
        """What an observer has raised, which is no failure of an element."""
        self._element: Any = EMPTY
        """The element that has failed; EMPTY: what was raised came from somewhere else."""
        self._due = perf_counter() + SLICE

    # --- one after the other

    async def all(self, elements: Iterator[Any]) -> None:
        """Run all of them."""
        mine = self.state()
        if self.kind.is_quick and not self.run.observers:
            await self.quickly(elements, mine, None)
            return
        for element in elements:
            self.number += 1
            self.add(self.number, await self.one(mine, self.number, (element, element := EMPTY)[0]))
            await self.breathe()

    async def stream(self, elements: AsyncIterator[Any]) -> None:
        """Run all of them."""
        mine = self.state()
        async for element in elements:
            self.number += 1
            self.add(self.number, await self.one(mine, self.number, element))

    async def quickly(self, elements: Iterator[Any], mine: Run, context: Context | None) -> bool:
        """Call a task for all of them, without more around it than a loop written by hand; whether there are none left.

        With a `context`, only as long as the context variables are these.
        """
        loop = self._listed if self.each.reduce is None else self._folded
        while True:
            before = self.number
            size = 1 if self.each.reduce is not None and self.folded is EMPTY else BATCH
            try:
                is_clean = await loop(islice(elements, size), mine, context)
            except Exception as error:
                element, self._element = self._element, EMPTY
                if element is EMPTY or error is self._observed or type(error) is Waits:
                    raise  # from where elements come from, from what reduces the results, or no failure
                self.gather(await self.again(mine, self.number, (element, element := EMPTY)[0], None, error))
                continue
            if not is_clean or self.number - before < size:
                return is_clean
            await self.breathe()

    async def _listed(self, elements: Iterator[Any], mine: Run, context: Context | None) -> bool:
        call, awaits, expected = self.kind.call(mine), self.kind.awaits, self.kind.expected
        append, first, element, value, empty = self.results.append, self.number - len(self.results), EMPTY, EMPTY, EMPTY
        is_clean = True
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
                if context is not None and copy_context() != context:
                    is_clean = False
                    break
            return is_clean
        finally:
            self.number = first + len(self.results) + (element is not empty)
            self._element, element, value = element, empty, empty

    async def _folded(self, elements: Iterator[Any], mine: Run, context: Context | None) -> bool:
        call, awaits, expected = self.kind.call(mine), self.kind.awaits, self.kind.expected
        folded, number, element, value, empty = self.folded, self.number, EMPTY, EMPTY, EMPTY
        reduce: Any = _begin if folded is empty else self.each.reduce
        is_clean = True
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
                if context is not None and copy_context() != context:
                    is_clean = False
                    break
            return is_clean
        finally:
            self.number, self.folded = number, folded
            self._element, element, value, folded = element, empty, empty, empty

    async def breathe(self) -> None:
        """Give the loop a turn every few milliseconds."""
        if not self.run.is_sync and perf_counter() > self._due:
            await checkpoint()
            self._due = perf_counter() + SLICE

    # --- one element

    def state(self) -> Run:
        """A state for elements that are run by turns, with what their task reads and nothing else."""
        mine = self.run.beside()
        mine.at, mine.slots = self.step.index, self.kind.registers(self.run)
        if self.run.observers:
            mine.observers = (self.relay,)
        return mine

    async def looked_at(self, mine: Run, number: int, element: Any, raw: Any) -> Any:
        """The result of a task that has returned something of a class that was not expected; EMPTY: none."""
        cls = class_of(raw)
        if hasattr(cls, "__await__"):
            raw = await self.awaited(raw)
            cls = class_of(raw)
        if cls not in SEEN and self.kind.expects_anything:
            learn(self.run.program, cls)
            return raw
        return await self.again(mine, number, element, raw, None)

    async def awaited(self, awaitable: Any) -> Any:
        """Await what a task has returned that was not known to be a coroutine function."""
        return await awaitable

    async def again(self, mine: Run, number: int, element: Any, raw: Any, error: BaseException | None) -> Any:
        """The result of an element whose first call has not simply succeeded."""
        mine.left = raw, error, False
        del raw, error
        return await self.one(mine, number, element)

    async def one(self, mine: Run, number: int, element: Any) -> Any:
        """Run one element; its result, or EMPTY where it is left out. Raises what is to end the node."""
        run, index, started = self.run, self.step.index, perf_counter()
        mine.number = number
        if run.observers:
            run.notify(ItemStarted(index, mine.path(index), number, started))
        error: BaseException | None = None
        inner, value = mine, EMPTY
        try:
            if self.kind.way is None:
                value = await self.kind.turn(mine, element)
            else:
                inner = self.kind.run(run, number, (element, element := EMPTY)[0], self.relay)
                await run_serial(inner)
                value = inner.kept.pop(self.kind.result, EMPTY)
        except Exception as raised:  # noqa: BLE001 - what it means for the node, its options say
            error = raised
        try:
            self._tell(mine, inner, number, started, error)
            if error is None and inner.answer.ok:
                return value
            return self._failed_with(mine, inner, error)
        finally:
            mine.number = 0
            del error, value, element

    def relay(self, event: Event) -> None:
        """Pass on what observers are told from inside an element."""
        if isinstance(event, AttemptStarted | RetryWaiting):
            try:
                self.run.notify(replace(event, index=self.step.index))
            except BaseException as error:
                self._observed = error
                raise

    def _tell(self, mine: Run, inner: Run, number: int, started: float, error: BaseException | None) -> None:
        if self.run.observers:
            index, now, answer = self.step.index, perf_counter(), inner.answer
            status, reason = (answer.status, answer.reason) if error is None else (None, None)
            error = answer.error if error is None else error
            path, elapsed = mine.path(index), now - started
            self.run.notify(ItemEnded(index, path, number, status, inner.attempts, elapsed, reason, error, now))

    def _failed_with(self, mine: Run, inner: Run, error: BaseException | None) -> Any:
        """What becomes of an element that has not succeeded."""
        index, answer = self.step.index, inner.answer
        if error is not None and error is self._observed:
            raise error
        if error is None and answer.status is StepStatus.ABORT_BRANCH:
            return EMPTY
        if error is None and answer.status is StepStatus.ABORT_EXECUTION:
            raise Answered(answer)
        at = inner.failures[0] if inner is not mine and inner.failures else None
        path, attempts = (at.path, at.attempts) if at is not None else (inner.path(inner.at), inner.attempts)
        try:
            if self.each.on_item_failure == "stop":
                if error is None:
                    raise Answered(replace(answer, reason=f"{path}: {answer.reason or answer.status.name}"))
                mine.noted = 0
                mine.note(error, index)
                raise error
            status, reason = (StepStatus.FAILURE, None) if error is not None else (answer.status, answer.reason)
            cause = answer.error if error is None else error
            failure = Failure(path, index, status, reason, cause, attempts, perf_counter() - self.run.started)
            if self.each.on_item_failure == "collect":
                return failure
            self._failed += 1
            if len(self._noted) < NOTED:
                self._noted.append(failure)
            return EMPTY
        finally:
            del error

    # --- the results

    def add(self, number: int, value: Any) -> None:  # noqa: ARG002 - the number matters where elements end in another order
        """Take a result, the next one."""
        self.gather(value)

    def gather(self, value: Any) -> None:
        """Put a result to the others."""
        if value is not EMPTY:
            if self.each.reduce is None:
                self.results.append(value)
            else:
                self.folded = value if self.folded is EMPTY else self.each.reduce(self.folded, value)

    def output(self) -> StepResult | TaskResult[Any]:
        """What the node answers."""
        run, path = self.run, self.run.path(self.step.index)
        if self._failed and run.left_out is not None:
            run.left_out.append(LeftOut(path, self.step.index, self._failed, tuple(self._noted)))
        if not self.kind.has_output:
            return SUCCESS
        if self.each.reduce is None:
            return TaskResult.success(self.results)
        if self.folded is EMPTY:
            raise ResultError(problem("nothing-reduced", path))
        return TaskResult.success(self.folded)


def _begin(_: Any, value: Any) -> Any:
    """What reduces the first result, where nothing else is to begin with."""
    return value
