"""What a task answers about itself, how it is named, and the forms of its decorator."""

import functools
import inspect
import weakref
from dataclasses import FrozenInstanceError
from typing import Annotated

import pytest

from yorch_async import (
    BorrowPrev,
    BorrowPrevMut,
    CallableTask,
    ConsumePrev,
    CopyPrev,
    DirectOut,
    FromCtx,
    RegistrationError,
    StepResult,
    Task,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    run,
    task,
    task_forward_prev,
    task_forward_prev_member,
    task_into,
    task_into_member,
    task_member,
    value,
)
from yorch_async._adapter import TaskTraits
from yorch_async._bind import Argument
from yorch_async._outputs import Returns
from yorch_async._specs import Access, PrevSource
from yorch_async._tasks import Kind
from yorch_async._types import UNKNOWN

A, B = value("a"), value("b")
partial = functools.partial


def output_of(made, *, parent=None, **options):
    """What a task puts out when it runs, alone or below a node with this output."""
    tree = TaskTree()
    node = tree.root(made) if parent is None else tree.root(lambda: parent).child(made)
    return run(compile_plan(tree), **options)[node]


def refused(make, *args, **options):
    """The message of the refusal."""
    with pytest.raises(RegistrationError) as caught:
        make(*args, **options)
    return str(caught.value)


def function(a, b="-"):
    return a + b


class Adder:
    def __call__(self, a, b="-"):
        return a + b

    def method(self, a, b="-"):
        return a + b


def test_a_decorated_function_is_a_task_and_still_the_function():
    """Bare and with options; calling it runs the function alone, without sources and adapters."""

    class Shouts:
        def wrap(self, call):
            async def shouted(attempt):
                return (await call(attempt)).upper()

            return shouted

    @task
    def bare(a: CopyPrev[str], b="-"):
        """Join."""
        return a + b

    @task(adapters=(Shouts(),), name="join", output=str)
    async def with_options(a: CopyPrev[str], b: str = "-"):
        return a + b

    assert [("bare", False), ("join", True)] == [(made.name, made.named) for made in (bare, with_options)]
    assert ["a-", "ab"] == [bare("a"), bare(a="a", b="b")]
    assert ["A-", "P-"] == [output_of(with_options, parent=text) for text in "ap"]
    awaitable = with_options("a")
    assert inspect.iscoroutine(awaitable)
    awaitable.close()
    assert str is with_options.output.type


def test_a_decorator_takes_all_options():
    """Also `managed`."""

    @task(managed=True)
    def open_it():
        return None

    assert open_it.managed
    assert not task(managed=False)(lambda: 1).managed


def test_a_task_looks_like_its_function():
    """To whoever inspects it."""
    made = task(function, A, name="join")
    assert ("function", function) == (made.__name__, made.__wrapped__)
    assert inspect.signature(function) == inspect.signature(made)
    assert task(partial(function, "a")).__name__ == "function"


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: task(function, A), "<task function>"),
        (lambda: task(function, A, name="join"), "<task join>"),
        (lambda: task(lambda: 1), "<task <lambda>>"),
        (lambda: task(Adder(), A), "<task Adder>"),
        (lambda: task(partial(function, "a")), "<task function>"),
        (lambda: task_member(Adder.method, value(Adder()), A), "<task method>"),
        (lambda: task_into(lambda out: None), "<task_into <lambda>>"),
        (lambda: task_into_member(Adder.method, value(Adder()), A), "<task_into method>"),
        (lambda: task_forward_prev(function, borrow_prev_mut()), "<task_forward_prev function>"),
        (lambda: task_forward_prev_member(list.sort, borrow_prev_mut()), "<task_forward_prev sort>"),
    ],
)
def test_a_task_is_called_after_its_callable_or_as_one_says(make, shown):
    """And shows of what kind it is."""
    assert shown == repr(make())


def test_a_name_can_be_part_of_a_path():
    """That of a callable is made so; one that was chosen is refused instead."""

    def fn(): ...

    fn.__name__ = "a/b/c"
    assert task(fn).name == "a|b|c"
    assert refused(task, function, A, name="a/b") == (
        "function: the name 'a/b' cannot be used [bad-name]; use a string that is not empty, can be printed and holds no '/'"
    )
    assert [
        "function: the name '' cannot be used [bad-name]; use a string that is not empty, can be printed and holds no '/'",
        "function: the name 3 cannot be used [bad-name]; use a string that is not empty, can be printed and holds no '/'",
    ] == [refused(task, function, A, name=name) for name in ("", 3)]


def test_a_task_cannot_be_changed():
    """It may stand in any number of trees; it is itself and no other, and can be referred to weakly."""
    made = task(function, A)
    with pytest.raises(FrozenInstanceError):
        made.name = "other"
    assert made != task(function, A)
    assert weakref.ref(made)() is made
    assert len({made, made}) == 1


def test_a_task_lists_what_it_takes_from_its_parent():
    """With the names of the parameters, in order."""

    def fn(a: BorrowPrev[int], b: FromCtx[int], *, c: CopyPrev[str]): ...

    assert (("a", PrevSource(Access.BORROW, int)), ("c", PrevSource(Access.COPY, str))) == task(fn).accesses
    assert () == task(function, A).accesses


@pytest.mark.parametrize(
    ("make", "has_output", "type_", "returns"),
    [
        (lambda: task(lambda: 1), None, UNKNOWN, Returns.ANYTHING),
        (lambda: task(lambda: 1, output=None), False, UNKNOWN, Returns.NOTHING),
        (lambda: task(lambda: 1, output=int), True, int, Returns.VALUE),
        (lambda: task(lambda: 1, output=StepResult), False, UNKNOWN, Returns.STATUS),
        (lambda: task(lambda: 1, output=TaskResult[int]), True, int, Returns.RESULT),
        (lambda: task(int, A), True, int, Returns.VALUE),
        (lambda: task(int, A, output=str), True, str, Returns.VALUE),
        (lambda: task(int, A, managed=True), True, UNKNOWN, Returns.VALUE),
        (lambda: task_member(Adder.method, value(Adder()), A, output=str), True, str, Returns.VALUE),
        (lambda: task_into(lambda out: None), True, UNKNOWN, Returns.ANYTHING),
        (lambda: task_into(lambda out: None, output=int), True, int, Returns.ANYTHING),
        (lambda: task_forward_prev(function, borrow_prev_mut(list)), True, list, Returns.ANYTHING),
        (lambda: task_forward_prev(function, borrow_prev_mut(list), output=None), True, list, Returns.NOTHING),
    ],
)
def test_a_task_answers_what_its_output_is(make, has_output, type_, returns):
    """What it is declared to return, and what that puts into the slot."""
    made = make()
    assert (has_output, type_, returns) == (made.has_output, made.output.type, made.output.returns)


@pytest.mark.parametrize(
    ("hint", "type_"),
    [(DirectOut, UNKNOWN), (DirectOut[int], int), (DirectOut[list[int]], list[int]), (Annotated[DirectOut[int], "a"], int)],
    ids=str,
)
def test_a_direct_output_has_the_type_of_its_handle(hint, type_):
    """The handle has no source."""

    def fill(a, out): ...

    fill.__annotations__["out"] = hint
    made = task_into(fill, A)
    assert ((Argument("a", A),), type_) == (made.arguments, made.output.type)
    assert (Kind.DIRECT, "anything") == (made.kind, made.output.words)
    assert str is task_into(fill, A, output=str).output.type


@pytest.mark.parametrize("fn", [lambda *out: None, lambda *, out: None, lambda **out: None])
def test_a_handle_is_passed_by_position(fn):
    """One handle, as the last argument."""
    assert "its last parameter 'out' is no DirectOut" in refused(task_into, fn)


def test_the_handle_comes_after_all_defaults():
    """Those that no source was given for are filled."""

    def fill(a, b="b", c="c", out: DirectOut[str] = None):
        out.set(a + b + c)

    assert output_of(task_into(fill, A)) == "abc"
    assert output_of(task_into(fill, A, value("x"))) == "axc"


def test_a_forwarding_task_has_the_type_that_it_asks_for():
    """By source or by annotation."""

    def change(a: BorrowPrevMut[list]) -> None: ...

    made = task_forward_prev(change)
    assert (list, Returns.NOTHING, False, "None") == (
        made.output.type,
        made.output.returns,
        made.output.may_retry,
        made.output.words,
    )
    assert Kind.FORWARD is made.kind


@pytest.mark.parametrize(
    ("make", "traits"),
    [
        (lambda: task(lambda: 1), TaskTraits("<lambda>", "anything", may_retry=True, consumes=False)),
        (lambda: task(int, A, name="n"), TaskTraits("n", "int", may_retry=False, consumes=False, output=int)),
        (lambda: task(int, consume_prev()), TaskTraits("int", "int", may_retry=False, consumes=True, output=int)),
        (lambda: task(int, borrow_prev()), TaskTraits("int", "int", may_retry=False, consumes=False, output=int)),
        (
            lambda: task(lambda: 1, output=StepResult),
            TaskTraits("<lambda>", "StepResult", may_retry=True, consumes=False, gives_value=False),
        ),
    ],
)
def test_a_task_answers_for_itself(make, traits):
    """Whether it can answer RETRY, takes the parent's output away, may be called more than once."""
    assert traits == make().traits
    assert not traits.repeats


def test_adapters_are_asked_inside_out():
    """Each gets the answers of what it is wrapped around; one without answers changes none."""

    class Silent:
        def wrap(self, call):
            return call

    class Answers(Silent):
        def __init__(self, name):
            self.name = name

        def traits(self, traits):
            return TaskTraits(traits.task, f"{self.name}({traits.returns})", may_retry=True, consumes=False, repeats=True)

    adapters = [Answers("x"), Silent(), Answers("y")]
    made = task(int, consume_prev(), adapters=adapters)
    assert TaskTraits("int", "y(x(int))", may_retry=True, consumes=False, repeats=True, adapted=True) == made.traits
    assert tuple(adapters) == made.adapters
    assert () == task(int, A).adapters


def test_the_first_adapter_is_the_closest_to_the_task():
    """Wrapping goes on from there."""

    class Named:
        def __init__(self, name):
            self.name = name

        def wrap(self, call):
            return f"{self.name}({call})"

    assert task(int, A, adapters=(Named("x"), Named("y"))).wrapped("call") == "y(x(call))"
    assert task(int, A).wrapped("call") == "call"


def test_a_consumed_output_is_taken_by_the_annotated_form_too():
    """The traits do not depend on how it is written."""

    def fn(a: ConsumePrev[int]): ...

    assert task(fn).traits.consumes


def test_a_callable_task_is_for_type_checkers():
    """There are none when running, but it can be called as what it stands for."""
    assert Task is type(task(function, A))
    assert CallableTask.__call__(task(function, A), "a", b="b") == "ab"


@pytest.mark.parametrize("make", [task_into, task_forward_prev, task_member, task_into_member, task_forward_prev_member])
def test_an_option_of_another_kind_is_no_option(make):
    """A managed output belongs to regular tasks, and whether it is a method is said by the function."""
    with pytest.raises(TypeError, match="^there is no option managed; there are adapters, name, output$"):
        make(print, managed=True)
