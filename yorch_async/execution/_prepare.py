"""Before a run: what was passed is checked, and the state of the run is made.

*Guarantees*: a run that cannot work does not begin.
*Does not know*: how nodes are executed.
"""

import math
from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from types import MappingProxyType
from typing import Any, Final, TypeAlias, get_args

from .._context import objects_of
from .._events import Observer
from ..plan import Keep, Plan
from ._drive import sleep_here
from ._each import go_through
from ._policies import Concurrent, SerialDfs
from ._setup import check_setup, fits
from ._state import Run
from ._ways import way_of
from ._weave import weave_of

__all__ = ["SERIAL", "Execution", "check_run", "check_timeout", "prepare"]

Execution: TypeAlias = SerialDfs | Concurrent

SERIAL: Final = SerialDfs()
_KEEPS: Final = get_args(Keep)
_NO_INPUTS: Final[Mapping[str, Any]] = MappingProxyType({})


def prepare(
    function: str,
    is_sync: bool,  # noqa: FBT001 - called here alone; to pass by name costs half a node
    plan: Plan,
    ctx: Any,
    inputs: Mapping[str, Any] | None,
    execution: Execution,
    observers: Sequence[Observer],
    keep: Keep,
    check_borrows: bool,  # noqa: FBT001 - see is_sync
) -> Run:
    """Check what was passed, and make the state of a run."""
    if type(plan) is not Plan or execution is not SERIAL or keep not in _KEEPS or observers != ():
        _check(function, plan, execution, keep, observers)
    objects, held = objects_of(ctx)
    given: Mapping[str, Any] = dict(inputs) if inputs else _NO_INPUTS
    if execution is not SERIAL and isinstance(execution, Concurrent):
        if is_sync:
            raise TypeError(f"{function} runs one node after the other; leave out execution, or await run_plan(...)")
        way: Any = weave_of(plan, keep, go_through, is_watched=bool(observers) or check_borrows)
    else:
        way = way_of(plan, keep, is_sync, held is not None, go_through)
    if given if way.needs is None else not fits(way.needs, held, given):
        check_setup(plan, held, given)
    sleep = sleep_here if is_sync else None
    if not observers and not check_borrows:
        return Run(way.program, way.advance(), objects, given, sleep)
    run = Run(way.program, None, objects, given, sleep)
    run.observers, run.check_borrows, run.is_watched = tuple(observers), check_borrows, True
    return run


def check_timeout(timeout: object) -> float:
    """How many seconds a run may take."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or math.isnan(timeout) or timeout < 0:
        raise ValueError(f"timeout must be a number of seconds, 0 or more, or None, not {timeout!r}")
    return timeout


def _check(function: str, plan: object, execution: object, keep: object, observers: Any) -> None:
    """Refuse what is no plan, no policy, no option, no observer."""
    if not isinstance(plan, Plan):
        raise TypeError(f"{function} takes a Plan, made by compile_plan(tree), not {plan!r}")
    if not isinstance(execution, SerialDfs | Concurrent):
        raise TypeError(f"execution must be an execution policy such as SerialDfs() or Concurrent(), not {execution!r}")
    if keep not in _KEEPS:
        raise ValueError(f"keep must be one of {', '.join(map(repr, _KEEPS))}, not {keep!r}")
    if callable(observers):
        raise TypeError(f"observers is a sequence of them: observers=[{observers!r}]")
    for observer in observers:
        if not callable(observer) or iscoroutinefunction(observer):
            raise TypeError(f"an observer is a plain function of one event, not {observer!r}")


def check_run(
    function: str,
    plan: Plan,
    ctx: Any,
    inputs: Mapping[str, Any] | None,
    execution: Execution,
    observers: Sequence[Observer],
    keep: Keep,
) -> None:
    """Refuse what `run_plan` would refuse, for a function that runs the plan later."""
    _check(function, plan, execution, keep, observers)
    _, held = objects_of(ctx)
    check_setup(plan, held, inputs or _NO_INPUTS)
