"""Adapters of a user's own: what they are given, and how they refuse."""

import pytest

from yorch_async import (
    RegistrationError,
    RetryFixed,
    StepResult,
    TaskTraits,
    TaskTree,
    compile_plan,
    consume_prev,
    retry,
    run_plan,
    task,
)
from yorch_async.testing import scripted

pytestmark = pytest.mark.anyio


class Labelled:
    """Logs around the call."""

    def __init__(self, label, log):
        self.label, self.log = label, log

    def wrap(self, call):
        async def labelled(attempt):
            self.log.append(f"{self.label} before {attempt.path} {attempt.number}")
            result = await call(attempt)
            self.log.append(f"{self.label} after {attempt.number} {result!r}")
            return result

        return labelled


async def test_adapters_are_wrapped_inside_out():
    """The first one written is the closest to the task; they see what it returned, as it is."""
    log = []
    tree = TaskTree()
    tree.root(lambda: 3, name="root", adapters=[Labelled("inner", log), Labelled("outer", log)])
    await run_plan(compile_plan(tree))
    assert ["outer before root 0", "inner before root 0", "inner after 1 3", "outer after 1 3"] == log


async def test_one_task_is_wrapped_once():
    """For all nodes and runs."""
    wrapped = []

    class Count:
        def wrap(self, call):
            wrapped.append(1)
            return call

    tree = TaskTree()
    ready = task(lambda: 1, adapters=(Count(),))
    root = tree.root(ready)
    for _ in range(3):
        root.child(ready)
    plan = compile_plan(tree)
    await run_plan(plan)
    await run_plan(plan)
    assert wrapped == [1]


def test_an_adapter_may_refuse_a_task():
    """With words of its own; the error names the task."""

    class NeverConsumes:
        def traits(self, traits: TaskTraits) -> TaskTraits:
            if traits.consumes:
                raise traits.refusal("needs its input twice", "use copy_prev(...)")
            return traits

        def wrap(self, call):
            return call

    with pytest.raises(RegistrationError) as caught:
        task(lambda x: x, consume_prev(), adapters=(NeverConsumes(),), name="eats")
    assert str(caught.value) == "eats: needs its input twice [adapter]; use copy_prev(...)"


def test_an_adapter_knows_what_the_task_answers_about_itself():
    """As it was declared, and as the adapters inside have changed it."""
    seen = []

    class Look:
        def traits(self, traits):
            seen.append(traits)
            return traits

        def wrap(self, call):
            return call

    def step() -> StepResult:
        return StepResult.success()

    task(step, adapters=(Look(),))
    task(lambda x: x, consume_prev(), adapters=(Look(),), name="eats", output=int)
    assert [
        TaskTraits("step", "StepResult", may_retry=True, consumes=False, gives_value=False),
        TaskTraits("eats", "int", may_retry=False, consumes=True, output=int),
    ] == seen


async def test_what_an_adapter_makes_of_the_answer_is_what_counts():
    """Also a status instead of a value."""

    class Deny:
        def wrap(self, call):
            async def denied(attempt):
                await call(attempt)
                return StepResult.abort_branch("denied")

            return denied

    tree = TaskTree()
    node = tree.root(scripted(3), adapters=(Deny(),))
    result = await run_plan(compile_plan(tree))
    assert result.step == StepResult.abort_branch("denied")
    assert node not in result


async def test_an_adapter_that_wraps_nothing_is_an_error():
    """A forgotten `return` would otherwise leave the adapters out."""

    class Forgets:
        def wrap(self, call):
            return None

    tree = TaskTree()
    tree.root(lambda: 1, adapters=(Forgets(),))
    with pytest.raises(TypeError, match="must return a coroutine function of one attempt, not None"):
        await run_plan(compile_plan(tree))


def test_an_adapter_that_does_not_say_so_may_answer_retry():
    """A retry around it is no mistake."""

    class Again:
        def wrap(self, call):
            return call

    def plain() -> int:
        return 1

    with pytest.raises(RegistrationError, match="retry-never"):
        task(plain, adapters=(retry(RetryFixed(1)),))
    assert task(plain, adapters=(Again(), retry(RetryFixed(1)))).traits.may_retry
