"""Starting a run: everything that a run needs from outside is checked here, before any task is called.

*Guarantees*: a run that cannot work does not begin; whatever happens, nothing of the run is alive after it.
*Does not know*: how nodes are executed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from inspect import iscoroutinefunction
from itertools import islice
from time import perf_counter
from typing import Any, Literal, get_args

import anyio

from .._context import Context, getter_of
from .._door import public
from .._errors import Problem, SetupError, problem
from .._events import Observer, RunEnded, RunStarted
from .._types import class_of, describe, is_instance
from ..plan import Plan
from ._outcome import RunResult
from ._policies import SerialDfs
from ._program import Keep, program_of
from ._serial import run_serial
from ._state import Run
from ._turn import begin

__all__ = ["run", "run_plan"]

_SERIAL = SerialDfs()
_SHOWN = 20
"""How many names a message lists."""


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
    if not isinstance(plan, Plan):
        raise TypeError(f"run_plan takes a Plan, made by compile_plan(tree), not {plan!r}")
    if not isinstance(execution, SerialDfs):
        raise TypeError(f"execution must be an execution policy such as SerialDfs(), not {execution!r}")
    if keep not in get_args(Keep):
        raise ValueError(f"keep must be one of {', '.join(map(repr, get_args(Keep)))}, not {keep!r}")
    if callable(observers):
        raise TypeError(f"observers is a sequence of them: observers=[{observers!r}]")
    for observer in observers:
        if not callable(observer) or iscoroutinefunction(observer):
            raise TypeError(f"an observer is a plain function of one event, not {observer!r}")
    get, known = getter_of(ctx)
    given = {} if inputs is None else dict(inputs)
    if plan.context_keys or plan.inputs or given:
        _check_setup(plan, known, given)
    state = Run(
        plan,
        program_of(plan, keep, begin),
        get=get,
        inputs=given,
        observers=tuple(observers),
        check_borrows=check_borrows,
    )
    await (_observed(state) if state.observers else run_serial(state))
    return state.result()


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


def _is_running() -> bool:
    try:
        anyio.get_current_task()
    except RuntimeError:
        return False
    return True


def _check_setup(plan: Plan, context: Context | None, inputs: dict[str, Any]) -> None:
    """Find everything that is missing, unexpected or of the wrong type."""
    found: list[Problem] = [] if context is None else list(_missing_objects(plan, context))
    found.extend(_wrong_inputs(plan, inputs))
    if found:
        raise SetupError(f"plan '{plan.name}' cannot be run with this context and these inputs", found)


def _missing_objects(plan: Plan, context: Context) -> Iterator[Problem]:
    there = _listed(map(describe, context)) or "nothing"
    for key, index in plan.context_keys.items():
        if key not in context:
            yield problem("missing-context", plan.layout.path(index), what=describe(key), there=there)


def _wrong_inputs(plan: Plan, inputs: dict[str, Any]) -> Iterator[Problem]:
    given, taken = _listed(inputs) or "none", _listed(plan.inputs) or "none"
    for name, info in plan.inputs.items():
        path = plan.layout.path(info.node)
        if name not in inputs:
            if info.required:
                yield problem("missing-input", path, what=name, there=given)
        elif not is_instance(inputs[name], info.type):
            facts = {"offered": describe(class_of(inputs[name])), "wanted": describe(info.type)}
            yield problem("input-value", path, what=name, **facts)
    for name in inputs:
        if name not in plan.inputs:
            yield problem("unexpected-input", plan.name, what=name, there=taken)


def _listed(names: Iterable[object]) -> str:
    """The first few of them: each problem lists what there is."""
    first = list(islice(map(str, names), _SHOWN + 1))
    return ", ".join([*first[:_SHOWN], "..."] if len(first) > _SHOWN else first)
