"""Where a run is left by anything but a success, however rare: the same end, by whatever way the plan was run until then."""

import gc
import sys
import threading
from dataclasses import dataclass, replace

import pytest

from yorch_async import (
    ResultError,
    StepResult,
    StepStatus,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    consume_prev,
    from_input,
    run_plan,
    run_sync,
    task,
    task_member,
    value,
)
from yorch_async.execution._ways import EARNED

pytestmark = pytest.mark.anyio


class Passing:
    """An adapter that might have a part in a success."""

    def wrap(self, call):
        async def passed(attempt):
            return await call(attempt)

        return passed


class Instead:
    """An adapter that answers without calling, and says that it never does."""

    transparent = True

    def wrap(self, call):
        async def answered(attempt):
            return StepResult.success()

        return answered


class Wait:
    """Something to wait for."""

    def __init__(self, times=1):
        self.times = times

    def __await__(self):
        for _ in range(self.times):
            try:
                yield
            except Exception:  # noqa: BLE001 - it does not listen
                continue


class Block:
    """An output that tells when it goes."""

    alive: set[str] = set()  # noqa: RUF012 - what a test looks at

    def __init__(self, name, log=None):
        self.name, self.log = name, [] if log is None else log
        Block.alive.add(name)

    def __del__(self):
        Block.alive.discard(self.name)
        self.log.append(self.name)


@pytest.mark.parametrize("adapters", [(), (Passing(),)], ids=["bare", "adapted"])
@pytest.mark.parametrize("answer", [StepResult.abort_branch("nothing new"), StepResult(StepStatus.SUCCESS, "why")])
async def test_the_answer_of_a_node_in_between_is_not_that_of_the_run(adapters, answer):
    """Also if the node is a leaf, after which the next one follows anyway."""
    tree = TaskTree()
    root = tree.root(int)
    root.child(lambda: answer, adapters=adapters)
    root.child(lambda: 1, name="next")
    plan = compile_plan(tree)
    for result in (await run_plan(plan), run_sync(plan)):
        assert StepResult.success() == result.step
        assert result["next"] == 1


@dataclass(frozen=True)
class Frozen(Exception):
    """An exception that refuses to be changed."""

    code: int


class Odd(Exception):
    """An exception of which nothing can be asked that Python keeps on it."""

    def __getattribute__(self, name):
        if name in {"__traceback__", "__cause__", "__context__", "__notes__"}:
            raise LookupError(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize("make", [lambda: Frozen(1), Odd], ids=["frozen", "odd"])
async def test_an_exception_may_make_of_its_attributes_what_it_wants(make):
    """It is raised or caught as any other, and what was entered is left."""
    log, error = [], make()

    class Resource:
        def __enter__(self):
            return log.append("enter")

        def __exit__(self, kind, *told):
            log.append(kind)

    def fail(x):
        raise error

    for adapters in ((), (catch_as_failure(),)):
        log.clear()
        tree = TaskTree()
        tree.root(Resource, managed=True).child(fail, borrow_prev(), adapters=adapters)
        if adapters:
            assert (await run_plan(compile_plan(tree))).failures[0].error is error
        else:
            try:
                await run_plan(compile_plan(tree))
            except type(error) as raised:  # pytest would ask it for more than it answers
                log.append(raised is error)
            assert log.pop()
        assert ["enter", None if adapters else type(error)] == log


@pytest.mark.parametrize("adapters", [(), (catch_as_failure(),)], ids=["bare", "caught"])
async def test_an_exception_keeps_what_it_came_from(adapters):
    """Whatever the caller of the run is handling at the moment."""

    def fail():
        try:
            _ = {}["k"]
        except KeyError:
            raise ValueError("v")  # noqa: B904 - it is the context that is looked at

    tree = TaskTree()
    tree.root(fail, adapters=adapters)
    plan = compile_plan(tree)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        if adapters:
            error = (await run_plan(plan)).failures[0].error
        else:
            with pytest.raises(ValueError, match="v") as caught:
                await run_plan(plan)
            error = caught.value
    assert [KeyError, ZeroDivisionError] == [type(error.__context__), type(error.__context__.__context__)]


@pytest.mark.as_compiled
def test_receivers_and_methods_of_any_name():
    """A number as receiver, a method whose name is a word of Python."""

    class Class:
        def method(self):
            return 7

    setattr(Class, "class", Class.method)
    Class.method.__name__ = "class"
    tree = TaskTree()
    bits = tree.root(task_member(int.bit_length, value(5)))
    seven = bits.child(task_member(vars(Class)["class"], value(Class())), name="seven", keep=True)
    for optimize in (True, False):
        assert run_sync(compile_plan(tree, optimize=optimize))[seven] == 7


@pytest.mark.as_compiled
def test_a_plan_of_which_no_code_can_be_made_stays_with_the_interpreter(monkeypatch):
    """It has worked until then, and goes on; who has asked for code is told by an error."""
    tree = TaskTree("hopeless")
    tree.root(int)
    plan = compile_plan(tree)
    asked = replace(plan, optimize=True)

    def fails(*_):
        raise MemoryError

    monkeypatch.setattr("yorch_async.plan._emit.Code.compile_next", fails)
    for _ in range(EARNED):
        run_sync(plan)
    with pytest.warns(RuntimeWarning, match="plan 'hopeless' stays with the interpreter: .*MemoryError"):
        assert run_sync(plan).ok
    assert run_sync(plan).ok
    with pytest.raises(MemoryError):
        compile_plan(tree, optimize=True)
    with pytest.raises(MemoryError):
        run_sync(asked)


@pytest.mark.as_compiled
def test_threads_that_start_together_find_the_code_whole(monkeypatch):
    """Or not at all."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            tree = TaskTree()
            tree.root(lambda x: [x], value(1.5)).child(len, borrow_prev(), adapters=(catch_as_failure(),))
            plan, results = compile_plan(tree, optimize=True), []
            threads = [threading.Thread(target=lambda plan=plan, out=results: out.append(run_sync(plan))) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert [True] * 6 == [result.ok for result in results]
    finally:
        sys.setswitchinterval(interval)


async def test_a_kept_traceback_keeps_no_output_that_goes_from_part_to_part():
    """The frame of the code is reached from that of the task; when its part is over, it holds nothing."""
    kept = []

    def collect():
        try:
            _ = 1 / 0
        except ZeroDivisionError as error:
            kept.append(error)

    tree = TaskTree()
    root = tree.root(lambda: Block("big"))
    root.child(collect)
    for _ in range(6):
        root.child(lambda x: None, borrow_prev())
    gc.disable()
    try:
        assert (await run_plan(compile_plan(tree), keep="none")).ok
        assert not Block.alive
    finally:
        gc.enable()


async def test_a_kept_traceback_keeps_no_result():
    """Neither one that a task has put aside, nor that of a failure, when the result itself is gone."""
    kept = []

    def collect():
        try:
            _ = 1 / 0
        except ZeroDivisionError as error:
            kept.append(error)

    def fail():
        raise ValueError

    for last in (int, fail):
        tree = TaskTree()
        root = tree.root(int)
        root.child(lambda: Block("leaf"))
        root.child(collect)
        root.child(last, adapters=(catch_as_failure(), Passing()))
        gc.disable()
        try:
            result = await run_plan(compile_plan(tree))
            kept += [failure.error for failure in result.failures]
            assert {"leaf"} == Block.alive
            del result
            assert not Block.alive
        finally:
            gc.enable()


@pytest.mark.parametrize("adapters", [(), (Instead(),), (catch_as_failure(),)], ids=["bare", "answered", "caught"])
async def test_a_closed_run_is_over(adapters):
    """Whatever an adapter makes of it."""
    log = []

    async def waits():
        await Wait()

    tree = TaskTree()
    root = tree.root(int)
    root.child(waits, adapters=adapters)
    root.child(lambda: log.append("later"))
    run = run_plan(compile_plan(tree))
    run.send(None)
    run.close()
    assert [] == log


@pytest.mark.parametrize("sync", [True, False])
def test_what_a_task_raises_is_what_leaves_the_run(sync):
    """Also if it is what Python closes coroutines with."""
    error = GeneratorExit("of its own")

    def fail(x):
        raise error

    tree = TaskTree()
    tree.root(lambda: Block("one")).child(fail, borrow_prev())
    with pytest.raises(GeneratorExit) as caught:
        _ = run_sync(compile_plan(tree)) if sync else run_plan(compile_plan(tree)).send(None)
    assert caught.value is error
    del caught
    error.__traceback__ = None
    assert not Block.alive


async def test_outputs_go_innermost_first_also_where_a_resource_lies_between():
    """In whatever part each of them was made."""
    log = []

    class Resource:
        def __enter__(self):
            return Block("inner", log)

        def __exit__(self, *told): ...

    tree = TaskTree()
    root = tree.root(lambda: Block("outer", log))
    managed = root.child(task(lambda x: Resource(), borrow_prev(), managed=True))
    managed.child(lambda x: None, borrow_prev())
    assert (await run_plan(compile_plan(tree))).ok
    assert ["inner", "outer"] == log


async def test_an_output_that_its_taker_never_got_lives_until_the_node_is_over():
    """Resolving another argument has failed before."""
    log = []

    class Uncopyable:
        def __deepcopy__(self, memo):
            raise ValueError

    def policy(error):
        log.append("policy")
        return StepResult.failure()

    tree = TaskTree()
    sources = value(Uncopyable(), copy=True), consume_prev()
    tree.root(lambda: Block("one", log)).child(lambda x, y: 1, *sources, adapters=(catch_as_failure(policy),))
    await run_plan(compile_plan(tree))
    assert ["policy", "one"] == log


@pytest.mark.parametrize("adapters", [(), (catch_as_failure(),)], ids=["bare", "caught"])
def test_what_does_not_listen_without_a_loop_ends_the_run(adapters):
    """No adapter may make something else of it."""
    tree = TaskTree("t")
    tree.root(lambda: Wait(3), name="deaf", adapters=adapters)
    with pytest.raises(ResultError) as caught:
        run_sync(compile_plan(tree))
    assert ("deaf", "suspends") == (caught.value.path, caught.value.rule)
    assert ["in node 'deaf' of plan 't'"] == caught.value.__notes__


async def test_inputs_may_be_of_classes_that_cannot_be_compared():
    """They are what they are."""

    class Meta(type):
        __hash__ = None

        def __eq__(cls, other):
            raise TypeError

    class Strange(metaclass=Meta): ...

    tree = TaskTree()
    leaf = tree.root(lambda x: 1, from_input("x", Strange))
    assert (await run_plan(compile_plan(tree), inputs={"x": Strange()}))[leaf] == 1
