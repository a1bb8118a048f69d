"""The long-lived object of a service: it runs plans for whoever submits them, and ends them all when it is left.

*Guarantees*: when the `async with` block has been left, no run and no task of it is alive. A run that fails ends nothing but itself.
Nothing of a run is kept when it has ended, except by who has its handle.
*Does not know*: what a run does, and any pool or server: whoever has those enters them outside.
"""

import logging
import math
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Final, Literal, NamedTuple, Self
from weakref import WeakSet

import anyio
from anyio.abc import TaskGroup

from .._door import public
from .._errors import RunnerClosed
from .._events import Observer
from .._types import is_count
from ..execution import Execution, SerialDfs, Starter, check_run, check_timeout, raise_as_it_is, run_plan
from ..plan import Keep, Plan
from ._bell import Bell
from ._feed import Feed
from ._handle import Handle
from ._job import Call, Job, alone_in
from ._states import RunnerStatistics, RunState

__all__ = ["Runner"]

_logger: Final = logging.getLogger("yorch_async.runner")
_SERIAL: Final = SerialDfs()


class _Waiting(NamedTuple):
    """A run that has not begun."""

    handle: Handle
    call: Call
    context: Context


@public
class Runner:
    """Runs plans for the tasks of a service, each run in a task of its own, until the `async with` block is left.

    `max_runs` is how many may run at once (None: any number); more than that wait, and begin in the order in which they were
    submitted. `max_pending` is how many may wait before `submit` itself waits (None: any number). `context` is the context of runs
    that are submitted without one.

    Leaving the block takes no new runs, lets those that were submitted come to their ends, pending ones included, and cancels what
    is left after `shutdown_timeout` seconds (None: never). Leaving it by an exception or by cancellation cancels all of them at once.
    Either way their ends are awaited.

    A run that raises harms nobody; `await handle` raises it. A failure that nobody has awaited is logged as an error, by the logger
    "yorch_async.runner", when its handle is gone or the block is left. `KeyboardInterrupt`, `SystemExit` and their like end the block.

    >>> import anyio
    >>> from yorch_async import Runner, TaskTree, compile_plan, from_input
    >>> tree = TaskTree("double")
    >>> double = tree.root(lambda number: 2 * number, from_input("number", int))
    >>> plan = compile_plan(tree)
    >>> async def main():
    ...     async with Runner(max_runs=10) as runner:
    ...         handles = [await runner.submit(plan, inputs={"number": number}) for number in range(3)]
    ...         return [(await handle)[double] for handle in handles]
    >>> anyio.run(main)
    [0, 2, 4]
    """

    _group: TaskGroup
    _block: AbstractAsyncContextManager[None]

    def __init__(
        self,
        *,
        max_runs: int | None = None,
        max_pending: int | None = None,
        context: Any = None,
        shutdown_timeout: float | None = 10.0,
    ) -> None:
        _check(max_runs, max_pending, shutdown_timeout)
        self.max_runs = max_runs
        """How many may run at once."""
        self.max_pending = max_pending
        """How many may wait."""
        self.shutdown_timeout = shutdown_timeout
        """How long leaving the block waits before it cancels."""
        self._context = context
        self._state: Literal["new", "open", "closed"] = "new"
        self._count = 0
        self._pending: OrderedDict[Job, _Waiting] = OrderedDict()
        self._running: dict[Job, Handle] = {}
        self._ended: Counter[RunState] = Counter()
        self._failed: WeakSet[Job] = WeakSet()
        self._line = anyio.Lock()
        """In which those stand who want to submit."""
        self._bell = Bell()
        """Rings when a run has begun or ended, and when the runner is closed."""

    async def __aenter__(self) -> Self:
        if self._state != "new":
            raise RuntimeError("a runner is entered once; make another one: async with Runner(...) as runner")
        self._block = self._open()
        await self._block.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> bool | None:  # noqa: PYI036 - they are only handed on
        return await self._block.__aexit__(*raised)

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[None]:
        try:
            async with anyio.create_task_group() as self._group:
                self._state = "open"
                try:
                    yield
                    self._close()
                    await self._drain()
                finally:
                    self._close()
                    self.cancel_all()
        except BaseExceptionGroup as raised:
            raise_as_it_is(alone_in(raised))
        finally:
            for job in list(self._failed):
                job.report()

    def _close(self) -> None:
        self._state = "closed"
        self._bell.ring()

    async def _drain(self) -> None:
        """Let all that was submitted come to its end, as long as there is time."""
        with anyio.move_on_after(self.shutdown_timeout) as scope:
            while self._pending or self._running:
                await self._bell.wait()
        if scope.cancelled_caught:
            counts = len(self._running), len(self._pending)
            _logger.warning(
                "%s s after the runner was left, %d runs are cancelled, and %d that are pending",
                self.shutdown_timeout,
                *counts,
            )

    async def submit(
        self,
        plan: Plan,
        ctx: Any = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        execution: Execution = _SERIAL,
        observers: Sequence[Observer] = (),
        keep: Keep = "leaves",
        check_borrows: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - that of the run, handed on
        events: bool = False,
        name: str | None = None,
    ) -> Handle:
        """Have a plan run, and return a handle of the run. Waits only where `max_pending` says so; cancelled, it submits nothing.

        `events=True` records what `Handle.events` tells, and costs what observers cost; otherwise nothing is recorded. `name` is how
        the run is called, if not as its plan. All else is as in `run_plan`. The run begins with the context variables of the caller.

        Raises `SetupError` at once when context objects or inputs are missing or do not fit, and `RunnerClosed` outside of the block.
        """
        self._check_open()
        ctx = self._context if ctx is None else ctx
        check_run("submit", plan, ctx, inputs, execution, observers, keep)
        if timeout is not None:
            check_timeout(timeout)
        feed = Feed() if events else None
        call = partial(
            run_plan,
            plan,
            ctx,
            inputs=dict(inputs) if inputs else None,
            execution=execution,
            observers=(feed.watch, *observers) if feed else tuple(observers),
            keep=keep,
            check_borrows=check_borrows,
            timeout=timeout,
        )
        async with self._line:
            while self._state == "open" and self._is_full():
                await self._bell.wait()
            self._check_open()
            return self._accept(plan, call, feed, name)

    def _check_open(self) -> None:
        if self._state == "new":
            raise RunnerClosed(
                "the runner is not open yet; write: async with Runner(...) as runner, and submit inside of it"
            )
        if self._state == "closed":
            raise RunnerClosed("the runner takes no more runs: its `async with` block has been left")

    def _is_full(self) -> bool:
        if self.max_runs is None or self.max_pending is None or len(self._running) < self.max_runs:
            return False
        return len(self._pending) >= self.max_pending

    def _accept(self, plan: Plan, call: Call, feed: Feed | None, name: str | None) -> Handle:
        self._count += 1
        job = Job(self._count, plan.name if name is None else name, plan.name, feed, self._withdraw)
        handle = Handle(job, plan)
        self._pending[job] = _Waiting(handle, call, copy_context())
        self._go_on()
        return handle

    def _go_on(self) -> None:
        """Let begin what may begin, and tell those who wait for a change."""
        while self._pending and (self.max_runs is None or len(self._running) < self.max_runs):
            job, (handle, call, context) = self._pending.popitem(last=False)
            self._running[job] = handle
            job.begin()
            starter = Starter(self._group, context, f"run '{job.name}'")
            starter.start(self._perform, job, call, lost=partial(self._lose, job))
        self._bell.ring()

    def _lose(self, job: Job) -> None:
        """Account for a run whose task is gone, as one that somebody has cancelled before its first step."""
        if job in self._running:
            del self._running[job]
            job.end(None)
            self._count_end(job)

    async def _perform(self, job: Job, call: Call) -> None:
        try:
            await job.perform(call)
        finally:
            del self._running[job]
            self._count_end(job)
            del job, call  # the traceback of what it raised leads to this frame: it would be a cycle

    def _withdraw(self, job: Job) -> None:
        """Cancel a run that has not begun."""
        del self._pending[job]
        job.end(None)
        self._count_end(job)

    def _count_end(self, job: Job) -> None:
        self._ended[job.state] += 1
        if job.state is RunState.FAILED:
            self._failed.add(job)
        self._go_on()

    def cancel_all(self) -> None:
        """Cancel all runs, those that are pending first."""
        for job in [*self._pending, *self._running]:
            job.cancel()

    @property
    def runs(self) -> tuple[Handle, ...]:
        """The runs that have not ended, in the order in which they were submitted."""
        return (*self._running.values(), *(waiting.handle for waiting in self._pending.values()))

    def statistics(self) -> RunnerStatistics:
        """How many runs there are and were."""
        return RunnerStatistics(
            pending=len(self._pending),
            running=len(self._running),
            succeeded=self._ended[RunState.SUCCEEDED],
            failed=self._ended[RunState.FAILED],
            cancelled=self._ended[RunState.CANCELLED],
        )


def _check(max_runs: object, max_pending: object, shutdown_timeout: object) -> None:
    """Refuse options that cannot be."""
    for name, count, least in (("max_runs", max_runs, 1), ("max_pending", max_pending, 0)):
        if count is not None and not is_count(count, least):
            raise ValueError(f"{name} must be an integer of {least} or more, or None for any number, not {count!r}")
    if max_pending is not None and max_runs is None:
        raise ValueError("max_pending says how many may wait, but none has to without max_runs; give both")
    if shutdown_timeout is not None and not (isinstance(shutdown_timeout, int | float) and 0 <= shutdown_timeout < math.inf):
        raise ValueError(
            f"shutdown_timeout must be a finite number of seconds, 0 or more, or None for no limit, not {shutdown_timeout!r}"
        )
