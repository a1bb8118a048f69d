"""Tasks of methods: which callables are methods, which objects can be their receivers, and what is looked up when they run."""

import abc
import functools
from typing import Protocol
from unittest.mock import Mock

import pytest

from yorch_async import (
    Context,
    DirectOut,
    RegistrationError,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    run,
    task,
    task_forward_prev_member,
    task_into_member,
    task_member,
    value,
)
from yorch_async._bind import Argument
from yorch_async._specs import Access, CtxSource, InputSource, PrevSource

A = value("a")


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


def decorate(fn):
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return f"<{fn(*args, **kwargs)}>"

    return wrapper


class Base:
    """What is registered below, under its own name and in other guises."""

    def greet(self, text="-"):
        return f"Base.greet({text})"

    async def greet_async(self, text):
        return f"Base.greet_async({text})"

    def __hidden(self):
        return "Base.__hidden()"

    hidden = __hidden

    def _add(self, *texts):
        return "".join(texts)

    def all_of_it(*args):
        return args[1:]

    def fill(self, text, out: DirectOut[str]):
        out.set(f"Base.fill({text})")

    def without_receiver():
        return "Base.without_receiver()"

    @staticmethod
    def static(text):
        return f"Base.static({text})"

    @classmethod
    def by_class(cls, text):
        return f"{cls.__name__}.by_class({text})"

    short = lambda self: "Base.short()"  # noqa: E731 - a method all the same
    decorated = decorate(greet)
    cached = functools.lru_cache(greet)

    class Inner:
        """A class inside, and a method of that."""

        def __init__(self, text):
            self.text = text

        def greet(self):
            return f"Inner.greet({self.text})"


class Derived(Base):
    def greet(self, text="-"):
        return f"Derived.greet({text})"


class Greets(Protocol):
    def greet(self) -> str: ...


class Countable:
    """With a method whose signature cannot be had, as some built-in ones have none."""

    def count(self, text, more): ...

    count.__signature__ = 3


class Narrow:
    def greet(self: "Narrower"): ...


class Narrower(Narrow): ...


class Animal(abc.ABC):
    @abc.abstractmethod
    def speak(self): ...


@Animal.register
class Duck:
    def speak(self):
        return "quack"


class Overloaded:
    @functools.singledispatchmethod
    def show(self, x):
        return f"anything {x}"

    @show.register
    def _(self, x: int):
        return f"int {x}"


class Stranger:
    def greet(self):
        return "Stranger.greet()"


def local_classes():
    """Classes that no name leads to."""

    class Local:
        def greet(self, text="-"):
            return f"Local.greet({text})"

        def __hidden(self):
            return "Local.__hidden()"

        hidden = __hidden
        short = lambda self: "short"  # noqa: E731 - see above

    class Sub(Local):
        def greet(self, text="-"):
            return f"Sub.greet({text})"

    return Local, Sub


Local, Sub = local_classes()


@pytest.mark.parametrize(
    ("method", "sources", "output"),
    [
        (Base.greet, (value(Base()), A), "Base.greet(a)"),
        (Base.greet, (value(Base()),), "Base.greet(-)"),
        (Base.greet, (value(Derived()), A), "Derived.greet(a)"),
        (Derived.greet_async, (value(Derived()), A), "Base.greet_async(a)"),
        (Base.hidden, (value(Base()),), "Base.__hidden()"),
        (Base._add, (value(Base()), A, value("b")), "ab"),
        (Base.all_of_it, (value(Base()), A, value("b")), ("a", "b")),
        (Base.short, (value(Base()),), "Base.short()"),
        (Base.decorated, (value(Base()), A), "<Base.greet(a)>"),
        (Base.cached, (value(Base()), A), "Base.greet(a)"),
        (Base.Inner.greet, (value(Base.Inner("a")),), "Inner.greet(a)"),
        (Local.greet, (value(Local()), A), "Local.greet(a)"),
        (Local.greet, (value(Sub()), A), "Sub.greet(a)"),
        (Local.hidden, (value(Local()),), "Local.__hidden()"),
        (str.upper, (A,), "A"),
        (str.count, (value("aa"), A), 2),
        (dict.get, (value({"a": 1}), A), 1),
        (int.__add__, (value(1), value(2)), 3),
        (bool.__add__, (value(False), value(2)), 2),
    ],
)
def test_a_method_is_called_on_its_receiver(method, sources, output):
    """Looked up there by its name, so an override counts; private names, other names and built-in types included."""
    assert output == output_of(task_member(method, *sources))


@pytest.mark.parametrize(
    ("receiver", "options"),
    [
        (from_ctx(Base), {"ctx": Context(bind={Base: Derived()})}),
        (from_ctx(), {"ctx": Context(bind={Base: Derived()})}),
        (from_input("who", Base), {"inputs": {"who": Derived()}}),
        (borrow_prev(Base), {"parent": Derived()}),
        (borrow_prev(), {"parent": Derived()}),
        (borrow_prev_mut(), {"parent": Derived()}),
        (copy_prev(), {"parent": Derived()}),
        (consume_prev(Derived), {"parent": Derived()}),
        (value(Derived(), copy=True), {}),
    ],
    ids=str,
)
def test_a_receiver_comes_from_any_source(receiver, options):
    """It is the first argument."""
    assert output_of(task_member(Base.greet, receiver, A), **options) == "Derived.greet(a)"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (from_ctx(), CtxSource(Base, copy=False)),
        (from_input(), InputSource("self", Base)),
        (borrow_prev(), PrevSource(Access.BORROW, Base)),
        (borrow_prev(Derived), PrevSource(Access.BORROW, Derived)),
    ],
    ids=str,
)
def test_a_receiver_is_of_the_class_that_defines_the_method(source, found):
    """If its source does not say otherwise."""
    assert (Argument("self", found), Argument("text", A)) == task_member(Base.greet, source, A).arguments


def test_the_annotation_of_a_receiver_counts():
    """Where there is one."""
    assert Narrower is task_member(Narrow.greet, borrow_prev()).arguments[0].source.type


def test_without_a_class_the_type_of_a_receiver_is_unknown():
    """The run then finds the method, or not."""
    source = borrow_prev()
    assert source == task_member(Local.greet, source, A).arguments[0].source


def test_a_builtin_method_without_signature_takes_what_it_is_given():
    """Its receiver is called self, all else is numbered."""
    made = task_member(Countable.count, borrow_prev(), A, A)
    assert ["self", "#1", "#2"] == [argument.name for argument in made.arguments]
    assert PrevSource(Access.BORROW, Countable) == made.arguments[0].source


@pytest.mark.parametrize(
    ("method", "source"),
    [
        (Base.greet, value(Mock(spec=Base))),
        (Base.greet, value(Mock(spec=Derived))),
        (Local.greet, value(Mock(spec=Local))),
        (Base.greet, from_ctx(Derived)),
        (Base.greet, from_ctx("any key")),
        (Base.greet, borrow_prev(Base | Derived)),
        (Base.greet, borrow_prev(list[Base])),
        (Local.greet, borrow_prev(Sub)),
        (Greets.greet, value(Stranger())),
        (Greets.greet, borrow_prev(Stranger)),
    ],
)
def test_a_receiver_has_the_method(method, source):
    """A stand-in of the class, a subclass, whatever is not known, and anything for the method of a protocol."""
    assert task_member(method, source).method == "greet"


@pytest.mark.parametrize(
    ("method", "source", "shown", "name"),
    [
        (Base.greet, value(Stranger()), "Stranger", "Base.greet"),
        (Base.greet, value(None), "None", "Base.greet"),
        (Base.greet, from_ctx(Stranger), "Stranger", "Base.greet"),
        (Base.greet, from_input("n", int), "int", "Base.greet"),
        (Base.greet, borrow_prev(Base | None), "None", "Base.greet"),
        (Derived.greet, borrow_prev(Base), "Base", "Derived.greet"),
        (Base.Inner.greet, value(Base()), "Base", "Base.Inner.greet"),
        (Local.greet, value(Stranger()), "Stranger", "Local.greet"),
        (Sub.greet, borrow_prev(Local), "Local", "Sub.greet"),
        (str.upper, value(3), "int", "str.upper"),
    ],
)
def test_a_receiver_without_the_method_is_refused(method, source, shown, name):
    """Whatever the task is called."""
    assert (
        f"named, parameter 'self': a receiver of type {shown} has no method {name} [receiver-type]; "
        "take the receiver from a source of the class that defines the method, or of a subclass"
    ) == refused(task_member, method, source, name="named")


def test_a_receiver_has_to_fit_its_annotation():
    """As any parameter."""
    assert "greet, parameter 'self': borrow_prev gives Narrow, but the parameter is annotated Narrower [parameter-type]" in (
        refused(task_member, Narrow.greet, borrow_prev(Narrow))
    )


METHODS = [
    Base.greet,
    Base.hidden,
    Base.short,
    Base.decorated,
    Base.cached,
    Base.Inner.greet,
    Local.greet,
    str.upper,
    str.count,
]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_without_receiver_is_refused(method):
    """By the name under which it is to be registered."""
    full_name = method.__qualname__.rpartition("<locals>.")[2]
    assert (
        f"{method.__name__}: {full_name} is a method, and has no object to be called on [method-needs-receiver]; "
        f"write task_member({full_name}, receiver_source, ...), or pass the bound method of an object"
    ) == refused(task, method, A)


NO_METHODS = [
    (decorate, "decorate"),
    (len, "len"),
    (Base().greet, "Base.greet"),
    (Base.static, "Base.static"),
    (Base.by_class, "Base.by_class"),
    (Base.without_receiver, "Base.without_receiver"),
    (Base, "Base"),
    (Base.Inner, "Base.Inner"),
    (Local, "Local"),
    (Local.short, "Local.<lambda>"),
    (functools.partial(Base.greet), "greet"),
    ("".join, "str.join"),
    ((1).__add__, "int.__add__"),
    (Mock(), "Mock"),
]


@pytest.mark.parametrize(("fn", "name"), NO_METHODS, ids=[name for _, name in NO_METHODS])
def test_what_is_no_method_is_refused_by_the_member_forms(fn, name):
    """Also what is bound already, and what takes no receiver."""
    message = refused(task_member, fn, A)
    assert message.partition(": ")[2] == (
        f"{name} is not a method that waits for its receiver [not-a-method]; "
        f"pass the method of a class, as in Class.method, or write task({name}, ...) for what can be called as it is"
    )


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: task(Base.static, A), "Base.static(a)"),
        (lambda: task(Base.by_class, A), "Base.by_class(a)"),
        (lambda: task(Derived.by_class, A), "Derived.by_class(a)"),
        (lambda: task(Base.without_receiver), "Base.without_receiver()"),
        (lambda: task(Base().greet, A), "Base.greet(a)"),
        (lambda: task(Local.short, value(3)), "short"),
        (lambda: task(functools.partial(Base.greet, Base()), A), "Base.greet(a)"),
    ],
)
def test_what_is_no_method_is_an_ordinary_task(make, expected):
    """Although it may stand in a class."""
    assert expected == output_of(make())


def test_a_local_function_is_no_method():
    """Whatever its first parameter is called."""

    def greet(self):
        return f"local({self})"

    assert output_of(task(greet, A)) == "local(a)"
    assert "[not-a-method]" in refused(task_member, greet, A)


def test_a_wrapper_elsewhere_is_not_the_method_that_it_wraps():
    """Although it has its name: looked up on the receiver, the method would be called without the wrapper."""
    wrapper = decorate(Base.greet)
    assert output_of(task(wrapper, value(Base()), A)) == "<Base.greet(a)>"
    assert "[not-a-method]" in refused(task_member, wrapper, value(Base()), A)


def test_what_a_descriptor_makes_is_the_method_of_its_name():
    """It is another object each time, and only the receiver has the right one."""
    assert Overloaded.show is not Overloaded.show
    made = task_member(Overloaded.show, value(Overloaded()), value(3))
    assert ("show", "int 3") == (made.method, output_of(made))


def test_a_virtual_subclass_has_the_methods_of_its_base():
    """It was registered as one."""
    assert output_of(task_member(Animal.speak, value(Duck()))) == "quack"


def test_private_and_magic_methods_of_local_classes_are_looked_up_by_their_names():
    """As Python itself writes them."""

    class Outer:
        class _Private:
            def __hidden(self):
                return "hidden"

            def __len__(self):
                return 7

            hidden = __hidden

    receiver = value(Outer._Private())
    made = [task_member(method, receiver) for method in (Outer._Private.hidden, Outer._Private.__len__)]
    assert [("_Private__hidden", "hidden"), ("__len__", 7)] == [(each.method, output_of(each)) for each in made]


def test_messages_name_the_member_form():
    """Where that is what was written, or what is to be written."""
    assert refused(task_into_member, task(len, A)).startswith(
        "len: is a Task already, and takes no second task_into_member(...)"
    )
    assert refused(task_into_member, task(len, A, name="size")).startswith("size: is a Task already")
    assert "register the callable with task_into_member(...)" in refused(task_member, Base.fill, value(Base()), A)


def test_defaults_before_the_handle_of_a_method_are_filled():
    """As those of a function."""

    class Fills:
        def fill(self, text, more="-", out: DirectOut[str] = None):
            out.set(text + more)

    assert output_of(task_into_member(Fills.fill, value(Fills()), A)) == "a-"


def test_an_object_that_answers_to_any_name_is_no_method():
    """As proxies do."""

    class Proxy:
        def __getattr__(self, name):
            return 3

        def __call__(self, text):
            return f"Proxy({text})"

    assert output_of(task(Proxy(), A, output=str)) == "Proxy(a)"


@pytest.mark.parametrize(
    ("make", "kind"),
    [(task_member, "task"), (task_into_member, "task_into"), (task_forward_prev_member, "task_forward_prev")],
)
def test_a_member_form_without_receiver_source_is_refused(make, kind):
    """By the name of the receiver."""
    method = Base.fill if make is task_into_member else Base.greet
    assert f"{method.__name__}, parameter 'self': has no source [no-source]; add from_ctx(...)" in refused(make, method)
    assert f"or write {kind}(len, ...)" in refused(make, len, A)


def test_a_receiver_that_is_no_source_is_refused():
    """It is source 1; the arguments are counted from there."""
    assert refused(task_member, Base.greet, Base).startswith(f"greet: source 1 is {Base!r}, which does not say")
    assert refused(task_member, Base.greet, value(Base()), 3).startswith("greet: source 2 is 3, which does not say")


def test_a_direct_output_method_has_receiver_arguments_and_handle():
    """In that order."""
    made = task_into_member(Base.fill, borrow_prev(), A)
    assert output_of(made, parent=Base()) == "Base.fill(a)"
    assert (str, "fill", ["self", "text"]) == (made.output.type, made.method, [a.name for a in made.arguments])


def test_a_forwarding_method_forwards_its_receiver_or_an_argument():
    """Whichever is borrowed to be changed."""
    assert [1, 2] == output_of(task_forward_prev_member(list.sort, borrow_prev_mut()), parent=[2, 1])

    class Sorts:
        def sort(self, items):
            items.sort()

    assert [1, 2] == output_of(task_forward_prev_member(Sorts.sort, value(Sorts()), borrow_prev_mut()), parent=[2, 1])


def test_only_member_forms_look_a_method_up():
    """Other tasks call what they were given."""
    assert task(len, A).method is None
    assert ["_Base__hidden", "_Local__hidden", "short", "decorated", "cached"] == [
        task_member(method, value(receiver), *sources).method
        for method, receiver, *sources in [
            (Base.hidden, Base()),
            (Local.hidden, Local()),
            (Base.short, Base()),
            (Base.decorated, Base()),
            (Base.cached, Base()),
        ]
    ]
