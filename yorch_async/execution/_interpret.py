"""The loop over the operations of a program, and what follows a node that did more than succeed.

The operations stand in the order of the run and a subtree is a range, so going on is adding one, and leaving out a branch is a jump.

*Guarantees*: nodes that succeed at their first call never leave the loop; on any way out its own frame holds no output, so that a
kept traceback keeps none.
*Does not know*: in which way the nodes before and after were run.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from .._events import NodeSkipped
from .._results import StepStatus
from .._slots import EMPTY, DirectOut
from ._conditions import UNMET
from ._modes import CALL, CALL_AWAIT, INTO, INTO_AWAIT, LENT, LENT_AWAIT, TAKEN, TURN
from ._outcome import Failure
from ._program import More, Step
from ._raised import raise_as_it_is
from ._rest import Rest
from ._settle import settle, settled, written
from ._state import SUCCESS, Run
from ._turn import careful_turn, turn

__all__ = ["ENDED", "interpret", "into", "node", "replay", "resume", "watch", "write"]

ENDED = -1
"""In place of the next node: there is none, and the run's answer says why."""


async def _go_on(run: Run, first: int) -> int:
    """Run the rest of a graph in which something is left out; ENDED, or the number of nodes."""
    await _skip(run, run.program.step(first - 1))
    for index in range(first, run.program.size):
        step = run.program.step(index)
        if index not in run.rest.dead and not await run.rest.node(step):
            if run.answer.status is not StepStatus.ABORT_BRANCH:
                _record(run, step)
                return ENDED
            await _skip(run, step)
    return run.program.size


async def interpret(run: Run, first: int) -> int:  # noqa: C901, PLR0912 - one loop, because a call per node would cost more than the node
    """Run nodes from one on, some of them; the one to go on with, or ENDED."""
    registers = run.slots
    number, offset = divmod(first, run.program.part)
    ops, empty = run.program.ops(number), EMPTY
    value: Any = empty
    more: More = ops[offset][-1]
    try:
        for mode, fn, register, expected, clear, target, more in ops[offset:] if offset else ops:
            if mode == LENT:
                value = fn(registers[register])
            elif mode == LENT_AWAIT:
                value = await fn(registers[register])
            elif mode < CALL:
                value, registers[register] = registers[register], empty
                if mode == TAKEN:
                    value = fn((value, value := empty)[0])
                else:
                    pending, value = fn(value), empty
                    value = await pending
            elif mode < INTO:
                value = more[1](fn, registers, more[2])  # its caller, its operands
                if mode == CALL_AWAIT:
                    value = await value
            elif mode == TURN:
                break
            else:
                value = into(run, register, more)
                if mode == INTO_AWAIT:
                    value = await value
                value = await write(run, register, more, value)
            if type(value) not in expected and mode < INTO:
                value = await settled(run, more.at, value)
            if clear:
                if clear < 0:
                    break
                registers[clear] = empty
            if target > 0:
                registers[target] = value
            elif target:
                run.kept[~target] = value  # by no name of its own: tracebacks that are kept may keep this frame
            value = empty
        else:
            return more.at + 1
        run.at = more.at
    except BaseException as error:  # noqa: BLE001 - raised again in `resume`, where no adapter catches it
        value = EMPTY
        run.leave_at(more.at, error)
    if run.left is not None:
        return await resume(run)
    step = run.program.step(run.at)
    if step.op.mode == TURN:
        return await node(run, step)
    run.answer = SUCCESS
    return await _conclude(run, step, (value, value := EMPTY)[0])


def into(run: Run, register: int, more: More) -> Any:
    """Call a direct-output task."""
    run.slots[register] = DirectOut[Any](more.sink)
    return more.caller(run.plan.tasks[more.at].fn, run.slots, more.operands)


async def write(run: Run, register: int, more: More, raw: Any) -> Any:
    """The output that a direct-output task wrote."""
    if raw is not None and raw is not SUCCESS:
        await settled(run, more.at, raw)
    obj = written(run.slots[register])
    run.slots[register] = EMPTY
    return obj


async def node(run: Run, step: Step) -> int:
    """Run one node by a turn of its own."""
    run.at = step.index
    return await _conclude(run, step, await turn(run, step))


async def watch(run: Run, index: int) -> int:
    """Run one node under the eyes of observers, or with what it borrows compared before and after; or the rest of a graph."""
    if run.rest is not None:
        return await _go_on(run, index)
    run.at, step = index, run.program.step(index)
    return await _conclude(run, step, await careful_turn(run, step))


async def resume(run: Run) -> int:
    """Go on where a node's first call has not simply succeeded."""
    step = run.program.step(run.at)
    return await _conclude(run, step, await replay(run, step))


async def replay(run: Run, step: Step) -> Any:
    """The output of a node whose first call has not simply succeeded, or EMPTY: what its adapters make of that call."""
    if step.wrapped is not None and run.left is not None and not run.left[2]:
        return await turn(run, step)
    raw, error = run.take_left()
    run.attempts = 1
    try:
        if error is not None:
            raise_as_it_is(error)
        return settle(run, step, raw)
    finally:
        del raw, error  # the traceback of the error leads to this frame: it would be a cycle


async def _conclude(run: Run, step: Step, value: Any) -> int:
    """What follows a node that has answered: what is let go of, where its output goes, which node is next."""
    registers, op, rare, status = run.slots, step.op.more, step.rare, run.answer.status
    if op.keep and status is StepStatus.SUCCESS and (step.forwarded or value is not EMPTY):
        run.kept[op.at] = registers[step.forwarded] if step.forwarded else value
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
        return op.at + 1
    if status is not StepStatus.ABORT_BRANCH:
        _record(run, step)
        return ENDED
    return await _skip(run, step)


async def _skip(run: Run, step: Step) -> int:
    """Leave out everything that depends on a node; the one to go on with, or ENDED."""
    index = step.index
    if not run.plan.layout.links:
        await _jump(run, step)
        return step.end if index else ENDED
    cut_off, rest = run.plan.layout.cut_off, run.rest
    dead: Sequence[int] = cut_off(index) if rest is None else cut_off(index, rest.dead)
    # What a managed node has read was to stay for the time of its resource.
    if rest is None and (dead or (step.task.managed and index + 1 < run.program.size)):
        # Nothing is let go of before `_go_on`: until then generated code may hold outputs under names of its own.
        run.rest = Rest(run, index)
        return index + 1
    if rest is not None and (dead or rest.is_new):
        await rest.cut(dead)
    _tell_skipped(run, step, dead)
    if index == 0:
        run.verdict = run.answer
    return index + 1


async def _jump(run: Run, step: Step) -> None:
    """Leave out everything below a node of a tree; what only nodes down there would have read is not needed any more."""
    program, leaves = run.program, list[int]()
    for index in range(step.index + 1, step.end):
        op = program.op(index)
        # A register in which a skipped node would have put its output holds, if anything, what that node was to read last.
        for register in (op.more.out, *(program.rare[index].releases if op.clear < 0 else (op.clear,))):
            if register:
                run.slots[register] = EMPTY
        if op.clear < 0:
            leaves.extend(program.rare[index].leaves)
    _tell_skipped(run, step, range(step.index + 1, step.end))
    if leaves:
        await run.leave(sorted(leaves, reverse=True), None)


def _record(run: Run, step: Step) -> None:
    """Note the node that ends the run."""
    path, answer = run.path(step.index), run.answer
    elapsed = perf_counter() - run.started
    failure = Failure(path, step.index, answer.status, answer.reason, answer.error, run.attempts, elapsed)
    run.failures = (*run.failures, failure)
    rest = range(step.index + 1, len(run.plan))
    _tell_skipped(run, step, rest if run.rest is None else [index for index in rest if index not in run.rest.dead])


def _tell_skipped(run: Run, step: Step, indexes: Sequence[int]) -> None:
    """Note what is left out because of a node, which is one of them if its condition did not hold."""
    is_unmet = run.answer is UNMET
    run.leave_out(step.index, is_unmet=is_unmet)
    if run.observers:
        indexes = [step.index, *indexes] if is_unmet else indexes
        because = run.path(step.index)
        for index in indexes:
            run.notify(NodeSkipped(index, run.path(index), because, perf_counter()))
