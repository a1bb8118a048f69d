"""A call that takes too long is cut off.

*Guarantees*: what is cut off is cancelled at whatever it waits for, as by any cancel scope of anyio, and has ended when the answer is
given; a cancellation from outside and the task's own TimeoutError pass as they are; an answer that came in spite of it counts.
*Does not know*: what the task waits for.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from anyio import move_on_after

from .._adapter import Attempt, Call, TaskTraits
from .._door import public
from .._errors import RegistrationError, problem
from .._slots import EMPTY
from ._answers import may_answer, written_answer

__all__ = ["Timeout", "timeout"]


@dataclass(frozen=True, slots=True)
class Timeout:
    """The adapter behind `timeout`."""

    seconds: float
    then: Any
    needs_loop: ClassVar = True

    def traits(self, traits: TaskTraits) -> TaskTraits:
        """Refuse a task that cannot be stopped."""
        if not traits.stops:
            raise RegistrationError(problem("timeout-blocking", traits.task))
        return traits if self.then is EMPTY else may_answer(traits, "timeout", self.then)

    def wrap(self, call: Call) -> Call:
        """Put a cancel scope around the call."""

        async def timed(attempt: Attempt) -> Any:
            with move_on_after(self.seconds):
                return await call(attempt)
            await attempt.reset()
            if self.then is EMPTY:
                raise TimeoutError(f"'{attempt.path}' was not done within {self.seconds:g} seconds")
            return self.then

        return timed


@public
def timeout(seconds: float, *, then: Any = EMPTY) -> Timeout:
    """Give one call of the task, with the adapters inside, so many seconds; then it is cancelled.

    Without `then` a TimeoutError is raised that names the node, for a `retry_on(TimeoutError, ...)` or a `catch_as_failure` outside
    to deal with. With `then` that is the answer: a `StepResult`, a `TaskResult` or a value, as it is; for one that has to be
    computed, put `fallback(task(...), on=TimeoutError)` outside.

    Of a managed task it bounds the entering. A resource that opens a cancel scope or a task group of its own cannot be entered under
    it, because scopes have to be nested; bound what it does inside.

    Only what waits can be cut off, so over a plain function it is refused (`timeout-blocking`). Inside a retry each attempt has its
    own time, outside all of them together with the waits in between.

    When not to use it: where the operation has a time limit of its own, which knows better how to stop it; and where it must not
    be left half done, because a cancelled call may have had its effect.

    >>> import anyio
    >>> from yorch_async import TaskTree, compile_plan, run, value
    >>> tree = TaskTree()
    >>> node = tree.root(anyio.sleep, value(60), name="nap", adapters=(timeout(0.01),))
    >>> run(compile_plan(tree))
    Traceback (most recent call last):
    TimeoutError: 'nap' was not done within 0.01 seconds
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ValueError(f"the time must be a number of seconds, 0 or more, not {seconds!r}")
    return Timeout(seconds, written_answer(then, "put fallback(task(...), on=TimeoutError) outside of the timeout"))
