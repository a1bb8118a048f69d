"""What observers are told of nodes with conditions, and how runs of graphs end, whatever the execution."""

import pytest
from anyio import CancelScope, Event, wait_all_tasks_blocked

from yorch_async import (
    Concurrent,
    NodeSkipped,
    SerialDfs,
    StepResult,
    StepStatus,
    TaskTree,
    borrow,
    compile_plan,
    run_plan,
)
from yorch_async.testing import Recorder, scripted

pytestmark = pytest.mark.anyio

POLICIES = [SerialDfs(), Concurrent(), Concurrent(max_concurrency=2), Concurrent(on_failure="continue")]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
async def test_a_condition_that_does_not_hold_is_told_in_place_of_a_start(policy):
    """Before what depends on its node, which is told of the node."""
    tree, recorder = TaskTree("t"), Recorder()
    root = tree.root(lambda: 1, name="root")
    odd = root.child(lambda number: number, borrow(root), name="odd", when=lambda number: number > 1)
    odd.child(lambda: 2, name="below")
    tree.join(lambda number: number, borrow(odd), name="join")
    plan = compile_plan(tree)
    result = await run_plan(plan, observers=[recorder], execution=policy)
    recorder.check(plan)
    assert ["root"] == recorder.order
    assert ["root/odd", "root/odd/below", "join"] == [event.path for event in recorder.of(NodeSkipped)]
    assert {"root/odd"} == set(recorder.skipped.values()) == {skip.because for skip in result.skipped}


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
async def test_a_condition_that_raises_is_told_as_the_end_of_its_node(policy):
    """Which has made no attempt: nothing is left out of what observers are told."""
    tree, recorder, error = TaskTree("t"), Recorder(), ValueError("no")
    root = tree.root(lambda: 1, name="root")
    root.child(lambda: 2, name="node", when=scripted(error)).child(lambda: 3, name="below")
    plan = compile_plan(tree)
    with pytest.raises(ValueError if isinstance(policy, SerialDfs) else ExceptionGroup):
        await run_plan(plan, observers=[recorder], execution=policy)
    recorder.check(plan)
    outcome = recorder.outcome("node")
    assert (None, error, 0) == (outcome.status, outcome.error, outcome.attempts)
    assert ["root", "root/node"] == recorder.order


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
async def test_a_join_that_fails_counts_more_than_a_root_that_leaves_out_its_branch(policy):
    """The status of the run is that of the failure, which else nothing would tell."""
    tree = TaskTree("t")
    root = tree.root(scripted(StepResult.abort_branch("nothing to do")), name="root")
    tree.join(scripted(StepResult.failure("no")), borrow(root, default=None), name="join")
    result = await run_plan(compile_plan(tree), execution=policy)
    assert (StepStatus.FAILURE, "no") == (result.status, result.step.reason)
    assert ["join"] == [failure.path for failure in result.failures]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
async def test_a_failure_leaves_out_what_depends_on_it(policy):
    """The result lists that, and only that, also where it ends the run; observers are told the same of it."""
    tree, recorder = TaskTree("t"), Recorder()
    root = tree.root(lambda: 1, name="root")
    first = root.child(scripted(StepResult.failure("no")), name="first")
    first.child(lambda: 2, name="below")
    tree.join(lambda number: number, borrow(first), name="join").child(lambda: 3, name="end")
    tree.join(lambda *numbers: 4, borrow(root), borrow(first, default=None), name="other")
    result = await run_plan(compile_plan(tree), observers=[recorder], execution=policy)
    assert ["root/first/below", "join", "join/end"] == [skip.path for skip in result.skipped]
    assert all(recorder.skipped[skip.path] == skip.because == "root/first" for skip in result.skipped)


async def test_a_condition_that_does_not_hold_when_the_run_is_over_already():
    """It was asked while the run went on, and is told as one that did not hold."""
    tree, recorder, failed = TaskTree("t"), Recorder(), Event()

    async def fail():
        failed.set()
        return StepResult.failure()

    async def no():
        with CancelScope(shield=True):
            await failed.wait()
            await wait_all_tasks_blocked()
        return False

    root = tree.root(lambda: 1, name="root")
    root.child(lambda: 2, name="asked", when=no).child(lambda: 3, name="below")
    root.child(fail, name="fails")
    plan = compile_plan(tree)
    result = await run_plan(plan, observers=[recorder], execution=Concurrent())
    recorder.check(plan)
    assert {"root/asked": "root/asked", "root/asked/below": "root/asked"} == recorder.skipped
    assert ["root/asked", "root/asked/below"] == [skip.path for skip in result.skipped]
