"""What an adapter is: something that wraps the call of a task without changing the callable.

    class Timed:
        def wrap(self, call):
            async def timed(attempt):
                start = time.perf_counter()
                try:
                    return await call(attempt)
                finally:
                    log.info("%s took %.3f s", attempt.path, time.perf_counter() - start)

            return timed

*Guarantees*: arguments are resolved inside the innermost call, anew for each, so an adapter sees errors of resolving like errors of
the task, and never holds an argument.
*Does not know*: any adapter in particular.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ._door import public
from ._errors import Problem, RegistrationError
from ._types import UNKNOWN

__all__ = ["Adapter", "Attempt", "Call", "Runner", "TaskTraits", "words_of"]


@public
class Attempt(Protocol):
    """One node's turn in one run, as its adapters see it."""

    @property
    def path(self) -> str:
        """The node's path."""
        ...

    @property
    def number(self) -> int:
        """How many times the task has been called in this turn."""
        ...

    async def reset(self) -> None:
        """Let go of what the last call left (a written slot, an entered resource). The next call does it as well."""

    def waiting(self, delay: float) -> None:
        """Tell observers that the node waits for `delay` seconds before the next call."""

    async def sleep(self, delay: float) -> None:
        """Wait for `delay` seconds, in the way that the run waits."""

    @property
    def time_left(self) -> float:
        """The seconds until whatever is around the node is out of time: infinite where nothing is, never below 0."""
        ...

    def call_by(self, runner: "Runner") -> None:
        """Let the task be called by `await runner(function)`, which calls it once, wherever that is, and gives what it returned.

        The function of no arguments resolves nothing of the run: all that the task reads has been taken out for it.
        """

    async def instead(self, task: Any) -> Any:
        """Run another task, one of those that the adapter lists as `alternatives`, and answer what it answers.

        That is a `StepResult` or, with an output, a `TaskResult`.
        """


Call: TypeAlias = Callable[[Attempt], Awaitable[Any]]
"""Runs the task (and the adapters inside) once, and returns what it answered, as it is."""


Runner: TypeAlias = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function somewhere else, and waits for what it returns."""


@public
@runtime_checkable
class Adapter(Protocol):
    """Wraps the call of a task: `wrap(call)` returns a call that does more than the one it was given.

    An adapter may also have `traits(traits: TaskTraits) -> TaskTraits`, to change what the task answers about itself or to raise
    `traits.refusal(...)` for a task that it cannot serve. One that has no part in a success - that does nothing before the first
    call, and returns its answer as it is where that is one - says so by `transparent = True`; it is then called only when
    the task has raised or answered otherwise, its `call` replaying that the first time. One that cannot do without an event loop
    says so by `needs_loop = True`, and `run_sync` then refuses the plan. One that may run other tasks in place of its own, by
    `attempt.instead(task)`, lists them as `alternatives`; what they read is then checked and kept as what the task itself reads.

    >>> from yorch_async import TaskTree, compile_plan, run, value
    >>> class Announced:
    ...     def wrap(self, call):
    ...         async def announced(attempt):
    ...             print("now:", attempt.path)
    ...             return await call(attempt)
    ...         return announced
    >>> tree = TaskTree()
    >>> node = tree.root(int, value("7"), adapters=[Announced()])
    >>> run(compile_plan(tree))[node]
    now: int
    7
    """

    def wrap(self, call: Call) -> Call:
        """Return a call that does more than the given one. Used once per task, not per run."""
        ...


@public
@dataclass(frozen=True, slots=True)
class TaskTraits:
    """What a task, with the adapters so far, answers about itself.

    `task` is its name, `returns` what it is annotated to return, in words; `may_retry`: it can answer RETRY; `consumes`: it takes the
    parent's output away; `repeats`: it may be called more than once.

    `kind` is the function that registered it; `managed`: what it returns is entered; `output` is the type of its output, and
    `gives_value`: what it returns can be its output. `changes`: it changes the parent's output in place. `stops`: a call can be cut
    off, because it awaits; one of a plain function cannot. `adapted`: an adapter is inside already.
    """

    task: str
    returns: str
    may_retry: bool
    consumes: bool
    repeats: bool = False
    kind: str = "task"
    managed: bool = False
    output: Any = UNKNOWN
    gives_value: bool = True
    changes: bool = False
    stops: bool = False
    adapted: bool = False

    def refusal(self, message: str, remedy: str, *, rule: str = "adapter") -> RegistrationError:
        """The error for a task that cannot be adapted: what is the case, and what to write instead."""
        return RegistrationError(Problem(self.task, None, rule, message, remedy))


def words_of(adapter: Adapter) -> str:
    """What an adapter is called in pictures: the name of its class, as a function would be written."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(adapter).__name__).lower()
