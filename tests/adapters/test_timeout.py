"""`timeout`: a call that takes too long is cut off."""

import asyncio
import math
from contextlib import asynccontextmanager, contextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    AttemptStarted,
    RegistrationError,
    ResultError,
    RetryFixed,
    RetryForever,
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
    retry,
    retry_on,
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
from yorch_async.testing import Recorder

pytestmark = pytest.mark.anyio

BRIEFLY = 0.01


@pytest.fixture(params=[False, True], ids=["interpreted", "generated"])
def optimize(request):
    """Both ways in which a plan is run."""
    return request.param


async def run_one(fn, *adapters, optimize=None, observers=(), **options):
    """Run one task alone; its result and its node."""
    tree = TaskTree("t")
    node = tree.root(task(fn, adapters=adapters, name="root", **options))
    return await run_plan(compile_plan(tree, optimize=optimize), observers=observers), node


async def forever():
    await anyio.sleep(math.inf)


async def quick():
    await checkpoint()
    return 7


async def test_a_call_that_takes_too_long_is_a_timeout_error(optimize):
    """It names the node and the time; the call was cancelled where it waited."""
    left = []

    async def slow():
        try:
            await forever()
        finally:
            left.append(anyio.current_effective_deadline())

    tree = TaskTree("t")
    tree.root(quick, name="root").child(slow, adapters=(timeout(BRIEFLY),))
    with pytest.raises(TimeoutError) as caught:
        await run_plan(compile_plan(tree, optimize=optimize))
    assert str(caught.value) == "'root/slow' was not done within 0.01 seconds"
    assert caught.value.__notes__ == ["in node 'root/slow' of plan 't'"]
    assert left == [-math.inf]


@pytest.mark.parametrize("seconds", [1, 60.0, math.inf])
async def test_a_call_that_is_done_in_time_is_left_alone(seconds, optimize):
    """Also without any limit."""
    result, node = await run_one(quick, timeout(seconds), optimize=optimize)
    assert result[node] == 7


@pytest.mark.parametrize(
    ("then", "status", "output"),
    [
        (3, StepStatus.SUCCESS, 3),
        (None, StepStatus.SUCCESS, None),
        (TaskResult.success(None), StepStatus.SUCCESS, None),
        (StepResult.failure("late"), StepStatus.FAILURE, ...),
        (StepResult.abort_branch(), StepStatus.ABORT_BRANCH, ...),
        (TaskResult.retry(), StepStatus.RETRY, ...),
    ],
)
async def test_then_is_the_answer_instead(then, status, output, optimize):
    """A value, a status, or both."""
    result, node = await run_one(forever, timeout(BRIEFLY, then=then), optimize=optimize)
    assert result.status is status
    assert (result[node] if output is not ... else ...) == output


async def test_no_time_at_all_cuts_off_at_the_first_wait():
    """What does not wait is done."""

    async def at_once():
        return 1

    result, node = await run_one(at_once, timeout(0))
    assert result[node] == 1
    result, _ = await run_one(quick, timeout(0, then=StepResult.abort_branch()))
    assert result.status is StepStatus.ABORT_BRANCH


async def test_a_call_that_finishes_in_spite_of_it_keeps_its_answer():
    """Nothing was caught then."""

    async def stubborn():
        try:
            await forever()
        except anyio.get_cancelled_exc_class():
            return "done"

    result, node = await run_one(stubborn, timeout(BRIEFLY, then="cut off"))
    assert result[node] == "done"


async def test_what_the_call_raises_instead_is_raised():
    """Also from its cleaning up."""

    async def fails():
        try:
            await forever()
        finally:
            raise ValueError("no end")

    with pytest.raises(ValueError, match="no end"):
        await run_one(fails, timeout(BRIEFLY, then=1))


async def test_a_timeout_error_of_its_own_passes():
    """It is not taken for the adapter's."""
    own = TimeoutError("of the task")

    async def fails():
        raise own

    with pytest.raises(TimeoutError) as caught:
        await run_one(fails, timeout(60, then=1))
    assert caught.value is own


async def test_a_cancellation_from_outside_passes(optimize):
    """The time is not up, so it is not for the adapter to answer."""
    ended = []
    with anyio.move_on_after(BRIEFLY) as scope:
        await run_one(forever, timeout(60, then=1), catch_as_failure(), optimize=optimize)
        ended.append("answered")
    assert scope.cancelled_caught
    assert ended == []


async def test_an_outer_scope_that_is_cancelled_at_the_same_time_wins():
    """What was cut off by both is not answered."""
    ended = []
    with anyio.CancelScope() as scope:

        async def both():
            scope.cancel()
            await forever()

        await run_one(both, timeout(0, then=1))
        ended.append("answered")
    assert scope.cancelled_caught
    assert ended == []


async def test_a_task_that_is_cancelled_by_asyncio_is_cancelled(anyio_backend_name):
    """`task.cancel()` is not anyio's, and passes as well."""
    if anyio_backend_name != "asyncio":
        return
    started = asyncio.Event()

    async def slow():
        started.set()
        await forever()

    running = asyncio.ensure_future(run_one(slow, timeout(60, then=1)))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_inside_a_retry_each_attempt_has_its_own_time():
    """The error is what is retried."""
    started, recorder = [], Recorder()

    async def slow_at_first():
        started.append(1)
        return await (forever() if len(started) < 3 else quick())

    adapters = (timeout(BRIEFLY), retry_on(TimeoutError, RetryFixed(5)))
    result, node = await run_one(slow_at_first, *adapters, observers=[recorder])
    assert result[node] == 7
    assert [event.number for event in recorder.of(AttemptStarted)] == [1, 2, 3]


async def test_outside_a_retry_it_bounds_all_attempts_and_their_waits():
    """Here it is the wait that is cut off."""

    async def refuses():
        raise OSError("no")

    adapters = (retry_on(OSError, RetryForever(delay=3600)), timeout(BRIEFLY))
    with pytest.raises(TimeoutError, match="'root' was not done within 0.01 seconds"):
        await run_one(refuses, *adapters)


async def test_a_retry_may_act_on_what_it_answers():
    """An answer RETRY makes the task one that may be retried, though it is declared to return a value."""
    started = []

    async def slow_at_first() -> int:
        started.append(1)
        return await (forever() if len(started) < 2 else quick())

    result, node = await run_one(slow_at_first, timeout(BRIEFLY, then=StepResult.retry()), retry(RetryFixed(1)))
    assert result[node] == 7
    with pytest.raises(RegistrationError, match="retry-never"):
        task(slow_at_first, adapters=(timeout(1, then=StepResult.failure()), retry(RetryFixed(1))))


async def test_what_was_written_by_then_is_gone():
    """And the handle refuses to be used afterwards."""
    handles = []

    async def fill(out):
        out.set(1)
        handles.append(out)
        await forever()

    tree = TaskTree("t")
    node = tree.root(task_into(fill, adapters=(timeout(BRIEFLY, then=StepResult.abort_branch()),)))
    result = await run_plan(compile_plan(tree))
    assert node not in result
    with pytest.raises(ResultError, match="closed-slot"):
        handles[0].set(2)


async def test_around_the_other_kinds_of_task():
    """A forwarded object goes on, a consumed one is gone, a method counts as what its class defines."""

    async def change(items):
        items.append(2)
        await forever()

    class Slow:
        async def work(self):
            await forever()

    def root():
        return TaskTree("t").root(lambda: [1])

    cut = timeout(BRIEFLY, then=StepResult.success())
    node = root().child(task_forward_prev(change, borrow_prev_mut(), adapters=(cut,)))
    assert [1, 2] == (await run_plan(compile_plan(node.tree)))[node]
    node = root().child(change, consume_prev(), adapters=(timeout(BRIEFLY, then=3),))
    assert (await run_plan(compile_plan(node.tree)))[node] == 3
    node = root().child(task_member(Slow.work, value(Slow()), adapters=(timeout(BRIEFLY, then=4),)))
    assert (await run_plan(compile_plan(node.tree)))[node] == 4


async def test_a_resource_that_takes_too_long_to_enter():
    """It was never entered, so it is not exited."""
    log = []

    @asynccontextmanager
    async def connect():
        try:
            await forever()
            yield 1
        finally:
            log.append("left")

    tree = TaskTree("t")
    tree.root(connect, managed=True, adapters=(timeout(BRIEFLY),))
    with pytest.raises(TimeoutError):
        await run_plan(compile_plan(tree))
    assert log == ["left"]


async def test_a_resource_that_was_entered_before_the_time_was_up():
    """An adapter between the two may have waited on; the resource is exited before the answer is given."""
    log = []

    class Waits:
        def traits(self, traits):
            return traits

        def wrap(self, call):
            async def waits(attempt):
                await call(attempt)
                log.append("entered")
                await forever()

            return waits

    @asynccontextmanager
    async def connect():
        yield 1
        log.append("exited")

    tree = TaskTree("t")
    node = tree.root(connect, managed=True, adapters=(Waits(), timeout(BRIEFLY, then=2)))
    assert (await run_plan(compile_plan(tree)))[node] == 2
    assert log == ["entered", "exited"]


def plain():
    return 1


@contextmanager
def manager():
    yield 1


class AsyncManager:
    """Made by a call of its class."""

    async def __aenter__(self): ...
    async def __aexit__(self, *error): ...


class Job:
    """Can be awaited."""

    def __await__(self):
        yield from ()


def gives_job() -> Job:
    return Job()


@asynccontextmanager
async def unannotated():
    yield 1


@pytest.mark.parametrize("adapters", [(), (catch_as_failure(),), (to_thread(),)])
def test_what_cannot_be_stopped_is_refused(adapters):
    """A plain function, in a thread or not."""
    with pytest.raises(RegistrationError, match="timeout-blocking"):
        task(plain, adapters=(*adapters, timeout(1)))


@pytest.mark.parametrize("fn", [manager, plain])
def test_a_resource_that_blocks_is_refused(fn):
    """Entering it cannot be stopped."""
    with pytest.raises(RegistrationError, match="timeout-blocking"):
        task(fn, managed=True, adapters=(timeout(1),))


@pytest.mark.parametrize("fn", [AsyncManager, unannotated])
def test_a_resource_that_is_entered_async_can_be_stopped(fn):
    """Where its class or its function says so."""
    assert task(fn, managed=True, adapters=(timeout(1),)).traits.stops


@pytest.mark.parametrize("fn", [quick, Job, gives_job])
def test_what_is_awaited_can_be_stopped(fn):
    """Also what is only annotated to be."""
    assert task(fn, adapters=(timeout(1),)).traits.stops


def test_a_thread_that_may_be_abandoned_can_be_stopped():
    """As far as the run is concerned."""
    assert task(plain, adapters=(to_thread(abandon_on_cancel=True), timeout(1))).traits.stops


@pytest.mark.parametrize("then", [3, TaskResult.success(3)])
def test_a_value_that_has_no_place_is_refused(then):
    """Where the output is not what the task returns."""

    async def nothing() -> None: ...
    async def fill(out): ...

    with pytest.raises(RegistrationError, match="timeout.* may answer .*3.* declared to return None \\[answer-value\\]"):
        task(nothing, adapters=(timeout(1, then=then),))
    with pytest.raises(RegistrationError, match="the output of a task_into is not what it returns \\[answer-value\\]"):
        task_into(fill, adapters=(timeout(1, then=then),))


@pytest.mark.parametrize("then", [None, StepResult.success()])
def test_a_direct_output_cannot_be_left_out(then):
    """What was written is gone by then."""

    async def fill(out): ...

    with pytest.raises(RegistrationError, match="answer-value"):
        task_into(fill, adapters=(timeout(1, then=then),))


def test_what_it_answers_is_part_of_the_type():
    """A child that reads it has to be ready for both."""

    async def number() -> int:
        return 1

    tree = TaskTree("t")
    tree.root(number, adapters=(timeout(1, then="none"),)).child(lambda x: x, borrow_prev(int), name="reads")
    with pytest.raises(Exception, match="asks for int, but the output of 'number' is int | str \\[type-mismatch\\]"):
        compile_plan(tree)
    assert task(number, adapters=(timeout(1, then=True),)).output.type is int


@pytest.mark.parametrize("seconds", [-1, math.nan, "1", None, True])
def test_what_is_no_time_is_refused_where_it_is_written(seconds):
    """A number of seconds, 0 or more."""
    with pytest.raises(ValueError, match="^the time must be a number of seconds, 0 or more, not "):
        timeout(seconds)


def test_a_function_is_no_answer():
    """Nobody would call it."""
    with pytest.raises(TypeError, match=r"as it is, and not called; put fallback\(task"):
        timeout(1, then=lambda: 3)


@pytest.mark.parametrize("optimize", [None, True])
def test_without_a_loop_it_is_refused(optimize):
    """Before anything runs."""
    tree = TaskTree("t")
    tree.root(gives_job, adapters=(timeout(1),))
    plan = compile_plan(tree, optimize=optimize)
    with pytest.raises(SetupError, match="gives_job: is wrapped in timeout, which run_sync cannot await \\[not-sync\\]"):
        run_sync(plan)
    with pytest.raises(ValueError, match="cannot be run without an event loop: 'gives_job' is wrapped in timeout"):
        plan.source(sync=True)


def test_its_name_in_pictures():
    """As it is written."""
    tree = TaskTree("t")
    tree.root(quick, adapters=(timeout(1),))
    assert str(compile_plan(tree)).splitlines()[1] == "quick() [timeout]"
