"""Plans for tests: a node is replaced and all around it stays; every output is kept."""

import gc
import weakref
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from random_trees import Broken, build, trees

from yorch_async import (
    Concurrent,
    Fanout,
    InputInfo,
    PlanError,
    RegistrationError,
    RetryFixed,
    SerialDfs,
    SetupError,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    fallback,
    from_ctx,
    from_input,
    retry,
    retry_on,
    run,
    run_sync,
    task,
    value,
)
from yorch_async._tasks import Kind
from yorch_async.testing import ManualClock, Recorder, all_kept, replaced, scripted

NEVER = AssertionError("the real task was called")


class Shop:
    """Not there in a test."""


class Prices(list):
    """A list that can be watched."""


def fetch(shop: Shop, city: str) -> list:
    raise AssertionError("the real task was called")


@pytest.fixture
def clock():
    """The time between the attempts."""
    return ManualClock()


@pytest.fixture
def prices(clock):
    """The root of a tree that asks a shop, patiently, and computes two things of the answer."""
    patiently = retry_on(ConnectionError, RetryFixed(3, delay=10.0), sleep=clock.sleep)
    node = TaskTree("shop").root(fetch, from_ctx(), from_input(), adapters=(patiently,), keep=True)
    node.child(sum, borrow_prev(list), name="total")
    node.child(max, borrow_prev(list), name="most")
    return node


@pytest.fixture
def plan(prices):
    """The plan of that tree."""
    return compile_plan(prices.tree)


def test_a_node_is_found_by_name_path_or_handle(prices, plan):
    """As in a result; and the result of the new plan is asked in the same ways."""
    for key in ("fetch", prices):
        result = run(replaced(plan, {key: [1.0, 2.5], "fetch/most": 9}))
        assert (3.5, 9, [1.0, 2.5]) == (result["total"], result["fetch/most"], result[prices])


def test_the_given_plan_stays_as_it_is(plan):
    """What was prepared for it is not shared, so it can be run as before."""
    before = str(plan)
    with pytest.raises(AssertionError, match="the real task was called"):
        run(plan, {Shop: Shop()}, inputs={"city": "Bern"})
    assert plan.prepared
    other = replaced(plan, {"fetch": [1.0]})
    assert {} == other.prepared
    assert other is not plan
    run(other)
    assert before == str(plan)
    with pytest.raises(AssertionError, match="the real task was called"):
        run(plan, {Shop: Shop()}, inputs={"city": "Bern"})


def test_code_is_generated_for_the_new_plan(plan, prices):
    """Where it was for the old one."""
    generated = compile_plan(prices.tree, optimize=True)
    assert 3.5 == run(replaced(generated, {"fetch": [1.0, 2.5]}))["total"]
    assert 3.5 == run_sync(replaced(generated, {"fetch": lambda: [1.0, 2.5]}))["total"]
    assert replaced(generated, {}).optimize is True


def test_replacing_nothing_gives_a_fresh_plan(plan):
    """The same, with nothing prepared."""
    other = replaced(plan, {})
    assert (other.tasks, other.tree, other.name) == (plan.tasks, plan.tree, plan.name)
    assert other is not plan


def test_plans_can_be_replaced_again(plan):
    """The later fake counts, and gets the arguments of the node, whatever the earlier one took."""
    once = replaced(plan, {"fetch": [1.0], "most": 5})
    result = run(replaced(once, {"fetch": [2.0]}))
    assert (2.0, 5) == (result["total"], result["most"])
    twice = replaced(once, {"fetch": lambda shop, city: [city, shop]})
    assert (plan.inputs, plan.context_keys) == (twice.inputs, twice.context_keys)
    assert ["Bern", 7] == run(replaced(twice, {"total": 0}), {Shop: 7}, inputs={"city": "Bern"})["fetch"]


def test_adapters_of_an_earlier_fake_stay(plan, clock):
    """They are those that the node has now."""
    hasty = [retry(RetryFixed(1, delay=1.0), sleep=clock.sleep)]
    once = replaced(plan, {"fetch": scripted(StepResult.retry())}, adapters=hasty)
    assert 1.0 == run(replaced(once, {"fetch": scripted(StepResult.retry(), [1.0])}))["total"]
    assert [1.0] == clock.waits


def test_a_task_that_declares_a_result_still_does_so_for_the_next_fake():
    """What an earlier fake was allowed to give is not taken for the declaration."""
    tree = TaskTree("t")
    tree.root(lambda: TaskResult.success(1), output=TaskResult[int], name="one")
    plan = compile_plan(tree)
    twice = replaced(replaced(plan, {"one": 2}), {"one": TaskResult.success(3)})
    assert 3 == run(twice)["one"]
    assert plan.tasks[0].output.words == twice.tasks[0].output.words


def test_adapters_stay(plan, clock):
    """So that retries are tested."""
    recorder = Recorder()
    other = replaced(plan, {"fetch": scripted(ConnectionError(), ConnectionError, [1.0])})
    assert 1.0 == run(other, observers=[recorder])["total"]
    assert ([10.0, 10.0], 3) == (clock.waits, recorder.outcome("fetch").attempts)


def test_adapters_can_be_others(plan, clock):
    """Those of all the nodes that are replaced: none, or with another policy; they are never told that they have nothing to do."""
    with pytest.raises(ConnectionError):
        run(replaced(plan, {"fetch": ConnectionError()}, adapters=()))
    hasty = [retry(RetryFixed(1, delay=1.0), sleep=clock.sleep)]
    assert 1.0 == run(replaced(plan, {"fetch": scripted(StepResult.retry(), [1.0])}, adapters=hasty))["total"]
    assert [1.0] == clock.waits
    failed = run(replaced(plan, {"fetch": ValueError("no")}, adapters=[catch_as_failure()]))
    assert (StepStatus.FAILURE, 1) == (failed.status, failed.failures[0].attempts)


class Marked:
    """An adapter that has a part in successes."""

    def wrap(self, call):
        async def marked(attempt):
            return [await call(attempt)]

        return marked


@pytest.mark.parametrize("optimize", [False, True])
def test_adapters_that_have_a_part_in_a_success_are_asked(prices, optimize):
    """Also where the ones before had none; they see the value as the task would give it."""
    plan = replaced(compile_plan(prices.tree, optimize=optimize), {"total": 1})
    assert [[1.0]] == run(replaced(plan, {"fetch": [1.0]}, adapters=[Marked()]))["fetch"]


def test_adapters_that_cannot_serve_the_node_are_refused():
    """By the same rule as at its registration."""
    tree = TaskTree("t")
    tree.root(list).child(sum, consume_prev(), name="total")
    with pytest.raises(RegistrationError) as caught:
        replaced(compile_plan(tree), {"total": 1}, adapters=[retry(RetryFixed(1))])
    assert ("retry-consume", "list/total") == (caught.value.rule, caught.value.path)
    with pytest.raises(RegistrationError) as caught:
        replaced(compile_plan(tree), {"total": 1}, adapters=[3])
    assert "not-an-adapter" == caught.value.rule


# --- what a run has to bring


def test_without_arguments_nothing_is_needed(plan):
    """Neither the shop nor the city; who passes them all the same may."""
    for fake in ([1.0], scripted([1.0]), lambda: [1.0], StepResult.failure()):
        other = replaced(plan, {"fetch": fake})
        assert {} == dict(other.context_keys)
        assert {"city": InputInfo("city", str, required=False, default=None, node=0)} == dict(other.inputs)
        assert run(other).status is run(other, {Shop: Shop()}, inputs={"city": "Bern"}).status
        with pytest.raises(SetupError):
            run(other, inputs={"town": "Bern"})


def test_with_arguments_all_is_needed(plan):
    """A callable with parameters gets what the node would get."""
    other = replaced(plan, {"fetch": lambda shop, city: [shop, city]})
    assert (plan.inputs, plan.context_keys) == (other.inputs, other.context_keys)
    shop = Shop()
    assert [shop, "Bern"] == run(replaced(other, {"total": 0, "most": 0}), {Shop: shop}, inputs={"city": "Bern"})["fetch"]
    with pytest.raises(SetupError):
        run(other)


def test_what_another_node_needs_is_needed():
    """An input of two nodes goes only with both."""
    tree = TaskTree("t")
    root = tree.root(lambda city: city, from_input("city", str), name="a")
    root.child(lambda city="Bern": city, from_input("city"), name="b")
    plan = compile_plan(tree)
    assert (True, None) == (plan.inputs["city"].required, plan.inputs["city"].default)
    without_a = replaced(plan, {"a": 1}).inputs["city"]
    assert (False, "Bern") == (without_a.required, without_a.default)
    assert replaced(plan, {"b": 1}).inputs["city"].required
    assert "Bern" == run(replaced(plan, {"a": 1}))["b"]


def test_a_plan_without_its_coroutine_functions_runs_without_a_loop():
    """A fake needs one only if it is one itself."""

    async def load():
        raise AssertionError("the real task was called")

    async def fake():
        return [2]

    tree = TaskTree("t")
    tree.root(load).child(sum, borrow_prev(), name="total")
    plan = compile_plan(tree)
    with pytest.raises(SetupError):
        run_sync(plan)
    assert 3 == run_sync(replaced(plan, {"load": [1, 2]}))["total"]
    assert "sum" in replaced(plan, {"load": [1, 2]}).source(sync=True)
    with pytest.raises(SetupError):
        run_sync(replaced(plan, {"load": fake}))
    assert 2 == run(replaced(plan, {"load": fake}))["total"]


# --- lifetimes


@pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
@pytest.mark.parametrize(
    "fake", [7, StepResult.success(), lambda: 7, scripted(7)], ids=["value", "step", "callable", "script"]
)
def test_what_a_node_consumes_is_consumed(optimize, fake):
    """The output of its parent is alive no longer than with the real task."""
    alive = []

    def load():
        prices = Prices()
        alive.append(weakref.ref(prices))
        return prices

    tree = TaskTree("t")
    prices = tree.root(load)
    total = prices.child(lambda prices: 0, consume_prev(Prices), name="total")
    total.child(lambda: alive[0]() is None, name="gone")
    plan = compile_plan(tree, optimize=optimize)
    assert plan.lifetimes is replaced(plan, {"total": fake}).lifetimes
    gc.disable()
    try:
        assert run(replaced(plan, {"total": fake}))["gone"]
    finally:
        gc.enable()


def test_what_a_node_copies_is_copied():
    """By its own copier, before a sibling consumes the original."""
    tree, copies = TaskTree("t"), []

    def copier(items):
        copies.append(items)
        return list(items)

    items = tree.root(lambda: [1], name="items", fanout=Fanout.CONSUME_WITH_COPIES)
    items.child(lambda items: items.pop(), consume_prev(list), name="popped")
    items.child(len, copy_prev(list, copier=copier), name="count")
    result = run(replaced(compile_plan(tree), {"count": lambda items: items}))
    assert (1, [1]) == (result["popped"], result["count"])
    assert 2 == len(copies)


def cached(source: str) -> list:
    return [9.0, source]


def sourced(*adapters):
    """A tree that reads a source, and uses what it has read."""
    source = TaskTree("t").root(str, value("source"), name="source")
    node = source.child(lambda text: NEVER, borrow_prev(str), name="read", adapters=adapters)
    node.child(lambda items: items, borrow_prev(), name="use")
    return node.tree


WAYS = pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])


@WAYS
def test_what_is_run_instead_of_a_node_is_run_instead_of_its_fake(optimize):
    """It reads what it read before, whatever the fake takes."""
    plan = compile_plan(sourced(fallback(task(cached, borrow_prev(str)))), optimize=optimize)
    for fake in (OSError(), StepResult.failure(), lambda: StepResult.failure(), lambda source: StepResult.failure()):
        recorder, other = Recorder(), replaced(plan, {"read": fake})
        assert [9.0, "source"] == run(other)["use"] == run(other, observers=[recorder])["use"]
        recorder.check(other)
    assert 3 == run(replaced(plan, {"read": 3}))["use"]


@WAYS
def test_other_adapters_may_run_other_tasks_instead_or_none(optimize):
    """Lifetimes are then those of what is read now."""
    with_fallback = compile_plan(sourced(fallback(task(cached, borrow_prev(str)))), optimize=optimize)
    without = compile_plan(sourced(), optimize=optimize)
    for plan in (with_fallback, without, all_kept(with_fallback), all_kept(without)):
        assert 3 == run(replaced(plan, {"read": 3}, adapters=()))["use"]
        assert 7 == run(replaced(plan, {"read": OSError()}, adapters=[fallback(7)]))["use"]
        other = replaced(plan, {"read": OSError()}, adapters=[fallback(task(cached, copy_prev(str)))])
        assert [9.0, "source"] == run(other)["use"]
        assert 3 == run(replaced(other, {"read": 3}, adapters=()))["use"]
    assert without.lifetimes == replaced(with_fallback, {"read": 3}, adapters=()).lifetimes


def test_other_adapters_keep_the_rules_of_the_tree():
    """What they would run instead is checked like the tasks of the tree."""
    with pytest.raises(PlanError) as caught:
        replaced(compile_plan(sourced()), {"read": 3}, adapters=[fallback(task(len, borrow_prev(int)))])
    assert ["type-mismatch"] == [problem.rule for problem in caught.value.problems]


def test_an_output_that_is_not_given_is_missed_by_its_reader(plan):
    """A success without an output is told as in any run."""
    with pytest.raises(Exception) as caught:
        run(replaced(plan, {"fetch": StepResult.success()}))
    assert "succeeded without an output, but 'fetch/total' reads it" in str(caught.value)


# --- names


def test_a_name_that_means_no_node(plan):
    """It says what there is, and what may have been meant."""
    with pytest.raises(LookupError) as caught:
        replaced(plan, {"fetsch": 1})
    assert "plan 'shop' has no node 'fetsch' (did you mean 'fetch'?); it has fetch, fetch/total, fetch/most" == str(
        caught.value
    )
    with pytest.raises(LookupError) as caught:
        replaced(plan, {"xyz": 1})
    assert "plan 'shop' has no node 'xyz'; it has fetch, fetch/total, fetch/most" == str(caught.value)


def many(count):
    """A fan of nodes that are called the same."""
    root = TaskTree("many").root(list, name="root")
    for _ in range(count):
        root.child(len, borrow_prev())
    return compile_plan(root.tree)


def test_a_name_that_means_several_nodes():
    """It asks for a path; a few of many are listed."""
    with pytest.raises(LookupError) as caught:
        replaced(many(2), {"len": 1})
    expected = "2 nodes of plan 'many' are called 'len' (root/len, root/len[2]); use a path or the node itself"
    assert expected == str(caught.value)
    with pytest.raises(LookupError) as caught:
        replaced(many(21), {"len": 1})
    assert "root/len[20], ...)" in str(caught.value)
    assert 1 == run(replaced(many(2), {"root/len[2]": 1}))["root/len[2]"]


def test_a_node_is_replaced_once(prices, plan):
    """Two keys for one node are a mistake."""
    with pytest.raises(ValueError) as caught:
        replaced(plan, {"total": 1, "fetch/total": 2})
    assert "'fetch/total' is replaced twice, as 'total' and as 'fetch/total'; leave one out" == str(caught.value)


def test_a_node_of_another_tree(plan):
    """It is not looked up by its name."""
    with pytest.raises(ValueError, match="is not part of plan 'shop'"):
        replaced(plan, {TaskTree("other").root(list, name="fetch"): 1})


@pytest.mark.parametrize("function", [lambda plan: replaced(plan, {}), all_kept], ids=["replaced", "all_kept"])
def test_only_a_plan_can_be_changed(function):
    """The tree has to be compiled first, which is said."""
    tree = TaskTree("t")
    with pytest.raises(TypeError) as caught:
        function(tree)
    assert str(caught.value).endswith(f"takes a Plan, made by compile_plan(tree), not {tree!r}")


# --- all outputs


@pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
@pytest.mark.parametrize("policy", [SerialDfs(), Concurrent()], ids=repr)
def test_every_output_is_kept(policy, optimize):
    """Of consumed and of managed nodes as well; a resource is exited at its time."""
    tree, log = TaskTree("t"), []

    @contextmanager
    def opened():
        yield "connection"
        log.append("closed")

    items = tree.root(lambda: [3, 1], name="items", fanout=Fanout.CONSUME_WITH_COPIES)
    ordered = items.child(sorted, consume_prev(list))
    ordered.child(opened, managed=True).child(lambda of: log.append("used"), borrow_prev(), name="use")
    ordered.child(lambda: None, name="rest", output=None)
    plan = all_kept(compile_plan(tree, optimize=optimize))
    outputs = {
        "items": [3, 1],
        "items/sorted": [1, 3],
        "items/sorted/opened": "connection",
        "items/sorted/opened/use": None,
    }
    for keep in ("leaves", "marked"):
        assert outputs == dict(run(plan, keep=keep, execution=policy).items())
    assert {} == dict(run(plan, keep="none", execution=policy).items())
    assert ["used", "closed"] * 3 == log


def test_outputs_before_a_failure_are_kept():
    """They are what one wants to see then."""
    tree = TaskTree("t")
    tree.root(list, name="items").child(lambda: StepResult.failure("no"), name="broken")
    assert [("items", [])] == list(run(all_kept(compile_plan(tree))).items())


# --- any tree


def story(plan, log, counts):
    """Run a plan, and tell all that can be seen of it."""
    log.clear()
    counts.clear()
    try:
        result = run(plan, keep="leaves")
    except Broken as error:
        return list(log), str(error), error.__notes__
    return list(log), result.status, [(path, list(box.items)) for path, box in result.items()]


@pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees())
def test_a_function_in_its_own_place_changes_nothing(optimize, specs):
    """Whatever the kinds, accesses and adapters of a tree: fakes are called as the real tasks are."""
    log, counts = [], {}
    plan = compile_plan(build(specs, log, counts), optimize=optimize)
    fakes = {node.path: node.task.fn for node in plan.nodes}
    assert story(plan, log, counts) == story(replaced(plan, fakes), log, counts)


@pytest.mark.parametrize("optimize", [False, True], ids=["interpreted", "generated"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees())
def test_keeping_all_changes_nothing_but_the_result(optimize, specs):
    """The same calls, the same end, and an output of every node that has succeeded with one."""
    log, counts = [], {}
    plan = compile_plan(build(specs, log, counts), optimize=optimize)
    calls, end, *_ = story(plan, log, counts)
    kept_calls, kept_end, *outputs = story(all_kept(plan), log, counts)
    assert (calls, end) == (kept_calls, kept_end)
    if isinstance(end, StepStatus):
        silent = {node.path for node in plan.nodes if node.task.has_output is False}
        recorder = Recorder()
        counts.clear()
        run(plan, observers=[recorder])
        good = {path for path in recorder.order if recorder.outcome(path).ok}
        assert good - silent == {path for path, _ in outputs[0]}


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees())
def test_with_values_in_all_places_no_real_task_is_called(specs):
    """A value for each node that has an output of its own, None for the others; and no loop is needed."""
    log = []
    plan = compile_plan(build(specs, log, {}))
    own = {node.path for node in plan.nodes if node.task.has_output is not False and node.task.kind is not Kind.FORWARD}
    result = run_sync(replaced(plan, {node.path: [node.index] if node.path in own else None for node in plan.nodes}))
    assert (True, []) == (result.ok, log)
