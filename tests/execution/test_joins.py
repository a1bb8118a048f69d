"""What every execution promises of graphs: what a node with several dependencies waits for, sees, and holds, and what is let go of when."""

import pytest

from yorch_async import (
    StepStatus,
    TaskTree,
    borrow,
    compile_plan,
    consume,
    run_plan,
)

pytestmark = pytest.mark.anyio


async def test_several_outputs_are_taken_at_once(execution):
    """A coroutine function that consumes more than one holds each of them alone."""
    tree = TaskTree()
    root = tree.root(list, name="root")
    one, two = (root.child(lambda mine=each: [mine], name=f"n{each}") for each in (1, 2))

    async def both(first, second, third):
        return [*first, *second, *third]

    joined = tree.join(both, consume(one), borrow(root), consume(two), name="both")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert [1, 2] == result[joined]


async def test_a_root_that_does_not_run_decides_the_status(execution):
    """Also where something runs that does without it."""
    tree = TaskTree()
    root = tree.root(lambda: 1, name="root", when=lambda: False)
    other = tree.join(lambda given: given, borrow(root, default=7), name="other")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert (StepStatus.ABORT_BRANCH, 7) == (result.status, result[other])
    assert ["root: its condition did not hold"] == list(map(str, result.skipped))
