"""What every execution promises: which nodes run, in which order, with which outputs, and how the run ends."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from yorch_async import (
    Context,
    Fanout,
    RegistrationError,
    ResultError,
    SerialDfs,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    run_plan,
    task_forward_prev,
    task_into,
    task_member,
    value,
)
from yorch_async import DirectOut as Out

pytestmark = pytest.mark.anyio


@contextmanager
def raises(execution, cls, match):
    """Expect an exception to leave a run: as it is, or as the only one of a group."""
    found = SimpleNamespace(value=None)
    if isinstance(execution, SerialDfs):
        with pytest.raises(cls, match=match) as caught:
            yield found
        found.value = caught.value
    else:
        with pytest.RaisesGroup(pytest.RaisesExc(cls, match=match)) as caught:
            yield found
        (found.value,) = caught.value.exceptions


def marked(log, name, answer=None):
    """Make a task that logs its name and answers."""

    async def run_it():
        log.append(name)
        return answer

    return run_it


async def test_children_run_depth_first_in_the_order_of_registration(execution):
    """Also where the handles were used in another order."""
    log: list[str] = []
    tree = TaskTree()
    root = tree.root(marked(log, "root"))
    one = root.child(marked(log, "one"))
    two = root.child(marked(log, "two"))
    two.child(marked(log, "two.a"))
    one.child(marked(log, "one.a"))
    one.child(marked(log, "one.b"))
    result = await run_plan(compile_plan(tree), execution=execution)
    assert ["root", "one", "one.a", "one.b", "two", "two.a"] == log
    assert result.status is StepStatus.SUCCESS
    assert result.ok
    assert result.failures == ()


@pytest.mark.parametrize("status", [StepStatus.FAILURE, StepStatus.RETRY, StepStatus.ABORT_EXECUTION])
@pytest.mark.parametrize("make", [StepResult, lambda status, reason: TaskResult(StepResult(status, reason))])
async def test_some_statuses_end_the_run_with_that_status(execution, status, make):
    """Neither the children nor the siblings run; the failure says who it was."""
    log: list[str] = []
    tree = TaskTree("t")
    root = tree.root(marked(log, "root", 1), name="root")
    bad = root.child(marked(log, "bad", make(status, "because")), name="bad")
    bad.child(marked(log, "below"))
    root.child(marked(log, "sibling"))
    result = await run_plan(compile_plan(tree), execution=execution)
    assert ["root", "bad"] == log
    assert result.status is status
    assert not result.ok
    assert result.step == StepResult(status, "because")
    (failure,) = result.failures
    assert ("root/bad", 1, status, "because", None, 1) == (
        failure.path,
        failure.index,
        failure.status,
        failure.reason,
        failure.error,
        failure.attempts,
    )


async def test_abort_branch_leaves_out_the_subtree_alone(execution):
    """Siblings go on, and the run is a success."""
    log: list[str] = []
    tree = TaskTree()
    root = tree.root(marked(log, "root"))
    cut = root.child(marked(log, "cut", StepResult.abort_branch("not today")))
    below = cut.child(marked(log, "below"))
    below.child(marked(log, "further below"))
    root.child(marked(log, "sibling", 3), name="sibling")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert ["root", "cut", "sibling"] == log
    assert result.ok
    assert result["sibling"] == 3
    assert result.failures == ()


async def test_abort_branch_of_the_root_is_the_status_of_the_run(execution):
    """It is not a failure, and not a success either."""
    log: list[str] = []
    tree = TaskTree()
    tree.root(marked(log, "root", StepResult.abort_branch("empty"))).child(marked(log, "below"))
    result = await run_plan(compile_plan(tree), execution=execution)
    assert log == ["root"]
    assert result.status is StepStatus.ABORT_BRANCH
    assert result.step.reason == "empty"
    assert result.failures == ()
    assert result.raise_for_status() is result


async def test_every_source_reaches_its_parameter(execution):
    """In the order of the parameters, with keywords where they must be."""

    def root(stored, ctx_object, given, left_out="default"):
        return [stored, ctx_object, given, left_out]

    def child(borrowed, /, stored, *rest, key, other=0):
        return [borrowed, stored, rest, key, other]

    tree = TaskTree()
    node = tree.root(root, value("stored"), from_ctx(int), from_input("name"))
    leaf = node.child(child, borrow_prev(list), value(1), value(2), value(3), value(4))
    result = await run_plan(compile_plan(tree), Context(7), inputs={"name": "given"}, execution=execution)
    assert [["stored", 7, "given", "default"], 1, (2, 3), 4, 0] == result[leaf]


async def test_an_input_with_a_default_may_be_left_out(execution):
    """The parameter's default is used; a value that is given is preferred."""

    def root(text: str = "default") -> str:
        return text

    tree = TaskTree()
    node = tree.root(root, from_input())
    plan = compile_plan(tree)
    assert (await run_plan(plan, execution=execution))[node] == "default"
    assert (await run_plan(plan, inputs={"text": "given"}, execution=execution))[node] == "given"


async def test_copies_are_made_for_each_attempt(execution):
    """Of values, context objects and outputs; the originals stay as they are."""
    stored, shared = [1], [2]

    def change(a, b, c):
        for each in (a, b, c):
            each.append(0)
        return [a, b, c]

    tree = TaskTree()
    root = tree.root(lambda: [3], keep=True, name="root")
    leaf = root.child(change, value(stored, copy=True), from_ctx(list, copy=True), copy_prev(list))
    result = await run_plan(compile_plan(tree), Context(shared), execution=execution)
    assert [[1, 0], [2, 0], [3, 0]] == result[leaf]
    assert ([1], [2], [3]) == (stored, shared, result["root"])


async def test_a_stored_value_is_the_object_itself(execution):
    """As a reference in C++: a task may change it."""
    stored: list[int] = []
    tree = TaskTree()
    tree.root(lambda items: items.append(1), value(stored))
    await run_plan(compile_plan(tree), execution=execution)
    assert stored == [1]


async def test_a_mutable_borrow_changes_the_output_itself(execution):
    """And a forwarding node passes that very object on."""
    made = []

    def make() -> list:
        made.append([1])
        return made[0]

    def append(items: list) -> None:
        items.append(len(items) + 1)

    tree = TaskTree()
    one = tree.root(make).child(task_forward_prev(append, borrow_prev_mut(list)))
    two = one.child(task_forward_prev(append, borrow_prev_mut(list)))
    result = await run_plan(compile_plan(tree), execution=execution)
    assert result[two] is made[0]
    assert result[two] == [1, 2, 3]


async def test_a_forwarding_node_that_does_not_succeed_keeps_its_changes(execution):
    """There is no rolling back; the node's children do not run."""
    payload: list[int] = []

    def spoil(items):
        items.append(1)
        return StepResult.abort_branch()

    tree = TaskTree()
    forward = tree.root(lambda: payload).child(task_forward_prev(spoil, borrow_prev_mut()))
    forward.child(lambda x: x, borrow_prev(), name="reader")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert result.ok
    assert payload == [1]
    assert "reader" not in result


async def test_consumers_and_copiers_do_not_depend_on_their_order(execution):
    """The copy for the copiers is made before any child starts."""

    def drain(items: list) -> list:
        taken = list(items)
        items.clear()
        return taken

    for order in (("consume", "copy"), ("copy", "consume")):
        tree = TaskTree()
        root = tree.root(lambda: [1, 2], fanout=Fanout.CONSUME_WITH_COPIES)
        nodes = {kind: root.child(drain, consume_prev() if kind == "consume" else copy_prev()) for kind in order}
        result = await run_plan(compile_plan(tree), execution=execution)
        assert [1, 2] == result[nodes["copy"]] == result[nodes["consume"]]


async def test_a_direct_output_is_what_was_written(execution):
    """By any of the handle's ways; the task's answer is a status alone."""

    def by_emplace(out: Out[list[int]]) -> None:
        out.emplace((1, 2)).append(3)

    async def by_success(items: list[int], out: Out[int]) -> StepResult:
        assert not out.has_value
        return out.success(len(items))

    tree = TaskTree()
    root = tree.root(task_into(by_emplace), keep=True)
    leaf = root.child(task_into(by_success, borrow_prev(list)))
    result = await run_plan(compile_plan(tree), execution=execution)
    assert [1, 2, 3] == result[root]
    assert result[leaf] == 3


async def test_a_direct_output_is_the_last_parameter(execution):
    """The handle is passed after all other arguments; no keyword can come after it."""

    def fill(copied, out: Out[list], *, key, other=0) -> None:
        out.set([copied, key, other])

    tree = TaskTree()
    with pytest.raises(RegistrationError, match="its last parameter 'other' is no DirectOut"):
        task_into(fill, copy_prev(), value(2))

    def fill_last(copied, key, out: Out[list]) -> None:
        out.set([copied, key])

    leaf = tree.root(lambda: 1).child(task_into(fill_last, copy_prev(), value(2)))
    assert [1, 2] == (await run_plan(compile_plan(tree), execution=execution))[leaf]


async def test_a_direct_output_that_does_not_succeed_is_dropped(execution):
    """Also if it was written; the failure keeps its reason."""

    def fill(out: Out[int]) -> StepResult:
        out.set(1)
        return StepResult.failure("changed my mind")

    tree = TaskTree()
    node = tree.root(task_into(fill))
    result = await run_plan(compile_plan(tree), execution=execution)
    assert result.step == StepResult.failure("changed my mind")
    assert node not in result


async def test_none_is_an_output_like_any_other(execution):
    """A task that is not annotated `-> None` and returns None has the output None."""
    tree = TaskTree()
    root = tree.root(lambda: None)
    leaf = root.child(lambda x: x is None, borrow_prev())
    silent = root.child(nothing)
    result = await run_plan(compile_plan(tree), execution=execution)
    assert result[leaf] is True
    assert silent not in result


def nothing() -> None:
    """Answer nothing."""


async def test_an_exception_that_nobody_catches_is_raised_as_it_is(execution):
    """With a note that names the node; the nodes after it do not run."""
    log: list[str] = []
    error = ValueError("broken")

    async def fail():
        raise error

    tree = TaskTree("scene")
    root = tree.root(marked(log, "root"), name="root")
    root.child(fail, name="fails")
    root.child(marked(log, "sibling"))
    plan = compile_plan(tree)
    with raises(execution, ValueError, match="broken") as caught:
        await run_plan(plan, execution=execution)
    assert caught.value is error
    assert error.__notes__ == ["in node 'root/fails' of plan 'scene'"]
    with raises(execution, ValueError, match="broken"):
        await run_plan(plan, execution=execution)
    assert error.__notes__ == ["in node 'root/fails' of plan 'scene'"], "the same note is not added twice"
    assert log == ["root", "root"]


async def test_a_caught_exception_is_a_failure_that_carries_it(execution):
    """The run ends with FAILURE; raise_for_status raises from it."""
    error = ValueError("broken")

    def fail():
        raise error

    tree = TaskTree("t")
    tree.root(fail, adapters=(catch_as_failure(),))
    result = await run_plan(compile_plan(tree), execution=execution)
    (failure,) = result.failures
    assert failure.error is error
    with pytest.raises(Exception, match="ended with FAILURE") as caught:
        result.raise_for_status()
    assert caught.value.__cause__ is error


async def test_a_plan_can_be_run_many_times(execution):
    """Nothing of one run is seen by another."""
    tree = TaskTree()
    leaf = tree.root(lambda: [0]).child(lambda items: [*items, len(items)], consume_prev())
    plan = compile_plan(tree)
    results = [await run_plan(plan, execution=execution) for _ in range(3)]
    assert [[0, 1]] * 3 == [result[leaf] for result in results]


async def test_a_node_that_answers_success_without_an_output_that_is_read(execution):
    """The error is at the node that gives nothing, not at its reader."""
    tree = TaskTree()
    root = tree.root(lambda: StepResult.success(), name="root")
    root.child(lambda x: x, borrow_prev(), name="reader")
    with raises(execution, Exception, match="no-output") as caught:
        await run_plan(compile_plan(tree), execution=execution)
    assert caught.value.path == "root"
    assert "'root/reader' reads it" in str(caught.value)


async def test_an_abort_needs_no_output_for_readers(execution):
    """Who aborts the branch need not give what only the branch reads."""
    tree = TaskTree()
    root = tree.root(lambda: TaskResult.abort_branch(), name="root")
    root.child(lambda x: x, borrow_prev())
    assert (await run_plan(compile_plan(tree), execution=execution)).status is StepStatus.ABORT_BRANCH


@pytest.mark.parametrize(
    ("declared", "answer", "shown"),
    [
        (None, 3, "an object of type int"),
        (None, TaskResult.success(None), "an object of type TaskResult"),
        (StepResult, None, "None"),
        (StepResult, 3, "an object of type int"),
        (TaskResult[int], 3, "an object of type int"),
        (TaskResult[int], None, "None"),
    ],
)
async def test_a_result_that_the_declaration_excludes_is_an_error(execution, declared, answer, shown):
    """A value that nobody expects would be lost, and a forgotten `return` would pass for a success."""
    tree = TaskTree()
    tree.root(lambda: answer, output=declared, name="root")
    with raises(execution, ResultError, match=f"^root: returned {shown}, but .* \\[result-type\\]"):
        await run_plan(compile_plan(tree), execution=execution)


@pytest.mark.parametrize(
    ("declared", "answer"),
    [
        (None, None),
        (None, StepResult.success()),
        (StepResult | None, None),
        (StepResult, StepResult.success()),
        (TaskResult[int], TaskResult.success(3)),
        (TaskResult[int], StepResult.success()),
        (int, "text"),
    ],
)
async def test_a_result_that_the_declaration_admits(execution, declared, answer):
    """Values are not compared with the declared class: that would cost every call."""
    tree = TaskTree()
    tree.root(lambda: answer, output=declared)
    assert (await run_plan(compile_plan(tree), execution=execution)).ok


@pytest.mark.parametrize("answer", [3, TaskResult.success(None)])
@pytest.mark.parametrize("kind", ["forward", "into"])
async def test_the_other_kinds_answer_only_how_it_went(execution, kind, answer):
    """Their output is elsewhere."""
    tree = TaskTree()
    if kind == "into":
        tree.root(task_into(lambda out: answer))
    else:
        tree.root(list).child(task_forward_prev(lambda items: answer, borrow_prev_mut()))
    with raises(execution, ResultError, match="takes only None or a StepResult"):
        await run_plan(compile_plan(tree), execution=execution)


async def test_what_was_written_is_dropped_when_an_adapter_denies_it(execution):
    """The answer that counts is that of the outermost adapter."""

    class Deny:
        def wrap(self, call):
            async def denied(attempt):
                await call(attempt)
                return StepResult.failure("denied")

            return denied

    tree = TaskTree()
    tree.root(task_into(lambda out: out.set(1), adapters=(Deny(),)))
    result = await run_plan(compile_plan(tree), execution=execution)
    assert result.step.reason == "denied"


async def test_a_direct_output_that_was_not_written_is_an_error(execution):
    """A success must not be an empty one."""
    tree = TaskTree()
    tree.root(task_into(lambda out: None), name="root")
    with raises(execution, ResultError, match="^root: .* \\[empty-slot\\]"):
        await run_plan(compile_plan(tree), execution=execution)


async def test_an_adapter_that_answers_for_a_direct_output_leaves_it_empty(execution):
    """It has not called the task, or has let go of what it wrote; the child must not meet an empty slot."""

    class Skip:
        def wrap(self, call):
            async def skipped(attempt):
                return StepResult.success()

            return skipped

    class Forget:
        def wrap(self, call):
            async def forgotten(attempt):
                await call(attempt)
                await attempt.reset()
                return StepResult.success()

            return forgotten

    for adapter in (Skip(), Forget()):
        tree = TaskTree()
        tree.root(task_into(lambda out: out.set(1), adapters=(adapter,)), name="root").child(lambda x: x, borrow_prev())
        with raises(execution, ResultError, match="^root: .* \\[empty-slot\\]"):
            await run_plan(compile_plan(tree), execution=execution)


@pytest.mark.parametrize("adapters", [(), (catch_as_failure(on=KeyError),)])
async def test_a_bare_status_is_no_answer(execution, adapters):
    """It would otherwise be an output, and the failure a success."""
    tree = TaskTree()
    tree.root(lambda: StepStatus.FAILURE, name="root", adapters=adapters)
    with raises(execution, ResultError, match="^root: returned StepStatus.FAILURE, but a status alone is no answer"):
        await run_plan(compile_plan(tree), execution=execution)


async def test_a_plain_override_of_an_async_method(execution):
    """What the method returns decides whether it is awaited."""

    class Base:
        async def load(self):
            return 1

    class Plain(Base):
        def load(self):
            return frozenset({2})

    tree = TaskTree()
    node = tree.root(task_member(Base.load, value(Plain())))
    assert (await run_plan(compile_plan(tree), execution=execution))[node] == {2}


@pytest.mark.parametrize("order", ["cd", "dc"])
async def test_children_that_copy_in_different_ways_do_not_depend_on_each_other(execution, order):
    """The copy that is made for them is a deep one then."""

    def spoil(rows):
        rows[0].append("spoilt")

    tree = TaskTree()
    root = tree.root(lambda: [[1]], fanout=Fanout.CONSUME_WITH_COPIES)
    root.child(spoil, consume_prev())
    kinds = {"c": copy_prev(copier=list.copy), "d": copy_prev()}
    for kind in order:
        root.child(lambda rows: rows, kinds[kind], name=kind)
    result = await run_plan(compile_plan(tree), execution=execution)
    assert [[1]] == result["c"] == result["d"]
