"""Read a callable: its parameters, what they are annotated with, what it returns, whether calling it gives an awaitable.

*Guarantees*: a function is read once, however often it is registered; what cannot be read counts as unknown, never as an error here.
*Does not know*: tasks and sources; it only finds the marks of the annotated forms.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from types import FunctionType, MethodType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from weakref import WeakKeyDictionary, ref

from ._specs import Mark
from ._types import UNKNOWN, class_of, stripped

__all__ = ["Parameter", "Signature", "key_of", "name_of", "owner_of", "qualified_name_of", "read"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `hint` is its annotation without the mark of a source; `unread` says why it could not be read."""

    name: str
    keyword: bool
    variadic: bool
    has_default: bool
    default: Any
    hint: Any
    mark: Mark | None
    unread: str | None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Signature:
    """What is known of a callable. `parameters` is None where Python cannot say (some built-in functions).

    `is_async`: it is declared as a coroutine function; `awaits`: it is one, and what it returns can only be a coroutine;
    `gives_awaitable`: it is one, or is annotated to return something that is awaited.
    """

    parameters: tuple[Parameter, ...] | None
    returns: Any
    is_async: bool
    awaits: bool
    gives_awaitable: bool


# A signature may lead back to its function (a method annotated with its own class), so that what is stored for a function that was
# made at run time must not be kept alive by this store: there, only the tasks that use the signature keep it.
_lasting: "WeakKeyDictionary[FunctionType, Signature]" = WeakKeyDictionary()
_passing: "WeakKeyDictionary[FunctionType, ref[Signature]]" = WeakKeyDictionary()


def read(fn: Callable[..., Any]) -> Signature:
    """The signature of any callable, as it is called: without the `self` of a bound method."""
    if isinstance(fn, MethodType) and isinstance(fn.__func__, FunctionType):
        whole = read(fn.__func__)
        if whole.parameters and not whole.parameters[0].variadic:  # otherwise `*args` takes the object as well
            return replace(whole, parameters=whole.parameters[1:])
        return whole
    if not isinstance(fn, FunctionType):
        return _read(fn)
    if "<locals>" not in fn.__qualname__:
        known = _lasting.get(fn)
        if known is None:
            known = _lasting[fn] = _read(fn)
        return known
    reference = _passing.get(fn)
    known = None if reference is None else reference()
    if known is None:
        known = _read(fn)
        _passing[fn] = ref(known)
    return known


def _read(fn: Callable[..., Any]) -> Signature:
    called, given = _inside(fn)
    code = _code_holder(called)
    hints, unread = _hints(code)
    is_async = not isinstance(called, type) and inspect.iscoroutinefunction(code)
    awaits = is_async and bool(getattr(getattr(code, "__code__", None), "co_flags", 0) & inspect.CO_COROUTINE)
    returns: Any = called if isinstance(called, type) else hints.get("return", UNKNOWN)
    gives_awaitable = is_async or _is_awaitable(returns)
    if not is_async:
        returns = _awaited(returns)
    try:
        found = inspect.signature(fn).parameters.values()
    except (ValueError, TypeError):
        return Signature(None, returns, is_async, awaits, gives_awaitable)
    # What a partial has by keyword stays a parameter for Python, one that may be given anew; here it is settled.
    open_ = [p for p in found if p.kind is not inspect.Parameter.KEYWORD_ONLY or p.name not in given]
    parameters = tuple(_parameter(p, hints, unread) for p in open_)
    return Signature(parameters, returns, is_async, awaits, gives_awaitable)


def _inside(fn: Any) -> tuple[Any, set[str]]:
    """What a partial calls in the end, and the keywords that it gives."""
    given: set[str] = set()
    while isinstance(fn, functools.partial):
        given.update(fn.keywords)
        fn = fn.func
    return fn, given


def _code_holder(fn: Any) -> Any:
    """What carries the annotations and the flags of a callable: `__init__` or `__new__` of a class, `__call__` of an object."""
    if isinstance(fn, type):
        made_by: Any = fn.__init__  # type: ignore[misc]  # looked at, not called
        return fn.__new__ if made_by is object.__init__ else made_by
    if isinstance(fn, FunctionType | MethodType):
        return fn
    call = class_of(fn).__call__
    return call if isinstance(call, FunctionType) else fn


def _hints(fn: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """All annotations that can be read, and why the others cannot."""
    raw = inspect.unwrap(fn) if isinstance(fn, FunctionType) else fn
    try:
        return get_type_hints(fn, localns=_free_variables(raw), include_extras=True), {}
    except Exception:  # noqa: BLE001 - an annotation may be any expression; they are tried one by one below
        return _hints_one_by_one(raw)


def _hints_one_by_one(fn: Any) -> tuple[dict[str, Any], dict[str, str]]:
    hints: dict[str, Any] = {}
    unread: dict[str, str] = {}
    namespace = {**getattr(fn, "__globals__", {}), **_free_variables(fn)}
    for name, annotation in _annotations(fn).items():
        if not isinstance(annotation, str):
            hints[name] = annotation
            continue
        try:
            hints[name] = eval(annotation, namespace)  # noqa: S307 - the user's own annotation, as typing evaluates it
        except Exception as error:  # noqa: BLE001 - reported where the annotation is missed
            unread[name] = f"{annotation!r}: {type(error).__name__}: {error}"
    return hints, unread


def _annotations(fn: Any) -> dict[str, Any]:
    try:
        return dict(inspect.get_annotations(fn))
    except Exception:  # noqa: BLE001 - no annotations at all, or (from Python 3.14 on) evaluating them fails
        return {}


def _free_variables(fn: Any) -> dict[str, Any]:
    """The variables of enclosing functions that a function uses, so that annotations may name local classes."""
    code, closure = getattr(fn, "__code__", None), getattr(fn, "__closure__", None)
    if code is None or not closure:
        return {}
    found: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars, closure, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _parameter(parameter: inspect.Parameter, hints: dict[str, Any], unread: dict[str, str]) -> Parameter:
    hint = hints.get(parameter.name, UNKNOWN)
    mark, hint = _split(hint)
    return Parameter(
        parameter.name,
        parameter.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD),
        parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD),
        parameter.default is not inspect.Parameter.empty,
        parameter.default,
        hint,
        mark,
        unread.get(parameter.name),
    )


def _split(hint: Any) -> tuple[Mark | None, Any]:
    """Take the mark of a source off an annotation; other metadata is part of the type (a qualified context key)."""
    if type(hint) is type or hint is UNKNOWN:
        return None, hint
    if get_origin(hint) in (Union, UnionType):
        # `BorrowPrev[int] | None` is `BorrowPrev[int | None]` to everybody but Python.
        members = [_split(member) for member in get_args(hint)]
        found = [mark for mark, _ in members if mark is not None]
        return (found[-1], Union[tuple(member for _, member in members)]) if found else (None, hint)  # noqa: UP007 - the members are known only here
    if get_origin(hint) is not Annotated:
        return None, hint
    inner, *metadata = get_args(hint)
    marks = [item for item in metadata if isinstance(item, Mark)]
    if not marks:
        return None, hint
    others = tuple(item for item in metadata if not isinstance(item, Mark))
    return marks[-1], Annotated[(inner, *others)] if others else inner


def _awaited(returns: Any) -> Any:
    """What awaiting gives, for what is not a coroutine function but may be annotated to return an awaitable."""
    hint = stripped(returns)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return returns if all(_awaited(member) is member for member in arguments) else UNKNOWN
    if not _is_awaitable(returns):
        return returns
    if issubclass(origin or hint, Coroutine):
        return arguments[2] if len(arguments) == 3 else UNKNOWN  # noqa: PLR2004 - Coroutine[yield, send, return]
    return arguments[0] if len(arguments) == 1 else UNKNOWN


def _is_awaitable(returns: Any) -> bool:
    hint = stripped(returns)
    made_of = get_origin(hint) or hint
    return isinstance(made_of, type) and issubclass(made_of, Awaitable)


def name_of(fn: Any) -> str:
    """What a callable is called, in names and messages."""
    fn, _ = _inside(fn)
    name = getattr(fn, "__name__", None)
    return name if isinstance(name, str) and name else type(fn).__name__


def qualified_name_of(fn: Any) -> str:
    """The dotted name of a function or class inside its module; empty for other objects."""
    name = getattr(fn, "__qualname__", "")
    return name if isinstance(name, str) else ""


def owner_of(fn: Any) -> type | None:
    """The class that a function is a method of, if that can be found by its qualified name."""
    path = qualified_name_of(fn).split(".")[:-1]
    found: Any = None
    namespace = getattr(inspect.unwrap(fn), "__globals__", {})
    for depth, name in enumerate(path):
        found = namespace.get(name) if depth == 0 else getattr(found, name, None)
    return found if isinstance(found, type) else None


def key_of(fn: Any, owner: type) -> str | None:
    """The name under which a class itself holds this very function, whatever the function is called."""
    return next((key for key, attribute in vars(owner).items() if attribute is fn), None)
