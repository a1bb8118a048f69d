"""Siblings run concurrently, in as few tasks of the event loop as that takes, and know nothing of each other."""

import sys
from contextvars import ContextVar, copy_context
from functools import partial
from time import perf_counter

import anyio
import pytest
from anyio.lowlevel import checkpoint

from yorch_async import (
    BorrowError,
    Concurrent,
    DirectOut,
    Fanout,
    StepResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    run_plan,
    run_sync,
    task_forward_prev,
    task_into,
    value,
)
from yorch_async.execution._isolated import Isolated
from yorch_async.execution._starter import Starter

pytestmark = [pytest.mark.anyio, pytest.mark.as_compiled]


@pytest.fixture
def unhurried(monkeypatch):
    """No turn of the loop is given away, however slow the machine: a spare runner would begin in it."""
    monkeypatch.setattr("yorch_async.execution._concurrent.SLICE", 3600.0)


class Meter:
    """Tasks that wait for each other, and count themselves."""

    def __init__(self):
        self.log = []
        self.now = self.most = 0
        self.tasks = set()

    def waits(self, name, event=None):
        """Make a task that waits: for an event, or for one turn of the loop."""

        async def wait(*_args):
            self.tasks.add(anyio.get_current_task().id)
            self.now += 1
            self.most = max(self.most, self.now)
            self.log.append(name)
            await (checkpoint() if event is None else event.wait())
            self.now -= 1
            self.log.append(f"{name} done")
            return name

        return wait

    def plain(self, name):
        """Make a task that does not wait."""

        async def run_it(*_args):
            self.tasks.add(anyio.get_current_task().id)
            self.log.append(name)
            return name

        return run_it


async def test_siblings_wait_at_the_same_time():
    """The first one is done when the last one has begun."""
    meter, event = Meter(), anyio.Event()

    async def release():
        event.set()
        return "last"

    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    for number in range(5):
        root.child(meter.waits(number, event))
    root.child(release, name="last")
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert meter.most == 5
    assert [*range(5), "last"] == [output for _, output in result.items()]


@pytest.mark.usefixtures("unhurried")
async def test_nodes_that_do_not_wait_share_a_task():
    """However many there are, and whatever their depth; it is the caller's."""
    meter = Meter()
    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    for number in range(50):
        root.child(meter.plain(number)).child(meter.plain(f"{number} below"))
    await run_plan(compile_plan(tree), execution=Concurrent())
    assert ["root", *(name for number in range(50) for name in (number, f"{number} below"))] == meter.log
    assert {anyio.get_current_task().id} == meter.tasks


@pytest.mark.usefixtures("unhurried")
async def test_a_chain_needs_no_task_of_its_own():
    """Where no other node could run, nobody has to take over."""
    meter = Meter()
    tree = TaskTree()
    node = tree.root(meter.waits(0))
    for number in range(1, 20):
        node = node.child(meter.waits(number))
    before = len(anyio.get_running_tasks())
    node.child(lambda: len(anyio.get_running_tasks()), name="count")
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert before == result["count"]
    assert len(meter.tasks) == 1


async def test_nodes_that_wait_for_one_turn_share_a_few_tasks():
    """A runner whose node is done goes on with the next one."""
    meter = Meter()
    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    for number in range(500):
        root.child(meter.waits(number))
    await run_plan(compile_plan(tree), execution=Concurrent())
    assert len(meter.tasks) < 100


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_no_more_nodes_run_at_a_time_than_allowed(limit):
    """And no fewer, where there are enough of them."""
    meter = Meter()
    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    for number in range(30):
        root.child(meter.waits(number)).child(meter.waits(f"{number} below"))
    await run_plan(compile_plan(tree), execution=Concurrent(max_concurrency=limit))
    assert limit == meter.most
    assert len(meter.tasks) <= limit + 1
    assert len(meter.log) == 121


async def test_descendants_go_before_later_siblings():
    """Of what is ready; so few subtrees are alive at a time."""
    meter, event, late = Meter(), anyio.Event(), anyio.Event()
    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    one = root.child(meter.waits("one", event))
    one.child(meter.plain("one.a")).child(meter.plain("one.a.a"))
    one.child(meter.plain("one.b")).child(lambda: late.set(), name="release the others")
    root.child(lambda: event.set(), name="release")
    for number in range(3):
        root.child(meter.waits(number, late))
    await run_plan(compile_plan(tree), execution=Concurrent(max_concurrency=2))
    started = [name for name in meter.log if "done" not in str(name)]
    assert ["root", "one", 0, "one.a", "one.a.a", "one.b", 1, 2] == started


async def test_copies_are_staged_before_any_child_starts():
    """So a consumer that changes what it got is not seen by siblings that start later."""
    seen = []

    async def consume(items):
        items.append("consumed")
        await checkpoint()
        seen.append(items)

    async def copy(items):
        await checkpoint()
        seen.append(items)

    tree = TaskTree()
    root = tree.root(lambda: ["made"], fanout=Fanout.CONSUME_WITH_COPIES, output=list)
    root.child(consume, consume_prev())
    root.child(copy, copy_prev())
    root.child(copy, copy_prev())
    await run_plan(compile_plan(tree), execution=Concurrent())
    assert [["made", "consumed"], ["made"], ["made"]] == seen


VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="unset")


@pytest.mark.parametrize("limit", [None, 1, 2])
async def test_no_node_sees_what_another_one_sets_in_a_context_variable(limit):
    """Neither does the caller; all start with what the caller has set."""
    seen = []

    async def sets(number):
        seen.append(VARIABLE.get())
        VARIABLE.set(f"by {number}")
        if number % 2:
            await checkpoint()
        seen.append(VARIABLE.get() == f"by {number}")

    def sets_at_once():
        seen.append(VARIABLE.get())
        VARIABLE.set("at once")

    VARIABLE.set("by the caller")
    tree = TaskTree()
    root = tree.root(sets, value(0))
    for number in range(1, 6):
        root.child(sets, value(number)).child(sets_at_once)
    await run_plan(compile_plan(tree), execution=Concurrent(max_concurrency=limit))
    assert {"by the caller", True} == set(seen)
    assert VARIABLE.get() == "by the caller"
    assert len(seen) == 17


@pytest.mark.usefixtures("unhurried")
async def test_a_variable_that_is_set_back_is_no_change():
    """The runner goes on in its task."""
    meter = Meter()

    async def borrows():
        meter.tasks.add(anyio.get_current_task().id)
        token = VARIABLE.set("for a moment")
        VARIABLE.reset(token)

    tree = TaskTree()
    root = tree.root(lambda: None)
    for _ in range(5):
        root.child(borrows)
    await run_plan(compile_plan(tree), execution=Concurrent())
    assert len(meter.tasks) == 1


class Incomparable:
    """What cannot be compared, as an array that asks whether any or all of it is meant."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        raise ValueError("ambiguous")


INCOMPARABLE: ContextVar[Incomparable] = ContextVar("INCOMPARABLE")


@pytest.mark.usefixtures("unhurried")
async def test_variables_that_cannot_be_compared_count_as_changed():
    """And the error of the comparison is nobody's."""
    INCOMPARABLE.set(Incomparable())
    meter = Meter()

    async def sets():
        meter.tasks.add(anyio.get_current_task().id)
        INCOMPARABLE.set(Incomparable())

    tree = TaskTree()
    root = tree.root(sets)
    root.child(sets)
    root.child(sets)
    assert (await run_plan(compile_plan(tree), execution=Concurrent())).ok
    assert len(meter.tasks) == 3


@pytest.mark.parametrize("limit", [None, 2])
async def test_a_cancel_scope_that_a_node_leaves_open_holds_for_no_other_node(limit):
    """The task that it belongs to takes no further node; left open in the caller's own task, it ends the run, with an error."""
    scopes, ran = [], []

    async def leaves_open():
        scope = anyio.CancelScope()
        scope.__enter__()
        scopes.append(scope)

    async def waits():
        for scope in scopes:
            scope.cancel()
        await checkpoint()  # raises within such a scope
        ran.append("done")

    tree = TaskTree()
    root = tree.root(lambda: None)
    root.child(waits)
    middle = root.child(leaves_open)
    for _ in range(3):
        middle.child(waits)
    root.child(waits)
    plan = compile_plan(tree)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(run_plan, plan, execution=Concurrent(max_concurrency=limit)))
    except BaseException as error:  # noqa: BLE001 - trio does not forgive it, and says so
        assert "scope" in str(error.exceptions)  # noqa: PT017 - see above
    else:
        assert ["done"] * 5 == ran


async def test_two_thousand_siblings_that_wait_at_the_same_time():
    """Also where tasks begin at once, which would nest the runners."""
    meter, event = Meter(), anyio.Event()
    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    for number in range(2000):
        root.child(meter.waits(number, event))
    root.child(lambda: event.set(), name="release")
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert result.ok
    assert meter.most == 2000


async def test_a_task_factory_that_starts_tasks_at_once():
    """It may be the program's own, which nobody can know by its name."""
    if not asyncio_is_running():
        pytest.skip("trio has no task factories")
    loop = sys.modules["asyncio"].get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(at_once)
    try:
        meter, event = Meter(), anyio.Event()
        tree = TaskTree()
        root = tree.root(meter.plain("root"))
        for number in range(2000):
            root.child(meter.waits(number, event))
        root.child(lambda: event.set(), name="release")
        assert (await run_plan(compile_plan(tree), execution=Concurrent())).ok
    finally:
        loop.set_task_factory(before)


def asyncio_is_running():
    asyncio = sys.modules["asyncio"]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def at_once(loop, coro, **options):
    """Do the first step of a task before it is made, as Python 3.12 and later can."""
    coro.send(None)
    return sys.modules["asyncio"].Task(rest_of(coro), loop=loop, **options)


async def rest_of(coro):
    await Rest(coro)


class Rest:
    def __init__(self, coro):
        self.coro = coro

    def __await__(self):
        sent = None
        while True:
            try:
                sent = yield self.coro.send(sent)
            except StopIteration:
                return


async def test_a_task_factory_that_fails():
    """Its error is one of the node that was to run meanwhile, and nothing is left unawaited."""
    if not asyncio_is_running():
        pytest.skip("trio has no task factories")
    loop = sys.modules["asyncio"].get_running_loop()
    before = loop.get_task_factory()

    def broken(loop, coro, **options):
        raise OSError("no more tasks")

    meter = Meter()
    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    root.child(meter.waits(1), name="one")
    root.child(meter.plain(2), name="two")
    loop.set_task_factory(broken)
    try:
        with pytest.RaisesGroup(OSError):
            await run_plan(compile_plan(tree), execution=Concurrent(on_failure="continue"))
    finally:
        loop.set_task_factory(before)
    assert ["root", 2] == meter.log


async def test_a_task_that_breaks_is_told_by_its_group():
    """As by anyio itself: an error of ours would not vanish either."""

    async def breaks(message):
        await checkpoint()
        raise RuntimeError(message)

    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="^ours$")):
        async with anyio.create_task_group() as group:
            Starter(group, copy_context(), "test").start(breaks, "ours")
            await anyio.sleep_forever()


async def test_what_is_isolated_can_be_closed():
    """As any coroutine."""
    log = []

    async def waits():
        try:
            await anyio.sleep_forever()
        except GeneratorExit:
            log.append("closed")
            raise

    async def outer():
        await Isolated(waits(), lambda: log.append("closing"))

    coroutine = outer()
    coroutine.send(None)
    coroutine.close()
    assert ["closing", "closed"] == log


@pytest.mark.parametrize("shape", ["siblings", "chain", "mixed siblings"])
async def test_a_run_that_never_waits_gives_the_loop_its_turn(shape):
    """Every few milliseconds, so that others are not kept waiting for the whole of it."""
    turns, ended = 0, False

    async def others():
        nonlocal turns
        while not ended:
            turns += 1
            await checkpoint()

    def busy():
        until = perf_counter() + 0.002
        while perf_counter() < until:
            pass

    tree = TaskTree()
    node = root = tree.root(busy)
    for number in range(60):
        adapters = [catch_as_failure(), Passing()] if shape == "mixed siblings" and number % 2 else ()
        node = (node if shape == "chain" else root).child(busy, adapters=adapters)
    async with anyio.create_task_group() as group:
        group.start_soon(others)
        await run_plan(compile_plan(tree), execution=Concurrent())
        ended = True
    assert turns >= 4


class Passing:
    """An adapter that has a part in a success, for all that is known of it."""

    def wrap(self, call):
        return call


async def test_a_run_that_never_waits_can_be_cancelled():
    """Within the same time."""
    calls = 0

    def busy():
        nonlocal calls
        calls += 1
        until = perf_counter() + 0.001
        while perf_counter() < until:
            pass

    tree = TaskTree()
    root = tree.root(busy)
    for _ in range(1000):
        root.child(busy)
    with anyio.move_on_after(0.02) as scope:
        await run_plan(compile_plan(tree), execution=Concurrent())
    assert scope.cancelled_caught
    assert calls < 500


async def test_an_output_goes_when_its_last_reader_is_done():
    """Whichever of them that is; and a chain holds one at a time."""
    event, seen = anyio.Event(), {}

    class Box:
        count = 0

        def __init__(self):
            Box.count += 1

        def __del__(self):
            Box.count -= 1

    async def slow(_box):
        await event.wait()
        seen["while the slow one reads"] = Box.count

    async def quick(_box):
        await checkpoint()

    def after():
        seen["after the quick one"] = Box.count
        event.set()

    def last():
        seen["after both"] = Box.count

    tree = TaskTree()
    root = tree.root(Box)
    root.child(slow, borrow_prev()).child(last)
    root.child(quick, borrow_prev()).child(after)
    await run_plan(compile_plan(tree), execution=Concurrent())
    assert {"after the quick one": 1, "while the slow one reads": 1, "after both": 0} == seen


@pytest.mark.parametrize("answer", [StepResult.abort_branch(), StepResult.failure()])
async def test_what_is_not_read_any_more_goes_with_the_branch(answer):
    """A branch that is cut off lets go of what only it would have read."""
    seen = {}

    class Box:
        count = 0

        def __init__(self):
            Box.count += 1

        def __del__(self):
            Box.count -= 1

    tree = TaskTree()
    root = tree.root(Box)
    cut = root.child(lambda _box: answer, borrow_prev())
    cut.child(lambda: None).child(lambda: None)
    root.child(lambda: seen.update(count=Box.count), name="later")
    await run_plan(compile_plan(tree), execution=Concurrent(on_failure="continue"))
    assert {"count": 0} == seen


async def test_forwarded_objects_stay_until_the_last_one_reads_them():
    """And a forwarding leaf keeps what it forwards."""

    async def add(items):
        await checkpoint()
        items.append(len(items))

    tree = TaskTree()
    root = tree.root(list)
    one = root.child(task_forward_prev(add, borrow_prev_mut()))
    two = one.child(task_forward_prev(add, borrow_prev_mut()))
    leaf = two.child(task_forward_prev(add, borrow_prev_mut()))
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert [0, 1, 2] == result[leaf]


async def test_a_family_is_made_bit_by_bit():
    """A first run and later ones see all siblings in order."""
    tree = TaskTree()
    root = tree.root(lambda: 0)
    for number in range(100):
        root.child(int, value(str(number))).child(lambda x: x + 1, borrow_prev())
    plan = compile_plan(tree)
    for _ in range(3):
        result = await run_plan(plan, execution=Concurrent())
        assert [number + 1 for number in range(100)] == [output for _, output in result.items()]


async def test_outputs_that_are_kept_and_read():
    """Both at once; and a node that succeeds without an output leaves none."""
    tree = TaskTree()
    root = tree.root(lambda: 7, name="root", keep=True)
    root.child(lambda x: x + 1, borrow_prev(), name="leaf")
    root.child(StepResult.success, name="nothing")
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert [("root", 7), ("root/leaf", 8)] == list(result.items())


async def test_callables_of_all_kinds():
    """What returns an awaitable is awaited, what writes into its slot has written, adapters are around the call."""

    async def coroutine():
        await checkpoint()
        return 1

    def write(out: DirectOut[int]):
        out.set(3)

    async def write_later(out: DirectOut[int]):
        await checkpoint()
        out.set(4)

    tree = TaskTree()
    root = tree.root(lambda: coroutine(), name="awaitable")
    root.child(lambda x: x + 1, borrow_prev(), name="plain")
    root.child(task_into(write, name="into"))
    root.child(task_into(write_later, name="into later"))
    root.child(int, value("x"), adapters=[catch_as_failure(lambda error: 5)], name="caught")
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert [2, 3, 4, 5] == [output for _, output in result.items()]


@pytest.mark.parametrize("consumer", [lambda items: len(items), None])
async def test_a_consumed_output_is_moved(consumer):
    """Also where its consumer waits."""

    async def later(items):
        await checkpoint()
        return len(items)

    tree = TaskTree()
    leaf = tree.root(lambda: [1, 2]).child(consumer or later, consume_prev())
    assert 2 == (await run_plan(compile_plan(tree), execution=Concurrent()))[leaf]


async def test_borrows_are_checked_one_node_at_a_time():
    """Who has changed what it only borrowed cannot be told of nodes that overlap."""
    meter = Meter()

    async def changes(items):
        await checkpoint()
        items.append(1)

    tree = TaskTree("t")
    root = tree.root(list, name="root")
    root.child(meter.waits("innocent"), borrow_prev())
    root.child(changes, borrow_prev(), name="changes")
    root.child(meter.waits("later"), borrow_prev())
    with pytest.RaisesGroup(pytest.RaisesExc(BorrowError, match="^root/changes, parameter 'items': changed")):
        await run_plan(compile_plan(tree), execution=Concurrent(), check_borrows=True)
    assert ["innocent", "innocent done"] == meter.log


async def test_without_knowledge_of_the_loop_each_node_has_a_task_of_its_own(monkeypatch):
    """Should a later version of anyio or trio keep its scopes elsewhere, it is slower, and right."""
    monkeypatch.setattr("yorch_async.execution._watch._PLACES", ())
    monkeypatch.setattr("yorch_async.execution._starter._KNOWN", ("not there",))
    monkeypatch.setattr("yorch_async.execution._starter._NURSERY", "not there")
    started, start = [], Starter.start
    monkeypatch.setattr(Starter, "start", lambda self, *args: (started.append(args), start(self, *args)))
    meter = Meter()
    tree = TaskTree()
    root = tree.root(meter.plain("root"))
    for number in range(10):
        root.child(meter.waits(number)).child(meter.plain(f"{number} below"))
    result = await run_plan(compile_plan(tree), execution=Concurrent())
    assert result.ok
    assert len(started) >= 20


def test_there_is_no_concurrency_without_a_loop():
    """`run_sync` says so."""
    tree = TaskTree()
    tree.root(int)
    with pytest.raises(TypeError, match="^run_sync runs one node after the other; leave out execution, or await run_plan"):
        run_sync(compile_plan(tree), execution=Concurrent())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_concurrency": 0}, "max_concurrency must be an integer of 1 or more, or None for no limit, not 0"),
        ({"max_concurrency": True}, "max_concurrency must be an integer of 1 or more, or None for no limit, not True"),
        ({"max_concurrency": 1.5}, "max_concurrency must be an integer of 1 or more, or None for no limit, not 1.5"),
        ({"on_failure": "ignore"}, "on_failure must be 'stop' or 'continue', not 'ignore'"),
    ],
)
def test_options_are_checked_where_they_are_made(options, message):
    """A policy that exists makes sense."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        Concurrent(**options)
