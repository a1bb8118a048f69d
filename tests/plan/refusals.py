"""Everything that the library refuses: for each rule the smallest wrong programs, what is said about them, and one that is right.

*Guarantees*: a message is the whole text of the exception; what is right differs from what is wrong in the mistake alone.
*Does not know*: how rules are checked.
"""

from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from anyio import CancelScope, sleep_forever

from yorch_async import (
    BorrowPrev,
    Concurrent,
    Context,
    DirectOut,
    Fanout,
    FromInput,
    RetryFixed,
    StepResult,
    Task,
    TaskTree,
    borrow,
    borrow_mut,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    consume,
    consume_prev,
    copy,
    copy_prev,
    fallback,
    from_ctx,
    from_input,
    item,
    retry,
    task,
    task_forward_prev,
    task_into,
    task_into_member,
    task_member,
    timeout,
    to_thread,
    value,
)


@dataclass(frozen=True)
class Program:
    """A tree, and what it is run with."""

    tree: TaskTree
    options: dict[str, Any] = field(default_factory=dict)
    sync: bool = False
    """Whether it is run by run_sync."""


@dataclass(frozen=True)
class Refusal:
    """One way to break a rule. Programs are made by functions; a Task alone is the root of one."""

    rule: str
    wrong: Callable[[], Program | TaskTree | Task[Any]]
    message: str
    right: Callable[[], Program | TaskTree | Task[Any]]


# --- what the programs are made of; nothing is wrong with it ---------------------------------------------------------


def load() -> int:
    return 3


async def load_later() -> int:
    return 3


def load_list() -> list:
    return [3]


def load_numbers() -> list[int]:
    return [3]


def show(x):
    return x


def show_int(x: int):
    return x


def show_two(x, y):
    return x, y


def gather(*items):
    return items


def fill(out: DirectOut[int]):
    out.set(3)


def fill_any(out):
    out.set(3)


def tick() -> None: ...


def print_it(x) -> None: ...


def check() -> StepResult:
    return StepResult.success()


class Shelf:
    def open(self):
        return self

    def put_into(self, x, out: DirectOut[int]):
        out.set(x)


class Drawer(Shelf): ...


class Twice:
    """An adapter of a user's own, that calls the task two times."""

    def wrap(self, call):
        async def twice(attempt):
            await call(attempt)
            return await call(attempt)

        return twice


TWO = retry(RetryFixed(1))


@contextmanager
def lent(x):
    yield x


def joined(fn, read, when=lambda node: None, after=lambda node: ()):
    """A list, and a join that reads it."""
    tree = TaskTree("tree")
    node = tree.root(load_list)
    sources = read(node)
    tree.join(fn, *sources if isinstance(sources, list) else [sources], when=when(node), after=after(node))
    return tree


def two_readers(one, other, *, is_ordered=False, managed=False):
    """A list, and two joins that read it."""
    tree = TaskTree("tree")
    node = tree.root(load_list)
    first = tree.join(lent if managed else show, one(node), name="first", managed=managed)
    tree.join(show, other(node), name="second", after=first if is_ordered else ())
    return tree


def gone_through_twice(numbers):
    """Two nodes that go through the same output."""
    tree = TaskTree("tree")
    root = tree.root(numbers, name="numbers")
    root.each(show, name="one")
    root.each(show, name="other")
    return tree


def read_twice(one, other):
    """A list that goes on through another node, and a join that reads it by both."""
    tree = TaskTree("tree")
    node = tree.root(load_list)
    forwarded = node.child(task_forward_prev(append, borrow_prev_mut()))
    tree.join(show_two, one(node), other(forwarded))
    return tree


def with_default(*, forwarded):
    """A list that goes on through another node, and a join that reads one of the two with a default."""
    tree = TaskTree("tree")
    node = tree.root(load_list)
    through = node.child(task_forward_prev(append, borrow_prev_mut()))
    tree.join(show, copy(through if forwarded else node, default=None), after=through)
    return tree


def tree_of(parent, *children, **options):
    """A tree of one node and of its children, each with its arguments."""
    tree = TaskTree("tree")
    root = tree.root(parent, **options)
    for child in children:
        root.child(*child)
    return tree


def chain_of(*nodes):
    """A tree in which each node is the child of the one before."""
    tree = TaskTree("tree")
    for level, node in enumerate(nodes):
        tree.node(level, *node)
    return tree


def levels(*numbers):
    """A tree of nodes at these levels."""
    tree = TaskTree("tree")
    for number in numbers:
        tree.node(number, load)
    return tree


def named(*names):
    """A tree of nodes that have these names, or none."""
    tree = TaskTree("tree")
    root = tree.root(load)
    for name in names:
        root.child(load, name=name)
    return tree


def each_of(what, *sources, elements=load_list, **options):
    """A list, and something that is run for each of its elements."""
    tree = TaskTree("tree")
    tree.root(elements).each(what, *sources, **options)
    return tree


def inner_tree():
    """A tree that is run for each element."""
    return tree_of(task(show, item()))


def each_of_itself():
    tree = TaskTree("tree")
    tree.root(load_list).each(tree)


def each_of_each_other():
    tree, other = TaskTree("tree"), TaskTree("other")
    tree.root(load_list).each(other)
    other.root(show, item()).each(tree)
    return tree


def two_roots():
    tree = TaskTree("tree")
    tree.root(load)
    tree.root(check)


def with_context(program, *objects):
    return Program(program, {"ctx": Context(*objects)})


def with_inputs(program, **inputs):
    return Program(program, {"inputs": inputs})


# --- what is wrong with one task alone -------------------------------------------------------------------------------


def annotated_rest(*items: FromInput[int]): ...


def unread(x: "BorrowPrev[Order]"): ...  # noqa: F821 - as a name that only type checkers see


def fill_by_keyword(*, out: DirectOut[int]): ...


def fill_typed(x: int): ...


def fill_twice(first: DirectOut[int], out: DirectOut[int]): ...


def fill_and_return(out: DirectOut[int]) -> int:
    return 3


def append(items):
    items.append(4)


def append_and_return(items) -> list:
    return items


@contextmanager
def open_shelf():
    yield Shelf()


def append_and_answer(items) -> StepResult:
    items.append(4)
    return StepResult.success()


REGISTRATION = (
    Refusal(
        "not-callable",
        lambda: task(load()),
        "int: 3 cannot be called [not-callable]; "
        "pass the function itself, not the result of a call; its arguments come from the sources after it",
        lambda: task(load),
    ),
    Refusal(
        "already-bound",
        lambda: task_into(task(load)),
        "load: is a Task already, and takes no second task_into(...) [already-bound]; "
        "place it as it is with root(), child() or node(); sources and options are given where the Task is made",
        lambda: task(load),
    ),
    Refusal(
        "already-bound",
        lambda: tree_of(task(show, value(3)), adapters=(TWO,)),
        "show: is a Task already, and takes no adapters [already-bound]; "
        "place it as it is with root(), child() or node(); sources and options are given where the Task is made",
        lambda: tree_of(task(show, value(3), adapters=(TWO,))),
    ),
    Refusal(
        "not-a-source",
        lambda: task(show_two, value(3), 4),
        "show_two: source 2 is 4, which does not say where an argument comes from [not-a-source]; "
        "write borrow(...) around a node, or value(...) around an object that is to be passed as it is",
        lambda: task(show_two, value(3), value(4)),
    ),
    Refusal(
        "too-many-sources",
        lambda: task(load, value(3)),
        "load: has more sources (1) than parameters that take one (none) [too-many-sources]; "
        "give one source per parameter, in order, and none to a DirectOut or to a parameter that is annotated with its source",
        lambda: task(gather, value(3)),
    ),
    Refusal(
        "variadic-source",
        lambda: task(annotated_rest),
        "annotated_rest, parameter 'items': stands for any number of arguments, and is annotated with one source "
        "[variadic-source]; annotate parameters that have names of their own, or give the sources of `*args` in the call",
        lambda: with_inputs(task(gather, from_input("a"), from_input("b")), a=1, b=2),
    ),
    Refusal(
        "no-source",
        lambda: task(show),
        "show, parameter 'x': has no source [no-source]; add from_ctx(...), from_input(...), value(...), "
        "borrow_prev(...) and its like, or, for an element of each(...), item(); or annotate it, as in BorrowPrev[T]; "
        "or give it a default",
        lambda: task(lambda x=3: x),
    ),
    Refusal(
        "no-source",
        lambda: task(unread),
        "unread, parameter 'x': has no source (its annotation could not be read: 'BorrowPrev[Order]': NameError: "
        "name 'Order' is not defined) [no-source]; add from_ctx(...), from_input(...), value(...), "
        "borrow_prev(...) and its like, or, for an element of each(...), item(); or annotate it, as in BorrowPrev[T]; "
        "or give it a default",
        lambda: task(unread, value(3)),
    ),
    Refusal(
        "no-context-key",
        lambda: task(show, from_ctx()),
        "show, parameter 'x': from_ctx() does not say which object [no-context-key]; "
        "write from_ctx(T), or annotate the parameter",
        lambda: with_context(task(show_int, from_ctx()), 3),
    ),
    Refusal(
        "parameter-type",
        lambda: task(show_int, from_input("n", float)),
        "show_int, parameter 'x': from_input gives float, but the parameter is annotated int [parameter-type]; "
        "ask the source for int, or correct the annotation",
        lambda: with_inputs(task(show_int, from_input("n", bool)), n=True),
    ),
    Refusal(
        "method-needs-receiver",
        lambda: task(Shelf.open),
        "open: Shelf.open is a method, and has no object to be called on [method-needs-receiver]; "
        "write task_member(Shelf.open, receiver_source, ...), or pass the bound method of an object",
        lambda: task(Shelf().open),
    ),
    Refusal(
        "method-needs-receiver",
        lambda: task_into(Shelf.put_into, value(Shelf()), value(3)),
        "put_into: Shelf.put_into is a method, and has no object to be called on [method-needs-receiver]; "
        "write task_into_member(Shelf.put_into, receiver_source, ...), or pass the bound method of an object",
        lambda: task_into_member(Shelf.put_into, value(Shelf()), value(3)),
    ),
    Refusal(
        "not-a-method",
        lambda: task_member(Shelf().open, value(Shelf())),
        "open: Shelf.open is not a method that waits for its receiver [not-a-method]; pass the method of a class, "
        "as in Class.method, or write task(Shelf.open, ...) for what can be called as it is",
        lambda: task_member(Shelf.open, value(Shelf())),
    ),
    Refusal(
        "receiver-type",
        lambda: task_member(Shelf.open, value("shelf"), name="opened"),
        "opened, parameter 'self': a receiver of type str has no method Shelf.open [receiver-type]; "
        "take the receiver from a source of the class that defines the method, or of a subclass",
        lambda: task_member(Shelf.open, value(Drawer())),
    ),
    Refusal(
        "sink-in-regular",
        lambda: task(fill),
        "fill, parameter 'out': is a DirectOut, which only the last parameter of a direct-output task receives "
        "[sink-in-regular]; make it the last parameter, and register the callable with task_into(...)",
        lambda: task_into(fill),
    ),
    Refusal(
        "sink-in-regular",
        lambda: task_into(fill_twice),
        "fill_twice, parameter 'first': is a DirectOut, which only the last parameter of a direct-output task receives "
        "[sink-in-regular]; make it the last parameter, and register the callable with task_into(...)",
        lambda: task_into(fill),
    ),
    Refusal(
        "sink-missing",
        lambda: task_into(load),
        "load: has no parameter for a DirectOut, so the output has no place to go [sink-missing]; "
        "let the last parameter of the callable be `out: DirectOut[T]`, or register it with task(...)",
        lambda: task(load),
    ),
    Refusal(
        "sink-missing",
        lambda: task_into(fill_typed),
        "fill_typed: its last parameter 'x' is no DirectOut, so the output has no place to go [sink-missing]; "
        "let the last parameter of the callable be `out: DirectOut[T]`, or register it with task(...)",
        lambda: task_into(fill_any),
    ),
    Refusal(
        "sink-missing",
        lambda: task_into(fill_by_keyword),
        "fill_by_keyword: its DirectOut 'out' is passed by keyword only, so the output has no place to go [sink-missing]; "
        "let the last parameter of the callable be `out: DirectOut[T]`, or register it with task(...)",
        lambda: task_into(fill),
    ),
    Refusal(
        "sink-missing",
        lambda: task_into_member(Shelf.open, value(Shelf())),
        "open: has no parameter for a DirectOut, so the output has no place to go [sink-missing]; "
        "let the last parameter of the callable be `out: DirectOut[T]`, or register it with task_member(...)",
        lambda: task_member(Shelf.open, value(Shelf())),
    ),
    Refusal(
        "sink-result",
        lambda: task_into(fill_and_return),
        "fill_and_return: is annotated to return int, but its output is what it writes into the DirectOut [sink-result]; "
        "annotate it `-> None` or `-> StepResult`",
        lambda: task_into(fill),
    ),
    Refusal(
        "forward-access",
        lambda: task_forward_prev(append, borrow_prev()),
        "append: forwards what it takes by one borrow_prev_mut(...), but has borrow_prev [forward-access]; "
        "give exactly one argument (or the receiver) borrow_prev_mut(...), and no other access to the parent",
        lambda: tree_of(load_list, [task_forward_prev(append, borrow_prev_mut())]),
    ),
    Refusal(
        "forward-access",
        lambda: task_forward_prev(append, value([3])),
        "append: forwards what it takes by one borrow_prev_mut(...), but has no access to the parent's output [forward-access]; "
        "give exactly one argument (or the receiver) borrow_prev_mut(...), and no other access to the parent",
        lambda: task(append, value([3])),
    ),
    Refusal(
        "forward-access",
        lambda: task_forward_prev(show_two, borrow_prev_mut(), copy_prev()),
        "show_two: forwards what it takes by one borrow_prev_mut(...), but has borrow_prev_mut and copy_prev [forward-access]; "
        "give exactly one argument (or the receiver) borrow_prev_mut(...), and no other access to the parent",
        lambda: tree_of(load_list, [task_forward_prev(lambda x, y: None, borrow_prev_mut(), value(3))]),
    ),
    Refusal(
        "forward-result",
        lambda: task_forward_prev(append_and_return, borrow_prev_mut()),
        "append_and_return: is annotated to return list, but what it forwards is the parent's own object [forward-result]; "
        "annotate it `-> None` or `-> StepResult`, or register it as an ordinary task",
        lambda: tree_of(load_list, [task_forward_prev(append_and_answer, borrow_prev_mut())]),
    ),
    Refusal(
        "exclusive-access",
        lambda: task(show_two, borrow_prev(), consume_prev()),
        "show_two, parameter 'y': takes the parent's output by borrow_prev and consume_prev, and an exclusive access allows "
        "no other beside it [exclusive-access]; keep the one exclusive access, or only share (borrow, copy)",
        lambda: tree_of(load, [show_two, borrow_prev(), copy_prev()]),
    ),
    Refusal(
        "retry-never",
        lambda: task(load, adapters=(TWO,)),
        "load: retry(...) has nothing to do: neither the callable, annotated to return int, nor an adapter inside can answer "
        "RETRY [retry-never]; let it return StepResult.retry() or TaskResult.retry(), "
        "or use retry_on(exceptions, policy) for a task that raises",
        lambda: task(check, adapters=(TWO,)),
    ),
    Refusal(
        "retry-consume",
        lambda: task(show, consume_prev(), adapters=(TWO,)),
        "show: cannot be run again, because what it consumes is given away at the first attempt [retry-consume]; "
        "only share it (borrow, copy), or leave the retrying adapter out",
        lambda: tree_of(load, [task(show, copy_prev(), adapters=(TWO,))]),
    ),
    Refusal(
        "not-an-adapter",
        lambda: task(check, adapters=(RetryFixed(1),)),
        "check: RetryFixed(wait=0.0, retries=1) is not an adapter [not-an-adapter]; write adapters=(adapter, ...), "
        "with objects that have wrap(call), such as catch_as_failure() or retry(policy)",
        lambda: task(check, adapters=(retry(RetryFixed(1)),)),
    ),
    Refusal(
        "not-an-adapter",
        lambda: task(check, adapters=catch_as_failure()),
        "check: Catch(policy=None, on=(<class 'Exception'>,)) is not a tuple of adapters [not-an-adapter]; "
        "write adapters=(adapter, ...), with objects that have wrap(call), such as catch_as_failure() or retry(policy)",
        lambda: task(check, adapters=[catch_as_failure()]),
    ),
    Refusal(
        "alternative-of",
        lambda: task_into(fill, adapters=(fallback(task(load)),)),
        "fill: is a task_into, and no other task can be run in place of one [alternative-of]; use catch_as_failure(policy), "
        "or let a task of its own, registered with task(...), come before it",
        lambda: task(load, adapters=(fallback(task(load)),)),
    ),
    Refusal(
        "alternative-kind",
        lambda: task(load, adapters=(fallback(task_into(fill)),)),
        "load: 'fill' is a task_into, which cannot be run in place of another task [alternative-kind]; "
        "register it with task(...), without managed=True",
        lambda: task(load, adapters=(fallback(task(load)),)),
    ),
    Refusal(
        "alternative-kind",
        lambda: task(load, adapters=(fallback(task(open_shelf, managed=True)),)),
        "load: 'open_shelf' is a managed task, which cannot be run in place of another task [alternative-kind]; "
        "register it with task(...), without managed=True",
        lambda: task(load, adapters=(fallback(task(open_shelf)),)),
    ),
    Refusal(
        "alternative-consumes",
        lambda: tree_of(load, [task(show, borrow_prev(), adapters=(fallback(task(show_int, consume_prev())),))]),
        "show: 'show_int', which may be run instead, takes an output away [alternative-consumes]; "
        "only share it there (borrow, copy)",
        lambda: tree_of(load, [task(show, borrow_prev(), adapters=(fallback(task(show_int, copy_prev())),))]),
    ),
    Refusal(
        "alternative-reads",
        lambda: tree_of(load, [task(show, consume_prev(), adapters=(fallback(task(show_int, copy_prev())),))]),
        "show: 'show_int', which may be run instead, reads by copy_prev what has been consumed by then "
        "[alternative-reads]; only share it in both (borrow, copy), or let 'show_int' read something else",
        lambda: tree_of(load, [task(show, consume_prev(), adapters=(fallback(task(show_int, value(3))),))]),
    ),
    Refusal(
        "answer-value",
        lambda: task(tick, adapters=(fallback(3),)),
        "tick: fallback(...) may answer 3, but it is declared to return None [answer-value]; answer a status that needs no output, "
        "such as StepResult.abort_branch(), or let the task return its output",
        lambda: task(tick, adapters=(fallback(StepResult.success()),)),
    ),
    Refusal(
        "answer-value",
        lambda: task_into(fill, adapters=(fallback(3),)),
        "fill: fallback(...) may answer 3, but the output of a task_into is not what it returns [answer-value]; answer a status that "
        "needs no output, such as StepResult.abort_branch(), or let the task return its output",
        lambda: task_into(fill, adapters=(fallback(StepResult.abort_branch()),)),
    ),
    Refusal(
        "answer-value",
        lambda: task(check, adapters=(fallback(task(load)),)),
        "check: fallback(...) may answer what 'load' returns, but it is declared to return StepResult [answer-value]; answer a status "
        "that needs no output, such as StepResult.abort_branch(), or let the task return its output",
        lambda: task(check, adapters=(fallback(task(tick)),)),
    ),
    Refusal(
        "timeout-blocking",
        lambda: task(load, adapters=(timeout(60),)),
        "load: timeout(...) cannot stop it: a plain function, not known to give an awaitable, runs until it returns "
        "[timeout-blocking]; make it `async def`, or put to_thread(abandon_on_cancel=True) inside",
        lambda: task(load_later, adapters=(timeout(60),)),
    ),
    Refusal(
        "thread-innermost",
        lambda: task(load, adapters=(catch_as_failure(), to_thread())),
        "load: to_thread(...) stands around another adapter, which would not run in the thread [thread-innermost]; "
        "write to_thread(...) first: adapters=(to_thread(), ...)",
        lambda: task(load, adapters=(to_thread(), catch_as_failure())),
    ),
    Refusal(
        "thread-async",
        lambda: task(load_later, adapters=(to_thread(),)),
        "load_later: to_thread(...) is for functions that block, but this one is awaited [thread-async]; leave to_thread(...) out",
        lambda: task(load_later),
    ),
    Refusal(
        "thread-managed",
        lambda: task(open_shelf, managed=True, adapters=(to_thread(),)),
        "open_shelf: to_thread(...) would only make the context manager in the thread, and not enter it there [thread-managed]; "
        "leave to_thread(...) out, or return a value instead of a context manager",
        lambda: task(open_shelf, managed=True),
    ),
    Refusal(
        "thread-abandoned",
        lambda: tree_of(load_list, [task(append, borrow_prev_mut(), adapters=(to_thread(abandon_on_cancel=True),))]),
        "append: an abandoned thread would go on changing the output that it is lent for that [thread-abandoned]; "
        "leave abandon_on_cancel out, or copy it",
        lambda: tree_of(load_list, [task(append, borrow_prev_mut(), adapters=(to_thread(),))]),
    ),
    Refusal(
        "not-a-condition",
        lambda: tree_of(load, when=3),
        "load: 3 is given as its condition, and cannot be called [not-a-condition]; write when=function, which is lent "
        "what the node is going to be passed, or when=task(function, sources...)",
        lambda: tree_of(load, when=lambda: True),
    ),
    Refusal(
        "condition-kind",
        lambda: tree_of(load, when=task(open_file, managed=True)),
        "load: 'open_file' cannot be a condition, because it is more than a call [condition-kind]; use a callable, or "
        "task(function, sources...) without adapters, managed=True or a condition of its own",
        lambda: tree_of(load, when=task(load_list)),
    ),
    Refusal(
        "condition-access",
        lambda: joined(show, borrow, when=lambda node: task(bool, consume(node))),
        "show, parameter 'bool.#1': consume is exclusive, but a condition only looks [condition-access]; use "
        "borrow_prev(...) or borrow(node)",
        lambda: joined(show, borrow, when=lambda node: task(bool, borrow(node))),
    ),
    Refusal(
        "each-kind",
        lambda: each_of(task_into(fill)),
        "fill: is a task_into, which cannot be run for each element [each-kind]; register it with task(...), without managed=True, "
        "or place it in a TaskTree and run that for each element",
        lambda: each_of(task(show, item())),
    ),
    Refusal(
        "each-kind",
        lambda: each_of(task(lent, item(), managed=True)),
        "lent: is a managed task, which cannot be run for each element [each-kind]; register it with task(...), without "
        "managed=True, or place it in a TaskTree and run that for each element",
        lambda: each_of(task(lent, item())),
    ),
    Refusal(
        "each-no-item",
        lambda: each_of(show_two, value(3), value(4)),
        "show_two: is run for each element, and takes none [each-no-item]; write item() as one of its sources, or annotate a "
        "parameter Item[T]",
        lambda: each_of(show_two, value(3), item()),
    ),
    Refusal(
        "each-exclusive",
        lambda: each_of(show_two, item(), consume_prev()),
        "show_two, parameter 'y': consume_prev is exclusive, but many elements share what it takes [each-exclusive]; use "
        "borrow_prev(...), copy_prev(...), borrow(node) or copy(node)",
        lambda: each_of(show_two, item(), copy_prev()),
    ),
    Refusal(
        "each-exclusive",
        lambda: each_of(show, over=task(show, borrow_prev_mut()), name="each"),
        "each, parameter 'x': borrow_prev_mut is exclusive, but many elements share what it takes [each-exclusive]; use "
        "borrow_prev(...), copy_prev(...), borrow(node) or copy(node)",
        lambda: each_of(show, over=task(show, borrow_prev()), name="each"),
    ),
    Refusal(
        "each-over",
        lambda: each_of(show, over=task(show, borrow_prev(), adapters=(catch_as_failure(),))),
        "show: 'show' is given as over=, and is more than a call [each-over]; use a callable of the parent's output, or "
        "task(function, sources...) without adapters and managed=True",
        lambda: each_of(show, over=task(show, borrow_prev())),
    ),
    Refusal(
        "each-reduce",
        lambda: each_of(print_it, reduce=show_two),
        "print_it: reduce= is given, but there is nothing to reduce: the task is declared to return None [each-reduce]; let the task "
        "return a value, or leave reduce= out",
        lambda: each_of(show, reduce=show_two),
    ),
    Refusal(
        "each-itself",
        each_of_itself,
        "load_list: 'tree' would run for each element of one of its own outputs [each-itself]; write a tree of its own for "
        "the elements",
        lambda: each_of(inner_tree()),
    ),
    Refusal(
        "bad-name",
        lambda: task(load, name="data/load"),
        "load: the name 'data/load' cannot be used [bad-name]; use a string that is not empty, can be printed and holds no '/'",
        lambda: task(load, name="data.load"),
    ),
    Refusal(
        "second-root",
        two_roots,
        "check: the tree has its root already, 'load' [second-root]; place further nodes below it with child(...)",
        lambda: tree_of(load, [check]),
    ),
    Refusal(
        "level",
        lambda: levels(0, 2),
        "load: a node at level 2 cannot follow one at level 0 [level]; use a level of 1 or more, and at most 1",
        lambda: levels(0, 1),
    ),
    Refusal(
        "first-node",
        lambda: levels(1),
        "load: the first node of a tree has to be its root, not a node at level 1 [first-node]; "
        "register the root first: tree.root(...), or tree.node(0, ...)",
        lambda: levels(0),
    ),
    Refusal(
        "join-parent",
        lambda: joined(show, lambda node: borrow_prev()),
        "show, parameter 'x': borrow_prev reads the parent's output, but a join has no parent [join-parent]; name the "
        "node: borrow(node), borrow_mut(node), copy(node) or consume(node); a forwarding task is placed with child(...)",
        lambda: joined(show, borrow),
    ),
    Refusal(
        "join-nothing",
        lambda: joined(load, lambda node: []),
        "load: joins nothing: it reads no node, and comes after none [join-nothing]; read one, as in borrow(node), or "
        "write after=node; or place it below a node with child(...)",
        lambda: joined(load, lambda node: [], after=lambda node: node),
    ),
    Refusal(
        "foreign-node",
        lambda: joined(show, lambda node: borrow(TaskTree("other").root(load_list))),
        "show, parameter 'x': borrow reads 'load_list', which is no node of this tree [foreign-node]; read nodes of the "
        "tree that the node itself is placed in",
        lambda: joined(show, borrow),
    ),
    Refusal(
        "after-node",
        lambda: joined(load, lambda node: [], after=lambda node: "load"),
        "load: after= is given 'load', which is no node of this tree [after-node]; pass nodes as root(), child() and "
        "join() of this tree return them: after=node, or after=[node, ...]",
        lambda: joined(load, lambda node: [], after=lambda node: [node]),
    ),
    Refusal(
        "after-node",
        lambda: joined(load, lambda node: [], after=lambda node: [node, TaskTree("other").root(load_list)]),
        "load: after= is given <Node 'load_list' at level 0 of <TaskTree 'other' with 1 node>>, which is no node of this "
        "tree [after-node]; pass nodes as root(), child() and join() of this tree return them: after=node, or "
        "after=[node, ...]",
        lambda: joined(load, lambda node: [], after=lambda node: [node]),
    ),
    Refusal(
        "unknown-fanout",
        lambda: tree_of(load, fanout="auto"),
        "load: 'auto' is not a fanout policy [unknown-fanout]; "
        "use Fanout.AUTO, Fanout.SHARED_READONLY, Fanout.CONSUME_WITH_COPIES or Fanout.ORDERED",
        lambda: tree_of(load, fanout=Fanout.AUTO),
    ),
)


# --- what takes the whole tree to see --------------------------------------------------------------------------------

ONE_PROBLEM = "plan 'tree': 1 problem\n  "
REMEDY_AUTO = (
    "use borrow_prev(...) or copy_prev(...), or give 'load' fanout=Fanout.CONSUME_WITH_COPIES when one child consumes and "
    "the others copy, or fanout=Fanout.ORDERED when after= puts the children in order, or change the output in a "
    "task_forward_prev(...) between 'load' and its children"
)
WITH_COPIES = {"fanout": Fanout.CONSUME_WITH_COPIES}

PLAN = (
    Refusal(
        "empty-tree",
        lambda: TaskTree("tree"),
        ONE_PROBLEM + "tree: the tree has no nodes [empty-tree]; register a root first: tree.root(...)",
        lambda: tree_of(load),
    ),
    Refusal(
        "root-access",
        lambda: tree_of(task(show, borrow_prev())),
        ONE_PROBLEM
        + "show, parameter 'x': borrow_prev reads the parent's output, but the root has no parent [root-access]; "
        "use from_ctx(...), from_input(...) or value(...) at the root",
        lambda: tree_of(task(show, value(3))),
    ),
    Refusal(
        "no-parent-output",
        lambda: tree_of(tick, [show, copy_prev()]),
        ONE_PROBLEM
        + "tick/show, parameter 'x': copy_prev reads the output of 'tick', which has none (it is declared to return "
        "None) [no-parent-output]; let 'tick' return a value, or read from the context; "
        "the output of another node is read by borrow(node)",
        lambda: tree_of(load, [show, copy_prev()]),
    ),
    Refusal(
        "type-mismatch",
        lambda: tree_of(load, [show, borrow_prev(str)]),
        ONE_PROBLEM + "load/show, parameter 'x': borrow_prev asks for str, but the output of 'load' is int [type-mismatch]; "
        "ask for int or one of its bases, or change what 'load' returns",
        lambda: tree_of(load, [show, borrow_prev(object)]),
    ),
    Refusal(
        "fanout-auto",
        lambda: tree_of(load, [show, consume_prev()], [tick]),
        ONE_PROBLEM
        + "load/show, parameter 'x': consume_prev is exclusive, but 'load' has 2 children [fanout-auto]; "
        + REMEDY_AUTO,
        lambda: tree_of(load, [show, consume_prev()]),
    ),
    Refusal(
        "fanout-shared",
        lambda: tree_of(load, [show, borrow_prev_mut()], fanout=Fanout.SHARED_READONLY),
        ONE_PROBLEM + "load/show, parameter 'x': borrow_prev_mut is exclusive, but 'load' has fanout=Fanout.SHARED_READONLY "
        "[fanout-shared]; use borrow_prev(...) or copy_prev(...), or another fanout for 'load'",
        lambda: tree_of(load, [show, borrow_prev()], fanout=Fanout.SHARED_READONLY),
    ),
    Refusal(
        "fanout-copies",
        lambda: tree_of(load, [show, borrow_prev()], **WITH_COPIES),
        ONE_PROBLEM + "load/show, parameter 'x': borrow_prev is neither copy_prev nor consume_prev, but 'load' has "
        "fanout=Fanout.CONSUME_WITH_COPIES [fanout-copies]; "
        "use copy_prev(...), or consume_prev(...) in one child, or another fanout for 'load'",
        lambda: tree_of(load, [show, copy_prev()], **WITH_COPIES),
    ),
    Refusal(
        "fanout-consumers",
        lambda: tree_of(load, [show_int, consume_prev()], [show, consume_prev()], **WITH_COPIES),
        ONE_PROBLEM + "load/show, parameter 'x': consume_prev takes the output of 'load', which 'show_int' takes already "
        "[fanout-consumers]; let one child consume it, and use copy_prev(...) in the others",
        lambda: tree_of(load, [show_int, consume_prev()], [show, copy_prev()], **WITH_COPIES),
    ),
    Refusal(
        "item-outside",
        lambda: tree_of(task(show, item())),
        ONE_PROBLEM
        + "show, parameter 'x': item() stands for an element, but this tree is run by no each(...) [item-outside]; use another "
        "source, or run the tree by node.each(tree)",
        lambda: each_of(tree_of(task(show, item()))),
    ),
    Refusal(
        "item-outside",
        lambda: tree_of(load, [task(show, borrow_prev(), adapters=(fallback(task(show, item())),))]),
        ONE_PROBLEM
        + "load/show, parameter 'show.x': item() stands for an element, but this tree is run by no each(...) [item-outside]; use "
        "another source, or run the tree by node.each(tree)",
        lambda: tree_of(load, [task(show, borrow_prev(), adapters=(fallback(task(show, borrow_prev())),))]),
    ),
    Refusal(
        "each-no-element",
        lambda: each_of(tree_of(load)),
        ONE_PROBLEM
        + "load_list/tree/load: the tree 'tree' is run for each element, and none of its nodes takes it [each-no-element]; "
        "write item() as one of the sources of its root",
        lambda: each_of(tree_of(load, [show, item()])),
    ),
    Refusal(
        "each-result",
        lambda: each_of(tree_of(task(show, item()), [load], [load])),
        ONE_PROBLEM
        + "load_list/tree/show: the tree 'tree' gives an element 2 outputs (show/load, show/load[2]) [each-result]; mark the one "
        "that counts with keep=True, or join them",
        lambda: each_of(tree_of(task(show, item()), [load], [tick])),
    ),
    Refusal(
        "each-circle",
        each_of_each_other,
        "plan 'tree': 1 problem\n  load_list/other/show/tree: the tree 'tree' would be run for each element of something in itself "
        "[each-circle]; write a tree of its own for the elements",
        lambda: each_of(inner_tree()),
    ),
    Refusal(
        "each-elements",
        lambda: each_of(show, elements=load),
        ONE_PROBLEM
        + "load/show: the output of 'load' is int, which has no elements [each-elements]; write over=function, which makes an "
        "iterable of it",
        lambda: each_of(show, elements=load, over=range),
    ),
    Refusal(
        "each-type",
        lambda: each_of(show, item(str), elements=load_numbers),
        ONE_PROBLEM
        + "load_numbers/show, parameter 'x': item asks for str, but what 'load_numbers' gives to go through is int [each-type]; ask "
        "for int or one of its bases, or write over=function, which makes other elements",
        lambda: each_of(show, item(int), elements=load_numbers),
    ),
    Refusal(
        "default-forwarded",
        lambda: with_default(forwarded=True),
        ONE_PROBLEM
        + "show, parameter 'x': copy has a default, but the output of 'load_list/append' is the object of 'load_list', which is "
        "there whether or not 'load_list/append' succeeds [default-forwarded]; leave the default out, or let "
        "'load_list/append' make an output of its own",
        lambda: with_default(forwarded=False),
    ),
    Refusal(
        "unordered",
        lambda: two_readers(borrow, consume),
        ONE_PROBLEM
        + "second, parameter 'x': consume accesses the output of 'load_list', and so does 'first' by borrow; consume is "
        "exclusive, and nothing says which of the two nodes comes first [unordered]; let one of them come after the "
        "other, by after= or by reading what it makes, or use copy(...) in place of consume",
        lambda: two_readers(borrow, consume, is_ordered=True),
    ),
    Refusal(
        "unordered",
        lambda: two_readers(consume, borrow_mut),
        ONE_PROBLEM
        + "second, parameter 'x': borrow_mut accesses the output of 'load_list', and so does 'first' by consume; both are "
        "exclusive, and nothing says which of the two nodes comes first [unordered]; let one of them come after the "
        "other, by after= or by reading what it makes, or use copy(...) in place of consume",
        lambda: two_readers(copy, copy),
    ),
    Refusal(
        "read-after-taken",
        lambda: two_readers(consume, borrow, is_ordered=True),
        ONE_PROBLEM
        + "second, parameter 'x': borrow can never read the output of 'load_list': 'first' comes before, and takes it away "
        "by consume [read-after-taken]; let 'first' come after this node, or use copy(...) there",
        lambda: two_readers(copy, borrow, is_ordered=True),
    ),
    Refusal(
        "same-output",
        lambda: read_twice(borrow_mut, borrow),
        ONE_PROBLEM
        + "show_two, parameter 'y': borrow and borrow_mut of 'x' access the same output, that of 'load_list', and one of "
        "them is exclusive [same-output]; keep the one exclusive access, or only share (borrow, copy)",
        lambda: read_twice(borrow, copy),
    ),
    Refusal(
        "resource-reads",
        lambda: two_readers(borrow, consume, is_ordered=True, managed=True),
        ONE_PROBLEM + "second, parameter 'x': consume is exclusive, but the resource of 'first' was made from the output of "
        "'load_list', and may still use it [resource-reads]; use borrow(...) or copy(...), or let 'first' take a copy",
        lambda: two_readers(borrow, copy, is_ordered=True, managed=True),
    ),
    Refusal(
        "kept-changed",
        lambda: tree_of(load, [show, consume_prev()], keep=True),
        ONE_PROBLEM + "load/show, parameter 'x': consume_prev is exclusive, but the output of 'load' is kept for the result "
        "[kept-changed]; only share it (borrow, copy), or leave keep=True out at 'load'",
        lambda: tree_of(load, [show, copy_prev()], keep=True),
    ),
    Refusal(
        "duplicate-name",
        lambda: named("a", "a"),
        ONE_PROBLEM + "load/a: the name 'a' is given to another node as well, 'load/a' [duplicate-name]; "
        "give each node a name of its own, or none",
        lambda: named(None, None, "a"),
    ),
    Refusal(
        "input-type",
        lambda: with_inputs(
            chain_of((task(show, from_input("n", int)),), (task(show_two, value(3), from_input("n", str)),)), n=3
        ),
        ONE_PROBLEM
        + "show/show_two, parameter 'y': the input 'n' is taken as str, but 'show' takes it as int [input-type]; "
        "ask for one type everywhere, or for two inputs",
        lambda: with_inputs(
            chain_of((task(show, from_input("n", int)),), (task(show_two, value(3), from_input("n", float)),)), n=3
        ),
    ),
)


# --- what does not fit the plan when a run starts --------------------------------------------------------------------

NOT_RUN = "plan 'tree' cannot be run with this context and these inputs: 1 problem\n  "

SETUP = (
    Refusal(
        "missing-context",
        lambda: with_context(tree_of(task(show, from_ctx(Shelf))), Drawer()),
        NOT_RUN
        + "show: the context holds no Shelf; it holds Drawer [missing-context]; add it: Context(..., bind={Shelf: ...})",
        lambda: with_context(tree_of(task(show, from_ctx(Shelf))), Shelf()),
    ),
    Refusal(
        "missing-input",
        lambda: with_inputs(tree_of(task(show, from_input("n")))),
        NOT_RUN + "show: the input 'n' is not given; given: none [missing-input]; pass inputs={'n': ...}",
        lambda: with_inputs(tree_of(task(show, from_input("n"))), n=3),
    ),
    Refusal(
        "unexpected-input",
        lambda: with_inputs(tree_of(task(show, from_input("n"))), n=3, m=4),
        NOT_RUN + "tree: no node takes an input 'm'; inputs of the plan: n [unexpected-input]; "
        "leave it out, or correct its name",
        lambda: with_inputs(tree_of(task(show_two, from_input("n"), from_input("m"))), n=3, m=4),
    ),
    Refusal(
        "input-value",
        lambda: with_inputs(tree_of(task(show, from_input("n", int))), n=3.5),
        NOT_RUN + "show: the input 'n' is of type float, but int is asked for [input-value]; pass an object of type int",
        lambda: with_inputs(tree_of(task(show, from_input("n", float))), n=3),
    ),
    Refusal(
        "not-sync",
        lambda: Program(tree_of(load_later), sync=True),
        "plan 'tree' cannot be run without an event loop: 1 problem\n  load_later: is a coroutine function, which run_sync cannot "
        "await [not-sync]; await run_plan(...), or write run(...), which starts an event loop",
        lambda: Program(tree_of(load), sync=True),
    ),
    Refusal(
        "not-sync",
        lambda: Program(tree_of(task(load, adapters=(to_thread(),))), sync=True),
        "plan 'tree' cannot be run without an event loop: 1 problem\n  load: is wrapped in to_thread, which run_sync cannot "
        "await [not-sync]; await run_plan(...), or write run(...), which starts an event loop",
        lambda: Program(tree_of(task(load, adapters=(catch_as_failure(),))), sync=True),
    ),
    Refusal(
        "not-sync",
        lambda: Program(tree_of(task(load, adapters=(fallback(task(load_later)),))), sync=True),
        "plan 'tree' cannot be run without an event loop: 1 problem\n  load: may run 'load_later' instead, which run_sync cannot "
        "await [not-sync]; await run_plan(...), or write run(...), which starts an event loop",
        lambda: Program(tree_of(task(load, adapters=(fallback(task(load)),))), sync=True),
    ),
)


# --- what only the run can tell --------------------------------------------------------------------------------------


class Pause:
    def __init__(self, times):
        self.times = times

    def __await__(self):
        yield from range(self.times)


def wait_once():
    return Pause(1)


def wait_for_nothing():
    return Pause(0)


@asynccontextmanager
async def cancel_within():
    with CancelScope() as scope:
        scope.cancel()
        yield


@asynccontextmanager
async def scope_within():
    with CancelScope():
        yield


def fill_nothing(out: DirectOut[int]): ...


def fill_later(out: DirectOut[list]):
    out.set([])
    out.value.append(out)


def use_later(handles):
    handles[0].reset()


def look(out: DirectOut[int]):
    out.success(3 if out.has_value else out.value)


def look_first(out: DirectOut[int]):
    out.success(out.value if out.has_value else 3)


def construct(out):
    out.emplace("3")


def construct_int(out: DirectOut[int]):
    out.emplace("3")


def open_file():
    return "file"


def answer():
    return StepResult.success()


def fail():
    raise ValueError("broken")


def waiting(delay):
    """A task that asks for one retry, after this time."""
    answers = [StepResult.success(), StepResult.retry()]
    return task(answers.pop, adapters=(retry(RetryFixed(1, delay=lambda count: delay)),))


RUN = (
    Refusal(
        "empty-slot",
        lambda: task_into(fill_nothing),
        "fill_nothing: succeeded without having written its output [empty-slot]; "
        "call emplace(), set() or success() of the DirectOut, or answer StepResult.failure()",
        lambda: task_into(fill),
    ),
    Refusal(
        "closed-slot",
        lambda: chain_of((task_into(fill_later),), (use_later, borrow_prev())),
        "fill_later: the DirectOut was used after the attempt that it belongs to had ended [closed-slot]; "
        "write the output before the task returns",
        lambda: task_into(fill_later),
    ),
    Refusal(
        "no-value",
        lambda: task_into(look),
        "look: the DirectOut holds no value [no-value]; write one first, or ask has_value",
        lambda: task_into(look_first),
    ),
    Refusal(
        "untyped-slot",
        lambda: task_into(construct),
        "construct: emplace() does not know what to construct [untyped-slot]; "
        "annotate the parameter DirectOut[T] with a class T, or use set(object)",
        lambda: task_into(construct_int),
    ),
    Refusal(
        "cancelled",
        lambda: Program(tree_of(cancel_within, (sleep_forever,), managed=True, keep=True), {"execution": Concurrent()}),
        "cancel_within: ended as cancelled, though nobody has cancelled the run [cancelled]; "
        "catch the cancellation of what it awaits, and raise or answer what that means for the node",
        lambda: Program(tree_of(scope_within, (load_later,), managed=True, keep=True), {"execution": Concurrent()}),
    ),
    Refusal(
        "suspends",
        lambda: Program(tree_of(wait_once), sync=True),
        "wait_once: waits for something, which run_sync cannot do [suspends]; await run_plan(...), or write run(...), "
        "which starts an event loop",
        lambda: Program(tree_of(wait_for_nothing), sync=True),
    ),
    Refusal(
        "result-type",
        lambda: task(open_file, output=None),
        "open_file: returned an object of type str, but it is declared to return None [result-type]; "
        "return what is declared, or change the declaration",
        lambda: task(open_file, output=str),
    ),
    Refusal(
        "result-type",
        lambda: tree_of(load_list, [task_forward_prev(show, borrow_prev_mut())]),
        "load_list/show: returned an object of type list, but task_forward_prev takes only None or a StepResult [result-type]; "
        "return what is declared, or change the declaration",
        lambda: tree_of(load_list, [task_forward_prev(append, borrow_prev_mut())]),
    ),
    Refusal(
        "no-output",
        lambda: tree_of(answer, [show, borrow_prev()]),
        "answer: succeeded without an output, but 'answer/show' reads it [no-output]; "
        "return a value or TaskResult.success(value), or answer StepResult.abort_branch()",
        lambda: tree_of(lambda: None, [show, borrow_prev()]),
    ),
    Refusal(
        "no-answer",
        lambda: task(fail, adapters=(catch_as_failure(lambda error: None),)),
        "fail: the policy of catch_as_failure answered None [no-answer]; return a StepResult, a TaskResult or a value; "
        "TaskResult.success(None) is the output None",
        lambda: task(fail, adapters=(catch_as_failure(lambda error: 3),)),
    ),
    Refusal(
        "bad-delay",
        lambda: waiting(-1),
        "pop: RetryFixed.delay answered -1 as the time to wait [bad-delay]; return seconds, as a number of 0 or more",
        lambda: waiting(0),
    ),
    Refusal(
        "no-elements",
        lambda: each_of(show, elements=lambda: 3, name="each"),
        "<lambda>/each: has no elements to go through, but an object of type int [no-elements]; return an iterable or an async "
        "iterable, or write over=function, which makes one of it",
        lambda: each_of(show, elements=lambda: "3", name="each"),
    ),
    Refusal(
        "used-up",
        lambda: gone_through_twice(lambda: iter([1, 2])),
        "numbers/one: goes through an object of type list_iterator, which can be gone through only once, and 'numbers/other' goes "
        "through it as well [used-up]; return a list, or let over=function make an iterator for each of the two",
        lambda: gone_through_twice(load_list),
    ),
    Refusal(
        "nothing-reduced",
        lambda: each_of(show, elements=list, reduce=show_two),
        "list/show: has no element to begin with, and so nothing to reduce [nothing-reduced]; write initial=..., which is what "
        "an empty reduction gives",
        lambda: each_of(show, elements=list, reduce=show_two, initial=0),
    ),
    Refusal(
        "not-managed",
        lambda: task(open_file, managed=True),
        "open_file: is managed, but returned an object of type str, which is no context manager [not-managed]; return an object with "
        "__aenter__ and __aexit__ or __enter__ and __exit__, or leave managed=True out",
        lambda: task(open_file),
    ),
    Refusal(
        "consumed-twice",
        lambda: tree_of(load, [task(show, consume_prev(), adapters=(Twice(),))]),
        "load/show: what it consumes was given away to an earlier attempt [consumed-twice]; "
        "let no adapter call a consuming task again, or copy it",
        lambda: tree_of(load, [task(show, copy_prev(), adapters=(Twice(),))]),
    ),
    Refusal(
        "borrow-changed",
        lambda: Program(tree_of(load_list, [append, borrow_prev()]), {"check_borrows": True}),
        "load_list/append, parameter 'items': changed what it only borrowed: items had length 1 and has length 2 [borrow-changed]; "
        "borrow it to change it (borrow_prev_mut, borrow_mut), or copy it",
        lambda: Program(tree_of(load_list, [append, copy_prev()]), {"check_borrows": True}),
    ),
)

REFUSALS = (*REGISTRATION, *PLAN, *SETUP, *RUN)
