"""Nodes that own a resource: entered by the node, exited when its output is released."""

from contextlib import asynccontextmanager, contextmanager

import pytest

from yorch_async import (
    Fanout,
    ResultError,
    RetryFixed,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    retry,
    retry_on,
    run_plan,
    task,
)

pytestmark = pytest.mark.anyio


class Log(list):
    """What happened, in order."""

    def node(self, name, answer=None):
        def step(*_):
            self.append(name)
            return answer

        return step

    def resource(self, name, *, sync=False, fail_on_exit=None):
        """A context manager that logs, and what it is told at the end."""

        @contextmanager
        def sync_manager(*_):
            self.append(f"enter {name}")
            try:
                yield name
            except BaseException as error:
                self.append(f"exit {name}: {type(error).__name__}")
                raise
            else:
                self.append(f"exit {name}")
            if fail_on_exit is not None:
                raise fail_on_exit

        @asynccontextmanager
        async def async_manager(*_):
            with sync_manager():
                yield name

        return sync_manager if sync else async_manager


@pytest.fixture
def log():
    """A fresh one."""
    return Log()


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_resource_is_exited_after_its_last_reader(log, sync):
    """What it yields is the output; nodes after the last reader run without it."""
    tree = TaskTree()
    root = tree.root(log.resource("db", sync=sync), managed=True)
    reader = root.child(lambda x: log.append(f"read {x}"), borrow_prev())
    reader.child(log.node("below"))
    root.child(log.node("sibling"))
    await run_plan(compile_plan(tree))
    assert ["enter db", "read db", "exit db", "below", "sibling"] == log


async def test_a_resource_made_from_another_is_exited_first(log):
    """A managed reader holds what it reads until its own exit."""
    tree = TaskTree()
    pool = tree.root(log.resource("pool"), managed=True)
    connection = pool.child(log.resource("connection"), borrow_prev(), managed=True)
    connection.child(log.node("query"), borrow_prev())
    pool.child(log.node("after"))
    await run_plan(compile_plan(tree))
    assert ["enter pool", "enter connection", "query", "exit connection", "exit pool", "after"] == log


async def test_a_resource_of_a_leaf_lives_until_the_run_ends(log):
    """As its output stays in the result; so does what it was made from."""
    tree = TaskTree()
    pool = tree.root(log.resource("pool"), managed=True)
    leaf = pool.child(log.resource("connection"), borrow_prev(), managed=True)
    pool.child(log.node("after"))
    result = await run_plan(compile_plan(tree))
    assert ["enter pool", "enter connection", "after", "exit connection", "exit pool"] == log
    assert result[leaf] == "connection"


async def test_a_kept_resource_lives_until_the_run_ends(log):
    """`keep=True` says that somebody reads it after the run; its exit cannot wait for that."""
    tree = TaskTree()
    root = tree.root(log.resource("db"), managed=True, keep=True)
    root.child(log.node("read"), borrow_prev())
    root.child(log.node("after"))
    result = await run_plan(compile_plan(tree))
    assert ["enter db", "read", "after", "exit db"] == log
    assert result[root] == "db"


async def test_the_exception_that_ends_the_run_is_told_innermost_first(log):
    """To every resource that is open then."""

    def fail(*_):
        raise ValueError("broken")

    tree = TaskTree()
    pool = tree.root(log.resource("pool"), managed=True)
    connection = pool.child(log.resource("connection", sync=True), borrow_prev(), managed=True)
    connection.child(fail, borrow_prev())
    with pytest.raises(ValueError, match="broken"):
        await run_plan(compile_plan(tree))
    assert ["enter pool", "enter connection", "exit connection: ValueError", "exit pool: ValueError"] == log


@pytest.mark.parametrize("answer", [StepResult.failure(), StepResult.retry(), StepResult.abort_execution()])
async def test_a_run_that_ends_without_an_exception_exits_in_order(log, answer):
    """A status is not an exception."""
    tree = TaskTree()
    pool = tree.root(log.resource("pool"), managed=True)
    connection = pool.child(log.resource("connection"), borrow_prev(), managed=True)
    connection.child(log.node("end", answer)).child(log.node("never"))
    connection.child(log.node("read"), borrow_prev())
    await run_plan(compile_plan(tree))
    assert ["enter pool", "enter connection", "end", "exit connection", "exit pool"] == log


async def test_a_branch_that_is_aborted_exits_what_only_it_would_have_read(log):
    """Before the siblings go on."""
    tree = TaskTree()
    top = tree.root(log.node("top"))
    pool = top.child(log.resource("pool"), managed=True)
    reader = pool.child(log.node("cut", StepResult.abort_branch()))
    reader.child(log.node("never"))
    last = pool.child(log.node("abort", StepResult.abort_branch()), borrow_prev())
    last.child(log.node("never"))
    top.child(log.node("after"))
    await run_plan(compile_plan(tree))
    assert ["top", "enter pool", "cut", "abort", "exit pool", "after"] == log


async def test_an_exit_that_swallows_the_exception_does_not_save_the_run(log):
    """A resource cannot make a failure disappear."""

    class Swallow:
        def __enter__(self):
            return self

        def __exit__(self, *told):
            log.append(told[0].__name__)
            return True

    def fail(_):
        raise ValueError("broken")

    tree = TaskTree()
    tree.root(Swallow, managed=True).child(fail, borrow_prev())
    with pytest.raises(ValueError, match="broken"):
        await run_plan(compile_plan(tree))
    assert log == ["ValueError"]


async def test_an_exit_that_raises_ends_the_run_at_its_node(log):
    """The other resources are exited all the same, told of it; a note names the node that owns the resource."""
    error = OSError("cannot close")
    tree = TaskTree("t")
    pool = tree.root(log.resource("pool"), managed=True, name="pool")
    connection = pool.child(log.resource("connection", fail_on_exit=error), borrow_prev(), managed=True, name="connection")
    connection.child(log.node("query"), borrow_prev())
    pool.child(log.node("after"))
    with pytest.raises(OSError, match="cannot close") as caught:
        await run_plan(compile_plan(tree))
    assert caught.value is error
    assert error.__notes__ == ["in node 'pool/connection' of plan 't'"]
    assert ["enter pool", "enter connection", "query", "exit connection", "exit pool: OSError"] == log


async def test_an_exit_that_raises_while_an_exception_ends_the_run(log):
    """The later error is raised, and the earlier one is its context, as with `async with`."""

    class Fails:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            raise OSError("cannot close")

    def fail(_):
        raise ValueError("broken")

    tree = TaskTree()
    outer = tree.root(log.resource("outer"), managed=True)
    outer.child(Fails, managed=True).child(fail, borrow_prev())
    outer.child(log.node("reader"), borrow_prev())
    with pytest.raises(OSError, match="cannot close") as caught:
        await run_plan(compile_plan(tree))
    assert isinstance(caught.value.__context__, ValueError)
    assert ["enter outer", "exit outer: OSError"] == log


async def test_entering_is_part_of_the_attempt(log):
    """A failing enter can be caught and retried."""
    attempts = []

    @asynccontextmanager
    async def flaky():
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("refused")
        yield "open"

    tree = TaskTree()
    leaf = tree.root(flaky, managed=True, adapters=(retry_on(ConnectionError, RetryFixed(5)),))
    result = await run_plan(compile_plan(tree))
    assert result[leaf] == "open"
    assert len(attempts) == 3


async def test_a_resource_whose_attempt_did_not_count_is_exited(log):
    """Before the next attempt, and when an adapter makes something else of the answer."""

    class Again:
        def wrap(self, call):
            async def twice(attempt):
                await call(attempt)
                return await call(attempt)

            return twice

    class Deny:
        def wrap(self, call):
            async def denied(attempt):
                await call(attempt)
                return StepResult.abort_branch()

            return denied

    tree = TaskTree()
    root = tree.root(log.resource("db"), managed=True, adapters=(Again(),))
    root.child(log.node("read"), borrow_prev())
    await run_plan(compile_plan(tree))
    assert ["enter db", "exit db", "enter db", "read", "exit db"] == log
    log.clear()
    tree = TaskTree()
    tree.root(log.resource("db"), managed=True, adapters=(Deny(),)).child(log.node("read"), borrow_prev())
    assert (await run_plan(compile_plan(tree))).status is StepStatus.ABORT_BRANCH
    assert ["enter db", "exit db"] == log


async def test_a_resource_is_exited_when_an_adapter_raises(log):
    """Told of the exception."""

    class Fails:
        def wrap(self, call):
            async def failing(attempt):
                await call(attempt)
                raise ValueError("after all")

            return failing

    tree = TaskTree()
    tree.root(log.resource("db"), managed=True, adapters=(Fails(),))
    with pytest.raises(ValueError, match="after all"):
        await run_plan(compile_plan(tree))
    assert ["enter db", "exit db: ValueError"] == log


async def test_a_managed_task_may_answer_with_a_status_or_a_result(log):
    """There is nothing to enter then, or what is carried is entered."""
    for answer, expected in (
        (StepResult.abort_branch("closed"), StepStatus.ABORT_BRANCH),
        (TaskResult.failure("closed"), StepStatus.FAILURE),
        (TaskResult.success(log.resource("db")()), StepStatus.SUCCESS),
    ):
        tree = TaskTree()
        tree.root(task(lambda answer=answer: answer, managed=True))
        assert (await run_plan(compile_plan(tree))).status is expected
    assert ["enter db", "exit db"] == log


async def test_a_managed_task_that_returns_no_context_manager_is_an_error():
    """It says what to do."""
    tree = TaskTree()
    tree.root(lambda: 3, managed=True, name="three")
    with pytest.raises(ResultError) as caught:
        await run_plan(compile_plan(tree))
    assert (
        "three: is managed, but returned an object of type int, which is no context manager [not-managed]; return an object with "
        "__aenter__ and __aexit__ or __enter__ and __exit__, or leave managed=True out"
    ) == str(caught.value)


async def test_what_a_resource_yields_is_handed_on_by_every_access(log):
    """Copied, consumed and staged like any output; the resource is exited when the last of them is done."""
    tree = TaskTree()
    root = tree.root(log.resource("db"), managed=True, fanout=Fanout.CONSUME_WITH_COPIES)
    root.child(log.node("copy"), copy_prev())
    root.child(log.node("consume"), consume_prev())
    root.child(log.node("after"))
    await run_plan(compile_plan(tree))
    assert ["enter db", "copy", "consume", "exit db", "after"] == log


async def test_a_managed_failure_that_is_caught_and_retried_holds_nothing(log):
    """Every resource that was entered is exited once."""
    retries = iter([True, False])

    class AskAgain:
        def wrap(self, call):
            async def asked(attempt):
                result = await call(attempt)
                return StepResult.retry() if next(retries) else result

            return asked

    adapters = (AskAgain(), retry(RetryFixed(1)), catch_as_failure())
    tree = TaskTree()

    def opened() -> StepResult | object:
        return log.resource("db")()

    root = tree.root(opened, managed=True, adapters=adapters)
    root.child(log.node("read"), borrow_prev())
    assert (await run_plan(compile_plan(tree))).ok
    assert ["enter db", "exit db", "enter db", "read", "exit db"] == log


async def test_every_error_of_an_exit_is_in_the_chain(log):
    """Each is the context of the next one, as with nested `async with` statements."""

    class Fails:
        def __init__(self, error):
            self.error = error

        def __enter__(self):
            return self

        def __exit__(self, *_):
            raise self.error

    first, second, third = ValueError("task"), OSError("inner"), KeyError("outer")

    def fail(_):
        raise first

    tree = TaskTree()
    outer = tree.root(lambda: Fails(third), managed=True)
    outer.child(lambda _: Fails(second), borrow_prev(), managed=True).child(fail, borrow_prev())
    with pytest.raises(KeyError, match="outer") as caught:
        await run_plan(compile_plan(tree))
    assert [third, second, first] == [caught.value, caught.value.__context__, caught.value.__context__.__context__]


async def test_an_exception_that_takes_no_note_is_raised_all_the_same(log):
    """And the other resources are exited."""

    class Stubborn(Exception):
        def add_note(self, note):
            raise TypeError("no notes")

    error = Stubborn()
    tree = TaskTree()
    pool = tree.root(log.resource("pool"), managed=True)
    pool.child(log.resource("connection", fail_on_exit=error), borrow_prev(), managed=True).child(
        log.node("x"), borrow_prev()
    )
    with pytest.raises(Stubborn) as caught:
        await run_plan(compile_plan(tree))
    assert caught.value is error
    assert ["enter pool", "enter connection", "x", "exit connection", "exit pool: Stubborn"] == log


async def test_an_exit_whose_error_has_causes_of_its_own(log):
    """What the exit was told of is put behind them."""
    first = ValueError("task")

    class Wraps:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            raise OSError("wrapped") from KeyError("inside")

    def fail(_):
        raise first

    tree = TaskTree()
    tree.root(Wraps, managed=True).child(fail, borrow_prev())
    with pytest.raises(OSError, match="wrapped") as caught:
        await run_plan(compile_plan(tree))
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__context__ is first
