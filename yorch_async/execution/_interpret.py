"""The loop over the operations of a program, and what follows a node that did more than succeed.

The operations stand in the order of the run and a subtree is a range, so going on is adding one, and leaving out a branch is a jump.

*Guarantees*: nodes that succeed at their first call never leave the loop; on any way out its own frame holds no output, so that a
kept traceback keeps none.
*Does not know*: in which way the nodes before and after were run.
"""

from time import perf_counter
from typing import Any

from .._events import NodeSkipped
from .._results import StepStatus
from .._slots import EMPTY, DirectOut
from ._outcome import Failure
from ._program import AWAIT, INTO_AWAIT, TURN, Step
from ._settle import settle, settled, written
from ._state import SUCCESS, Run
from ._turn import careful_turn, turn

__all__ = ["ENDED", "interpret", "node", "resume", "watch"]

ENDED = -1
"""In place of the next node: there is none, and the run's answer says why."""


async def interpret(run: Run, first: int) -> int:  # noqa: C901, PLR0912 - one loop, because a call per node would cost more than the node
    """Run nodes from one on, some of them; the one to go on with, or ENDED."""
    registers, kept = run.slots, run.kept
    number, offset = divmod(first, run.program.part)
    ops = run.program.parts[number]
    index, value = first, EMPTY
    try:
        for index, mode, fn, register, caller, operands, expected, clear, out, keep in ops[offset:] if offset else ops:
            if mode > AWAIT:
                if mode == TURN:
                    break
                registers[register] = DirectOut[Any](fn)
                value = caller(run.plan.tasks[index].fn, registers, operands)
                if mode == INTO_AWAIT:
                    value = await value
                if value is not None and value is not SUCCESS:
                    await settled(run, index, value)
                value = written(registers[register])
                registers[register] = EMPTY
            else:
                value = fn(registers[register]) if caller is None else caller(fn, registers, operands)
                if mode:
                    value = await value
                if type(value) not in expected:
                    value = await settled(run, index, value)
            if clear:
                if clear < 0:
                    break
                registers[clear] = EMPTY
            if out:
                registers[out] = value
            if keep:
                kept[index] = value
            value = EMPTY
        else:
            return index + 1
        run.at = index
    except BaseException as error:  # noqa: BLE001 - raised again in `resume`, where no adapter catches it
        value = EMPTY
        run.leave_at(index, error)
    if run.left is not None:
        return await resume(run, index)
    step = run.program.step(index)
    if step.op.mode == TURN:
        return await node(run, step)
    run.answer = SUCCESS
    return await _conclude(run, step, (value, value := EMPTY)[0])


async def node(run: Run, step: Step) -> int:
    """Run one node by a turn of its own."""
    run.at = step.index
    return await _conclude(run, step, await turn(run, step))


async def watch(run: Run, step: Step) -> int:
    """Run one node under the eyes of observers, or with what it borrows compared before and after."""
    run.at = step.index
    return await _conclude(run, step, await careful_turn(run, step))


async def resume(run: Run, index: int) -> int:
    """Go on where a node's first call has not simply succeeded: with its adapters, to which the call is replayed."""
    step = run.program.step(index)
    if step.wrapped is not None:
        return await _conclude(run, step, await turn(run, step))
    raw, error = run.take_left()
    try:
        if error is not None:
            raise error
        run.attempts = 1
        return await _conclude(run, step, settle(run, step, raw))
    finally:
        del raw, error  # the traceback of the error leads to this frame: it would be a cycle


async def _conclude(run: Run, step: Step, value: Any) -> int:
    """What follows a node that has answered: what is let go of, where its output goes, which node is next."""
    registers, op, rare, status = run.slots, step.op, step.rare, run.answer.status
    if op.keep and status is StepStatus.SUCCESS and (step.forwarded or value is not EMPTY):
        run.kept[op.index] = registers[step.forwarded] if step.forwarded else value
    for register in rare.releases:
        registers[register] = EMPTY
    if op.out:
        registers[op.out] = value
    value = EMPTY  # if what follows raises, this frame is in a traceback, which must not keep the output
    if rare.stage is not None and status is StepStatus.SUCCESS:
        source, target, copier = rare.stage
        registers[target] = copier(registers[source])
    if rare.leaves:
        await run.leave(rare.leaves, None)
    if status is StepStatus.SUCCESS:
        return op.index + 1
    if status is not StepStatus.ABORT_BRANCH:
        _record(run, step)
        return ENDED
    await _skip(run, step)
    return step.end if op.index else ENDED


async def _skip(run: Run, step: Step) -> None:
    """Leave out everything below a node; what only nodes down there would have read is not needed any more."""
    program, leaves = run.program, list[int]()
    for index in range(step.index + 1, step.end):
        op = program.op(index)
        # A register in which a skipped node would have put its output holds, if anything, what that node was to read last.
        for register in (op.out, *(program.rare[index].releases if op.clear < 0 else (op.clear,))):
            if register:
                run.slots[register] = EMPTY
        if op.clear < 0:
            leaves.extend(program.rare[index].leaves)
    _tell_skipped(run, step, step.end)
    if leaves:
        await run.leave(sorted(leaves, reverse=True), None)


def _record(run: Run, step: Step) -> None:
    """Note the node that ends the run."""
    path, answer = run.path(step.index), run.answer
    elapsed = perf_counter() - run.started
    run.failures.append(Failure(path, step.index, answer.status, answer.reason, answer.error, run.attempts, elapsed))
    _tell_skipped(run, step, len(run.plan))


def _tell_skipped(run: Run, step: Step, end: int) -> None:
    if run.observers:
        because = run.path(step.index)
        for index in range(step.index + 1, end):
            run.notify(NodeSkipped(index, run.path(index), because, perf_counter()))
