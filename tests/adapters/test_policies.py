"""Retry policies as values: may it be tried again, after how long, and what if not."""

import math
import pickle
from dataclasses import FrozenInstanceError

import pytest

from yorch_async import (
    Backoff,
    RetryFixed,
    RetryFixedPassthrough,
    RetryForever,
    RetryPolicy,
    StepResult,
    StepStatus,
    TaskResult,
)

FIXED = [RetryFixed, RetryFixedPassthrough]
BROKEN = ValueError("broken")


@pytest.mark.parametrize("cls", FIXED)
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_fixed_policy_approves_so_many_retries(cls, retries):
    """The count is that of retries approved before."""
    policy = cls(retries)
    assert retries == policy.retries
    assert [True] * retries + [False, False] == [policy.should_retry(count) for count in range(retries + 2)]


@pytest.mark.parametrize("count", [0, 1, 10**9])
def test_forever_is_forever(count):
    """Whatever the count."""
    assert RetryForever().should_retry(count) is True


@pytest.mark.parametrize("cls", FIXED)
@pytest.mark.parametrize("retries", [-1, 1.0, True, "3", None, Backoff()])
def test_the_number_of_retries_is_an_integer_of_0_or_more(cls, retries):
    """Anything else is refused where it is written."""
    with pytest.raises(ValueError) as caught:
        cls(retries)
    assert f"the number of retries must be an integer of 0 or more, not {retries!r}" == str(caught.value)


MAKERS = {
    "fixed": lambda **options: RetryFixed(3, **options),
    "passthrough": lambda **options: RetryFixedPassthrough(3, **options),
    "forever": RetryForever,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_delay_is_a_time_or_a_function_of_the_count(make):
    """None, unless one is given."""
    assert [0.0, 0.5, 2] == [make().delay(7), make(delay=0.5).delay(7), make(delay=2).delay(7)]
    assert [3.0, 5.0] == [make(delay=lambda count: count + 1.0).delay(count) for count in (2, 4)]
    assert [1.0, 2.0, 4.0] == [make(delay=Backoff(initial=1.0, jitter=False)).delay(count) for count in range(3)]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("delay", [-0.1, math.nan, math.inf])
def test_a_delay_that_is_no_time_is_refused_where_it_is_written(make, delay):
    """What a function answers is checked when it has answered."""
    with pytest.raises(ValueError) as caught:
        make(delay=delay)
    assert (f"the delay must be a finite number of seconds, 0 or more, or a function of the count, not {delay!r}") == str(
        caught.value
    )
    assert make(delay=lambda count: delay).wait is not None


@pytest.mark.parametrize(
    ("last", "reason", "error"),
    [
        (StepResult.retry("busy", after=1.0, error=BROKEN), "busy", BROKEN),
        (StepResult.retry(), "still RETRY after 2 retries", None),
        (StepResult.retry(""), "", None),
        (TaskResult.retry("busy", error=BROKEN), "busy", BROKEN),
        (TaskResult.retry(error=BROKEN), "still RETRY after 2 retries", BROKEN),
    ],
)
def test_an_exhausted_fixed_policy_answers_failure(last, reason, error):
    """With the reason and the error of the last answer, and nothing to wait for."""
    assert StepResult(StepStatus.FAILURE, reason, error) == RetryFixed(2).on_exhausted(last)


def test_other_policies_let_the_last_answer_stand():
    """They have no hook."""
    assert [False, False] == [hasattr(policy, "on_exhausted") for policy in (RetryFixedPassthrough(2), RetryForever())]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_policy_is_a_value(make):
    """Equal by what it says, frozen, without attributes of its own, and it can be sent elsewhere."""
    policy = make(delay=0.5)
    assert make(delay=0.5) == policy
    assert hash(make(delay=0.5)) == hash(policy)
    assert make(delay=1.5) != policy
    assert policy == pickle.loads(pickle.dumps(policy))
    with pytest.raises(FrozenInstanceError):
        policy.wait = 1.0
    assert not hasattr(policy, "__dict__")


def test_policies_of_different_classes_are_different():
    """Although they say the same."""
    assert RetryFixed(2) != RetryFixedPassthrough(2)
    assert RetryFixed(2) != RetryFixed(3)


def test_the_options_of_a_policy_are_keywords():
    """A second number would be read as anything."""
    for make in (lambda: RetryFixed(2, 0.5), lambda: RetryForever(0.5)):
        with pytest.raises(TypeError):
            make()


def test_any_object_with_the_question_is_a_policy():
    """The other hooks may be left out."""

    class Once:
        def should_retry(self, count):
            return count < 1

    assert [True, True, True, False] == [
        isinstance(policy, RetryPolicy) for policy in (Once(), RetryFixed(1), RetryForever(), Backoff())
    ]
