"""What a run leaves: the result, its outputs, its failures."""

import pickle

import pytest

from yorch_async import (
    Concurrent,
    Failure,
    Node,
    OutputMissing,
    RunFailed,
    StepResult,
    StepStatus,
    TaskTree,
    borrow,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    run_plan,
)
from yorch_async.testing import scripted

pytestmark = pytest.mark.anyio


def nothing() -> None:
    """Answer nothing."""


@pytest.fixture
def tree():
    """A tree with a name that stands for two nodes."""
    tree = TaskTree("t")
    root = tree.root(lambda: [1], name="root")
    root.child(len, borrow_prev(list), name="kept", keep=True).child(str, borrow_prev(int))
    root.child(str, borrow_prev(list))
    root.child(nothing, name="silent")
    return tree


async def test_leaves_and_kept_nodes_are_found_by_node_name_and_path(tree):
    """And are listed in the order of the plan."""
    result = await run_plan(compile_plan(tree))
    assert result["kept"] == 1
    assert result["root/kept"] == 1
    assert result["root/kept/str"] == "1"
    assert [("root/kept", 1), ("root/kept/str", "1"), ("root/str", "[1]")] == list(result.items())
    assert "kept" in result
    assert "root/str" in result
    for missing in ("str", "root", "silent", "no such node", 3, None):
        assert missing not in result
    assert repr(result) == "<RunResult of 't': SUCCESS, 3 kept>"


async def test_joins_without_names_are_found_by_their_paths():
    """These are no longer than what the joins are called."""
    tree = TaskTree("t")
    items = tree.root(lambda: [1], name="items")
    first, second = tree.join(len, borrow(items)), tree.join(max, borrow(items))
    third = tree.join(len, borrow(items))
    result = await run_plan(compile_plan(tree))
    assert (result[first], result[second], result[third]) == (1, result["max"], result["len[2]"])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("odd", "its condition did not hold"),
        ("next", "it was skipped because of 'start/odd'"),
        ("last", "it was skipped because of 'start/odd'"),
        ("broken", "it ended its branch, it succeeded without one, or the run was told not to keep it"),
        ("start", "it was released after its last reader; place the node with keep=True"),
    ],
)
async def test_an_output_that_was_never_made_is_told_from_one_that_has_gone(name, why):
    """Also where the node would not have been kept."""
    tree = TaskTree("t")
    start = tree.root(lambda: 2, name="start")
    odd = start.child(lambda x: x, borrow(start), name="odd", when=lambda x: x % 2 == 1)
    start.child(scripted(StepResult.abort_branch()), name="broken")
    following = tree.join(lambda x: x, borrow(odd), name="next")
    following.child(lambda x: x, borrow_prev(), name="last")
    result = await run_plan(compile_plan(tree))
    with pytest.raises(OutputMissing) as caught:
        result[name]
    path = {"odd": "start/odd", "last": "next/last", "broken": "start/broken"}.get(name, name)
    assert str(caught.value) == f"the result holds no output of '{path}': {why}"


async def test_an_output_that_is_missing_because_of_a_failure_names_that_one():
    """Of several failures the one that it depends on."""
    tree = TaskTree("t")
    start = tree.root(lambda: 2, name="start")
    for name in ("a", "b"):
        start.child(scripted(StepResult.failure()), name=name)
    join = tree.join(lambda x: x, borrow(start), name="join", after=[Node(tree, 2)])
    result = await run_plan(compile_plan(tree), execution=Concurrent(on_failure="continue"))
    with pytest.raises(
        OutputMissing, match="^the result holds no output of 'join': the run ended with FAILURE at 'start/b'$"
    ):
        result[join]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("str", "2 nodes of plan 't' are called 'str' (root/kept/str, root/str); ask by path or node"),
        (
            "root",
            "the result holds no output of 'root': it was released after its last reader; place the node with keep=True",
        ),
        ("silent", "the result holds no output of 'root/silent': it is declared to return None"),
        ("other", "plan 't' has no node 'other'; the result holds root/kept, root/kept/str, root/str"),
    ],
)
async def test_a_missing_output_says_why(tree, name, message):
    """As a LookupError."""
    result = await run_plan(compile_plan(tree))
    with pytest.raises(OutputMissing) as caught:
        result[name]
    assert message == str(caught.value)
    assert isinstance(caught.value, LookupError)


async def test_a_missing_output_of_a_run_that_ended_early():
    """It names the node that ended it; a node before that ended its branch, or gave nothing."""
    tree = TaskTree("t")
    root = tree.root(lambda: 1, name="root")
    root.child(scripted(StepResult.abort_branch()), name="cut")
    root.child(scripted(StepResult.failure()), name="bad")
    root.child(lambda: 2, name="later")
    result = await run_plan(compile_plan(tree))
    expected = {
        "cut": "it ended its branch, it succeeded without one, or the run was told not to keep it",
        "bad": "the run ended with FAILURE at 'root/bad'",
        "later": "the run ended with FAILURE at 'root/bad'",
    }
    for name, why in expected.items():
        with pytest.raises(OutputMissing) as caught:
            result[name]
        assert str(caught.value) == f"the result holds no output of 'root/{name}': {why}"
    with pytest.raises(OutputMissing, match="the result holds nothing"):
        result["no such node"]


async def test_a_node_of_another_tree_is_refused(tree):
    """Its index would name some other node."""
    stranger = TaskTree("other").root(lambda: 1, name="stranger")
    result = await run_plan(compile_plan(tree))
    with pytest.raises(ValueError, match="is not part of plan 't'"):
        result[stranger]
    assert stranger not in result


@pytest.mark.parametrize(
    ("keep", "expected"),
    [("leaves", ["root/kept", "root/kept/str", "root/str"]), ("marked", ["root/kept"]), ("none", [])],
)
async def test_what_is_kept_is_a_choice_of_the_run(tree, keep, expected):
    """The same plan serves all of them."""
    plan = compile_plan(tree)
    result = await run_plan(plan, keep=keep)
    assert expected == [path for path, _ in result.items()]


async def test_raise_for_status_tells_all_of_it():
    """The status, and where and why; a success returns the result itself."""
    error = ValueError("broken")
    tree = TaskTree("t")
    tree.root(scripted(error), name="root", adapters=(catch_as_failure(),))
    result = await run_plan(compile_plan(tree))
    with pytest.raises(RunFailed) as caught:
        result.raise_for_status()
    assert caught.value.status is StepStatus.FAILURE
    assert caught.value.failures == result.failures
    assert caught.value.plan == "t"
    assert caught.value.__cause__ is error
    first, second = str(caught.value).splitlines()
    assert first == "plan 't' ended with FAILURE"
    assert second.startswith("  root: FAILURE (1 attempt, ")
    assert second.endswith("s into the run): ValueError: broken")
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), RunFailed)
    tree = TaskTree()
    tree.root(lambda: 1)
    result = await run_plan(compile_plan(tree))
    assert result.raise_for_status() is result


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (Failure("a/b", 1, StepStatus.RETRY, "late", None, 3, 1.25), "a/b: RETRY (3 attempts, 1.25 s into the run): late"),
        (
            Failure("a", 0, StepStatus.FAILURE, None, TimeoutError(), 1, 1e-5),
            "a: FAILURE (1 attempt, 0.0 ms into the run): TimeoutError",
        ),
        (
            Failure("a", 0, StepStatus.ABORT_EXECUTION, None, None, 1, 0.5),
            "a: ABORT_EXECUTION (1 attempt, 500.0 ms into the run)",
        ),
        (
            Failure("a", 0, StepStatus.FAILURE, "why", KeyError("k"), 1, 0.5),
            "a: FAILURE (1 attempt, 500.0 ms into the run): why: KeyError: 'k'",
        ),
    ],
)
def test_a_failure_in_one_line(failure, text):
    """Path, status, attempts, time, reason, error."""
    assert str(failure) == text


async def test_a_failure_says_how_long_its_node_took():
    """Waiting included; the nodes before it do not count."""
    tree = TaskTree()
    tree.root(lambda: 1).child(scripted(StepResult.failure()))
    result = await run_plan(compile_plan(tree))
    assert 0 <= result.failures[0].elapsed < 10


async def test_a_chosen_name_is_preferred_to_that_of_a_callable():
    """It was chosen for this."""

    def load():
        return 1

    tree = TaskTree()
    root = tree.root(load)
    root.child(lambda: 2, name="load")
    assert (await run_plan(compile_plan(tree)))["load"] == 2


async def test_a_shortened_path_may_mean_several_nodes():
    """Then it is refused, and not guessed."""
    tree = TaskTree()
    root = tree.root(lambda: 0, name="root")
    for _ in range(2):
        node = root
        for _ in range(30):
            node = node.child(int)
    result = await run_plan(compile_plan(tree))
    paths = [path for path, _ in result.items()]
    assert paths[0] == paths[1]
    with pytest.raises(OutputMissing, match="^2 nodes of plan 'root' are called"):
        result[paths[0]]


async def test_a_message_lists_only_the_first_outputs():
    """A plan may have a million."""
    tree = TaskTree()
    root = tree.root(lambda: 0)
    for number in range(30):
        root.child(lambda: 0, name=f"n{number}")
    result = await run_plan(compile_plan(tree))
    with pytest.raises(OutputMissing, match=r"/n19, \.\.\.$"):
        result["no such node"]


async def test_what_is_no_node_is_refused(tree):
    """It says what to ask by."""
    result = await run_plan(compile_plan(tree))
    with pytest.raises(TypeError, match="^a node is asked for by its handle, its name or its path, not by 3$"):
        result[3]
