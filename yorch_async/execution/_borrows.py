"""Finding a task that changed what it had only borrowed, by comparing with a copy made before.

*Guarantees*: what is found is a real difference, with the place of the first one; an object that cannot be copied is left out.
*Does not know*: who borrowed it.
"""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

from .._slots import EMPTY
from .._types import class_of

__all__ = ["difference", "snapshot"]


def snapshot(obj: Any) -> Any:
    """A copy to compare with later, or EMPTY if it cannot be made (locks, sockets, and what holds them)."""
    try:
        copy = deepcopy(obj)
    except Exception:  # noqa: BLE001 - any class may refuse in its own way; such an object is not checked, as documented
        return EMPTY
    # What differs from its own untouched copy (a set of objects without ==, say) cannot be compared.
    return EMPTY if difference(copy, obj, "") else copy


def difference(before: Any, after: Any, place: str) -> str | None:
    """Where two objects differ, or None. Objects that do not compare by value are compared attribute by attribute."""
    return None if before is EMPTY else _Comparison().of(before, after, place)


class _Comparison:
    """One comparison. What has been compared is not compared again, so that cycles end and shared parts cost nothing."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def of(self, before: Any, after: Any, place: str) -> str | None:  # noqa: PLR0911 - one way out per sort of object
        pair = (id(before), id(after))
        if before is after or pair in self._seen:
            return None
        self._seen.add(pair)
        cls, old = class_of(after), class_of(before)
        if old is not cls:
            return f"{place} was a {old.__qualname__} and is a {cls.__qualname__}"
        if isinstance(after, dict):
            return self._mapping(before, after, lambda key: f"{place}[{key!r}]")
        if isinstance(after, list | tuple):
            return self._sequence(before, after, place)
        if hasattr(cls, "__array__"):
            return None if _same_array(before, after) else f"{place} has other elements"
        if getattr(cls, "__eq__", None) is not object.__eq__:
            if before == after:
                return None
            if _attributes(after):
                return self._attribute(before, after, place)
            return f"{place} was {_short(before)} and is {_short(after)}"
        return self._attribute(before, after, place)

    def _attribute(self, before: Any, after: Any, place: str) -> str | None:
        return self._mapping(_attributes(before), _attributes(after), lambda name: f"{place}.{name}")

    def _mapping(self, before: Any, after: Any, name: Callable[[Any], str]) -> str | None:
        for key in [*before, *(key for key in after if key not in before)]:
            if key not in after:
                return f"{name(key)} is gone"
            if key not in before:
                return f"{name(key)} is new"
            found = self.of(before[key], after[key], name(key))
            if found:
                return found
        return None

    def _sequence(self, before: Any, after: Any, place: str) -> str | None:
        if len(before) != len(after):
            return f"{place} had length {len(before)} and has length {len(after)}"
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            found = self.of(one, other, f"{place}[{number}]")
            if found:
                return found
        return None


def _same_array(before: Any, after: Any) -> bool:
    # By bytes and not by ==, because a NaN does not equal itself. Data frames have a comparison of their own that knows this.
    if hasattr(after, "equals"):
        return bool(before.equals(after))
    return bool(before.shape == after.shape and before.tobytes() == after.tobytes())


def _attributes(obj: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cls in type(obj).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in {slots} if isinstance(slots, str) else {*slots} - {"__dict__", "__weakref__"}:
            private = f"_{cls.__name__.lstrip('_')}{name}"
            descriptor: Any = cls.__dict__.get(name) or cls.__dict__.get(private)
            with suppress(AttributeError):  # not set
                found[name] = descriptor.__get__(obj)
    return {**found, **getattr(obj, "__dict__", {})}


def _short(obj: Any) -> str:
    text = repr(obj)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - half a line
