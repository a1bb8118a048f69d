"""Starting a run, on an event loop or without one.

*Guarantees*: a run that cannot work does not begin; whatever happens, nothing of the run is alive after it.
*Does not know*: how nodes are executed.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, Literal

import anyio
from anyio.lowlevel import checkpoint

from .._door import public
from .._events import Observer, RunEnded, RunStarted
from ..plan import Keep, Plan
from ._concurrent import run_concurrent
from ._drive import drive
from ._generated import put_back
from ._outcome import RunResult
from ._policies import Concurrent
from ._prepare import SERIAL, Execution, check_timeout, prepare
from ._serial import run_here, run_serial
from ._state import SUCCESS, Run

__all__ = ["run", "run_plan", "run_sync"]


@public
async def run_plan(
    plan: Plan,
    ctx: Any = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    execution: Execution = SERIAL,
    observers: Sequence[Observer] = (),
    keep: Keep = "leaves",
    check_borrows: bool = False,
    timeout: float | None = None,  # noqa: ASYNC109 - a run knows more than a scope around it: where it was when the time was up
) -> RunResult:
    """Run a plan, on whatever event loop is running.

    `ctx` is a `Context`, a mapping of keys to objects, or any object with `get(key)`, which is asked when a node runs.
    `inputs` are the named inputs. `execution` is `SerialDfs()`, one node at a time, or `Concurrent()`.
    `observers` are called with every event (see `Event`); without one, nothing is recorded. `keep` says which
    outputs stay in the result: those of "leaves" (and of nodes with `keep=True`), only the "marked" ones, or "none".
    `check_borrows=True` compares what each task borrowed before and after, which costs a copy of it, and raises `BorrowError` where
    it was changed; an object that cannot be deep-copied is not checked. After `timeout` seconds the run is cancelled.

    Raises `SetupError` before any task runs when context objects or inputs are missing or do not fit, and `TimeoutError` when the
    time is up. An exception that no adapter catches ends the run and is raised with a note that names the node: as it is, or by
    `Concurrent` in an `ExceptionGroup`. Other ways to end are statuses of the result.

    >>> import anyio
    >>> from yorch_async import TaskTree, compile_plan, from_input, run_plan
    >>> tree = TaskTree()
    >>> number = tree.root(int, from_input("text", str))
    >>> anyio.run(lambda: run_plan(compile_plan(tree), inputs={"text": "7"}))[number]
    7
    """
    state = prepare("run_plan", False, plan, ctx, inputs, execution, observers, keep, check_borrows)  # noqa: FBT003 - see there
    if timeout is not None or state.observers or isinstance(execution, Concurrent):
        observers = ()  # an error that they have been told of leads to this frame
        await _run_otherwise(state, execution, timeout)
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


async def _run_otherwise(state: Run, execution: Execution, timeout: float | None) -> None:  # noqa: ASYNC109 - it is the user's
    """Run a plan in the way that is asked for."""
    go = partial(run_concurrent, state, execution) if isinstance(execution, Concurrent) else partial(run_serial, state)
    if timeout is not None:
        go = partial(_within, state, go, check_timeout(timeout))
    await (_observed(state, go) if state.observers else go())


async def _within(state: Run, go: Callable[[], Awaitable[None]], timeout: float) -> None:  # noqa: ASYNC109 - it is the user's
    """Cancel what is running when the time is up."""
    with anyio.move_on_after(timeout) as scope:
        try:
            await go()
        except Exception as error:
            if scope.cancel_called:
                with suppress(Exception):
                    error.add_note(
                        f"raised while plan '{state.plan.name}' was being cancelled, after its timeout of {timeout:g} s"
                    )
            raise
    if scope.cancelled_caught:
        where = ", ".join(f"'{state.path(index)}'" for index in sorted(set(state.cancelled)) or (state.at,))
        late = TimeoutError(f"plan '{state.plan.name}' was not done after its timeout of {timeout:g} s; it was at {where}")
        for remark in state.remarks:
            late.add_note(remark)
        raise late


async def _observed(state: Run, go: Callable[[], Awaitable[None]]) -> None:
    """Tell when the run begins and how it ends."""
    try:
        await _told(state, go)
    finally:
        state.observers = ()  # an error that they have been told of leads to this object


async def _told(state: Run, go: Callable[[], Awaitable[None]]) -> None:
    plan, started = state.plan, perf_counter()
    state.notify(RunStarted(plan.name, len(plan), started))
    try:
        await go()
    except BaseException as error:
        now = perf_counter()
        state.notify(RunEnded(plan.name, None, now - started, error, now))
        raise
    now = perf_counter()
    try:
        state.notify(RunEnded(plan.name, state.answer.status, now - started, state.answer.error, now))
    except BaseException:
        state.lose()
        raise


@public
def run(
    plan: Plan,
    ctx: Any = None,
    *,
    backend: Literal["asyncio", "trio"] = "asyncio",
    inputs: Mapping[str, Any] | None = None,
    execution: Execution = SERIAL,
    observers: Sequence[Observer] = (),
    keep: Keep = "leaves",
    check_borrows: bool = False,
    timeout: float | None = None,
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
        timeout=timeout,
    )
    return anyio.run(call, backend=backend)


@public
def run_sync(
    plan: Plan,
    ctx: Any = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    execution: Execution = SERIAL,
    observers: Sequence[Observer] = (),
    keep: Keep = "leaves",
    check_borrows: bool = False,
) -> RunResult:
    """Run a plan of plain functions right here, without an event loop: it costs what the calls cost. Otherwise as `run_plan`.

    A plan with a coroutine function is refused (`SetupError`), and so is one with an adapter that needs a loop (`timeout`, `limit`,
    `to_thread`); what waits all the same is a `ResultError` at its node.
    Between attempts `retry` waits in the thread, by `time.sleep`.

    >>> from yorch_async import TaskTree, compile_plan, run_sync, value
    >>> tree = TaskTree()
    >>> node = tree.root(int, value("7"))
    >>> run_sync(compile_plan(tree))[node]
    7
    """
    state = prepare("run_sync", True, plan, ctx, inputs, execution, observers, keep, check_borrows)  # noqa: FBT003 - see there
    if plan.optimize and state.code is not None:
        state.code.compile_all()
    if state.observers:
        drive(_observed(state, partial(run_serial, state)), state)
    else:
        run_here(state)
    return state.result()


def _is_running() -> bool:
    try:
        anyio.get_current_task()
    except RuntimeError:
        return False
    return True
