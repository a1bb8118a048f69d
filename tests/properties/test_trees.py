"""Whatever the tree: every execution does what the model says, on every loop, and leaves nothing behind."""

import gc
from contextlib import suppress

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from random_trees import Box, Broken, Model, build, trees

from yorch_async import SerialDfs, compile_plan, run, run_plan
from yorch_async.testing import Recorder

EXECUTIONS = [SerialDfs()]


@pytest.fixture(autouse=True)
def _collected():
    gc.collect()  # what earlier tests left to the collector: a loop that an exception has left is a cycle


def outcome(plan, **options):
    """Run a plan: its status, its kept outputs, what it raised."""
    try:
        result = run(plan, **options)
    except Broken as error:
        return None, {}, str(error)
    kept = {int(path.rpartition("/n")[2].lstrip("n")): list(box.items) for path, box in result.items()}
    return result.status.value, kept, None


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda execution: type(execution).__name__)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees())
def test_a_run_does_what_the_model_says(backend, execution, optimize, specs):
    """The same calls with the same arguments in the same order, the same status, the same outputs; again at the second run."""
    model = Model(specs)
    log: list = []
    counts: dict[int, int] = {}
    plan = compile_plan(build(specs, log, counts), optimize=optimize)
    for observers in ([], [Recorder()]):
        log.clear()
        counts.clear()
        status, kept, raised = outcome(plan, backend=backend, execution=execution, observers=observers)
        for recorder in observers:
            recorder.check(plan)
        assert (model.log, model.raised) == (log, raised)
        if raised is None:
            visited = {number for number, *_ in log}
            expected = {number: items for number, items in model.kept.items() if number in visited and items is not None}
            assert (model.status, expected) == (status, kept)


@pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees(max_size=20))
def test_no_more_outputs_are_alive_than_the_plan_has_slots(optimize, specs):
    """Besides the one that is being made and the copy that a task has of its own; none after the run, without the collector."""
    plan = compile_plan(build(specs, [], {}), optimize=optimize)

    async def guarded():
        # Inside the loop, because a loop that an exception leaves keeps it, in a cycle of its own.
        with suppress(Broken):
            await run_plan(plan, keep="none")

    Box.alive = Box.most = 0
    anyio.run(guarded)
    kept = sum(node.keep for node in plan.nodes)
    assert Box.most <= plan.slots + 2 + kept
    assert Box.alive == 0


@settings(max_examples=150)
@given(specs=trees(max_size=20))
def test_the_layout_is_what_levels_say(specs):
    """Parents, ends and children, checked by the definition and not by the algorithm."""
    plan = compile_plan(build(specs, [], {}))
    for index, spec in enumerate(specs):
        node = plan.nodes[index]
        earlier = [number for number in range(index) if specs[number].level == spec.level - 1]
        assert (earlier[-1] if earlier else None) == node.parent
        assert [child.number for child in spec.children] == list(node.children)
        assert spec.level == node.level
        assert f"n{spec.number}" == node.name
