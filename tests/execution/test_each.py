"""What every execution promises of `each`: one call for each element, results in order, and what becomes of elements that fail."""

import anyio
import pytest
from anyio.lowlevel import checkpoint
from going_through import Broken, each_of, error_of, result_of

from yorch_async import (
    AttemptStarted,
    EachStarted,
    Failure,
    ItemEnded,
    ItemStarted,
    NodeEnded,
    OutputMissing,
    ResultError,
    RetryFixed,
    RetryWaiting,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    copy,
    copy_prev,
    fallback,
    from_ctx,
    from_input,
    item,
    limit,
    retry,
    retry_on,
    run_plan,
    run_sync,
    task,
    timeout,
    to_thread,
    value,
)
from yorch_async.testing import Recorder

pytestmark = pytest.mark.anyio

NUMBERS = range(1, 8)


def double(number):
    return 2 * number


async def double_late(number):
    await checkpoint()
    return 2 * number


def awaits_double(number):
    return double_late(number)


async def double_wrapped(number) -> TaskResult[int]:
    await checkpoint()
    return TaskResult.success(2 * number)


class Doubles:
    """Something to await that is no coroutine."""

    def __init__(self, number):
        self.number = number

    def __await__(self):
        yield from checkpoint().__await__()
        return 2 * self.number


DOUBLES = [double, double_late, awaits_double, double_wrapped, Doubles]


def odd_only(number, how):
    """Fail for even numbers, in one of the ways there are."""
    if number % 2:
        return number
    if how == "raise":
        raise Broken(f"{number} is even")
    return StepResult(StepStatus(how), f"{number} is even")


async def odd_only_late(number, how):
    await checkpoint()
    return odd_only(number, how)


def odd_only_awaited(number, how):
    return odd_only_late(number, how)


FUNCTIONS = pytest.mark.parametrize("fn", [odd_only, odd_only_late, odd_only_awaited])
HOWS = pytest.mark.parametrize("how", ["raise", "failure", "retry"])


# --- results


@pytest.mark.parametrize("fn", DOUBLES)
@pytest.mark.parametrize("count", [0, 1, 2, 128, 129, 300])
async def test_results_stand_in_the_order_of_the_elements(execution, fn, count):
    """Of functions, coroutine functions, and what turns out to give something to await."""
    tree, node = each_of(range(count), fn)
    assert [2 * number for number in range(count)] == (await result_of(tree, execution))[node]


@pytest.mark.parametrize("fn", DOUBLES)
@pytest.mark.parametrize("options", [{}, {"initial": 0}])
async def test_results_are_reduced_in_order(execution, fn, options):
    """Beginning with what is given, or with the first result."""
    tree, node = each_of(NUMBERS, fn, reduce=lambda so_far, each: 10 * so_far + each, **options)
    assert 2 * 1234567 == (await result_of(tree, execution))[node]


@pytest.mark.parametrize(
    "elements",
    [
        [1, 2, 3],
        (1, 2, 3),
        {1: "a", 2: "b", 3: "c"},
        {1: "a", 2: "b", 3: "c"}.keys(),
        type("Old", (), {"__getitem__": lambda self, index: [1, 2, 3][index]})(),
        type("Sized", (), {"__iter__": lambda self: iter([1, 2, 3]), "__len__": lambda self: 3})(),
        type("Unsized", (), {"__iter__": lambda self: iter([1, 2, 3]), "__length_hint__": lambda self: NotImplemented})(),
        type("Wrong", (), {"__iter__": lambda self: iter([1, 2, 3]), "__length_hint__": lambda self: "three"})(),
    ],
    ids=["list", "tuple", "dict", "keys", "by index", "sized", "no hint", "wrong hint"],
)
@pytest.mark.parametrize("observers", [[], [lambda event: None]])
async def test_whatever_is_iterable_has_elements(execution, elements, observers):
    """As in a for statement."""
    tree, node = each_of(elements, double)
    assert [2, 4, 6] == (await result_of(tree, execution, observers=observers))[node]


async def test_what_is_gone_through_is_made_by_over(execution):
    """A callable of the output, a coroutine function, or a Task with sources of its own."""

    async def later(word):
        await checkpoint()
        return word

    more = task(lambda word, more: word + more, borrow_prev(), value("c"))
    for over, expected in ((lambda word: word[::-1], "ba"), (later, "ab"), (more, "abc")):
        tree, node = each_of("ab", lambda letter: letter * 2, over=over)
        assert [letter * 2 for letter in expected] == (await result_of(tree, execution))[node]


async def test_over_may_answer_that_there_is_nothing_to_do(execution):
    """With a status, which is then that of the node; or with a result that has elements."""
    for answer in (StepResult.abort_branch("none"), TaskResult.abort_branch("none")):
        tree, node = each_of("ab", double, over=lambda word, answer=answer: answer)
        assert node not in await result_of(tree, execution)
    tree, node = each_of("ab", double, over=lambda word: TaskResult.success([1, 2]))
    assert [2, 4] == (await result_of(tree, execution))[node]


async def test_tasks_take_more_than_the_element(execution):
    """From the context, inputs, values, and the outputs of other nodes, borrowed or copied."""
    tree = TaskTree("t")
    root = tree.root(lambda: [1, 2], name="root")
    other = root.child(lambda: ["other"], name="other")

    def all_of(number, *, given, there, fixed, elements, copied, others):
        assert elements is not copied
        copied.append(number)
        return [number, given, there, fixed, elements, len(copied), others]

    sources = (
        item(int),
        from_input("given"),
        from_ctx(str),
        value("fixed"),
        borrow_prev(list),
        copy_prev(list),
        borrow(other),
    )
    bound = task(all_of, *sources)
    node = root.each(bound, name="each", after=other)
    result = await result_of(tree, execution, inputs={"given": 0}, ctx={str: "there"})
    rest = [0, "there", "fixed", [1, 2], 3, ["other"]]
    assert [[1, *rest], [2, *rest]] == result[node]


async def test_an_each_node_is_read_like_any_other(execution):
    """By children, by joins, and by further each nodes."""
    tree, node = each_of(NUMBERS, double)
    longer = node.each(lambda number: [number] * 2, name="longer")
    flat = longer.each(double, over=lambda lists: (each for one in lists for each in one), name="flat")
    total = node.child(sum, borrow_prev(list), name="total")
    joined = tree.join(lambda *given: given, borrow(total), copy(flat), name="joined", keep=True)
    on_join = joined.each(str, name="on join")
    doubled = [2 * number for number in NUMBERS]
    result = await result_of(tree, execution)
    expected = (sum(doubled), [2 * number for number in doubled for _ in range(2)])
    assert (expected, list(map(str, expected))) == (result[joined], result[on_join])


async def test_a_condition_decides_about_the_whole_node(execution):
    """It is lent the output that would be gone through."""
    for condition, is_run in ((lambda numbers: len(numbers) > 3, True), (lambda numbers: len(numbers) > 30, False)):
        calls = []
        tree, node = each_of(NUMBERS, calls.append, when=condition)
        result = await result_of(tree, execution)
        assert (list(NUMBERS) if is_run else []) == calls
        assert ([] if is_run else ["root/each: its condition did not hold"]) == list(map(str, result.skipped))
        assert is_run == (node in result)


async def test_tasks_without_an_output_give_none(execution):
    """No list is made of what says of itself that it returns nothing."""
    seen = []

    def note(number) -> None:
        seen.append(number)

    async def note_late(number) -> None:
        await checkpoint()
        seen.append(number)

    for fn in (note, note_late):
        seen.clear()
        tree, node = each_of(range(300), fn)
        result = await result_of(tree, execution)
        assert list(range(300)) == sorted(seen)
        with pytest.raises(OutputMissing, match="returns? nothing for an element"):
            result[node]


async def test_a_task_without_an_output_has_a_place_for_each_failure(execution):
    """Where failures are collected, None stands for the others."""

    def odd(number) -> None:
        if number % 2 == 0:
            raise Broken

    for observers in ([], [lambda event: None]):
        tree, node = each_of(range(1, 4), odd, on_item_failure="collect")
        one, two, three = (await result_of(tree, execution, observers=observers))[node]
        assert (None, None) == (one, three)
        assert "root/each#2" == two.path


# --- failures


@FUNCTIONS
@pytest.mark.parametrize("observers", [[], [lambda event: None]])
@pytest.mark.parametrize("elements", [[1, 2], [2]])
async def test_an_exception_ends_the_node_as_it_is(execution, fn, observers, elements):
    """It names the element, and nothing else besides."""
    tree, _ = each_of(elements, fn, item(), value("raise"))
    error = await error_of(tree, execution, observers=observers)
    assert "2 is even" == str(error)
    assert [f"in node 'root/each#{len(elements)}' of plan 't'"] == error.__notes__
    assert error.__context__ is None


@FUNCTIONS
@pytest.mark.parametrize("how", ["failure", "retry"])
@pytest.mark.parametrize("adapters", [(), (catch_as_failure(),)])
async def test_a_status_ends_the_node_with_that_status(execution, fn, how, adapters):
    """The reason names the element; adapters that see to exceptions see none."""
    calls = []

    def counted(number, how):
        calls.append(number)
        return fn(number, how)

    for elements in ([1, 2], [2]):
        calls.clear()
        tree, node = each_of(elements, counted, item(), value(how), adapters=adapters)
        result = await result_of(tree, execution)
        path = f"root/each#{len(elements)}"
        assert (StepStatus(how), f"{path}: 2 is even") == (result.status, result.step.reason)
        assert ["root/each"] == [failure.path for failure in result.failures]
        assert node not in result
        assert elements == sorted(calls)


@FUNCTIONS
@HOWS
@pytest.mark.parametrize("observers", [[], [lambda event: None]])
async def test_elements_that_fail_are_left_out(execution, fn, how, observers):
    """The result of the run counts them, and says why."""
    tree, node = each_of(NUMBERS, fn, item(), value(how), on_item_failure="skip")
    result = await result_of(tree, execution, observers=observers)
    assert [1, 3, 5, 7] == result[node]
    (left_out,) = result.left_out
    assert ("root/each", node.index, 3) == (left_out.path, left_out.index, left_out.count)
    places = [(failure.path, failure.index, failure.attempts) for failure in left_out.failures]
    assert [(f"root/each#{number}", node.index, 1) for number in (2, 4, 6)] == sorted(places)
    assert {StepStatus.FAILURE if how == "raise" else StepStatus(how)} == {failure.status for failure in left_out.failures}
    assert str(left_out).startswith("root/each: 3 elements left out, the first one root/each#")


async def test_the_first_hundred_that_are_left_out_are_noted(execution):
    """All of them are counted."""
    tree, _ = each_of(range(0, 500, 2), odd_only, item(), value("raise"), on_item_failure="skip")
    (left_out,) = (await result_of(tree, execution)).left_out
    assert (250, 100) == (left_out.count, len(left_out.failures))


@FUNCTIONS
@HOWS
async def test_elements_that_fail_stand_among_the_results(execution, fn, how):
    """As a Failure, each in its place; a reduction is passed them as well."""
    for options in ({}, {"reduce": lambda so_far, each: [*so_far, each], "initial": []}):
        tree, node = each_of(NUMBERS, fn, item(), value(how), on_item_failure="collect", **options)
        result = await result_of(tree, execution)
        found = result[node]
        assert [1, 3, 5, 7] == found[::2]
        assert all(type(each) is Failure for each in found[1::2])
        assert [f"root/each#{number}" for number in (2, 4, 6)] == [each.path for each in found[1::2]]
        assert () == result.left_out
        if how == "raise":
            assert ["2 is even", "4 is even", "6 is even"] == [str(each.error) for each in found[1::2]]


@FUNCTIONS
@pytest.mark.parametrize("on_item_failure", ["stop", "skip", "collect"])
async def test_elements_that_abort_their_branch_are_left_out(execution, fn, on_item_failure):
    """That is no failure, so nothing is said of it."""
    for options in ({}, {"reduce": lambda so_far, each: [*so_far, each], "initial": []}):
        abort = value("abort_branch")
        tree, node = each_of(NUMBERS, fn, item(), abort, on_item_failure=on_item_failure, **options)
        result = await result_of(tree, execution)
        assert [1, 3, 5, 7] == result[node]
        assert ((), ()) == (result.left_out, result.failures)


@FUNCTIONS
@pytest.mark.parametrize("on_item_failure", ["stop", "skip", "collect"])
async def test_an_element_that_aborts_the_execution_ends_the_run(execution, fn, on_item_failure):
    """Whatever is to become of elements that fail."""
    tree, node = each_of([1, 2], fn, item(), value("abort_execution"), on_item_failure=on_item_failure)
    result = await result_of(tree, execution)
    assert (StepStatus.ABORT_EXECUTION, "2 is even") == (result.status, result.step.reason)
    assert node not in result


async def test_what_was_left_out_before_the_run_was_ended_is_told(execution):
    """The result of a run that has ended early says it as well."""

    def fn(number):
        return StepResult.failure() if number == 1 else StepResult.abort_execution()

    tree, _ = each_of([1, 2], fn, on_item_failure="skip")
    result = await result_of(tree, execution)
    assert StepStatus.ABORT_EXECUTION is result.status
    assert [1] == [left_out.count for left_out in result.left_out]


@pytest.mark.parametrize("cause", [KeyboardInterrupt, SystemExit, type("Own", (BaseException,), {})])
@pytest.mark.parametrize("on_item_failure", ["stop", "skip", "collect"])
async def test_what_is_no_exception_passes_through(execution, cause, on_item_failure):
    """No option makes an outcome of it."""
    error = cause()

    def fn(number):
        raise error

    for observers in ([], [lambda event: None]):
        tree, _ = each_of(NUMBERS, fn, on_item_failure=on_item_failure)
        assert error is await error_of(tree, execution, observers=observers)


@pytest.mark.parametrize("on_item_failure", ["stop", "skip", "collect"])
@pytest.mark.parametrize("fn", [double, double_late, awaits_double])
@pytest.mark.parametrize("observers", [[], [lambda event: None]])
async def test_errors_from_elsewhere_are_those_of_the_node(execution, fn, on_item_failure, observers):
    """From where elements come from, from `over`, from what reduces them: no failure of an element."""

    def broken(elements):
        yield from elements[:2]
        raise Broken

    def raises(*_):
        raise Broken

    for options in ({"over": broken}, {"over": raises}, {"reduce": raises}, {"reduce": raises, "initial": 0}):
        tree, _ = each_of(NUMBERS, fn, on_item_failure=on_item_failure, **options)
        error = await error_of(tree, execution, observers=observers)
        assert Broken is type(error)
        assert ["in node 'root/each' of plan 't'"] == error.__notes__
        assert error.__context__ is None


@pytest.mark.parametrize("elements", [3, None, type("Not", (), {"__iter__": None})()])
async def test_what_has_no_elements_is_refused(execution, elements):
    """At its node."""
    tree, _ = each_of(elements, double)
    error = await error_of(tree, execution)
    assert (ResultError, "no-elements") == (type(error), error.rule)


async def test_an_error_of_iter_itself_is_told_as_it_is(execution):
    """A TypeError as well: it does not mean that there are no elements."""

    class Failing:
        def __iter__(self):
            raise TypeError("mine")

    tree, _ = each_of(Failing(), double)
    assert "mine" == str(await error_of(tree, execution))


async def test_nothing_cannot_be_reduced_to_something(execution):
    """Unless it is said what to begin with."""
    for elements, fn in (([], double), ([1, 2], lambda number: StepResult.abort_branch())):
        tree, node = each_of(elements, fn, reduce=lambda one, other: one, initial="none")
        assert "none" == (await result_of(tree, execution))[node]
        tree, node = each_of(elements, fn, reduce=lambda one, other: one)
        error = await error_of(tree, execution)
        assert (ResultError, "nothing-reduced") == (type(error), error.rule)


# --- adapters


async def test_adapters_work_on_each_element(execution):
    """They are those of the task."""
    attempts = []

    async def flaky(number):
        attempts.append(number)
        if attempts.count(number) < number:
            raise Broken
        return number

    waits = [retry_on(Broken, RetryFixed(3, delay=lambda count: 1.0), sleep=lambda seconds: checkpoint())]
    tree, node = each_of([1, 2, 3], flaky, adapters=waits)
    assert [1, 2, 3] == (await result_of(tree, execution))[node]
    assert [1, 2, 2, 3, 3, 3] == sorted(attempts)


async def test_an_answer_is_retried(execution):
    """As that of any node."""
    answers = {1: [StepResult.success(), StepResult.retry()], 2: [StepResult.success()]}
    tree, _ = each_of([1, 2], lambda number: answers[number].pop(), adapters=[retry(RetryFixed(1))], output=StepResult)
    assert (await result_of(tree, execution)).ok
    assert {1: [], 2: []} == answers


async def test_an_alternative_is_run_for_the_same_element(execution):
    """It may take the element too, and read other nodes; a value stands for the result."""
    tree = TaskTree("t")
    root = tree.root(lambda: [1, 2, 3], name="root")
    other = root.child(lambda: "other", name="other")
    instead = task(lambda number, name: f"{name} {number}", item(), borrow(other))
    node = root.each(task(odd_only, item(), value("raise"), adapters=[fallback(instead)]), name="each", after=other)
    assert [1, "other 2", 3] == (await result_of(tree, execution))[node]
    tree, node = each_of([1, 2, 3], odd_only, item(), value("raise"), adapters=[fallback(0)])
    assert [1, 0, 3] == (await result_of(tree, execution))[node]


async def test_a_thread_is_passed_its_own_element(execution):
    """Each call is made with what it was meant for."""
    tree, node = each_of(range(20), lambda number, more: number + more, item(), value(1), adapters=[to_thread()])
    assert list(range(1, 21)) == (await result_of(tree, execution))[node]


async def test_a_time_limit_is_that_of_an_element(execution):
    """The one that takes too long fails."""

    async def sleeps(number):
        if number == 2:
            await anyio.sleep_forever()
        return number

    tree, node = each_of([1, 2, 3], sleeps, adapters=[timeout(0.001)], on_item_failure="skip")
    assert [1, 3] == (await result_of(tree, execution))[node]


async def test_a_limit_holds_over_elements(execution):
    """It is shared by all of them."""
    now = most = 0

    async def counted(number):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await checkpoint()
        now -= 1

    tree, _ = each_of(range(20), counted, adapters=[limit(2)])
    await result_of(tree, execution)
    assert most <= 2


# --- observers


async def test_observers_are_told_of_each_element(execution):
    """In an order that the plan allows, with the index of the node and the path of the element."""
    seen = []

    async def flaky(number):
        seen.append(number)
        if number == 2 and seen.count(2) == 1:
            raise Broken
        return number

    tree, node = each_of(
        [1, 2],
        flaky,
        adapters=[retry_on(Broken, RetryFixed(1, delay=lambda count: 0.5), sleep=lambda seconds: checkpoint())],
    )
    recorder = Recorder()
    plan = compile_plan(tree)
    await run_plan(plan, execution=execution, observers=[recorder])
    recorder.check(plan)
    inside = [event for event in recorder.events if getattr(event, "path", "").startswith("root/each")]
    assert {node.index} == {event.index for event in inside}
    (started,) = (event for event in inside if isinstance(event, EachStarted))
    assert ("root/each", 2) == (started.path, started.total)
    second = [event for event in inside if event.path == "root/each#2"]
    kinds = [ItemStarted, AttemptStarted, RetryWaiting, AttemptStarted, ItemEnded]
    assert kinds == [type(event) for event in second]
    assert (2, StepStatus.SUCCESS, 2, None) == (second[-1].number, second[-1].status, second[-1].attempts, second[-1].error)


@pytest.mark.parametrize("how", ["raise", "failure"])
async def test_observers_are_told_how_an_element_has_failed(execution, how):
    """By a status, or by an exception."""
    tree, _ = each_of([2], odd_only, item(), value(how), on_item_failure="skip")
    recorder = Recorder()
    await result_of(tree, execution, observers=[recorder])
    (ended,) = (event for event in recorder.events if isinstance(event, ItemEnded))
    expected = (None, None) if how == "raise" else (StepStatus.FAILURE, "2 is even")
    assert expected == (ended.status, ended.reason)
    assert (how == "raise") == (ended.error is not None)


async def test_how_many_there_are_is_told_where_that_is_known(execution):
    """Not of a generator."""
    tree, _ = each_of([1, 2], double, over=lambda numbers: (number for number in numbers))
    recorder = Recorder()
    await result_of(tree, execution, observers=[recorder])
    assert [None] == [event.total for event in recorder.events if isinstance(event, EachStarted)]


@pytest.mark.parametrize("kind", [EachStarted, ItemStarted, AttemptStarted, RetryWaiting, ItemEnded])
@pytest.mark.parametrize("on_item_failure", ["stop", "skip", "collect"])
async def test_an_error_of_an_observer_ends_the_node(execution, kind, on_item_failure):
    """No adapter and no option makes an outcome of it."""
    closed = []

    def elements(given):
        try:
            yield from given
        finally:
            closed.append(True)

    def observe(event):
        if isinstance(event, kind) and event.path.startswith("root/each#" if kind is not EachStarted else "root/each"):
            raise Broken("observer")

    async def fails(number):
        raise ValueError

    adapters = [retry_on(Exception, RetryFixed(1), sleep=lambda seconds: checkpoint()), catch_as_failure()]
    tree, _ = each_of([1], fails, over=elements, on_item_failure=on_item_failure, adapters=adapters)
    error = await error_of(tree, execution, observers=[observe])
    assert "observer" == str(error)
    assert [True] == closed or kind is EachStarted


async def test_the_node_ends_as_its_elements_say(execution):
    """One start and one end of the node, around all of its elements."""
    tree, _ = each_of([1, 2], double)
    recorder = Recorder()
    await result_of(tree, execution, observers=[recorder])
    (ended,) = (event for event in recorder.events if isinstance(event, NodeEnded) and event.path == "root/each")
    assert StepStatus.SUCCESS is ended.status


# --- without a loop


async def test_it_runs_without_an_event_loop():
    """With everything that plain functions can do."""
    tree, node = each_of(NUMBERS, odd_only, item(), value("raise"), on_item_failure="skip")
    plan = compile_plan(tree)
    for observers in ([], [lambda event: None]):
        result = run_sync(plan, observers=observers)
        assert [1, 3, 5, 7] == result[node]
        assert 3 == result.left_out[0].count


async def test_what_waits_all_the_same_is_refused_without_a_loop():
    """At its node, whatever is to become of elements that fail."""
    tree, _ = each_of(NUMBERS, awaits_double)
    with pytest.raises(ResultError, match=r"\[suspends\]"):
        run_sync(compile_plan(tree))
