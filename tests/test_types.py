"""Comparing types: a refusal is certain, everything that is not understood passes."""

import abc
import typing
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, ItemsView, Iterator, Sequence
from enum import IntEnum
from typing import Annotated, Any, Generic, Literal, NewType, Optional, Protocol, TypedDict, TypeVar, Union
from unittest.mock import Mock

import pytest

from yorch_async._types import UNKNOWN, class_of, classes_of, describe, element_of, is_instance, satisfies, stripped, visible

T = TypeVar("T")
UserId = NewType("UserId", int)
NONE = type(None)


class Base: ...


class Derived(Base): ...


class Other: ...


class Odd(list[str], Generic[T]):
    """What it gives is not what it is generic in."""


class StandIn:
    """A proxy: it says that it is of another class."""

    __class__ = Base


class Shape(Protocol):
    def area(self): ...


class Square(Shape): ...


class Movie(TypedDict):
    title: str


class Level(IntEnum):
    LOW = 1


class Outer:
    class Inner: ...


class Registered(abc.ABC):
    @abc.abstractmethod
    def work(self): ...


Registered.register(Other)


class Mute(type):
    """A metaclass that does not answer whether something is a subclass."""

    def __subclasscheck__(cls, other):
        raise TypeError("not for you")


class Silent(metaclass=Mute): ...


NOT_PLAIN = [
    UNKNOWN,
    Any,
    T,
    UserId,
    Shape,
    Movie,
    list[int],
    typing.List,  # noqa: UP006 - the old spelling is what is tested
    Callable[[int], str],
    Literal["a"],
    "Base",
    3,
    type[int],
    int | list[int],
]


def test_the_class_of_an_object_is_its_type():
    """Whatever the object says of itself."""
    assert StandIn is class_of(StandIn())
    assert type is class_of(Base)


def test_a_hint_is_stripped_of_its_annotations():
    """And nothing else; nested ones are one already."""
    assert int is stripped(Annotated[int, "a"])
    assert int is stripped(Annotated[Annotated[int, "a"], "b"])
    assert list[int] == stripped(list[int])
    assert stripped(None) is None
    assert UNKNOWN is stripped(UNKNOWN)


@pytest.mark.parametrize(
    ("hint", "classes"),
    [
        (int, (int,)),
        (None, (NONE,)),
        (NONE, (NONE,)),
        (int | None, (int, NONE)),
        (Optional[Base], (Base, NONE)),  # noqa: UP045 - the old spelling is what is tested
        (Union[int, str, Base], (int, str, Base)),  # noqa: UP007 - see above
        (Annotated[int, "a"], (int,)),
        (Annotated[int, "a"] | str, (int, str)),
        (Sequence, (Sequence,)),
        (Level, (Level,)),
        (Square, (Square,)),
        (object, (object,)),
        (type, (type,)),
    ],
)
def test_a_plain_class_and_a_union_of_them_are_understood(hint, classes):
    """In every spelling."""
    assert classes == classes_of(hint)


@pytest.mark.parametrize("hint", NOT_PLAIN, ids=str)
def test_everything_else_is_unknown(hint):
    """A class whose subclasses cannot be told, too; and a union is as unknown as one of its members."""
    assert classes_of(hint) is None


@pytest.mark.parametrize(
    ("offered", "wanted"),
    [
        (int, int),
        (Derived, Base),
        (bool, int),
        (int, object),
        (Other, Registered),
        (int, float),
        (int, complex),
        (float, complex),
        (bool, float),
        (bool, complex),
        (Level, float),
        (Derived, Base | str),
        (int | str, str | int),
        (int | str, int | str | None),
        (None, int | None),
        (Annotated[Derived, "a"], Annotated[Base, "b"]),
        (Other, Silent),
        (Other, int | Silent),
    ],
)
def test_a_type_satisfies_itself_its_bases_and_what_includes_it(offered, wanted):
    """Numbers pass for wider ones as type checkers let them; a class that does not answer is not held against anybody."""
    assert satisfies(offered, wanted)


@pytest.mark.parametrize(
    ("offered", "wanted"),
    [
        (int, str),
        (Base, Derived),
        (float, int),
        (complex, float),
        (str, float),
        (int | None, int),
        (int | str, int),
        (Derived | Other, Base),
        (object, int),
        (None, int),
        (int, None),
    ],
)
def test_a_type_does_not_satisfy_another(offered, wanted):
    """Each member of what is offered has to do."""
    assert not satisfies(offered, wanted)


@pytest.mark.parametrize("hint", NOT_PLAIN, ids=str)
def test_what_is_unknown_satisfies_and_is_satisfied_by_everything(hint):
    """There is no false alarm."""
    assert satisfies(hint, str)
    assert satisfies(Base, hint)


@pytest.mark.parametrize(
    ("obj", "wanted"),
    [
        (3, int),
        (True, int),
        (3, float),
        (Level.LOW, complex),
        (Derived(), Base),
        (Other(), Registered),
        (None, None),
        (None, int | None),
        ("a", int | str),
        ("a", Annotated[str, "x"]),
        ("a", list[int]),
        ("a", UNKNOWN),
        (StandIn(), Base),
        (StandIn(), StandIn),
        (Mock(spec=Base), Base),
        (Other(), Silent),
    ],
)
def test_an_object_is_an_instance_of_what_its_type_satisfies(obj, wanted):
    """A stand-in also of the class that it says it is of."""
    assert is_instance(obj, wanted)


@pytest.mark.parametrize(
    ("obj", "wanted"),
    [("a", int), (3.0, int), (None, int), (Base(), Derived), (Mock(), Base), (StandIn(), Derived), ("a", int | None)],
)
def test_an_object_is_no_instance_of_another_type(obj, wanted):
    """Of nothing in a union, if it is one."""
    assert not is_instance(obj, wanted)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "int"),
        (Base, "Base"),
        (Level, "Level"),
        (None, "None"),
        (NONE, "None"),
        (UNKNOWN, "an unknown type"),
        (int | None, "int | None"),
        (Base | Optional[Derived], "Base | Derived | None"),  # noqa: UP045 - see above
        (Base | list[int], "Base | list[int]"),
        (list[int], "list[int]"),
        (Any, "Any"),
        (typing.List[int], "List[int]"),  # noqa: UP006 - see above
        (Annotated[str, "dsn"], "Annotated[str, 'dsn']"),
        (Literal["a"], "Literal['a']"),
        (T, "~T"),
        ("a.b", "'a.b'"),
        (list[Base], "list[Base]"),
        (dict[str, list[Outer.Inner]], "dict[str, list[Inner]]"),
        (Callable[[int], Base], "Callable[[int], Base]"),
        (Annotated[str, "a.b", 1.5], "Annotated[str, 'a.b', 1.5]"),
        (Annotated[str, "it's a.b"], 'Annotated[str, "it\'s a.b"]'),
        (tuple[int, ...], "tuple[int, ...]"),
    ],
)
def test_a_type_is_described_as_a_user_would_write_it(hint, text):
    """Without the names of modules that everybody knows."""
    assert text == describe(hint)


def test_a_local_class_is_described_without_the_function_around_it():
    """A class inside another with both names."""

    class Local:
        class Inner: ...

    assert ["Local", "Local.Inner", "list[Local]"] == [describe(Local), describe(Local.Inner), describe(list[Local])]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("load 'ä' \\n", "load 'ä' \\n"),
        ("a\nb\t\x1b[0m", r"a\nb\t\x1b[0m"),
        ("\n", r"\n"),
        ("\u2028é", r"\u2028é"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text, shown):
    """Control characters and their like are written as Python would; all else stays as it is."""
    assert shown == visible(text)


@pytest.mark.parametrize(
    ("hint", "element"),
    [
        (list[int], int),
        (list, UNKNOWN),
        (Annotated[set[str], "clothing"], str),
        (str, str),
        (range, int),
        (int, UNKNOWN),
        (dict[str, int], str),
        (tuple[int, ...], int),
        (tuple[int, str], UNKNOWN),
        (tuple[int], UNKNOWN),
        (deque[bytes], bytes),
        (Sequence[int | None], int | None),
        (Iterator[int], int),
        (Generator[int, str, None], int),
        (AsyncGenerator[int, None], int),
        (AsyncIterable[int], int),
        (ItemsView[str, int], UNKNOWN),
        (Callable[[int], str], UNKNOWN),
        (list[int] | None, UNKNOWN),
        (Odd[int], UNKNOWN),
        (UNKNOWN, UNKNOWN),
        (None, UNKNOWN),
    ],
    ids=str,
)
def test_what_comes_out_of_a_type(hint, element):
    """What it gives one by one, where that is certain."""
    assert element == element_of(hint)
