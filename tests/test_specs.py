"""Where an argument comes from: what each source says, and what the annotated forms stand for."""

import copy
from dataclasses import FrozenInstanceError, fields
from typing import Annotated, get_args

import pytest

from yorch_async import (
    BorrowPrev,
    BorrowPrevMut,
    ConsumePrev,
    CopyPrev,
    FromCtx,
    FromInput,
    borrow_prev,
    borrow_prev_mut,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    value,
)
from yorch_async._copying import copy_of
from yorch_async._specs import Access, CtxSource, InputSource, Mark, PrevSource
from yorch_async._types import UNKNOWN

PREV = [
    (borrow_prev, Access.BORROW),
    (borrow_prev_mut, Access.BORROW_MUT),
    (copy_prev, Access.COPY),
    (consume_prev, Access.CONSUME),
]
MARKED = [
    (FromCtx[int], "from_ctx", CtxSource(int, copy=False)),
    (FromInput[int], "from_input", InputSource(None, int)),
    (BorrowPrev[int], "borrow_prev", PrevSource(Access.BORROW, int)),
    (BorrowPrevMut[int], "borrow_prev_mut", PrevSource(Access.BORROW_MUT, int)),
    (CopyPrev[int], "copy_prev", PrevSource(Access.COPY, int)),
    (ConsumePrev[int], "consume_prev", PrevSource(Access.CONSUME, int)),
]
EVERY_SOURCE = [from_ctx(int), from_input("n", int), value(3), *(make(int) for make, _ in PREV)]


def test_two_of_the_four_accesses_are_exclusive():
    """Those that change the output or take it away."""
    assert [False, True, False, True] == [access.exclusive for access in Access]
    assert ["borrow_prev", "borrow_prev_mut", "copy_prev", "consume_prev"] == [access.value for access in Access]


@pytest.mark.parametrize(("make", "access"), PREV)
def test_a_source_from_the_parent_holds_access_and_type(make, access):
    """Without a type it is unknown; by default copies are deep."""
    assert (access, int, copy_of) == (make(int).access, make(int).type, make(int).copier)
    assert UNKNOWN is make().type


def test_a_copy_may_have_its_own_copier():
    """Any callable."""
    assert copy_prev(list, copier=list.copy).copier is list.copy
    assert copy_prev(copier=copy.copy).copier is copy.copy


def test_what_is_no_copier_is_refused_where_it_is_written():
    """By what was given."""
    with pytest.raises(TypeError) as caught:
        copy_prev(list, copier=3)
    assert "copier must be callable, not 3" == str(caught.value)


def test_a_context_source_holds_its_key():
    """Without a key, the parameter's annotation says which; a copy is made only if asked for."""
    assert (int, False) == (from_ctx(int).key, from_ctx(int).copy)
    assert (int, True) == (from_ctx(int, copy=True).key, from_ctx(int, copy=True).copy)
    assert (UNKNOWN, False) == (from_ctx().key, from_ctx().copy)
    assert from_ctx(None).key is None


def test_an_input_source_holds_its_name_and_type():
    """Without a name, that of the parameter."""
    assert ("n", int) == (from_input("n", int).name, from_input("n", int).type)
    assert (None, UNKNOWN) == (from_input().name, from_input().type)


def test_an_input_has_a_string_for_a_name():
    """A type in its place is a mistake that is easily made."""
    with pytest.raises(TypeError) as caught:
        from_input(int)
    assert "the name of an input must be a string, not <class 'int'>" == str(caught.value)


def test_a_value_source_holds_the_very_object():
    """A copy is made only if asked for."""
    obj = [1]
    assert value(obj).value is obj
    assert (False, True) == (value(obj).copy, value(obj, copy=True).copy)


def test_sources_are_compared_by_what_they_say():
    """But values by identity, because their own == may mean anything."""
    assert from_ctx(int) == from_ctx(int)
    assert from_ctx(int) != from_ctx(int, copy=True)
    assert from_input("n") != from_input("m")
    assert borrow_prev(int) == borrow_prev(int)
    assert borrow_prev(int) != borrow_prev_mut(int)
    assert value(3) != value(3)
    assert len({value([]), from_ctx(int), from_ctx(int)}) == 2


def test_a_source_is_called_as_the_user_wrote_it():
    """In messages."""
    assert ["from_ctx", "from_input", "value", "borrow_prev", "borrow_prev_mut", "copy_prev", "consume_prev"] == [
        str(source) for source in EVERY_SOURCE
    ]


@pytest.mark.parametrize("source", EVERY_SOURCE, ids=str)
def test_a_source_cannot_be_changed(source):
    """It may be shared by any number of tasks."""
    with pytest.raises(FrozenInstanceError):
        setattr(source, fields(source)[0].name, None)


@pytest.mark.parametrize(("hint", "kind", "source"), MARKED)
def test_an_annotated_form_is_its_type_with_a_mark(hint, kind, source):
    """A type checker reads the type; the mark stands for the source of that type."""
    type_, mark = get_args(hint)
    assert (int, Mark(kind)) == (type_, mark)
    assert source == mark.source(int)


def test_an_annotated_form_goes_with_other_annotations():
    """They stay part of the type."""
    assert (str, "dsn", Mark("from_ctx")) == get_args(FromCtx[Annotated[str, "dsn"]])
