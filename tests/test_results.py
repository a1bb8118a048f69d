"""What a task may answer: statuses, and statuses with a value."""

import copy
import math
import pickle
from dataclasses import FrozenInstanceError

import pytest

from yorch_async import StepResult, StepStatus, TaskResult
from yorch_async._results import FLOW

BROKEN = ValueError("broken")

MADE = [
    (lambda: StepResult.success(), StepStatus.SUCCESS, None, None, None),
    (lambda: StepResult.failure(), StepStatus.FAILURE, None, None, None),
    (lambda: StepResult.failure("why", BROKEN), StepStatus.FAILURE, "why", BROKEN, None),
    (lambda: StepResult.retry(), StepStatus.RETRY, None, None, None),
    (lambda: StepResult.retry("why", 0.5, BROKEN), StepStatus.RETRY, "why", BROKEN, 0.5),
    (lambda: StepResult.abort_branch(), StepStatus.ABORT_BRANCH, None, None, None),
    (lambda: StepResult.abort_branch("why"), StepStatus.ABORT_BRANCH, "why", None, None),
    (lambda: StepResult.abort_execution(), StepStatus.ABORT_EXECUTION, None, None, None),
    (lambda: StepResult.abort_execution("why"), StepStatus.ABORT_EXECUTION, "why", None, None),
]
"""Each constructor, and status, reason, error and delay of what it makes."""


def test_there_are_five_statuses():
    """Their values are the names that other notations use."""
    assert ["success", "failure", "retry", "abort_branch", "abort_execution"] == [status.value for status in StepStatus]


@pytest.mark.parametrize(("make", "status", "reason", "error", "after"), MADE)
def test_a_constructor_of_a_step_result_makes_its_status(make, status, reason, error, after):
    """With what was given, and nothing else."""
    step = make()
    assert (status, reason, error, after) == (step.status, step.reason, step.error, step.after)


@pytest.mark.parametrize("make", [made[0] for made in MADE])
def test_a_step_result_is_true_exactly_when_it_is_a_success(make):
    """`ok` says the same as the truth value."""
    step = make()
    is_success = step.status is StepStatus.SUCCESS
    assert (is_success, is_success) == (step.ok, bool(step))


def test_a_success_is_one_object():
    """Nothing is made for the commonest answer."""
    assert StepResult.success() is StepResult.success()


def test_step_results_are_compared_by_what_they_say():
    """Equal ones have one hash."""
    assert StepResult.failure("a") == StepResult.failure("a")
    assert hash(StepResult.failure("a")) == hash(StepResult.failure("a"))
    assert StepResult.failure("a") != StepResult.failure("b")
    assert StepResult.failure() != StepResult.retry()


def test_a_step_result_cannot_be_changed():
    """Neither its fields nor by new ones."""
    step = StepResult.failure("a")
    with pytest.raises(FrozenInstanceError):
        step.reason = "b"
    with pytest.raises((AttributeError, TypeError)):
        step.note = "c"


def test_a_step_result_says_what_it_holds():
    """As the call that would make it."""
    assert "StepResult(status=<StepStatus.RETRY: 'retry'>, reason='why', error=None, after=1.5)" == repr(
        StepResult.retry("why", after=1.5)
    )


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"status": "success"}, TypeError, "status must be a StepStatus, not 'success'"),
        ({"status": StepStatus.FAILURE, "error": "e"}, TypeError, "error must be an exception, not 'e'"),
        (
            {"status": StepStatus.FAILURE, "error": ValueError},
            TypeError,
            "error must be an exception, not <class 'ValueError'>",
        ),
        (
            {"status": StepStatus.RETRY, "after": -0.1},
            ValueError,
            "after must be a finite number of seconds, 0 or more, not -0.1",
        ),
        (
            {"status": StepStatus.RETRY, "after": math.inf},
            ValueError,
            "after must be a finite number of seconds, 0 or more, not inf",
        ),
        (
            {"status": StepStatus.RETRY, "after": math.nan},
            ValueError,
            "after must be a finite number of seconds, 0 or more, not nan",
        ),
    ],
)
def test_a_wrong_field_is_refused_where_it_is_written(fields, error, message):
    """The message says which field, and what it may be."""
    with pytest.raises(error) as caught:
        StepResult(**fields)
    assert message == str(caught.value)


@pytest.mark.parametrize("after", [0, 0.0, 3, 1e9])
def test_any_finite_time_may_be_waited(after):
    """Also none at all."""
    assert after == StepResult.retry(after=after).after


@pytest.mark.parametrize(
    ("make", "make_step"),
    [
        (lambda: TaskResult.success(3), lambda: StepResult.success()),
        (lambda: TaskResult.success(None), lambda: StepResult.success()),
        (lambda: TaskResult.failure("why", BROKEN), lambda: StepResult.failure("why", BROKEN)),
        (lambda: TaskResult.failure(), lambda: StepResult.failure()),
        (lambda: TaskResult.retry("why", 2.0, BROKEN), lambda: StepResult.retry("why", 2.0, BROKEN)),
        (lambda: TaskResult.retry(), lambda: StepResult.retry()),
        (lambda: TaskResult.abort_branch("why"), lambda: StepResult.abort_branch("why")),
        (lambda: TaskResult.abort_branch(), lambda: StepResult.abort_branch()),
        (lambda: TaskResult.abort_execution("why"), lambda: StepResult.abort_execution("why")),
        (lambda: TaskResult.abort_execution(), lambda: StepResult.abort_execution()),
    ],
)
def test_a_task_result_has_the_step_result_of_the_same_constructor(make, make_step):
    """And is true, ok and has a value exactly when that is a success."""
    result, step = make(), make_step()
    assert step == result.step
    assert (step.status, step.ok, step.ok, step.ok) == (result.status, result.ok, bool(result), result.has_value)


@pytest.mark.parametrize("value", [3, None, False, [], StepResult.failure()])
def test_a_success_holds_the_very_value(value):
    """None and False are values like any other."""
    assert TaskResult.success(value).value is value


def test_where_there_is_no_value_asking_for_it_is_an_error():
    """It says why there is none, and what to ask first."""
    with pytest.raises(ValueError) as caught:
        _ = TaskResult.abort_branch().value
    assert "a TaskResult with status ABORT_BRANCH has no value; ask ok or has_value first" == str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((StepStatus.SUCCESS, 3), TypeError, "step must be a StepResult, not <StepStatus.SUCCESS: 'success'>"),
        (
            (StepResult.success(),),
            ValueError,
            "a TaskResult has a value exactly when it is a success; use its constructors",
        ),
        (
            (StepResult.failure(), 3),
            ValueError,
            "a TaskResult has a value exactly when it is a success; use its constructors",
        ),
    ],
)
def test_a_value_without_success_and_a_success_without_value_cannot_be_made(arguments, error, message):
    """The constructors cannot go wrong, and the class does not let it happen."""
    with pytest.raises(error) as caught:
        TaskResult(*arguments)
    assert message == str(caught.value)


def test_a_task_result_cannot_be_changed():
    """Setting and deleting are refused by the name of what was to be changed."""
    result = TaskResult.success(3)
    with pytest.raises(AttributeError) as setting:
        result.step = StepResult.failure()
    with pytest.raises(AttributeError) as deleting:
        del result._value
    assert ["a TaskResult cannot be changed (step)", "a TaskResult cannot be changed (_value)"] == [
        str(setting.value),
        str(deleting.value),
    ]
    assert TaskResult.success(3) == result


def test_task_results_are_compared_by_step_and_value():
    """Equal ones have one hash; what is no TaskResult is never equal."""
    assert TaskResult.success(3) == TaskResult.success(3)
    assert hash(TaskResult.success(3)) == hash(TaskResult.success(3)) == hash((StepResult.success(), 3))
    assert TaskResult.success(3) != TaskResult.success(4)
    assert TaskResult.failure("a") == TaskResult.failure("a")
    assert TaskResult.failure("a") != TaskResult.failure("b")
    assert TaskResult.failure() != StepResult.failure()
    assert NotImplemented is TaskResult.failure().__eq__(StepResult.failure())


def test_a_task_result_says_what_it_holds():
    """A success by its value, all else by its step."""
    assert "TaskResult.success('x')" == repr(TaskResult.success("x"))
    assert f"TaskResult({StepResult.failure('a')!r})" == repr(TaskResult.failure("a"))


@pytest.mark.parametrize(
    "result", [StepResult.success(), StepResult.retry("why", 1.0), TaskResult.success([1, None]), TaskResult.failure("why")]
)
def test_results_are_pickled_and_copied(result):
    """Both give an equal one."""
    assert result == pickle.loads(pickle.dumps(result))
    assert result == copy.copy(result)
    assert result == copy.deepcopy(result)


def test_the_classes_that_direct_the_flow_are_two():
    """Everything else that a task returns is a value; so neither of them may have subclasses."""
    assert frozenset({StepResult, TaskResult}) == FLOW


def test_an_exception_is_no_reason():
    """It would be printed, and its traceback lost."""
    with pytest.raises(TypeError, match="^reason must be a string, not ValueError.*; an exception is passed as error=$"):
        StepResult.failure(ValueError("x"))
