"""What a run came to: for people, for programs, and as an exit status.

*Guarantees*: JSON is written for any output; an object that cannot be shown does not keep the others from being shown.
*Does not know*: where it is written to.
"""

import json
from collections.abc import Sequence
from typing import Any, cast

import click

from .. import Failure, LeftOut, RunResult, Skip, StepStatus, YorchError
from .._types import visible
from ._board import is_apart
from ._progress import COLOURS, seconds
from ._run import Outcome
from ._trouble import safely, traceback_of

__all__ = ["as_json", "as_text", "json_text", "raised", "remarks", "status_of"]

NAMED = 3
"""So many nodes are named where any number may have been running, and so many elements of those that were left out."""

SKIPS = 10
"""So many nodes are told of where any number may have been skipped."""

STATUSES = {
    StepStatus.SUCCESS: 0,
    StepStatus.FAILURE: 1,
    StepStatus.RETRY: 3,
    StepStatus.ABORT_BRANCH: 4,
    StepStatus.ABORT_EXECUTION: 4,
}


def status_of(outcome: Outcome) -> int:
    """The exit status."""
    return 1 if outcome.result is None or outcome.error is not None else STATUSES[outcome.result.status]


def _word(outcome: Outcome) -> str:
    if outcome.error is not None:
        return "EXCEPTION"
    return "TIMEOUT" if outcome.result is None else outcome.result.status.name


def as_text(result: RunResult | None) -> str:
    """The outputs: a single one as it is, several under the paths of their nodes. None is nothing to read."""
    if result is None:
        return ""
    shown = [(visible(path), safely(str, output)) for path, output in result.items() if output is not None]
    if len(shown) == 1:
        return shown[0][1]
    blocks = [f"{path}:\n{text}" if "\n" in text else f"{path}: {text}" for path, text in shown]
    return ("\n\n" if any("\n" in block for block in blocks) else "\n").join(blocks)


def remarks(outcome: Outcome, *, whole: bool) -> str:
    """What went wrong, and the summary."""
    lines: list[str] = []
    if outcome.error is not None:
        lines.append(raised(outcome, whole=whole))
    if outcome.timeout is not None:
        lines.append(f"Error: cancelled after {seconds(outcome.timeout)} (--timeout){_while_running(outcome.at)}")
    if outcome.result is not None:
        lines += (line for left in outcome.result.left_out for line in _left_out(left))
        lines += _reasons(outcome.result, whole=whole)
        lines += _apart(outcome.result)
    count = len(outcome.plan)
    status = outcome.result.status if outcome.result is not None and outcome.error is None else None
    word = click.style(_word(outcome), fg=COLOURS[status])
    lines.append(f"{count} node{'s' * (count != 1)}, {seconds(outcome.elapsed)}, {word}")
    return "\n".join(lines)


def _while_running(paths: Sequence[str]) -> str:
    """Which nodes were cancelled, as many as can be read."""
    if not paths:
        return ""
    named, more = [f"'{visible(path)}'" for path in paths[:NAMED]], len(paths) - NAMED
    if len(paths) == 1:
        return f", while node {named[0]} was running"
    last = f"{more} more" if more > 0 else named.pop()
    return f", while nodes {', '.join(named)} and {last} were running"


def raised(outcome: Outcome, *, whole: bool) -> str:
    """What left the run, a paragraph each: an error of ours is a sentence, one of the user's has a traceback."""
    notes = getattr(outcome.group, "__notes__", ()) if outcome.error is outcome.group else ()
    return "\n".join(["\n\n".join(_raised(error, whole=whole) for error in outcome.errors), *notes])


def _raised(error: BaseException, *, whole: bool) -> str:
    if isinstance(error, YorchError) and not whole:
        return "\n".join([f"Error: {error}", *getattr(error, "__notes__", ())])
    return traceback_of(error, whole=whole)


def _reasons(result: RunResult, *, whole: bool) -> list[str]:
    lines = list(map(str, result.failures))
    if not lines and not result.ok:
        lines.append(
            f"{result.plan.nodes[0].path}: {result.status.name}" + (f": {result.step.reason}" if result.step.reason else "")
        )
    if whole:
        lines += [traceback_of(failure.error, whole=True) for failure in result.failures if failure.error is not None]
    return lines


def _left_out(left: LeftOut) -> list[str]:
    """How many elements a node has left out, and why the first ones."""
    more = left.count - NAMED
    return [
        f"{visible(left.path)}: {left.count:,} element{'s' * (left.count != 1)} left out",
        *(f"  {visible(str(failure))}" for failure in left.failures[:NAMED]),
        *([f"  and {more:,} more"] if more > 0 else []),
    ]


def _apart(result: RunResult) -> list[str]:
    """What was skipped because of a node somewhere else in the graph, as much as can be read."""
    if not result.plan.layout.links:
        return []
    skips = {skip.index: skip for skip in result.skipped}
    found = [skip for skip in skips.values() if is_apart(result.plan, skip, skips.__contains__)]
    more = len(found) - SKIPS
    return [*map(str, found[:SKIPS]), *([f"{more} more skipped because of others"] if more > 0 else [])]


def as_json(outcome: Outcome) -> str:
    """All of it, as a JSON object."""
    result = outcome.result if outcome.error is None else None
    error = outcome.error if result is None else result.step.error
    return json_text(
        {
            "version": 1,
            "plan": outcome.plan.name,
            "nodes": len(outcome.plan),
            "status": _word(outcome),
            "ok": result is not None and result.ok,
            "reason": None if result is None else result.step.reason,
            "error": _error(error),
            "failures": [] if result is None else [_failure(failure) for failure in result.failures],
            "skipped": [] if result is None else [_skip(skip) for skip in result.skipped],
            "left_out": [] if result is None else [_elements(left) for left in result.left_out],
            "outputs": {} if result is None else {path: _jsonable(output) for path, output in result.items()},
            "elapsed": outcome.elapsed,
        }
    )


def json_text(whole: Any) -> str:
    """JSON as all commands write it."""
    return json.dumps(whole, indent=2)


def _elements(left: LeftOut) -> dict[str, Any]:
    return {"path": left.path, "count": left.count, "failures": [_failure(failure) for failure in left.failures]}


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "path": failure.path,
        "status": failure.status.name,
        "reason": failure.reason,
        "error": _error(failure.error),
        "attempts": failure.attempts,
        "elapsed": failure.elapsed,
    }


def _skip(skip: Skip) -> dict[str, Any]:
    return {"path": skip.path, "because": skip.because}


def _error(error: BaseException | None) -> dict[str, Any] | None:
    if error is None:
        return None
    told: dict[str, Any] = {
        "type": type(error).__qualname__,
        "message": safely(str, error),
        "notes": list(getattr(error, "__notes__", ())),
    }
    if isinstance(error, BaseExceptionGroup):
        members: tuple[BaseException, ...] = cast("BaseExceptionGroup[BaseException]", error).exceptions
        told["exceptions"] = [_error(member) for member in members]
    return told


def _jsonable(output: Any) -> Any:
    """The output as JSON can hold it: as it is, or else its repr."""
    try:
        return json.loads(json.dumps(output, allow_nan=False, default=_told))
    except (TypeError, ValueError, RecursionError):
        return safely(repr, output)


def _told(obj: object) -> dict[str, Any]:
    """What stands in JSON for an element that has failed, among the results of others."""
    if isinstance(obj, Failure):
        return _failure(obj)
    raise TypeError
