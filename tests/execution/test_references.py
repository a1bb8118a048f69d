"""Who holds an output, and until when: seen through reference counts and weak references, with the collector off."""

import gc
import sys
import weakref

import pytest

from yorch_async import (
    DirectOut,
    Fanout,
    RetryForever,
    StepResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    retry,
    run_plan,
    task,
    task_forward_prev,
    task_into,
    task_member,
    value,
)

pytestmark = pytest.mark.anyio


class Payload:
    """Something that can be watched."""

    def __init__(self, name="payload"):
        self.name = name

    def count(self):
        return sys.getrefcount(self)

    async def count_async(self):
        return sys.getrefcount(self)


@pytest.fixture(autouse=True)
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def count(obj):
    return sys.getrefcount(obj)


async def count_async(obj):
    return sys.getrefcount(obj)


def count_last(one, two, three, *, obj):
    return sys.getrefcount(obj)


def count_into(obj, out: DirectOut[int]) -> None:
    out.set(sys.getrefcount(obj))


def pass_on(call):
    class Pass:
        def wrap(self, inner):
            async def passed(attempt):
                return await inner(attempt)

            return passed

    return Pass()


BY_HAND = {
    "function": lambda: count(Payload()),
    "method": lambda: Payload().count(),
}


@pytest.mark.parametrize("check_borrows", [False, True])
@pytest.mark.parametrize("observers", [[], [lambda event: None]], ids=["unobserved", "observed"])
@pytest.mark.parametrize(
    "adapters", [(), (catch_as_failure(),), (catch_as_failure(), pass_on(None))], ids=["bare", "catch", "catch and own"]
)
@pytest.mark.parametrize(
    ("consumer", "by_hand"),
    [
        (lambda adapters: task(count, consume_prev(), adapters=adapters), "function"),
        (lambda adapters: task(count_async, consume_prev(), adapters=adapters), "function"),
        (
            lambda adapters: task(count_last, value(1), value(2), value(3), consume_prev(), adapters=adapters),
            "function",
        ),
        (lambda adapters: task_into(count_into, consume_prev(), adapters=adapters), "function"),
        (lambda adapters: task_member(Payload.count, consume_prev(), adapters=adapters), "method"),
        (lambda adapters: task_member(Payload.count_async, consume_prev(), adapters=adapters), "method"),
    ],
    ids=["function", "coroutine function", "keyword", "direct output", "method", "coroutine method"],
)
async def test_a_consumer_holds_what_a_call_by_hand_would_leave_it(consumer, by_hand, adapters, observers, check_borrows):
    """Whatever stands between: adapters, observers, the comparison of borrows."""
    for make in (Payload, task_into(lambda out: out.set(Payload()), output=Payload)):
        tree = TaskTree()
        leaf = tree.root(make).child(consumer(adapters))
        result = await run_plan(compile_plan(tree), observers=observers, check_borrows=check_borrows)
        assert BY_HAND[by_hand]() == result[leaf]


async def test_a_consumer_is_the_only_holder_also_of_a_forwarded_output():
    """Through any number of forwarding nodes, and beside copiers."""
    tree = TaskTree()
    forward = task_forward_prev(lambda obj: None, borrow_prev_mut())
    node = tree.root(Payload).child(forward).child(forward, fanout=Fanout.CONSUME_WITH_COPIES)
    node.child(lambda obj: None, copy_prev())
    leaf = node.child(count, consume_prev(), name="leaf")
    assert BY_HAND["function"]() == (await run_plan(compile_plan(tree)))[leaf]


async def test_an_output_is_released_after_its_last_reader():
    """Not at the end of the subtree, and not at the end of the run."""
    alive: list[bool] = []
    watched: list[weakref.ref[Payload]] = []

    def make():
        obj = Payload()
        watched.append(weakref.ref(obj))
        return obj

    def look():
        alive.append(watched[0]() is not None)

    tree = TaskTree()
    root = tree.root(make)
    one = root.child(lambda obj: look(), borrow_prev())
    one.child(look)
    two = root.child(lambda obj: look(), copy_prev())
    two.child(look)
    root.child(look)
    await run_plan(compile_plan(tree))
    assert [True, True, True, False, False] == alive


async def test_an_output_that_nobody_reads_is_released_at_once():
    """It has no slot at all."""
    watched = []

    def make():
        obj = Payload()
        watched.append(weakref.ref(obj))
        return obj

    tree = TaskTree()
    root = tree.root(make)
    direct = root.child(task_into(lambda out: out.set(make()), output=Payload))
    direct.child(lambda: [ref() for ref in watched], name="look")
    plan = compile_plan(tree)
    assert plan.nodes[0].slot is None
    assert (await run_plan(plan))["look"] == [None, None]


@pytest.mark.parametrize("answer", [StepResult.abort_branch(), StepResult.failure(), StepResult.abort_execution()])
async def test_an_output_is_released_when_its_readers_can_no_longer_run(answer):
    """At once if only their branch is aborted; before the result is there in any case."""
    watched = []

    def make():
        obj = Payload()
        watched.append(weakref.ref(obj))
        return obj

    tree = TaskTree()
    root = tree.root(lambda: 1)
    branch = root.child(make).child(task_forward_prev(lambda obj: answer, borrow_prev_mut()))
    branch.child(lambda obj: None, borrow_prev())
    root.child(lambda: watched[0](), name="after")
    result = await run_plan(compile_plan(tree))
    assert watched[0]() is None
    if answer.status.value == "abort_branch":
        assert result["after"] is None


@pytest.mark.parametrize("observers", [[], [lambda event: None]], ids=["unobserved", "observed"])
@pytest.mark.parametrize("adapters", [(), (catch_as_failure(on=KeyError), retry(RetryForever()))], ids=["bare", "adapted"])
async def test_a_kept_traceback_keeps_no_outputs_of_other_nodes(adapters, observers):
    """Neither those in slots, nor staged copies, nor kept leaves; the failing task's own arguments are in its own frame."""
    watched = []

    def make(*_):
        obj = Payload()
        watched.append(weakref.ref(obj))
        return obj

    async def fail() -> StepResult:
        raise ValueError("broken")

    tree = TaskTree()
    root = tree.root(make, fanout=Fanout.CONSUME_WITH_COPIES)
    root.child(make, copy_prev(), name="leaf")
    middle = root.child(make, copy_prev(), keep=True, name="middle")
    middle.child(fail, adapters=adapters)
    middle.child(make, borrow_prev())
    root.child(make, consume_prev())
    with pytest.raises(ValueError, match="broken") as caught:
        await run_plan(compile_plan(tree), observers=observers)
    assert caught.value.__traceback__ is not None
    assert len(watched) == 3
    assert [None] * 3 == [ref() for ref in watched]


async def test_a_kept_failure_keeps_no_outputs_of_other_nodes():
    """The error of a FAILURE has a traceback as well; the result keeps only what it shows."""
    watched = []

    def make():
        obj = Payload()
        watched.append(weakref.ref(obj))
        return obj

    def fail():
        raise ValueError("broken")

    tree = TaskTree()
    root = tree.root(make)
    root.child(fail, adapters=(catch_as_failure(),))
    root.child(lambda obj: None, borrow_prev())
    result = await run_plan(compile_plan(tree))
    assert result.failures[0].error.__traceback__ is not None
    assert watched[0]() is None


async def test_a_failed_run_leaves_no_cycle():
    """What the result holds goes with the result, without the collector."""
    watched = []

    def make():
        obj = Payload()
        watched.append(weakref.ref(obj))
        return obj

    def fail():
        raise ValueError("broken")

    tree = TaskTree()
    root = tree.root(lambda: 1)
    root.child(make, name="leaf")
    root.child(fail, adapters=(catch_as_failure(),))
    result = await run_plan(compile_plan(tree))
    assert result["leaf"] is watched[0]()
    del result
    assert watched[0]() is None


async def test_outputs_are_released_innermost_first():
    """When a run ends early, and when staging a copy fails."""
    released = []

    class Watched(Payload):
        def __del__(self):
            released.append(self.name)

    class Uncopyable(Watched):
        def __deepcopy__(self, memo):
            raise ValueError("cannot be copied")

    def reading(name, cls=Watched):
        return lambda *_: cls(name)

    for last, answer in ((lambda: StepResult.failure(), "failure"), (reading("d", Uncopyable), "stage")):
        released.clear()
        tree = TaskTree()
        a = tree.root(reading("a"))
        b = a.child(reading("b"), borrow_prev())
        c = b.child(reading("c"), borrow_prev())
        d = c.child(last, fanout=Fanout.CONSUME_WITH_COPIES)
        d.child(lambda x: x, copy_prev())
        d.child(lambda x: x, consume_prev())
        for node in (c, b, a):
            node.child(lambda x: x, borrow_prev())
        if answer == "failure":
            await run_plan(compile_plan(tree))
        else:
            with pytest.raises(ValueError, match="cannot be copied"):
                await run_plan(compile_plan(tree))
        # The frame that failed to copy "d" is in the traceback, so that one goes when the exception does.
        assert ["c", "b", "a"] == released[:3]


@pytest.mark.parametrize("shape", ["chain", "fan"])
@pytest.mark.timeout(120)
@pytest.mark.as_compiled
async def test_a_hundred_thousand_nodes_hold_one_output_at_a_time(shape):
    """A chain needs one slot, whatever its length; its depth needs no stack."""
    alive, most = 0, 0

    class Counted:
        def __init__(self):
            nonlocal alive, most
            alive += 1
            most = max(most, alive)

        def __del__(self):
            nonlocal alive
            alive -= 1

    def step(obj):
        return Counted()

    tree = TaskTree()
    node = root = tree.root(Counted)
    link = task(step, borrow_prev())
    for _ in range(99_999):
        node = (node if shape == "chain" else root).child(link)
    plan = compile_plan(tree)
    assert plan.slots == 1
    assert (await run_plan(plan, keep="none")).ok
    assert most == 2, "the one that is read, and the one that is being made"
    assert alive == 0
