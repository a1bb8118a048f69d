"""The run's shared objects, by type."""

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Protocol

import pytest

from yorch_async import Context
from yorch_async._context import objects_of

DSN = Annotated[str, "dsn"]


class Base: ...


class Derived(Base): ...


class Clock(Protocol):
    def time(self): ...


def test_an_object_given_alone_is_found_under_its_own_class():
    """That very object."""
    one, other = Base(), Derived()
    ctx = Context(one, other, 3)
    assert ctx.get(Base) is one
    assert ctx.get(Derived) is other
    assert ctx[int] == 3


def test_bind_chooses_the_key():
    """A base class, a protocol, a qualified type, anything that can be a key."""
    objects = {Base: Derived(), Clock: object(), DSN: "db://", "name": 1, None: 2}
    ctx = Context("other text", bind=objects)
    assert objects == {key: ctx[key] for key in objects}
    assert ctx[str] == "other text"


def test_a_key_matches_exactly():
    """Neither by base class nor without its qualifier."""
    ctx = Context(Derived(), bind={DSN: "db://"})
    assert [True, False, True, False, False] == [key in ctx for key in (Derived, Base, DSN, str, Annotated[str, "other"])]


def test_a_context_is_counted_and_iterated_by_its_keys():
    """In the order in which they were given."""
    ctx = Context(3, "text", bind={DSN: "db://"})
    assert [int, str, DSN] == list(ctx)
    assert len(ctx) == 3
    assert len(Context()) == 0
    assert [] == list(Context())


def test_a_context_shows_its_keys_and_not_its_objects():
    """Objects may hold secrets."""
    assert "Context(int, Annotated[str, 'dsn'])" == repr(Context(3, bind={DSN: "db://secret"}))
    assert "Context()" == repr(Context())


def test_a_missing_object_is_an_error_that_says_what_there_is():
    """Both ways to ask."""
    with pytest.raises(KeyError) as by_get:
        Context(3, bind={DSN: "db://"}).get(Base)
    with pytest.raises(KeyError) as by_item:
        _ = Context()[Base]
    assert [
        ("the context holds no Base; it holds int, Annotated[str, 'dsn']",),
        ("the context holds no Base; it holds nothing",),
    ] == [by_get.value.args, by_item.value.args]
    assert by_get.value.__suppress_context__


def test_two_objects_of_one_class_are_refused():
    """There would be no saying which is meant; the message says how to have both."""
    with pytest.raises(ValueError) as caught:
        Context(1, "a", 2)
    assert (
        "two objects of type int were given, but a context holds one object per key; "
        'give one of them another key: bind={Annotated[T, "name"]: ...}'
    ) == str(caught.value)


def test_a_key_given_twice_is_refused():
    """As an object and in bind."""
    with pytest.raises(ValueError) as caught:
        Context(1, bind={int: 2})
    assert "the key int was given twice, as an object and in bind; leave one out" == str(caught.value)


def test_a_context_cannot_be_changed():
    """Also not through the mapping that it was made of, so any number of runs may share it."""
    given = {DSN: "db://"}
    ctx = Context(bind=given)
    given[int] = 3
    assert int not in ctx
    with pytest.raises(TypeError):
        ctx[int] = 3
    with pytest.raises(AttributeError):
        ctx.more = 3
    with pytest.raises(TypeError):
        ctx._objects[int] = 3


def test_a_context_is_asked_and_looked_through():
    """The run has both from it."""
    ctx = Context(3)
    objects, known = objects_of(ctx)
    assert [int] == list(known)
    assert objects[int] == 3


@pytest.mark.parametrize("mapping", [{int: 3}, OrderedDict({int: 3}), MappingProxyType({int: 3})], ids=type)
def test_a_mapping_is_read_as_the_bind_of_a_context(mapping):
    """It can be looked through beforehand, too."""
    objects, known = objects_of(mapping)
    assert isinstance(mapping, Mapping)
    assert [int] == list(known)
    assert objects[int] == 3


def test_no_context_is_an_empty_one():
    """So that what is missing is found in the same way."""
    objects, known = objects_of(None)
    assert [] == list(known)
    with pytest.raises(KeyError):
        _ = objects[int]


def test_any_object_with_get_is_a_context_that_cannot_be_looked_through():
    """Asking may construct something, so it is asked when a node runs."""

    class Container:
        def get(self, key):
            return key, self

    container = Container()
    objects, known = objects_of(container)
    assert known is None
    assert (int, container) == objects[int]


@pytest.mark.parametrize("ctx", [3, "text", type("Odd", (), {"get": 3, "__repr__": lambda self: "<odd>"})()])
def test_what_is_no_context_is_refused(ctx):
    """The message says what would be one."""
    with pytest.raises(TypeError) as caught:
        objects_of(ctx)
    assert f"a context is a Context, a mapping, or an object with get(key), not {ctx!r}" == str(caught.value)
