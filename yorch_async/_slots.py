"""One node's output during one run: the mark of an empty slot, and the handle by which a direct-output task fills its own.

*Guarantees*: a handle belongs to one attempt; afterwards it refuses to be used, so that a late writer (an abandoned thread) cannot
write into the output of a later attempt.
*Does not know*: where the slots of a run are kept, and who reads them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeVar, cast, final

from ._door import public
from ._errors import ResultError, problem
from ._results import StepResult
from ._types import classes_of

__all__ = ["EMPTY", "DirectOut", "Empty", "Sink", "close"]

T = TypeVar("T")


class Empty(Enum):
    """The type of `EMPTY`."""

    TOKEN = "empty"
    CLOSED = "closed"


EMPTY: Final = Empty.TOKEN
"""What a slot holds when it holds no output. `None` cannot say this, because None is an output like any other."""
CLOSED: Final = Empty.CLOSED
"""What a handle holds that refuses to be used."""


@dataclass(frozen=True, slots=True, eq=False)
class Sink:
    """What the handles of one node share: the type that they construct, and how to name the node."""

    type: Any
    path: Callable[[], str]


@public
@final
class DirectOut(Generic[T]):
    """The write handle of a direct-output task's own slot: its last parameter, annotated `DirectOut[T]`.

    >>> from yorch_async import run, task_into, TaskTree, compile_plan
    >>> def fill(out: DirectOut[list[int]]) -> None:
    ...     out.emplace(range(3)).append(3)
    >>> tree = TaskTree()
    >>> node = tree.root(task_into(fill))
    >>> run(compile_plan(tree))[node]
    [0, 1, 2, 3]
    """

    __slots__ = ("_obj", "_sink")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._obj: Any = EMPTY

    def emplace(self, *args: Any, **kwargs: Any) -> T:
        """Construct a `T` in the slot from these arguments, in place of what was there, and return it."""
        constructor = getattr(self._sink.type, "__origin__", self._sink.type)
        if classes_of(constructor) != (constructor,):
            raise self._error("untyped-slot")
        made: T = constructor(*args, **kwargs)
        self._write(made)
        return made

    def set(self, obj: T) -> None:
        """Put this object into the slot, in place of what was there."""
        self._write(obj)

    def success(self, obj: T) -> StepResult:
        """Put this object into the slot and return `StepResult.success()`."""
        self._write(obj)
        return StepResult.success()

    def reset(self) -> None:
        """Empty the slot."""
        self._write(EMPTY)

    @property
    def has_value(self) -> bool:
        """Whether something is in the slot."""
        return self._obj is not EMPTY and self._obj is not CLOSED

    @property
    def value(self) -> T:
        """What is in the slot. Raises `ResultError` if nothing is."""
        if not self.has_value:
            raise self._error("no-value")
        return cast("T", self._obj)

    def _write(self, obj: Any) -> None:
        if self._obj is CLOSED:
            raise self._error("closed-slot")
        self._obj = obj

    def _error(self, rule: str) -> ResultError:
        return ResultError(problem(rule, self._sink.path()))


def close(handle: DirectOut[Any]) -> Any:
    """The side of the run: refuse further writing, and move out what was written, or EMPTY."""
    obj, handle._obj = handle._obj, CLOSED  # noqa: SLF001 - a method of it would be the user's to call
    return EMPTY if obj is CLOSED else obj
