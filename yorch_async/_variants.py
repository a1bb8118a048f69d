"""A task like another one, with one part of it exchanged: its callable, its adapters, its condition.

*Guarantees*: what follows from the exchanged part is found anew, and checked as it is where a task is made.
*Does not know*: who asks for it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from ._accesses import accesses_of
from ._bind import Argument
from ._errors import RegistrationError, problem
from ._specs import Access, InputSource, OutputSource, Source
from ._tasks import Kind, Task, checked_adapters, checked_alternatives, completed, make_task, traits_of
from ._types import UNKNOWN

__all__ = ["as_it_is", "is_lent_the_same", "unconditional", "with_adapters", "with_callable", "with_condition"]


def with_callable(
    task: Task[Any], fn: Callable[..., Any], arguments: tuple[Argument, ...], *, is_async: bool, awaits: bool
) -> Task[Any]:
    """The task with another callable, which is passed these arguments. They have to make the accesses of the others, in order."""
    signature = replace(task.signature, is_async=is_async, awaits=awaits)
    return completed(replace(task, fn=fn, arguments=arguments, signature=signature, method=None, awaits=awaits))


def with_adapters(task: Task[Any], given: Any, label: str) -> Task[Any]:
    """The task with other adapters. None is refused for having nothing to do, as what stands for its callable may answer anything."""
    adapters, own, managed = checked_adapters(label, given), accesses_of(task.arguments), task.managed
    stops = task.signature.gives_awaitable
    output = replace(task.output, may_retry=True)
    traits = traits_of(task.kind, label, output, own, adapters, managed=managed, stops=stops)
    alternatives = checked_alternatives(task.kind, label, own, adapters)
    return completed(replace(task, adapters=adapters, traits=traits, alternatives=alternatives))


def as_it_is(obj: Any) -> Any:
    """The copier of a condition that looks at what its node is to copy."""
    return obj


def with_condition(task: Task[Any], when: Any) -> Task[Any]:
    """The task with a condition: a task of its own, or a callable that is lent what the task itself is going to be passed."""
    condition: Task[Any]
    if isinstance(when, Task):
        condition = cast("Any", when)
    elif callable(when):
        condition = make_task(Kind.REGULAR, when, tuple(_lent(argument.source) for argument in task.arguments), name=None)
    else:
        raise RegistrationError(problem("not-a-condition", task.name, object=repr(when)))
    if condition.kind is not Kind.REGULAR or condition.managed or condition.adapters or condition.condition is not None:
        raise RegistrationError(problem("condition-kind", task.name, name=condition.name))
    for name, source in condition.accesses:
        if source.access.exclusive:
            raise RegistrationError(problem("condition-access", task.name, f"{condition.name}.{name}", access=source))
    return completed(replace(task, condition=condition))


def unconditional(task: Task[Any]) -> tuple[Argument, ...]:
    """What a task asks for, without what its condition does."""
    return task.asks if task.condition is None else task.asks[: -len(task.condition.asks) or None]


def is_lent_the_same(condition: Task[Any], task: Task[Any]) -> bool:
    """Whether a condition looks at just what its task is passed."""
    looks = [_untyped(argument.source).identity for argument in condition.arguments]
    return looks == [_untyped(_lent(argument.source)).identity for argument in task.arguments]


def _untyped(source: Source) -> Source:
    """The same object, whatever is asked of it."""
    return replace(source, type=UNKNOWN) if isinstance(source, OutputSource | InputSource) else source


def _lent(source: Source) -> Source:
    """The same object, to look at."""
    if not isinstance(source, OutputSource):
        return source
    if source.access is Access.COPY:
        return replace(source, copier=as_it_is)
    return replace(source, access=Access.BORROW)
