"""`RetryBudget`: what nodes may spend on retries together."""

import math
import threading

import pytest

from yorch_async import (
    RetryBudget,
    RetryFixed,
    RetryFixedPassthrough,
    RetryForever,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    compile_plan,
    retry,
    retry_on,
    run_plan,
    run_sync,
    task,
)
from yorch_async.testing import ManualClock, scripted

pytestmark = pytest.mark.anyio

AGAIN = StepResult.retry("not yet")


@pytest.fixture(params=[False, True], ids=["interpreted", "generated"])
def optimize(request):
    """Both ways in which a plan is run."""
    return request.param


def plan_of(fn, *adapters, optimize=None):
    """A plan of one task."""
    tree = TaskTree("t")
    tree.root(task(fn, adapters=adapters, name="root"))
    return compile_plan(tree, optimize=optimize)


async def test_a_retry_takes_a_token_and_without_one_is_not_made(optimize):
    """The policy is then treated as exhausted; the reason says why, and what the last answer was."""
    budget = RetryBudget(ratio=0, maximum=2)
    plan = plan_of(scripted(AGAIN), retry(RetryFixed(5), budget=budget), optimize=optimize)
    (failure,) = (await run_plan(plan)).failures
    assert (failure.attempts, failure.status) == (3, StepStatus.FAILURE)
    assert failure.reason == "the retry budget is spent: not yet"
    assert (budget.tokens, budget.refused) == (0.0, 1)


async def test_each_turn_puts_in_a_part_of_a_token(optimize):
    """Also one that succeeds; ten tenths are one retry, and nothing goes beyond the maximum."""
    budget = RetryBudget(initial=0, maximum=1)
    plan = plan_of(lambda: 1, retry(RetryFixed(1), budget=budget), optimize=optimize)
    for count in range(1, 11):
        await run_plan(plan)
        assert budget.tokens == pytest.approx(count / 10)
    assert budget.tokens == 1.0
    await run_plan(plan)
    assert budget.tokens == 1.0
    assert budget.take()
    assert not budget.take()


async def test_nodes_share_what_is_given_to_both():
    """What one spends, the other does not have."""
    budget = RetryBudget(ratio=0, maximum=3)
    error = OSError("refused")
    one = plan_of(scripted(error), retry_on(OSError, RetryForever(), budget=budget))
    two = plan_of(scripted(AGAIN), retry(RetryFixedPassthrough(9), budget=budget))
    (failure,) = (await run_plan(one)).failures
    assert (failure.attempts, failure.status, failure.error) == (4, StepStatus.RETRY, error)
    assert failure.reason == "the retry budget is spent"
    (failure,) = (await run_plan(two)).failures
    assert (failure.attempts, failure.status) == (1, StepStatus.RETRY)
    assert failure.reason == "the retry budget is spent: not yet"
    assert budget.refused == 2


async def test_a_retry_that_the_policy_refuses_costs_nothing():
    """The policy is asked first; its own hook then hears what was answered."""
    budget = RetryBudget(ratio=0, maximum=3)
    (failure,) = (await run_plan(plan_of(scripted(AGAIN), retry(RetryFixed(0), budget=budget)))).failures
    assert failure.reason == "not yet"
    assert (budget.tokens, budget.refused) == (3.0, 0)


@pytest.mark.parametrize("last", [AGAIN, TaskResult.retry("not yet"), StepResult.retry("not yet", after=1.0)])
async def test_the_hook_of_the_policy_decides_what_the_node_answers(last):
    """It is given the last answer, of the kind that it was, with the reason."""
    given = []

    class Policy:
        def should_retry(self, count):
            return True

        def on_exhausted(self, result):
            given.append(result)
            return 3

    budget = RetryBudget(ratio=0, initial=0)
    plan = plan_of(scripted(last), retry(Policy(), budget=budget))
    assert (await run_plan(plan))["root"] == 3
    assert type(given[0]) is type(last)
    step = given[0].step if isinstance(last, TaskResult) else given[0]
    after = last.step.after if isinstance(last, TaskResult) else last.after
    assert step == StepResult.retry("the retry budget is spent: not yet", after=after)


async def test_a_retry_that_is_paid_waits_as_ever():
    """The budget has nothing to do with delays."""
    clock, budget = ManualClock(), RetryBudget()
    adapter = retry(RetryFixed(2, delay=1.5), sleep=clock.sleep, budget=budget)
    assert (await run_plan(plan_of(scripted(AGAIN, AGAIN, 1), adapter)))["root"] == 1
    assert clock.waits == [1.5, 1.5]
    assert budget.tokens == 8.0


def test_without_a_budget_a_retry_stays_out_of_successes():
    """With one it cannot, because they count."""
    policy = RetryFixed(1)
    assert retry(policy).transparent
    assert retry_on(OSError, policy).transparent
    assert not retry(policy, budget=RetryBudget()).transparent
    assert not retry_on(OSError, policy, budget=RetryBudget()).transparent
    assert task(lambda: 1, adapters=(retry(policy),)).inlines


def test_threads_and_loops_may_share_one():
    """No deposit and no token is lost."""
    budget = RetryBudget(ratio=1, maximum=10_000, initial=0)

    def work():
        plan = plan_of(lambda: 1, retry(RetryFixed(1), budget=budget))
        for _ in range(200):
            run_sync(plan)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.tokens == 800.0
    assert sum(budget.take() for _ in range(900)) == 800
    assert budget.refused == 100


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"ratio": -0.1}, "^ratio must be finite and 0 or more, not -0.1"),
        ({"ratio": math.inf}, "^ratio must"),
        ({"ratio": math.nan}, "^ratio must"),
        ({"maximum": 0.5}, "^maximum must be finite and 1 or more, not 0.5"),
        ({"maximum": math.inf}, "^maximum must"),
        ({"initial": -1}, r"^initial must be between 0 and maximum \(10.0\), not -1"),
        ({"initial": 11}, "^initial must"),
    ],
)
def test_wrong_numbers_are_refused_where_they_are_written(options, match):
    """With what they may be."""
    with pytest.raises(ValueError, match=match):
        RetryBudget(**options)


def test_what_is_no_budget_is_refused():
    """A number is not shared by anybody."""
    with pytest.raises(TypeError, match="^budget is a RetryBudget, not 10$"):
        retry(RetryFixed(1), budget=10)


def test_how_it_is_shown():
    """With what is left of what."""
    assert repr(RetryBudget(initial=2.5)) == "<RetryBudget with 2.5 of 10 tokens>"
