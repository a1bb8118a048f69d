"""`fallback`: another task, or a value, when a task does not succeed."""

import anyio
import pytest

from yorch_async import (
    AttemptStarted,
    NodeEnded,
    PlanError,
    RegistrationError,
    ResultError,
    RetryFixed,
    RetryFixedPassthrough,
    RetryWaiting,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    fallback,
    from_ctx,
    retry,
    retry_on,
    run_plan,
    run_sync,
    task,
    task_forward_prev,
    timeout,
    to_thread,
    value,
)
from yorch_async import borrow_prev_mut as borrow_mut
from yorch_async.testing import Recorder, scripted

pytestmark = pytest.mark.anyio

BROKEN = ValueError("broken")
AGAIN = StepResult.retry("not yet")


@pytest.fixture(params=[False, True], ids=["interpreted", "generated"])
def optimize(request):
    """Both ways in which a plan is run."""
    return request.param


async def answer_of(fn, *adapters, optimize=None, observers=(), **options):
    """Run one task alone; its result and its node."""
    tree = TaskTree("t")
    node = tree.root(task(fn, adapters=adapters, name="root", **options))
    return await run_plan(compile_plan(tree, optimize=optimize), observers=observers), node


@pytest.mark.parametrize("how", [BROKEN, AGAIN, TaskResult.retry(), StepResult.failure("no"), TaskResult.failure("no")])
@pytest.mark.parametrize(
    ("answer", "status", "output"),
    [
        (3, StepStatus.SUCCESS, 3),
        (None, StepStatus.SUCCESS, None),
        (TaskResult.success(None), StepStatus.SUCCESS, None),
        (StepResult.abort_branch(), StepStatus.ABORT_BRANCH, ...),
        (StepResult.failure("another"), StepStatus.FAILURE, ...),
        (task(lambda: 3), StepStatus.SUCCESS, 3),
        (task(scripted(TaskResult.success(None))), StepStatus.SUCCESS, None),
        (task(scripted(StepResult.abort_execution())), StepStatus.ABORT_EXECUTION, ...),
        (task(scripted(StepResult.retry())), StepStatus.RETRY, ...),
    ],
    ids=repr,
)
async def test_what_is_no_success_is_answered_otherwise(how, answer, status, output, optimize):
    """Whether it raised or said so; by a value or by another task."""
    result, node = await answer_of(scripted(how), fallback(answer), optimize=optimize)
    assert result.status is status
    assert (result[node] if output is not ... else ...) == output


@pytest.mark.parametrize("how", [7, None, TaskResult.success(7), StepResult.abort_branch(), StepResult.abort_execution()])
async def test_a_success_and_an_abort_are_left_as_they_are(how, optimize):
    """Nothing else is called."""
    calls = []
    result, _ = await answer_of(scripted(how), fallback(task(lambda: calls.append(1))), optimize=optimize)
    assert result.status is (how.status if isinstance(how, StepResult) else StepStatus.SUCCESS)
    assert calls == []


async def test_the_other_task_may_be_async():
    """As any task."""

    async def later():
        await anyio.lowlevel.checkpoint()
        return 3

    result, node = await answer_of(scripted(BROKEN), fallback(task(later)))
    assert result[node] == 3


async def test_its_exception_propagates_with_the_first_as_context(optimize):
    """Nothing is lost."""
    other = KeyError("other")
    with pytest.raises(KeyError) as caught:
        await answer_of(scripted(BROKEN), fallback(task(scripted(other))), optimize=optimize)
    assert caught.value is other
    assert caught.value.__context__ is BROKEN
    assert caught.value.__notes__ == ["in node 'root' of plan 't'"]


async def test_only_the_named_exceptions_count(optimize):
    """Others pass; statuses count always."""
    only = fallback(3, on=(KeyError, OSError))
    with pytest.raises(ValueError, match="broken"):
        await answer_of(scripted(BROKEN), only, optimize=optimize)
    result, node = await answer_of(scripted(KeyError()), only, optimize=optimize)
    assert result[node] == 3
    result, node = await answer_of(scripted(StepResult.failure(error=BROKEN)), only, optimize=optimize)
    assert result[node] == 3


async def test_cancellation_passes():
    """It is no failure."""
    calls = []
    with anyio.move_on_after(0.01) as scope:
        await answer_of(anyio.sleep_forever, fallback(task(lambda: calls.append(1))))
    assert scope.cancelled_caught
    assert calls == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
async def test_what_is_no_exception_of_a_program_passes(error):
    """As everywhere."""
    with pytest.raises(type(error)):
        await answer_of(scripted(error), fallback(3))


async def test_after_a_retry_that_has_given_up():
    """It comes when the attempts are used up, whatever the policy makes of that."""
    for policy in (RetryFixed(1), RetryFixedPassthrough(1)):
        recorder = Recorder()
        adapters = (retry(policy), fallback(task(lambda: 3)))
        result, node = await answer_of(scripted(AGAIN), *adapters, observers=[recorder])
        assert result[node] == 3
        assert [event.number for event in recorder.of(AttemptStarted)] == [1, 2, 3]
        assert [event.attempts for event in recorder.of(NodeEnded)] == [3]


async def test_before_a_retry_both_are_tried_each_time():
    """The retry repeats the whole of it; the counts go on."""
    recorder = Recorder()
    adapters = (fallback(task(scripted(OSError(), OSError(), 3))), retry_on(OSError, RetryFixed(5)))
    result, node = await answer_of(scripted(BROKEN), *adapters, observers=[recorder])
    assert result[node] == 3
    assert [event.number for event in recorder.of(AttemptStarted)] == [1, 2, 3, 4, 5, 6]
    assert [event.attempts for event in recorder.of(RetryWaiting)] == [2, 4]


async def test_the_other_task_has_adapters_of_its_own(optimize):
    """They see its attempts alone, and what the run counts goes on."""
    seen, recorder = [], Recorder()

    class Look:
        def wrap(self, call):
            async def look(attempt):
                seen.append((attempt.path, attempt.number))
                return await call(attempt)

            return look

    other = task(
        scripted(OSError(), AGAIN, 3), adapters=(Look(), retry_on(OSError, RetryFixedPassthrough(1)), retry(RetryFixed(2)))
    )
    result, node = await answer_of(scripted(BROKEN), fallback(other), observers=[recorder], optimize=optimize)
    assert result[node] == 3
    assert seen == [("root", 0), ("root", 1), ("root", 2)]
    assert [event.number for event in recorder.of(AttemptStarted)] == [1, 2, 3, 4]
    assert [event.attempts for event in recorder.of(RetryWaiting)] == [2, 3]
    assert [event.attempts for event in recorder.of(NodeEnded)] == [4]


async def test_one_fallback_after_the_other(optimize):
    """Inside out, and one inside another."""
    chain = (fallback(task(scripted(KeyError()))), fallback(task(scripted(AGAIN))), fallback(5))
    result, node = await answer_of(scripted(BROKEN), *chain, optimize=optimize)
    assert result[node] == 5
    nested = task(scripted(KeyError()), adapters=(fallback(task(lambda: 6)),))
    result, node = await answer_of(scripted(BROKEN), fallback(nested), optimize=optimize)
    assert result[node] == 6


async def test_with_the_adapters_around_a_thread_and_a_timeout():
    """Each wraps all that is inside it."""
    result, node = await answer_of(scripted(BROKEN), to_thread(), fallback(task(lambda: 3, adapters=(to_thread(),))))
    assert result[node] == 3

    async def forever():
        await anyio.sleep_forever()

    result, node = await answer_of(forever, timeout(0.01), fallback(4, on=TimeoutError))
    assert result[node] == 4
    result, node = await answer_of(forever, timeout(0.01), fallback(task(forever)), timeout(0.01, then=5))
    assert result[node] == 5
    with pytest.raises(RegistrationError, match="timeout-blocking"):
        task(forever, adapters=(fallback(task(lambda: 1)), timeout(1)))


async def test_what_the_other_task_declares_is_what_counts_for_its_answer():
    """A task without an output gives none, and one that breaks its word is told so."""

    def nothing() -> None: ...
    def lies() -> None:
        return 3

    result, node = await answer_of(scripted(BROKEN), fallback(task(nothing)))
    assert result.ok
    assert node not in result
    with pytest.raises(ResultError, match="result-type"):
        await answer_of(scripted(BROKEN), fallback(task(lies)))

    def status() -> StepResult:
        raise BROKEN

    with pytest.raises(ResultError, match="result-type"):
        await answer_of(status, fallback(task(lambda: 3)))


async def test_a_missing_output_is_told_where_it_is_read():
    """As that of any task."""

    def nothing() -> None: ...

    tree = TaskTree()
    tree.root(scripted(BROKEN), adapters=(fallback(task(nothing)),), name="root").child(
        lambda x: x, borrow_prev(), name="reads"
    )
    with pytest.raises(ResultError, match="root: succeeded without an output, but 'root/reads' reads it"):
        await run_plan(compile_plan(tree))


@pytest.mark.parametrize("at", [1, 2])
async def test_what_an_observer_raises_ends_the_run(at):
    """Also while the other task runs; no adapter takes it for an error of the task."""

    def observer(event):
        if isinstance(event, AttemptStarted) and event.number == at:
            raise OSError("observer")

    with pytest.raises(OSError, match="observer"):
        await answer_of(scripted(BROKEN), fallback(task(lambda: 3)), fallback(4), observers=[observer])


async def test_an_adapter_that_calls_nothing_may_still_run_another_task(optimize):
    """How the first call has gone is then of no use."""

    class Instead:
        transparent = True

        def __init__(self, other, *listed):
            self.other, self.alternatives = other, listed

        def wrap(self, call):
            async def instead(attempt):
                return await attempt.instead(self.other)

            return instead

    other = task(lambda: 3, name="other")
    result, node = await answer_of(scripted(BROKEN), Instead(other, task(int), other), optimize=optimize)
    assert result[node] == 3
    with pytest.raises(ValueError, match="<task other> is none of the alternatives that the adapters of 'root' list"):
        await answer_of(scripted(BROKEN), Instead(other, task(int)), optimize=optimize)


def test_it_has_no_part_in_a_success():
    """So a task with it costs what it costs without."""
    assert task(lambda: 1, adapters=(fallback(3),)).inlines


def test_a_plan_with_it_can_do_without_a_loop():
    """If the other task can."""
    tree = TaskTree()
    node = tree.root(scripted(BROKEN), adapters=(fallback(task(lambda: 3)),))
    assert run_sync(compile_plan(tree))[node] == 3


@pytest.mark.parametrize(
    ("answer", "may_retry"), [(3, False), (StepResult.retry(), True), (task(int), False), (task(scripted(1)), True)]
)
def test_whether_a_retry_around_it_has_something_to_do(answer, may_retry):
    """The first task's own RETRY never comes out of it."""
    made = task(scripted(AGAIN), adapters=(fallback(answer),))
    assert made.traits.may_retry is may_retry


def test_the_type_of_the_output_is_either():
    """Where both are known; a child that reads it has to be ready for both."""

    def number() -> int:
        return 1

    def text() -> str:
        return ""

    def nothing() -> None: ...

    assert task(number, adapters=(fallback(task(text)),)).output.type == int | str
    assert task(number, adapters=(fallback(task(number)),)).output.type is int
    assert task(number, adapters=(fallback(True),)).output.type is int
    assert task(number, adapters=(fallback(task(nothing)),)).output.type is int
    assert not isinstance(task(number, adapters=(fallback(task(lambda: 1)),)).output.type, type)
    tree = TaskTree()
    tree.root(number, adapters=(fallback(TaskResult.success("")),)).child(lambda x: x, borrow_prev(int))
    with pytest.raises(PlanError, match="the output of 'number' is int | str"):
        compile_plan(tree)


def test_what_the_other_task_asks_for_is_checked():
    """With its name in front of the parameter's."""
    tree = TaskTree("t")
    other = task(lambda x: x, borrow_prev(str), name="other")
    tree.root(int).child(scripted(1), adapters=(fallback(other),), name="first")
    tree.node(1, lambda x: x, consume_prev(), name="takes")
    with pytest.raises(PlanError) as caught:
        compile_plan(tree)
    assert [(problem.rule, problem.parameter) for problem in caught.value.problems] == [
        ("type-mismatch", "other.x"),
        ("fanout-auto", "x"),
    ]


def test_the_other_task_must_leave_the_parents_output_alone():
    """At registration; what both only read or copy is fine."""
    reads = fallback(task(lambda x: x, copy_prev()))
    task(lambda x: x, borrow_mut(), adapters=(reads,))
    with pytest.raises(RegistrationError, match="alternative-reads"):
        task(lambda x: x, consume_prev(), adapters=(reads,))
    with pytest.raises(RegistrationError, match="alternative-consumes"):
        task(lambda: 1, adapters=(fallback(task(lambda x: x, consume_prev())),))
    with pytest.raises(RegistrationError, match="alternative-of"):
        task_forward_prev(lambda x: None, borrow_mut(), adapters=(fallback(task(lambda: None)),))


def test_how_it_is_shown():
    """What the other task asks for is there as well."""
    tree = TaskTree()
    tree.root(str, value(1), adapters=(fallback(task(lambda x: x, from_ctx(str), name="other")),))
    assert str(compile_plan(tree)).splitlines()[1] == "str(#1=value(int), other.x=from_ctx(str)) [fallback]"


@pytest.mark.parametrize("answer", [len, int, lambda: 3])
def test_a_function_is_no_answer(answer):
    """Nobody would call it."""
    with pytest.raises(TypeError, match=r"and not called; write fallback\(task\(function, \.\.\.\)\)"):
        fallback(answer)


def test_what_can_never_be_caught_is_refused_where_it_is_written():
    """As by catch_as_failure."""
    with pytest.raises(TypeError, match="only classes derived from Exception"):
        fallback(3, on=KeyboardInterrupt)


async def test_what_was_left_by_a_failed_call_is_gone_before():
    """A catch inside may have made a failure of what was entered."""
    log = []

    class Manager:
        def __enter__(self):
            log.append("enter")

        def __exit__(self, *error):
            log.append("exit")

    class Fail:
        def wrap(self, call):
            async def fail(attempt):
                await call(attempt)
                return StepResult.failure()

            return fail

    for answer in (3, task(lambda: log.append("other") or 3)):
        log.clear()
        tree = TaskTree()
        node = tree.root(Manager, managed=True, adapters=(Fail(), catch_as_failure(), fallback(answer)))
        assert (await run_plan(compile_plan(tree)))[node] == 3
        assert log[:2] == ["enter", "exit"]
