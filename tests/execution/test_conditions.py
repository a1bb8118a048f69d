"""Whether a node runs at all: what its condition sees, how often it is asked, and what follows from its answer."""

import pytest

from yorch_async import (
    Concurrent,
    Context,
    RetryFixed,
    StepResult,
    StepStatus,
    TaskTree,
    borrow,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    retry,
    run_plan,
    task,
    task_forward_prev,
    task_into,
    value,
)

pytestmark = pytest.mark.anyio


def yes(*_):
    return True


def no(*_):
    return False


async def later(*_):
    return False


@pytest.mark.parametrize("source", [borrow_prev(), copy_prev(), consume_prev(), borrow_prev_mut()])
async def test_a_condition_is_lent_what_its_node_is_going_to_be_passed(execution, source):
    """The object itself, before it is copied, changed or taken; and all other arguments."""
    seen = []
    tree = TaskTree()
    made = ["made"]
    root = tree.root(lambda: made, name="root")
    asked = lambda *given: seen.append(given) or True  # noqa: E731 - one line of a test
    sources = source, value(7), from_input("name"), from_ctx(str)
    root.child(lambda *given: [*given[0], *given[1:]], *sources, name="node", when=asked)
    result = await run_plan(compile_plan(tree), Context("context"), inputs={"name": "input"}, execution=execution)
    assert ["made", 7, "input", "context"] == result["node"]
    assert [(made, 7, "input", "context")] == seen
    assert seen[0][0] is made


@pytest.mark.parametrize("answer", [no, later, lambda *_: 0, lambda *_: None, task(no), task(later)])
async def test_where_it_does_not_hold_the_branch_is_left_out_and_others_go_on(execution, answer):
    """Anything false is a no, also one that is awaited."""
    log = []
    tree = TaskTree()
    root = tree.root(lambda: "made", name="root")
    node = root.child(log.append, borrow_prev(), name="node", when=answer)
    node.child(log.append, value("below"), name="below")
    tree.join(log.append, borrow(node), name="join")
    tree.join(log.append, borrow(node, default="nothing"), name="other")
    result = await run_plan(compile_plan(tree), execution=execution)
    assert ["nothing"] == log
    assert result.status is StepStatus.SUCCESS
    assert [
        "root/node: its condition did not hold",
        "root/node/below: skipped because of 'root/node'",
        "join: skipped because of 'root/node'",
    ] == list(map(str, result.skipped))


async def test_a_condition_is_asked_once_before_all_attempts(execution):
    """And counts as none of them."""
    asked, calls = [], []

    def work():
        calls.append(1)
        return StepResult.retry() if len(calls) < 3 else StepResult.success()

    async def at_once(delay): ...

    tree = TaskTree()
    tree.root(work, output=StepResult, adapters=[retry(RetryFixed(5), sleep=at_once)], when=lambda: asked.append(1) or True)
    assert (await run_plan(compile_plan(tree), execution=execution)).ok
    assert (1, 3) == (len(asked), len(calls))


@pytest.mark.parametrize("kind", ["into", "forward", "managed"])
@pytest.mark.parametrize("holds", [True, False])
async def test_every_kind_of_task_can_have_one(execution, kind, holds):
    """Nodes that write into a handle, pass their parent's output on, or open a resource."""
    log = []

    class Resource:
        def __enter__(self):
            log.append("entered")
            return ["opened"]

        def __exit__(self, *error):
            log.append("exited")

    tree = TaskTree()
    root = tree.root(lambda: ["made"], name="root")
    when = yes if holds else no
    if kind == "into":
        node = root.child(task_into(lambda out: out.set(["written"])), name="node", when=when)
    elif kind == "forward":
        node = root.child(
            task_forward_prev(lambda given: given.append("changed"), borrow_prev_mut()), name="node", when=when
        )
    else:
        node = root.child(lambda: Resource(), managed=True, name="node", when=when)
    tree.join(lambda given: list(given), borrow(node), name="reads")
    result = await run_plan(compile_plan(tree), execution=execution)
    expected = {"into": ["written"], "forward": ["made", "changed"], "managed": ["opened"]}[kind]
    assert ({"reads": expected} if holds else {}) == dict(result.items())
    assert (["entered", "exited"] if holds and kind == "managed" else []) == log


async def test_a_condition_with_sources_of_its_own_sees_other_nodes(execution):
    """With a default also those that have not succeeded."""
    seen = []
    tree = TaskTree()
    root = tree.root(lambda: "made", name="root")
    stops = root.child(lambda: StepResult.abort_branch(), name="stops", output=StepResult | str)
    when = task(lambda *given: seen.append(given) or True, borrow(root), borrow(stops, default="nothing"), copy_prev())
    root.child(lambda: "ran", name="node", when=when)
    result = await run_plan(compile_plan(tree), execution=execution)
    assert [("made", "nothing", "made")] == seen
    assert "ran" == result["node"]


async def test_an_output_lives_until_conditions_have_looked_at_it(execution):
    """Though the node itself reads it no more."""
    tree = TaskTree()
    root = tree.root(lambda: ["made"], name="root")
    one = root.child(lambda given: None, borrow_prev(), name="one")
    tree.join(lambda: "ran", after=one, when=task(lambda given: given == ["made"], borrow(root)), name="node")
    assert "ran" == (await run_plan(compile_plan(tree), execution=execution))["node"]


async def test_an_exception_of_a_condition_is_one_of_its_node(execution):
    """It names it; no adapter of the node hears of it."""

    def fails():
        raise ValueError("no answer")

    tree = TaskTree("t")
    tree.root(int, name="root").child(int, name="node", when=fails)
    with pytest.raises((ValueError, ExceptionGroup)) as caught:
        await run_plan(compile_plan(tree), execution=execution)
    error = caught.value.exceptions[0] if isinstance(execution, Concurrent) else caught.value
    assert "no answer" == str(error)
    assert ["in node 'root/node' of plan 't'"] == error.__notes__
