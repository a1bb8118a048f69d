"""Whole trees that are run for each element: what every execution promises of them."""

from contextlib import asynccontextmanager, contextmanager

import pytest
from anyio.lowlevel import checkpoint
from going_through import Broken, error_of, result_of

from yorch_async import (
    AttemptStarted,
    BorrowError,
    Failure,
    ItemEnded,
    ItemStarted,
    ResultError,
    RetryFixed,
    RetryWaiting,
    StepResult,
    StepStatus,
    TaskTree,
    borrow,
    borrow_prev,
    compile_plan,
    consume,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    item,
    retry_on,
    run_plan,
    run_sync,
    task,
)
from yorch_async.testing import Recorder

pytestmark = pytest.mark.anyio


def outer_of(inner, elements=(1, 2, 3), **options):
    """A tree of a node that gives the elements, and one that runs a tree for each of them."""
    tree = TaskTree("t")
    options.setdefault("name", "each")
    return tree, tree.root(lambda: list(elements), name="root").each(inner, **options)


async def later(number):
    await checkpoint()
    return number


def inner_of(check, *, adapters=()):
    """A tree of three nodes, of which the last one checks what it is passed."""
    inner = TaskTree("inner")
    first = inner.root(later, item(), name="first")
    first.child(lambda number: 10 * number, borrow_prev(), name="second").child(
        check, borrow_prev(), name="third", adapters=adapters
    )
    return inner


async def test_a_tree_is_run_for_each_element(execution):
    """With everything that a plan may have: joins, conditions, moved outputs, inputs, context objects."""

    def all_of(one, other, more, there):
        return [one, other, more, there]

    inner = TaskTree("inner")
    root = inner.root(lambda number: [number], item(), name="root")
    left = root.child(lambda numbers: [*numbers, "left"], copy_prev(), name="left")
    right = root.child(later, copy_prev(), name="right", when=lambda numbers: numbers[0] != 2)
    joined = inner.join(all_of, consume(left), borrow(right, default=None), from_input("more"), from_ctx(str), name="joined")
    joined.child(lambda all_: tuple(all_), consume_prev(), name="last")
    tree, node = outer_of(inner)
    result = await result_of(tree, execution, inputs={"more": 0}, ctx={str: "there"})
    expected = [([number, "left"], None if number == 2 else [number], 0, "there") for number in (1, 2, 3)]
    assert expected == result[node]
    assert (1, ()) == (len(list(result.items())), result.skipped)


async def test_nodes_of_one_element_run_one_after_the_other(execution):
    """In the order of the tree, whatever else goes on."""
    log = {1: [], 2: [], 3: []}

    async def note(number, name):
        log[number].append((name, "begins"))
        await checkpoint()
        log[number].append((name, "ends"))

    inner = TaskTree("inner")
    root = inner.root(note, item(), from_input("a"), name="a")
    root.child(note, item(), from_input("b"), name="b")
    root.child(note, item(), from_input("c"), name="c", keep=True)
    tree, _ = outer_of(inner)
    await result_of(tree, execution, inputs={name: name for name in "abc"})
    expected = [(name, how) for name in "abc" for how in ("begins", "ends")]
    assert {1: expected, 2: expected, 3: expected} == log


async def test_resources_of_a_tree_are_left_with_its_element(execution):
    """Also where the element fails."""
    now = []

    @asynccontextmanager
    async def opened(number):
        now.append(number)
        await checkpoint()
        try:
            yield number
        finally:
            now.remove(number)

    def use(number):
        assert number in now
        if number == 2:
            raise Broken
        return number

    inner = TaskTree("inner")
    inner.root(opened, item(), managed=True, name="opened").child(use, borrow_prev(), name="use")
    tree, node = outer_of(inner, on_item_failure="skip")
    node.child(lambda: list(now), name="after")
    result = await result_of(tree, execution)
    assert [] == result["after"]
    assert ["root/each#2/opened/use"] == [failure.path for failure in result.left_out[0].failures]


async def test_an_exception_of_a_tree_names_the_node_of_its_element(execution):
    """Once."""

    def check(number):
        if number == 20:
            raise Broken
        return number

    for observers in ([], [lambda event: None]):
        tree, _ = outer_of(inner_of(check))
        error = await error_of(tree, execution, observers=observers)
        assert (Broken, ["in node 'root/each#2/first/second/third' of plan 't'"]) == (type(error), error.__notes__)
        assert error.__context__ is None


@pytest.mark.parametrize("status", [StepStatus.FAILURE, StepStatus.RETRY])
@pytest.mark.parametrize("observers", [[], [lambda event: None]])
async def test_a_failure_of_a_tree_is_one_of_the_element(execution, status, observers):
    """It names the node; what it means for the outer node, the options say."""

    def check(number):
        return StepResult(status, "because") if number == 20 else number

    path = "root/each#2/first/second/third"
    tree, node = outer_of(inner_of(check))
    result = await result_of(tree, execution, observers=observers)
    assert (status, f"{path}: because") == (result.status, result.step.reason)
    assert ["root/each"] == [failure.path for failure in result.failures]
    tree, node = outer_of(inner_of(check), on_item_failure="skip")
    result = await result_of(tree, execution, observers=observers)
    assert [10, 30] == result[node]
    (failure,) = result.left_out[0].failures
    assert (path, node.index, status, "because", 1) == (*_place(failure), failure.status, failure.reason, failure.attempts)
    tree, node = outer_of(inner_of(check), on_item_failure="collect")
    one, two, three = (await result_of(tree, execution, observers=observers))[node]
    assert ((10, 30), Failure, path) == ((one, three), type(two), two.path)


def _place(failure):
    return failure.path, failure.index


async def test_a_branch_that_ends_in_a_tree_leaves_the_element_out_where_its_result_was_in_it(execution):
    """Else the element has its result."""

    def odd(number):
        return StepResult.abort_branch() if number == 2 else number

    for place, expected in (("root", [1, 3]), ("beside", [1, 2, 3]), ("result", [1, 3])):
        inner = TaskTree("inner")
        root = inner.root(odd if place == "root" else later, item(), name="root", keep=place == "beside")
        root.child(later if place == "root" else odd, item(), name="child", output=int)
        tree, node = outer_of(inner, on_item_failure="collect")
        result = await result_of(tree, execution)
        assert expected == result[node]
        assert ((), ()) == (result.left_out, result.failures)


async def test_a_node_of_a_tree_that_aborts_the_execution_ends_the_run(execution):
    """All of it."""

    def stops(number):
        return StepResult.abort_execution("enough") if number == 2 else number

    tree, node = outer_of(inner_of(lambda number: stops(number // 10)), on_item_failure="skip")
    node.child(lambda: 1, name="never")
    result = await result_of(tree, execution)
    assert (StepStatus.ABORT_EXECUTION, "enough") == (result.status, result.step.reason)
    assert "never" not in result


async def test_observers_are_told_of_attempts_in_a_tree(execution):
    """With the index of the outer node, and a path that begins with that of the element."""
    calls = []

    def flaky(number):
        calls.append(number)
        if calls.count(number) == 1:
            raise Broken
        return number

    again = retry_on(Broken, RetryFixed(1), sleep=lambda seconds: checkpoint())
    tree, node = outer_of(inner_of(flaky, adapters=[again]), elements=[1])
    recorder, plan = Recorder(), compile_plan(tree)
    await run_plan(plan, execution=execution, observers=[recorder])
    recorder.check(plan)
    inside = [event for event in recorder.events if getattr(event, "path", "").startswith("root/each#")]
    third = "root/each#1/first/second/third"
    assert {node.index} == {event.index for event in inside}
    assert [
        (ItemStarted, "root/each#1"),
        (AttemptStarted, "root/each#1/first"),
        (AttemptStarted, "root/each#1/first/second"),
        (AttemptStarted, third),
        (RetryWaiting, third),
        (AttemptStarted, third),
        (ItemEnded, "root/each#1"),
    ] == [(type(event), event.path) for event in inside]


@pytest.mark.parametrize("kind", [AttemptStarted, RetryWaiting])
@pytest.mark.parametrize("on_item_failure", ["stop", "skip", "collect"])
async def test_an_error_of_an_observer_inside_a_tree_ends_the_node(execution, kind, on_item_failure):
    """No adapter and no option makes an outcome of it."""

    def fails(number):
        raise ValueError

    def observe(event):
        if isinstance(event, kind) and event.path.startswith("root/each#"):
            raise Broken

    again = retry_on(Exception, RetryFixed(1), sleep=lambda seconds: checkpoint())
    tree, _ = outer_of(inner_of(fails, adapters=[again]), on_item_failure=on_item_failure)
    assert Broken is type(await error_of(tree, execution, observers=[observe]))


async def test_borrows_are_checked_in_a_tree(execution):
    """Where the run is asked to."""
    inner = TaskTree("inner")
    inner.root(lambda number: [number], item(), name="root").child(
        lambda numbers: numbers.append(1), borrow_prev(), name="changes"
    )
    tree, _ = outer_of(inner)
    error = await error_of(tree, execution, check_borrows=True)
    assert (BorrowError, "root/each#1/root/changes") == (type(error), str(error).partition(",")[0])


async def test_a_tree_in_a_tree(execution):
    """Elements of elements; failures are told with the numbers of both."""
    innermost = TaskTree("innermost")
    innermost.root(later, item(int), name="leaf").child(
        lambda number: StepResult.failure("bad") if number == 12 else -number, borrow_prev(), name="check"
    )
    inner = TaskTree("inner")
    numbers = inner.root(lambda number: [10 * number + each for each in (1, 2, 3)], item(int), name="numbers")
    numbers.each(innermost, name="minus", on_item_failure="skip", keep=True)
    tree, node = outer_of(inner, elements=[1, 2])
    result = await result_of(tree, execution)
    assert [[-11, -13], [-21, -22, -23]] == result[node]
    (left_out,) = result.left_out
    assert ("root/each#1/numbers/minus", 1) == (left_out.path, left_out.count)
    assert ["root/each#1/numbers/minus#2/leaf/check"] == [failure.path for failure in left_out.failures]


async def test_an_exception_in_a_tree_in_a_tree(execution):
    """Is told with the one place that it comes from."""

    def check(number):
        raise Broken

    inner = TaskTree("inner")
    inner.root(lambda number: [number], item(), name="root").each(check, name="each")
    tree, _ = outer_of(inner)
    error = await error_of(tree, execution)
    assert ["in node 'root/each#1/root/each#1' of plan 't'"] == error.__notes__
    inner = TaskTree("inner")
    inner.root(lambda number: [number], item(), name="root").each(inner_of(check), name="each")
    tree, _ = outer_of(inner)
    error = await error_of(tree, execution)
    assert ["in node 'root/each#1/root/each#1/first/second/third' of plan 't'"] == error.__notes__


async def test_a_tree_may_be_run_by_several_nodes(execution):
    """Also the same one at different depths."""
    inner = inner_of(lambda number: number)
    middle = TaskTree("middle")
    middle.root(lambda number: [number, number], item(), name="root").each(inner, name="each")
    tree, node = outer_of(middle)
    other = node.each(inner, over=lambda lists: [each for one in lists for each in one], name="other")
    assert [100, 100, 200, 200, 300, 300] == (await result_of(tree, execution))[other]


async def test_a_fallback_in_a_tree_may_read_what_is_outside_of_its_node(execution):
    """As in any tree."""
    inner = TaskTree("inner")
    root = inner.root(later, item(), name="root")
    root.child(task(lambda number, same: number + same, borrow_prev(), item()), name="twice")
    tree, node = outer_of(inner)
    assert [2, 4, 6] == (await result_of(tree, execution))[node]


@pytest.mark.as_compiled
async def test_a_tree_becomes_code_by_its_runs():
    """Of which each element is one."""
    inner = TaskTree("inner")
    inner.root(lambda number: number, item(), name="root").child(lambda number: -number, borrow_prev(), name="minus")
    tree, node = outer_of(inner, elements=range(700))
    plan = compile_plan(tree)
    for _ in range(2):
        assert [-number for number in range(700)] == (await run_plan(plan))[node]
        assert [-number for number in range(700)] == run_sync(plan)[node]


@pytest.mark.as_compiled
async def test_a_tree_that_waits_is_refused_without_a_loop():
    """At its node, with the number of the element."""

    class Waits:
        def __await__(self):
            yield

    inner = TaskTree("inner")
    inner.root(lambda number: Waits(), item(), name="root")
    tree, _ = outer_of(inner)
    with pytest.raises(ResultError, match=r"\[suspends\]"):
        run_sync(compile_plan(tree))


@pytest.mark.as_compiled
def test_resources_of_a_tree_without_a_loop():
    """They are left with their element, too."""
    now = []

    @contextmanager
    def opened(number):
        now.append(number)
        yield number
        now.remove(number)

    inner = TaskTree("inner")
    inner.root(opened, item(), managed=True, name="opened").child(lambda number: list(now), borrow_prev(), name="use")
    tree, node = outer_of(inner)
    assert [[1], [2], [3]] == run_sync(compile_plan(tree))[node]
    assert [] == now
