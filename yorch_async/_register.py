"""The functions that make tasks: `task`, `task_into`, `task_forward_prev`, and the forms of each for methods.

*Guarantees*: what is wrong with a task alone is a RegistrationError at the line that makes it.
*Does not know*: how it is checked; that is `_tasks`.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any, Literal, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, overload

from ._adapter import Adapter
from ._door import public
from ._results import TaskResult
from ._specs import Source
from ._tasks import CallableTask, Kind, Task, make_task
from ._types import UNKNOWN

__all__ = [
    "Manager",
    "Options",
    "task",
    "task_forward_prev",
    "task_forward_prev_member",
    "task_into",
    "task_into_member",
    "task_member",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Manager = AbstractAsyncContextManager[T, Any] | AbstractContextManager[T, Any]


class Options(TypedDict, total=False):
    """The options that all kinds of task have."""

    adapters: Sequence[Adapter]
    name: str | None
    output: Any


class _Decorator(Protocol):
    @overload
    def __call__(self, fn: Callable[P, Awaitable[TaskResult[T]]], /) -> CallableTask[P, Awaitable[TaskResult[T]], T]: ...
    @overload
    def __call__(self, fn: Callable[P, TaskResult[T]], /) -> CallableTask[P, TaskResult[T], T]: ...
    @overload
    def __call__(self, fn: Callable[P, Awaitable[T]], /) -> CallableTask[P, Awaitable[T], T]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> CallableTask[P, T, T]: ...


class _ManagedDecorator(Protocol):
    def __call__(self, fn: Callable[P, Manager[T]], /) -> CallableTask[P, Manager[T], T]: ...


@overload
def task(*, managed: Literal[True], **options: Unpack[Options]) -> _ManagedDecorator: ...
@overload
def task(*, managed: Literal[False] = ..., **options: Unpack[Options]) -> _Decorator: ...
@overload
def task(
    fn: Callable[P, Manager[T]], /, *sources: Source, managed: Literal[True], **options: Unpack[Options]
) -> CallableTask[P, Manager[T], T]: ...
@overload
def task(
    fn: Callable[P, Awaitable[TaskResult[T]]], /, *sources: Source, **options: Unpack[Options]
) -> CallableTask[P, Awaitable[TaskResult[T]], T]: ...
@overload
def task(
    fn: Callable[P, TaskResult[T]], /, *sources: Source, **options: Unpack[Options]
) -> CallableTask[P, TaskResult[T], T]: ...
@overload
def task(
    fn: Callable[P, Awaitable[T]], /, *sources: Source, **options: Unpack[Options]
) -> CallableTask[P, Awaitable[T], T]: ...
@overload
def task(fn: Callable[P, T], /, *sources: Source, **options: Unpack[Options]) -> CallableTask[P, T, T]: ...
@public
def task(
    fn: Any = None,
    /,
    *sources: Source,
    adapters: Sequence[Adapter] = (),
    name: str | None = None,
    output: Any = UNKNOWN,
    managed: bool = False,
) -> Any:
    """Bind a callable to the sources of its arguments, one per parameter, in order.

    Also a decorator, `@task` or `@task(adapters=...)`, for functions whose parameters are annotated with their sources. `fn` is
    anything that can be called: a function, a coroutine function, a bound method, a partial, a class, an object with `__call__`, a
    callable that returns an awaitable.

    `adapters` wrap the call, the first being the closest to the callable. `name` is what the node is called (by default as the
    callable). `output` stands in for a return annotation. With `managed=True` the callable returns a context manager (sync or
    async): it is entered, what it yields is the output, and it is exited when the output is released.

    Raises `RegistrationError` for what is wrong with the task alone.

    >>> from yorch_async import task, value, BorrowPrev
    >>> task(int, value("7"), name="seven")
    <task seven>
    >>> @task
    ... def double(x: BorrowPrev[int]) -> int:
    ...     return 2 * x
    >>> double(4)
    8
    """
    if fn is None:
        return partial(make_task, Kind.REGULAR, sources=(), adapters=adapters, name=name, output=output, managed=managed)
    return make_task(Kind.REGULAR, fn, sources, adapters=adapters, name=name, output=output, managed=managed)


@overload
def task_member(
    method: Callable[..., Awaitable[TaskResult[T]]], /, *sources: Source, **options: Unpack[Options]
) -> Task[T]: ...
@overload
def task_member(method: Callable[..., TaskResult[T]], /, *sources: Source, **options: Unpack[Options]) -> Task[T]: ...
@overload
def task_member(method: Callable[..., Awaitable[T]], /, *sources: Source, **options: Unpack[Options]) -> Task[T]: ...
@overload
def task_member(method: Callable[..., T], /, *sources: Source, **options: Unpack[Options]) -> Task[T]: ...
@public
def task_member(method: Any, /, *sources: Source, **options: Unpack[Options]) -> Any:
    """Bind a method, `Class.method`, to the source of its receiver and those of its arguments.

    The method is looked up on the receiver when the node runs, so an override in a subclass is honoured. The options are those of
    `task`, except `managed`.

    >>> from yorch_async import task_member, value
    >>> task_member(str.upper, value("abc"))
    <task upper>
    """
    return make_task(Kind.REGULAR, method, sources, member=True, **_checked(options))


@public
def task_into(fn: Callable[..., Any], /, *sources: Source, **options: Unpack[Options]) -> Task[Any]:
    """Bind a callable whose last parameter receives a `DirectOut[T]`, the write handle of the node's own slot.

    The handle has no source. The callable returns None or a `StepResult`; success without having written is an error. Between
    attempts the slot is cleared.

    >>> from yorch_async import DirectOut, task_into, value
    >>> def parse(text: str, out: DirectOut[int]) -> None:
    ...     out.emplace(text)
    >>> task_into(parse, value("7"))
    <task_into parse>
    """
    return make_task(Kind.DIRECT, fn, sources, **_checked(options))


@public
def task_into_member(method: Callable[..., Any], /, *sources: Source, **options: Unpack[Options]) -> Task[Any]:
    """Bind a method whose last parameter receives a `DirectOut[T]`; the first source is that of its receiver.

    >>> from yorch_async import DirectOut, task_into_member, value
    >>> class Parser:
    ...     def parse(self, text: str, out: DirectOut[int]) -> None:
    ...         out.emplace(text)
    >>> task_into_member(Parser.parse, value(Parser()), value("7"))
    <task_into parse>
    """
    return make_task(Kind.DIRECT, method, sources, member=True, **_checked(options))


@public
def task_forward_prev(fn: Callable[..., Any], /, *sources: Source, **options: Unpack[Options]) -> Task[Any]:
    """Bind a callable that changes the parent's output in place; that object goes on as this node's output.

    Exactly one source is `borrow_prev_mut(...)`. The callable returns None or a `StepResult`. Nothing is copied.

    >>> from yorch_async import borrow_prev_mut, task_forward_prev, value
    >>> def append(items: list[int], item: int) -> None:
    ...     items.append(item)
    >>> task_forward_prev(append, borrow_prev_mut(list), value(3))
    <task_forward_prev append>
    """
    return make_task(Kind.FORWARD, fn, sources, **_checked(options))


@public
def task_forward_prev_member(method: Callable[..., Any], /, *sources: Source, **options: Unpack[Options]) -> Task[Any]:
    """Bind a method that forwards the parent's output, which is its receiver or one of its arguments.

    >>> from yorch_async import borrow_prev_mut, task_forward_prev_member
    >>> task_forward_prev_member(list.sort, borrow_prev_mut(list))
    <task_forward_prev sort>
    """
    return make_task(Kind.FORWARD, method, sources, member=True, **_checked(options))


def _checked(options: Options) -> Options:
    """The options, if they are options: a wrong one is told in the words of the function that was called."""
    unknown = sorted(options.keys() - Options.__annotations__.keys())
    if unknown:
        raise TypeError(f"there is no option {', '.join(unknown)}; there are {', '.join(Options.__annotations__)}")
    return options
