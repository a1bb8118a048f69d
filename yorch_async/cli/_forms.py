"""How a value of a type is written on the command line: as text, as a switch, several times, or as JSON.

*Guarantees*: a text that does not fit is a ValueError that says what it should have been; a type that no text can stand for is told
apart from that, by NoForm.
*Does not know*: options and their names.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable, MutableSequence, MutableSet, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path, PurePath
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, is_typeddict
from uuid import UUID

from .._types import UNKNOWN, describe, stripped

__all__ = ["Form", "NoForm", "form_of", "plain"]


class NoForm(Exception):
    """There is no text that stands for a value of the type."""

    def __init__(self, hint: Any) -> None:
        super().__init__(f"a value of type {describe(hint)} cannot be written on the command line")


@dataclass(frozen=True, slots=True)
class Item:
    """One text: the word for it in the help, what it has to be, and how it is read."""

    metavar: str
    what: str
    parse: Callable[[str], Any]
    explains: bool = False
    """Whether the error of `parse` says more than that the text is not what it has to be."""

    def read(self, text: str) -> Any:
        """The value, or a ValueError that says what is expected."""
        try:
            return self.parse(text)
        except Exception as error:  # noqa: BLE001 - a class of the user's may raise what it likes
            why = f": {error}" if self.explains and str(error) else ""
            raise ValueError(f"'{text}' is not {self.what}{why}") from None


@dataclass(frozen=True, slots=True)
class Form:
    """A whole option: its items, and what is made of them if there may be several (`gather`)."""

    items: tuple[Item, ...]
    switch: bool = False
    optional: bool = False
    gather: Callable[[Iterable[Any]], Any] | None = None

    @property
    def repeats(self) -> bool:
        """Whether the option is given once for each item."""
        return self.gather is not None and len(self.items) == 1

    @property
    def metavar(self) -> str:
        """The words for the values."""
        return " ".join(item.metavar for item in self.items)

    def read(self, given: Any) -> Any:
        """What was given, a text or several (or for a switch a bool), as a value."""
        if self.switch:
            return given
        if self.gather is None:
            return self.items[0].read(given)
        items = self.items * len(given) if self.repeats else self.items
        return self.gather(item.read(text) for item, text in zip(items, given, strict=True))


def plain(hint: Any) -> Any:
    """The type under its other names: without `Annotated`, `NewType` and `type X = ...`."""
    while True:
        inner = stripped(hint)
        inner = getattr(inner, "__supertype__", inner)
        inner = inner.__value__ if type(inner).__name__ == "TypeAliasType" else inner
        if inner is hint:
            return UNKNOWN if hint is Any or hint is object or isinstance(hint, TypeVar) or not _hashable(hint) else hint
        hint = inner


def _hashable(hint: Any) -> bool:
    try:
        hash(hint)
    except TypeError:  # an annotation may be any object
        return False
    return True


def form_of(hint: Any) -> Form:
    """How a value of this type is written. Raises `NoForm`."""
    hint = plain(hint)
    if get_origin(hint) in (Union, UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        optional = len(members) < len(get_args(hint))
        if len(members) == 1:
            form = form_of(members[0])
            return Form(form.items, form.switch, optional, form.gather)
        return Form((_union(hint, members),), optional=optional)
    if hint is bool:
        return Form((_SCALARS[bool],), switch=True)
    base, arguments = get_origin(hint) or hint, get_args(hint)
    if base is tuple and arguments and arguments[-1] is not Ellipsis:
        return Form(tuple(map(_item, arguments)), gather=tuple)
    if base in _CONTAINERS:
        return Form((_item(arguments[0] if arguments else str),), gather=_CONTAINERS[base])
    return Form((_item(hint),))


def _item(hint: Any) -> Item:
    """How a single value is written, where switches and repetition cannot be."""
    hint = plain(hint)
    if hint is UNKNOWN:
        return _SCALARS[str]
    if get_origin(hint) in (Union, UnionType):
        return _union(hint, [member for member in get_args(hint) if member is not type(None)])
    if get_origin(hint) is Literal:
        return _choice({str(_value_of(choice)): choice for choice in get_args(hint)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        by_value = {str(member.value): member for member in hint}
        return _choice(dict(hint.__members__), by_value)
    return _scalar(hint) or _json(hint)


def _scalar(hint: Any) -> Item | None:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if (get_origin(hint) or hint) is os.PathLike:
        return Item("PATH", "a path", Path)
    if not isinstance(hint, type):
        return None
    if issubclass(hint, PurePath):
        return Item("PATH", "a path", hint)
    for base in (str, int, float):
        if issubclass(hint, base):  # class Port(int): ...
            return Item(_SCALARS[base].metavar, f"a {describe(hint)}", hint, explains=True)
    return None


def _value_of(choice: Any) -> Any:
    return choice.name if isinstance(choice, Enum) else choice


def _choice(named: dict[str, Any], others: dict[str, Any] | None = None) -> Item:
    every = {**(others or {}), **named}
    return Item(f"[{'|'.join(named)}]", f"one of {', '.join(named)}", lambda text: _chosen(every, text))


def _chosen(every: dict[str, Any], text: str) -> Any:
    if text not in every:
        raise ValueError(text)
    return every[text]


def _union(hint: Any, members: list[Any]) -> Item:
    """The first member that can read a text; plain text comes last, because it can read them all."""
    items: list[Item] = []
    for member in members:
        try:
            items.append(_item(member))
        except NoForm:
            continue
    if not items:
        raise NoForm(hint)
    items.sort(key=lambda item: item.parse is str)

    def first(text: str) -> Any:
        for item in items[:-1]:
            try:
                return item.read(text)
            except ValueError:
                continue
        return items[-1].read(text)

    return Item("|".join(item.metavar for item in items), " or ".join(item.what for item in items), first)


def _json(hint: Any) -> Item:
    """What JSON can say: objects and lists."""
    base = dict if is_typeddict(hint) else get_origin(hint) or hint
    kinds = tuple(kind for kind in (dict, list) if _is_a(kind, base))
    made = None if kinds else _CONTAINERS.get(base)
    if not kinds and made is None:
        raise NoForm(hint)

    def parse(text: str) -> Any:
        found: Any = json.loads(text)
        if type(found) not in (kinds or (list,)):
            raise TypeError
        return made(found) if made else found

    what = " or ".join(_JSON_WORDS[kind] for kind in kinds or (list,))
    return Item("JSON", what, parse, explains=True)


def _is_a(kind: type, base: Any) -> bool:
    try:
        return issubclass(kind, base)
    except TypeError:  # no class, or a protocol that cannot be asked
        return False


def _truth(text: str) -> bool:
    return bool(_chosen({"true": 1, "yes": 1, "on": 1, "1": 1, "false": 0, "no": 0, "off": 0, "0": 0}, text.lower()))


_JSON_WORDS = {dict: "a JSON object", list: "a JSON list"}

_SCALARS: dict[Any, Item] = {
    str: Item("TEXT", "a text", str),
    int: Item("INTEGER", "an integer", int),
    float: Item("NUMBER", "a number", float),
    bool: Item("BOOLEAN", "true or false", _truth),
    bytes: Item("TEXT", "a text", str.encode),
    complex: Item("COMPLEX", "a complex number", complex),
    Decimal: Item("NUMBER", "a number", Decimal),
    Fraction: Item("FRACTION", "a fraction", Fraction),
    UUID: Item("UUID", "a UUID", UUID),
    datetime: Item("DATETIME", "a date and time, as 2025-01-31T12:00", datetime.fromisoformat),
    date: Item("DATE", "a date, as 2025-01-31", date.fromisoformat),
    time: Item("TIME", "a time, as 12:00", time.fromisoformat),
    timedelta: Item("SECONDS", "a number of seconds", lambda text: timedelta(seconds=float(text))),
}

_CONTAINERS: dict[Any, Callable[[Iterable[Any]], Any]] = {
    **dict.fromkeys((list, Sequence, MutableSequence, Collection, Iterable), list),
    tuple: tuple,
    **dict.fromkeys((set, AbstractSet, MutableSet), set),
    frozenset: frozenset,
}
