"""Graphs of twice the size take twice the work: counted in calls, so that no clock has a say in it."""

import sys
from dataclasses import replace
from functools import partial

import anyio
import pytest

from yorch_async import Concurrent, StepResult, TaskTree, borrow, borrow_mut, borrow_prev, compile_plan, consume, run_plan
from yorch_async.plan._reach import Reach

Maybe = StepResult | int


def ended():
    return StepResult.abort_branch()


def empty():
    return StepResult.success()


def count(*given):
    return len(given)


def joined(size, source=borrow, fn=int, **options):
    """Many nodes, read by one."""
    tree = TaskTree()
    root = tree.root(int)
    nodes = [root.child(fn, output=Maybe) for _ in range(size)]
    tree.join(count, *(source(node, **options) for node in nodes), name="all")
    return tree


def chain(size):
    """Each reads the one before it."""
    tree = TaskTree()
    node = tree.root(int)
    for _ in range(size):
        node = tree.join(count, borrow(node))
    return tree


def gate(size, fn=int):
    """Many nodes, then one, then many again that come one after the other."""
    tree = TaskTree()
    root = tree.root(int)
    node = tree.join(int, after=[root.child(fn, output=Maybe) for _ in range(size)])
    for _ in range(size):
        node = tree.join(int, after=node)
    return tree


def changed(size):
    """One object, read by two and changed by one, again and again."""
    tree = TaskTree()
    root = node = tree.root(list)
    for _ in range(size):
        readers = [tree.join(count, borrow(root), after=node) for _ in range(2)]
        node = tree.join(count, borrow_mut(root), after=readers)
    return tree


def asked(size):
    """Conditions that do not hold."""
    tree = TaskTree()
    root = tree.root(int)
    for _ in range(size):
        root.child(int, when=lambda: False).child(count, borrow(root))
    tree.join(count, borrow(root))
    return tree


SHAPES = {
    "joined": joined,
    "taken": lambda size: joined(size, consume),
    "with defaults": lambda size: joined(size, fn=ended, default=1),
    "without outputs": lambda size: joined(size, fn=empty, default=1),
    "chain": chain,
    "gate": gate,
    "closed gate": lambda size: gate(size, ended),
    "changed": changed,
    "asked": asked,
}


def run_all(tree):
    """Compile a graph, look at all of it, and run it in every way."""
    for plan in (compile_plan(tree, optimize=False), replace(compile_plan(tree), optimize=True, part=10)):
        str(plan)
        for execution in (None, Concurrent(), Concurrent(max_concurrency=1)):
            options = {} if execution is None else {"execution": execution}
            for observers in ((), [lambda event: None]):
                result = anyio.run(partial(run_plan, plan, observers=observers, **options))
                assert result.ok
                str(result.skipped)


def calls_of(fn):
    """How many functions are called by one."""
    found = 0

    def profile(frame, event, argument):
        nonlocal found
        found += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        fn()
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_with_the_nodes(shape):
    """Compiling, running in every way, naming what was skipped: nothing is looked through for each node anew."""
    run_all(SHAPES[shape](10))  # what is made once in a process
    once, twice = (calls_of(partial(run_all, SHAPES[shape](size))) for size in (150, 300))
    assert twice < 2.3 * once


@pytest.mark.parametrize("shape", ["joined", "chain", "gate"])
def test_ten_thousand_nodes_are_no_matter(shape):
    """Neither of depth nor of width."""
    plan = compile_plan(SHAPES[shape](10_000), optimize=False)
    for execution in (Concurrent(), Concurrent(max_concurrency=1)):
        assert anyio.run(lambda way=execution: run_plan(plan, execution=way)).ok
    assert anyio.run(run_plan, plan).ok


@pytest.mark.parametrize("is_chain", [False, True])
def test_consumers_that_come_long_after_readers_are_put_in_order_without_a_search_for_each(is_chain, monkeypatch):
    """Twice as many ask the graph twice as often."""
    asked = []
    below = Reach._is_below

    def counted(self, position, above):
        asked.append(position)
        return below(self, position, above)

    monkeypatch.setattr(Reach, "_is_below", counted)
    counts = []
    for size in (200, 400):
        asked.clear()
        tree = TaskTree("t")
        root = tree.root(lambda: 1, name="root")
        made = [root.child(lambda x: [x], borrow_prev()) for _ in range(size)]
        used, last = [], root
        for node in made:
            last = tree.join(len, borrow(node), after=last if is_chain else root)
            used.append(last)
        last = tree.join(lambda: None, after=used)
        for node in made:
            taken = tree.join(list, consume(node), after=last)
            last = taken if is_chain else last
        compile_plan(tree)
        counts.append(len(asked))
    assert counts[1] <= 2 * counts[0] + 100
