"""Reading one JSON object field by field, so that nothing in it goes unnoticed.

*Guarantees*: a field that nobody asked for, a missing one and a value outside the format end in a FormatError that names the place.
*Does not know*: which fields there are.
"""

from collections.abc import Callable, Collection
from enum import Enum
from typing import Any, Final, TypeVar

from .records import FormatError
from .values import Content, content_of

T = TypeVar("T")


class Required(Enum):
    """The type of `REQUIRED`."""

    TOKEN = "required"


REQUIRED: Final = Required.TOKEN
"""The default of a field that has none. None cannot say this, because it is a value of the format."""


class Fields:
    """One JSON object that is being read; `end()` complains about what was not."""

    def __init__(self, raw: Any, where: str) -> None:
        if not isinstance(raw, dict):
            raise FormatError(f"{where} is no object: {raw!r}")
        self._raw: dict[str, Any] = raw.copy()  # pyright: ignore[reportUnknownMemberType]  # keys of JSON objects are strings
        self.where = where

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def take(self, name: str, default: Any = REQUIRED) -> Any:
        """The field as it is."""
        if name not in self._raw and default is REQUIRED:
            raise FormatError(f"{self.where} has no {name!r}")
        return self._raw.pop(name, default)

    def is_null(self, name: str) -> bool:
        """Whether the field is there and null."""
        return name in self._raw and self._raw[name] is None

    def of(self, kind: type[T], name: str, default: Any = REQUIRED) -> T:
        """The field, which has to be of that kind. A bool is no int here."""
        found = self.take(name, default)
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise FormatError(f"{self.where}.{name} is {found!r}")
        return found

    def mapping(self, name: str) -> dict[str, Any]:
        """The field, which has to be an object; its own fields are names that only the vector knows."""
        found: dict[str, Any] = self.of(dict, name)  # pyright: ignore[reportUnknownVariableType]  # keys of JSON are strings
        return found

    def choice(self, name: str, allowed: Collection[Any], default: Any = REQUIRED) -> Any:
        """The field, which has to be one of the allowed values."""
        found = self.take(name, default)
        if not isinstance(found, str | bool | None) or found not in allowed:
            raise FormatError(f"{self.where}.{name} is {found!r}, which the format does not know")
        return found

    def each(self, name: str, read: Callable[[Any, str], T], default: Any = REQUIRED) -> tuple[T, ...]:
        """The field, which has to be a list; every element is read."""
        found: list[Any] = self.of(list, name, default)  # pyright: ignore[reportUnknownVariableType]
        return tuple(read(item, f"{self.where}.{name}[{number}]") for number, item in enumerate(found))

    def content(self, name: str, type_: str) -> Content:
        """The field, which has to be a value of that type."""
        found = self.take(name)
        content = content_of(found, type_)
        if content is None:
            raise FormatError(f"{self.where}.{name} is {found!r}, which is no {type_}")
        return content

    def end(self) -> None:
        """Everything has been read."""
        if self._raw:
            raise FormatError(f"{self.where} has unknown fields: {', '.join(sorted(self._raw))}")


def integer(raw: Any, where: str) -> int:
    """An element that has to be a number."""
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise FormatError(f"{where} is {raw!r}, which is no number")
    return raw


def boolean(raw: Any, where: str) -> bool:
    """An element that has to be true or false."""
    if not isinstance(raw, bool):
        raise FormatError(f"{where} is {raw!r}, which is neither true nor false")
    return raw


def one_of(allowed: Collection[str]) -> Callable[[Any, str], str]:
    """A reader of elements that have to be one of the allowed words."""

    def read(raw: Any, where: str) -> str:
        if not isinstance(raw, str) or raw not in allowed:
            raise FormatError(f"{where} is {raw!r}, which the format does not know")
        return raw

    return read
