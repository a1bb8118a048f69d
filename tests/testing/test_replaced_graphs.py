"""Fakes in place of nodes that read by handles, with defaults and conditions."""

import weakref
from random import Random

import pytest
from random_graphs import Broken, Written, calls_of, graphs

from yorch_async import (
    Concurrent,
    RetryFixed,
    SerialDfs,
    SetupError,
    StepResult,
    TaskTree,
    borrow,
    compile_plan,
    consume,
    copy,
    fallback,
    from_input,
    retry_on,
    run,
    run_sync,
    task,
    value,
)
from yorch_async.testing import ManualClock, Recorder, all_kept, replaced, scripted

CLOCK = ManualClock()
NEVER = AssertionError("the real task was called")
WAYS = [(policy, optimize) for policy in (SerialDfs(), Concurrent()) for optimize in (False, True)]


def never(*_args):
    raise NEVER


def is_even(number, _tens):
    return number % 2 == 0


def shop():
    """A root; two nodes that read it, one of them by a condition; a join of both, with a default for that one."""
    tree = TaskTree("shop")
    patiently = retry_on(ConnectionError, RetryFixed(3, delay=10.0), sleep=CLOCK.sleep)
    load = tree.root(never, name="load")
    count = load.child(never, copy(load), name="count", adapters=(patiently,))
    half = load.child(never, borrow(count), value(10), name="half", when=is_even)
    total = tree.join(never, borrow(count), borrow(half, default=-1), consume(load), name="total", after=half)
    total.child(never, borrow(half), name="end", when=task(bool, from_input("wanted", bool), name="wanted"))
    return tree


@pytest.fixture(params=WAYS, ids=str)
def way(request):
    """A plan, and how it is run."""
    policy, optimize = request.param

    def ran(fakes, **options):
        recorder, plan = Recorder(), replaced(compile_plan(shop(), optimize=optimize), fakes)
        result = run(plan, execution=policy, inputs={"wanted": True}, **options)
        assert result.skipped == run(plan, execution=policy, inputs={"wanted": True}, observers=[recorder]).skipped
        recorder.check(plan)
        return result

    return ran


def test_values_in_all_places(way):
    """What a condition looks at is what the fakes before have given."""
    result = way({"load": [1], "count": 4, "half": 2, "total": 6, "end": 8})
    assert {"total/end": 8} == dict(result.items())


def test_callables_are_passed_what_the_nodes_would_be(way):
    """Also a default, and what is consumed."""
    fakes = {"load": lambda: [1], "count": len, "half": never, "total": lambda *args: args, "end": never}
    result = way(fakes)
    assert ["load/half", "total", "total/end"] == [skip.path for skip in result.skipped]
    tree = TaskTree("t")
    load = tree.root(never, name="load")
    half = load.child(never, name="half", when=scripted(False))
    total = tree.join(never, borrow(half, default=-1), consume(load), name="total")
    plan = replaced(compile_plan(tree), {"load": [7], "total": lambda *args: args})
    assert (-1, [7]) == run(plan)[total]


def test_conditions_stay():
    """With what they look at, also where the fake itself takes nothing."""
    plan = compile_plan(shop())
    fakes = {"load": [1], "count": 3, "half": 1, "total": 2, "end": 3}
    assert ["load/half"] == [skip.because for skip in run(replaced(plan, fakes), inputs={"wanted": True}).skipped[:1]]
    with pytest.raises(SetupError):
        run(replaced(plan, fakes))
    unwanted = run(replaced(plan, fakes | {"count": 4}), inputs={"wanted": False})
    assert ["total/end"] == [skip.path for skip in unwanted.skipped]
    assert str(replaced(plan, fakes)).endswith("└─ end(_args=borrow(half)) [when wanted(#1=from_input(wanted))]")


def test_adapters_and_scripts_work_as_in_trees(way):
    """A node that reads by a handle is retried like any other."""
    CLOCK.waits.clear()
    result = way(
        {"load": [1], "count": scripted(ConnectionError(), 4, ConnectionError(), 4), "half": 2, "total": 6, "end": 8}
    )
    assert (8, [10.0, 10.0]) == (result["end"], CLOCK.waits)
    failed = way({"load": [1], "count": StepResult.failure("no")})
    assert ["load/half", "total", "total/end"] == [skip.path for skip in failed.skipped]


def test_what_a_fake_consumes_is_consumed():
    """The output is alive no longer than with the real task."""

    class Prices(list):
        """A list that can be watched."""

    alive = []

    def load():
        prices = Prices()
        alive.append(weakref.ref(prices))
        return prices

    tree = TaskTree("t")
    prices = tree.root(load)
    total = tree.join(never, consume(prices), name="total")
    total.child(lambda: alive[-1]() is None, name="gone")
    plan = compile_plan(tree)
    for fake in (7, lambda: 7, StepResult.success()):
        other = replaced(plan, {"total": fake})
        assert plan.lifetimes is other.lifetimes
        assert run(other)["gone"]


def test_a_fake_of_a_fake_and_what_runs_instead_of_it():
    """It gets the arguments of the node, whatever the first one took; an alternative task reads its own."""
    tree = TaskTree("t")
    load = tree.root(never, name="load")
    cached = task(lambda number: number + 1, borrow(load))
    total = tree.join(
        never, borrow(load, default=0), value(1), name="total", adapters=[fallback(cached)], when=lambda a, b: b
    )
    plan = replaced(compile_plan(tree), {"load": 5, "total": 3})
    assert 3 == run(plan)[total] == run_sync(plan)[total]
    assert 6 == run(replaced(plan, {"total": lambda a, b: a + b}))[total]
    assert 6 == run(replaced(plan, {"total": OSError()}))[total]
    assert {"load": 5, "total": 3} == dict(run(all_kept(plan)).items())


def happened(plan, written, log):
    """Run a plan of a random graph; all that can be seen of it."""
    log.clear()
    written.counts.clear()
    try:
        result = run_sync(plan)
    except Broken as error:
        return calls_of(log), str(error)
    return calls_of(log), result.status, result.skipped, [(path, list(box.items)) for path, box in result.items()]


@pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
def test_a_function_in_its_own_place_changes_nothing(optimize):
    """Whatever a graph reads, and by whatever it is cut short: fakes are called as the real tasks are."""
    for seed in range(300):
        specs, _ = graphs(Random(seed), endings=["failure", "raise", "abort_branch"])
        for spec in specs:
            spec.is_async = False
        log = []
        written = Written(specs, log)
        plan = compile_plan(written.tree, optimize=optimize)
        own = replaced(plan, {node.path: node.task.fn for node in plan.nodes})
        assert happened(plan, written, log) == happened(own, written, log)
