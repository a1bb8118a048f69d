"""`catch_as_failure`: exceptions become answers."""

import pytest

from yorch_async import (
    ResultError,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    copy_prev,
    run_plan,
    task,
    task_forward_prev,
    task_into,
)
from yorch_async.testing import scripted

pytestmark = pytest.mark.anyio

BROKEN = ValueError("broken")


async def answer_of(fn, *adapters, **options):
    """Run one task alone; its result and its node."""
    tree = TaskTree("t")
    node = tree.root(task(fn, adapters=adapters, name="root", **options))
    return await run_plan(compile_plan(tree)), node


async def test_by_default_an_exception_is_a_failure_that_carries_it():
    """Without a reason of its own."""
    result, _ = await answer_of(scripted(BROKEN), catch_as_failure())
    assert result.step == StepResult.failure(error=BROKEN)


async def test_an_answer_is_left_as_it_is():
    """The policy is not asked without an exception."""
    for answer in (7, None, StepResult.abort_branch(), TaskResult.success(1)):
        asked = []
        result, _ = await answer_of(scripted(answer), catch_as_failure(asked.append))
        assert asked == []
        assert result.status is (StepStatus.ABORT_BRANCH if isinstance(answer, StepResult) else StepStatus.SUCCESS)


@pytest.mark.parametrize(
    ("answer", "status", "output"),
    [
        (7, StepStatus.SUCCESS, 7),
        (TaskResult.success(None), StepStatus.SUCCESS, None),
        (TaskResult.retry("again"), StepStatus.RETRY, ...),
        (StepResult.abort_branch(), StepStatus.ABORT_BRANCH, ...),
        (StepResult.success(), StepStatus.SUCCESS, ...),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_policy_says_what_becomes_of_the_exception(answer, status, output, is_async):
    """A value, a status, or both; sync or async."""
    seen = []

    def policy(error):
        seen.append(error)
        return answer

    async def async_policy(error):
        return policy(error)

    result, node = await answer_of(scripted(BROKEN), catch_as_failure(async_policy if is_async else policy))
    assert seen == [BROKEN]
    assert result.status is status
    assert (result[node] if output is not ... else ...) == output


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_policy_that_answers_none_is_an_error(is_async):
    """A forgotten `return` must not turn an error into a success; the exception is not lost."""

    async def forgets(error):
        return None

    policy = forgets if is_async else lambda error: None
    with pytest.raises(ResultError) as caught:
        await answer_of(scripted(BROKEN), catch_as_failure(policy))
    assert (
        "root: the policy of catch_as_failure answered None [no-answer]; return a StepResult, a TaskResult or a value; "
        "TaskResult.success(None) is the output None"
    ) == str(caught.value)
    assert caught.value.__context__ is BROKEN


async def test_a_policy_that_raises_ends_the_run_with_that_error():
    """The exception that it was asked about is its context."""

    def policy(error):
        raise KeyError("no idea")

    with pytest.raises(KeyError, match="no idea") as caught:
        await answer_of(scripted(BROKEN), catch_as_failure(policy))
    assert caught.value.__context__ is BROKEN
    assert caught.value.__notes__ == ["in node 'root' of plan 't'"]


async def test_only_the_named_exceptions_are_caught():
    """Others pass to the next adapter, or out of the run."""
    only_keys = catch_as_failure(on=KeyError)
    with pytest.raises(ValueError, match="broken"):
        await answer_of(scripted(BROKEN), only_keys)
    result, _ = await answer_of(scripted(BROKEN), only_keys, catch_as_failure(on=(OSError, ValueError)))
    assert result.step == StepResult.failure(error=BROKEN)


async def test_errors_of_resolving_arguments_are_caught():
    """A copier that raises is like a task that raises."""

    def copier(obj):
        raise BROKEN

    tree = TaskTree()
    tree.root(lambda: 1).child(lambda x: x, copy_prev(copier=copier), adapters=(catch_as_failure(),))
    result = await run_plan(compile_plan(tree))
    assert result.step == StepResult.failure(error=BROKEN)


async def test_around_the_other_kinds_of_task():
    """A direct output that was written before the exception counts if the policy says success; a forwarded object goes on."""

    def fill(out):
        out.set(7)
        raise BROKEN

    def change(items):
        items.append(2)
        raise BROKEN

    saved = catch_as_failure(lambda error: StepResult.success())
    tree = TaskTree()
    root = tree.root(lambda: [1])
    forward = root.child(task_forward_prev(change, borrow_prev_mut(), adapters=(saved,)))
    direct = forward.child(task_into(fill, adapters=(saved,)), keep=True)
    result = await run_plan(compile_plan(tree))
    assert result[direct] == 7
    tree = TaskTree()
    direct = tree.root(task_into(fill, adapters=(catch_as_failure(),)))
    result = await run_plan(compile_plan(tree))
    assert result.status is StepStatus.FAILURE
    assert direct not in result
    tree = TaskTree()
    forward = tree.root(lambda: [1]).child(task_forward_prev(change, borrow_prev_mut(), adapters=(saved,)))
    assert [1, 2] == (await run_plan(compile_plan(tree)))[forward]


@pytest.mark.parametrize(
    ("policy", "kind"),
    [(lambda error: 7, "task_into"), (lambda error: TaskResult.success(7), "task_into"), (lambda error: 7, "none")],
)
async def test_a_value_from_a_policy_has_no_place_where_the_task_has_no_output(policy, kind):
    """It would be lost silently."""

    def fill(out):
        raise BROKEN

    def nothing() -> None:
        raise BROKEN

    fn = task_into(fill, adapters=(catch_as_failure(policy),)) if kind == "task_into" else None
    tree = TaskTree()
    tree.root(fn or task(nothing, adapters=(catch_as_failure(policy),)))
    with pytest.raises(ResultError, match="result-type"):
        await run_plan(compile_plan(tree))


@pytest.mark.parametrize("on", [BaseException, KeyboardInterrupt, (ValueError, SystemExit), "ValueError", ValueError()])
def test_what_can_never_be_caught_is_refused_where_it_is_written(on):
    """Cancellation, KeyboardInterrupt and SystemExit pass always."""
    with pytest.raises(TypeError, match="only classes derived from Exception can be caught, not "):
        catch_as_failure(on=on)


@pytest.mark.parametrize("policy", [ValueError, (ValueError, KeyError)])
def test_exceptions_in_the_place_of_the_policy_are_refused(policy):
    """As a function of the exception, a class would make a success of every error."""
    with pytest.raises(TypeError, match=r"^the exceptions to catch are passed as on=\.\.\., the policy is a function"):
        catch_as_failure(policy)


def test_a_policy_must_be_callable():
    """Refused where it is written."""
    with pytest.raises(TypeError, match="^the policy must be callable, not 3$"):
        catch_as_failure(3)
