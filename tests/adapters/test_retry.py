"""`retry` and `retry_on`: again, while the answer is RETRY."""

import math

import pytest

from yorch_async import (
    Backoff,
    RegistrationError,
    ResultError,
    RetryFixed,
    RetryFixedPassthrough,
    RetryForever,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    retry,
    retry_on,
    run_plan,
    task,
    task_forward_prev,
    task_into,
)
from yorch_async.testing import ManualClock, scripted

pytestmark = pytest.mark.anyio

AGAIN = StepResult.retry("not yet")


class Policy:
    """A policy of a user's own, that tells what it was asked."""

    def __init__(self, *answers):
        self.answers = answers
        self.asked = []

    def should_retry(self, count):
        self.asked.append(count)
        return count < len(self.answers) and self.answers[count]


class AsyncPolicy:
    """All hooks as coroutine functions."""

    def __init__(self):
        self.asked = []

    async def should_retry(self, count):
        self.asked.append(("should_retry", count))
        return count < 2

    async def delay(self, count):
        self.asked.append(("delay", count))
        return 1.5 * count

    async def on_exhausted(self, result):
        self.asked.append(("on_exhausted", result))
        return TaskResult.success("gave up")


@pytest.fixture
def clock():
    """Time that nobody waits for."""
    return ManualClock()


async def run_one(fn, *adapters, **options):
    """Run one task alone; its result and its node."""
    tree = TaskTree("t")
    node = tree.root(task(fn, adapters=adapters, name="root", **options))
    return await run_plan(compile_plan(tree)), node


async def test_it_runs_until_the_answer_is_not_retry(clock):
    """The policy is asked with the number of retries so far, and only after a RETRY."""
    policy = Policy(True, True, True)
    result, node = await run_one(scripted(AGAIN, TaskResult.retry(), 7), retry(policy, sleep=clock.sleep))
    assert result[node] == 7
    assert policy.asked == [0, 1]
    assert clock.waits == [0.0, 0.0]


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_a_fixed_number_of_retries_ends_as_failure(clock, retries):
    """With the reason and the error of the last answer, or one that says what happened."""
    error = ValueError("broken")
    calls = []

    def flaky():
        calls.append(1)
        return StepResult.retry("not yet", error=error) if retries else StepResult.retry()

    result, _ = await run_one(flaky, retry(RetryFixed(retries), sleep=clock.sleep))
    assert len(calls) == retries + 1 == result.failures[0].attempts
    expected = StepResult.failure("not yet", error) if retries else StepResult.failure("still RETRY after 0 retries")
    assert result.step == expected


async def test_passthrough_leaves_the_last_answer(clock):
    """RETRY is then the status of the run."""
    result, _ = await run_one(scripted(TaskResult.retry("once"), AGAIN), retry(RetryFixedPassthrough(1), sleep=clock.sleep))
    assert result.step == AGAIN
    assert result.failures[0].status is StepStatus.RETRY


async def test_forever_is_as_long_as_it_takes(clock):
    """Here 50 times."""
    result, node = await run_one(scripted(*[AGAIN] * 50, "done"), retry(RetryForever(delay=2.0), sleep=clock.sleep))
    assert result[node] == "done"
    assert clock.waits == [2.0] * 50


async def test_hooks_may_be_async(clock):
    """And what the exhaustion hook answers is the answer of the task."""
    policy = AsyncPolicy()
    last = TaskResult.retry("third")
    result, node = await run_one(scripted(AGAIN, AGAIN, last), retry(policy, sleep=clock.sleep))
    assert result[node] == "gave up"
    assert [
        ("should_retry", 0),
        ("delay", 0),
        ("should_retry", 1),
        ("delay", 1),
        ("should_retry", 2),
        ("on_exhausted", last),
    ] == policy.asked
    assert clock.waits == [0.0, 1.5]


async def test_a_policy_without_hooks_leaves_the_last_answer(clock):
    """And does not wait."""
    result, _ = await run_one(scripted(AGAIN), retry(Policy(True), sleep=clock.sleep))
    assert result.step == AGAIN
    assert clock.waits == [0.0]


async def test_what_the_task_asks_for_is_waited(clock):
    """`after` wins over the policy's delay, also as 0 seconds and in a TaskResult."""
    answers = scripted(StepResult.retry(after=5.0), TaskResult.retry(after=0.0), AGAIN, 1)
    await run_one(answers, retry(RetryFixed(3, delay=2.0), sleep=clock.sleep))
    assert clock.waits == [5.0, 0.0, 2.0]


async def test_backing_off(clock):
    """The delay is asked with the number of retries so far."""
    policy = RetryFixed(4, delay=Backoff(initial=1.0, maximum=5.0, jitter=False))
    await run_one(scripted(AGAIN), retry(policy, sleep=clock.sleep))
    assert clock.waits == [1.0, 2.0, 4.0, 5.0]


@pytest.mark.parametrize("delay", [-1.0, math.nan, math.inf, None, "1"])
async def test_a_delay_that_is_no_time_is_an_error(delay):
    """It says who answered what."""
    with pytest.raises(ResultError) as caught:
        await run_one(scripted(AGAIN), retry(RetryFixed(1, delay=lambda count: delay)))
    assert (
        f"root: RetryFixed.delay answered {delay!r} as the time to wait [bad-delay]; "
        "return seconds, as a number of 0 or more"
    ) == str(caught.value)


async def test_an_exhaustion_hook_that_answers_none_is_an_error():
    """As a policy of catch_as_failure that does."""

    class Forgets(Policy):
        def on_exhausted(self, result):
            return None

    with pytest.raises(ResultError, match="root: Forgets.on_exhausted answered None \\[no-answer\\]"):
        await run_one(scripted(AGAIN), retry(Forgets()))


@pytest.mark.parametrize("hook", ["should_retry", "delay", "on_exhausted"])
async def test_a_hook_that_raises_ends_the_run_with_that_error(hook):
    """Nothing is swallowed."""

    class Fails(Policy):
        def __init__(self):
            super().__init__(hook != "on_exhausted")

        def delay(self, count):
            return 0.0

        def on_exhausted(self, result):
            return result

    def fail(*_):
        raise KeyError(hook)

    setattr(Fails, hook, fail)
    with pytest.raises(KeyError, match=hook) as caught:
        await run_one(scripted(AGAIN), retry(Fails()))
    assert caught.value.__notes__ == ["in node 'root' of plan 't'"]


async def test_an_exception_is_not_retried():
    """It passes outwards to the next catch."""
    policy = Policy(True)
    error = ValueError("broken")
    result, _ = await run_one(scripted(error), retry(policy), catch_as_failure())
    assert result.step == StepResult.failure(error=error)
    assert policy.asked == []


async def test_the_earlier_adapter_is_closer_to_the_task():
    """A catch inside feeds the retry around it."""
    policy = Policy(True)
    adapters = (catch_as_failure(lambda error: AGAIN), retry(policy))
    result, node = await run_one(scripted(ValueError("broken"), 7), *adapters)
    assert result[node] == 7
    assert policy.asked == [0]


async def test_nested_retries_count_each_for_itself():
    """The inner counter begins anew; a fixed one inside ends the outer's work, a passthrough feeds it."""
    for inner, calls in ((RetryFixed(1), 2), (RetryFixedPassthrough(1), 6)):
        called = []

        def flaky(called=called) -> StepResult:
            called.append(1)
            return AGAIN

        await run_one(flaky, retry(inner), retry(RetryFixed(2)))
        assert len(called) == calls


async def test_a_direct_output_is_cleared_between_attempts():
    """Before the wait, and a late writer cannot write into the next attempt's slot."""
    seen, handles = [], []

    async def look(delay):
        seen.append(handles[-1].has_value)

    def fill(out) -> StepResult:
        seen.append(out.has_value)
        handles.append(out)
        out.set(len(handles))
        return StepResult.retry() if len(handles) < 3 else StepResult.success()

    tree = TaskTree("t")
    node = tree.root(task_into(fill, adapters=(retry(RetryFixed(5), sleep=look),), name="fill"))
    assert (await run_plan(compile_plan(tree)))[node] == 3
    assert seen == [False] * 5
    for handle in handles:
        with pytest.raises(ResultError, match="fill: the DirectOut was used after .* \\[closed-slot\\]"):
            handle.set(0)


async def test_a_hook_may_make_a_success_of_what_the_last_attempt_wrote():
    """Exhaustion leaves the slot as it is."""

    class Accept(Policy):
        def on_exhausted(self, result):
            return StepResult.success()

    def fill(out) -> StepResult:
        out.set(7)
        return AGAIN

    tree = TaskTree()
    node = tree.root(task_into(fill, adapters=(retry(Accept(True)),)))
    assert (await run_plan(compile_plan(tree)))[node] == 7


async def test_forwarded_changes_of_earlier_attempts_stay():
    """Nothing is rolled back."""

    def append(items) -> StepResult:
        items.append(len(items))
        return AGAIN if len(items) < 3 else StepResult.success()

    tree = TaskTree()
    forward = task_forward_prev(append, borrow_prev_mut(), adapters=(retry(RetryForever()),))
    node = tree.root(list).child(forward)
    assert [0, 1, 2] == (await run_plan(compile_plan(tree)))[node]


async def test_retry_on_is_for_tasks_that_raise(clock):
    """The named exceptions are retried, others pass at once; exhausted, the last one is the error of the failure."""
    error = ConnectionError("refused")
    policy = RetryFixed(2, delay=1.0)
    result, node = await run_one(scripted(error, error, 7), retry_on(ConnectionError, policy, sleep=clock.sleep))
    assert result[node] == 7
    assert clock.waits == [1.0, 1.0]
    result, _ = await run_one(scripted(error), retry_on((OSError, KeyError), policy, sleep=clock.sleep))
    assert result.failures[0].error is error
    assert result.failures[0].attempts == 3
    assert result.step.reason == "still RETRY after 2 retries"
    with pytest.raises(ValueError, match="other"):
        await run_one(scripted(ValueError("other")), retry_on(ConnectionError, policy))


async def test_retry_on_suits_tasks_that_only_give_values():
    """The exception is what makes them answer RETRY."""

    def plain() -> int:
        return next(numbers)

    numbers = iter([1])
    result, node = await run_one(plain, retry_on(StopIteration, RetryFixed(1)))
    assert result[node] == 1


@pytest.mark.parametrize("adapter", [retry(RetryFixed(0)), retry_on(ValueError, RetryForever())])
def test_over_a_consuming_task_it_is_refused(adapter):
    """Wherever it stands in the chain, whatever its policy."""
    with pytest.raises(RegistrationError, match="retry-consume"):
        task(lambda x: x, consume_prev(), adapters=(catch_as_failure(lambda error: AGAIN), adapter))


async def test_an_adapter_of_ones_own_cannot_run_a_consuming_task_twice():
    """What was given away is not there any more."""

    class Twice:
        def wrap(self, call):
            async def twice(attempt):
                await call(attempt)
                return await call(attempt)

            return twice

    tree = TaskTree()
    tree.root(lambda: 1).child(task(lambda x: x, consume_prev(), adapters=(Twice(),), name="eats"))
    with pytest.raises(ResultError, match="given away to an earlier attempt \\[consumed-twice\\]"):
        await run_plan(compile_plan(tree))


@pytest.mark.parametrize("policy", [3, RetryFixed, None, "RetryFixed"])
def test_what_is_no_policy_is_refused_where_it_is_written(policy):
    """It says what one is."""
    with pytest.raises(TypeError, match="^a retry policy is an object with should_retry"):
        retry(policy)
