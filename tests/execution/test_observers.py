"""What observers are told, and that nothing is recorded for nobody."""

import pytest

from yorch_async import (
    AttemptStarted,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    RetryFixed,
    RetryWaiting,
    RunEnded,
    RunStarted,
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    retry,
    run_plan,
)
from yorch_async.testing import ManualClock, Recorder, scripted

pytestmark = pytest.mark.anyio


def shown(event):  # noqa: PLR0911 - one way out per kind of event
    """Show an event without its times."""
    match event:
        case RunStarted():
            return ("run", event.plan, event.nodes)
        case NodeStarted():
            return ("start", event.index, event.path)
        case AttemptStarted():
            return ("attempt", event.index, event.path, event.number)
        case RetryWaiting():
            return ("wait", event.index, event.path, event.attempts, event.delay)
        case NodeEnded():
            return ("end", event.index, event.path, event.status, event.attempts, event.reason, event.error)
        case NodeSkipped():
            return ("skip", event.index, event.path, event.because)
        case RunEnded():
            return ("run ended", event.plan, event.status, event.error)


OK = StepStatus.SUCCESS


async def test_everything_that_happens_is_told_in_order():
    """Nodes, attempts, waits, skips, and the run itself."""
    recorder, clock = Recorder(), ManualClock()
    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    flaky = scripted(StepResult.retry("not yet"), StepResult.success())
    root.child(flaky, name="flaky", adapters=(retry(RetryFixed(2, delay=0.5), sleep=clock.sleep),))
    root.child(scripted(StepResult.abort_branch("empty")), name="cut").child(lambda: 2, name="below")
    error = ValueError("broken")
    root.child(scripted(error), name="bad", adapters=(catch_as_failure(),)).child(lambda: 3, name="child")
    root.child(lambda: 4, name="last")
    result = await run_plan(compile_plan(tree), observers=[recorder])
    assert result.status is StepStatus.FAILURE
    assert [
        ("run", "t", 7),
        ("start", 0, "root"),
        ("attempt", 0, "root", 1),
        ("end", 0, "root", OK, 1, None, None),
        ("start", 1, "root/flaky"),
        ("attempt", 1, "root/flaky", 1),
        ("wait", 1, "root/flaky", 1, 0.5),
        ("attempt", 1, "root/flaky", 2),
        ("end", 1, "root/flaky", OK, 2, None, None),
        ("start", 2, "root/cut"),
        ("attempt", 2, "root/cut", 1),
        ("end", 2, "root/cut", StepStatus.ABORT_BRANCH, 1, "empty", None),
        ("skip", 3, "root/cut/below", "root/cut"),
        ("start", 4, "root/bad"),
        ("attempt", 4, "root/bad", 1),
        ("end", 4, "root/bad", StepStatus.FAILURE, 1, None, error),
        ("skip", 5, "root/bad/child", "root/bad"),
        ("skip", 6, "root/last", "root/bad"),
        ("run ended", "t", StepStatus.FAILURE, error),
    ] == [shown(event) for event in recorder.events]


async def test_times_do_not_run_backwards():
    """All events are stamped by one clock; what took time says how much."""
    recorder = Recorder()
    tree = TaskTree()
    tree.root(lambda: 1).child(lambda: 2)
    await run_plan(compile_plan(tree), observers=[recorder])
    times = [event.time for event in recorder.events]
    assert times == sorted(times)
    assert all(event.elapsed >= 0 for event in recorder.of(NodeEnded))
    assert recorder.of(RunEnded)[0].elapsed == times[-1] - times[0]


async def test_an_exception_is_told_before_it_is_raised():
    """With the node that it left and the end of the run; nothing is told of the nodes after it."""
    recorder = Recorder()
    error = ValueError("broken")
    tree = TaskTree("t")
    tree.root(scripted(error), name="root").child(lambda: 1)
    with pytest.raises(ValueError, match="broken"):
        await run_plan(compile_plan(tree), observers=[recorder])
    assert [
        ("run", "t", 2),
        ("start", 0, "root"),
        ("attempt", 0, "root", 1),
        ("end", 0, "root", None, 1, None, error),
        ("run ended", "t", None, error),
    ] == [shown(event) for event in recorder.events]


@pytest.mark.parametrize("kind", [RunStarted, NodeStarted, AttemptStarted, NodeEnded, NodeSkipped, RetryWaiting, RunEnded])
async def test_an_observer_that_raises_ends_the_run_with_that_error(kind):
    """At that node, and every other observer has been told up to there."""
    seen = []

    def fail(event):
        if isinstance(event, kind):
            raise RuntimeError(f"cannot show {kind.__name__}")

    tree = TaskTree("t")
    answer = scripted(StepResult.retry(), StepResult.abort_branch())
    root = tree.root(answer, name="root", adapters=(retry(RetryFixed(1)),))
    root.child(lambda: 1, name="child")
    with pytest.raises(RuntimeError, match=f"cannot show {kind.__name__}") as caught:
        await run_plan(compile_plan(tree), observers=[seen.append, fail])
    assert isinstance(seen[-1], kind | RunEnded | NodeEnded)
    if kind not in (RunStarted, RunEnded):
        assert caught.value.__notes__ == ["in node 'root' of plan 't'"]


async def test_an_observer_that_raises_does_not_hide_the_error_of_the_node():
    """The earlier one is the context of the later one."""

    def fail(event):
        if isinstance(event, NodeEnded):
            raise RuntimeError("cannot show it")

    tree = TaskTree()
    tree.root(scripted(ValueError("broken")))
    with pytest.raises(RuntimeError, match="cannot show it") as caught:
        await run_plan(compile_plan(tree), observers=[fail])
    assert isinstance(caught.value.__context__, ValueError)


async def test_events_cannot_be_changed():
    """They are shared by all observers."""
    recorder = Recorder()
    tree = TaskTree()
    tree.root(lambda: 1)
    await run_plan(compile_plan(tree), observers=[recorder])
    for event in recorder.events:
        with pytest.raises(AttributeError):
            event.time = 0.0


@pytest.mark.parametrize("kind", [AttemptStarted, RetryWaiting])
async def test_adapters_do_not_take_the_error_of_an_observer_for_one_of_the_task(kind):
    """It is neither caught nor retried: the run ends with it."""

    def fail(event):
        if isinstance(event, kind):
            raise ValueError("cannot show it")

    tree = TaskTree("t")
    adapters = (retry(RetryFixed(1)), catch_as_failure(lambda error: 7))
    tree.root(scripted(StepResult.retry(), 1), name="root", adapters=adapters)
    with pytest.raises(ValueError, match="cannot show it"):
        await run_plan(compile_plan(tree), observers=[fail])


async def test_observers_are_given_as_a_sequence():
    """One alone is a mistake that is easily made."""
    tree = TaskTree()
    tree.root(lambda: 1)
    with pytest.raises(TypeError, match=r"^observers is a sequence of them: observers=\[<built-in function print>\]$"):
        await run_plan(compile_plan(tree), observers=print)


async def test_an_error_while_a_run_is_ending_tells_how_it_had_ended():
    """There will be no result that says it."""
    error = KeyError("the real one")

    class Fails:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            raise OSError("cannot close")

    tree = TaskTree("t")
    root = tree.root(Fails, managed=True, name="root")
    root.child(scripted(StepResult.failure("why", error)), name="bad")
    root.child(lambda x: x, borrow_prev(), name="reader")
    with pytest.raises(OSError, match="cannot close") as caught:
        await run_plan(compile_plan(tree))
    assert caught.value.__context__ is error
    assert caught.value.__notes__[-1].startswith("the run had ended already: root/bad: FAILURE (1 attempt, ")


@pytest.mark.parametrize("observer", [3, test_events_cannot_be_changed])
async def test_what_cannot_observe_is_refused(observer):
    """A coroutine function would be called, and never awaited."""
    tree = TaskTree()
    tree.root(lambda: 1)
    with pytest.raises(TypeError, match="^an observer is a plain function of one event, not "):
        await run_plan(compile_plan(tree), observers=[observer])
