"""Where an argument comes from, and by which access: descriptions only.

*Guarantees*: a source is a frozen value that can be shared between tasks; making one touches nothing.
*Does not know*: parameters, nodes and runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, overload

from ._copying import copy_of
from ._door import public
from ._items import ItemSource
from ._slots import EMPTY
from ._types import UNKNOWN

__all__ = [
    "Access",
    "BorrowPrev",
    "BorrowPrevMut",
    "ConsumePrev",
    "CopyPrev",
    "CtxSource",
    "FreeSource",
    "FromCtx",
    "FromInput",
    "InputSource",
    "Item",
    "Mark",
    "OutputSource",
    "PrevSource",
    "Source",
    "ValueSource",
    "borrow_prev",
    "borrow_prev_mut",
    "consume_prev",
    "copy_prev",
    "from_ctx",
    "from_input",
    "value",
]

# The second overloads below admit what `type[T]` does not: unions, aliases, protocols, abstract classes. They also make a type
# checker accept a wrong class that is written in place, which compile_plan refuses; without them it would refuse right ones.

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Access(Enum):
    """How a task uses another node's output. The value is the name of the source that a user writes."""

    BORROW = "borrow_prev"
    BORROW_MUT = "borrow_prev_mut"
    COPY = "copy_prev"
    CONSUME = "consume_prev"

    @property
    def exclusive(self) -> bool:
        """Whether nobody else may look at the output at the same time."""
        return self is Access.BORROW_MUT or self is Access.CONSUME


@dataclass(frozen=True, slots=True)
class CtxSource:
    """The run's context object under `key`."""

    key: Any
    copy: bool

    @property
    def identity(self) -> tuple[Any, ...]:
        """The objects that it consists of, by their ids: to be compared while it is alive."""
        return CtxSource, id(self.key), self.copy

    def __str__(self) -> str:
        return "from_ctx"


@dataclass(frozen=True, slots=True)
class InputSource:
    """The run's named input; None: named as the parameter."""

    name: str | None
    type: Any

    @property
    def identity(self) -> tuple[Any, ...]:
        """See `CtxSource`."""
        return InputSource, self.name, id(self.type)

    def __str__(self) -> str:
        return "from_input"


@dataclass(frozen=True, slots=True, eq=False)
class ValueSource:
    """An object stored in the task. Compared by identity, because the object's own `==` may mean anything."""

    value: Any
    copy: bool

    @property
    def identity(self) -> tuple[Any, ...]:
        """See `CtxSource`."""
        return ValueSource, id(self.value), self.copy

    def __str__(self) -> str:
        return "value"


FreeSource: TypeAlias = CtxSource | InputSource | ValueSource | ItemSource
"""A source that has nothing to do with other nodes."""


@dataclass(frozen=True, slots=True)
class OutputSource:
    """Another node's output; which node's, the classes below say."""

    access: Access
    type: Any
    copier: Callable[[Any], Any] = copy_of

    @property
    def identity(self) -> tuple[Any, ...]:
        """See `CtxSource`."""
        return type(self), id(self.access), id(self.type), id(self.copier)

    @property
    def default(self) -> Any:
        """What is passed where that node has not succeeded; EMPTY: the node that reads is skipped then."""
        return EMPTY

    def __str__(self) -> str:
        return self.access.value


@dataclass(frozen=True, slots=True)
class PrevSource(OutputSource, Generic[T_contra]):
    """The direct parent's output. Contravariant: what can read a base class can read its subclasses."""


Source: TypeAlias = FreeSource | OutputSource


@public
def from_ctx(key: Any = UNKNOWN, *, copy: bool = False) -> CtxSource:
    """Take the argument from the run's `Context`, by type; without `key`, by the parameter's annotation.

    The key matches exactly, base classes do not count; `Annotated[T, qualifier]` is a key of its own. With `copy=True` every
    attempt gets a deep copy.

    >>> from_ctx(int)
    CtxSource(key=<class 'int'>, copy=False)
    """
    return CtxSource(key, copy)


@public
def from_input(name: str | None = None, type: Any = UNKNOWN) -> InputSource:  # noqa: A002 - a user's word for it
    """Take the argument from the run's named inputs: `run_plan(plan, ctx, inputs={name: ...})`.

    Without a name it is called as the parameter, without a type it is typed as the parameter is. If the parameter has a default,
    the input may be left out.

    >>> from_input("url", str)
    InputSource(name='url', type=<class 'str'>)
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"the name of an input must be a string, not {name!r}")
    return InputSource(name, type)


@public
def value(obj: Any, *, copy: bool = False) -> ValueSource:
    """Pass this very object. With `copy=True` every attempt gets a deep copy.

    >>> value([1, 2]).value
    [1, 2]
    """
    return ValueSource(obj, copy)


@overload
def borrow_prev(type: type[T]) -> PrevSource[T]: ...
@overload
def borrow_prev(type: Any = ...) -> PrevSource[Any]: ...
@public
def borrow_prev(type: Any = UNKNOWN) -> PrevSource[Any]:  # noqa: A002 - a user's word for it
    """Lend the direct parent's output, to read. Any number of children may borrow at the same time.

    Python cannot enforce that it is only read; `run_plan(..., check_borrows=True)` finds a task that changes it.

    >>> str(borrow_prev(int))
    'borrow_prev'
    """
    return PrevSource(Access.BORROW, type)


@overload
def borrow_prev_mut(type: type[T]) -> PrevSource[T]: ...
@overload
def borrow_prev_mut(type: Any = ...) -> PrevSource[Any]: ...
@public
def borrow_prev_mut(type: Any = UNKNOWN) -> PrevSource[Any]:  # noqa: A002 - a user's word for it
    """Lend the direct parent's output to this node alone, to change in place.

    >>> str(borrow_prev_mut(list))
    'borrow_prev_mut'
    """
    return PrevSource(Access.BORROW_MUT, type)


@overload
def copy_prev(type: type[T], *, copier: Callable[[T], T] = ...) -> PrevSource[T]: ...
@overload
def copy_prev(type: Any = ..., *, copier: Callable[[Any], Any] = ...) -> PrevSource[Any]: ...
@public
def copy_prev(type: Any = UNKNOWN, *, copier: Callable[[Any], Any] = copy_of) -> PrevSource[Any]:  # noqa: A002
    """Give every attempt its own copy of the direct parent's output.

    `copier` makes the copy; by default `copy.deepcopy`, or `.copy()` for arrays.

    >>> str(copy_prev(list, copier=list.copy))
    'copy_prev'
    """
    if not callable(copier):
        raise TypeError(f"copier must be callable, not {copier!r}")
    return PrevSource(Access.COPY, type, copier)


@overload
def consume_prev(type: type[T]) -> PrevSource[T]: ...
@overload
def consume_prev(type: Any = ...) -> PrevSource[Any]: ...
@public
def consume_prev(type: Any = UNKNOWN) -> PrevSource[Any]:  # noqa: A002 - a user's word for it
    """Give the direct parent's output away: the callable holds the only reference that the run had.

    >>> str(consume_prev(bytes))
    'consume_prev'
    """
    return PrevSource(Access.CONSUME, type)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the annotated forms carry: which source it is. The type is the annotated one."""

    kind: str

    def source(self, annotated: Any) -> Source:
        """The source that the annotation stands for."""
        if self.kind == "from_ctx":
            return CtxSource(annotated, copy=False)
        if self.kind == "from_input":
            return InputSource(None, annotated)
        if self.kind == "item":
            return ItemSource(annotated)
        prev: PrevSource[Any] = PrevSource(Access(self.kind), annotated)
        return prev


FromCtx: TypeAlias = Annotated[T, Mark("from_ctx")]
FromInput: TypeAlias = Annotated[T, Mark("from_input")]
Item: TypeAlias = Annotated[T, Mark("item")]
BorrowPrev: TypeAlias = Annotated[T, Mark("borrow_prev")]
BorrowPrevMut: TypeAlias = Annotated[T, Mark("borrow_prev_mut")]
CopyPrev: TypeAlias = Annotated[T, Mark("copy_prev")]
ConsumePrev: TypeAlias = Annotated[T, Mark("consume_prev")]
