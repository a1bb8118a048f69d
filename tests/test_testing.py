"""The doubles that users get for their own tests."""

import anyio
import pytest

from yorch_async import NodeStarted, RunStarted, TaskTree, compile_plan, run_plan
from yorch_async.testing import ManualClock, Recorder, scripted

pytestmark = pytest.mark.anyio


async def test_a_manual_clock_moves_when_somebody_sleeps():
    """By exactly that much, and it remembers."""
    clock = ManualClock(10.0)
    await clock.sleep(1.5)
    await clock.sleep(0)
    assert clock.time() == clock.now == 11.5
    assert clock.waits == [1.5, 0]


async def test_a_manual_sleep_can_be_cancelled():
    """As a real one can."""
    clock = ManualClock()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await clock.sleep(1.0)
    assert scope.cancelled_caught


async def test_a_recorder_keeps_all_events():
    """In order, and by kind."""
    recorder = Recorder()
    tree = TaskTree()
    tree.root(lambda: 1)
    await run_plan(compile_plan(tree), observers=[recorder])
    assert isinstance(recorder.events[0], RunStarted)
    assert len(recorder.events) == 5
    assert recorder.of(NodeStarted) == [recorder.events[1]]


def test_a_script_is_followed_and_its_last_answer_repeated():
    """Exceptions are raised, also as the last answer."""
    task = scripted(1, ValueError("two"), 3)
    assert task() == 1
    with pytest.raises(ValueError, match="two"):
        task()
    assert [task(), task()] == [3, 3]
    with pytest.raises(ValueError, match="^a script needs at least one answer$"):
        scripted()
