"""Reading parameters and annotations, in all the forms that annotations have."""

import functools
import inspect
import typing
from collections.abc import Awaitable, Coroutine, Generator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

import pytest

from yorch_async import BorrowPrev, CopyPrev, FromCtx, FromInput, task
from yorch_async._signature import Parameter, read
from yorch_async._specs import Mark
from yorch_async._types import UNKNOWN

T = TypeVar("T")
U = TypeVar("U")


def shown(fn):
    """What was read, without what is as always: parameters by name with their annotations; what it returns; if it is async."""
    signature = read(fn)
    parameters = signature.parameters
    named = None if parameters is None else {p.name: p.hint for p in parameters}
    return named, signature.returns, signature.is_async


@dataclass
class Data:
    a: int


class Deferred:
    def __await__(self):
        yield


def wrapping(fn):
    """Decorate as one should."""

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    return wrapper


def test_what_is_known_of_a_parameter():
    """Its kind and its default, as far as a call is concerned."""

    def fn(a, /, b, c=1, *rest: int, k, m: str = "m", **more: float): ...

    def parameter(name, hint=UNKNOWN, *, keyword=False, variadic=False, default=inspect.Parameter.empty):
        return Parameter(name, keyword, variadic, default is not inspect.Parameter.empty, default, hint, None, None)

    assert (
        parameter("a"),
        parameter("b"),
        parameter("c", default=1),
        parameter("rest", int, variadic=True),
        parameter("k", keyword=True),
        parameter("m", str, keyword=True, default="m"),
        parameter("more", float, keyword=True, variadic=True),
    ) == read(fn).parameters


def test_a_default_of_none_does_not_change_the_annotation():
    """It is as it is written."""

    def fn(a: int = None): ...  # noqa: RUF013 - what is tested

    assert int is read(fn).parameters[0].hint


def test_the_mark_of_a_source_is_taken_off_the_annotation():
    """What else the annotation says stays; the outermost mark counts."""

    def fn(
        a: BorrowPrev[int],
        b: FromCtx[Annotated[str, "dsn"]],
        c: Annotated[int, "c"],
        d: Annotated[BorrowPrev[int], Mark("copy_prev")],
        e: "CopyPrev[list[int]]",
    ): ...

    assert [
        (Mark("borrow_prev"), int),
        (Mark("from_ctx"), Annotated[str, "dsn"]),
        (None, Annotated[int, "c"]),
        (Mark("copy_prev"), int),
        (Mark("copy_prev"), list[int]),
    ] == [(p.mark, p.hint) for p in read(fn).parameters]


@pytest.mark.parametrize(
    ("annotation", "returns"),
    [
        (int, int),
        (None, type(None)),
        (Awaitable[int], int),
        (Awaitable, UNKNOWN),
        (typing.Awaitable, UNKNOWN),
        (typing.Awaitable[int], int),
        (Coroutine[Any, Any, int], int),
        (Coroutine, UNKNOWN),
        (Annotated[Awaitable[int], "soon"], int),
        (Deferred, UNKNOWN),
        (Generator[int, None, None], Generator[int, None, None]),
        (list[int], list[int]),
        (int | None, int | None),
        (int | Awaitable[int], UNKNOWN),
        (Deferred | None, UNKNOWN),
        (typing.Union[int, Awaitable[int]], UNKNOWN),  # noqa: UP007 - the old spelling is what is tested
        (Any, Any),
        (T, T),
    ],
    ids=str,
)
def test_a_function_that_returns_an_awaitable_returns_what_that_gives(annotation, returns):
    """As far as the annotation tells."""

    def fn(): ...

    fn.__annotations__["return"] = annotation
    assert (returns, False) == (read(fn).returns, read(fn).is_async)


def test_a_protocol_that_can_be_awaited_is_an_awaitable():
    """What it gives is not known."""

    class Soon(Protocol):
        def __await__(self): ...

    def fn() -> Soon: ...

    assert UNKNOWN is read(fn).returns


def test_a_coroutine_function_returns_what_is_annotated():
    """It is awaited once."""

    async def fn() -> Awaitable[int]: ...

    assert Awaitable[int] == read(fn).returns


def test_a_coroutine_whose_arguments_are_missing_is_unknown():
    """A generic class of a user's own may have any number."""

    class Job(Coroutine[Any, Any, T]):
        send = throw = close = __await__ = None

    class Pair(Generic[T, U]):
        def __await__(self): ...

    def job() -> Job[int]: ...

    def pair() -> Pair[int, str]: ...

    assert [UNKNOWN, UNKNOWN] == [read(job).returns, read(pair).returns]


def test_annotations_may_be_strings():
    """They are read in the module of the function, local classes by way of the function's own variables."""

    class Local: ...

    def fn(a: "Data", b: "Local", c: "list['Local']", d: Local) -> "Awaitable[Local]":
        return Local()

    assert ({"a": Data, "b": Local, "c": list[Local], "d": Local}, Local, False) == shown(fn)


def test_annotations_may_all_be_strings():
    """As in a module that postpones them."""
    names = {"Data": Data, "BorrowPrev": BorrowPrev}
    exec(  # what the import does cannot be done for one function alone
        "from __future__ import annotations\n"
        "def fn(a: BorrowPrev[Data], b: Data = None) -> Data: ...\n"
        "class Cls:\n"
        "    def __init__(self, a: Data) -> None: ...\n"
        "    def method(self, a: Data) -> Cls: ...\n",
        names,
    )
    assert ({"a": Data, "b": Data}, Data, False) == shown(names["fn"])
    assert Mark("borrow_prev") == read(names["fn"]).parameters[0].mark
    assert ({"a": Data}, names["Cls"], False) == shown(names["Cls"])
    assert ({"a": Data}, names["Cls"], False) == shown(names["Cls"]("").method)


def test_an_annotation_that_cannot_be_read_does_not_hide_the_others():
    """A name that only type checkers see; why it could not be read is remembered."""

    class Local: ...

    def fn(a: "Missing", b: "Local", c: int, d: "1 / 0", e: "BorrowPrev[Data]") -> None:  # noqa: F821
        return Local()

    signature = read(fn)
    assert [UNKNOWN, Local, int, UNKNOWN, Data] == [p.hint for p in signature.parameters]
    assert [
        "'Missing': NameError: name 'Missing' is not defined",
        None,
        None,
        "'1 / 0': ZeroDivisionError: division by zero",
        None,
    ] == [p.unread for p in signature.parameters]
    assert Mark("borrow_prev") == signature.parameters[4].mark
    assert signature.returns is None


def test_a_local_class_that_the_function_does_not_use_cannot_be_found():
    """Python keeps no trace of it."""

    def make():
        class Hidden: ...

        def fn(a: "Hidden"): ...

        return fn, Hidden

    fn, _ = make()
    assert (UNKNOWN, "'Hidden': NameError: name 'Hidden' is not defined") == (
        read(fn).parameters[0].hint,
        read(fn).parameters[0].unread,
    )


def test_a_variable_that_is_not_assigned_yet_is_no_annotation():
    """Neither is it an error here."""

    def make():
        class Local: ...

        def fn(a: "Later", b: "Local"):
            return Later(), Local()

        signature = read(fn)

        class Later: ...

        return signature, Local

    signature, local = make()
    assert [UNKNOWN, local] == [p.hint for p in signature.parameters]


def test_the_annotations_of_a_decorated_function_are_read_where_it_was_written():
    """Not where the decorator was."""

    class Local: ...

    def fn(a: "Local", b: "Missing") -> "Local":  # noqa: F821
        return Local()

    assert ({"a": Local, "b": UNKNOWN}, Local, False) == shown(wrapping(fn))


def test_annotations_that_are_no_mapping_are_none():
    """An object may have anything under that name."""

    class Odd:
        __annotations__ = 3

        def __init__(self):
            self.__annotations__ = 3

        __call__ = len

    assert (UNKNOWN, False) == shown(Odd())[1:]


def test_a_source_that_may_be_none_is_a_source():
    """`BorrowPrev[int] | None` says the same as `BorrowPrev[int | None]`."""

    def step(x: BorrowPrev[int] | None = None, y: FromInput[str] | None = None) -> None:
        """Take both."""

    borrowed, given = (argument.source for argument in task(step).arguments)
    assert (str(borrowed), borrowed.type) == ("borrow_prev", int | None)
    assert (str(given), given.name, given.type) == ("from_input", "y", str | None)
