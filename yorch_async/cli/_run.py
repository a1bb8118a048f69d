"""`yorch run`: one run of a plan, watched, and what came of it.

*Guarantees*: however a run ends - with a status, by an exception, by its time limit - that is an Outcome; only Ctrl-C passes.
*Does not know*: how an outcome is told.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import anyio

from .. import Event, NodeStarted, Plan, RunResult, SerialDfs, SetupError, run_plan
from ._progress import watching
from ._trouble import Trouble

__all__ = ["EXECUTIONS", "Outcome", "perform"]


class _LateError(Exception):
    """The time limit has passed while a plain function ran."""


EXECUTIONS = {"serial": SerialDfs()}


@dataclass(slots=True)
class Outcome:
    """How a run ended: with a result, or with the error that left it, or at its time limit. State: filled when it has ended."""

    plan: Plan
    result: RunResult | None = None
    error: BaseException | None = None
    timeout: float | None = None
    at: str | None = None
    """The node that was running last, where somebody watched."""
    elapsed: float = 0.0


async def perform(outcome: Outcome, context: Any, inputs: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Run the plan of an outcome, as the options say. An exception is noted, and raised."""
    timeout: float | None = own["timeout"]

    def follow(event: Event) -> None:
        if type(event) is NodeStarted:
            if anyio.current_time() > scope.deadline:
                raise _LateError  # plain functions give the loop no turn to cancel; between them there is one
            outcome.at = event.path

    with watching(own["progress"], outcome.plan) as observers, _timed(outcome):
        with anyio.move_on_after(timeout) as scope, suppress(_LateError):
            outcome.result = await run_plan(
                outcome.plan,
                context,
                inputs=inputs,
                execution=EXECUTIONS[own["execution"]],
                observers=observers if timeout is None else [*observers, follow],
                check_borrows=own["check_borrows"],
            )
        if outcome.result is None:
            outcome.timeout = timeout


@contextmanager
def _timed(outcome: Outcome) -> Generator[None]:
    """Note how long a run takes, and an exception that leaves it."""
    started = perf_counter()
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, SetupError) and not hasattr(error, "__notes__"):  # what leaves a node has a note that names it
            raise Trouble(_with_hint(error)) from None
        outcome.error = error
        raise
    finally:
        outcome.elapsed = perf_counter() - started


def _with_hint(error: SetupError) -> str:
    hint = "\n  --context names the context of the run"
    return f"{error}{hint * any(problem.rule == 'missing-context' for problem in error.problems)}"
