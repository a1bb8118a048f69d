"""What a task gives to its node's slot, as far as its declaration tells.

*Guarantees*: what the declaration does not tell counts as possible.
*Does not know*: runs; there, what a task really returns decides.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from inspect import isasyncgenfunction, unwrap
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

from ._results import StepResult, TaskResult
from ._types import UNKNOWN, classes_of, describe, stripped

__all__ = ["UNDECLARED", "Output", "Returns", "is_entered_async", "managed_output", "output_of"]


class Returns(Enum):
    """The styles in which a task can be declared to answer."""

    NOTHING = "nothing"
    STATUS = "a status"
    RESULT = "a status with a value"
    VALUE = "a value"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Output:
    """The declared answer: its style, the type of the value, whether it can be RETRY, and the declaration in words."""

    returns: Returns
    type: Any
    may_retry: bool
    words: str

    @property
    def exists(self) -> bool | None:
        """Whether a successful node has an output; None where only the run tells."""
        if self.returns is Returns.ANYTHING:
            return None
        return self.returns in (Returns.RESULT, Returns.VALUE)


UNDECLARED: Final = Output(Returns.ANYTHING, UNKNOWN, may_retry=True, words="anything")


def output_of(hint: Any) -> Output:  # noqa: PLR0911 - one way out per sort of declaration
    """Read a return annotation (or the `output=` that stands in its place)."""
    hint = stripped(hint)
    if hint is UNKNOWN:
        return UNDECLARED
    if hint is None or hint is type(None):
        return Output(Returns.NOTHING, UNKNOWN, may_retry=False, words="None")
    words = describe(hint)
    if type(hint) is type and hint not in _NO_VALUES:
        return Output(Returns.VALUE, hint, may_retry=False, words=words)
    members = tuple(map(stripped, get_args(hint))) if get_origin(hint) in (Union, UnionType) else (hint,)
    if any(member is Any or member is object or isinstance(member, TypeVar) for member in members):
        return UNDECLARED
    values = [member for member in members if not _is_flow(member)]
    results = [member for member in members if get_origin(member) is TaskResult or member is TaskResult]
    may_retry = len(values) < len(members)
    if results:
        type_ = UNKNOWN if values else _union([(get_args(result) or (UNKNOWN,))[0] for result in results])
        return Output(Returns.VALUE if values else Returns.RESULT, type_, may_retry, words)
    if may_retry and all(member is type(None) for member in values):
        return Output(Returns.NOTHING if values else Returns.STATUS, UNKNOWN, may_retry=True, words=words)
    return Output(Returns.VALUE, _union(values), may_retry, words)


_NO_VALUES: Final = frozenset({StepResult, TaskResult, object})
"""Classes that say something else of an answer than the class of its value."""


def _is_flow(member: Any) -> bool:
    return member is StepResult or member is TaskResult or get_origin(member) is TaskResult


def _union(members: list[Any]) -> Any:
    found = members[0]
    for member in members[1:]:
        found = found | member if classes_of(member) and classes_of(found) else UNKNOWN
    return found


def managed_output(hint: Any) -> Output:
    """What a managed task puts into its slot: what the context manager that it returns yields."""
    declared = output_of(hint)
    if declared.returns is not Returns.VALUE:
        return UNDECLARED
    named = get_args(declared.type) if get_origin(declared.type) in _YIELDING else ()
    type_ = named[0] if named else UNKNOWN
    return Output(Returns.VALUE, type_, declared.may_retry, declared.words)


def is_entered_async(fn: Any, returns: Any) -> bool:
    """Whether the context manager that a managed task returns is known to be an async one; `returns` is the annotation."""
    hint = stripped(returns)
    made_of = get_origin(hint) or hint
    is_declared = hasattr(made_of, "__aenter__") or made_of in (AsyncIterator, AsyncGenerator)
    return is_declared or isasyncgenfunction(unwrap(fn))


_YIELDING: Final = frozenset(
    {AbstractContextManager, AbstractAsyncContextManager, Iterator, Generator, AsyncIterator, AsyncGenerator}
)
"""The generic classes that name first what is yielded: context managers, and what @contextmanager and @asynccontextmanager leave
as the annotation of the function that they wrap. What another class yields, only it knows."""
