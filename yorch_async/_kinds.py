"""The three kinds of task, and where each of them lets a DirectOut stand among the parameters of its callable.

*Guarantees*: a direct-output task has one place for its handle, the last, and no other task has any.
*Does not know*: sources of arguments, adapters, tasks.
"""

from enum import Enum

from ._bind import is_sink
from ._errors import RegistrationError, problem
from ._signature import Parameter
from ._types import UNKNOWN

__all__ = ["Kind", "check_no_sink", "function_of", "without_sink"]


class Kind(Enum):
    """How a task relates to its node's slot. The value is the function that registers it."""

    REGULAR = "task"
    DIRECT = "task_into"
    FORWARD = "task_forward_prev"


def function_of(kind: Kind, *, member: bool) -> str:
    """The function that registers a task of this kind."""
    return f"{kind.value}_member" if member else kind.value


def without_sink(
    label: str, parameters: tuple[Parameter, ...] | None, *, member: bool
) -> tuple[tuple[Parameter, ...], Parameter]:
    """The parameters of a direct-output task that take arguments, and the last one, which receives its handle."""
    sink = parameters[-1] if parameters else None
    if not parameters or sink is None or (member and len(parameters) == 1):
        fault = "has no parameter for a DirectOut"
    elif is_sink(sink) and sink.keyword:
        fault = f"its DirectOut '{sink.name}' is passed by keyword only"
    elif sink.variadic or sink.keyword or sink.mark is not None or not (sink.hint is UNKNOWN or is_sink(sink)):
        fault = f"its last parameter '{sink.name}' is no DirectOut"
    else:
        return parameters[:-1], sink
    raise RegistrationError(problem("sink-missing", label, fault=fault, instead=function_of(Kind.REGULAR, member=member)))


def check_no_sink(label: str, parameters: tuple[Parameter, ...] | None, *, member: bool) -> None:
    """Refuse a DirectOut that nobody would fill in."""
    for parameter in parameters or ():
        if is_sink(parameter):
            instead = function_of(Kind.DIRECT, member=member)
            raise RegistrationError(problem("sink-in-regular", label, parameter.name, instead=instead))
