"""`yorch run`: one run of a plan, watched, and what came of it.

*Guarantees*: options that do not go together are refused before anything runs; however a run ends - with a status, by exceptions, by
its time limit - that is an Outcome; only Ctrl-C passes.
*Does not know*: how an outcome is told.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import anyio
import click

from .. import Concurrent, Event, NodeEnded, NodeStarted, Plan, RunResult, SerialDfs, SetupError, run_plan
from ._fans import is_failure
from ._progress import watching
from ._trouble import Trouble

__all__ = ["EXECUTIONS", "ON_FAILURE", "Outcome", "execution_of", "perform"]


class _LateError(Exception):
    """The time limit has passed while a plain function ran."""


EXECUTIONS = ("serial", "concurrent")
ON_FAILURE = ("stop", "continue")


def execution_of(own: Mapping[str, Any]) -> SerialDfs | Concurrent:
    """How nodes are to run. The options may say it by how many there may be at a time."""
    limit, on_failure = own["max_concurrency"], own["on_failure"]
    if (own["execution"] or ("concurrent" if limit else "serial")) == "concurrent":
        return Concurrent(max_concurrency=limit, on_failure=on_failure or "stop")
    for name, given in (("--max-concurrency", limit), ("--on-failure", on_failure)):
        if given:
            what = f"{name} is for nodes that run concurrently; write --execution concurrent as well, or leave it out"
            raise click.UsageError(what, click.get_current_context(silent=True))
    return SerialDfs()


@dataclass(slots=True)
class Outcome:
    """How a run ended: with a result, or with the error that left it, or at its time limit. State: filled when it has ended."""

    plan: Plan
    result: RunResult | None = None
    error: BaseException | None = None
    group: BaseExceptionGroup[BaseException] | None = None
    """The same, as it leaves a run whose nodes run concurrently: all that has left a node."""
    timeout: float | None = None
    at: list[str] = field(default_factory=list[str])
    """The nodes that were cancelled at the time limit, or else the one that was running last."""
    elapsed: float = 0.0

    @property
    def errors(self) -> tuple[BaseException, ...]:
        """The error, or what has left the nodes of a concurrent run, one by one."""
        if self.group is not None and self.error is self.group:
            return self.group.exceptions
        return () if self.error is None else (self.error,)


async def perform(outcome: Outcome, context: Any, inputs: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Run the plan of an outcome, as the options say. An exception is noted, and raised."""
    timeout: float | None = own["timeout"]
    execution = execution_of(own)
    last: list[str] = []
    cancelled: dict[int, str] = {}

    def follow(event: Event) -> None:
        if type(event) is NodeStarted:
            if anyio.current_time() > scope.deadline:
                raise _LateError  # plain functions give the loop no turn to cancel; between them there is one
            last[:] = [event.path]
        elif type(event) is NodeEnded and event.status is None and not is_failure(event.error):
            cancelled[event.index] = event.path

    with watching(own["progress"], outcome.plan) as observers, _timed(outcome, execution):
        with anyio.move_on_after(timeout) as scope:
            try:
                outcome.result = await run_plan(
                    outcome.plan,
                    context,
                    inputs=inputs,
                    execution=execution,
                    observers=observers if timeout is None else [*observers, follow],
                    check_borrows=own["check_borrows"],
                )
            except* _LateError:
                pass
        if outcome.result is None:
            outcome.timeout = timeout
            outcome.at = [path for _, path in sorted(cancelled.items())] or last


@contextmanager
def _timed(outcome: Outcome, execution: SerialDfs | Concurrent) -> Generator[None]:
    """Note how long a run takes, and an exception that leaves it."""
    started = perf_counter()
    try:
        yield
    except (Exception, SystemExit, BaseExceptionGroup) as error:
        if isinstance(error, SetupError) and not hasattr(error, "__notes__"):  # what leaves a node has a note that names it
            raise Trouble(_with_hint(error)) from None
        outcome.error = error
        if isinstance(execution, Concurrent) and isinstance(error, BaseExceptionGroup):
            outcome.group = error
        raise
    finally:
        outcome.elapsed = perf_counter() - started


def _with_hint(error: SetupError) -> str:
    hint = "\n  --context names the context of the run"
    return f"{error}{hint * any(problem.rule == 'missing-context' for problem in error.problems)}"
