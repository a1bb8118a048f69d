"""Doubles for tests of trees: time that is told and not waited for, tasks that follow a script, a record of events.

*Guarantees*: nothing here waits, and nothing is random.
*Does not know*: any test framework.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from anyio import get_current_task
from anyio.lowlevel import checkpoint

from ._events import Event
from .adapters import without_waits

__all__ = ["ManualClock", "Recorder", "scripted", "without_waits"]

E = TypeVar("E", bound=Event)


class ManualClock:
    """A clock that moves on when somebody sleeps on it, at once.

    >>> import anyio
    >>> clock = ManualClock()
    >>> anyio.run(clock.sleep, 1.5)
    >>> clock.now, clock.waits
    (1.5, [1.5])
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        """The time, in seconds."""
        self.waits: list[float] = []
        """How long each sleep was."""

    def time(self) -> float:
        """The time, in seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move the clock on. The loop, if there is one, gets its turn, and delivers a cancellation, as in a real sleep."""
        self.waits.append(seconds)
        self.now += seconds
        try:
            get_current_task()
        except RuntimeError:  # under run_sync
            return
        await checkpoint()


class Recorder:
    """An observer that keeps all events.

    >>> from yorch_async import NodeEnded, TaskTree, compile_plan, run, value
    >>> tree, recorder = TaskTree(), Recorder()
    >>> node = tree.root(int, value("7"), name="seven")
    >>> result = run(compile_plan(tree), observers=[recorder])
    >>> [event.path for event in recorder.of(NodeEnded)]
    ['seven']
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        """Everything that happened, in order."""

    def __call__(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def scripted(*answers: Any) -> Callable[..., Any]:
    """Make a task that answers one after the other, and the last one ever after; exceptions are raised. It takes any arguments.

    >>> task = scripted(ValueError("no"), 3)
    >>> task()
    Traceback (most recent call last):
    ValueError: no
    >>> task(), task()
    (3, 3)
    """
    if not answers:
        raise ValueError("a script needs at least one answer")
    left = list(answers)

    def follow(*_args: Any, **_kwargs: Any) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return follow
