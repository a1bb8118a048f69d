"""Starting a run: contexts, inputs, options, and the loops that `run` starts."""

from pathlib import Path
from typing import Annotated, Protocol

import pytest
import svcs

from yorch_async import (
    Context,
    SetupError,
    StepStatus,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    from_ctx,
    from_input,
    run,
    run_plan,
    task,
)
from yorch_async.execution._each import go_through
from yorch_async.execution._program import program_of
from yorch_async.execution._turn import begin

pytestmark = pytest.mark.anyio


class Store(Protocol):
    """Something that has items."""

    items: list[int]


class Memory:
    def __init__(self, *items):
        self.items = list(items)


DSN = Annotated[str, "dsn"]


@pytest.fixture
def plan():
    """Asks for a base class, a protocol and a qualified key."""
    tree = TaskTree("t")
    tree.root(lambda path, store, dsn: [path, store.items, dsn], from_ctx(Path), from_ctx(Store), from_ctx(DSN), name="root")
    return compile_plan(tree)


async def test_objects_are_found_under_the_keys_they_are_bound_to(plan):
    """Under base classes, protocols and qualifiers; a plain mapping will do."""
    objects = {Path: Path("data"), Store: Memory(1), DSN: "postgres:"}
    for ctx in (Context(bind=objects), objects):
        result = await run_plan(plan, ctx)
        assert result["root"] == [Path("data"), [1], "postgres:"]


async def test_missing_keys_are_found_before_any_task_runs(plan):
    """All of them, with what there is; a subclass is another key."""
    with pytest.raises(SetupError) as caught:
        await run_plan(plan, Context(Path("data"), Memory()))
    lines = str(caught.value).splitlines()
    assert lines[0] == "plan 't' cannot be run with this context and these inputs: 3 problems"
    assert [problem.rule for problem in caught.value.problems] == ["missing-context"] * 3
    assert "root: the context holds no Path; it holds PosixPath, Memory [missing-context]" in lines[1]
    assert "Annotated[str, 'dsn']" in lines[3]


async def test_a_service_container_is_asked_when_the_node_runs():
    """What it constructs is constructed only if the node is reached."""
    made = []

    def make():
        made.append(1)
        return Memory(7)

    registry = svcs.Registry()
    registry.register_factory(Memory, make)
    tree = TaskTree()
    root = tree.root(lambda: 1)
    root.child(lambda store: store.items, from_ctx(Memory), name="items")
    plan = compile_plan(tree)
    with svcs.Container(registry) as container:
        assert made == []
        assert (await run_plan(plan, container))["items"] == [7]
        assert made == [1]


async def test_a_container_that_cannot_serve_is_an_error_of_the_node():
    """With a note that names it; adapters see it like any error of resolving arguments."""
    tree = TaskTree("t")
    tree.root(lambda store: store, from_ctx(Memory), name="root")
    with svcs.Container(svcs.Registry()) as container:
        with pytest.raises(svcs.exceptions.ServiceNotFoundError) as caught:
            await run_plan(compile_plan(tree), container)
        assert caught.value.__notes__ == ["in node 'root' of plan 't'"]
        tree = TaskTree()
        tree.root(task(lambda store: store, from_ctx(Memory), adapters=(catch_as_failure(),)))
        result = await run_plan(compile_plan(tree), container)
        assert isinstance(result.failures[0].error, svcs.exceptions.ServiceNotFoundError)


async def test_inputs_are_checked_before_any_task_runs():
    """Missing, unexpected and wrong ones, all at once."""
    log = []
    tree = TaskTree("t")
    root = tree.root(lambda a: log.append(a), from_input("a", int), name="root")
    root.child(lambda b: log.append(b), from_input("b"), name="child")
    plan = compile_plan(tree)
    with pytest.raises(SetupError) as caught:
        await run_plan(plan, inputs={"a": "text", "c": 1})
    assert ["input-value", "missing-input", "unexpected-input"] == [problem.rule for problem in caught.value.problems]
    assert ["root", "root/child", "t"] == [problem.path for problem in caught.value.problems]
    assert log == []


async def test_inputs_of_a_plan_that_takes_none():
    """A name that nothing takes is a mistake there as well."""
    tree = TaskTree("t")
    tree.root(lambda: 1)
    plan = compile_plan(tree)
    assert (await run_plan(plan, inputs={})).ok
    with pytest.raises(SetupError, match="no node takes an input 'a'; inputs of the plan: none"):
        await run_plan(plan, inputs={"a": 1})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"execution": object()},
            TypeError,
            "execution must be an execution policy such as SerialDfs() or Concurrent(), not <object",
        ),
        ({"keep": "all"}, ValueError, "keep must be one of 'leaves', 'marked', 'none', not 'all'"),
        ({"ctx": 3}, TypeError, "a context is a Context, a mapping, or an object with get(key), not 3"),
    ],
)
async def test_wrong_options_are_refused(options, error, message):
    """Where they are written."""
    tree = TaskTree()
    tree.root(lambda: 1)
    with pytest.raises(error) as caught:
        await run_plan(compile_plan(tree), **options)
    assert str(caught.value).startswith(message)


async def test_a_tree_is_not_a_plan():
    """It has not been checked."""
    with pytest.raises(TypeError, match="^run_plan takes a Plan, made by compile_plan\\(tree\\), not <TaskTree"):
        await run_plan(TaskTree())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_run_starts_a_loop_of_its_own(backend):
    """With the options of run_plan."""
    import sniffio  # noqa: PLC0415 - only to ask which loop this is

    tree = TaskTree()
    root = tree.root(lambda number: [number], from_input("n", int))
    root.child(lambda items: items.append(1), borrow_prev(), name="spoils")
    root.child(sniffio.current_async_library, name="loop")
    plan = compile_plan(tree)
    events = []
    result = run(plan, Context(), backend=backend, inputs={"n": 1}, observers=[events.append], keep="leaves")
    assert result["loop"] == backend
    assert result.status is StepStatus.SUCCESS
    assert len(events) == 11
    with pytest.raises(Exception, match="borrow-changed"):
        run(plan, backend=backend, inputs={"n": 1}, check_borrows=True)


def test_the_program_of_a_plan_is_made_once():
    """And shared by all runs that keep the same outputs."""
    tree = TaskTree()
    tree.root(lambda: 1)
    plan = compile_plan(tree)
    run(plan)
    first = dict(plan.prepared)
    run(plan)
    assert first.keys() == plan.prepared.keys()
    assert all(first[key] is plan.prepared[key] for key in first)


def test_a_part_that_somebody_else_has_made_meanwhile_is_taken_as_it_is():
    """Another thread, or a finaliser that runs the same plan in the middle of it."""
    tree = TaskTree()
    tree.root(lambda: 1)
    plan = compile_plan(tree)
    run(plan)
    program = program_of(plan, "leaves", begin, go_through)
    made = program.ops(0)
    assert made is program._made(0)


async def test_run_inside_a_loop_says_what_to_write():
    """The likeliest mistake of somebody who has a service."""
    tree = TaskTree()
    tree.root(lambda: 1)
    with pytest.raises(RuntimeError, match=r"write: await run_plan\(\.\.\.\)$"):
        run(compile_plan(tree))


async def test_a_problem_lists_only_the_first_of_what_there_is():
    """There may be thousands of each, in as many problems."""
    tree = TaskTree()
    tree.root(lambda a: a, from_input("a"))
    with pytest.raises(SetupError) as caught:
        await run_plan(compile_plan(tree), inputs={f"b{number}": 1 for number in range(30)})
    assert len(caught.value.problems) == 31
    assert "b19, ..." in str(caught.value.problems[0])
