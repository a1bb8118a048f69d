"""How a value of a type is written on the command line."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NewType, Optional, Protocol, TypedDict, TypeVar
from uuid import UUID

import pytest

from yorch_async._types import UNKNOWN
from yorch_async.cli._forms import NoForm, form_of


class Colour(Enum):
    """Named otherwise than valued."""

    RED = "r"
    BLUE = "b"
    CRIMSON = "r"  # noqa: PIE796 - a second name for the same


class Level(IntEnum):
    """Numbers."""

    LOW = 1


class Port(int):
    """Says what it is not."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        if number < 0:
            raise RuntimeError("a port is not negative")
        return number


class Options(TypedDict):
    """A dict."""

    a: int


class Asks(Protocol):
    """Cannot be asked whether something is one."""

    def ask(self) -> None:
        """Ask."""


UserId = NewType("UserId", int)
T = TypeVar("T")

SINGLE = [
    (UNKNOWN, "x", "x"),
    (Any, "1", "1"),
    (object, "1", "1"),
    (T, "1", "1"),
    ({"not": "hashable"}, "1", "1"),
    (str, "", ""),
    (int, "-3", -3),
    (float, "1e3", 1000.0),
    (bytes, "ü", "ü".encode()),
    (complex, "1+2j", 1 + 2j),
    (Decimal, "1.10", Decimal("1.10")),
    (Fraction, "1/3", Fraction(1, 3)),
    (Path, "a/b", Path("a/b")),
    (PurePosixPath, "a/b", PurePosixPath("a/b")),
    (os.PathLike, "a", Path("a")),
    (os.PathLike[str], "a", Path("a")),
    (UUID, "12345678123456781234567812345678", UUID(int=0x12345678123456781234567812345678)),
    (datetime, "2025-01-31T12:00", datetime(2025, 1, 31, 12)),  # noqa: DTZ001 - as the user writes it
    (date, "2025-01-31", date(2025, 1, 31)),
    (time, "12:30", time(12, 30)),
    (timedelta, "1.5", timedelta(seconds=1.5)),
    (Colour, "RED", Colour.RED),
    (Colour, "r", Colour.RED),
    (Colour, "CRIMSON", Colour.RED),
    (Level, "LOW", Level.LOW),
    (Level, "1", Level.LOW),
    (Literal["a", 2, True, Colour.BLUE], "2", 2),
    (Literal["a", 2, True, Colour.BLUE], "True", True),
    (Literal["a", 2, True, Colour.BLUE], "BLUE", Colour.BLUE),
    (int | None, "1", 1),
    (Optional[int], "1", 1),  # noqa: UP045 - the older way to write it
    (int | str, "1", 1),
    (str | int, "1", 1),
    (str | int, "x", "x"),
    (int | float | None, "1.5", 1.5),
    (int | Callable[[], int], "1", 1),
    (bool | int, "yes", True),
    (Annotated[int, "positive"], "1", 1),
    (UserId, "1", 1),
    (Port, "80", 80),
    (dict, '{"a": [1]}', {"a": [1]}),
    (dict[str, int], "{}", {}),
    (Mapping[str, int], '{"a": 1}', {"a": 1}),
    (Options, '{"a": 1}', {"a": 1}),
    (int | dict[str, int], '{"a": 1}', {"a": 1}),
]

SEVERAL = [
    (list, ["a", "b"], ["a", "b"]),
    (list[int], ["1", "2"], [1, 2]),
    (list[int] | None, ["1"], [1]),
    (Sequence[Colour], ["RED"], [Colour.RED]),
    (Iterable[Path], ["a"], [Path("a")]),
    (tuple, ["a"], ("a",)),
    (tuple[int, ...], ["1", "2"], (1, 2)),
    (tuple[int, str], ["1", "b"], (1, "b")),
    (set[int], ["1", "1"], {1}),
    (AbstractSet[int], ["1"], {1}),
    (frozenset[str], ["a"], frozenset({"a"})),
    (list[bool], ["yes", "off"], [True, False]),
    (list[int | str], ["1", "a"], [1, "a"]),
    (list[list[int]], ["[1, 2]", "[]"], [[1, 2], []]),
    (list[tuple[int, int]], ["[1, 2]"], [(1, 2)]),
    (list[Sequence[int]], ["[1]"], [[1]]),
    (list[Iterable[int]], ["[1]", '{"a": 1}'], [[1], {"a": 1}]),
    (list[set[int]], ["[1, 1]"], [{1}]),
]


@pytest.mark.parametrize(("hint", "given", "expected"), SINGLE)
def test_a_text_becomes_a_value_of_the_type(hint, given, expected):
    """The type of the value is that of the annotation, too."""
    found = form_of(hint).read(given)
    assert (found, type(found)) == (expected, type(expected) if hint is not Port else Port)


@pytest.mark.parametrize(("hint", "given", "expected"), SEVERAL)
def test_several_texts_become_a_container(hint, given, expected):
    """Each is read by the type of the elements."""
    found = form_of(hint).read(tuple(given))
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type X = ...` is new in Python 3.12")
def test_a_named_type_is_read_as_what_it_names():
    """An alias that has a name of its own."""
    namespace: dict[str, Any] = {}
    exec("type Number = int\ntype Numbers = list[Number]", namespace)
    assert form_of(namespace["Numbers"]).read(("1",)) == [1]


def test_a_switch_takes_no_text():
    """Its value is there already."""
    assert form_of(bool).switch
    assert form_of(bool | None).switch
    assert form_of(bool).read(given=True) is True


WRONG = [
    (int, "x", "'x' is not an integer"),
    (Decimal, "x", "'x' is not a number"),
    (Colour, "GREEN", "'GREEN' is not one of RED, BLUE, CRIMSON"),
    (Literal["a", "b"], "c", "'c' is not one of a, b"),
    (int | float, "x", "'x' is not an integer or a number"),
    (bool | None | int, "x", "'x' is not true or false or an integer"),
    (date, "tomorrow", "'tomorrow' is not a date, as 2025-01-31"),
    (Port, "-1", "'-1' is not a Port: a port is not negative"),
    (dict, "{", "'{' is not a JSON object: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    (dict, "[]", "'[]' is not a JSON object"),
]


@pytest.mark.parametrize(("hint", "given", "message"), WRONG)
def test_a_text_that_does_not_fit_is_refused(hint, given, message):
    """The message says what it should have been."""
    with pytest.raises(ValueError) as raised:
        form_of(hint).read(given)
    assert str(raised.value) == message


@pytest.mark.parametrize("hint", [Callable[[], int], Asks, type(None), type, list[Asks], Asks | Callable[[], int], 3])
def test_a_type_that_no_text_stands_for(hint):
    """Neither as text nor as JSON."""
    with pytest.raises(NoForm, match="cannot be written on the command line"):
        form_of(hint)


def test_the_words_of_the_help():
    """What is shown in place of the value."""
    shown = {
        "INTEGER": int,
        "[RED|BLUE|CRIMSON]": Colour,
        "INTEGER TEXT": tuple[int, str],
        "INTEGER|TEXT": str | int,
        "JSON": dict,
    }
    assert {form_of(hint).metavar for hint in shown.values()} == set(shown)
