"""However a concurrent run ends, every node has ended before, and every error is told."""

import gc
import sys
from contextlib import asynccontextmanager
from time import perf_counter
from weakref import ref

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    Concurrent,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    OutputMissing,
    ResultError,
    RetryForever,
    RunEnded,
    SerialDfs,
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    copy_prev,
    retry,
    run,
    run_plan,
    value,
)
from yorch_async.testing import Recorder

pytestmark = [pytest.mark.anyio, pytest.mark.as_compiled]

CONTINUE = Concurrent(on_failure="continue")


async def forever():
    await anyio.sleep_forever()


def raises(error, *, after=None):
    """Make a task that raises, at once or when something has happened."""

    async def fail():
        if after is not None:
            await after.wait()
        raise error

    return fail


def noted(path, plan="t"):
    return [f"in node '{path}' of plan '{plan}'"]


async def test_errors_come_in_one_group_in_the_order_of_registration():
    """Whichever was first; each names its node."""
    event, one, two, three = anyio.Event(), ValueError("one"), KeyError("two"), OSError("three")

    async def last():
        event.set()
        raise three

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(raises(one, after=event), name="one")
    root.child(raises(two, after=event), name="two")
    root.child(last, name="three")
    with pytest.raises(ExceptionGroup, match=r"^3 errors in plan 't'$") as caught:
        await run_plan(compile_plan(tree), execution=CONTINUE)
    assert (one, two, three) == caught.value.exceptions
    assert [noted("root/one"), noted("root/two"), noted("root/three")] == [error.__notes__ for error in (one, two, three)]


async def test_one_error_comes_in_a_group_as_well():
    """The type never depends on timing."""
    error = ValueError("broken")
    tree = TaskTree("t")
    tree.root(raises(error), name="root")
    with pytest.raises(ExceptionGroup, match=r"^1 error in plan 't'$") as caught:
        await run_plan(compile_plan(tree), execution=Concurrent())
    assert (error,) == caught.value.exceptions


async def test_an_error_cancels_the_siblings_and_waits_for_them():
    """What they do to clean up is done when the run ends."""
    log = []

    async def cleans_up():
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            log.append("clean")

    tree = TaskTree()
    root = tree.root(lambda: None)
    for _ in range(3):
        root.child(cleans_up)
    root.child(raises(ValueError("broken")))
    root.child(lambda: log.append("never"))
    with pytest.RaisesGroup(ValueError):
        await run_plan(compile_plan(tree), execution=Concurrent())
    assert ["clean"] * 3 == log


async def test_an_error_that_is_raised_while_a_node_is_cancelled_is_not_lost():
    """It comes beside the first one."""

    async def fails_to_clean_up():
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("disk full")

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(fails_to_clean_up, name="one")
    root.child(raises(ValueError("broken")), name="two")
    with pytest.RaisesGroup(OSError, ValueError) as caught:
        await run_plan(compile_plan(tree), execution=Concurrent())
    assert [noted("root/one"), noted("root/two")] == [error.__notes__ for error in caught.value.exceptions]


async def test_the_same_exception_object_in_two_nodes():
    """Is told twice, and names both."""
    error = ValueError("shared")
    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(raises(error), name="one")
    root.child(raises(error), name="two")
    with pytest.raises(ExceptionGroup) as caught:
        await run_plan(compile_plan(tree), execution=CONTINUE)
    assert (error, error) == caught.value.exceptions
    assert noted("root/one") + noted("root/two") == error.__notes__


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("policy", [Concurrent(), CONTINUE])
async def test_what_ends_the_program_ends_the_run(error, policy):
    """Under either policy, as a group that no `except Exception` catches."""
    log = []
    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(forever)
    root.child(raises(error()), name="one")
    root.child(lambda: log.append("never"))
    with pytest.raises(BaseExceptionGroup) as caught:
        await run_plan(compile_plan(tree), execution=policy)
    assert not isinstance(caught.value, ExceptionGroup)
    assert error is type(caught.value.exceptions[0])
    assert [] == log


@pytest.mark.parametrize("status", [StepStatus.FAILURE, StepStatus.RETRY, StepStatus.ABORT_EXECUTION])
async def test_a_status_that_ends_the_run_cancels_the_siblings(status):
    """And is the status of the run; the failure says where."""
    log = []
    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(forever, name="waits")
    root.child(lambda: StepResult(status, "because"), name="bad")
    root.child(lambda: log.append("never"))
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert (status, "because") == (result.status, result.step.reason)
    assert ["root/bad"] == [failure.path for failure in result.failures]
    assert [] == log


async def test_a_failure_cuts_off_its_own_subtree_alone():
    """With on_failure="continue": all else runs, then the run ends as FAILURE, with all failures in order."""
    log = []

    async def fails_late():
        await checkpoint()
        return StepResult.failure("late")

    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    root.child(fails_late, name="late").child(lambda: log.append("below late"))
    root.child(StepResult.retry, name="retry").child(lambda: log.append("below retry"))
    good = root.child(lambda x: x, borrow_prev(), name="good")
    good.child(lambda: log.append("below good"), name="leaf")
    result = await run_plan(compile_plan(tree), execution=CONTINUE)
    assert ["below good"] == log
    assert (StepStatus.FAILURE, "late") == (result.status, result.step.reason)
    assert ["root/late", "root/retry"] == [failure.path for failure in result.failures]
    assert result["leaf"] is None


async def test_what_is_missing_says_which_failure_is_above():
    """Not the first one of several."""
    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    root.child(lambda: StepResult.failure("one"), name="one")
    root.child(lambda: StepResult.failure("two"), name="two").child(lambda: 1, name="leaf")
    result = await run_plan(compile_plan(tree), execution=CONTINUE)
    with pytest.raises(OutputMissing, match="no output of 'root/two/leaf': the run ended with FAILURE at 'root/two'"):
        _ = result["leaf"]


async def test_abort_execution_ends_the_run_whatever_its_policy():
    """It says so by its name."""
    log = []
    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    root.child(lambda: StepResult.failure("first"), name="first")
    root.child(forever, name="waits")
    root.child(StepResult.abort_execution, name="abort")
    root.child(lambda: log.append("never"))
    result = await run_plan(compile_plan(tree), execution=CONTINUE)
    assert StepStatus.ABORT_EXECUTION is result.status
    assert ["root/first", "root/abort"] == [failure.path for failure in result.failures]
    assert [] == log


async def test_errors_and_failures_at_the_same_time():
    """The group is raised, and its notes tell of the failures."""
    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    root.child(lambda: StepResult.failure("unwilling"), name="one")
    root.child(raises(ValueError("broken")), name="two")
    with pytest.RaisesGroup(ValueError) as caught:
        await run_plan(compile_plan(tree), execution=CONTINUE)
    (note,) = caught.value.__notes__
    assert note.startswith("another node did not succeed: root/one: FAILURE (1 attempt, ")
    assert note.endswith(" into the run): unwilling")


async def test_several_failures_at_the_same_moment():
    """All are in the result, though the first one decides."""

    async def unwilling(number):
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            return StepResult.failure(f"number {number}")

    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    for number in range(3):
        root.child(unwilling, value(number), name=f"n{number}", output=StepResult)
    root.child(lambda: StepResult.abort_execution("first"), name="first")
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert (StepStatus.ABORT_EXECUTION, "first") == (result.status, result.step.reason)
    assert ["number 0", "number 1", "number 2", "first"] == [failure.reason for failure in result.failures]


async def test_the_root_decides_alone():
    """Its own abort of the branch is the run's status, and no error."""
    tree = TaskTree("t")
    tree.root(StepResult.abort_branch).child(forever)
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert StepStatus.ABORT_BRANCH is result.status
    assert () == result.failures


async def test_a_copy_that_cannot_be_staged_is_an_error_of_the_parent():
    """No child has run."""
    log = []

    class Unique:
        def __deepcopy__(self, memo):
            raise OSError("no copies")

    from yorch_async import Fanout, consume_prev  # noqa: PLC0415 - used here alone

    tree = TaskTree("t")
    root = tree.root(Unique, name="root", fanout=Fanout.CONSUME_WITH_COPIES)
    root.child(log.append, consume_prev())
    root.child(log.append, copy_prev())
    with pytest.RaisesGroup(OSError) as caught:
        await run_plan(compile_plan(tree), execution=Concurrent())
    assert noted("root") == caught.value.exceptions[0].__notes__
    assert [] == log


async def test_cancelling_from_outside_ends_all_nodes():
    """Each of them; and those that wait between retries."""
    log = []

    async def waits(number):
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            log.append(number)
            raise

    tree = TaskTree()
    root = tree.root(lambda: None)
    for number in range(5):
        root.child(waits, value(number))
    root.child(StepResult.retry, output=StepResult, adapters=[retry(RetryForever(delay=3600.0))])
    plan = compile_plan(tree)
    async with anyio.create_task_group() as group:
        group.start_soon(run_with, plan)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert [*range(5)] == sorted(log)


async def run_with(plan, **options):
    await run_plan(plan, execution=Concurrent(), **options)


@pytest.mark.parametrize("managed", [False, True])
@pytest.mark.parametrize("place", [0, 1])
async def test_an_error_while_the_run_is_cancelled_from_outside_wins(managed, place):
    """As in a task group: it would be lost otherwise. Whoever raises it, and also where there are resources to be exited."""

    async def fails_to_clean_up():
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("disk full")

    @asynccontextmanager
    async def resource():
        yield

    tree = TaskTree()
    root = tree.root(resource, managed=True, keep=True) if managed else tree.root(lambda: None)
    for number in range(3):
        root.child(fails_to_clean_up if number == place else forever)
    plan = compile_plan(tree)
    with pytest.RaisesGroup(pytest.RaisesGroup(OSError)):
        async with anyio.create_task_group() as group:
            group.start_soon(run_with, plan)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()


async def test_a_node_whose_own_await_was_cancelled():
    """Nobody has cancelled the run, so this is an error of the node; asyncio alone can do that."""
    asyncio = asyncio_or_skip()

    async def awaits_something_cancelled():
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(awaits_something_cancelled, name="odd").child(forever)
    root.child(lambda: 1, name="other")
    with pytest.RaisesGroup(
        pytest.RaisesExc(ResultError, match=r"^root/odd: ended as cancelled, though nobody has")
    ) as caught:
        await run_plan(compile_plan(tree), execution=CONTINUE)
    assert isinstance(caught.value.exceptions[0].__cause__, asyncio.CancelledError)


def asyncio_or_skip():
    asyncio = sys.modules["asyncio"]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pytest.skip("asyncio alone")
    return asyncio


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_node_that_raises_a_cancellation_that_it_has_kept(limit):
    """As a cache that remembers how its first caller ended: nobody has cancelled the run, so this is an error of the node."""
    kept, log = [], []

    async def first():
        with anyio.move_on_after(0):
            try:
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class() as cancelled:
                kept.append(cancelled)
                raise

    async def second():
        await checkpoint()
        raise kept[0]

    tree = TaskTree("t")
    root = tree.root(first, name="root")
    root.child(second, name="second").child(lambda: log.append("never"))
    root.child(second, name="third")
    with pytest.RaisesGroup(*[pytest.RaisesExc(ResultError, match="ended as cancelled, though nobody")] * 2):
        await run_plan(compile_plan(tree), execution=Concurrent(max_concurrency=limit, on_failure="continue"))
    assert [] == log


async def test_an_error_that_somebody_keeps_keeps_no_output():
    """Its traceback leads into the run, which has given everything away."""

    class Big:
        pass

    def fails():
        raise ValueError("broken")

    tree = TaskTree("t")
    root = tree.root(lambda: None)
    root.child(Big, name="big")
    root.child(fails, adapters=[catch_as_failure()], name="bad")
    result = await run_plan(compile_plan(tree), execution=CONTINUE)
    error, big = result.failures[0].error, ref(result["big"])
    gc.disable()
    try:
        del result
        assert big() is None
    finally:
        gc.enable()
    assert str(error) == "broken"


@pytest.mark.parametrize("waits", [False, True])
async def test_a_node_that_cancels_its_own_task(waits):
    """It harms no other node: its task takes none."""
    asyncio = asyncio_or_skip()
    seen = []

    async def cancels_itself():
        seen.append("begun")
        asyncio.current_task().cancel()
        if waits:
            await checkpoint()

    async def other():
        await checkpoint()
        seen.append("other")

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(other)
    root.child(cancels_itself, name="odd")
    root.child(other)
    if waits:
        with pytest.RaisesGroup(pytest.RaisesExc(ResultError, match="^root/odd: ended as cancelled")):
            await run_plan(compile_plan(tree), execution=CONTINUE)
    else:
        await run_plan(compile_plan(tree), execution=CONTINUE)
    assert ["begun", "other", "other"] == seen


async def test_a_native_cancellation_that_a_node_swallows_still_ends_the_run():
    """`Task.cancel()` comes once; which of the nodes happens to get it must not matter."""
    asyncio = asyncio_or_skip()
    log = []

    async def stubborn():
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            log.append("swallowed")

    async def polite():
        await checkpoint()
        log.append("never")

    tree = TaskTree()
    root = tree.root(lambda: None)
    root.child(stubborn).child(polite)
    root.child(forever)
    task = asyncio.get_running_loop().create_task(run_plan(compile_plan(tree), execution=Concurrent()))
    await anyio.wait_all_tasks_blocked()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["swallowed"] == log


async def test_a_node_that_succeeds_though_it_was_cancelled():
    """It was too late: nothing follows it."""
    log = []

    async def stubborn():
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            return "swallowed"

    tree = TaskTree()
    root = tree.root(lambda: None)
    root.child(stubborn).child(lambda: log.append("never"))
    root.child(stubborn)
    root.child(raises(ValueError("broken")))
    with pytest.RaisesGroup(ValueError):
        await run_plan(compile_plan(tree), execution=Concurrent())
    assert [] == log


async def test_a_runner_that_somebody_cancels_between_nodes():
    """Nobody has cancelled the run, which says so."""
    asyncio = asyncio_or_skip()
    event = anyio.Event()

    def busy():
        until = perf_counter() + 0.003
        while perf_counter() < until:
            pass

    async def meddler():
        for task in asyncio.all_tasks():
            if task.get_name() == "t":
                task.cancel()
        event.set()

    tree = TaskTree("t")
    root = tree.root(lambda: None)
    root.child(event.wait)
    root.child(lambda: bool(group.start_soon(meddler)))
    for _ in range(50):
        root.child(busy)
    async with anyio.create_task_group() as group:
        with pytest.RaisesGroup(pytest.RaisesExc(ResultError, match=r"ended as cancelled, though nobody")):
            await run_plan(compile_plan(tree), execution=Concurrent())


async def test_a_cancellation_that_reaches_the_caller_s_node_too_late():
    """Because that is shielded, as one that waits for a thread: the others are cancelled at once, and then the run ends by it."""
    event, log = anyio.Event(), []

    async def shielded():
        with anyio.CancelScope(shield=True):
            await event.wait()

    async def waits():
        try:
            await anyio.sleep_forever()
        finally:
            log.append("cancelled")
            event.set()

    tree = TaskTree()
    root = tree.root(lambda: None)
    root.child(shielded)
    root.child(waits)
    plan = compile_plan(tree)

    async def run_it():
        await run_plan(plan, execution=Concurrent())
        log.append("never")

    async with anyio.create_task_group() as group:
        group.start_soon(run_it)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert ["cancelled"] == log


async def test_a_scope_s_cancellation_that_a_node_swallows_comes_again():
    """And the scope recognises it as its own."""
    log = []

    async def stubborn():
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            log.append("swallowed")

    async def polite():
        await checkpoint()
        log.append("never")

    tree = TaskTree()
    root = tree.root(lambda: None)
    for _ in range(3):
        root.child(stubborn).child(polite)
    plan = compile_plan(tree)
    async with anyio.create_task_group() as group:
        group.start_soon(run_with, plan)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert ["swallowed"] * 3 == log


async def test_runners_that_somebody_cancels_before_they_have_begun():
    """The nodes are run all the same."""
    asyncio = asyncio_or_skip()
    log = []

    async def cancels_the_spare():
        for task in asyncio.all_tasks():
            if task.get_name() == "t":
                task.cancel()
        await checkpoint()

    tree = TaskTree("t")
    root = tree.root(lambda: None)
    root.child(cancels_the_spare)
    for number in range(3):
        root.child(lambda number=number: log.append(number))
    assert (await run_plan(compile_plan(tree), execution=Concurrent())).ok
    assert [0, 1, 2] == sorted(log)


async def test_a_run_inside_a_run():
    """Cancelling the outer one ends the inner one first."""
    log, event = [], anyio.Event()

    async def waits():
        try:
            await anyio.sleep_forever()
        finally:
            log.append("inner")

    inner_tree = TaskTree("inner")
    inner_root = inner_tree.root(lambda: None)
    inner_root.child(waits)
    inner_root.child(waits)
    inner_root.child(lambda: event.set())
    inner = compile_plan(inner_tree)
    tree = TaskTree("outer")
    root = tree.root(lambda: None)
    root.child(run_with, value(inner))
    root.child(raises(ValueError("broken"), after=event))
    with pytest.RaisesGroup(ValueError):
        await run_plan(compile_plan(tree), execution=Concurrent())
    assert ["inner", "inner"] == log


@pytest.mark.parametrize("policy", [Concurrent(), None])
@pytest.mark.parametrize("observed", [False, True])
async def test_a_timeout_ends_the_run(policy, observed):
    """As TimeoutError, which says where the run was."""
    recorder = Recorder()
    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(forever, name="waits")
    options = {} if policy is None else {"execution": policy}
    if policy is not None:
        root.child(forever, name="waits too")
    with pytest.raises(TimeoutError) as caught:
        await run_plan(compile_plan(tree), timeout=0.01, observers=[recorder] if observed else (), **options)
    where = "'root/waits'" if policy is None else "'root/waits', 'root/waits too'"
    assert f"plan 't' was not done after its timeout of 0.01 s; it was at {where}" == str(caught.value)
    assert [caught.value] * observed == [event.error for event in recorder.of(RunEnded)]


@pytest.mark.parametrize("policy", [Concurrent(), SerialDfs()])
async def test_a_timeout_says_which_resource_it_waited_for(policy):
    """Also when that is being exited at the end."""

    @asynccontextmanager
    async def slow_to_exit():
        yield
        await anyio.sleep_forever()

    tree = TaskTree("t")
    tree.root(lambda: None, name="root").child(slow_to_exit, managed=True, keep=True, name="resource")
    with pytest.raises(TimeoutError, match="it was at 'root/resource'$"):
        await run_plan(compile_plan(tree), timeout=0.01, execution=policy)


async def test_a_timeout_that_is_not_reached_changes_nothing():
    """Neither does one that is infinite."""
    tree = TaskTree()
    root = tree.root(lambda: 1)
    plan = compile_plan(tree)
    for seconds in (60, float("inf")):
        assert 1 == (await run_plan(plan, timeout=seconds))[root]
    assert 1 == (await run_plan(plan, timeout=60, execution=Concurrent()))[root]


async def test_an_error_after_the_timeout_is_not_lost():
    """It comes instead of the TimeoutError, and says that the time was up."""

    async def fails_to_clean_up():
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("disk full")

    tree = TaskTree("t")
    tree.root(fails_to_clean_up)
    with pytest.raises(OSError, match="disk full") as caught:
        await run_plan(compile_plan(tree), timeout=0.01)
    assert "raised while plan 't' was being cancelled, after its timeout of 0.01 s" in caught.value.__notes__


async def test_a_timeout_does_not_hide_who_has_failed():
    """Its notes say so, as those of any error that ends a run in place of a result."""
    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(lambda: StepResult.failure("unwilling"), name="bad")
    root.child(forever, name="waits")
    with pytest.raises(TimeoutError, match="it was at 'root/waits'") as caught:
        await run_plan(compile_plan(tree), timeout=0.01, execution=CONTINUE)
    (note,) = caught.value.__notes__
    assert note.startswith("another node did not succeed: root/bad: FAILURE (1 attempt, ")


async def test_a_node_that_raises_generator_exit():
    """As one that drives a generator which somebody closes: an error like others, which ends the run."""

    async def other():
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("broken")

    async def closed():
        await checkpoint()
        raise GeneratorExit

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(other, name="other")
    root.child(closed, name="closed")
    with pytest.RaisesGroup(ValueError, GeneratorExit):
        await run_plan(compile_plan(tree), execution=CONTINUE)


async def test_a_run_that_is_closed_while_a_node_waits():
    """As the collector would: the node is closed, and nothing else begins."""
    asyncio, log = asyncio_or_skip(), []  # trio's scopes do not forgive it, wherever it is done

    class Pause:
        def __await__(self):
            yield self

    async def waits():
        try:
            await Pause()
        finally:
            log.append("closed")

    tree = TaskTree("t")
    tree.root(waits).child(lambda: log.append("never"))

    async def closes():
        coroutine = run_plan(compile_plan(tree), execution=Concurrent())
        coroutine.send(None)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):  # a task group cannot end without waiting
            coroutine.close()

    await asyncio.get_running_loop().create_task(closes())  # of its own, because its scopes are in disorder then
    assert ["closed"] == log


async def test_an_error_before_the_timeout_is_none_of_its_business():
    """Nothing is added to it."""
    tree = TaskTree("t")
    tree.root(raises(ValueError("broken")), name="root")
    with pytest.raises(ValueError, match="broken") as caught:
        await run_plan(compile_plan(tree), timeout=60)
    assert noted("root") == caught.value.__notes__


@pytest.mark.parametrize("timeout", [-1, float("nan"), "1", True])
async def test_a_timeout_is_a_number_of_seconds(timeout):  # noqa: ASYNC109 - it is what is tested
    """Nothing else."""
    tree = TaskTree()
    tree.root(int)
    with pytest.raises(ValueError, match=f"^timeout must be a number of seconds, 0 or more, or None, not {timeout!r}$"):
        await run_plan(compile_plan(tree), timeout=timeout)


def test_a_timeout_without_a_loop_running():
    """`run` takes one as well."""
    tree = TaskTree("t")
    tree.root(forever, name="waits")
    with pytest.raises(TimeoutError, match="^plan 't' was not done after its timeout of 0.01 s; it was at 'waits'$"):
        run(compile_plan(tree), timeout=0.01)


async def test_observers_are_told_of_every_node():
    """That it has ended, or that it was skipped, and because of which one."""
    recorder, event = Recorder(), anyio.Event()

    async def fails():
        await event.wait()
        return StepResult.failure()

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(fails, name="bad").child(lambda: None, name="one")
    root.child(StepResult.abort_branch, name="cut").child(lambda: None, name="two")
    root.child(lambda: event.set(), name="good")
    root.child(forever, name="waits").child(lambda: None, name="three")
    await run_plan(compile_plan(tree), execution=Concurrent(), observers=[recorder])
    started = [event.path for event in recorder.of(NodeStarted)]
    ended = {event.path: event.status for event in recorder.of(NodeEnded)}
    skipped = {event.path: event.because for event in recorder.of(NodeSkipped)}
    assert set(started) == set(ended) == {"root", "root/bad", "root/cut", "root/good", "root/waits"}
    assert {"root/bad/one": "root/bad", "root/cut/two": "root/cut", "root/waits/three": "root/bad"} == skipped
    assert ended["root/waits"] is None
    assert StepStatus.FAILURE is recorder.of(RunEnded)[0].status


@pytest.mark.parametrize("kind", [NodeStarted, NodeEnded, NodeSkipped])
async def test_an_observer_that_raises_ends_the_run_at_that_node(kind):
    """With its error, and with those of the nodes."""

    def observer(event):
        if isinstance(event, kind):
            raise RuntimeError(f"observer of {event.path}")

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(raises(ValueError("broken")), name="bad").child(lambda: None, name="below")
    errors = [RuntimeError, ValueError] if kind is NodeSkipped else [RuntimeError]
    with pytest.RaisesGroup(*errors):
        await run_plan(compile_plan(tree), execution=Concurrent(), observers=[observer])


@pytest.mark.parametrize("policy", [Concurrent(), CONTINUE])
async def test_an_observer_that_raises_because_a_node_is_left_out(policy):
    """Its error comes beside that of the node."""

    def observer(event):
        if isinstance(event, NodeSkipped):
            raise RuntimeError("observer")

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(raises(ValueError("broken")), name="bad").child(lambda: None, name="below")
    with pytest.RaisesGroup(ValueError, RuntimeError) as caught:
        await run_plan(compile_plan(tree), execution=policy, observers=[observer])
    assert [noted("root/bad")] * 2 == [error.__notes__ for error in caught.value.exceptions]


async def test_a_resultless_answer_is_refused_at_its_node():
    """What breaks a rule is an error like any other."""
    tree = TaskTree("t")
    root = tree.root(lambda: StepResult.success(), name="root")
    root.child(lambda x: x, borrow_prev())
    with pytest.RaisesGroup(pytest.RaisesExc(ResultError, match=r"^root: .* \[no-output\]")):
        await run_plan(compile_plan(tree), execution=Concurrent())


async def test_adapters_see_what_they_see_elsewhere():
    """A caught error is a failure that carries it, with the number of attempts."""
    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(raises(ValueError("broken")), name="bad", adapters=[catch_as_failure()])
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    (failure,) = result.failures
    assert ("root/bad", 1, "broken") == (failure.path, failure.attempts, str(failure.error))
