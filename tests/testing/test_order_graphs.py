"""The check of what happened, where nodes depend on more than their parents, and on conditions."""

from contextlib import suppress

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yorch_async import (
    Concurrent,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    RunEnded,
    RunStarted,
    SerialDfs,
    StepResult,
    StepStatus,
    TaskTree,
    borrow,
    compile_plan,
    run_plan,
)
from yorch_async.testing import Recorder, check_order


@pytest.fixture(scope="module")
def plan():
    """Below `a` are `b`, with a condition, and `c`, after `b`; `d` joins `a` and, with a default, `b`; below it is `e`, after `c`."""
    tree = TaskTree("g")
    a = tree.root(lambda: 1, name="a")
    b = a.child(lambda: 2, name="b", when=lambda: True)
    c = a.child(lambda: 3, name="c", after=b)
    tree.join(lambda *numbers: 4, borrow(a), borrow(b, default=0), name="d").child(lambda: 5, name="e", after=c)
    return compile_plan(tree)


def events_of(plan, words):
    """Events, written as `a` (starts and ends with SUCCESS), `a started`, `a ended`, `a STATUS`, `b because of a`, `over STATUS`."""
    paths = {node.name: node.path for node in plan.nodes}
    indexes = {node.name: node.index for node in plan.nodes}
    yield RunStarted(plan.name, len(plan), 0.0)
    for each in words:
        name, word, *rest = [*each.split(), "SUCCESS"]
        if name == "over":
            yield RunEnded(plan.name, StepStatus[word], 0.0, None, 0.0)
        elif word == "because":
            yield NodeSkipped(indexes[name], paths[name], paths[rest[1]], 0.0)
        else:
            if word != "ended":
                yield NodeStarted(indexes[name], paths[name], 0.0)
            if word != "started":
                status = StepStatus.SUCCESS if word == "ended" else StepStatus[word]
                yield NodeEnded(indexes[name], paths[name], status, 0, 0.0, None, None, 0.0)


UNMET = ["a", "b because of b"]

GOOD = {
    "everything succeeds": ["a", "b", "c", "d", "e", "over"],
    "the join before the sibling": ["a", "b", "d", "c", "e", "over"],
    "side by side": ["a", "b", "d started", "c started", "d ended", "c ended", "e", "over"],
    "not over yet": ["a", "b", "d started"],
    "a condition does not hold": [*UNMET, "c because of b", "d", "e because of b", "over"],
    "of which only the first is told": [*UNMET, "d", "over"],
    "a branch is aborted": ["a", "b ABORT_BRANCH", "c because of b", "d", "e because of b", "over"],
    "a failure cuts off": ["a", "b FAILURE", "c because of b", "d", "e because of b", "over FAILURE"],
    "a failure leaves out all the rest": ["a", "b FAILURE", "d because of b", "e because of b", "over FAILURE"],
    "two reasons, one of them told": [*UNMET, "d ABORT_BRANCH", "c because of b", "e because of d", "over"],
    "the root leaves out all": ["a ABORT_BRANCH", "b because of a", "d because of a", "over ABORT_BRANCH"],
}


@pytest.mark.parametrize("words", GOOD.values(), ids=GOOD)
def test_what_can_happen_in_a_graph_passes(plan, words):
    """A node waits for what it depends on, and runs without what it has a default for."""
    check_order(plan, events_of(plan, words))


BAD = {
    "before what it comes after": (["a", "c"], "'a/c' starts before 'a/b' has ended with SUCCESS"),
    "while that is running": (["a", "b started", "c"], "'a/c' starts before 'a/b' has ended with SUCCESS"),
    "without that": ([*UNMET, "c"], "'a/c' starts before 'a/b' has ended with SUCCESS"),
    "before its parent": (["a", "b", "c", "e"], "'d/e' starts before its parent has ended with SUCCESS"),
    "before what it reads": (["d"], "'d' starts before 'a' has ended with SUCCESS"),
    "before what it has a default for": (["a", "d"], "'d' starts before 'a/b' is over"),
    "while that runs": (["a", "b started", "d"], "'d' starts before 'a/b' is over"),
    "a condition that is asked too early": (
        ["b because of b"],
        "the condition of 'a/b' is asked before its parent has ended with SUCCESS",
    ),
    "a condition that is not there": (["a", "b", "c because of c"], "'a/c' is skipped, but 'a/c' is no cause for that"),
    "a condition for what it has a default for": (
        [*UNMET, "d because of b"],
        "'d' is skipped, but 'a/b' is no cause for that",
    ),
    "a branch beside": (["a", "b", "d ABORT_BRANCH", "c because of d"], "'a/c' is skipped, but 'd' is no cause for that"),
    "a condition after the start": (["a", "b started", "b because of b"], "'a/b' is skipped, but has started"),
    "a condition twice": ([*UNMET, "b because of b"], "'a/b' is skipped again"),
    "a start after the condition": ([*UNMET, "b"], "'a/b' starts, but was skipped"),
    "a join is forgotten": ([*UNMET, "over"], "the run ends with SUCCESS, but nothing is heard of 'd'"),
    "a node below is forgotten": (["a", "b", "c", "d", "over"], "the run ends with SUCCESS, but nothing is heard of 'd/e'"),
    "a failure out of a condition": ([*UNMET, "over FAILURE"], "the run ends with FAILURE, but every node has ended well"),
}


@pytest.mark.parametrize(("words", "fault"), BAD.values(), ids=BAD)
def test_what_cannot_happen_in_a_graph_is_found(plan, words, fault):
    """In words that name the node that was not waited for, or is no reason."""
    with pytest.raises(AssertionError) as caught:
        check_order(plan, events_of(plan, words))
    assert f"plan 'g': {fault}:" == str(caught.value).partition("\n")[0]


def test_a_recorder_tells_conditions_from_other_reasons(plan):
    """In its story, and where somebody asks how such a node ended."""
    recorder = Recorder()
    for event in events_of(plan, [*UNMET, "c because of b"]):
        recorder(event)
    story = "  a/b skipped: its condition did not hold\n  a/c skipped because of a/b"
    assert str(recorder).endswith(story)
    assert {"a/b": "a/b", "a/c": "a/b"} == recorder.skipped
    for name, words in (("b", "was skipped: its condition did not hold"), ("c", "was skipped because of 'a/b'")):
        with pytest.raises(AssertionError) as caught:
            recorder.outcome(name)
        assert f"'a/{name}' {words}; instead:\n" in str(caught.value)


POLICIES = [SerialDfs(), Concurrent(), Concurrent(max_concurrency=2), Concurrent(on_failure="continue")]


class Broken(Exception):
    """What a node raises."""


@st.composite
def graphs(draw):
    """A graph in which everything may happen that the check is about."""
    answers, tree = st.sampled_from(["well"] * 5 + ["branch", "failure", "error"]), TaskTree("random")
    nodes = []
    for _ in range(draw(st.integers(1, 12))):
        earlier = st.sampled_from(nodes) if nodes else st.nothing()
        read = draw(st.lists(earlier, max_size=2)) if nodes else []
        sources = [borrow(node, default=None) if draw(st.booleans()) else borrow(node) for node in read]
        after = draw(st.lists(earlier, max_size=2)) if nodes else []
        condition = draw(st.sampled_from([None, None, None, "well", "branch", "error"]))
        options = {"after": after, "when": condition and answering(condition, draw(st.integers(0, 2)))}
        fn = answering(draw(answers), draw(st.integers(0, 2)))
        if not nodes:
            nodes.append(tree.root(fn, when=options["when"]))
        elif (read or after) and draw(st.booleans()):
            nodes.append(tree.join(fn, *sources, **options))
        else:
            nodes.append(draw(earlier).child(fn, *sources, **options))
    return tree


def answering(answer, pauses):
    """A task, or a condition, that waits and then does what the word says."""

    async def act(*_args):
        for _ in range(pauses):
            await checkpoint()
        if answer == "error":
            raise Broken
        return {"well": 1, "branch": StepResult.abort_branch(), "failure": StepResult.failure()}[answer]

    return act


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(tree=graphs())
def test_every_run_of_a_random_graph_passes(backend, policy, tree):
    """Whatever its nodes and conditions answer; and of all that the result says was skipped observers are told.

    Of several reasons they are told the first one that there was, the result names the first in the order of the plan.
    """
    plan, recorder, results = compile_plan(tree), Recorder(), []

    async def main():
        with suppress(Broken, BaseExceptionGroup):
            results.append(await run_plan(plan, observers=[recorder], execution=policy))

    anyio.run(main, backend=backend)
    recorder.check(plan)
    for skip in results[0].skipped if results else ():
        assert skip.path in recorder.skipped
