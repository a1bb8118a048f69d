"""A callable bound to the sources of its arguments: a Task, of one of three kinds, that answers questions about itself.

*Guarantees*: a Task that exists can be called as it was declared - arity, sources, accesses, adapters fit; it is immutable and can
be placed any number of times.
*Does not know*: trees, plans, runs, and any adapter in particular.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_args

from ._accesses import Accesses, accesses_of, checked_accesses, clash
from ._adapter import Adapter, Call, TaskTraits, words_of
from ._bind import Argument, bind
from ._door import public
from ._errors import RegistrationError, problem
from ._items import Each, ItemSource
from ._kinds import Kind, check_no_sink, function_of, without_sink
from ._methods import attribute_of, bind_member, full_name, is_method, owner_of_method
from ._outputs import Output, Returns, is_entered_async, managed_output, output_of
from ._reads import NodeSource
from ._signature import Signature, name_of, read
from ._slots import EMPTY
from ._specs import Access, Source
from ._types import UNKNOWN, stripped, visible

__all__ = [
    "CallableTask",
    "Kind",
    "Task",
    "check_name",
    "checked_adapters",
    "checked_alternatives",
    "completed",
    "make_task",
    "traits_of",
]

T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
P = ParamSpec("P")


@public
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Task(Generic[T_co]):
    """A callable, the sources of its arguments, and its adapters; generic in the type of its output.

    Made by `task`, `task_into`, `task_forward_prev` and their `_member` forms, and placed in a tree with `root`, `child` or `node`.
    A Task can be called as the function that it was made of; that runs the function alone, without sources and adapters.
    """

    name: str
    named: bool
    """Whether the name was chosen; otherwise it is the callable's."""
    fn: Callable[..., Any]
    kind: Kind
    arguments: tuple[Argument, ...]
    output: Output
    adapters: tuple[Adapter, ...]
    traits: TaskTraits
    managed: bool
    signature: Signature
    method: str | None
    """The name that is looked up on the receiver, which is the first argument; None: `fn` is called itself."""
    alternatives: tuple["Task[Any]", ...]
    """The tasks that its adapters may run instead."""
    awaits: bool
    """Whether a call is certain to give a coroutine; otherwise only the run tells."""
    condition: "Task[Any] | None" = None
    """What decides, before the call, whether there is to be one."""
    each: Each | None = None
    """What is run for each element of what the call gives, where that is not the output itself."""
    asks: tuple[Argument, ...] = ()
    """Its arguments, and after them those of its alternatives, of what it runs for each element, and of its condition, whose names
    say so."""
    accesses: Accesses = ()
    """The accesses to other nodes' outputs among them, with the parameters' names."""
    inlines: bool = False
    """Whether a call of `fn` that succeeds is all there is to a node: neither a resource, a condition, an adapter, nor an output that
    may be missing has a part in that."""

    @property
    def has_output(self) -> bool | None:
        """Whether a successful node of this task has an output; None where only the run tells."""
        return True if self.kind is not Kind.REGULAR else self.output.exists

    @property
    def used(self) -> Accesses:
        """The accesses without those of its condition, which is over when the call begins."""
        return self.accesses if self.condition is None else self.accesses[: -len(self.condition.accesses) or None]

    @property
    def awaited_for(self) -> str | None:
        """Why it cannot do without an event loop, in words; None: it may."""
        if self.signature.is_async:
            return "is a coroutine function"
        for adapter in self.adapters:
            if getattr(adapter, "needs_loop", False) is True:
                return f"is wrapped in {words_of(adapter)}"
        for task in self.alternatives:
            if task.awaited_for is not None:
                return f"may run '{task.name}' instead"
        if self.condition is not None and self.condition.awaited_for is not None:
            return f"has a condition that {self.condition.awaited_for}"
        return None if self.each is None else self.each.awaited_for

    @property
    def __name__(self) -> str:
        return name_of(self.fn)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self.fn

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function alone."""
        return self.fn(*args, **kwargs)

    def wrapped(self, innermost: Call) -> Call:
        """The call with all adapters around it: the first one is the closest to the task."""
        call = innermost
        for adapter in self.adapters:
            call = adapter.wrap(call)
            if call is None:
                raise TypeError(f"{adapter!r}.wrap(call) must return a coroutine function of one attempt, not None")
        return call

    def __repr__(self) -> str:
        return f"<{self.kind.value} {self.name}>"


@public
class CallableTask(Task[T_co], Generic[P, R_co, T_co]):
    """A Task for a type checker that knows how its function is called as well. There are no instances; it is what `task` returns."""

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function alone."""
        return self.fn(*args, **kwargs)  # type: ignore[no-any-return]  # fn is kept without its signature


def make_task(
    kind: Kind,
    fn: Any,
    sources: tuple[Source, ...],
    *,
    member: bool = False,
    adapters: Any = (),
    name: str | None = None,
    output: Any = UNKNOWN,
    managed: bool = False,
) -> Task[Any]:
    """Bind a callable, refusing every mistake that can be seen in it alone."""
    label = _label(fn, name)
    _check_callable(kind, fn, label, member=member)
    signature = read(fn)
    parameters, sink = signature.parameters, None
    if kind is Kind.DIRECT:
        parameters, sink = without_sink(label, parameters, member=member)
    check_no_sink(label, parameters, member=member)
    join = partial(bind_member, fn) if member else bind
    arguments = join(label, parameters, sources, followed=sink is not None)
    declared = signature.returns if output is UNKNOWN or kind is Kind.DIRECT else output
    result = _output(kind, label, declared, managed=managed)
    prev = checked_accesses(kind, label, arguments)
    adapters = checked_adapters(label, adapters)
    if sink is not None:
        declared = (get_args(stripped(sink.hint)) or (UNKNOWN,))[0] if output is UNKNOWN else output
        result = replace(result, type=declared)
    elif kind is Kind.FORWARD:
        forwarded = next(source for _, source in prev if not isinstance(source, NodeSource))
        result = replace(result, type=forwarded.type)
    stops = signature.gives_awaitable or (managed and is_entered_async(fn, signature.returns))
    traits = traits_of(kind, label, result, prev, adapters, managed=managed, stops=stops)
    result = result if traits.output is result.type else replace(result, type=traits.output)
    alternatives = checked_alternatives(kind, label, prev, adapters)
    method = attribute_of(fn, owner_of_method(fn)) if member else None
    answers = (traits, managed, signature, method, alternatives, signature.awaits and method is None)
    return completed(Task(label, name is not None, fn, kind, arguments, result, adapters, *answers))


def traits_of(
    kind: Kind, label: str, result: Output, prev: Accesses, adapters: tuple[Adapter, ...], *, managed: bool, stops: bool
) -> TaskTraits:
    """What a task answers about itself, asked of its adapters inside out."""
    accesses = [source.access for _, source in prev]
    traits = TaskTraits(
        label,
        result.words,
        result.may_retry,
        consumes=Access.CONSUME in accesses,
        kind=kind.value,
        managed=managed,
        output=result.type,
        gives_value=kind is Kind.REGULAR and result.exists is not False,
        changes=Access.BORROW_MUT in accesses,
        stops=stops,
    )
    for adapter in adapters:
        answer = getattr(adapter, "traits", None)
        # An adapter that says nothing about it may answer anything, RETRY as well.
        traits = replace(traits, may_retry=True) if answer is None else answer(traits)
        traits = traits if traits.adapted else replace(traits, adapted=True)
    return traits


def check_name(label: str, name: object) -> str:
    """A name that can be part of a path, or a RegistrationError."""
    if not isinstance(name, str) or not name.isprintable() or not name or "/" in name:
        raise RegistrationError(problem("bad-name", label, name=repr(name)))
    return name


def _label(fn: Any, name: object) -> str:
    fallback = fn.name if isinstance(fn, Task) else name_of(fn)
    return visible(fallback.replace("/", "|")) if name is None else check_name(fallback, name)


def _check_callable(kind: Kind, fn: Any, label: str, *, member: bool) -> None:
    if isinstance(fn, Task):
        raise RegistrationError(problem("already-bound", label, options=f"second {function_of(kind, member=member)}(...)"))
    if not callable(fn):
        raise RegistrationError(problem("not-callable", label, object=repr(fn)))
    if is_method(fn) is not member:
        rule, fact = ("not-a-method", "callable") if member else ("method-needs-receiver", "method")
        instead = function_of(kind, member=not member)
        raise RegistrationError(problem(rule, label, instead=instead, **{fact: full_name(fn)}))


def _output(kind: Kind, label: str, declared: Any, *, managed: bool) -> Output:
    if managed:
        return managed_output(declared)
    result = output_of(declared)
    if kind is not Kind.REGULAR and result.returns in (Returns.VALUE, Returns.RESULT):
        rule = "sink-result" if kind is Kind.DIRECT else "forward-result"
        raise RegistrationError(problem(rule, label, returns=result.words))
    return result


def checked_adapters(label: str, given: Any) -> tuple[Adapter, ...]:
    if not isinstance(given, tuple | list):
        raise RegistrationError(problem("not-an-adapter", label, object=repr(given), wanted="a tuple of adapters"))
    adapters: tuple[Any, ...] = tuple(cast("Sequence[Any]", given))
    for adapter in adapters:
        if not callable(getattr(adapter, "wrap", None)) or isinstance(adapter, type):
            raise RegistrationError(problem("not-an-adapter", label, object=repr(adapter), wanted="an adapter"))
    return adapters


def checked_alternatives(kind: Kind, label: str, prev: Accesses, adapters: tuple[Adapter, ...]) -> tuple[Task[Any], ...]:
    """The tasks that may be run in place of this one, which must leave each other what they read."""
    found: list[Task[Any]] = []
    for adapter in adapters:
        for task in getattr(adapter, "alternatives", ()):
            if kind is not Kind.REGULAR:
                raise RegistrationError(problem("alternative-of", label, kind=kind.value))
            if task.kind is not Kind.REGULAR or task.managed:
                what = "a managed task" if task.managed else f"a {task.kind.value}"
                raise RegistrationError(problem("alternative-kind", label, name=task.name, what=what))
            if task.traits.consumes:
                raise RegistrationError(problem("alternative-consumes", label, name=task.name))
            taken = clash(prev, task.accesses)
            if taken is not None:
                raise RegistrationError(problem("alternative-reads", label, name=task.name, access=taken[1]))
            found.append(task)
    return tuple(found)


def _is_outside(argument: Argument) -> bool:
    return not isinstance(argument.source, ItemSource)


def completed(task: Task[Any]) -> Task[Any]:
    """The task with what follows from its parts."""
    item: Task[Any] | None = None if task.each is None else task.each.item
    others = [each for each in (item, task.condition) if each is not None]
    beside = (*task.alternatives, *others)
    asked = ((each, argument) for each in beside for argument in each.asks if each is not item or _is_outside(argument))
    asks = task.arguments + tuple(replace(argument, name=f"{each.name}.{argument.name}") for each, argument in asked)
    accesses = accesses_of(asks)
    inlines = (
        not task.managed
        and task.condition is None
        and task.each is None
        and all(getattr(adapter, "transparent", False) is True for adapter in task.adapters)
        and all(source.default is EMPTY for _, source in accesses)
    )
    return replace(task, asks=asks, accesses=accesses, inlines=inlines)
