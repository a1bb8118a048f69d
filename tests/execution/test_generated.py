"""Plans that become code: when, how it reads, what a traceback through it shows, and that nothing is different but the time."""

import gc
import linecache
import sys
import threading
import traceback
import weakref
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from yorch_async import (
    Context,
    DirectOut,
    Fanout,
    StepResult,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    run_plan,
    run_sync,
    task,
    task_forward_prev,
    task_into,
    task_member,
    value,
)
from yorch_async.execution._ways import EARNED
from yorch_async.plan import Variant, code_of

pytestmark = [pytest.mark.anyio, pytest.mark.as_compiled]


def code(plan, *, keep="leaves", sync=False, held=True):
    """The code of a plan as far as there is any."""
    return code_of(plan.prepared, plan.schedule, Variant(keep, sync, held))


def numbers(size, *, first=1):
    """A chain that counts."""
    tree = TaskTree("numbers")
    node = tree.root(int, value(first))
    for _ in range(size - 1):
        node = node.child(lambda x: x + 1, borrow_prev(int))
    return tree


async def test_a_plan_earns_its_code_by_its_runs():
    """A part a run, so that no run waits for long; the results are those of before."""
    plan = replace(compile_plan(numbers(5)), part=2)
    compiled = []
    for _ in range(EARNED + 5):
        assert [5] == [number for _, number in (await run_plan(plan)).items()]
        compiled.append(len(code(plan).compiled))
    assert [0] * EARNED + [1, 2, 3, 3, 3] == compiled


async def test_a_plan_that_is_not_to_be_optimized_never_is():
    """However often it runs."""
    plan = compile_plan(numbers(2), optimize=False)
    for _ in range(EARNED + 2):
        await run_plan(plan)
    assert [] == code(plan).compiled


async def test_a_plan_that_is_to_be_optimized_has_its_code_before_its_first_run():
    """For other choices of what is kept, it comes with the first run that makes them."""
    plan = replace(compile_plan(numbers(5), optimize=True))
    made = compile_plan(numbers(5), optimize=True)
    assert (True, True) == (code(made).is_complete, code(made, sync=True).is_complete)
    plan = replace(plan, part=2)
    assert not code(plan, keep="none").compiled
    await run_plan(plan, keep="none")
    assert code(plan, keep="none").is_complete


def test_without_a_loop_all_code_is_made_at_once():
    """There is nobody who would have to wait."""
    plan = replace(compile_plan(numbers(5), optimize=True), part=2)
    assert run_sync(plan).ok
    assert code(plan, sync=True).is_complete


async def test_a_very_large_plan_stays_with_the_interpreter(monkeypatch):
    """Its code would take more memory than it is worth, even if it is asked for."""
    monkeypatch.setattr("yorch_async.plan._compile.LARGEST", 3)
    monkeypatch.setattr("yorch_async.execution._ways.LARGEST", 3)
    plan = compile_plan(numbers(4), optimize=True)
    assert (await run_plan(plan)).ok
    assert [] == code(plan).compiled


@pytest.mark.parametrize("optimize", ["yes", 2, "auto"])
def test_other_wishes_are_refused(optimize):
    """The message says which there are."""
    with pytest.raises(TypeError) as caught:
        compile_plan(numbers(1), optimize=optimize)
    assert f"optimize is True, False or None, not {optimize!r}" == str(caught.value)


async def test_observers_and_borrow_checks_are_not_in_the_code():
    """A run that asks for them is interpreted, and does not count as one that earns code."""
    plan = compile_plan(numbers(2))
    for _ in range(EARNED + 2):
        await run_plan(plan, observers=[lambda event: None])
        await run_plan(plan, check_borrows=True)
    assert [] == code(plan).compiled


class Paths:
    """What a context may hold."""

    root = "data"


async def load_config(paths: Paths, name: str) -> dict[str, str]:
    return {"root": paths.root, "name": name}


def init_runtime(config: dict[str, str]) -> list[str]:
    return [*config.values()]


async def load_assets(runtime: list[str]) -> set[str]:
    return set(runtime)


def describe(assets: set[str], *, sep: str) -> str:
    return sep.join(sorted(assets))


def announce(runtime: list[str]) -> None:
    runtime.append("announced")


def scene():
    tree = TaskTree("scene")
    config = tree.root(load_config, from_ctx(Paths), from_input("name", str), name="config")
    runtime = config.child(init_runtime, borrow_prev(dict), name="runtime", keep=True)
    assets = runtime.child(load_assets, borrow_prev(list), name="assets", adapters=(catch_as_failure(),))
    assets.child(describe, borrow_prev(set), value("+"))
    assets.child(len, copy_prev(set))
    return tree


def test_the_code_reads_like_code_of_an_author():
    """Names of functions, nodes, inputs and context; a line for the call, the path beside it, and what is let go of."""
    assert """\
# settled looks at an answer that has neither the class that is expected nor one of those in plain
# kept holds what stays in the result
async def scene(run):
    kept = run.kept
    context = run.slots[0]
    inputs = run.slots[1]
    paths = context[Paths]
    name = inputs['name']
    try:
        config = await load_config(paths, name)  # config
        if type(config) is not config_class and type(config) not in plain:
            config = await settled(run, 0, config)
        runtime = init_runtime(config)  # config/runtime
        if type(runtime) is not runtime_class and type(runtime) not in plain:
            runtime = await settled(run, 1, runtime)
        kept[1] = runtime
        config = None
        assets = await load_assets(runtime)  # config/runtime/assets
        if type(assets) is not assets_class and type(assets) not in plain:
            assets = await settled(run, 2, assets)
        runtime = None
        result = describe(assets, sep=sep_value)  # config/runtime/assets/describe
        if type(result) is not str and type(result) not in plain:
            result = await settled(run, 3, result)
        kept[3] = result
        result = None
        result = len(copied(assets))  # config/runtime/assets/len
        if type(result) is not len_class and type(result) not in plain:
            result = await settled(run, 4, result)
        kept[4] = result
        assets = None
        result = None
        kept = None
    except GeneratorExit:
        closed(run, locals())
        raise""" == compile_plan(scene()).source()


def test_without_a_loop_the_code_awaits_nothing():
    """And has no need to say what it held when it is closed."""
    source = compile_plan(numbers(3)).source(keep="none", sync=True)
    assert "await" not in source
    assert "kept" not in source
    assert "\ndef numbers(run):" in source


def test_long_code_is_several_functions():
    """What one hands to the next goes through the slots of the run."""
    source = replace(compile_plan(numbers(5)), part=2).source(sync=True)
    assert source.count("def numbers_part_") == 3
    assert source.count("slots[3] = ") == 4  # written by two parts, emptied by two


async def test_a_traceback_shows_the_line_of_the_node():
    """Between the library and the function of the user."""

    def broken(x):
        raise ValueError(x)

    tree = TaskTree("orders")
    tree.root(int, value(3)).child(broken, borrow_prev(int), name="third")
    with pytest.raises(ValueError, match="3") as caught:
        await run_plan(compile_plan(tree, optimize=True))
    shown = "".join(traceback.format_exception(caught.value))
    assert "code " in shown
    assert "third = broken(" not in shown
    assert "result = broken(int_output)  # int/third" in shown
    assert ["in node 'int/third' of plan 'orders'"] == caught.value.__notes__
    *_, generated, own = traceback.extract_tb(caught.value.__traceback__)
    assert generated.name == "orders"
    assert own.name == "broken"


async def test_the_text_goes_with_the_plan():
    """The memory of tracebacks does not grow with every plan that there ever was."""
    plan = compile_plan(numbers(3), optimize=True)
    files = [each.code.co_filename for each in code(plan).compiled]
    assert set(files) <= set(linecache.cache)
    watched = weakref.ref(plan)
    del plan
    gc.collect()
    assert watched() is None
    assert not set(files) & set(linecache.cache)


async def test_results_of_any_class_are_learned():
    """The first class of a node by the node, other ones by the plan; a new one may come at any time."""
    answers = [1, "one", 1.5, [1], None, TaskResult.success(7), 2]
    left = iter(answers)
    tree = TaskTree()
    leaf = tree.root(lambda: next(left), name="any")
    plan = compile_plan(tree, optimize=True)
    assert [1, "one", 1.5, [1], None, 7, 2] == [(await run_plan(plan))[leaf] for _ in answers]
    assert code(plan).constants["any_class"] is int
    assert {str, float, list, type(None)} == code(plan).plain


@pytest.mark.parametrize("sync", [True, False])
async def test_an_answer_of_a_class_below_the_declared_one_is_looked_at_once(sync):
    """A bool is an int, a PosixPath a Path; from the second time on it passes in the code."""

    def flag() -> int:
        return True

    async def place() -> Path:
        return Path("here")

    tree = TaskTree()
    leaf = tree.root(flag if sync else place)
    plan = compile_plan(tree, optimize=True)
    for _ in range(2):
        answer = run_sync(plan)[leaf] if sync else (await run_plan(plan))[leaf]
        assert answer == (True if sync else Path("here"))
        assert {type(answer)} == code(plan, sync=sync).plain


async def test_a_program_that_makes_classes_as_it_runs_fills_no_memory():
    """What is remembered of them is bounded."""
    tree = TaskTree()
    leaf = tree.root(lambda: type("New", (), {})())
    for optimize in (True, False):
        plan = compile_plan(tree, optimize=optimize)
        for _ in range(300):
            assert type((await run_plan(plan))[leaf]).__name__ == "New"
        watched = weakref.ref(type((await run_plan(plan))[leaf]))
        gc.collect()
        assert watched() is None


async def later(x):
    return x + 1


@pytest.mark.parametrize("optimize", [True, False])
async def test_a_plain_function_may_return_something_to_await(optimize):
    """Also a value that could be awaited, from a coroutine function: it is the output, as it is."""

    class Ticket:
        def __await__(self):
            raise AssertionError("nobody asked for that")

    async def ticket():
        return Ticket()

    tree = TaskTree()
    root = tree.root(lambda: later(1), name="root")
    child = root.child(lambda x: later(x), borrow_prev(int), name="child", adapters=(catch_as_failure(),))
    handed = child.child(ticket)
    result = await run_plan(compile_plan(tree, optimize=optimize))
    assert isinstance(result[handed], Ticket)
    kept = await run_plan(replace(compile_plan(tree, optimize=optimize)), keep="leaves")
    assert isinstance(kept[handed], Ticket)


async def test_a_container_of_services_is_asked_when_its_node_runs():
    """Other than a Context, which cannot change, and is asked once a part."""
    log = []

    class Container:
        def get(self, key):
            log.append(key)
            return 7

    def two(a: int, b: int) -> int:
        log.append("ran")
        return a + b

    tree = TaskTree()
    first = tree.root(two, from_ctx(int), from_ctx(int, copy=True))
    leaf = first.child(two, from_ctx(int), borrow_prev(int))
    plan = compile_plan(tree, optimize=True)
    for _ in range(2):
        log.clear()
        assert (await run_plan(plan, Container()))[leaf] == 21
        assert [int, int, "ran", int, "ran"] == log
    assert code(plan, held=False).is_complete


async def test_names_are_told_apart():
    """Functions of one name, nodes that are called like functions, like words of Python, like names that the code uses itself."""
    tree = TaskTree("class")
    root = tree.root(type, value(3), name="settled")
    for name in ("type", "run", "lambda", "2nd", "größe", "kept", "__debug__", "result", "slots"):
        root.child(lambda x, name=name: name, borrow_prev(), name=name)
    seven = root.child(later, value(6), name="later")
    root.child(lambda x, y: 1, from_input("locals", int), from_ctx(GeneratorExit), name="(two words)")
    context = Context(bind={GeneratorExit: 3})
    result = await run_plan(compile_plan(tree, optimize=True), context, inputs={"locals": 1})
    assert result[seven] == 7
    assert ["type", "run", "lambda", "2nd", "größe", "kept", "__debug__", "result", "slots", 7, 1] == [
        x for _, x in result.items()
    ]


async def test_every_kind_of_argument_is_passed_as_it_is():
    """The very object of value(...), copies where asked for, defaults of inputs, keywords, receivers."""
    text, items = "a long text that Python does not share".upper(), [1]

    class Box:
        def method(self, *args, **kwargs):
            return self, args, kwargs

    def all_of_it(*args, last, also=None):
        return args, last, also

    fallback = object()

    def optional(a: int = 5, b=fallback):
        return a, b

    box = Box()
    tree = TaskTree()
    values = (value(text), value(items), value(items, copy=True), value(True), value(1000), value(None), value(7))
    root = tree.root(all_of_it, *values, value(2))
    member = root.child(task_member(Box.method, value(box), copy_prev()))
    given = root.child(optional, from_input("a"), from_input("b"))
    result = await run_plan(compile_plan(tree, optimize=True))
    receiver, (copied,), _ = result[member]
    assert receiver is box
    (one, two, three, *others), last, also = copied
    assert (text, [1], [1], [True, 1000, None, 7], 2, None) == (one, two, three, others, last, also)
    assert two is not items
    assert (5, fallback) == result[given]


@pytest.mark.parametrize("part", [1, 2, 3, 128])
async def test_outputs_find_their_readers_through_any_cut(part):
    """Lent, moved, copied, staged, forwarded, written: wherever a part ends."""

    async def wrapped(attempt, call):
        return await call(attempt)

    class Own:
        def wrap(self, call):
            return lambda attempt: wrapped(attempt, call)

    def fill(items, out: DirectOut[list]):
        out.set([*items, "into"])

    async def take(items):
        return [*items, sys.getrefcount(items)]

    tree = TaskTree()
    root = tree.root(list, value("ab"), fanout=Fanout.CONSUME_WITH_COPIES)
    taken = root.child(take, consume_prev(), adapters=(Own(),))
    copied = root.child(task_into(fill, copy_prev(), adapters=(catch_as_failure(),)))
    forward = copied.child(task_forward_prev(lambda items: items.append("on"), borrow_prev_mut()))
    again = forward.child(task_forward_prev(lambda items: items.reverse(), borrow_prev_mut()), keep=True)
    last = again.child(lambda items: tuple(items), borrow_prev(), adapters=(Own(),), name="last")
    plan = replace(compile_plan(tree), part=part, optimize=True)
    result = await run_plan(plan)
    assert ["a", "b", 2] == result[taken]
    assert ("on", "into", "b", "a") == result[last]
    assert ["on", "into", "b", "a"] == result[again]


@pytest.mark.parametrize("part", [1, 2, 3])
async def test_what_a_resource_was_made_from_lives_to_its_end(part):
    """Also if that is the end of the run, parts later."""
    log = []

    class Source:
        def __del__(self):
            log.append("source")

    @contextmanager
    def open_it(source):
        yield 3
        log.append("closed")

    tree = TaskTree()
    root = tree.root(Source)
    root.child(lambda: log.append("between"))
    root.child(task(open_it, borrow_prev(), managed=True))
    root.child(lambda: log.append("last"))
    assert run_sync(replace(compile_plan(tree), part=part, optimize=True)).ok
    assert ["between", "last", "closed", "source"] == log


async def test_a_coroutine_takes_over_what_a_node_with_a_turn_of_its_own_has_left():
    """From the register, because that is where such a node leaves its output."""

    async def count(obj):
        return sys.getrefcount(obj)

    class Own:
        def wrap(self, call):
            async def passed(attempt):
                return await call(attempt)

            return passed

    tree = TaskTree()
    leaf = tree.root(object, adapters=(Own(),)).child(count, consume_prev())
    assert (await run_plan(compile_plan(tree, optimize=True)))[leaf] == await count(object())


@pytest.mark.parametrize("sync", [True, False])
async def test_an_interrupt_that_comes_before_a_part_begins_ends_the_run_there(sync):
    """The library may be interrupted between two nodes as well."""

    def interrupted(run):
        raise KeyboardInterrupt

    plan = replace(compile_plan(numbers(4)), part=2, optimize=True)
    code(plan, sync=sync).compile_all()
    code(plan, sync=sync).compiled[1] = replace(code(plan, sync=sync).compiled[1], function=interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        _ = run_sync(plan) if sync else await run_plan(plan)
    assert ["in node 'int/<lambda>/<lambda>' of plan 'numbers'"] == caught.value.__notes__


def test_runs_in_several_threads_make_the_code_once():
    """Whoever comes first; the others wait for it."""
    plan = replace(compile_plan(numbers(40), optimize=True), part=2)
    results: list[int] = []

    def go():
        results.extend(number for _, number in run_sync(plan).items())

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [40] * 8 == results
    assert len(code(plan, sync=True).compiled) == 20


@pytest.mark.timeout(60)
async def test_code_of_ten_thousand_nodes_holds_one_output_at_a_time():
    """Whatever the length; it is made within bounds of time and memory that grow with the nodes alone."""
    alive = most = 0

    class Counted:
        def __init__(self):
            nonlocal alive, most
            alive += 1
            most = max(most, alive)

        def __del__(self):
            nonlocal alive
            alive -= 1

    tree = TaskTree()
    node = tree.root(Counted)
    link = task(lambda obj: Counted(), borrow_prev())
    for _ in range(9_999):
        node = node.child(link)
    plan = compile_plan(tree, optimize=True)
    assert all(one.end == other.part.first for one, other in pairwise(code(plan).compiled))
    assert (await run_plan(plan, keep="none")).ok
    assert (2, 0) == (most, alive)


async def test_a_success_without_an_output_is_kept_by_nobody():
    """A task that does not say what it returns may succeed without one, and be asked for it in vain."""
    tree = TaskTree()
    root = tree.root(lambda: StepResult.success(), keep=True, name="root")
    leaf = root.child(lambda: 3)
    for optimize in (True, False):
        result = await run_plan(compile_plan(tree, optimize=optimize))
        assert root not in result
        assert result[leaf] == 3


@pytest.mark.parametrize("optimize", [True, False])
async def test_profilers_and_debuggers_see_the_functions_as_before(optimize):
    """Each is called as itself, by a frame whose line can be shown."""

    def one():
        return 1

    async def two(x):
        return x + 1

    tree = TaskTree("seen")
    leaf = tree.root(one).child(two, borrow_prev(int))
    plan = compile_plan(tree, optimize=optimize)
    calls = []

    def profile(frame, event, argument):
        if event == "call" and frame.f_code.co_filename == __file__:
            calls.append(
                (frame.f_code.co_name, bool(linecache.getline(frame.f_back.f_code.co_filename, frame.f_back.f_lineno)))
            )

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        result = await run_plan(plan)
    finally:
        sys.setprofile(before)
    assert [("one", True), ("two", True)] == calls
    assert result[leaf] == 2


class Payload:
    """Something that tells who holds it."""

    def count(self):
        return sys.getrefcount(self)


def count(obj):
    return sys.getrefcount(obj)


def count_into(obj, out: DirectOut[int]) -> None:
    out.set(sys.getrefcount(obj))


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(
    "consumer",
    [task(count, consume_prev()), task_into(count_into, consume_prev()), task_member(Payload.count, consume_prev())],
    ids=["function", "direct output", "method"],
)
def test_without_a_loop_a_consumer_holds_what_a_call_by_hand_would_leave_it(consumer, optimize):
    """The code for run_sync is another one."""
    tree = TaskTree()
    leaf = tree.root(Payload).child(consumer)
    by_hand = Payload().count() if consumer.method else count(Payload())
    assert run_sync(compile_plan(tree, optimize=optimize))[leaf] == by_hand


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": "leafs"}, "keep must be one of 'leaves', 'marked', 'none', not 'leafs'"),
        ({"sync": True}, "plan 'scene' cannot be run without an event loop: 'config' is a coroutine function"),
    ],
)
def test_code_that_there_cannot_be_is_not_shown(options, message):
    """The message says why."""
    with pytest.raises(ValueError, match="scene|keep") as caught:
        compile_plan(scene()).source(**options)
    assert message == str(caught.value)


def test_whoever_comes_while_code_is_being_made_goes_on_without():
    """Another thread, or a finaliser that runs the same plan in the middle of it."""
    plan = replace(compile_plan(numbers(3)), optimize=True)
    made = code(plan, sync=True)
    with made._lock:
        assert run_sync(plan).ok
        assert not made.compiled
    assert run_sync(plan).ok
    assert made.is_complete
