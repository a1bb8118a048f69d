"""What every execution promises of graphs: what a node waits for that depends on several, what it sees, what is let go of when."""

import weakref
from contextlib import nullcontext

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    Concurrent,
    Fanout,
    SerialDfs,
    StepResult,
    StepStatus,
    TaskTree,
    borrow,
    borrow_mut,
    compile_plan,
    consume,
    consume_prev,
    copy_prev,
    run_plan,
    task_into,
)

pytestmark = pytest.mark.anyio

PATIENT = Concurrent(on_failure="continue")


class Thing:
    """An output that can be watched."""


def abort():
    return StepResult.abort_branch()


def fail():
    return StepResult.failure()


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


async def test_where_several_nodes_stand_in_the_way_the_first_one_is_named(execution):
    """In the order of the plan, whichever of them came first."""
    tree = TaskTree()
    root = tree.root(int, name="root")

    async def slowly():
        for _ in range(3):
            await checkpoint()
        return abort()

    first = root.child(slowly, name="first")
    second = root.child(abort, name="second")
    tree.join(int, after=[second, first], name="both")
    tree.join(int, after=second, name="one")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert [("both", "root/first"), ("one", "root/second")] == [(skip.path, skip.because) for skip in result.skipped]


async def test_what_is_skipped_is_over_when_it_could_have_begun():
    """So a node that takes a default for its output still comes after those that it would have come after."""
    tree, opened = TaskTree(), anyio.Event()
    root = tree.root(list, name="root")

    async def change(mine):
        await opened.wait()
        mine.append("changed")

    changes = tree.join(change, borrow_mut(root), name="changes")
    stops = root.child(abort, name="stops")
    left_out = tree.join(int, after=[changes, stops], name="left out")
    below = left_out.child(int, name="below")

    def look(mine, given):
        return [*mine, given]

    looks = tree.join(look, borrow(root), borrow(below, default=None), name="looks")
    tree.join(opened.set, after=root, name="opens", when=lambda: True)
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert ["changed", None] == result[looks]
    assert {"left out", "left out/below"} == {skip.path for skip in result.skipped}


@pytest.mark.parametrize("is_late", [True, False])
async def test_an_output_that_nobody_will_read_is_not_kept_for_them(execution, is_late):
    """Neither where its reader was skipped before it was made, nor after."""
    tree, made = TaskTree(), []
    root = tree.root(int, name="root")

    async def make():
        if is_late:
            await checkpoint()
            await checkpoint()
        thing = Thing()
        made.append(weakref.ref(thing))
        return thing

    thing = root.child(make, name="thing")
    stops = root.child(abort, name="stops")
    tree.join(lambda given: given, borrow(thing), after=stops, name="reads")
    following = tree.join(lambda given: made[0]() is None, borrow(stops, default=None), after=thing, name="following")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert result[following]


async def test_a_copy_is_made_for_those_who_run_though_the_consumer_does_not(execution):
    """And of what it was made, nothing is held for the consumer."""
    tree, made = TaskTree(), []
    root = tree.root(int, name="root")
    stops = root.child(abort, name="stops")

    class Copied(Thing):
        def __deepcopy__(self, memo):
            return "a copy"

    def make():
        thing = Copied()
        made.append(weakref.ref(thing))
        return thing

    thing = root.child(make, name="thing", fanout=Fanout.CONSUME_WITH_COPIES)
    thing.child(lambda given: given, consume_prev(), after=stops, name="takes")
    copies = thing.child(lambda given: (given, made[0]() is None), copy_prev(copier=lambda thing: "a copy"), name="copies")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert ("a copy", True) == result[copies]


async def test_a_root_that_ends_its_branch_hides_no_failure():
    """The run fails if anything has, whatever the root has answered."""
    tree = TaskTree()
    root = tree.root(abort, name="root", output=StepResult | int)
    tree.join(lambda given: fail(), borrow(root, default=1), name="fails")
    for execution in (SerialDfs(), Concurrent(), PATIENT):
        assert (await run_plan(compile_plan(tree), execution=execution)).status is StepStatus.FAILURE


async def test_a_handle_is_no_output():
    """Where a node has raised that was to write into one, others get their default."""
    tree = TaskTree()

    def write(out):
        raise ValueError

    writes = tree.root(task_into(write), name="writes")
    seen = []
    tree.join(seen.append, borrow(writes, default="nothing"), name="reads")
    with pytest.RaisesGroup(ValueError):
        await run_plan(compile_plan(tree), execution=PATIENT)
    assert ["nothing"] == seen


class Resource:
    """What tells when it is exited."""

    def __init__(self, log, name, output=None):
        self.log, self.name, self.output = log, name, output

    def __enter__(self):
        return self.output

    def __exit__(self, *error):
        self.log.append(f"{self.name} exited")


async def test_an_output_may_come_where_that_was_which_a_resource_was_made_from(execution):
    """When the resource is exited, it is the older one that goes."""
    tree, log = TaskTree(), []
    root = tree.root(lambda: "base", name="root")
    opened = root.child(lambda base: Resource(log, "opened", base), borrow(root), managed=True, name="opened")
    stops = tree.join(abort, after=opened, name="stops", output=StepResult)
    stops.child(lambda base: base, borrow(root), name="left out")
    last = opened.child(lambda base: f"{base} used", borrow(opened), name="last")
    after = last.child(lambda given: given, borrow(last), name="after", after=opened)
    result = await run_plan(compile_plan(tree), execution=execution)
    assert "base used" == result[after]
    assert ["opened exited"] == log


async def test_resources_are_exited_when_their_readers_can_no_longer_run(execution):
    """Innermost first, and before the next node begins."""
    tree, log = TaskTree(), []
    root = tree.root(lambda: "base", name="root")
    outer = root.child(lambda base: Resource(log, "outer", base), borrow(root), managed=True, name="outer")
    inner = tree.join(lambda base: Resource(log, "inner", base), borrow(outer), managed=True, name="inner")
    stops = tree.join(abort, after=inner, name="stops", output=StepResult | int)
    tree.join(lambda base: base, borrow(inner), after=stops, name="left out")
    tree.join(lambda given: log.append("last"), borrow(stops, default=None), name="last")
    await run_plan(compile_plan(tree), execution=execution)
    assert ["inner exited", "outer exited", "last"] == log


async def test_what_a_resource_was_to_be_made_from_goes_with_the_node_that_does_not_run(execution):
    """Though the resource would have held it longer."""
    tree, made = TaskTree(), []

    def make():
        made.append(weakref.ref(thing := Thing()))
        return thing

    root = tree.root(make, name="root")
    opened = root.child(
        lambda thing: Resource([], "opened", thing), borrow(root), managed=True, name="opened", when=lambda _: False
    )
    opened.child(lambda thing: thing, borrow(opened), name="left out")
    last = tree.join(lambda given: made[0]() is None, borrow(opened, default=None), name="last")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert result[last]


async def test_a_resource_is_told_of_an_error_of_whatever_node_uses_it(execution):
    """Also of one that is not below it."""
    told = []

    class Told:
        def __enter__(self):
            return "opened"

        def __exit__(self, kind, error, trace):
            told.append(str(error))

    def use(given):
        raise ValueError(given)

    tree = TaskTree()
    opened = tree.root(Told, managed=True, name="opened")
    tree.join(use, borrow(opened), name="uses")
    with pytest.raises((ValueError, ExceptionGroup)):
        await run_plan(compile_plan(tree), execution=execution)
    assert ["opened"] == told


async def test_a_copy_is_made_in_the_rest_of_a_graph_as_before(execution):
    """For those who copy, while another one takes the original."""
    tree = TaskTree()
    root = tree.root(int, name="root")
    root.child(abort, name="stops", output=StepResult).child(int, name="left out")
    thing = tree.join(lambda: ["thing"], after=root, name="thing", fanout=Fanout.CONSUME_WITH_COPIES)
    taken = thing.child(lambda given: given.append("taken") or given, consume_prev(), name="takes")
    copied = thing.child(lambda given: given, copy_prev(), name="copies")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert (["thing", "taken"], ["thing"]) == (result[taken], result[copied])


@pytest.mark.parametrize("outcome", ["written", "nothing", "raised"])
async def test_a_handle_stays_with_its_node_though_nobody_will_read_the_output(outcome):
    """Those who would have read it are skipped while it is being written."""
    tree, opened = TaskTree(), anyio.Event()
    root = tree.root(int, name="root")

    async def write(out):
        await opened.wait()
        if outcome == "raised":
            raise ValueError
        if outcome == "nothing":
            return StepResult.abort_branch()
        out.set("written")
        return StepResult.success()

    writes = root.child(task_into(write), name="writes")
    stops = root.child(abort, name="stops", output=StepResult | int)
    tree.join(list, borrow(writes), after=stops, name="left out")
    tree.join(lambda given: opened.set(), borrow(stops, default=1), name="opens")
    following = tree.join(lambda given: "followed", borrow(stops, default=1), after=writes, name="follows")
    with pytest.RaisesGroup(ValueError) if outcome == "raised" else nullcontext():
        result = await run_plan(compile_plan(tree), execution=PATIENT)
        assert (following in result) is (outcome == "written")
