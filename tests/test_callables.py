"""Every sort of callable can be a task, and is called as it takes its arguments."""

import functools
from dataclasses import dataclass

import pytest

from yorch_async import (
    BorrowPrev,
    Context,
    FromCtx,
    FromInput,
    RegistrationError,
    Task,
    TaskTree,
    compile_plan,
    from_input,
    run,
    task,
    value,
)

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


async def coroutine(a, b="-"):
    return a + b


def returns_awaitable(a, b="-"):
    return coroutine(a, b)


def positional_only(a, b="-", /):
    return a + b


def keyword_only(*, a, b="-"):
    return a + b


def everything(a, *rest, b, **more):
    return a + b + "".join(rest) + "".join(more)


@dataclass
class Data:
    a: str
    b: str = "-"


class Adder:
    """Callable as an object, and with methods of every kind."""

    def __call__(self, a, b="-"):
        return a + b

    def method(self, a, b="-"):
        return a + b

    async def async_method(self, a, b="-"):
        return a + b

    @classmethod
    def by_class(cls, a, b="-"):
        return a + b

    @staticmethod
    def static(a, b="-"):
        return a + b

    def all_of_it(*args):
        return "".join(args[1:])


class AsyncAdder:
    async def __call__(self, a, b="-"):
        return a + b


class Inherits(Adder): ...


def decorate(fn):
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    return wrapper


class Deferred:
    """An object that can be awaited, and its class."""

    def __init__(self, a):
        self.a = a

    def __await__(self):
        return self.a
        yield


def local_class():
    class Local:
        @staticmethod
        def static(a, b="-"):
            return a + b

        @classmethod
        def by_class(cls, a, b="-"):
            return a + b

    return Local


CALLABLES = {
    "function": function,
    "coroutine function": coroutine,
    "returns an awaitable": returns_awaitable,
    "lambda": lambda a, b="-": a + b,
    "positional-only": positional_only,
    "keyword-only": keyword_only,
    "*args, keyword-only, **kwargs": everything,
    "bound method": Adder().method,
    "bound async method": Adder().async_method,
    "bound method with *args": Adder().all_of_it,
    "classmethod": Adder.by_class,
    "inherited classmethod": Inherits.by_class,
    "staticmethod": Adder.static,
    "inherited staticmethod": Inherits.static,
    "local staticmethod": local_class().static,
    "local classmethod": local_class().by_class,
    "callable object": Adder(),
    "async callable object": AsyncAdder(),
    "partial": partial(everything, b=""),
    "partial of a partial": partial(partial(function)),
    "partial of a coroutine function": partial(coroutine),
    "partial of a bound method": partial(Adder().method),
    "partial of a callable object": partial(Adder()),
    "decorated": decorate(function),
    "decorated coroutine function": decorate(coroutine),
    "cached": functools.lru_cache(function),
    "a Task's function": task(function, A).fn,
}


@pytest.mark.parametrize("fn", CALLABLES.values(), ids=CALLABLES)
def test_every_sort_of_callable_can_be_a_task(fn):
    """It gets its arguments in the order of its parameters, by position or by name, as it takes them."""
    made = task(fn, A, B)
    assert isinstance(made, Task)
    assert output_of(made) == "ab"


@pytest.mark.parametrize("fn", [fn for name, fn in CALLABLES.items() if "*args" not in name], ids=str)
def test_a_default_is_kept_where_no_source_is_given(fn):
    """As in any other call."""
    if fn is not CALLABLES["partial"]:
        assert output_of(task(fn, A)) == "a-"


@pytest.mark.parametrize(
    ("made", "output"),
    [
        (lambda: task(partial(function, "p"), B), "pb"),
        (lambda: task(partial(function, b="p"), A), "ap"),
        (lambda: task(partial(keyword_only, a="p"), B), "pb"),
        (lambda: task(partial(partial(keyword_only, a="p"), b="q")), "pq"),
        (lambda: task(partial(function, a="p"), B), "pb"),
        (lambda: task(everything, A, B, value("c")), "acb"),
        (lambda: task(everything, A, B), "ab"),
        (lambda: task(Data, A, B), Data("a", "b")),
        (lambda: task(partial(Data, b="p"), A), Data("a", "p")),
        (lambda: task(int, value("7")), 7),
        (lambda: task(partial(int, base=2), value("101")), 5),
        (lambda: task(len, A), 1),
        (lambda: task("-".join, value(["a", "b"])), "a-b"),
        (lambda: task((1).__add__, value(2)), 3),
        (lambda: task(dict.fromkeys, value("a")), {"a": None}),
        (lambda: task(getattr, value(3), value("real")), 3),
        (lambda: task(Deferred, A), "a"),
        (lambda: task(lambda: Deferred("a")), "a"),
        (lambda: task(str.upper.__call__, value("a")), "A"),
    ],
)
def test_classes_builtins_and_partials_are_called_as_they_are(made, output):
    """What they return is the output, awaited if it can be."""
    assert output == output_of(made())


def test_what_a_partial_gives_is_settled():
    """A source in the call goes to another parameter, and an annotation gives none."""

    def fn(a: BorrowPrev[str], b, *, c: BorrowPrev[str]):
        return a + b + c

    assert output_of(task(partial(fn, a="x", c="y"), B)) == "xby"
    assert "parameters that take one (b)" in refused(task, partial(function, a="x"), A, B)


def test_annotations_are_sources():
    """The call needs none then."""

    def fn(a: BorrowPrev[str], b: FromCtx[str], *, c: FromInput[str], d: FromInput[str] = "d"):
        return a + b + c + d

    assert output_of(task(fn), parent="a", ctx=Context("b"), inputs={"c": "c"}) == "abcd"
    assert output_of(task(fn), parent="a", ctx=Context("b"), inputs={"c": "c", "d": "e"}) == "abce"


def test_a_source_without_value_for_a_callable_without_signature_is_numbered():
    """An input then has to be named, and a context key given."""
    assert [("#1", "n"), ("#2", None)] == [
        (argument.name, getattr(argument.source, "name", None)) for argument in task(getattr, from_input("n"), B).arguments
    ]


def test_sources_go_to_args_before_keywords_that_can_be_left_out():
    """As in a call by hand: `print(a, b)` prints both."""
    printed = []

    def show(*items, sep=" "):
        printed.append(sep.join(items))

    tree = TaskTree()
    tree.root(show, A, B)
    run(compile_plan(tree))
    assert printed == ["a b"]
