"""What stands in the place of a task: every sort of fake for every kind of task."""

from contextlib import asynccontextmanager, contextmanager
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import pytest

from yorch_async import (
    DirectOut,
    FromInput,
    ResultError,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    from_ctx,
    from_input,
    run,
    run_sync,
    task,
    task_forward_prev,
    task_into,
    task_into_member,
    task_member,
    value,
)
from yorch_async.testing import replaced, scripted

NEVER = AssertionError("the real task was called")


class Shop:
    def prices(self, city: str, *, most: int = 3) -> list:
        raise NEVER

    def fill(self, out: DirectOut[list]) -> None:
        raise NEVER


def fetch(city: str, *, most: int) -> list:
    raise NEVER


async def fetch_later(city: str, *, most: int) -> list:
    raise NEVER


def fetch_result(city: str, *, most: int) -> TaskResult[list]:
    raise NEVER


def fill(city: str, out: DirectOut[list]) -> None:
    raise NEVER


@contextmanager
def opened(city: str):
    raise NEVER
    yield


def mail(city: str) -> None:
    raise NEVER


def mail_status(city: str) -> StepResult:
    raise NEVER


CITY = value("Bern")
TASKS = {
    "regular": task(fetch, CITY, value(9)),
    "async": task(fetch_later, CITY, value(9)),
    "result": task(fetch_result, CITY, value(9)),
    "unknown": task(lambda city, most: NEVER, CITY, value(9)),
    "member": task_member(Shop.prices, value(Shop()), CITY),
    "direct": task_into(fill, CITY),
    "direct member": task_into_member(Shop.fill, value(Shop())),
    "managed": task(opened, CITY, managed=True),
}
KINDS = pytest.mark.parametrize("kind", TASKS)
WAYS = pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
RUNS = pytest.mark.parametrize("runner", [run, run_sync], ids=["loop", "sync"])


def outcome(kind, fake, *, optimize=False, runner=run):
    """Put a fake into the place of a task, and run it with a child that reads what it gives."""
    tree, seen = TaskTree("t"), []
    node = tree.root(TASKS[kind], name="node")
    node.child(seen.append, borrow_prev(), name="reader")
    plan = replaced(compile_plan(tree, optimize=optimize), {node: fake})
    result = runner(plan)
    assert result.ok is bool(seen)
    return seen[0] if seen else result.step


@KINDS
@WAYS
@RUNS
def test_a_value_is_the_output(kind, optimize, runner):
    """Of every kind of task, also without a loop where the task itself needs one."""
    given = [1.0]
    assert given is outcome(kind, given, optimize=optimize, runner=runner)


@KINDS
@pytest.mark.parametrize("given", [None, 0, StepStatus, Mock(), len], ids=repr)
def test_a_result_gives_any_value(kind, given):
    """Also what could not stand there alone: None, a class, something that can be called."""
    assert given is outcome(kind, TaskResult.success(given))


@KINDS
@WAYS
def test_none_is_a_value(kind, optimize):
    """Where the task has an output, it may be None."""
    assert outcome(kind, None, optimize=optimize) is None


@KINDS
@WAYS
@pytest.mark.parametrize("make", [StepResult.failure, TaskResult.failure, StepResult.abort_branch, StepResult.retry])
def test_a_result_is_the_answer(kind, optimize, make):
    """The status with its reason."""
    answer = make("no luck")
    assert (answer.step if isinstance(answer, TaskResult) else answer) == outcome(kind, answer, optimize=optimize)
    assert "no luck" == outcome(kind, lambda: answer, optimize=optimize).reason


def test_a_value_that_could_be_awaited_is_not():
    """It is the output."""

    class Later:
        def __await__(self):
            raise NEVER

    later = Later()
    assert later is outcome("regular", later)


@KINDS
@pytest.mark.parametrize("fake", [OSError("gone"), OSError], ids=["exception", "class"])
def test_an_exception_is_raised(kind, fake):
    """An object or a class of them, as it is, with the place where."""
    with pytest.raises(OSError) as caught:
        outcome(kind, fake)
    assert ["in node 'node' of plan 't'"] == caught.value.__notes__
    assert isinstance(fake, type) or fake is caught.value


ARGUMENTS = {
    "regular": (("Bern",), {"most": 9}),
    "async": (("Bern",), {"most": 9}),
    "result": (("Bern",), {"most": 9}),
    "unknown": (("Bern", 9), {}),
    "managed": (("Bern",), {}),
}


@pytest.mark.parametrize("kind", ARGUMENTS)
@WAYS
def test_a_callable_is_called_with_the_arguments_of_the_task(kind, optimize):
    """Positional ones and those by keyword, and its value is the output."""
    mock = Mock(return_value=[2.0])
    assert [2.0] == outcome(kind, mock, optimize=optimize)
    args, kwargs = ARGUMENTS[kind]
    mock.assert_called_once_with(*args, **kwargs)


@pytest.mark.parametrize("kind", ARGUMENTS)
@WAYS
def test_a_coroutine_function_is_awaited(kind, optimize):
    """Whatever the task itself is; a mock of one as well."""
    args, kwargs = ARGUMENTS[kind]

    async def fake(city, most=0):
        return [city, most]

    assert ["Bern", kwargs.get("most", (*args, 0)[1])] == outcome(kind, fake, optimize=optimize)
    mock = AsyncMock(return_value=[2.0])
    assert [2.0] == outcome(kind, mock, optimize=optimize)
    mock.assert_awaited_once_with(*args, **kwargs)


def test_a_receiver_is_an_argument():
    """The first one, as in a call of the function that the class holds."""
    mock = Mock(return_value=[2.0])
    assert [2.0] == outcome("member", mock)
    (receiver, city), _ = mock.call_args
    assert ("Shop", "Bern") == (type(receiver).__name__, city)


@WAYS
def test_a_callable_for_a_direct_output_task_writes_or_returns(optimize):
    """It is passed the handle behind the other arguments."""

    def writes(city, out):
        out.emplace([city])

    def succeeds(city, out):
        return out.success([city])

    async def returns(city, out):
        return [city]

    for fake in (writes, succeeds, returns, lambda city, out: TaskResult.success([city])):
        assert ["Bern"] == outcome("direct", fake, optimize=optimize)
    assert [3] == outcome("direct member", lambda shop, out: [3], optimize=optimize)
    assert [3] == outcome("direct", scripted([3]), optimize=optimize)


def test_a_direct_output_fake_that_gives_nothing_is_told():
    """As the task would be."""
    with pytest.raises(ResultError) as caught:
        outcome("direct", lambda city, out: None)
    assert "empty-slot" == caught.value.rule


@RUNS
def test_a_callable_for_a_managed_task_may_return_a_context_manager(runner):
    """It is entered and exited; anything else is what it would yield."""
    log = []

    @contextmanager
    def fake(city):
        log.append("enter")
        yield [city]
        log.append("exit")

    assert ["Bern"] == outcome("managed", fake, runner=runner)
    assert ["enter", "exit"] == log
    assert [1] == outcome("managed", lambda: [1], runner=runner)
    mock = MagicMock()
    entered = mock.return_value.__enter__ if runner is run_sync else mock.return_value.__aenter__
    assert entered.return_value is outcome("managed", mock, runner=runner)


def test_an_async_context_manager_is_entered_as_well():
    """As that of the task would be."""

    @asynccontextmanager
    async def fake(city):
        yield [city]

    assert ["Bern"] == outcome("managed", fake)


def test_a_value_of_a_managed_task_is_not_entered():
    """It is what the context manager would yield."""
    connection = MagicMock()
    connection.__enter__.side_effect = NEVER
    assert connection is outcome("managed", TaskResult.success(connection))


@KINDS
@WAYS
@RUNS
def test_a_callable_without_parameters_needs_no_arguments(kind, optimize, runner):
    """It is called with none."""
    assert [4] == outcome(kind, lambda: [4], optimize=optimize, runner=runner)


@KINDS
def test_a_coroutine_function_without_parameters(kind):
    """The same, awaited."""

    async def fake():
        return [4]

    assert [4] == outcome(kind, fake)


@KINDS
def test_a_script_is_followed(kind):
    """It takes no arguments either."""
    assert [4] == outcome(kind, scripted([4]))


def test_a_callable_whose_parameters_nobody_knows_is_called():
    """Some built-in ones do not say what they take."""
    tree = TaskTree("t")
    node = tree.root(task(fetch, value([("a", 1)]), value(9)), name="node")
    assert {"a": 1, "most": 9} == run(replaced(compile_plan(tree), {node: dict}))[node]


def test_another_task_may_stand_in():
    """By its function: the sources are those of the node."""

    @task
    async def fake(city: FromInput[str], most: FromInput[int]):
        return [city, most]

    assert ["Bern", 9] == outcome("regular", fake)


def test_a_script_raises_and_repeats():
    """Exceptions are raised, classes of them too, and the last answer is repeated."""
    script = scripted(1, ValueError("two"), KeyError, 3)
    assert script("any", argument=1) == 1
    with pytest.raises(ValueError, match="two"):
        script()
    with pytest.raises(KeyError):
        script()
    assert [script(), script()] == [3, 3]
    with pytest.raises(ValueError, match="^a script needs at least one answer$"):
        scripted()


def test_a_script_can_be_a_task():
    """It is called so."""
    tree = TaskTree()
    assert "scripted" == tree.root(scripted(1)).name


# --- tasks without an output of their own


def silent(fn, fake, *, runner=run, optimize=False):
    """Run a fake in the place of a task that has no output."""
    tree = TaskTree("t")
    tree.root(fn, CITY, name="node")
    return runner(replaced(compile_plan(tree, optimize=optimize), {"node": fake}))


SILENT = pytest.mark.parametrize("fn", [mail, mail_status])


@SILENT
@RUNS
@WAYS
@pytest.mark.parametrize(
    "fake",
    [None, StepResult.success(), TaskResult.success(None), Mock(), lambda: 3, scripted(TaskResult.success(3)), AsyncMock()],
    ids=["None", "step", "result", "mock", "callable", "script", "async mock"],
)
def test_a_task_without_output_succeeds(fn, runner, optimize, fake):
    """What a callable returns besides is dropped: nobody could read it, and a mock always returns something."""
    result = silent(fn, fake, runner=runner, optimize=optimize)
    assert (StepStatus.SUCCESS, []) == (result.status, list(result.items()))


@SILENT
@pytest.mark.parametrize("fake", [StepResult.failure("no"), TaskResult.failure("no"), lambda city: StepResult.failure("no")])
def test_a_task_without_output_answers(fn, fake):
    """With a status."""
    assert "no" == silent(fn, fake).step.reason


def clear(items: list) -> None:
    raise NEVER


PASSES_ON = "'items/cleared' passes its parent's object on, so its fake cannot give"
INSTEAD = "give a callable that changes it, None or a StepResult"


def forwarding(fake, *, runner=run, optimize=False):
    """Run a fake in the place of a task that passes on its parent's list."""
    tree = TaskTree("t")
    items = tree.root(lambda: [1], name="items")
    node = items.child(task_forward_prev(clear, borrow_prev_mut(list)), name="cleared")
    return runner(replaced(compile_plan(tree, optimize=optimize), {node: fake}))


@RUNS
@WAYS
def test_a_forwarding_fake_changes_the_object_or_leaves_it(runner, optimize):
    """It passes on what it was given."""
    for fake, expected in [(None, [1]), (lambda items: items.append(2), [1, 2]), (StepResult.success(), [1])]:
        assert expected == forwarding(fake, runner=runner, optimize=optimize)["cleared"]
    assert [1] == forwarding(lambda: None, runner=runner, optimize=optimize)["cleared"]
    assert "no" == forwarding(TaskResult.failure("no"), runner=runner, optimize=optimize).step.reason


def test_a_forwarding_fake_cannot_return_another_object():
    """As the task could not."""
    with pytest.raises(ResultError) as caught:
        forwarding(lambda items: [7])
    assert "result-type" == caught.value.rule


# --- what cannot stand there


@pytest.mark.parametrize(
    ("make", "error", "expected"),
    [
        (
            lambda: forwarding([7]),
            ValueError,
            f"{PASSES_ON} [7]; {INSTEAD}",
        ),
        (
            lambda: forwarding(TaskResult.success(7)),
            ValueError,
            f"{PASSES_ON} 7; {INSTEAD}",
        ),
        (
            lambda: silent(mail, 3),
            ValueError,
            "'node' is declared to return None, so its fake cannot give 3; give None or a StepResult",
        ),
        (
            lambda: silent(mail_status, True),
            ValueError,
            "'node' is declared to return StepResult, so its fake cannot give True; give None or a StepResult",
        ),
        (
            lambda: outcome("regular", StepStatus.FAILURE),
            TypeError,
            "the fake of 'node' is StepStatus.FAILURE, and a status alone is no answer; StepResult has a constructor for each",
        ),
        (
            lambda: outcome("regular", lambda city: 3),
            ValueError,
            "the fake of 'node' takes (city), but is called with city, most=: got an unexpected keyword argument 'most'",
        ),
        (
            lambda: outcome("direct", create_autospec(mail)),
            ValueError,
            "the fake of 'node' takes (city: str) -> None, but is called with city, out: too many positional arguments",
        ),
        (
            lambda: run(replaced(compile_plan(lone()), {"lone": lambda city: 3})),
            ValueError,
            "the fake of 'lone' takes (city), but is called with no arguments: missing a required argument: 'city'",
        ),
    ],
)
def test_what_cannot_stand_in_a_place_is_refused_before_the_run(make, error, expected):
    """It says where, why, and what to write instead."""
    with pytest.raises(error) as caught:
        make()
    assert expected == str(caught.value)


def lone():
    """A tree of a task without arguments."""
    tree = TaskTree("t")
    tree.root(lambda: NEVER, name="lone")
    return tree


def test_a_fake_that_gives_a_wrong_argument_source_is_unchanged():
    """Sources of arguments are the node's own: context and inputs arrive at the fake."""
    tree, mock = TaskTree("t"), Mock(return_value=1)
    tree.root(lambda shop, city: NEVER, from_ctx(int), from_input("city", str), name="node")
    run(replaced(compile_plan(tree), {"node": mock}), {int: 7}, inputs={"city": "Bern"})
    mock.assert_called_once_with(7, "Bern")
