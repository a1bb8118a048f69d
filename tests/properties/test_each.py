"""Whatever the elements, and whoever waits or fails: a node of `each` does what a loop written by hand would, and leaves nothing."""

import gc
from dataclasses import dataclass, field
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yorch_async import (
    Concurrent,
    Failure,
    RetryFixed,
    SerialDfs,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    compile_plan,
    item,
    retry_on,
    run_plan,
)
from yorch_async.testing import Recorder

RUNS = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])

FAILURES = {"failure": StepStatus.FAILURE, "retry": StepStatus.RETRY}


class Broken(Exception): ...


class Box:
    """An element or a result; counts how many are alive."""

    alive = 0

    def __init__(self, number):
        self.number = number
        Box.alive += 1

    def __del__(self):
        Box.alive -= 1


@pytest.fixture(autouse=True)
def _collected():
    gc.collect()  # what earlier tests left to the collector
    Box.alive = 0


@dataclass
class Case:
    """What is run for each element, how, and what each of them does: an outcome for each attempt, and how often it waits."""

    scripts: list[list[str]]
    pauses: list[int]
    style: str
    source: str
    retries: int
    is_tree: bool
    is_reduced: bool
    on_item_failure: str
    limit: int | None
    calls: dict[int, int] = field(default_factory=dict)
    now: int = 0
    most: int = 0
    turn: object = None

    async def turns(self):
        await (checkpoint() if self.turn is None else self.turn())

    def outcome(self, number):
        """What this attempt answers."""
        script = self.scripts[number]
        made = self.calls[number] = self.calls.get(number, 0) + 1
        return script[min(made, len(script)) - 1]

    def answer(self, number):
        match self.outcome(number):
            case "value":
                return Box(number)
            case "result":
                return TaskResult.success(Box(number))
            case "raise":
                raise Broken(number)
            case other:
                return StepResult(StepStatus(other), str(number))

    def call(self, box):
        return self.answer(box.number)

    async def call_late(self, box):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            for _ in range(self.pauses[box.number]):
                await self.turns()
            return self.answer(box.number)
        finally:
            self.now -= 1

    def call_either(self, box):
        return self.call_late(box) if self.pauses[box.number] else self.call(box)

    async def stream(self, _):
        for number in range(len(self.scripts)):
            if number % 3 == 0:
                await self.turns()
            yield Box(number)

    def tree(self):
        """A tree with this node, and one around it."""
        fn = {"sync": self.call, "late": self.call_late, "either": self.call_either}[self.style]
        over = {"list": lambda _: [Box(n) for n in range(len(self.scripts))], "stream": self.stream}.get(
            self.source, lambda _: (Box(n) for n in range(len(self.scripts)))
        )
        again = [retry_on(Broken, RetryFixed(self.retries), sleep=lambda seconds: self.turns())] if self.retries else []
        options = {"over": over, "on_item_failure": self.on_item_failure, "max_concurrency": self.limit, "name": "each"}
        if self.is_reduced:
            options |= {"reduce": lambda so_far, each: [*so_far, each], "initial": []}
        tree = TaskTree("t")
        root = tree.root(lambda: None, name="root")
        if self.is_tree:
            inner = TaskTree("inner")
            inner.root(lambda box: box, item(), name="first").child(fn, borrow_prev(), adapters=again, name="last")
            return tree, root.each(inner, **options)
        return tree, root.each(fn, item(), adapters=again, **options)

    # --- the model: a loop written by hand

    def ends(self, number):
        """How an element ends, after so many attempts."""
        script = self.scripts[number]
        last = len(script) - 1
        for attempt in range(self.retries + 1):
            outcome = script[min(attempt, last)]
            if outcome in {"raise", "retry"}:
                if attempt < self.retries:
                    continue
                outcome = "failure" if self.retries else outcome
            return outcome, attempt + 1
        raise AssertionError

    def expected(self):
        """The results, what was left out, and what ends the node: the first that could, and all that might."""
        results, left_out, enders = [], [], {}
        for number in range(len(self.scripts)):
            outcome, _ = self.ends(number)
            if outcome in ("value", "result"):
                results.append(number)
            elif outcome == "abort_execution" or (outcome != "abort_branch" and self.on_item_failure == "stop"):
                enders[number] = outcome
            elif outcome != "abort_branch" and self.on_item_failure == "skip":
                left_out.append(number)
            elif outcome != "abort_branch":
                results.append(~number)
        return results, left_out, enders


OUTCOMES = ["value"] * 6 + ["result"] * 2 + ["raise", "raise", "failure", "retry", "abort_branch"]


@st.composite
def cases(draw, *, ends=True):
    count = draw(st.integers(0, 12))
    outcomes = [*OUTCOMES, "abort_execution"] if ends else OUTCOMES
    scripts = [draw(st.lists(st.sampled_from(outcomes), min_size=1, max_size=3)) for _ in range(count)]
    return Case(
        scripts=scripts,
        pauses=[draw(st.integers(0, 3)) for _ in range(count)],
        style=draw(st.sampled_from(["sync", "late", "either"])),
        source=draw(st.sampled_from(["list", "generator", "stream"])),
        retries=draw(st.sampled_from([0, 0, 1, 2])),
        is_tree=draw(st.booleans()),
        is_reduced=draw(st.booleans()),
        on_item_failure=draw(st.sampled_from(["stop", "skip", "collect"] if ends else ["skip", "collect"])),
        limit=draw(st.sampled_from([None, None, 1, 2, 3])),
    )


POLICIES = st.sampled_from([SerialDfs(), Concurrent(), Concurrent(max_concurrency=1), Concurrent(max_concurrency=2)])


class Ended:
    """How a run ended, in numbers and words: what holds no element and no error."""

    def __init__(self, case, node, result=None, group=None):
        self.raised, self.status, self.results, self.left_out, self.reason = [], None, None, [], None
        if group is not None:
            errors = group.exceptions if isinstance(group, BaseExceptionGroup) else [group]
            self.raised = [(type(error), error.args[0]) for error in errors]
            self.notes = [error.__notes__ for error in errors]
        if result is not None:
            self.status, self.reason = result.status, result.step.reason
            for each in result.left_out:
                assert each.count == len(each.failures)
                self.left_out += sorted(number_of(failure) for failure in each.failures)
            if node in result:
                self.results = [~number_of(each) if type(each) is Failure else each.number for each in result[node]]


def number_of(failure):
    return int(failure.path.partition("#")[2].partition("/")[0]) - 1


async def run_case(case, policy, observers=(), optimize=None):
    tree, node = case.tree()
    plan = compile_plan(tree, optimize=optimize)
    try:
        return Ended(case, node, await run_plan(plan, execution=policy, observers=observers))
    except (Broken, ExceptionGroup) as error:
        return Ended(case, node, group=error)
    finally:
        for recorder in observers:
            if isinstance(recorder, Recorder):
                recorder.check(plan)


def limit_of(case, policy):
    limits = [case.limit, policy.max_concurrency if isinstance(policy, Concurrent) else 1]
    return min((limit for limit in limits if limit is not None), default=100)


@BACKENDS
@RUNS
@given(case=cases(), policy=POLICIES, is_observed=st.booleans(), optimize=st.sampled_from([None, True, False]))
def test_it_does_what_a_loop_would(backend, case, policy, is_observed, optimize):
    """The same results in the same order, the same failures; what ends it is one of those that could, in a serial run the first."""
    results, left_out, enders = case.expected()
    observers = [Recorder()] if is_observed else []
    ended = anyio.run(run_case, case, policy, observers, optimize, backend=backend)
    assert case.most <= limit_of(case, policy)
    if not enders:
        assert ([], StepStatus.SUCCESS) == (ended.raised, ended.status)
        assert (results, left_out) == (ended.results, ended.left_out)
        assert {number: case.ends(number)[1] for number in range(len(case.scripts))} == case.calls
        return
    possible = [min(enders)] if limit_of(case, policy) == 1 else list(enders)
    if ended.raised:
        numbers = [number for _, number in ended.raised]
        assert sorted(numbers) == numbers
        assert set(numbers) <= {number for number in possible if enders[number] == "raise"}
        assert all(
            len(notes) == 1 and f"each#{number + 1}" in notes[0] for number, notes in zip(numbers, ended.notes, strict=True)
        )
    else:
        ending = {
            FAILURES.get(enders[number], StepStatus.ABORT_EXECUTION) for number in possible if enders[number] != "raise"
        }
        assert ended.status in ending
        assert ended.results is None
    assert set(ended.left_out) <= set(left_out)
    assert all(made <= case.ends(number)[1] for number, made in case.calls.items())


@BACKENDS
@RUNS
@given(case=cases(), policy=POLICIES, turns=st.integers(0, 25), is_observed=st.booleans())
def test_it_can_be_cancelled_at_any_point(backend, case, policy, turns, is_observed):
    """Nothing is alive afterwards, without the collector, and nothing goes on."""
    left = turns

    async def turn():
        nonlocal left
        left -= 1
        if left < 0:
            scope.cancel()
        await checkpoint()

    async def main():
        nonlocal scope
        with anyio.CancelScope() as scope:
            await run_case(case, policy, [lambda event: None] if is_observed else [])
        before = dict(case.calls)
        await checkpoint()
        assert (before, 0) == (case.calls, case.now)

    scope = None
    case.turn = turn
    Box.alive = 0
    gc.collect()
    gc.disable()
    try:
        anyio.run(main, backend=backend)
        assert 0 == Box.alive
    finally:
        gc.enable()


@BACKENDS
@RUNS
@given(cases_=st.lists(cases(ends=False), min_size=2, max_size=4), limit=st.sampled_from([1, 2, 3, 5]))
def test_several_at_once_keep_the_limit_of_the_run(backend, cases_, limit):
    """Strictly, whatever each of them does; and each does what it would alone."""

    class Shared:
        now = most = 0

    async def pause():
        await checkpoint()

    def counted(case, fn):
        async def call(box):
            Shared.now += 1
            Shared.most = max(Shared.most, Shared.now)
            try:
                await pause()
                return await fn(box)
            finally:
                Shared.now -= 1

        return call

    tree = TaskTree("t")
    root = tree.root(lambda: None, name="root")
    nodes = []
    for number, case in enumerate(cases_):
        over = case.stream if case.source == "stream" else partial(boxes, len(case.scripts))
        options = {"on_item_failure": case.on_item_failure, "max_concurrency": case.limit, "name": f"each{number}"}
        case.retries = 0
        nodes.append(root.each(counted(case, case.call_late), item(), over=over, **options))
    result = anyio.run(partial(run_plan, compile_plan(tree), execution=Concurrent(max_concurrency=limit)), backend=backend)
    assert Shared.most <= limit
    for case, node in zip(cases_, nodes, strict=True):
        results, _, _ = case.expected()
        assert results == [~number_of(each) if type(each) is Failure else each.number for each in result[node]]


def boxes(count, _):
    for number in range(count):
        yield Box(number)
