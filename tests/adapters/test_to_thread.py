"""`to_thread`: a function that blocks is called in a thread."""

import asyncio
import gc
import sys
import threading
import weakref
from contextvars import ContextVar
from functools import partial

import anyio
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    BorrowError,
    Context,
    DirectOut,
    NodeEnded,
    RegistrationError,
    ResultError,
    RetryFixed,
    RetryWaiting,
    SetupError,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    retry,
    retry_on,
    run,
    run_plan,
    run_sync,
    task,
    task_forward_prev,
    task_into,
    task_member,
    timeout,
    to_thread,
    value,
)
from yorch_async.testing import Recorder, scripted

pytestmark = pytest.mark.anyio

BRIEFLY = 0.01
IN_THREAD = (to_thread(),)
ABANDONED = to_thread(abandon_on_cancel=True)


class Payload:
    """Something that can be watched."""

    def count(self):
        return sys.getrefcount(self)


def count(obj):
    return sys.getrefcount(obj)


def count_last(one, two, *, obj):
    return sys.getrefcount(obj)


def count_into(obj, out: DirectOut[int]) -> None:
    out.set(sys.getrefcount(obj))


@pytest.fixture(params=[False, True], ids=["interpreted", "generated"])
def optimize(request):
    """Both ways in which a plan is run."""
    return request.param


@pytest.fixture
def gate():
    """What a thread waits at; whatever happens, it is opened in the end."""
    event = threading.Event()
    yield event
    event.set()


async def run_one(fn, *adapters, optimize=None, **options):
    """Run one task alone; its result and its node."""
    tree = TaskTree("t")
    node = tree.root(task(fn, adapters=adapters, name="root"))
    return await run_plan(compile_plan(tree, optimize=optimize), **options), node


async def test_the_call_and_its_arguments_are_in_another_thread(optimize):
    """A copy is made there as well; what comes back is the output."""
    threads = []

    def copier(obj):
        threads.append(threading.current_thread())
        return list(obj)

    def look(items, number, *, name):
        threads.append(threading.current_thread())
        return [*items, number, name]

    tree = TaskTree()
    node = tree.root(lambda: [1]).child(
        look, copy_prev(copier=copier), from_ctx(int), from_input("name"), adapters=IN_THREAD, name="look"
    )
    result = await run_plan(compile_plan(tree, optimize=optimize), Context(2), inputs={"name": "n"})
    assert result[node] == [1, 2, "n"]
    assert threads[0] is threads[1]
    assert threads[0] is not threading.current_thread()


@pytest.mark.parametrize("observers", [[], [lambda event: None]], ids=["unobserved", "observed"])
@pytest.mark.parametrize(
    ("consumer", "by_hand"),
    [
        (task(count, consume_prev(), adapters=IN_THREAD), lambda: count(Payload())),
        (task(count_last, value(1), value(2), consume_prev(), adapters=IN_THREAD), lambda: count(Payload())),
        (task_into(count_into, consume_prev(), adapters=IN_THREAD), lambda: count(Payload())),
        (task_member(Payload.count, consume_prev(), adapters=IN_THREAD), lambda: Payload().count()),
    ],
    ids=["function", "keyword", "direct output", "method"],
)
async def test_a_consumer_holds_what_a_call_by_hand_would_leave_it(consumer, by_hand, observers, optimize):
    """Nothing on the way into the thread keeps a reference."""
    tree = TaskTree()
    node = tree.root(Payload).child(consumer)
    result = await run_plan(compile_plan(tree, optimize=optimize), observers=observers)
    assert result[node] == by_hand()


async def test_nothing_of_a_call_stays_in_the_thread():
    """Not what was lent, not what was returned, though the thread waits for its next call."""
    made = []

    def pass_on(obj):
        made.append(weakref.ref(obj))
        other = Payload()
        made.append(weakref.ref(other))
        return other

    tree = TaskTree()
    tree.root(Payload).child(pass_on, borrow_prev(), adapters=IN_THREAD).child(lambda obj: None, borrow_prev(), output=None)
    gc.disable()
    try:
        assert (await run_plan(compile_plan(tree))).ok
        await anyio.to_thread.run_sync(int)
        assert [reference() for reference in made] == [None, None]
    finally:
        gc.enable()


async def test_all_kinds_of_task_and_answers(optimize):
    """Values, statuses, what is written and what is forwarded."""

    def fill(out: DirectOut[list]) -> None:
        out.emplace().append(1)

    def change(items) -> StepResult:
        items.append(2)
        return StepResult.success()

    tree = TaskTree()
    root = tree.root(task_into(fill, adapters=IN_THREAD))
    forward = root.child(task_forward_prev(change, borrow_prev_mut(), adapters=IN_THREAD))
    leaf = forward.child(lambda items: TaskResult.success(len(items)), borrow_prev(), adapters=IN_THREAD, keep=True)
    leaf.child(lambda: StepResult.abort_branch(), adapters=IN_THREAD)
    result = await run_plan(compile_plan(tree, optimize=optimize))
    assert result[leaf] == 2


async def test_an_awaitable_that_comes_back_is_awaited_on_the_loop():
    """As of any function that was not known to give one."""
    threads = []

    async def later():
        threads.append(threading.current_thread())
        return 3

    result, node = await run_one(lambda: later(), *IN_THREAD)
    assert result[node] == 3
    assert threads == [threading.current_thread()]


async def test_context_variables_are_those_of_the_node():
    """A copy of them, so what the thread sets is not seen outside."""
    variable = ContextVar("variable", default="unset")

    def look():
        seen = variable.get()
        variable.set("changed")
        return seen

    variable.set("set")
    result, node = await run_one(look, *IN_THREAD)
    assert (result[node], variable.get()) == ("set", "set")


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), SystemExit(3)])
async def test_what_it_raises_is_raised_here(error, optimize):
    """The very object, of whatever class."""
    with pytest.raises(type(error)) as caught:
        await run_one(scripted(error), *IN_THREAD, optimize=optimize)
    assert caught.value is error


async def test_stop_iteration_is_what_it_is_in_any_coroutine():
    """Python does not let one out; it is the cause."""
    error = StopIteration(3)
    with pytest.raises(RuntimeError) as caught:
        await run_one(scripted(error), *IN_THREAD)
    causes = [caught.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    assert causes[-1] is error


async def test_around_it_other_adapters_do_what_they_do():
    """Each attempt is in a thread; observers hear of all of them."""
    recorder = Recorder()
    adapters = (to_thread(), retry_on(OSError, RetryFixed(2)))
    result, node = await run_one(scripted(OSError(), OSError(), 3), *adapters, observers=[recorder])
    assert result[node] == 3
    assert [event.attempts for event in recorder.of(RetryWaiting)] == [1, 2]
    assert [event.attempts for event in recorder.of(NodeEnded)] == [3]
    result, _ = await run_one(scripted(OSError("no")), to_thread(), catch_as_failure())
    assert result.status is StepStatus.FAILURE
    result, _ = await run_one(scripted(StepResult.retry()), to_thread(), retry(RetryFixed(1)))
    assert result.failures[0].attempts == 2


async def test_the_limiter_is_the_users():
    """A call takes one of its places."""
    limiter = anyio.CapacityLimiter(1)

    def look():
        return limiter.borrowed_tokens

    result, node = await run_one(look, to_thread(limiter=limiter))
    assert result[node] == 1


async def test_a_cancelled_node_waits_for_its_thread(gate):
    """Nothing of the run is touched before the thread is done."""
    started, ended = threading.Event(), []

    def work():
        started.set()
        assert gate.wait(10)
        ended.append("thread")

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(partial(cancel_when_started, started, scope, gate))
            await run_one(work, *IN_THREAD)
            ended.append("run")
            await checkpoint()
    assert scope.cancelled_caught
    assert ended == ["thread", "run"]


async def cancel_when_started(started, scope, gate=None):
    await anyio.to_thread.run_sync(started.wait, 10)
    scope.cancel()
    if gate is not None:
        gate.set()


async def test_an_abandoned_thread_goes_on_alone(gate):
    """The node is over at once, and what the thread returns is nobody's."""
    started, done = threading.Event(), threading.Event()

    def work():
        started.set()
        assert gate.wait(10)
        done.set()
        return "late"

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(cancel_when_started, started, scope)
            await run_one(work, ABANDONED)
        assert scope.cancelled_caught
        assert not done.is_set()
        gate.set()
        assert await anyio.to_thread.run_sync(done.wait, 10)


async def test_a_task_that_is_cancelled_by_asyncio_waits_or_not(gate, anyio_backend_name):
    """`task.cancel()` is not anyio's; the thread may be abandoned by it as well."""
    if anyio_backend_name != "asyncio":
        return
    started = threading.Event()

    def work():
        started.set()
        assert gate.wait(10)

    running = asyncio.ensure_future(run_one(work, ABANDONED))
    await anyio.to_thread.run_sync(started.wait, 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_late_write_of_an_abandoned_thread_is_refused(gate):
    """The handle was closed when its attempt was given up."""
    errors, done = [], threading.Event()

    def fill(out):
        assert gate.wait(10)
        try:
            out.set("late")
        except ResultError as error:
            errors.append(error.rule)
        done.set()

    tree = TaskTree()
    cut = timeout(BRIEFLY, then=StepResult.abort_branch())
    node = tree.root(task_into(fill, adapters=(ABANDONED, cut)))
    result = await run_plan(compile_plan(tree))
    assert node not in result
    gate.set()
    assert await anyio.to_thread.run_sync(done.wait, 10)
    assert errors == ["closed-slot"]


async def test_a_thread_that_begins_late_finds_its_own_arguments(optimize):
    """Also when the run has long put something else where they were."""
    seen = []

    class Late:
        """Begins the call only when the run is over."""

        def traits(self, traits):
            return traits

        def wrap(self, call):
            async def late(attempt):
                attempt.call_by(self.run)
                return await call(attempt)

            return late

        async def run(self, function):
            self.function = function

    late = Late()
    tree = TaskTree()
    root = tree.root(lambda: ["root"])
    root.child(seen.append, borrow_prev(), adapters=(late,), name="late")
    root.child(lambda: ["other"], name="other").child(lambda items: items, borrow_prev(), name="last")
    await run_plan(compile_plan(tree, optimize=optimize))
    late.function()
    assert seen == [["root"]]


async def test_a_node_that_waits_for_a_thread_can_be_cancelled():
    """It has not begun yet."""
    limiter, calls = anyio.CapacityLimiter(1), []
    await limiter.acquire_on_behalf_of(somebody := object())
    with anyio.move_on_after(BRIEFLY) as scope:
        await run_one(lambda: calls.append(1), to_thread(limiter=limiter))
    limiter.release_on_behalf_of(somebody)
    assert scope.cancelled_caught
    assert calls == []


async def test_what_is_only_borrowed_is_still_compared():
    """A change that was made in the thread is found."""
    tree = TaskTree()
    tree.root(lambda: [1]).child(lambda items: items.append(2), borrow_prev(), adapters=IN_THREAD, name="changes")
    with pytest.raises(BorrowError):
        await run_plan(compile_plan(tree), check_borrows=True)


async def coroutine_function():
    return 1


def gives_future() -> asyncio.Future:
    raise NotImplementedError


@pytest.mark.parametrize("fn", [coroutine_function, gives_future])
def test_what_is_awaited_needs_no_thread(fn):
    """A coroutine function, or what is annotated to return something to await."""
    with pytest.raises(RegistrationError, match="thread-async"):
        task(fn, adapters=IN_THREAD)


@pytest.mark.parametrize("adapter", [catch_as_failure(), retry(RetryFixed(1)), to_thread()])
def test_it_stands_closest_to_the_task(adapter):
    """Nothing else would run in the thread."""
    with pytest.raises(RegistrationError, match="thread-innermost"):
        task(lambda: 1, adapters=(adapter, to_thread()))


@pytest.mark.parametrize(
    "make",
    [
        lambda adapters: task(len, borrow_prev_mut(), adapters=adapters),
        lambda adapters: task_forward_prev(len, borrow_prev_mut(), adapters=adapters, output=None),
    ],
)
def test_a_thread_that_changes_the_parents_output_cannot_be_abandoned(make):
    """It would go on changing it under the eyes of others."""
    make((to_thread(),))
    with pytest.raises(RegistrationError, match="thread-abandoned"):
        make((ABANDONED,))


def test_a_resource_is_not_entered_in_a_thread():
    """Nor left there."""
    with pytest.raises(RegistrationError, match="thread-managed"):
        task(open, value("file"), managed=True, adapters=IN_THREAD)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"abandon_on_cancel": 1}, "^abandon_on_cancel is True or False, not 1$"),
        ({"limiter": 3}, "^limiter is an anyio.CapacityLimiter, not 3$"),
    ],
)
def test_wrong_options_are_refused_where_they_are_written(options, match):
    """With what they are."""
    with pytest.raises(TypeError, match=match):
        to_thread(**options)


def test_without_a_loop_it_is_refused():
    """A thread answers to a loop."""
    tree = TaskTree()
    tree.root(lambda: 1, adapters=IN_THREAD, name="root")
    with pytest.raises(SetupError, match="root: is wrapped in to_thread, which run_sync cannot await \\[not-sync\\]"):
        run_sync(compile_plan(tree))


def test_its_name_in_pictures_and_both_loops():
    """As it is written; one after the other."""
    tree = TaskTree()
    node = tree.root(lambda: 1, adapters=IN_THREAD, name="root")
    plan = compile_plan(tree)
    assert str(plan).endswith("root() [to_thread]")
    assert [run(plan, backend=backend)[node] for backend in ("asyncio", "trio")] == [1, 1]


async def test_an_exception_of_a_thread_keeps_nothing_alive():
    """No cycle with what the thread has handed over, so that outputs go with their result, without the collector."""

    class Big:
        pass

    answers = iter([ValueError("once"), 1])

    def flaky():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    tree = TaskTree()
    root = tree.root(lambda: 0)
    root.child(Big, name="big")
    root.child(flaky, adapters=[to_thread(), retry_on(ValueError, RetryFixed(1))])
    plan = compile_plan(tree)
    gc.collect()
    gc.disable()
    try:
        result = await run_plan(plan)
        big = weakref.ref(result["big"])
        del result
        assert big() is None
    finally:
        gc.enable()
