"""One node's output during one run: the mark of an empty slot, and the handle by which a direct-output task fills its own.

*Guarantees*: a handle belongs to one attempt; afterwards it refuses to be used, so that a late writer (an abandoned thread) cannot
write into the output of a later attempt.
*Does not know*: where the slots of a run are kept, and who reads them.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Generic, TypeVar, cast, final

from ._door import public
from ._errors import ResultError, problem
from ._results import StepResult
from ._types import classes_of

__all__ = ["EMPTY", "Cell", "DirectOut", "Empty"]

T = TypeVar("T")


class Empty(Enum):
    """The type of `EMPTY`."""

    TOKEN = "empty"


EMPTY: Final = Empty.TOKEN
"""What a slot holds when it holds no output. `None` cannot say this, because None is an output like any other."""


class Cell:
    """Where a handle writes to: the side of the run, which closes it and takes what was written."""

    __slots__ = ("is_open", "obj")

    def __init__(self) -> None:
        self.obj: Any = EMPTY
        self.is_open = True

    def close(self) -> Any:
        """Refuse further writing, and move out what was written, or EMPTY."""
        self.is_open = False
        obj, self.obj = self.obj, EMPTY
        return obj


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

    __slots__ = ("_cell", "_type", "_where")

    def __init__(self, cell: Cell, type_: Any, where: Callable[[], str]) -> None:
        self._cell = cell
        self._type = type_
        self._where = where

    def emplace(self, *args: Any, **kwargs: Any) -> T:
        """Construct a `T` in the slot from these arguments, in place of what was there, and return it."""
        constructor = getattr(self._type, "__origin__", self._type)
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
        return self._cell.obj is not EMPTY

    @property
    def value(self) -> T:
        """What is in the slot. Raises `ResultError` if nothing is."""
        if self._cell.obj is EMPTY:
            raise self._error("no-value")
        return cast("T", self._cell.obj)

    def _write(self, obj: Any) -> None:
        if not self._cell.is_open:
            raise self._error("closed-slot")
        self._cell.obj = obj

    def _error(self, rule: str) -> ResultError:
        return ResultError(problem(rule, self._where()))
