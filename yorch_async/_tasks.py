"""A callable bound to the sources of its arguments: a Task, of one of three kinds, that answers questions about itself.

*Guarantees*: a Task that exists can be called as it was declared - arity, sources, accesses, adapters fit; it is immutable and can
be placed any number of times.
*Does not know*: trees, plans, runs, and any adapter in particular.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_args

from ._adapter import Adapter, Call, TaskTraits
from ._bind import Argument, bind, is_sink
from ._door import public
from ._errors import RegistrationError, problem
from ._outputs import Output, Returns, managed_output, output_of
from ._signature import Parameter, Signature, name_of, owner_of, read
from ._specs import Access, CtxSource, PrevSource, Source, ValueSource
from ._types import UNKNOWN, class_of, classes_of, describe, stripped

__all__ = ["CallableTask", "Kind", "Task", "check_name", "make_task"]

T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
P = ParamSpec("P")


class Kind(Enum):
    """How a task relates to its node's slot. The value is the function that registers it."""

    REGULAR = "task"
    DIRECT = "task_into"
    FORWARD = "task_forward_prev"


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

    @property
    def prev(self) -> tuple[tuple[str, PrevSource[Any]], ...]:
        """The accesses to the parent's output, with the parameters' names."""
        return tuple((a.name, a.source) for a in self.arguments if isinstance(a.source, PrevSource))

    @property
    def has_output(self) -> bool | None:
        """Whether a successful node of this task has an output; None where only the run tells."""
        return True if self.kind is not Kind.REGULAR else self.output.exists

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
    _check_callable(kind, fn, label, sources, member=member)
    signature = read(fn)
    parameters, sink = signature.parameters, None
    if kind is Kind.DIRECT:
        parameters, sink = _without_sink(label, parameters, member=member)
    _check_no_sink(label, parameters, member=member)
    arguments = _bind_member(label, fn, parameters, sources) if member else bind(label, parameters, sources)
    declared = signature.returns if output is UNKNOWN or kind is Kind.DIRECT else output
    result = _output(kind, label, declared, managed=managed)
    _check_access(kind, label, arguments)
    traits = TaskTraits(
        label, result.words, result.may_retry, any(_access(a) is Access.CONSUME for a in arguments), repeats=False
    )
    adapters = _checked_adapters(label, adapters)
    for adapter in adapters:
        answer = getattr(adapter, "traits", None)
        traits = traits if answer is None else answer(traits)
    if kind is Kind.DIRECT:
        result = _sink_output(sink, output, result)
    elif kind is Kind.FORWARD:
        forwarded = next(a.source for a in arguments if isinstance(a.source, PrevSource))
        result = Output(result.returns, forwarded.type, result.may_retry, result.words)
    method = _attribute(fn) if member else None
    return Task(label, name is not None, fn, kind, arguments, result, adapters, traits, managed, signature, method)


def check_name(label: str, name: object) -> str:
    """A name that can be part of a path, or a RegistrationError."""
    if not isinstance(name, str) or not name or "/" in name:
        raise RegistrationError(problem("bad-name", label, what=repr(name)))
    return name


def _label(fn: Any, name: object) -> str:
    fallback = fn.name if isinstance(fn, Task) else name_of(fn)
    return fallback.replace("/", "|") if name is None else check_name(fallback, name)


def _check_callable(kind: Kind, fn: Any, label: str, sources: tuple[Source, ...], *, member: bool) -> None:
    if isinstance(fn, Task):
        raise RegistrationError(problem("already-bound", label, what=f"{kind.value}(...) with {len(sources)} sources"))
    if not callable(fn):
        raise RegistrationError(problem("not-callable", label, what=repr(fn)))
    is_method = _is_method(fn)
    if member and not is_method:
        raise RegistrationError(problem("not-a-method", label, what=label, instead=kind.value))
    if not member and is_method:
        raise RegistrationError(problem("method-needs-receiver", label, what=label, instead=f"{kind.value}_member"))


def _is_method(fn: Any) -> bool:
    """Whether this is a function that was defined in a class and is not bound to an object."""
    path = getattr(fn, "__qualname__", "").rsplit(".", 1)[0] if not isinstance(fn, type) else ""
    if hasattr(fn, "__self__") or path == getattr(fn, "__qualname__", "") or path.endswith("<locals>"):
        # A method of a built-in type has its class instead: str.upper.
        return hasattr(fn, "__objclass__")
    owner = owner_of(fn)
    if owner is not None:
        return not isinstance(vars(owner).get(fn.__name__), staticmethod)
    parameters = read(fn).parameters or ()
    return [p.name for p in parameters[:1]] == ["self"]


def _attribute(fn: Any) -> str:
    """The name under which a method is found, private names in the form that Python gives them."""
    name: str = fn.__name__
    if name.startswith("__") and not name.endswith("__"):
        return f"_{fn.__qualname__.split('.')[-2].lstrip('_')}{name}"
    return name


def _without_sink(
    label: str, parameters: tuple[Parameter, ...] | None, *, member: bool
) -> tuple[tuple[Parameter, ...], Parameter]:
    sink = parameters[-1] if parameters else None
    usable = sink is not None and not (sink.variadic or sink.keyword) and sink.mark is None
    if sink is None or not usable or not (sink.hint is UNKNOWN or is_sink(sink)) or (member and len(parameters or ()) == 1):
        what = "has no parameter for it" if sink is None else f"its last parameter '{sink.name}' is no DirectOut"
        raise RegistrationError(problem("sink-missing", label, what=what, instead="task_member" if member else "task"))
    return (parameters or ())[:-1], sink


def _check_no_sink(label: str, parameters: tuple[Parameter, ...] | None, *, member: bool) -> None:
    for parameter in parameters or ():
        if is_sink(parameter):
            instead = "task_into_member" if member else "task_into"
            raise RegistrationError(problem("sink-in-regular", label, parameter.name, instead=instead))


def _bind_member(
    label: str, fn: Any, parameters: tuple[Parameter, ...] | None, sources: tuple[Source, ...]
) -> tuple[Argument, ...]:
    if not parameters or not sources:
        raise RegistrationError(problem("no-source", label, parameters[0].name if parameters else "self", why=""))
    receiver, *others = parameters
    # The receiver's type, where the source does not name one, is the class that defines the method.
    owner = owner_of(fn) or getattr(fn, "__objclass__", None)
    hint = owner if receiver.hint is UNKNOWN and owner is not None else receiver.hint
    source, *rest = sources
    first = bind(label, (_untyped(receiver, hint),), (source,))
    _check_receiver(label, fn, first[0], owner)
    return (*first, *bind(label, tuple(others), tuple(rest)))


def _untyped(receiver: Parameter, hint: Any) -> Parameter:
    return Parameter(receiver.name, False, False, False, None, hint, None, None)  # noqa: FBT003 - a record


def _check_receiver(label: str, fn: Any, receiver: Argument, owner: type | None) -> None:
    """The receiver must be of a class that has this very method, or overrides it."""
    source = receiver.source
    if isinstance(source, ValueSource):
        classes: tuple[type, ...] | None = (class_of(source.value),)
    else:
        classes = classes_of(source.key if isinstance(source, CtxSource) else source.type)
    if classes is None or getattr(owner, "_is_protocol", False):
        return
    for cls in classes:
        if not any(getattr(base, fn.__name__, None) is fn for base in cls.__mro__) and not _registered(cls, owner):
            facts = {"receiver": describe(cls), "what": f"{owner.__qualname__}.{label}" if owner else label}
            raise RegistrationError(problem("receiver-type", label, receiver.name, **facts))


def _registered(cls: type, owner: type | None) -> bool:
    return owner is not None and issubclass(cls, owner)


def _output(kind: Kind, label: str, declared: Any, *, managed: bool) -> Output:
    if managed:
        return managed_output(declared)
    result = output_of(declared)
    if kind is not Kind.REGULAR and result.returns in (Returns.VALUE, Returns.RESULT):
        rule = "sink-result" if kind is Kind.DIRECT else "forward-result"
        raise RegistrationError(problem(rule, label, what=result.words))
    return result


def _sink_output(sink: Parameter | None, output: Any, result: Output) -> Output:
    hint = stripped(sink.hint) if sink is not None else UNKNOWN
    type_ = (get_args(hint) or (UNKNOWN,))[0] if output is UNKNOWN else output
    return Output(result.returns, type_, result.may_retry, result.words)


def _access(argument: Argument) -> Access | None:
    return argument.source.access if isinstance(argument.source, PrevSource) else None


def _check_access(kind: Kind, label: str, arguments: tuple[Argument, ...]) -> None:
    prev = [a for a in arguments if isinstance(a.source, PrevSource)]
    accesses = [_access(a) for a in prev]
    words = " and ".join(str(a.source) for a in prev) or "nothing"
    if kind is Kind.FORWARD and accesses != [Access.BORROW_MUT]:
        raise RegistrationError(problem("forward-access", label, what=words))
    exclusive = [a for a in prev if isinstance(a.source, PrevSource) and a.source.access.exclusive]
    if exclusive and len(prev) > 1:
        raise RegistrationError(problem("exclusive-access", label, exclusive[0].name, what=words))


def _checked_adapters(label: str, given: Any) -> tuple[Adapter, ...]:
    if not isinstance(given, tuple | list):
        raise RegistrationError(problem("not-an-adapter", label, what=repr(given)))
    adapters: tuple[Any, ...] = tuple(cast("Sequence[Any]", given))
    for adapter in adapters:
        if not isinstance(adapter, Adapter) or isinstance(adapter, type):
            raise RegistrationError(problem("not-an-adapter", label, what=repr(adapter)))
    return adapters
