"""The handle by which a direct-output task fills its own slot."""

import typing
from collections.abc import Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar

import pytest

from yorch_async import DirectOut, ResultError, StepResult
from yorch_async._slots import EMPTY, Sink, close
from yorch_async._types import UNKNOWN

T = TypeVar("T")


class Box(Generic[T]):
    def __init__(self, item, *, lid=False):
        self.item, self.lid = item, lid


class Shape(Protocol):
    def area(self): ...


def handle(type_=UNKNOWN):
    """Make a handle."""
    return DirectOut(Sink(type_, lambda: "root/node"))


def test_a_new_slot_is_empty():
    """Asking for its value is an error that says what to ask before."""
    out = handle()
    assert not out.has_value
    with pytest.raises(ResultError) as caught:
        _ = out.value
    assert (
        "root/node: the DirectOut holds no value [no-value]; write one first, or ask has_value",
        "root/node",
        None,
    ) == (str(caught.value), caught.value.path, caught.value.parameter)


@pytest.mark.parametrize("obj", [[1], None, False], ids=str)
def test_set_puts_the_very_object_into_the_slot(obj):
    """None is an output like any other."""
    out = handle()
    out.set(obj)
    assert (True, obj) == (out.has_value, out.value)
    assert close(out) is obj


def test_success_writes_and_answers_in_one():
    """For a task that returns a StepResult."""
    out = handle()
    assert StepResult.success() is out.success(3)
    assert out.value == 3


def test_emplace_constructs_in_the_slot():
    """What was there before is gone; what was made is returned, to go on with."""
    out = handle(Box)
    out.set("before")
    made = out.emplace([1], lid=True)
    assert out.value is made
    assert ([1], True) == (made.item, made.lid)


@pytest.mark.parametrize(
    ("type_", "made"),
    [
        (list[int], [1, 2]),
        (typing.List[int], [1, 2]),  # noqa: UP006 - the old spelling is what is tested
        (tuple, (1, 2)),
        (Annotated[set, "unordered"], {1, 2}),
    ],
    ids=str,
)
def test_emplace_sees_the_class_behind_its_clothing(type_, made):
    """Arguments and annotations of a type do not matter to its constructor."""
    out = handle(type_)
    assert made == out.emplace([1, 2])


def test_emplace_constructs_a_generic_class():
    """By the class without its argument."""
    out = handle(Box[int])
    assert Box is type(out.emplace(1))


@pytest.mark.parametrize("type_", [UNKNOWN, Any, T, None, int | None, typing.Optional[int], Shape, "Box"], ids=str)  # noqa: UP045
def test_emplace_needs_a_class(type_):
    """Where it is not known what to construct, the message says how to tell."""
    out = handle(type_)
    with pytest.raises(ResultError) as caught:
        out.emplace(1)
    assert (
        "root/node: emplace() does not know what to construct [untyped-slot]; "
        "annotate the parameter DirectOut[T] with a class T, or use set(object)"
    ) == str(caught.value)
    assert not out.has_value


def test_an_error_of_the_constructor_passes_and_leaves_what_was_there():
    """It is the task's own."""
    out = handle(Sequence)
    out.set("before")
    with pytest.raises(TypeError):
        out.emplace()
    assert out.value == "before"


def test_reset_empties_the_slot():
    """As if nothing had been written."""
    out = handle()
    out.set(3)
    out.reset()
    assert not out.has_value
    assert EMPTY is close(out)


def test_closing_moves_out_what_was_written():
    """Once; the handle holds nothing of it afterwards."""
    out = handle()
    out.set(3)
    assert [3, EMPTY] == [close(out), close(out)]
    assert not out.has_value


@pytest.mark.parametrize(
    "write", [lambda out: out.set(3), lambda out: out.success(3), lambda out: out.emplace(3), lambda out: out.reset()]
)
def test_a_closed_handle_refuses_to_write(write):
    """A late writer, such as an abandoned thread, cannot touch the output of a later attempt."""
    out = handle(Box)
    close(out)
    with pytest.raises(ResultError) as caught:
        write(out)
    assert (
        "root/node: the DirectOut was used after the attempt that it belongs to had ended [closed-slot]; "
        "write the output before the task returns"
    ) == str(caught.value)
    assert EMPTY is close(out)


def test_where_it_happened_is_asked_only_for_an_error():
    """Paths cost something, and errors are rare."""
    asked = []
    out = DirectOut(Sink(int, lambda: asked.append(1) or "root"))
    out.emplace("7")
    out.success(out.value + 1)
    out.reset()
    assert [] == asked
