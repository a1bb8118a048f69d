"""Events in words, one line each.

*Guarantees*: no times, so that the same run gives the same words.
*Does not know*: what is right.
"""

from collections.abc import Sequence
from typing import assert_never

from .._events import (
    AttemptStarted,
    EachStarted,
    Event,
    ItemEnded,
    ItemStarted,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    RetryWaiting,
    RunEnded,
    RunStarted,
)
from .._results import StepStatus

__all__ = ["latest_run", "story", "told"]


def told(event: Event) -> str:  # noqa: C901, PLR0911 - one way out per kind of event, and two of a skip
    """What happened."""
    match event:
        case RunStarted():
            return f"run of '{event.plan}' started"
        case NodeStarted():
            return f"{event.path} started"
        case AttemptStarted():
            return f"{event.path} attempt {event.number}"
        case RetryWaiting():
            return f"{event.path} waits {event.delay:g} s"
        case EachStarted():
            return f"{event.path} begins with " + ("its elements" if event.total is None else f"{event.total} elements")
        case ItemStarted():
            return f"{event.path} started"
        case ItemEnded() | NodeEnded():
            return f"{event.path} ended: {_how(event.status, event.reason, event.error)}"
        case NodeSkipped():
            if event.because == event.path:
                return f"{event.path} skipped: its condition did not hold"
            return f"{event.path} skipped because of {event.because}"
        case RunEnded():
            return f"run of '{event.plan}' ended: {_how(event.status, None, event.error)}"
    assert_never(event)


def _how(status: StepStatus | None, reason: str | None, error: BaseException | None) -> str:
    words = [] if status is None else [status.name]
    words += [reason] if reason else []
    return ", ".join([*words, repr(error)] if error is not None else words)


def story(events: Sequence[Event]) -> str:
    """All of it, a line each."""
    return "\n".join(f"  {told(event)}" for event in events) or "  nothing happened"


def latest_run(events: Sequence[Event]) -> Sequence[Event]:
    """The events from the latest start of a run on; all, if there is none."""
    starts = (place for place in range(len(events) - 1, -1, -1) if isinstance(events[place], RunStarted))
    return events[next(starts, 0) :]
