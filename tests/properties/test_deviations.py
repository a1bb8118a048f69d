"""Wherever generated code is left, the interpreter goes on as if it had been there from the start.

Random trees, and at every node of each everything that can happen instead of a success: the calls, the births and deaths of outputs,
copies included, come in the order of a run that was interpreted from its first node.
"""

import gc
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from random_trees import Box, Broken, build, trees

from yorch_async import compile_plan, run_plan, run_sync
from yorch_async.plan import Variant, code_of

HAPPENINGS = ["success", "failure", "retry", "abort_branch", "abort_execution", "raise", "interrupt", "stop"]
SUSPENDED = ["cancelled", "closed", "resumed", "thrown"]


class Cancelled(BaseException):
    """What a loop would throw into a run that it cancels."""


class Pause:
    """Something to wait for, without a loop."""

    def __await__(self):
        yield self


async def at_once(delay):
    """Wait for nothing."""


def ways(specs, log, counts, *, sync):
    """Compile a tree for the interpreter, for generated code, and for code in small parts."""

    def plan(*, optimize, part=128):
        tree = build(specs, log, counts, sleep=at_once, pause=Pause)
        made = replace(compile_plan(tree, optimize=None), optimize=optimize, part=part)
        if optimize:
            code_of(made.prepared, made.schedule, Variant("leaves", sync, held=True)).compile_all()
        return made

    return [plan(optimize=False), plan(optimize=True), plan(optimize=True, part=3)]


def story(plan, happening, log, counts, *, sync):
    """Run a plan by hand, and tell everything that can be seen of it."""
    log.clear()
    counts.clear()
    try:
        result = run_sync(plan) if sync else drive(run_plan(plan), happening)
    except (Broken, KeyboardInterrupt, Cancelled, RuntimeError, ZeroDivisionError) as error:
        log.append(("raised", type(error), str(error), getattr(error, "__notes__", []), type(error.__cause__)))
    else:
        if result is not None:
            log.append(
                (
                    result.step.status,
                    result.step.reason,
                    [(f.path, f.status, f.attempts, type(f.error)) for f in result.failures],
                )
            )
            log.append([(path, box.items) for path, box in result.items()])
        del result
    assert Box.alive == 0
    return list(log)


def drive(run, happening):
    """Do to a run what a loop would do; its result, if it comes to one."""
    try:
        run.send(None)
        if happening == "closed":
            return run.close()
        if happening == "resumed":
            run.send(None)
        run.throw({"cancelled": Cancelled, "thrown": ZeroDivisionError}[happening]())
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the run waits once more")


def compared(specs, happenings, nodes, *, sync):
    """Check every happening at every node."""
    log: list = []
    counts: dict[int, int] = {}
    plans = ways(specs, log, counts, sync=sync)
    Box.log = log
    try:
        for spec in nodes:
            for happening in happenings:
                spec.script = ["suspend" if happening in SUSPENDED else happening, "success"]
                first, *others = [story(plan, happening, log, counts, sync=sync) for plan in plans]
                for other in others:
                    assert first == other, (spec, happening)
            spec.script = ["success"]
    finally:
        Box.log = None


@pytest.fixture(autouse=True)
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def peaceful(specs):
    """Let every node succeed."""
    for spec in specs:
        spec.script = ["success"]
    return specs


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees(max_size=12))
def test_every_answer_at_every_node_is_followed_as_by_the_interpreter(specs):
    """All statuses, an exception, one that ends the program, and one that Python does not let out of a coroutine."""
    compared(peaceful(specs), HAPPENINGS, specs, sync=False)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees(max_size=12))
def test_the_same_without_a_loop(specs):
    """The code for run_sync is another one."""
    for spec in specs:
        spec.is_async = False
    compared(peaceful(specs), HAPPENINGS, specs, sync=True)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(specs=trees(max_size=12))
def test_a_run_that_is_ended_while_it_waits_leaves_what_the_interpreter_would(specs):
    """Cancelled, closed, resumed, or ended by an exception from outside, at every node that can wait."""
    peaceful(specs)
    for spec in specs:
        spec.is_async = True
    compared(specs, SUSPENDED, specs, sync=False)
