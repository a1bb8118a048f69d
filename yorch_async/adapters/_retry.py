"""Run again while the answer is RETRY.

*Guarantees*: waiting never blocks the loop and can be cancelled; counters are local to one invocation, so that one adapter
serves any number of nodes and runs; an exception is not retried here, it passes outwards.
*Does not know*: why the answer was RETRY.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from .._adapter import Attempt, Call, TaskTraits
from .._door import public
from .._errors import RegistrationError, ResultError, problem
from .._results import StepResult, StepStatus, TaskResult
from ._answers import answered, required, status_of
from ._budget import RetryBudget
from ._catch import Catch, exception_classes
from ._policies import RetryPolicy
from ._waiting import Sleep, pause

__all__ = ["Retry", "RetryOn", "retry", "retry_on"]


def _unpaid(result: StepResult | TaskResult[Any]) -> StepResult | TaskResult[Any]:
    """The last answer, with what kept it from being tried again."""
    step = result.step if isinstance(result, TaskResult) else result
    reason = "the retry budget is spent" + ("" if step.reason is None else f": {step.reason}")
    spent = replace(step, reason=reason)
    return TaskResult(spent) if isinstance(result, TaskResult) else spent


@dataclass(frozen=True, slots=True)
class Retry:
    """The adapter behind `retry`."""

    policy: RetryPolicy
    sleep: Sleep | None
    budget: RetryBudget | None = None

    @property
    def transparent(self) -> bool:
        """A budget grows with every turn, so with one even a success passes through here."""
        return self.budget is None

    def traits(self, traits: TaskTraits) -> TaskTraits:
        """Refuse a task that would be run twice though it cannot, or never though it should."""
        if traits.consumes:
            raise RegistrationError(problem("retry-consume", traits.task))
        if not traits.may_retry:
            raise RegistrationError(problem("retry-never", traits.task, what=traits.returns))
        return replace(traits, repeats=True)

    def wrap(self, call: Call) -> Call:
        """Put a loop around the call."""

        async def retried(attempt: Attempt) -> Any:
            if self.budget is not None:
                self.budget.deposit()
            result = await call(attempt)
            try:
                count = 0
                while status_of(result) is StepStatus.RETRY:
                    if not await answered(self.policy.should_retry(count)):
                        return await self._exhausted(result, attempt)
                    if self.budget is not None and not self.budget.take():
                        return await self._exhausted(_unpaid(result), attempt)
                    await attempt.reset()
                    await self._wait(result, count, attempt)
                    count += 1
                    result = await call(attempt)
                return result
            finally:
                # The traceback of an error that the answer carries may lead to this frame: it would be a cycle.
                del result

        return retried

    async def _exhausted(self, result: Any, attempt: Attempt) -> Any:
        hook = getattr(self.policy, "on_exhausted", None)
        if hook is None:
            return result
        return await required(hook(result), f"{type(self.policy).__name__}.on_exhausted", attempt)

    async def _wait(self, result: Any, count: int, attempt: Attempt) -> None:
        step = result.step if isinstance(result, TaskResult) else result
        delay = step.after
        if delay is None:
            hook = getattr(self.policy, "delay", None)
            delay = 0.0 if hook is None else await answered(hook(count))
        if not isinstance(delay, int | float) or not 0 <= delay < math.inf:
            asked = f"{type(self.policy).__name__}.delay"
            raise ResultError(problem("bad-delay", attempt.path, what=asked, given=repr(delay)))
        await pause(attempt, delay, self.sleep)


@dataclass(frozen=True, slots=True)
class RetryOn:
    """The adapter behind `retry_on`: the two most common ones in one."""

    catch: Catch
    retry: Retry

    @property
    def transparent(self) -> bool:
        """The catch always is."""
        return self.retry.transparent

    def traits(self, traits: TaskTraits) -> TaskTraits:
        """Those of both, inside out."""
        return self.retry.traits(self.catch.traits(traits))

    def wrap(self, call: Call) -> Call:
        """Both, inside out."""
        return self.retry.wrap(self.catch.wrap(call))


@public
def retry(policy: RetryPolicy, *, sleep: Sleep | None = None, budget: RetryBudget | None = None) -> Retry:
    """Run the task again while it answers RETRY and the policy approves.

    The policy is one of `RetryFixed`, `RetryFixedPassthrough`, `RetryForever`, or any object with `should_retry(count)`; see
    `RetryPolicy`. Before each retry it waits: `StepResult.retry(after=...)` seconds if the task says so, else what the policy's
    `delay` says, through `sleep` (by default `anyio.sleep`, or `time.sleep` under `run_sync`; tests pass their own), and never beyond
    the deadline of a cancel scope around it. A `budget` is a `RetryBudget` that several tasks share.

    Refused at registration where RETRY can never be the answer, and over `consume_prev`.

    >>> from yorch_async import RetryFixed, StepResult, TaskTree, compile_plan, retry, run
    >>> answers = iter([StepResult.retry(), StepResult.success()])
    >>> tree = TaskTree()
    >>> node = tree.root(lambda: next(answers), adapters=(retry(RetryFixed(3)),))
    >>> run(compile_plan(tree)).status
    <StepStatus.SUCCESS: 'success'>
    """
    if not isinstance(policy, RetryPolicy) or isinstance(policy, type):
        raise TypeError(f"a retry policy is an object with should_retry(count), such as RetryFixed(3), not {policy!r}")
    if budget is not None and not isinstance(budget, RetryBudget):
        raise TypeError(f"budget is a RetryBudget, not {budget!r}")
    return Retry(policy, sleep, budget)


@public
def retry_on(
    exceptions: type[Exception] | tuple[type[Exception], ...],
    policy: RetryPolicy,
    *,
    sleep: Sleep | None = None,
    budget: RetryBudget | None = None,
) -> RetryOn:
    """Run the task again when it raises one of these exceptions and the policy approves.

    It is `catch_as_failure` that answers RETRY, inside a `retry`: what the policy makes of the last answer is what the node
    answers, and carries the last exception as its error - FAILURE with `RetryFixed`.

    >>> from yorch_async import RetryFixed, TaskTree, compile_plan, retry_on, run, value
    >>> tree = TaskTree()
    >>> node = tree.root(int, value("seven"), adapters=(retry_on(ValueError, RetryFixed(2)),))
    >>> failure, = run(compile_plan(tree)).failures
    >>> failure.attempts, failure.error
    (3, ValueError("invalid literal for int() with base 10: 'seven'"))
    """
    return RetryOn(Catch(_as_retry, exception_classes(exceptions)), retry(policy, sleep=sleep, budget=budget))


def _as_retry(error: Exception) -> StepResult:
    return StepResult.retry(error=error)
