"""`limit`: at most so many calls at the same time."""

import gc
import weakref

import anyio
import pytest

from yorch_async import (
    RetryFixed,
    SetupError,
    StepResult,
    TaskTree,
    borrow_prev,
    compile_plan,
    limit,
    retry,
    run,
    run_plan,
    run_sync,
    task,
    value,
)

pytestmark = pytest.mark.anyio


class Room:
    """A task that counts who is in it, and stays until it is let go."""

    def __init__(self):
        self.inside = self.most = self.calls = 0
        self.order = []
        self.leave = anyio.Event()
        self.entered = anyio.Event()

    async def visit(self, name=None):
        self.inside += 1
        self.calls += 1
        self.most = max(self.most, self.inside)
        self.order.append(name)
        self.entered.set()
        try:
            await self.leave.wait()
        finally:
            self.inside -= 1
        return name


def plan_of(fn, *adapters, optimize=None):
    """A plan of one task, that is given a name."""
    tree = TaskTree("t")
    tree.root(task(fn, value("name"), adapters=adapters, name="root"))
    return compile_plan(tree, optimize=optimize)


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("make", [lambda: 2, lambda: anyio.CapacityLimiter(2), lambda: anyio.Semaphore(2)])
async def test_no_more_than_so_many_calls_at_the_same_time(make, optimize):
    """Runs of one plan share the places, whatever they were made of; in the end all were served."""
    room = Room()
    plan = plan_of(room.visit, limit(make()), optimize=optimize)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(run_plan, plan)
        await anyio.wait_all_tasks_blocked()
        assert room.inside == 2
        room.leave.set()
    assert room.most == 2
    assert room.calls == 5


async def test_one_adapter_is_one_limit_for_all_its_nodes():
    """Also in different plans; another adapter is another limit."""
    room, shared = Room(), limit(1)
    one, two, other = (plan_of(room.visit, adapter) for adapter in (shared, shared, limit(1)))
    async with anyio.create_task_group() as group:
        for plan in (one, two, other):
            group.start_soon(run_plan, plan)
        await anyio.wait_all_tasks_blocked()
        assert room.inside == 2
        room.leave.set()


async def test_who_waits_longest_is_next():
    """First come, first served."""
    room, shared = Room(), limit(1)

    def plan(name):
        tree = TaskTree()
        tree.root(room.visit, value(name), adapters=(shared,))
        return compile_plan(tree)

    async with anyio.create_task_group() as group:
        for name in "abcd":
            group.start_soon(run_plan, plan(name))
            await anyio.wait_all_tasks_blocked()
        room.leave.set()
    assert room.order == list("abcd")


@pytest.mark.parametrize("make", [lambda: 1, lambda: anyio.CapacityLimiter(1), lambda: anyio.Semaphore(1)])
async def test_who_is_cancelled_while_it_waits_has_taken_no_place(make):
    """Nor is one lost when it was just about to be given."""
    room = Room()
    plan = plan_of(room.visit, limit(make()))
    async with anyio.create_task_group() as group:
        group.start_soon(run_plan, plan)
        await anyio.wait_all_tasks_blocked()
        with anyio.CancelScope() as waits:
            group.start_soon(cancel_when_blocked, waits)
            await run_plan(plan)
        assert waits.cancelled_caught
        with anyio.CancelScope() as races:
            group.start_soon(cancel_and_leave, races, room)
            await run_plan(plan)
    assert (await run_plan(plan)).ok


async def cancel_when_blocked(scope):
    await anyio.wait_all_tasks_blocked()
    scope.cancel()


async def cancel_and_leave(scope, room):
    await anyio.wait_all_tasks_blocked()
    room.leave.set()
    scope.cancel()


@pytest.mark.parametrize("make", [lambda: 1, lambda: anyio.CapacityLimiter(1), lambda: anyio.Semaphore(1)])
async def test_a_place_is_given_back_on_every_way_out(make):
    """Answer, exception, cancellation."""
    room = Room()

    async def visit(name):
        if room.calls == 0:
            room.calls += 1
            raise ValueError("no")
        return await room.visit(name)

    plan = plan_of(visit, limit(make()))
    with pytest.raises(ValueError, match="no"):
        await run_plan(plan)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(cancel_when_blocked, scope)
            await run_plan(plan)
    assert scope.cancelled_caught
    room.leave.set()
    assert (await run_plan(plan)).ok
    assert (await run_plan(plan)).ok


async def test_a_task_may_hold_a_place_of_the_same_limiter_already():
    """Each call borrows for itself."""
    limiter = anyio.CapacityLimiter(3)
    shared = limit(limiter)
    tree = TaskTree()

    async def count():
        return limiter.borrowed_tokens

    node = tree.root(count, adapters=(shared, shared))
    async with limiter:
        assert (await run_plan(compile_plan(tree)))[node] == 3
    assert limiter.borrowed_tokens == 0


@pytest.mark.parametrize(("order", "inside"), [("limit inside", 0), ("limit outside", 1)])
async def test_the_order_says_whether_a_place_is_kept_between_attempts(order, inside):
    """A retry outside gives it back while it waits."""
    limiter, seen = anyio.CapacityLimiter(1), []
    answers = [StepResult.success(), StepResult.retry()]

    async def look(delay):
        seen.append(limiter.borrowed_tokens)

    adapters = [limit(limiter), retry(RetryFixed(1), sleep=look)]
    tree = TaskTree()
    tree.root(answers.pop, adapters=adapters if order == "limit inside" else adapters[::-1])
    assert (await run_plan(compile_plan(tree))).ok
    assert seen == [inside]


def test_one_adapter_serves_one_loop_after_the_other():
    """Of either kind; a loop that is gone leaves nothing."""
    shared = limit(1)
    tree = TaskTree()
    tree.root(lambda: 1, adapters=(shared,)).child(lambda x: x, borrow_prev(), adapters=(shared,))
    plan = compile_plan(tree)
    for backend in ("asyncio", "trio", "asyncio"):
        assert run(plan, backend=backend).ok
    gc.collect()
    assert len(shared._limiters) == 0


async def test_an_adapter_that_nobody_uses_any_more_is_gone():
    """The loop that it was used on goes on, and keeps nothing of it."""
    made = limit(1)
    reference = weakref.ref(made, lambda _: None)
    plan = plan_of(lambda name: name, made)
    assert (await run_plan(plan)).ok
    del made, plan
    gc.collect()
    assert reference() is None


def test_it_keeps_what_is_known_of_the_task():
    """Waiting changes nothing about it."""
    plain = task(lambda: 1)
    limited = task(lambda: 1, adapters=(limit(1),))
    assert limited.traits.may_retry == plain.traits.may_retry
    assert task(int, value("7"), adapters=(limit(1),)).traits.may_retry is False


@pytest.mark.parametrize(
    ("places", "error", "match"),
    [
        (0, ValueError, "at least 1 place, not 0"),
        (-1, ValueError, "at least 1 place, not -1"),
        (True, TypeError, "not True"),
        (1.5, TypeError, "^a limit is a number of places, an anyio.CapacityLimiter or an anyio.Semaphore, not 1.5"),
        (None, TypeError, "not None"),
    ],
)
def test_what_is_no_limit_is_refused_where_it_is_written(places, error, match):
    """Nothing could be made of it."""
    with pytest.raises(error, match=match):
        limit(places)


def test_without_a_loop_it_is_refused():
    """There is nobody to wait for."""
    with pytest.raises(SetupError, match="root: is wrapped in limit, which run_sync cannot await \\[not-sync\\]"):
        run_sync(plan_of(str, limit(1)))


def test_how_it_is_shown():
    """In a picture by its name, in a message with its places."""
    assert repr(limit(3)) == "limit(3)"
    assert str(plan_of(str, limit(3))).endswith("[limit]")
