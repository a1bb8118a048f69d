"""Elements at the same time: how many, in which order, whose errors, and what one of them may leave behind for another."""

import asyncio
import sys
from contextvars import ContextVar
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint
from going_through import Broken, each_of, error_of

from yorch_async import (
    Concurrent,
    Failure,
    Node,
    NodeEnded,
    ResultError,
    SerialDfs,
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    compile_plan,
    item,
    run_plan,
    value,
)
from yorch_async.execution import _concurrent, _elements
from yorch_async.execution._crowd import together
from yorch_async.testing import Recorder

pytestmark = [pytest.mark.anyio, pytest.mark.as_compiled]


class Meter:
    """How many are at work, and how many have been at most."""

    def __init__(self):
        self.now = self.most = 0

    async def busy(self, number=0):
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(1 + number % 3):
            await checkpoint()
        self.now -= 1
        return number


class Gates:
    """One event for each element, and who has come to it."""

    def __init__(self, count):
        self.events = [anyio.Event() for _ in range(count)]
        self.entered = []
        self.left = []

    async def wait(self, number):
        self.entered.append(number)
        try:
            await self.events[number].wait()
        finally:
            self.left.append(number)
        return number

    def wait_later(self, number):
        return self.wait(number)

    def open(self, *numbers):
        for number in numbers:
            self.events[number].set()


async def stream_of(elements):
    for element in elements:
        await checkpoint()
        yield element


SOURCES = pytest.mark.parametrize("over", [None, stream_of], ids=["sync", "async"])


class Running:
    """A run in the background, which can be looked at when nothing goes on by itself."""

    def __init__(self, tree, limit=None, **options):
        self.plan = compile_plan(tree)
        self.execution = Concurrent(max_concurrency=limit, **options)
        self.result = None

    async def __aenter__(self):
        self.group = anyio.create_task_group()
        await self.group.__aenter__()
        self.group.start_soon(self._run)
        await anyio.wait_all_tasks_blocked()
        return self

    async def _run(self):
        self.result = await run_plan(self.plan, execution=self.execution)

    async def __aexit__(self, *error):
        return await self.group.__aexit__(*error)


# --- how many at once


@SOURCES
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_no_more_than_the_run_allows_are_at_work(limit, over):
    """Nodes and elements together, of several nodes that go through elements, and of trees."""
    meter = Meter()
    inner = TaskTree("inner")
    inner.root(meter.busy, item()).child(meter.busy, borrow_prev(), keep=True)
    tree = TaskTree("t")
    root = tree.root(lambda: range(20), name="root")
    for number in range(3):
        root.child(meter.busy, value(number)).child(meter.busy, value(1))
        root.each(meter.busy, item(), over=over, name=f"task{number}").child(meter.busy, value(2))
        root.each(lambda number: meter.busy(number), item(), over=over, name=f"late{number}")
        root.each(inner, over=over, name=f"tree{number}", max_concurrency=2)
    result = await run_plan(compile_plan(tree), execution=Concurrent(max_concurrency=limit))
    assert list(range(20)) == result["task0"] if "task0" in result else result.ok
    assert limit == meter.most


@SOURCES
@pytest.mark.parametrize("lazily", [False, True])
async def test_no_more_than_the_node_allows_are_at_work(over, lazily):
    """A hundred, where neither the node nor the run says."""
    for limit, expected in ((3, 3), (None, 100)):
        gates = Gates(150)
        fn = gates.wait_later if lazily else gates.wait
        tree, node = each_of(range(150), fn, over=over, max_concurrency=limit)
        async with Running(tree) as running:
            assert list(range(expected)) == sorted(gates.entered)
            gates.open(1)
            await anyio.wait_all_tasks_blocked()
            assert list(range(expected + 1)) == sorted(gates.entered)
            gates.open(*range(150))
        assert list(range(150)) == running.result[node]


@SOURCES
async def test_one_at_a_time_where_a_node_says_so(over):
    """While other nodes go on."""
    meter, gate = Meter(), anyio.Event()
    tree, node = each_of(range(10), meter.busy, over=over, max_concurrency=1)
    tree.join(gate.wait, after=Node(tree, 0), name="sibling")
    node.child(gate.set, name="opens")
    assert (await run_plan(compile_plan(tree), execution=Concurrent())).ok
    assert 1 == meter.most


@SOURCES
async def test_room_that_becomes_free_elsewhere_is_used(over):
    """Also where all elements that are worked on go on waiting."""
    gates, sibling = Gates(5), anyio.Event()
    tree = TaskTree("t")
    root = tree.root(lambda: range(5), name="root")
    root.child(sibling.wait, name="sibling")
    node = root.each(gates.wait, name="each", over=over)
    async with Running(tree, limit=2) as running:
        assert [0] == gates.entered
        sibling.set()
        await anyio.wait_all_tasks_blocked()
        assert [0, 1] == gates.entered
        gates.open(*range(5))
    assert list(range(5)) == running.result[node]


@SOURCES
async def test_a_node_that_becomes_ready_goes_before_further_elements(over):
    """Elements take what no node needs."""
    gates, first, second = Gates(5), anyio.Event(), anyio.Event()
    entered = []

    async def after():
        entered.append(True)
        await second.wait()

    tree = TaskTree("t")
    root = tree.root(lambda: range(5), name="root")
    sibling = root.child(first.wait, name="sibling")
    sibling.child(after, name="after")
    root.each(gates.wait, name="each", over=over)
    async with Running(tree, limit=2):
        first.set()
        await anyio.wait_all_tasks_blocked()
        assert ([0], [True]) == (gates.entered, entered)
        second.set()
        gates.open(*range(5))


async def test_a_runner_goes_on_with_others_when_elements_have_given_their_room_back():
    """What had been full when it began to wait is not full for ever."""
    gates, entered, first, last = Gates(2), [], anyio.Event(), anyio.Event()

    async def waits(number):
        entered.append(number)
        await last.wait()

    tree = TaskTree("t")
    root = tree.root(lambda: range(2), name="root")
    root.each(gates.wait, name="each")
    head = root.child(first.wait, name="head")
    for number in range(3):
        head.child(waits, value(number), name=f"n{number}")
    async with Running(tree, limit=3):
        assert [0, 1] == gates.entered
        gates.open(0, 1)
        await anyio.wait_all_tasks_blocked()
        first.set()
        await anyio.wait_all_tasks_blocked()
        assert [0, 1, 2] == entered
        last.set()


# --- in which order


@SOURCES
async def test_elements_that_end_in_another_order(over):
    """Give their results in order, whether in a list or reduced."""
    for options in ({}, {"reduce": lambda so_far, each: [*so_far, each], "initial": []}):
        gates = Gates(5)
        tree, node = each_of(range(5), gates.wait, over=over, **options)
        async with Running(tree) as running:
            for number in (3, 1, 4, 0, 2):
                gates.open(number)
                await anyio.wait_all_tasks_blocked()
            assert [3, 1, 4, 0, 2] == gates.left
        assert list(range(5)) == running.result[node]


@SOURCES
async def test_what_is_reduced_does_not_pile_up(over):
    """While the first element takes its time, only so many others are worked on; then all go on."""
    gate, taken = anyio.Event(), []

    async def slow_first(number):
        taken.append(number)
        if number == 0:
            await gate.wait()
        await checkpoint()
        return number

    total = {"reduce": lambda so_far, each: so_far + each, "initial": 0}
    tree, node = each_of(range(2_000), slow_first, over=over, max_concurrency=5, **total)
    async with Running(tree) as running:
        assert len(taken) < 100
        gate.set()
    assert sum(range(2_000)) == running.result[node]


async def test_elements_are_not_taken_before_there_is_somebody_to_work_on_them():
    """From an endless source no more than the limit."""
    taken, gate = [], anyio.Event()

    def endless(_):
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    async def waits(number):
        await gate.wait()
        if number == 20:
            return StepResult.abort_execution("enough")
        return number

    tree, _ = each_of(None, waits, over=endless, max_concurrency=4)
    async with Running(tree) as running:
        assert 4 == len(taken)
        gate.set()
    assert StepStatus.ABORT_EXECUTION is running.result.status
    assert len(taken) < 30


# --- failures


@SOURCES
async def test_a_failure_cancels_the_other_elements_and_waits_for_them(over):
    """What they do to clean up is done when the run ends, and nothing further is taken."""
    log, taken = [], []

    async def fn(number):
        taken.append(number)
        if number == 2:
            raise Broken
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            log.append(number)

    tree, _ = each_of(range(10), fn, over=over, max_concurrency=3)
    error = await error_of(tree, Concurrent())
    assert (Broken, ["in node 'root/each#3' of plan 't'"]) == (type(error), error.__notes__)
    assert ([0, 1], [0, 1, 2]) == (sorted(log), taken)


@SOURCES
async def test_a_status_cancels_the_other_elements(over):
    """An exception that comes of it counts for more."""
    for is_broken in (False, True):

        async def fn(number, is_broken=is_broken):
            if number == 2:
                await checkpoint()
                return StepResult.failure("second")
            try:
                await anyio.sleep_forever()
            finally:
                if is_broken:
                    raise Broken

        tree, _ = each_of([1, 2], fn, item(), over=over)
        if is_broken:
            expected = ["in node 'root/each#1' of plan 't'", "another element did not succeed: root/each#2: second"]
            assert expected == (await error_of(tree, Concurrent())).__notes__
        else:
            result = await run_plan(compile_plan(tree), execution=Concurrent())
            assert (StepStatus.FAILURE, "root/each#2: second") == (result.status, result.step.reason)


@SOURCES
async def test_several_errors_come_in_one_group_in_the_order_of_the_elements(over):
    """Flat, beside those of other nodes; observers are told of the first one."""
    event = anyio.Event()

    async def fn(number):
        if number == 3:
            event.set()
        else:
            try:
                await anyio.sleep_forever()
            finally:
                raise Broken(number)
        raise Broken(number)

    async def sibling():
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError

    tree, _ = each_of([1, 2, 3], fn, over=over)
    tree.join(sibling, after=Node(tree, 0), name="sibling")
    recorder = Recorder()
    with pytest.raises(ExceptionGroup, match=r"^4 errors in plan 't'$") as caught:
        await run_plan(compile_plan(tree), execution=Concurrent(), observers=[recorder])
    one, two, three, other = caught.value.exceptions
    assert (1, 2, 3) == (*one.args, *two.args, *three.args)
    assert OSError is type(other)
    assert [f"in node 'root/each#{number}' of plan 't'" for number in (1, 2, 3)] == [
        note for error in (one, two, three) for note in error.__notes__
    ]
    (ended,) = (event for event in recorder.events if isinstance(event, NodeEnded) and event.path == "root/each")
    assert ended.error is one


@SOURCES
async def test_siblings_go_on_where_the_policy_says_so(over):
    """An element that fails ends its node, and not the run."""
    log = []

    async def fn(number):
        if number != 2:
            await anyio.sleep_forever()  # of several that fail in the same round of the loop, trio takes any first
        raise Broken

    async def sibling():
        for _ in range(20):
            await checkpoint()
        log.append("done")

    tree, _ = each_of([1, 2, 3], fn, over=over)
    tree.join(sibling, after=Node(tree, 0), name="sibling")
    with pytest.RaisesGroup(Broken):
        await run_plan(compile_plan(tree), execution=Concurrent(on_failure="continue"))
    assert ["done"] == log


@SOURCES
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_program_ends_the_run(over, error):
    """Whichever worker has met it."""

    async def fn(number):
        if number == 2:
            await checkpoint()
            raise error
        await anyio.sleep_forever()

    tree, _ = each_of([1, 2, 3], fn, over=over, on_item_failure="skip")
    assert error is type(await error_of(tree, Concurrent()))


async def test_an_element_that_is_told_to_end_and_goes_on_does_no_harm():
    """It is the last one that its worker takes."""
    taken = []

    async def fn(number):
        taken.append(number)
        if number == 1:
            await checkpoint()
            raise Broken
        try:
            await anyio.sleep_forever()
        except BaseException:  # noqa: BLE001 - that is what the test is about
            return number

    tree, _ = each_of(range(10), fn, max_concurrency=2)
    assert Broken is type(await error_of(tree, Concurrent()))
    assert [0, 1] == taken


async def test_an_error_of_the_source_cancels_the_elements():
    """As one of theirs would."""
    left = []

    async def fn(number):
        try:
            await anyio.sleep_forever()
        finally:
            left.append(number)

    def broken(_):
        yield 1
        yield 2
        raise Broken

    async def broken_late(_):
        yield 1
        yield 2
        raise Broken

    for over in (broken, broken_late):
        left.clear()
        tree, _ = each_of(None, fn, over=over, on_item_failure="skip")
        error = await error_of(tree, Concurrent())
        assert (Broken, ["in node 'root/each' of plan 't'"]) == (type(error), error.__notes__)
        assert [1, 2] == sorted(left)


# --- what an element may leave behind

VARIABLE = ContextVar("VARIABLE", default="unset")
OTHER = ContextVar("OTHER", default=None)


class Incomparable:
    def __eq__(self, other):
        raise TypeError

    __hash__ = None


def sets(number, kind=int):
    """See what is set, and set it."""
    seen = VARIABLE.get()
    (OTHER if kind is Incomparable else VARIABLE).set(kind() if kind is Incomparable else number)
    if number == 3:
        raise Broken
    return seen


async def sets_late(number, kind=int):
    await checkpoint()
    seen = sets(number, kind)
    await checkpoint()
    return seen


def sets_awaited(number, kind=int):
    return sets_late(number, kind)


@SOURCES
@pytest.mark.parametrize("kind", [int, Incomparable])
@pytest.mark.parametrize("limit", [None, 1, 2])
@pytest.mark.parametrize("fn", [sets, sets_late, sets_awaited])
@pytest.mark.parametrize("observers", [[], [lambda event: None]])
async def test_context_variables_stay_with_their_element(over, kind, limit, fn, observers):
    """Also those of an element that has failed, of the last element, and of a tree."""
    before = kind()
    OTHER.set(before)  # with which others are compared
    inner = TaskTree("inner")
    inner.root(fn, item(), value(kind))
    for what, sources in ((fn, (item(), value(kind))), (inner, ())):
        tree, node = each_of(range(1, 6), what, *sources, over=over, on_item_failure="collect")
        after = node.child(VARIABLE.get, name="after")
        same = node.child(OTHER.get, name="same")
        plan = compile_plan(tree)
        result = await run_plan(plan, execution=Concurrent(max_concurrency=limit), observers=observers, keep="leaves")
        assert "unset" == result[after]
        assert result[same] is before
        tree, node = each_of(range(1, 6), what, *sources, over=over, on_item_failure="collect")
        result = await run_plan(compile_plan(tree), execution=Concurrent(max_concurrency=limit), observers=observers)
        assert [Failure if number == 3 else str for number in range(1, 6)] == [type(each) for each in result[node]]
        assert {"unset"} == {each for each in result[node] if type(each) is str}


@SOURCES
@pytest.mark.parametrize("kind", [int, Incomparable])
async def test_context_variables_stay_with_what_is_reduced(over, kind):
    """As where a list is made."""
    OTHER.set(kind())
    for fn in (sets, sets_late, sets_awaited):
        folding = {"reduce": lambda so_far, each: so_far | {each}, "initial": frozenset()}
        tree, node = each_of(range(1, 6), fn, item(), value(kind), over=over, on_item_failure="skip", **folding)
        assert {"unset"} == (await run_plan(compile_plan(tree), execution=Concurrent()))[node]


async def test_a_serial_run_is_like_a_loop_written_by_hand():
    """What an element sets the next one sees."""
    tree, node = each_of([1, 2], sets, item())
    result = await run_plan(compile_plan(tree), execution=SerialDfs())
    assert ["unset", 1] == result[node]


@SOURCES
@pytest.mark.parametrize("place", [1, 2, 4])
@pytest.mark.parametrize("limit", [None, 1])
async def test_a_scope_that_an_element_leaves_open_holds_for_no_other(over, place, limit):
    """The worker takes no further element; left open in the task of the node itself, it may end the run, with an error."""
    done = []

    async def fn(number):
        await checkpoint()
        if number == place:
            scope = anyio.CancelScope()
            scope.__enter__()
            scope.cancel()
            return
        await checkpoint()
        done.append(number)

    tree, _ = each_of(range(1, 7), fn, over=over, max_concurrency=limit)
    try:
        async with anyio.create_task_group() as group:  # a task of its own, whose scopes are nobody else's
            group.start_soon(partial(run_plan, compile_plan(tree), execution=Concurrent()))
    except BaseException as error:  # noqa: BLE001 - trio does not forgive it, and says so
        assert "scope" in repr(error)  # noqa: PT017 - see above
    else:
        assert {1, 2, 3, 4, 5, 6} - {place} == set(done)


def asyncio_or_skip():
    asyncio = sys.modules["asyncio"]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pytest.skip("asyncio alone")
    return asyncio


@SOURCES
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_an_element_whose_own_await_was_cancelled(over, place):
    """Nobody has cancelled the run, so this is an error of the node; asyncio alone can do that."""
    asyncio = asyncio_or_skip()

    async def fn(number):
        await checkpoint()
        if number == place:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
        await anyio.sleep_forever()

    tree, _ = each_of(range(3), fn, over=over, on_item_failure="skip")
    error = await error_of(tree, Concurrent())
    assert f"root/each#{place + 1}: ended as cancelled, though nobody has cancelled the run" in str(error)
    assert isinstance(error.__cause__, asyncio.CancelledError)


async def at_once(elements):
    for element in elements:
        yield element


@pytest.mark.parametrize("over", [None, stream_of, at_once], ids=["sync", "async", "async at once"])
@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("sets_variable", [False, True])
@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("limit", [1, 2])
async def test_a_task_that_is_cancelled_before_it_begins(over, is_late, sets_variable, place, limit):
    """An element is never silently missing: either all have been worked on, or there is an error."""
    asyncio = asyncio_or_skip()
    before = asyncio.all_tasks()

    def cancel_others(but=None):
        for task in asyncio.all_tasks() - before - {but}:
            task.cancel()

    async def fn(number):
        if number == place:
            if not is_late:
                cancel_others(asyncio.current_task())
            await checkpoint()
            if sets_variable:
                VARIABLE.set(number)  # so that the worker gives up its task
            if is_late:  # whoever is started next
                asyncio.get_running_loop().call_soon(cancel_others)
        else:
            await checkpoint()
        return number

    tree, node = each_of(range(6), fn, over=over, max_concurrency=limit)
    try:
        result = await run_plan(compile_plan(tree), execution=Concurrent())
    except ExceptionGroup as group:
        assert {ResultError} == {type(error) for error in group.exceptions}  # noqa: PT017 - see above
        assert {"cancelled"} == {error.rule for error in group.exceptions}  # noqa: PT017 - see above
    else:
        assert list(range(6)) == result[node]


@SOURCES
async def test_an_error_while_the_run_is_cancelled_is_not_lost(over):
    """It comes in place of the cancellation, as that of any node."""

    async def fn(number):
        if number == 1:
            scope.cancel()
        try:
            await anyio.sleep_forever()
        finally:
            if number == 0:
                raise Broken

    tree, _ = each_of(range(3), fn, over=over)
    with pytest.RaisesGroup(Broken), anyio.CancelScope() as scope:
        await run_plan(compile_plan(tree), execution=Concurrent())


@SOURCES
@pytest.mark.parametrize("moment", range(12))
async def test_the_task_of_a_run_is_cancelled_as_asyncio_does_it(over, moment):
    """The cancellation comes through, whatever elements are at."""
    asyncio = asyncio_or_skip()
    tree, _ = each_of(range(20), Meter().busy, over=over, max_concurrency=3)
    task = asyncio.ensure_future(run_plan(compile_plan(tree), execution=Concurrent()))
    for _ in range(moment):
        await checkpoint()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


ABORTED = StepResult.abort_execution("enough")
FAILED = [StepResult.failure(f"{number}", None if number == 7 else Broken(number)) for number in range(1, 8)]


@pytest.mark.parametrize(
    ("answers", "reason", "error"),
    [
        ([ABORTED, *FAILED], "enough", None),
        (FAILED[:1], "1", "Broken(1)"),
        ([FAILED[0], ABORTED], "1", "Broken(1)"),
        ([FAILED[0], FAILED[6]], "1; 7", "Broken(1)"),
        ([FAILED[6], FAILED[6]], "7; 7", None),
        (FAILED[:2], "1; 2", "ExceptionGroup('2 elements failed', [Broken(1), Broken(2)])"),
        ([StepResult.retry(), FAILED[0]], "RETRY; 1", "Broken(1)"),
    ],
)
def test_elements_that_fail_at_the_same_moment_are_one_answer(answers, reason, error):
    """How the first of them did, with the reasons and the errors of all; whoever ends the run is no failure."""
    made = together(answers)
    assert (answers[0].status, reason) == (made.status, made.reason)
    assert (error and repr(made.error)) == error
    assert ("1; 2; 3; 4; 5; 2 more", 6) == (together(FAILED).reason, len(together(FAILED).error.exceptions))


async def test_a_native_cancellation_that_an_element_swallows_ends_the_others(anyio_backend_name):
    """As it ends siblings: nobody waits for them."""
    if anyio_backend_name != "asyncio":
        pytest.skip("trio cancels by scopes alone")
    began, ended = asyncio.Event(), []

    async def fn(number):
        if number == 3:
            began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(number)
            if number != 1:
                raise
        await asyncio.sleep(0)  # it takes its time, and tracers see tasks again
        return number

    tree, _ = each_of([1, 2, 3], fn, item())
    running = asyncio.ensure_future(run_plan(compile_plan(tree), execution=Concurrent()))
    await began.wait()
    running.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert (True, [1, 2, 3]) == (running.done(), sorted(ended))
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_element_may_take_the_last_place_while_a_runner_gives_the_loop_a_turn(monkeypatch):
    """The runner finds that out before it starts another one, and the limit holds."""
    for module in (_concurrent, _elements):
        monkeypatch.setattr(module, "SLICE", -1.0)  # every chance is taken
    running = most = 0

    async def waiting():
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await checkpoint()
        running -= 1

    tree = TaskTree("t")
    root = tree.root(lambda: range(1, 132), name="root")
    # After a batch that waits for nothing the loop gets a turn; the element after that is the first one that waits.
    root.each(lambda number: number if number < 129 else waiting(), name="each")
    for _ in range(8):
        root.child(lambda: None)
    for _ in range(3):
        root.child(waiting)
    assert (await run_plan(compile_plan(tree), execution=Concurrent(max_concurrency=3))).ok
    assert 3 == most
