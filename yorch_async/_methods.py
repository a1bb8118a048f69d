"""Methods as tasks: which functions are methods, of which class, and where their receiver comes from.

*Guarantees*: a method is looked up on its receiver by the name under which Python finds it; a receiver of a class that does not have
the method is refused where its type is known.
*Does not know*: kinds of tasks; what it binds is arguments, the receiver first.
"""

from types import FunctionType
from typing import Any

from ._bind import Argument, bind
from ._errors import RegistrationError, problem
from ._signature import Parameter, key_of, name_of, owner_of, qualified_name_of, read
from ._specs import CtxSource, Source, ValueSource
from ._types import UNKNOWN, classes_of, describe

__all__ = ["attribute_of", "bind_member", "full_name", "is_method", "owner_of_method"]


def full_name(fn: Any) -> str:
    """What a user would write to name a callable: a method with its class."""
    return qualified_name_of(fn).rpartition("<locals>.")[2] or name_of(fn)


def is_method(fn: Any) -> bool:
    """Whether this is a function that was defined in a class and is not bound to an object."""
    path, _, name = qualified_name_of(fn).rpartition(".")
    if isinstance(fn, type) or hasattr(fn, "__self__") or not path or path.endswith("<locals>"):
        return False
    owner, parameters = owner_of_method(fn), read(fn).parameters
    if owner is not None:
        # What has the name of a function of the class and is not it, only looks like it: a static one, or a wrapper elsewhere.
        named = isinstance(vars(owner).get(fn.__name__), FunctionType | staticmethod)
        return parameters != () and (not named or key_of(fn, owner) is not None)
    return name.isidentifier() and [p.name for p in (parameters or ())[:1]] == ["self"]


def owner_of_method(fn: Any) -> type | None:
    """The class that defines a method, if it can be found; that of a built-in type names it."""
    return owner_of(fn) or getattr(fn, "__objclass__", None)


def attribute_of(fn: Any, owner: type | None) -> str:
    """The name under which a method is found, private names in the form that Python gives them."""
    name: str = fn.__name__
    if owner is not None:
        return key_of(fn, owner) or name
    if name.startswith("__") and not name.endswith("__"):
        return f"_{fn.__qualname__.split('.')[-2].lstrip('_')}{name}"
    return name


def bind_member(
    fn: Any, label: str, parameters: tuple[Parameter, ...] | None, sources: tuple[Source, ...], *, followed: bool
) -> tuple[Argument, ...]:
    name, others = "self", parameters
    hint: Any = UNKNOWN
    if parameters and not parameters[0].variadic:  # otherwise the receiver is one of `*args`
        name, hint, others = parameters[0].name, parameters[0].hint, parameters[1:]
    if not sources:
        raise RegistrationError(problem("no-source", label, name, why=""))
    # The receiver's type, where neither annotation nor source names one, is the class that defines the method.
    owner = owner_of_method(fn)
    if owner is not None and hint is UNKNOWN and _named_type(sources[0]) is UNKNOWN:
        hint = owner
    receiver = Parameter(name, False, False, False, None, hint, None, None)  # noqa: FBT003 - a record
    first = bind(label, (receiver,), sources[:1])
    _check_receiver(label, fn, first[0], owner)
    return first + bind(label, others, sources[1:], first=2, followed=followed)


def _named_type(source: Source) -> Any:
    return source.key if isinstance(source, CtxSource) else getattr(source, "type", UNKNOWN)


def _check_receiver(label: str, fn: Any, receiver: Argument, owner: type | None) -> None:
    """The receiver must be of a class that has this very method, or overrides it."""
    source = receiver.source
    if isinstance(source, ValueSource):
        classes: tuple[type, ...] | None = (source.value.__class__,)
    else:
        classes = classes_of(_named_type(source))
    if classes is None or getattr(owner, "_is_protocol", False):
        return
    name = attribute_of(fn, owner)
    for cls in classes:
        is_owned = owner is not None and issubclass(cls, owner)
        if not is_owned and not any(getattr(base, name, None) is fn for base in cls.__mro__):
            raise RegistrationError(
                problem("receiver-type", label, receiver.name, receiver=describe(cls), method=full_name(fn))
            )
