"""A fake in the place of a task: what stands for its callable, so that all else of it stays as it is.

*Guarantees*: the fake task accesses what the real one accesses, unless it is given adapters that run another task instead, and has an
output exactly if that has one; what cannot stand in a place is refused before the run.
*Does not know*: plans.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Final, TypeAlias

from .._adapter import Adapter
from .._items import item
from .._outputs import Returns
from .._results import StepResult, StepStatus, TaskResult
from .._signature import read
from .._slots import EMPTY
from .._specs import OutputSource
from .._tasks import Kind, Task, completed, make_task
from .._types import class_of
from .._variants import with_adapters, with_callable
from ._public import public

__all__ = ["faked", "scripted"]

_Finish: TypeAlias = Callable[[Any, tuple[Any, ...]], Any]
"""Makes of what a fake gives, and the arguments of the call, what a task of its kind answers."""


class Script:
    """The callable behind `scripted`. It has state: what is left of the script."""

    __name__ = "scripted"

    def __init__(self, answers: Sequence[Any]) -> None:
        self._left = list(answers)

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        answer = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        if is_raised(answer):
            raise answer
        return answer


@public
def scripted(*answers: Any) -> Callable[..., Any]:
    """Make a task that answers one after the other, and the last one ever after; exceptions are raised. It takes any arguments.

    >>> task = scripted(ValueError("no"), 3)
    >>> task()
    Traceback (most recent call last):
    ValueError: no
    >>> task(), task()
    (3, 3)
    """
    if not answers:
        raise ValueError("a script needs at least one answer")
    return Script(answers)


def is_raised(fake: object) -> bool:
    """Whether this is an exception, or a class of them."""
    return isinstance(fake, BaseException) or (isinstance(fake, type) and issubclass(fake, BaseException))


def faked(task: Task[Any], fake: Any, path: str, adapters: Sequence[Adapter] | None) -> Task[Any]:
    """The task with a fake for its callable, and with other adapters, if they are given."""
    if isinstance(fake, Task):
        fake = fake.fn
    if task.each is not None:
        if _is_called(fake):
            real = task.each.item or make_task(Kind.REGULAR, _element, (item(),), name=task.name)
            return completed(replace(task, each=replace(task.each, item=faked(real, fake, path, adapters), tree=None)))
        task = replace(task, each=None)
    made = _called(task, fake, path) if _is_called(fake) else _answering(task, fake, path)
    return made if adapters is None else with_adapters(made, adapters, path)


def _element(element: Any) -> Any:
    return element


def _is_called(fake: object) -> bool:
    return callable(fake) and not is_raised(fake)


def _answering(task: Task[Any], fake: Any, path: str) -> Task[Any]:
    """A task that gives an answer, a value or an exception, and of its sources asks only for the outputs that it accesses."""
    if is_raised(fake):

        def fail(*_args: Any, **_kwargs: Any) -> Any:
            raise fake

        return _without_needs(task, fail)
    finish, answer = _finish_of(task), _answer(task, fake, path)

    def give(*args: Any, **_kwargs: Any) -> Any:
        return finish(answer, args)

    return _without_needs(task, give)


def _answer(task: Task[Any], fake: Any, path: str) -> Any:
    """A fake that is not called as an answer, if it can be one of this task."""
    if isinstance(fake, StepStatus):
        text = f"the fake of '{path}' is {fake}, and a status alone is no answer; StepResult has a constructor for each"
        raise TypeError(text)
    step, value = _apart(fake)
    is_forward = task.kind is Kind.FORWARD
    if value is EMPTY:
        return fake
    if not is_forward and task.has_output is not False:
        # Adapters see what the task itself would give them, which is a bare value where that can stand alone.
        own = task.kind is Kind.DIRECT or task.managed or task.output.returns is Returns.RESULT
        return TaskResult.success(value) if own or hasattr(class_of(fake), "__await__") else fake
    if value is None:
        return step
    why = "passes its parent's object on" if is_forward else f"is declared to return {task.output.words}"
    instead = "a callable that changes it, " if is_forward else ""
    raise ValueError(f"'{path}' {why}, so its fake cannot give {value!r}; give {instead}None or a StepResult")


def _without_needs(task: Task[Any], fn: Callable[..., Any]) -> Task[Any]:
    """The task with another callable, for which nothing is fetched but what has to be read for the sake of its owner."""
    arguments = tuple(argument for argument in task.arguments if isinstance(argument.source, OutputSource))
    return with_callable(_open(task), fn, arguments, is_async=False, awaits=False)


def _called(task: Task[Any], fake: Callable[..., Any], path: str) -> Task[Any]:
    """A task that calls the fake as it would its own callable, or without arguments if it takes none."""
    signature, takes_none = read(fake), isinstance(fake, Script) or _takes_nothing(fake, task, path)
    finish = _opened if task.managed else _finish_of(task)
    if takes_none or finish is not _as_it_is:
        fn, awaits = _finishing(fake, finish, takes_none=takes_none), False
    else:
        fn, awaits = fake, signature.awaits
    if takes_none:
        return replace(_without_needs(task, fn), signature=replace(task.signature, is_async=signature.is_async))
    return with_callable(_open(task), fn, task.arguments, is_async=signature.is_async, awaits=awaits)


def _takes_nothing(fake: Callable[..., Any], task: Task[Any], path: str) -> bool:
    """Whether a fake has no parameters. Raises if it has others than it would be called with."""
    try:
        signature = inspect.signature(fake)
    except (ValueError, TypeError):
        return False
    if not signature.parameters:
        return True
    positional = [a.name for a in task.arguments if a.keyword is None] + ["out"] * (task.kind is Kind.DIRECT)
    keywords = {a.keyword: a.name for a in task.arguments if a.keyword is not None}
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        names = ", ".join([*positional, *(f"{name}=" for name in keywords)]) or "no arguments"
        raise ValueError(f"the fake of '{path}' takes {signature}, but is called with {names}: {error}") from None
    return False


def _open(task: Task[Any]) -> Task[Any]:
    """The task, where what it is declared to return would have to be a TaskResult, so that a fake may give the bare value."""
    output = task.output
    return replace(task, output=replace(output, returns=Returns.VALUE)) if output.returns is Returns.RESULT else task


def _finishing(fake: Callable[..., Any], finish: _Finish, *, takes_none: bool) -> Callable[..., Any]:
    """Call a fake, and make of what it gives what a task of its kind answers."""

    async def later(pending: Any, args: tuple[Any, ...]) -> Any:
        return finish(await pending, args)

    def call(*args: Any, **kwargs: Any) -> Any:
        given = fake() if takes_none else fake(*args, **kwargs)
        return later(given, args) if hasattr(class_of(given), "__await__") else finish(given, args)

    return call


# --- what the kinds of tasks answer


def _finish_of(task: Task[Any]) -> _Finish:
    if task.kind is Kind.DIRECT:
        return _written
    if task.managed:
        return _ready
    return _as_it_is if task.kind is Kind.FORWARD or task.has_output is not False else _alone


def _as_it_is(given: Any, _args: tuple[Any, ...]) -> Any:
    return given


def _alone(given: Any, _args: tuple[Any, ...]) -> StepResult:
    """A status: nobody can read more, and a mock returns something whether it is asked to or not."""
    return _apart(given)[0]


def _written(given: Any, args: tuple[Any, ...]) -> StepResult | None:
    """A value goes into the slot; None stands for what the fake itself has written."""
    if given is None:
        return None
    step, value = _apart(given)
    if value is not EMPTY:
        args[-1].set(value)
    return step


def _ready(given: Any, _args: tuple[Any, ...]) -> Any:
    """A value is what the context manager of the task would yield."""
    step, value = _apart(given)
    return step if value is EMPTY else nullcontext(value)


def _opened(given: Any, args: tuple[Any, ...]) -> Any:
    """The same, and a context manager is entered, as that of the task would be."""
    cls = class_of(given)
    is_manager = any(hasattr(cls, one) and hasattr(cls, other) for one, other in _MANAGERS)
    return given if is_manager else _ready(given, args)


_MANAGERS: Final = (("__enter__", "__exit__"), ("__aenter__", "__aexit__"))


def _apart(given: Any) -> tuple[StepResult, Any]:
    """What a fake gives: the status, and the output or EMPTY."""
    cls = class_of(given)
    if cls is StepResult:
        return given, EMPTY
    if cls is TaskResult:
        return given.step, given.value if given.ok else EMPTY
    return StepResult.success(), given
