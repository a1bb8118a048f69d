"""Run a plan once and write down everything that can be seen of it.

*Guarantees*: what is returned holds no object, result or error of the run, so that whatever is alive by then was kept by the library.
*Does not know*: what was expected.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from anyio import fail_after

from yorch_async import NodeError, OutputMissing, Plan, RunResult, SetupError, run_plan

from .adapting import UNSUITABLE
from .comparing import Seen
from .facts import Facts
from .recording import RUN, Box, Run, ScriptedError
from .records import Held
from .values import plain
from .worlds import World

PATIENCE = 10.0


@dataclass(frozen=True)
class Ended:
    """How a run ended. `refusal` and `crash` are about the library, in words: it refused the run, or did what it never should."""

    status: str
    refusal: str | None = None
    crash: str | None = None
    late: tuple[str, ...] = ()
    kept: tuple[tuple[str, Any], ...] = ()


@contextmanager
def recording(run: Run) -> Generator[None, None, None]:
    """All code inside belongs to that run."""
    token = RUN.set(run)
    try:
        yield
    finally:
        RUN.reset(token)


async def run_once(plan: Plan, run: Run, ctx: Any, options: dict[str, Any]) -> Ended:
    """Run it, and keep nothing but words."""
    try:
        with recording(run), fail_after(PATIENCE):
            # No name for the result: an error in it keeps this frame, which would keep the result, until cycles are collected.
            return _of_result(await run_plan(plan, ctx, **options), run, options.get("keep"))
    except Exception as error:  # noqa: BLE001 - whatever a library does is to be reported, not to end the replay
        # An object of the wrong kind is refused as Python does; of anything else a TypeError would be a crash.
        if isinstance(error, SetupError) or (isinstance(error, TypeError) and options["execution"] is UNSUITABLE):
            late = f"refused only after {len(run.events)} events" if run.events else None
            return Ended("refused", refusal=f"{type(error).__name__}: {error}", crash=late)
        return _of_error(error)


def _of_result(result: RunResult, run: Run, keep: object) -> Ended:
    errors = [failure.error for failure in result.failures if failure.error is not None]
    refusal = next((f"{type(error).__name__}: {error}" for error in errors if isinstance(error, NodeError)), None)
    # As everywhere in Python, an error that is kept keeps what the frames of its traceback hold; then it is looked at afterwards only.
    late = () if errors else _late(run, run.facts.kept if keep == "leaves" else frozenset())
    kept = tuple(_kept(result, run)) if keep == "leaves" else ()
    return Ended(result.status.name.lower(), refusal, late=late, kept=kept)


def _late(run: Run, spared: frozenset[str]) -> tuple[str, ...]:
    return tuple(f"the {life.kind} of {life.node}" for life in run.lives if life.ended is None and life.node not in spared)


def _kept(result: RunResult, run: Run) -> Iterator[tuple[str, Any]]:
    for name in run.facts.leaves:
        try:
            found = result[name]
        except OutputMissing:
            continue
        yield name, plain(found.content) if isinstance(found, Box) else repr(found)


def _of_error(error: Exception) -> Ended:
    """Errors that the vector makes leave a run; a broken rule is a refusal; everything else is a crash."""
    if isinstance(error, ExceptionGroup):
        inside = [_of_error(each) for each in cast("ExceptionGroup[Exception]", error).exceptions]
        return next((each for each in inside if each.crash or each.refusal), inside[0])
    if isinstance(error, NodeError):
        return Ended("exception", refusal=f"{type(error).__name__}: {error}")
    return Ended("exception", crash=None if isinstance(error, ScriptedError) else f"{type(error).__name__}: {error}")


async def observe(plan: Plan, world: World, facts: Facts, held: tuple[Held, ...], **options: Any) -> tuple[Ended, Seen]:
    """Run a plan once with objects of its own, and look at what became of them."""
    run = Run(facts)
    context, objects = world.context(held)
    ended = await run_once(plan, run, context, options)
    seen = Seen(
        ended.status,
        run.attempts,
        {key: plain(box.content) for key, box in objects.items()},
        {name: plain(box.content) for name, box in world.externals.items()},
        run.copies,
        run.events,
        run.lives,
        list(ended.late),
        run.alive,
        dict(ended.kept),
    )
    return ended, seen
