"""One node at a time, depth first: a loop over the steps of a program, without recursion at any depth.

The steps stand in the order of the run and a subtree is a range, so going on is adding one, and leaving out a branch is a jump.

*Guarantees*: one output of a chain is alive at a time; on any way out the loop's own frame holds no output, so that a kept
traceback keeps none.
*Does not know*: adapters, observers, borrows; a node that has to do with them has its turn elsewhere.
"""

from time import perf_counter

from .._events import NodeSkipped
from .._results import FLOW, StepResult, StepStatus, TaskResult
from .._slots import EMPTY
from .._types import class_of
from ._outcome import Failure
from ._program import Step
from ._state import Run
from ._turn import SUCCESS, careful_turn, settle, turn

__all__ = ["run_serial"]

# Not needed for the result, only for speed: asking a class for a method that it does not have costs as much as a whole node.
_PLAIN = frozenset({type(None), bool, int, float, str, bytes, list, tuple, dict, set, StepResult, TaskResult})
"""Classes of which it is known that they cannot be awaited."""
_ANSWERS = FLOW | {StepStatus}
"""Classes of results that have to be looked at."""


async def run_serial(run: Run) -> None:
    """Run all nodes; the run's answer is then how it ended."""
    index = 0
    error: BaseException | None = None
    try:
        steps = run.program.steps
        careful = bool(run.observers) or run.check_borrows
        while index < len(steps):
            step = steps[index]
            started = perf_counter()
            status = await _one(run, step, careful=careful)
            if step.leaves:
                await run.leave(step.leaves, None)
            if status is StepStatus.SUCCESS:
                index += 1
            elif status is StepStatus.ABORT_BRANCH:
                await _skip(run, step)
                if index == 0:
                    return
                index = step.end
            else:
                _record(run, step, perf_counter() - started)
                return
        run.answer = SUCCESS
    except BaseException as raised:
        error = raised
        run.note(raised, index)
        run.kept.clear()
        raise
    finally:
        try:
            await run.finish(min(index, len(run.program.steps) - 1), error)
        except BaseException as late:
            run.kept.clear()
            run.remember(late)
            raise
        finally:
            del error


async def _one(run: Run, step: Step, *, careful: bool) -> StepStatus:
    """One node: its turn, what is released after it, where its output goes."""
    registers = run.registers
    if careful:
        value = await careful_turn(run, step)
    elif step.wrapped is not None:
        value = await turn(run, step)
    else:
        run.attempts = 1
        value = step.caller(step.fn, registers, step.operands)
        cls = class_of(value)
        if cls not in _PLAIN and hasattr(cls, "__await__"):
            value = await value
            cls = class_of(value)
        if step.strict or cls in _ANSWERS:
            value = settle(run, step, value)
        else:
            run.answer = SUCCESS
    for register in step.releases:
        registers[register] = EMPTY
    if value is not EMPTY:
        if step.out:
            registers[step.out] = value
        if step.keep:
            run.kept[step.index] = value
        value = EMPTY  # if what follows raises, this frame is in a traceback, which must not keep the output
    status = run.answer.status
    if step.stage is not None and status is StepStatus.SUCCESS:
        source, target, copier = step.stage
        registers[target] = copier(registers[source])
    return status


async def _skip(run: Run, step: Step) -> None:
    """Leave out everything below a node; what only nodes down there would have read is not needed any more."""
    skipped = run.program.steps[step.index + 1 : step.end]
    leaves: list[int] = []
    for each in skipped:
        for register in each.releases:
            run.registers[register] = EMPTY
        leaves.extend(each.leaves)
    _tell_skipped(run, step, step.end)
    if leaves:
        await run.leave(sorted(leaves, reverse=True), None)


def _record(run: Run, step: Step, elapsed: float) -> None:
    """Note the node that ends the run."""
    path, answer = run.path(step.index), run.answer
    failure = Failure(path, step.index, answer.status, answer.reason, answer.error, run.attempts, elapsed)
    run.failures.append(failure)
    _tell_skipped(run, step, len(run.program.steps))


def _tell_skipped(run: Run, step: Step, end: int) -> None:
    if run.observers:
        because = run.path(step.index)
        for index in range(step.index + 1, end):
            run.notify(NodeSkipped(index, run.path(index), because, perf_counter()))
