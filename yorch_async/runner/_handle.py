"""One run of a runner, for who has submitted it: to await, to watch, to cancel and to ask.

*Guarantees*: awaiting never ends the run, and cancelling never ends who awaits.
*Does not know*: the runner.
"""

from collections.abc import AsyncIterator, Generator
from typing import Any

from .._door import public
from .._events import Event
from ..execution import RunResult
from ..plan import Plan
from ._feed import Reader
from ._job import Job, Outcome
from ._states import RunState

__all__ = ["Handle"]


@public
class Handle:
    """A run that was submitted to a `Runner`.

    `await handle` waits for its end and returns the `RunResult`, or raises what the run raised: the same exception for all who await
    it, as often as they do. It raises `RunCancelled` if the run was cancelled. To cancel who awaits does not cancel the run.

    >>> import anyio
    >>> from yorch_async import Runner, TaskTree, compile_plan
    >>> tree = TaskTree("greeting")
    >>> hello = tree.root("hello".upper)
    >>> async def main():
    ...     async with Runner() as runner:
    ...         handle = await runner.submit(compile_plan(tree))
    ...         result = await handle
    ...         print(handle, result[hello])
    >>> anyio.run(main)
    <Handle 1 of run 'greeting': succeeded> HELLO
    """

    __slots__ = ("__weakref__", "_job", "plan")

    def __init__(self, job: Job, plan: Plan) -> None:
        self._job = job
        self.plan = plan
        """The plan that is run."""

    def __await__(self) -> Generator[Any, Any, RunResult]:
        return self._job.wait().__await__()

    @property
    def id(self) -> int:
        """The number of the run: the first that was submitted to its runner has 1."""
        return self._job.id

    @property
    def name(self) -> str:
        """The name that the run was given, or that of its plan."""
        return self._job.name

    @property
    def status(self) -> RunState:
        """How far the run is."""
        return self._job.state

    @property
    def started(self) -> float | None:
        """When it began, in seconds of `time.perf_counter()`, as in events; None: it has not begun."""
        return self._job.started

    @property
    def ended(self) -> float | None:
        """When it ended, in seconds of the same clock; None: it has not ended."""
        return self._job.ended

    @property
    def outcome(self) -> Outcome | None:
        """What came of it, without waiting: the `RunResult`, or the exception that `await handle` raises; None: it has not ended."""
        self._job.is_known |= self._job.outcome is not None
        return self._job.outcome

    def cancel(self) -> None:
        """End the run: one that is pending never begins, one that is running is cancelled, one that has ended stays as it is."""
        self._job.cancel()

    def events(self) -> AsyncIterator[Event]:
        """What has happened in the run, and then what happens, up to its `RunEnded`, which is always the last.

        Needs `submit(..., events=True)`. Any number of readers may come at any time, also after the end; each begins at the beginning.
        Starts, ends and skips of nodes are all there. Of the attempts and waits of a node there is the latest, as long as the node has
        not ended: a reader that keeps up sees them as they come, one that is slow or late does not see what is over. So a run holds
        at most two events per node, three where it goes through elements, and two of its own, however many readers there are,
        and never waits for one.
        Raises `RuntimeError` if the run does not record events.
        """
        if self._job.feed is None:
            raise RuntimeError(
                f"run '{self.name}' of plan '{self.plan.name}' records no events; write runner.submit(plan, ..., events=True)"
            )
        return Reader(self._job.feed)

    def __repr__(self) -> str:
        return f"<Handle {self.id} of run '{self.name}': {self.status.value}>"
