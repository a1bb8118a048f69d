"""When a task does not succeed, another one answers for it, or a value does.

*Guarantees*: what the other task reads is checked, kept alive and resolved as what the first one reads; its own exception propagates,
with the first one as its context. It costs nothing as long as the first task succeeds.
*Does not know*: why the task has not succeeded.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

from .._adapter import Attempt, Call, TaskTraits
from .._door import public
from .._errors import RegistrationError, problem
from .._results import StepStatus
from .._tasks import Task
from .._types import either
from ._answers import may_answer, status_of, written_answer
from ._catch import exception_classes

__all__ = ["Fallback", "fallback"]

_NO_SUCCESS = (StepStatus.FAILURE, StepStatus.RETRY)


@dataclass(frozen=True, slots=True)
class Fallback:
    """The adapter behind `fallback`."""

    task: Task[Any] | None
    """What is run instead; None: nothing, the answer is there."""
    answer: Any
    on: tuple[type[Exception], ...]
    transparent: ClassVar = True

    @property
    def alternatives(self) -> tuple[Task[Any], ...]:
        """The task that may be run instead, if it is one."""
        return () if self.task is None else (self.task,)

    def traits(self, traits: TaskTraits) -> TaskTraits:
        """It answers RETRY only where the fallback does, and gives outputs of either type."""
        traits = replace(traits, may_retry=False)
        task = self.task
        if task is None:
            return may_answer(traits, "fallback", self.answer)
        other = task.traits
        if other.gives_value and task.has_output and not traits.gives_value and traits.kind == "task":
            declared = f"it is declared to return {traits.returns}"
            answer = f"what '{task.name}' returns"
            raise RegistrationError(
                problem("answer-value", traits.task, adapter="fallback", answer=answer, declared=declared)
            )
        return replace(
            traits,
            may_retry=other.may_retry,
            output=either(traits.output, other.output) if other.gives_value else traits.output,
            changes=traits.changes or other.changes,
            stops=traits.stops and other.stops,
        )

    def wrap(self, call: Call) -> Call:
        """Look at how the call has gone."""

        async def safe(attempt: Attempt) -> Any:
            try:
                result = await call(attempt)
            except self.on:
                return await self._instead(attempt)
            try:
                return await self._instead(attempt) if status_of(result) in _NO_SUCCESS else result
            finally:
                del result  # the traceback of an error that it carries may lead to this frame: it would be a cycle

        return safe

    async def _instead(self, attempt: Attempt) -> Any:
        if self.task is not None:
            return await attempt.instead(self.task)
        await attempt.reset()
        return self.answer


@public
def fallback(answer: Any, *, on: type[Exception] | tuple[type[Exception], ...] = Exception) -> Fallback:
    """Answer this when the task, with the adapters inside, answers FAILURE or a RETRY that is left over, or raises an exception.

    A `Task` is run, with the sources and adapters of its own, and its answer is the node's. Anything else is the answer itself: a
    `StepResult`, a `TaskResult` or a value. `on` says which exceptions count; others pass, as do cancellation, KeyboardInterrupt and
    SystemExit. ABORT_BRANCH and ABORT_EXECUTION are decisions, not failures, and stay.

    Only for tasks made by `task(...)` and `task_member(...)`, without `managed=True` for the one that is run instead. That one must
    not consume the parent's output, nor read it where the first task does.

    When not to use it: where the answer would hide that something is broken, such as an empty list for "the server is down"; and where
    the other way is as likely as the first one: let one task decide, and two children follow.

    >>> from yorch_async import TaskTree, compile_plan, run, task, value
    >>> tree = TaskTree()
    >>> node = tree.root(int, value("seven"), adapters=(fallback(task(len, value("seven")), on=ValueError),))
    >>> run(compile_plan(tree))[node]
    5
    """
    classes = exception_classes(on)
    if isinstance(answer, Task):
        return Fallback(cast("Any", answer), None, classes)
    written_answer(answer, "write fallback(task(function, ...)) for what is to be run instead")
    return Fallback(None, answer, classes)
