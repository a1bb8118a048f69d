"""Parameters and sources are joined one to one, whatever the sorts of the parameters."""

from typing import Annotated, Any

import pytest

from yorch_async import (
    BorrowPrev,
    CopyPrev,
    DirectOut,
    FromCtx,
    FromInput,
    RegistrationError,
    borrow_prev,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    value,
)
from yorch_async._bind import Argument, bind, is_sink
from yorch_async._signature import read
from yorch_async._slots import EMPTY
from yorch_async._specs import Access, CtxSource, InputSource, PrevSource, ValueSource
from yorch_async._types import UNKNOWN

ONE, TWO, THREE = value(1), value(2), value(3)


def bound(fn, *sources, **options):
    """The arguments that a function gets."""
    return bind("load", read(fn).parameters, sources, **options)


def passed(fn, *sources, **options):
    """What it gets, as it would be written in a call; only for values."""
    return [(f"{a.keyword}=" if a.keyword else "") + f"{a.name}:{a.source.value}" for a in bound(fn, *sources, **options)]


def refused(fn, *sources, **options):
    """The message of the refusal."""
    with pytest.raises(RegistrationError) as caught:
        bound(fn, *sources, **options)
    return str(caught.value)


def test_an_argument_is_a_name_and_a_source():
    """Passed by position, without a default, unless said otherwise."""
    assert Argument("a", ONE, keyword=None, default=EMPTY) == Argument("a", ONE)


@pytest.mark.parametrize(
    ("fn", "sources", "call"),
    [
        (lambda: 0, (), []),
        (lambda a, b: 0, (ONE, TWO), ["a:1", "b:2"]),
        (lambda a, /, b: 0, (ONE, TWO), ["a:1", "b:2"]),
        (lambda a, *, b: 0, (ONE, TWO), ["a:1", "b=b:2"]),
        (lambda *, b, a: 0, (ONE, TWO), ["b=b:1", "a=a:2"]),
        (lambda a, b=9: 0, (ONE,), ["a:1"]),
        (lambda a, b=9: 0, (ONE, TWO), ["a:1", "b:2"]),
        (lambda a, *, b=9, c: 0, (ONE, TWO, THREE), ["a:1", "b=b:2", "c=c:3"]),
        (lambda a=8, b=9: 0, (), []),
        (lambda *rest: 0, (), []),
        (lambda *rest: 0, (ONE, TWO), ["rest:1", "rest:2"]),
        (lambda a, *rest: 0, (ONE,), ["a:1"]),
        (lambda a, *rest: 0, (ONE, TWO, THREE), ["a:1", "rest:2", "rest:3"]),
        (lambda a, *rest, k: 0, (ONE, TWO, THREE), ["a:1", "rest:2", "k=k:3"]),
        (lambda *rest, k: 0, (ONE,), ["k=k:1"]),
        (lambda a=9, *rest: 0, (ONE,), ["a:1"]),
        (lambda a, **more: 0, (ONE,), ["a:1"]),
        (lambda *rest, **more: 0, (ONE, TWO), ["rest:1", "rest:2"]),
    ],
)
def test_sources_go_to_parameters_in_order(fn, sources, call):
    """Each parameter gets one, `*args` what is left over, `**kwargs` none; what has a default may go without."""
    assert call == passed(fn, *sources)


def test_an_annotated_parameter_has_its_source_already():
    """Sources in the call go to the others."""

    def fn(a: BorrowPrev[int], b, c: FromCtx[str], *, d: FromInput[float], e): ...

    assert (
        Argument("a", PrevSource(Access.BORROW, int)),
        Argument("b", ONE),
        Argument("c", CtxSource(str, copy=False)),
        Argument("d", InputSource("d", float), keyword="d"),
        Argument("e", TWO, keyword="e"),
    ) == bound(fn, ONE, TWO)


def test_a_position_that_was_passed_over_gets_its_default():
    """Where something comes after it; otherwise the function fills it itself."""

    def fn(a=7, b=8, c: CopyPrev[int] = 9, d=10): ...

    arguments = bound(fn)
    assert ["a", "b", "c"] == [a.name for a in arguments]
    assert [7, 8] == [a.source.value for a in arguments[:2]]
    assert [False, False] == [a.source.copy for a in arguments[:2]]
    assert ["a", "b", "c", "d"] == [a.name for a in bound(fn, followed=True)]
    assert ["a:1"] == passed(lambda a, b=2, *, k=3: 0, ONE)
    assert ["a:1", "b:2"] == passed(lambda a, b=2: 0, ONE, followed=True)


def test_a_keyword_with_a_default_is_never_filled():
    """Keywords leave no gaps."""

    def fn(*, a=7, b: CopyPrev[int]): ...

    assert [("b", "b")] == [(a.name, a.keyword) for a in bound(fn)]


def test_defaults_before_rest_arguments_are_filled():
    """`*args` begins where the positions end."""

    def fn(a: BorrowPrev[int], b=8, *rest): ...

    assert [("a", Access.BORROW)] == [(a.name, a.source.access) for a in bound(fn)]
    assert ["b", "rest", "rest"] == [a.name for a in bound(fn, ONE, TWO, THREE)][1:]


def test_without_a_signature_arguments_are_numbered():
    """As many as there are sources; nothing can be checked."""
    assert (Argument("#1", ONE), Argument("#2", PrevSource(Access.COPY, int))) == bind("f", None, (ONE, copy_prev(int)))
    assert [Argument("#1", ONE)] == list(bind("f", None, (ONE,), first=2))
    assert () == bind("f", None, ())
    assert EMPTY is bind("f", None, (from_input("n"),))[0].default
    with pytest.raises(RegistrationError, match="^f, parameter '#1': from_ctx"):
        bind("f", None, (from_ctx(),))


@pytest.mark.parametrize(
    ("source", "hint", "found"),
    [
        (from_ctx(), int, CtxSource(int, copy=False)),
        (from_ctx(copy=True), int, CtxSource(int, copy=True)),
        (from_ctx(), Annotated[str, "dsn"], CtxSource(Annotated[str, "dsn"], copy=False)),
        (from_ctx(bool), int, CtxSource(bool, copy=False)),
        (from_ctx("key"), int, CtxSource("key", copy=False)),
        (from_ctx(None), UNKNOWN, CtxSource(None, copy=False)),
        (from_input(), int, InputSource("x", int)),
        (from_input("n"), int, InputSource("n", int)),
        (from_input("n"), Annotated[int, "a"], InputSource("n", int)),
        (from_input("n", bool), int, InputSource("n", bool)),
        (from_input("n"), UNKNOWN, InputSource("n", UNKNOWN)),
        (borrow_prev(), int, PrevSource(Access.BORROW, int)),
        (borrow_prev(), Annotated[int, "a"], PrevSource(Access.BORROW, int)),
        (borrow_prev(bool), int, PrevSource(Access.BORROW, bool)),
        (consume_prev(), UNKNOWN, PrevSource(Access.CONSUME, UNKNOWN)),
        (copy_prev(copier=list.copy), list, PrevSource(Access.COPY, list, list.copy)),
        (copy_prev(copier=list.copy), UNKNOWN, PrevSource(Access.COPY, UNKNOWN, list.copy)),
    ],
    ids=str,
)
def test_what_a_source_leaves_out_the_annotation_says(source, hint, found):
    """What it says itself stays."""

    def fn(x): ...

    if hint is not UNKNOWN:
        fn.__annotations__["x"] = hint
    assert (Argument("x", found),) == bound(fn, source)


def test_an_input_falls_back_to_the_default_of_its_parameter():
    """Also to None."""

    def fn(a: FromInput[int], b=None, *, c: FromInput[int] = 3): ...

    assert [EMPTY, None, 3] == [a.default for a in bound(fn, from_input("b"))]


def test_other_sources_have_no_default():
    """They are always there."""

    def fn(a: BorrowPrev[int] = 1, b: FromCtx[int] = 2, c=3): ...

    assert [EMPTY] * 3 == [a.default for a in bound(fn, ONE)]


@pytest.mark.parametrize(
    ("source", "offered"),
    [
        (from_ctx(str), "str"),
        (from_input("n", str), "str"),
        (borrow_prev(str), "str"),
        (copy_prev(int | None), "int | None"),
    ],
    ids=str,
)
def test_a_source_must_give_what_the_parameter_is_annotated_to_take(source, offered):
    """Where both are known."""

    def fn(x: int): ...

    assert (
        f"load, parameter 'x': {source} gives {offered}, but the parameter is annotated int [parameter-type]; "
        "ask the source for int, or correct the annotation"
    ) == refused(fn, source)


def test_the_type_of_a_value_is_not_checked():
    """An object may stand for another, as mocks do."""

    def fn(x: int): ...

    source = value("text")
    assert (Argument("x", source),) == bound(fn, source)


@pytest.mark.parametrize(
    ("fn", "sources", "given", "names"),
    [
        (lambda: 0, (ONE,), 1, "none"),
        (lambda a, b=2, *, c: 0, (ONE, TWO, THREE, ONE), 4, "a, b, c"),
        (lambda a, **more: 0, (ONE, TWO), 2, "a"),
    ],
)
def test_a_source_too_many_is_refused(fn, sources, given, names):
    """The message says which parameters there are."""
    assert (
        f"load: has more sources ({given}) than parameters that take one ({names}) [too-many-sources]; "
        "give one source per parameter, in order, and none to a DirectOut or to a parameter that is annotated with its source"
    ) == refused(fn, *sources)


def test_an_annotated_parameter_takes_no_source_in_the_call():
    """It would have two."""

    def fn(a: BorrowPrev[int], b): ...

    assert refused(fn, ONE, TWO).startswith("load: has more sources (2) than parameters that take one (b) [")


REMEDY = (
    "add from_ctx(...), from_input(...), value(...), borrow_prev(...) and its like, or, for an element of each(...), item(); "
    "or annotate it, as in BorrowPrev[T]; or give it a default"
)


@pytest.mark.parametrize(
    ("fn", "sources", "name"),
    [
        (lambda a: 0, (), "a"),
        (lambda a, b: 0, (ONE,), "b"),
        (lambda a, *, b: 0, (ONE,), "b"),
        (lambda a=1, *, b: 0, (ONE,), "b"),
    ],
)
def test_a_parameter_without_source_is_refused_by_name(fn, sources, name):
    """The first one."""
    assert f"load, parameter '{name}': has no source [no-source]; {REMEDY}" == refused(fn, *sources)


def test_a_source_that_could_not_be_read_is_refused_with_the_reason():
    """It may have been in the annotation."""

    def fn(a: "BorrowPrev[Missing]"): ...  # noqa: F821

    assert (
        "load, parameter 'a': has no source (its annotation could not be read: 'BorrowPrev[Missing]': NameError: "
        f"name 'Missing' is not defined) [no-source]; {REMEDY}"
    ) == refused(fn)


@pytest.mark.parametrize("fn", [lambda x: 0, print])
def test_a_context_source_has_to_say_which_object(fn):
    """If the annotation does not."""
    assert (
        "from_ctx() does not say which object [no-context-key]; write from_ctx(T), or annotate the parameter"
    ) == refused(fn, from_ctx()).partition(": ")[2]


@pytest.mark.parametrize("given", [3, "text", int, borrow_prev, BorrowPrev[int], None])
def test_what_is_no_source_is_refused_by_its_place(given):
    """Forgetting value(...) or the parentheses of a source are the commonest mistakes."""
    assert (
        f"load: source 2 is {given!r}, which does not say where an argument comes from [not-a-source]; "
        "write borrow(...) around a node, or value(...) around an object that is to be passed as it is"
    ) == refused(lambda a, b: 0, ONE, given)
    assert f"load: source 3 is {given!r}, " in refused(lambda a, b: 0, ONE, given, first=2)


def test_an_annotation_cannot_be_the_source_of_any_number_of_arguments():
    """One source is one argument."""

    def rest(*args: BorrowPrev[int]): ...

    def more(**kwargs: FromInput[int]): ...

    message = (
        "load, parameter '{}': stands for any number of arguments, and is annotated with one source [variadic-source]; "
        "annotate parameters that have names of their own, or give the sources of `*args` in the call"
    )
    assert [message.format("args"), message.format("kwargs")] == [refused(rest), refused(more)]


def test_a_sink_is_annotated_so():
    """With or without the type of the output, and with other annotations."""

    def fn(a: DirectOut, b: DirectOut[int], c: Annotated[DirectOut[int], "c"], d: int, e, f: list[DirectOut], g: Any): ...

    assert [True, True, True, False, False, False, False] == [is_sink(p) for p in read(fn).parameters]


def test_a_default_that_fills_a_gap_is_the_object_itself():
    """As in any other call."""
    default = [1]

    def fn(a=default, b: BorrowPrev[int] = 0): ...

    source = bound(fn)[0].source
    assert isinstance(source, ValueSource)
    assert source.value is default
