"""A node with another task in place of its own: one of those that its adapters may run instead.

*Guarantees*: what the other task reads is found where the plan has put it for this node.
*Does not know*: why it is run.
"""

from dataclasses import replace
from typing import Any

from .._tasks import Task
from ._calls import caller_of
from ._modes import STRICT
from ._program import Program, Step

__all__ = ["instead"]


def instead(program: Program, step: Step, task: Task[Any]) -> Step:
    """The step of the same node with this task, which must be one of the alternatives of the step's own."""
    first = len(step.task.used) - sum(len(each.accesses) for each in step.task.alternatives)
    for each in step.task.alternatives:
        if each is task:
            break
        first += len(each.accesses)
    else:
        raise ValueError(f"{task!r} is none of the alternatives that the adapters of '{step.task.name}' list")
    reads = step.reads[first : first + len(task.accesses)]
    caller, operands = caller_of(task, reads, 0)
    return replace(
        step,
        task=task,
        op=step.op._replace(more=step.op.more._replace(caller=caller, operands=operands)),
        wrapped=program.wrapped(task),
        strict=task.output.returns in STRICT,
        reads=reads,
    )
