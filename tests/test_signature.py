"""Reading a callable of any sort: parameters, annotations, what it returns, whether calling it gives an awaitable."""

import functools
import gc
import weakref
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Generic, NamedTuple, TypeVar

import pytest

from yorch_async._signature import name_of, owner_of, qualified_name_of, read
from yorch_async._types import UNKNOWN

T = TypeVar("T")


def shown(fn):
    """What was read, without what is as always: parameters by name with their annotations; what it returns; if it is async."""
    signature = read(fn)
    parameters = signature.parameters
    named = None if parameters is None else {p.name: p.hint for p in parameters}
    return named, signature.returns, signature.is_async


def plain(a: int, b: str = "b") -> float: ...


async def coroutine(a: int) -> float: ...


def bare(a, b): ...


class Loader:
    """Callable as an object, and with methods of every kind."""

    def __init__(self, url: str, retries: int = 3) -> None: ...

    def __call__(self, a: int) -> float: ...

    def load(self, a: int) -> float: ...

    async def load_async(self, a: int) -> float: ...

    def everything(*args: int) -> float: ...

    @classmethod
    def by_class(cls, a: int) -> float: ...

    @staticmethod
    def static(a: int) -> float: ...

    class Inner:
        """A class inside."""

        def load(self, a: int) -> float: ...


class AsyncLoader:
    async def __call__(self, a: int) -> float: ...


class Made:
    def __new__(cls, a: int): ...


class Inherits(Loader): ...


class Empty: ...


@dataclass
class Data:
    a: int
    b: str = "b"


class Point(NamedTuple):
    x: int
    y: int = 0


class Deferred:
    def __await__(self):
        yield


class Box(Generic[T]):
    def __init__(self, item: T) -> None: ...


def wrapping(fn):
    """Decorate as one should."""

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    return wrapper


decorated = wrapping(plain)
decorated_coroutine = wrapping(coroutine)
cached = functools.lru_cache(plain)
partial = functools.partial


@pytest.mark.parametrize(
    ("fn", "parameters", "returns", "is_async"),
    [
        (plain, {"a": int, "b": str}, float, False),
        (coroutine, {"a": int}, float, True),
        (bare, {"a": UNKNOWN, "b": UNKNOWN}, UNKNOWN, False),
        (lambda a, b=1: a, {"a": UNKNOWN, "b": UNKNOWN}, UNKNOWN, False),
        (Loader("").load, {"a": int}, float, False),
        (Loader("").load_async, {"a": int}, float, True),
        (Loader.load, {"self": UNKNOWN, "a": int}, float, False),
        (Loader.by_class, {"a": int}, float, False),
        (Loader.static, {"a": int}, float, False),
        (Loader("").everything, {"args": int}, float, False),
        (MethodType(plain, 3), {"b": str}, float, False),
        (MethodType(Loader(""), 3), {}, UNKNOWN, False),
        (Loader, {"url": str, "retries": int}, Loader, False),
        (Inherits, {"url": str, "retries": int}, Inherits, False),
        (Made, {"a": int}, Made, False),
        (Empty, {}, Empty, False),
        (Data, {"a": int, "b": str}, Data, False),
        (Point, {"x": int, "y": int}, Point, False),
        (Box, {"item": T}, Box, False),
        (Deferred, {}, UNKNOWN, False),
        (Loader(""), {"a": int}, float, False),
        (AsyncLoader(), {"a": int}, float, True),
        (partial(plain, 1), {"b": str}, float, False),
        (partial(plain, b="c"), {"a": int}, float, False),
        (partial(plain, a=1), {"b": str}, float, False),
        (partial(partial(plain, 1), b="c"), {}, float, False),
        (partial(partial(Loader(""), a=1)), {}, float, False),
        (partial(lambda *a, **more: a, a=1), {"a": UNKNOWN, "more": UNKNOWN}, UNKNOWN, False),
        (partial(lambda a=1, *, b, c: a, b=2), {"a": UNKNOWN, "c": UNKNOWN}, UNKNOWN, False),
        (partial(coroutine, 1), {}, float, True),
        (partial(Loader(""), 1), {}, float, False),
        (partial(AsyncLoader(), 1), {}, float, True),
        (partial(Data, 1), {"b": str}, Data, False),
        (partial(Loader("").load_async, 1), {}, float, True),
        (decorated, {"a": int, "b": str}, float, False),
        (decorated_coroutine, {"a": int}, float, False),
        (cached, {"a": int, "b": str}, float, False),
        (len, {"obj": UNKNOWN}, UNKNOWN, False),
        ("".join, {"iterable": UNKNOWN}, UNKNOWN, False),
        (str.upper, {"self": UNKNOWN}, UNKNOWN, False),
        (getattr, None, UNKNOWN, False),
        (int, None, int, False),
        (partial(int, "7"), None, int, False),
    ],
)
def test_a_callable_of_any_sort_is_read_as_it_is_called(fn, parameters, returns, is_async):
    """Without the receiver of a bound method, and without what a partial has bound already."""
    if parameters is None and read(fn).returns is int:
        parameters = shown(fn)[0]  # some versions of Python can say it
    assert (parameters, returns, is_async) == shown(fn)


def test_a_signature_that_cannot_be_made_is_unknown():
    """Also where it was given wrongly."""

    class Odd:
        __signature__ = 3

        def __call__(self) -> float: ...

    assert (None, float, False) == shown(Odd())


def test_a_function_is_read_once():
    """However often it is registered; also while it is local, and then no longer than its signature is used."""

    def local(a: int): ...

    assert read(plain) is read(plain)
    signature = read(local)
    assert signature is read(local)
    forgotten = weakref.ref(signature)
    del signature
    gc.collect()
    assert forgotten() is None
    assert {"a": int} == shown(local)[0]


def test_a_local_function_is_not_kept_alive():
    """Although its annotations may lead back to it."""

    def make():
        class Local:
            def method(self) -> "Local":
                return Local()

        read(Local.method)
        return weakref.ref(Local.method)

    made = make()
    gc.collect()
    assert made() is None


@pytest.mark.parametrize(
    ("fn", "name", "qualified"),
    [
        (plain, "plain", "plain"),
        (Loader.load, "load", "Loader.load"),
        (Loader.Inner.load, "load", "Loader.Inner.load"),
        (Loader, "Loader", "Loader"),
        (Loader(""), "Loader", ""),
        (partial(partial(plain, 1), 2), "plain", ""),
        (decorated, "plain", "plain"),
        (len, "len", "len"),
        (str.upper, "upper", "str.upper"),
        (lambda: 1, "<lambda>", "<lambda>"),
        (3, "int", ""),
    ],
)
def test_a_callable_has_a_name(fn, name, qualified):
    """An object that has none is called after its class."""
    assert (name, qualified) == (name_of(fn), qualified_name_of(fn))


@pytest.mark.parametrize("odd", [3, "", None])
def test_a_name_that_is_none_does_not_count(odd):
    """An object may answer anything when it is asked for its name."""

    class Odd:
        def __init__(self):
            self.__name__ = self.__qualname__ = odd

        def __call__(self): ...

    assert ("Odd", "") == (name_of(Odd()), qualified_name_of(Odd()))


def test_the_class_of_a_method_is_found_by_its_qualified_name():
    """A method of a local class has no path to it."""

    class Local:
        def method(self): ...

    assert [Loader, Loader, Loader.Inner, Loader, None, None, None, None] == [
        owner_of(Loader.load),
        owner_of(Loader("").load),
        owner_of(Loader.Inner.load),
        owner_of(Inherits.load),
        owner_of(Local.method),
        owner_of(plain),
        owner_of(str.upper),
        owner_of(Loader("")),
    ]


def test_the_class_of_a_decorated_method_is_found_where_it_was_written():
    """The decorator may come from another module."""
    wrap = FunctionType(wrapping.__code__, {"functools": functools}, "wrap", closure=wrapping.__closure__)
    assert owner_of(wrap(Loader.load)) is Loader


def test_a_qualified_name_that_leads_to_no_class_has_no_owner():
    """Names can be written by anybody."""

    def fn(): ...

    fn.__qualname__ = "plain.fn"
    assert owner_of(fn) is None
    fn.__qualname__ = "Missing.Loader.fn"
    assert owner_of(fn) is None
