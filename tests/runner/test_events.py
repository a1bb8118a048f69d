"""The events of a run, for readers that come early or late, are fast or slow, few or many."""

import anyio
import pytest
from running import Gate, forever, plan_of

from yorch_async import (
    AttemptStarted,
    EachStarted,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    RetryForever,
    RetryWaiting,
    RunCancelled,
    RunEnded,
    Runner,
    RunStarted,
    RunState,
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    retry,
)
from yorch_async.runner._feed import Feed, Reader
from yorch_async.testing import Recorder, scripted

pytestmark = pytest.mark.anyio

OK = StepStatus.SUCCESS


def shown(event):  # noqa: PLR0911 - one way out per kind of event
    """Show an event in a few words."""
    match event:
        case RunStarted():
            return "run started"
        case RunEnded():
            return f"run ended {event.status and event.status.name}"
        case NodeStarted():
            return f"{event.path} started"
        case AttemptStarted():
            return f"{event.path} attempt {event.number}"
        case RetryWaiting():
            return f"{event.path} waits after {event.attempts}"
        case NodeEnded():
            return f"{event.path} ended {event.status and event.status.name}"
        case NodeSkipped():
            return f"{event.path} skipped"


async def collect(handle, into=None):
    """Read to the end."""
    into = [] if into is None else into
    async for event in handle.events():
        into.append(shown(event))
    return into


class Steps:
    """A tree whose root passes gates, and the order of what a reader sees in between."""

    def __init__(self):
        self.first, self.second = anyio.Event(), anyio.Event()
        tree = TaskTree("steps")
        root = tree.root(self.first.wait, name="root", output=None)
        root.child(scripted(StepResult.abort_branch("empty")), name="cut").child(lambda: 1, name="below")
        root.child(self.second.wait, name="last")
        self.plan = compile_plan(tree)

    BEFORE = ("run started", "root started", "root attempt 1")
    BETWEEN = (
        "root ended SUCCESS",
        "root/cut started",
        "root/cut ended ABORT_BRANCH",
        "root/cut/below skipped",
        "root/last started",
        "root/last attempt 1",
    )
    AFTER = ("root/last ended SUCCESS", "run ended SUCCESS")


async def test_a_reader_that_keeps_up_sees_events_as_they_come():
    """In order, each once, and then the end; another one does as well."""
    steps, seen, other = Steps(), [], []
    async with Runner() as runner, anyio.create_task_group() as group:
        handle = await runner.submit(steps.plan, events=True)
        group.start_soon(collect, handle, seen)
        group.start_soon(collect, handle, other)
        await anyio.wait_all_tasks_blocked()
        assert [*steps.BEFORE] == seen
        steps.first.set()
        await anyio.wait_all_tasks_blocked()
        assert [*steps.BEFORE, *steps.BETWEEN] == seen
        steps.second.set()
    assert [*steps.BEFORE, *steps.BETWEEN, *steps.AFTER] == seen == other


async def test_of_many_elements_the_latest_news_is_kept():
    """And how many there are, also for a reader that comes when all of them have ended."""
    tree = TaskTree("elements")
    tree.root(lambda: range(1000), name="root").each(lambda number: number, name="each")
    async with Runner() as runner:
        handle = await runner.submit(compile_plan(tree), events=True)
        await handle
        seen = [event async for event in handle.events() if getattr(event, "path", "").startswith("root/each")]
    assert [type(event) for event in seen] == [NodeStarted, EachStarted, NodeEnded]
    assert seen[1].total == 1000


async def test_a_reader_that_comes_late_sees_what_has_happened_first():
    """Starts, ends and skips are all there; what has been is not."""
    steps, between = Steps(), []
    async with Runner() as runner, anyio.create_task_group() as group:
        handle = await runner.submit(steps.plan, events=True)
        steps.first.set()
        await anyio.wait_all_tasks_blocked()
        group.start_soon(collect, handle, between)
        await anyio.wait_all_tasks_blocked()
        steps.second.set()
    start, _, *rest = [*steps.BEFORE[:2], *steps.BETWEEN]
    assert ["run started", "root started", *steps.BETWEEN, *steps.AFTER] == between
    assert [start, "root started", *rest[:-1], *steps.AFTER] == await collect(handle)


async def test_there_may_be_any_number_of_readers():
    """Each is at its own place, whenever it has come."""
    steps = Steps()
    async with Runner() as runner:
        handle = await runner.submit(steps.plan, events=True)
        slow = handle.events()
        assert "run started" == shown(await anext(slow))
        steps.first.set()
        steps.second.set()
        await handle
        assert await collect(handle) == ["run started", *[shown(event) async for event in slow]]
        assert [] == [event async for event in slow]


async def test_attempts_and_waits_are_merged_into_the_latest():
    """A slow reader sees where the node is now, and a fast one every step of it."""
    pauses = [anyio.Event() for _ in range(4)]
    left = iter(pauses)

    async def sleep(_):
        await next(left).wait()

    answers = scripted(*[StepResult.retry()] * 3, StepResult.success())
    plan = plan_of(answers, adapters=(retry(RetryForever(), sleep=sleep),))
    fast = []
    async with Runner() as runner, anyio.create_task_group() as group:
        handle = await runner.submit(plan, events=True)
        slow = handle.events()
        assert ["run started", "root started"] == [shown(await anext(slow)) for _ in range(2)]
        group.start_soon(collect, handle, fast)
        for pause in pauses[:2]:
            await anyio.wait_all_tasks_blocked()
            pause.set()
        await anyio.wait_all_tasks_blocked()
        assert "root waits after 3" == shown(await anext(slow))
        pauses[2].set()
        assert ["root ended SUCCESS", "run ended SUCCESS"] == [shown(event) async for event in slow]
    waits = ["root waits after 1", "root waits after 2", "root waits after 3"]
    assert ["run started", "root started", *waits, "root ended SUCCESS", "run ended SUCCESS"] == fast


async def test_what_is_out_of_date_is_not_delivered():
    """Also when a reader was about to: it stands at a later place then."""
    feed, path = Feed(), "root"
    reader = Reader(feed)
    for event in (RunStarted("p", 2, 0.0), NodeStarted(0, path, 0.0), AttemptStarted(0, path, 1, 0.0)):
        feed.add(event)
    assert ["run started"] == [shown(await anext(reader))]
    feed.add(NodeStarted(1, "root/child", 0.0))
    feed.add(AttemptStarted(0, path, 2, 0.0))
    assert ["root started", "root/child started", "root attempt 2"] == [shown(await anext(reader)) for _ in range(3)]


async def test_a_run_holds_two_events_per_node_and_two_of_its_own():
    """However often a node is tried, and however slow readers are."""
    feed, nodes = Feed(), 5
    readers = [Reader(feed) for _ in range(3)]
    feed.watch(RunStarted("p", nodes, 0.0))
    for index in range(nodes):
        feed.watch(NodeStarted(index, str(index), 0.0))
        for number in range(100):
            feed.watch(AttemptStarted(index, str(index), number, 0.0))
            feed.watch(RetryWaiting(index, str(index), number, 0.0, 0.0))
        assert len(feed._log) == 1 + 2 * (index + 1)
        await anext(readers[0])
        feed.watch(NodeEnded(index, str(index), OK, 100, 0.0, None, None, 0.0))
    feed.add(RunEnded("p", OK, 0.0, None, 0.0))
    assert 2 * nodes + 2 == len(feed._log)
    assert [2 * nodes + 2] * 2 == [len([event async for event in reader]) for reader in readers[1:]]


async def test_a_slow_reader_does_not_slow_the_run():
    """Nor does one that has gone."""
    tree = TaskTree()
    node = tree.root(lambda: 0, name="root")
    for _ in range(200):
        node = node.child(lambda number: number + 1, borrow_prev())
    async with Runner() as runner:
        handle = await runner.submit(compile_plan(tree), events=True)
        reader = handle.events()
        await anext(reader)
        assert 200 == (await handle)[node]
        assert 402 + 1 == len([event async for event in reader])


async def test_a_reader_that_is_cancelled_has_lost_nothing():
    """It may go on reading where it was."""
    gate = Gate()
    async with Runner() as runner:
        handle = await runner.submit(gate.plan, events=True)
        reader = handle.events()
        seen = [shown(await anext(reader)) for _ in range(3)]
        for _ in range(2):
            with anyio.move_on_after(0) as scope:
                await anext(reader)
            assert scope.cancelled_caught
        gate.opened.set()
        seen += [shown(event) async for event in reader]
    assert ["run started", "pass started", "pass attempt 1", "pass ended SUCCESS", "run ended SUCCESS"] == seen


async def test_when_the_end_is_told_the_handle_knows_it():
    """A reader that then asks for the status or the outcome is told the same."""
    gate = Gate()
    async with Runner() as runner:
        handle = await runner.submit(gate.plan, events=True)
        gate.opened.set()
        async for event in handle.events():
            if isinstance(event, RunEnded):
                assert RunState.SUCCEEDED is handle.status
                assert (event.status, event.time) == (handle.outcome.status, handle.ended)
                assert handle.ended - handle.started == event.elapsed


@pytest.mark.parametrize("adapters", [(), (catch_as_failure(),)])
async def test_the_end_of_a_failed_run_names_the_error(adapters):
    """Whether it was raised, or made a failure of."""
    error = ValueError("broken")
    async with Runner() as runner:
        handle = await runner.submit(plan_of(scripted(error), adapters=adapters), events=True)
        *_, last = [event async for event in handle.events()]
        assert error is last.error
        assert (StepStatus.FAILURE if adapters else None) is last.status
        assert handle.outcome is not None


async def test_the_end_of_a_cancelled_run_says_so():
    """By the error that awaiting it raises; one that never began has nothing else to tell."""
    async with Runner(max_runs=1) as runner:
        running = await runner.submit(plan_of(forever), events=True)
        pending = await runner.submit(plan_of(forever), events=True)
        await anyio.wait_all_tasks_blocked()
        pending.cancel()
        running.cancel()
        [only] = [event async for event in pending.events()]
        *_, last = [event async for event in running.events()]
    assert ("one", None, 0.0) == (only.plan, only.status, only.elapsed)
    for event, handle in ((only, pending), (last, running)):
        assert isinstance(event.error, RunCancelled)
        assert event.error is handle.outcome


async def test_observers_and_readers_see_the_same():
    """Apart from the end, which is told when it is certain."""
    recorder, steps = Recorder(), Steps()
    steps.first.set()
    steps.second.set()
    async with Runner() as runner:
        handle = await runner.submit(steps.plan, events=True, observers=(recorder,))
        events = [event async for event in handle.events()]
    assert [event for event in recorder.events if not isinstance(event, AttemptStarted | RunEnded)] == events[:-1]


async def test_without_recording_there_are_no_events():
    """The error says what to write."""
    async with Runner() as runner:
        handle = await runner.submit(plan_of(lambda: 1), name="quiet")
        with pytest.raises(RuntimeError) as caught:
            handle.events()
    assert "run 'quiet' of plan 'one' records no events; write runner.submit(plan, ..., events=True)" == str(caught.value)
