"""Comparing types where both sides are plain classes or unions of them; everything else counts as unknown.

*Guarantees*: no false alarm - what is not understood satisfies, and is satisfied by, everything.
*Does not know*: where a type was written down.
"""

import re
from collections.abc import AsyncIterable, ItemsView, Iterable
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, is_typeddict

__all__ = [
    "UNKNOWN",
    "Unknown",
    "class_of",
    "classes_of",
    "describe",
    "either",
    "element_of",
    "has_elements",
    "is_count",
    "is_instance",
    "satisfies",
    "stripped",
    "visible",
]


class Unknown(Enum):
    """The type of `UNKNOWN`."""

    TOKEN = "unknown"


UNKNOWN: Final = Unknown.TOKEN
"""The type is not known. `None` cannot say this, because None is a type of its own in annotations."""

_PROMOTED: Final = {int: (float, complex), float: (complex,)}
"""What a type checker lets pass as another number, although it is no subclass."""


def class_of(obj: object) -> type[Any]:
    """The class of an object, for type checkers that do not know what the object is."""
    return type(obj)


def visible(text: str) -> str:
    """The text on one line: what cannot be printed (a line break, a control character) as Python escapes it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def stripped(hint: Any) -> Any:
    """The hint without its `Annotated` clothing."""
    if type(hint) is type or hint is UNKNOWN:  # most are; asking typing about each costs more than all else here
        return hint
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def classes_of(hint: Any) -> tuple[type, ...] | None:
    """The classes that a hint is a union of, or None if it is anything else."""
    if type(hint) is type:  # a class without a metaclass: none of the shapes that `_is_plain_class` looks for
        return (hint,)
    hint = stripped(hint)
    if hint is None:
        return (type(None),)
    if get_origin(hint) in (Union, UnionType):
        found: list[type] = []
        for member in get_args(hint):
            classes = classes_of(member)
            if classes is None:
                return None
            found.extend(classes)
        return tuple(found)
    return (hint,) if _is_plain_class(hint) else None


def _is_plain_class(hint: Any) -> bool:
    # Neither a protocol nor a TypedDict has subclasses that issubclass() could tell; Any is a class only by its making.
    is_shape = is_typeddict(hint) or getattr(hint, "_is_protocol", False)
    return isinstance(hint, type) and not is_shape and hint is not Any


def satisfies(offered: Any, wanted: Any) -> bool:
    """Whether an object of type `offered` may be used where `wanted` is asked for."""
    if offered is wanted or offered is UNKNOWN or wanted is UNKNOWN:
        return True
    given, asked = classes_of(offered), classes_of(wanted)
    if given is None or asked is None:
        return True
    return all(any(_is_kind_of(one, other) for other in asked) for one in given)


def either(one: Any, other: Any) -> Any:
    """The type of what is of one type or of another."""
    if classes_of(one) is None or classes_of(other) is None:
        return one if one is other else UNKNOWN
    return one if satisfies(other, one) else one | other


def is_count(obj: object, least: int) -> bool:
    """Whether an object is an integer, and not a truth value, of so much or more."""
    return isinstance(obj, int) and not isinstance(obj, bool) and obj >= least


def has_elements(hint: Any) -> bool:
    """Whether an object of a type may be gone through, as far as that is known."""
    classes = classes_of(hint)
    ways = ("__iter__", "__aiter__", "__getitem__")
    return classes is None or any(hasattr(cls, way) for cls in classes for way in ways)


def element_of(hint: Any) -> Any:
    """The type of what comes out of an object of a type that is gone through, as far as that is known."""
    hint = stripped(hint)
    if hint in (str, range):
        return str if hint is str else int
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return arguments[0] if len(arguments) == 2 and arguments[1] is ... else UNKNOWN  # noqa: PLR2004 - tuple[T, ...]
    is_many = isinstance(origin, type) and issubclass(origin, Iterable | AsyncIterable) and origin is not ItemsView
    return arguments[0] if is_many and origin.__module__ in _COLLECTIONS else UNKNOWN


_COLLECTIONS: Final = ("builtins", "collections", "collections.abc")
"""Where the first argument of a generic class is the type of what it gives."""


def is_instance(value: object, wanted: Any) -> bool:
    """Whether an object may be used where `wanted` is asked for."""
    asked = classes_of(wanted)
    # A proxy or a mock may stand for an object of another class, and says so by its __class__.
    return asked is None or any(_is_kind_of(cls, other) for other in asked for cls in (type(value), value.__class__))


def _is_kind_of(one: type, other: type) -> bool:
    try:
        return issubclass(one, other) or any(other in _PROMOTED.get(base, ()) for base in one.__mro__)
    except TypeError:  # a metaclass that does not answer
        return True


def describe(hint: Any) -> str:
    """A type as a user would write it."""
    if hint is UNKNOWN:
        return "an unknown type"
    if hint is None or hint is type(None):
        return "None"
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(map(describe, get_args(hint)))
    if isinstance(hint, type):
        return hint.__qualname__.rpartition("<locals>.")[2]
    if isinstance(hint, str):
        return repr(hint)
    return _MODULES.sub(lambda found: found[0] if found[0][0] in "'\"" else "", str(hint))


_MODULES: Final = re.compile(r"""'[^']*'|"[^"]*"|(?:\w+\.|<locals>\.)+(?=[A-Za-z_])""")
"""Names of modules and of functions around a class, and strings, which are left as they are."""
