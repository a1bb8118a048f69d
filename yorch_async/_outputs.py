"""What a task gives to its node's slot, as far as its declaration tells.

*Guarantees*: what the declaration does not tell counts as possible.
*Does not know*: runs; there, what a task really returns decides.
"""

from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

from ._results import StepResult, TaskResult
from ._types import UNKNOWN, classes_of, describe, stripped

__all__ = ["UNDECLARED", "Output", "Returns", "managed_output", "output_of"]


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


def output_of(hint: Any) -> Output:
    """Read a return annotation (or the `output=` that stands in its place)."""
    hint = stripped(hint)
    if hint is UNKNOWN or hint is Any or hint is object or isinstance(hint, TypeVar):
        return UNDECLARED
    if hint is None or hint is type(None):
        return Output(Returns.NOTHING, UNKNOWN, may_retry=False, words="None")
    words = describe(hint)
    members = tuple(map(stripped, get_args(hint))) if get_origin(hint) in (Union, UnionType) else (hint,)
    if any(member is Any or member is object or isinstance(member, TypeVar) for member in members):
        return UNDECLARED
    values = [member for member in members if not _is_flow(member)]
    results = [member for member in members if get_origin(member) is TaskResult or member is TaskResult]
    may_retry = len(values) < len(members)
    if results:
        carried = get_args(results[0])
        type_ = carried[0] if len(carried) == 1 and len(members) == len(results) else UNKNOWN
        return Output(Returns.RESULT if len(values) == 0 else Returns.VALUE, type_, may_retry, words)
    if may_retry and all(member is type(None) for member in values):
        return Output(Returns.STATUS, UNKNOWN, may_retry=True, words=words)
    return Output(Returns.VALUE, _union(values), may_retry, words)


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
    return Output(Returns.VALUE, _yielded(declared.type), may_retry=False, words=declared.words)


def _yielded(hint: Any) -> Any:
    # AbstractContextManager[T] and its like, and what @contextmanager and @asynccontextmanager leave on the function that
    # they wrap: Iterator[T], Generator[T, None, None], AsyncIterator[T], AsyncGenerator[T, None]. All name T first.
    arguments = get_args(hint)
    return arguments[0] if arguments else UNKNOWN
