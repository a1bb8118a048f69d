"""Exceptions become results.

*Guarantees*: only what derives from Exception is caught, so cancellation, KeyboardInterrupt and SystemExit always pass.
*Does not know*: what the task is; errors of resolving its arguments are caught like its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar, overload

from .._adapter import Attempt, Call, TaskTraits
from .._door import public
from .._results import StepResult
from ._answers import required

__all__ = ["Catch", "catch_as_failure", "exception_classes"]


E = TypeVar("E", bound=Exception)


def exception_classes(on: Any) -> tuple[type[Exception], ...]:
    """Check what is to be caught, where it is written."""
    classes: tuple[Any, ...] = on if isinstance(on, tuple) else (on,)  # pyright: ignore[reportUnknownVariableType]
    for cls in classes:
        if not (isinstance(cls, type) and issubclass(cls, Exception)):
            raise TypeError(f"only classes derived from Exception can be caught, not {cls!r}")
    return classes


@dataclass(frozen=True, slots=True)
class Catch:
    """The adapter behind `catch_as_failure`."""

    policy: Callable[[Exception], Any] | None
    on: tuple[type[Exception], ...]
    transparent: ClassVar = True

    def traits(self, traits: TaskTraits) -> TaskTraits:
        """A policy of the user's may answer RETRY; the default never does."""
        if self.policy is None:
            return traits
        return replace(traits, may_retry=True)

    def wrap(self, call: Call) -> Call:
        """Put a `try` around the call."""
        policy, on = self.policy, self.on

        async def caught(attempt: Attempt) -> Any:
            try:
                return await call(attempt)
            except on as error:
                if policy is None:
                    return StepResult.failure(error=error)
                return await required(policy(error), "the policy of catch_as_failure", attempt)

        return caught


@overload
def catch_as_failure(policy: Callable[[Exception], Any] | None = None) -> Catch: ...
@overload
def catch_as_failure(policy: Callable[[E], Any] | None = None, *, on: type[E] | tuple[type[E], ...]) -> Catch: ...
@public
def catch_as_failure(policy: Callable[[Any], Any] | None = None, *, on: Any = Exception) -> Catch:
    """Turn an exception into the task's answer: FAILURE that carries it, or what `policy(exception)` returns.

    A policy, sync or async, returns a `StepResult`, a `TaskResult` or a plain value, which is then the node's output; None is
    refused (`TaskResult.success(None)` is the output None). Exceptions that `on` does not name pass, as do cancellation,
    KeyboardInterrupt and SystemExit. Errors of resolving the arguments are caught as well.

    >>> from yorch_async import TaskTree, catch_as_failure, compile_plan, run, value
    >>> tree = TaskTree()
    >>> node = tree.root(int, value("seven"), adapters=(catch_as_failure(lambda error: -1, on=ValueError),))
    >>> run(compile_plan(tree))[node]
    -1
    """
    if isinstance(policy, type | tuple):
        raise TypeError(
            f"the exceptions to catch are passed as on=..., the policy is a function of the exception, not {policy!r}"
        )
    if policy is not None and not callable(policy):
        raise TypeError(f"the policy must be callable, not {policy!r}")
    return Catch(policy, exception_classes(on))
