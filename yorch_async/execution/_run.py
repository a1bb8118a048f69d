"""Starting a run, on an event loop or without one.

*Guarantees*: a run that cannot work does not begin; whatever happens, nothing of the run is alive after it.
*Does not know*: how nodes are executed.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from inspect import iscoroutinefunction
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import anyio
from anyio.lowlevel import checkpoint

from .._context import objects_of
from .._door import public
from .._events import Observer, RunEnded, RunStarted
from ..plan import Keep, Plan
from ._drive import drive, sleep_here
from ._generated import put_back
from ._outcome import RunResult
from ._policies import SerialDfs
from ._serial import run_here, run_serial
from ._setup import check_setup, fits
from ._state import SUCCESS, Run
from ._ways import way_of

__all__ = ["run", "run_plan", "run_sync"]

_SERIAL = SerialDfs()
_KEEPS: Final = get_args(Keep)
_NO_INPUTS: Final[Mapping[str, Any]] = MappingProxyType({})


@public
async def run_plan(
    plan: Plan,
    ctx: Any = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    execution: SerialDfs = _SERIAL,
    observers: Sequence[Observer] = (),
    keep: Keep = "leaves",
    check_borrows: bool = False,
) -> RunResult:
    """Run a plan, on whatever event loop is running.

    `ctx` is a `Context`, a mapping of keys to objects, or any object with `get(key)`, which is asked when a node runs.
    `inputs` are the named inputs.
    `observers` are called with every event (see `Event`); without one, nothing is recorded. `keep` says which
    outputs stay in the result: those of "leaves" (and of nodes with `keep=True`), only the "marked" ones, or "none".
    `check_borrows=True` compares what each task borrowed before and after, which costs a copy of it, and raises `BorrowError` where
    it was changed; an object that cannot be deep-copied is not checked.

    Raises `SetupError` before any task runs when context objects or inputs are missing or do not fit. An exception that no adapter
    catches ends the run and is raised as it is, with a note that names the node. Other ways to end are statuses of the result.

    >>> import anyio
    >>> from yorch_async import TaskTree, compile_plan, from_input, run_plan
    >>> tree = TaskTree()
    >>> number = tree.root(int, from_input("text", str))
    >>> anyio.run(lambda: run_plan(compile_plan(tree), inputs={"text": "7"}))[number]
    7
    """
    state = _prepare("run_plan", False, plan, ctx, inputs, execution, observers, keep, check_borrows)  # noqa: FBT003 - see there
    if state.observers:
        await _observed(state)
        return state.result()
    index, code = 0, state.code
    if code is not None:
        while plan.optimize and not code.is_complete and code.compile_next():
            await checkpoint()  # at once, but not at the cost of everybody else
        if code.is_complete:
            compiled = code.compiled[0]
            try:
                for compiled in code.compiled:
                    await compiled.function(state)
            except BaseException as left:  # noqa: BLE001 - raised again in `resume`
                index = put_back(state, compiled, left)
            else:
                if not state.resources:
                    state.answer = SUCCESS
                    return state.result()
                index = state.program.size
    await run_serial(state, index)
    return state.result()


def _prepare(
    function: str,
    is_sync: bool,  # noqa: FBT001 - called here alone; to pass by name costs half a node
    plan: Plan,
    ctx: Any,
    inputs: Mapping[str, Any] | None,
    execution: SerialDfs,
    observers: Sequence[Observer],
    keep: Keep,
    check_borrows: bool,  # noqa: FBT001 - see is_sync
) -> Run:
    """Check what was passed, and make the state of a run."""
    if type(plan) is not Plan or execution is not _SERIAL or keep not in _KEEPS or observers != ():
        _check(function, plan, execution, keep, observers)
    objects, held = objects_of(ctx)
    given: Mapping[str, Any] = dict(inputs) if inputs else _NO_INPUTS
    way = way_of(plan, keep, is_sync, held is not None)
    if given if way.needs is None else not fits(way.needs, held, given):
        check_setup(plan, held, given)
    sleep = sleep_here if is_sync else None
    if not observers and not check_borrows:
        return Run(way.program, way.advance(), objects, given, sleep)
    run = Run(way.program, None, objects, given, sleep)
    run.observers, run.check_borrows, run.is_watched = tuple(observers), check_borrows, True
    return run


def _check(function: str, plan: object, execution: object, keep: object, observers: Any) -> None:
    """Refuse what is no plan, no policy, no option, no observer."""
    if not isinstance(plan, Plan):
        raise TypeError(f"{function} takes a Plan, made by compile_plan(tree), not {plan!r}")
    if not isinstance(execution, SerialDfs):
        raise TypeError(f"execution must be an execution policy such as SerialDfs(), not {execution!r}")
    if keep not in _KEEPS:
        raise ValueError(f"keep must be one of {', '.join(map(repr, _KEEPS))}, not {keep!r}")
    if callable(observers):
        raise TypeError(f"observers is a sequence of them: observers=[{observers!r}]")
    for observer in observers:
        if not callable(observer) or iscoroutinefunction(observer):
            raise TypeError(f"an observer is a plain function of one event, not {observer!r}")


async def _observed(state: Run) -> None:
    """Tell when the run begins and how it ends."""
    plan, started = state.plan, perf_counter()
    state.notify(RunStarted(plan.name, len(plan), started))
    try:
        await run_serial(state)
    except BaseException as error:
        now = perf_counter()
        state.notify(RunEnded(plan.name, None, now - started, error, now))
        raise
    now = perf_counter()
    try:
        state.notify(RunEnded(plan.name, state.answer.status, now - started, state.answer.error, now))
    except BaseException:
        state.kept.clear()
        raise


@public
def run(
    plan: Plan,
    ctx: Any = None,
    *,
    backend: Literal["asyncio", "trio"] = "asyncio",
    inputs: Mapping[str, Any] | None = None,
    execution: SerialDfs = _SERIAL,
    observers: Sequence[Observer] = (),
    keep: Keep = "leaves",
    check_borrows: bool = False,
) -> RunResult:
    """Run a plan in a program that has no event loop: start one of the kind `backend`, and end it. Otherwise as `run_plan`.

    >>> from yorch_async import TaskTree, compile_plan, run, value
    >>> tree = TaskTree()
    >>> node = tree.root(lambda: "DONE")
    >>> run(compile_plan(tree), backend="trio")[node]
    'DONE'
    """
    if _is_running():
        raise RuntimeError(
            "run(...) starts an event loop, but one is running in this thread already; write: await run_plan(...)"
        )
    call = partial(
        run_plan,
        plan,
        ctx,
        inputs=inputs,
        execution=execution,
        observers=observers,
        keep=keep,
        check_borrows=check_borrows,
    )
    return anyio.run(call, backend=backend)


@public
def run_sync(
    plan: Plan,
    ctx: Any = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    execution: SerialDfs = _SERIAL,
    observers: Sequence[Observer] = (),
    keep: Keep = "leaves",
    check_borrows: bool = False,
) -> RunResult:
    """Run a plan of plain functions right here, without an event loop: it costs what the calls cost. Otherwise as `run_plan`.

    A plan with a coroutine function is refused (`SetupError`), and what waits all the same, a `ResultError` at its node.
    Between attempts `retry` waits in the thread, by `time.sleep`.

    >>> from yorch_async import TaskTree, compile_plan, run_sync, value
    >>> tree = TaskTree()
    >>> node = tree.root(int, value("7"))
    >>> run_sync(compile_plan(tree))[node]
    7
    """
    state = _prepare("run_sync", True, plan, ctx, inputs, execution, observers, keep, check_borrows)  # noqa: FBT003 - see there
    if plan.optimize and state.code is not None:
        state.code.compile_all()
    if state.observers:
        drive(_observed(state), state)
    else:
        run_here(state)
    return state.result()


def _is_running() -> bool:
    try:
        anyio.get_current_task()
    except RuntimeError:
        return False
    return True
