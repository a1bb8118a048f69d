"""Running generated code, and finding out where it was left.

The code keeps the objects of a run in its local names. When an exception comes out of it - a task's own, a cancellation, or the one
that says that a node has not simply succeeded - its frame is looked at as a debugger would: the line tells the node, the names
what is alive. Both go back to where the interpreter expects them, and the frame is emptied, because the traceback keeps it.

*Guarantees*: after a part of the code, however it ended, the registers hold exactly what the interpreter would have in them at that
place; the success path costs nothing for it.
*Does not know*: what the exception means.
"""

import sys
from functools import partial
from types import TracebackType
from typing import Any, cast

from .._copying import copy_of
from .._results import TaskResult
from .._slots import EMPTY, DirectOut
from ..plan import Code, Compiled, Part
from ._calls import take
from ._drive import drive
from ._interpret import node
from ._raised import cause_of, set_traceback, traceback_of
from ._settle import settled, written
from ._signals import Left
from ._state import SUCCESS, Run

__all__ = ["equip", "put_back"]


def put_back(run: Run, compiled: Compiled, error: BaseException) -> int:
    """Put everything back to where the interpreter expects it, when an exception has come out of a part of the code.

    The node to go on with, or ENDED. What has happened at that node, if it is to go on there, `run.left` tells.
    """
    trace = _inside(compiled, error)
    if trace is None and run.left is not None:  # it was closed, and `_closed` has seen to the rest
        run.is_closing, run.left = True, (None, error, run.left[2])
        return run.at
    cause = cause_of(error)
    if trace is None and issubclass(type(cause), StopIteration):
        # Python does not let that one out of a coroutine; the interpreter will meet it again where a task is called.
        error = cast("StopIteration", cause)
        trace = _inside(compiled, error)
    if trace is None:  # the call itself failed: the part has not begun
        run.leave_at(compiled.part.first, error, is_over=True)
        return run.at
    where = compiled.part.where[trace.tb_lineno - 1]
    frame = trace.tb_frame
    _put_back(run, compiled.part, dict(frame.f_locals), where)
    frame.clear()
    _ = frame.f_locals  # before Python 3.13 that is a copy, kept by the frame, and now made anew of nothing
    if where < 0 and type(error) is Left:
        return error.following
    set_traceback(error, trace)
    run.leave_at(where if where >= 0 else ~where, error, is_over=where < 0 or run.is_stuck)
    return run.at


def _closed(code: Code, run: Run, names: dict[str, Any]) -> None:
    """The same, called by the code itself when it is closed while it waits."""
    trace = cast("TracebackType", sys.exc_info()[2])
    part = next(each.part for each in code.compiled if each.code is trace.tb_frame.f_code)
    where = part.where[trace.tb_lineno - 1]
    _put_back(run, part, names, where)
    # Another one, because the traceback of the one that is passing keeps this frame, and so all that is in it.
    run.leave_at(where if where >= 0 else ~where, GeneratorExit(), is_over=where < 0)
    names.clear()


def _inside(compiled: Compiled, error: BaseException) -> TracebackType | None:
    """The entry of the traceback that stands for the code."""
    trace = traceback_of(error)
    while trace is not None and trace.tb_frame.f_code is not compiled.code:
        trace = trace.tb_next
    return trace


def _put_back(run: Run, part: Part, names: dict[str, Any], where: int) -> None:
    """Put what the code has in its local names into the registers."""
    at = where if where >= 0 else ~where
    for name, obj in names.items():
        home = part.homes.get(name)
        if home is not None:
            # What is to be moved out by this very node is None as soon as it was.
            is_called = home.born < at <= home.last and (home.taker != at or obj is not None)
            if is_called if where >= 0 else home.born <= at < home.last:
                run.slots[home.register] = obj
    if where >= 0 and "out" in names:
        sink = run.program.step(at).sink
        if sink:
            run.slots[sink] = names["out"]


def equip(code: Code) -> None:
    """Give code the helpers that it calls."""
    is_sync = code.variant.sync
    code.constants.update(
        DirectOut=DirectOut,
        EMPTY=EMPTY,
        SUCCESS=SUCCESS,
        TaskResult=TaskResult,
        closed=partial(_closed, code),
        copied=copy_of,
        leave=_leave_now if is_sync else _leave,
        plain=code.plain,
        node=_node_now if is_sync else _node,
        settled=_settled_now if is_sync else settled,
        taken=take,
        written=written,
    )


async def _node(run: Run, index: int) -> None:
    """A node that needs a turn of its own, from registers to registers."""
    following = await node(run, run.program.step(index))
    if following != index + 1 or run.rest is not None or run.verdict is not SUCCESS:
        raise Left(following=following)


async def _leave(run: Run, indexes: tuple[int, ...]) -> None:
    await run.leave(indexes, None)


def _node_now(run: Run, index: int) -> None:
    drive(_node(run, index), run)


def _settled_now(run: Run, index: int, raw: Any) -> Any:
    return drive(settled(run, index, raw), run)


def _leave_now(run: Run, indexes: tuple[int, ...]) -> None:
    drive(_leave(run, indexes), run)
