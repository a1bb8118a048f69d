"""Running a plan of plain functions without an event loop."""

import sys
import time
from contextlib import contextmanager

import pytest

from yorch_async import (
    NodeStarted,
    ResultError,
    RetryFixed,
    SetupError,
    StepResult,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    from_input,
    retry_on,
    run_sync,
    task,
    value,
)
from yorch_async.testing import ManualClock, Recorder, scripted


class Pause:
    """Something that has to be waited for, some times."""

    def __init__(self, times):
        self.times = times

    def __await__(self):
        while self.times:
            self.times -= 1
            try:
                yield
            except Exception as error:
                self.told = error
                if not self.times:
                    raise


def test_it_runs_in_the_caller_s_thread_and_nowhere_else():
    """Without a loop, which none of its frames belongs to."""
    frames = []

    def look():
        frame = sys._getframe()
        while frame:
            frames.append(frame.f_globals["__name__"].partition(".")[0])
            frame = frame.f_back
        return 3

    tree = TaskTree()
    leaf = tree.root(look)
    assert run_sync(compile_plan(tree))[leaf] == 3
    assert not {"asyncio", "trio"} & set(frames)


@pytest.mark.anyio
async def test_it_runs_inside_of_a_loop_as_well():
    """It is a function like any other; what blocks in it, blocks."""
    tree = TaskTree()
    leaf = tree.root(int, from_input("text", str))
    assert run_sync(compile_plan(tree), inputs={"text": "7"})[leaf] == 7


def test_what_succeeds_and_what_does_not_is_in_the_result():
    """Statuses, failures, kept outputs, as of any run."""
    tree = TaskTree()
    root = tree.root(int, value(1), keep=True)
    root.child(scripted(StepResult.abort_branch()), name="over").child(int, name="below")
    root.child(scripted(ValueError("no")), adapters=(catch_as_failure(),), name="bad")
    root.child(int, name="after")
    result = run_sync(compile_plan(tree))
    assert ["int/bad"] == [failure.path for failure in result.failures]
    assert result[root] == 1
    assert ["int"] == [path for path, _ in result.items()]


def test_waiting_between_attempts_blocks_the_thread(monkeypatch):
    """There is nothing else that could go on meanwhile."""
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    tree = TaskTree()
    answers = scripted(ConnectionError("one"), ConnectionError("two"), 3)
    leaf = tree.root(answers, adapters=(retry_on(ConnectionError, RetryFixed(5, delay=lambda count: 1.0 + count)),))
    assert run_sync(compile_plan(tree))[leaf] == 3
    assert [1.0, 2.0] == waits


def test_observers_and_borrow_checks_work_as_ever():
    """A run that is looked at is no other run."""
    recorder = Recorder()
    tree = TaskTree()
    tree.root(list).child(len, borrow_prev())
    assert run_sync(compile_plan(tree), observers=[recorder], check_borrows=True).ok
    assert ["list", "list/len"] == [event.path for event in recorder.of(NodeStarted)]


def test_resources_are_entered_and_left():
    """Those of plain context managers, innermost first."""
    log = []

    @contextmanager
    def resource(name):
        log.append(f"enter {name}")
        yield name
        log.append(f"leave {name}")

    tree = TaskTree()
    outer = tree.root(resource, value("outer"), managed=True)
    outer.child(log.append, borrow_prev())
    outer.child(resource, value("leaf"), managed=True)
    outer.child(log.append, value("last"))
    assert run_sync(compile_plan(tree)).ok
    assert ["enter outer", "outer", "leave outer", "enter leaf", "last", "leave leaf"] == log


def test_a_resource_that_only_a_loop_can_enter_is_refused_before_it_is_entered():
    """One that is both is entered as a plain one."""
    log = []

    class Async:
        async def __aenter__(self):
            log.append("async")

        async def __aexit__(self, *told): ...

    class Both(Async):
        def __enter__(self):
            log.append("plain")

        def __exit__(self, *told): ...

    tree = TaskTree("t")
    tree.root(Both, managed=True).child(task(Async, managed=True, name="a"))
    with pytest.raises(ResultError) as caught:
        run_sync(compile_plan(tree))
    assert ("Both/a", "suspends") == (caught.value.path, caught.value.rule)
    assert ["plain"] == log


def test_a_resource_that_wants_to_wait_when_it_is_left_is_told_so_itself():
    """And not the node that was its last reader."""

    class Slow:
        def __enter__(self):
            return 3

        def __exit__(self, *told):
            run_sync(compile_plan(inner))

    inner = TaskTree("inner")
    inner.root(lambda: Pause(1), name="waits")
    tree = TaskTree("outer")
    tree.root(Slow, managed=True).child(int, borrow_prev())
    with pytest.raises(ResultError) as caught:
        run_sync(compile_plan(tree))
    assert caught.value.path == "waits"
    assert "in node 'Slow' of plan 'outer'" in caught.value.__notes__


def test_the_clock_of_tests_needs_no_loop():
    """So that retries can be tested here as well."""
    clock = ManualClock()
    tree = TaskTree()
    answers = scripted(ConnectionError(), 3)
    leaf = tree.root(answers, adapters=(retry_on(ConnectionError, RetryFixed(1, delay=60.0), sleep=clock.sleep),))
    assert run_sync(compile_plan(tree))[leaf] == 3
    assert [60.0] == clock.waits


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(StepResult.abort_branch(), ["after"]), (StepResult.failure(), []), (StepResult.success(), ["below", "after"])],
)
def test_a_node_that_needs_a_turn_decides_what_follows(answer, expected):
    """In generated code as well, which then goes on behind it, or not at all."""

    class Own:
        def wrap(self, call):
            async def passed(attempt):
                return await call(attempt)

            return passed

    log = []
    tree = TaskTree()
    root = tree.root(int)
    root.child(scripted(answer), adapters=(Own(),)).child(lambda: log.append("below"))
    root.child(lambda: log.append("after"))
    result = run_sync(compile_plan(tree))
    assert expected == log
    assert [answer.status] * (not expected) == [failure.status for failure in result.failures]


def test_all_coroutine_functions_are_named_before_anything_runs():
    """With their paths, each once."""
    ran = []

    async def later():
        ran.append(1)

    tree = TaskTree("t")
    root = tree.root(ran.append, value(1), name="root")
    root.child(later, name="one")
    root.child(later, name="two")
    with pytest.raises(SetupError) as caught:
        run_sync(compile_plan(tree))
    assert ["root/one", "root/two"] == [problem.path for problem in caught.value.problems]
    assert [] == ran


@pytest.mark.parametrize("times", [1, 2, 3])
def test_what_waits_all_the_same_is_told_so_at_its_node(times):
    """Also if it does not listen, and waits again."""
    pause = Pause(times)
    tree = TaskTree("t")
    tree.root(int).child(lambda: pause, name="waits")
    with pytest.raises(ResultError) as caught:
        run_sync(compile_plan(tree))
    assert "int/waits: waits for something, which run_sync cannot do" in str(pause.told)
    assert "int/waits: waits for something" in str(caught.value)


def test_it_takes_a_plan():
    """And says so."""
    with pytest.raises(TypeError) as caught:
        run_sync(TaskTree("t"))
    assert "run_sync takes a Plan, made by compile_plan(tree), not <TaskTree 't' with 0 nodes>" == str(caught.value)
