"""Adapters around nodes that run at the same time: what they share they share, and what is one node's stays its own."""

import threading

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    Concurrent,
    RetryBudget,
    RetryFixed,
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    compile_plan,
    consume_prev,
    fallback,
    limit,
    retry,
    retry_on,
    run_plan,
    task,
    timeout,
    to_thread,
    value,
)

pytestmark = pytest.mark.anyio


async def run_it(tree, **options):
    return await run_plan(compile_plan(tree), execution=Concurrent(**options))


class Meter:
    """Counts how many are inside."""

    def __init__(self):
        self.now = self.most = 0

    async def inside(self, number):
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(3):
            await checkpoint()
        self.now -= 1
        return number


async def test_siblings_share_the_places_of_a_limit():
    """As many as it has are inside at a time, and all come to their turn."""
    meter, places = Meter(), limit(3)
    tree = TaskTree()
    root = tree.root(lambda: None)
    for number in range(20):
        root.child(meter.inside, value(number), adapters=[places])
    result = await run_it(tree)
    assert [*range(20)] == [output for _, output in result.items()]
    assert meter.most == 3


async def test_a_timeout_ends_its_own_node_alone():
    """A sibling that waits longer than that is not disturbed."""
    event = anyio.Event()

    async def slow():
        await anyio.sleep_forever()

    async def patient():
        await event.wait()
        return "done"

    tree = TaskTree()
    root = tree.root(lambda: None)
    root.child(patient, name="patient")
    root.child(slow, adapters=[timeout(0.01, then=StepResult.success())], output=StepResult).child(lambda: event.set())
    result = await run_it(tree)
    assert "done" == result["patient"]


async def test_a_timeout_that_raises_is_that_node_s_error():
    """And says where."""

    async def slow():
        await anyio.sleep_forever()

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    root.child(slow, adapters=[timeout(0.01)], name="slow")
    root.child(slow, adapters=[timeout(60)], name="other")
    with pytest.RaisesGroup(pytest.RaisesExc(TimeoutError, match="root/slow")):
        await run_it(tree)


async def test_attempts_of_siblings_are_counted_apart():
    """Each has its own policy's count, its own answers and its own failure."""
    calls = dict.fromkeys(range(5), 0)

    async def fails(number):
        calls[number] += 1
        await checkpoint()
        if calls[number] <= number:
            raise OSError(number)
        return number

    tree = TaskTree()
    root = tree.root(lambda: None)
    again = retry_on(OSError, RetryFixed(3), sleep=lambda seconds: checkpoint())
    for number in range(5):
        root.child(fails, value(number), adapters=[again], name=f"n{number}")
    result = await run_it(tree, on_failure="continue")
    assert {0: 1, 1: 2, 2: 3, 3: 4, 4: 4} == calls
    (failure,) = result.failures
    assert ("root/n4", 4, (4,)) == (failure.path.replace("<lambda>", "root"), failure.attempts, failure.error.args)
    assert [0, 1, 2, 3] == [output for _, output in result.items()]


async def test_siblings_spend_one_budget():
    """When it is spent, none of them is tried again."""
    calls = 0

    async def ill():
        nonlocal calls
        calls += 1
        await checkpoint()
        return StepResult.retry()

    budget = RetryBudget(ratio=0.0, initial=5)
    again = retry(RetryFixed(10), sleep=lambda seconds: checkpoint(), budget=budget)
    tree = TaskTree()
    root = tree.root(lambda: None)
    for _ in range(10):
        root.child(ill, adapters=[again], output=StepResult)
    result = await run_it(tree, on_failure="continue")
    assert StepStatus.FAILURE is result.status
    assert (10, 15) == (len(result.failures), calls)


async def test_other_tasks_read_what_their_own_node_reads():
    """While siblings do the same."""

    async def fails(numbers):
        await checkpoint()
        raise OSError(numbers)

    async def instead(numbers, factor):
        await checkpoint()
        return [factor * number for number in numbers]

    tree = TaskTree()
    root = tree.root(lambda: [1, 2])
    for factor in range(5):
        other = task(instead, borrow_prev(list), value(factor))
        root.child(fails, borrow_prev(list), adapters=[fallback(other)], output=list)
    result = await run_it(tree)
    assert [[factor, 2 * factor] for factor in range(5)] == [output for _, output in result.items()]


async def test_threads_of_siblings_run_at_the_same_time():
    """Each in its own; one that consumes is passed the only reference."""
    barrier = threading.Barrier(3, timeout=10)

    def meet(number):
        barrier.wait()
        return number

    def take(numbers):
        numbers.append(3)
        return numbers

    tree = TaskTree()
    root = tree.root(lambda: None)
    for number in range(3):
        root.child(meet, value(number), adapters=[to_thread()])
    result = await run_it(tree)
    assert [0, 1, 2] == [output for _, output in result.items()]
    tree = TaskTree()
    leaf = tree.root(lambda: [1, 2]).child(take, consume_prev(list), adapters=[to_thread()])
    assert [1, 2, 3] == (await run_it(tree))[leaf]


async def test_a_failing_sibling_waits_for_a_thread():
    """A thread cannot be stopped, so the run ends when it has; abandoned, it does not keep the run."""
    begun, go_on = threading.Event(), threading.Event()

    def blocks():
        begun.set()
        assert go_on.wait(10)

    async def fails():
        await anyio.to_thread.run_sync(begun.wait)
        go_on.set()
        raise ValueError("broken")

    tree = TaskTree()
    root = tree.root(lambda: None)
    root.child(blocks, adapters=[to_thread()])
    root.child(fails)
    with pytest.RaisesGroup(ValueError):
        await run_it(tree)
