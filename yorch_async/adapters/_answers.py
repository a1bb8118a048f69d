"""Answers that adapters give in place of the task: those of a user's policy or hook, and those that are written down beforehand.

*Guarantees*: what a policy or hook raises propagates as it is; a missing answer is an error that names the one who was asked; an
answer that has no place at the task is refused where it is registered.
*Does not know*: when it is given.
"""

import inspect
from dataclasses import replace
from typing import Any, cast

from .._adapter import Attempt, TaskTraits
from .._errors import RegistrationError, ResultError, problem
from .._results import StepResult, StepStatus, TaskResult
from .._types import either

__all__ = ["answered", "may_answer", "required", "status_of", "written_answer"]


async def answered(answer: Any) -> Any:
    """What was answered, awaited if it has to be."""
    return await answer if inspect.isawaitable(answer) else answer


async def required(answer: Any, asked: str, attempt: Attempt) -> Any:
    """What was answered, which must not be None: a forgotten `return` would otherwise turn an error into a success."""
    result = await answered(answer)
    if result is None:
        raise ResultError(problem("no-answer", attempt.path, what=asked))
    return result


def status_of(answer: Any) -> StepStatus:
    """The status of an answer; a value is a success."""
    return answer.status if isinstance(answer, StepResult | TaskResult) else StepStatus.SUCCESS


def written_answer(answer: Any, instead: str) -> Any:
    """Check an answer where it is written: a function is one only by mistake, because nobody calls it."""
    if callable(answer):
        raise TypeError(f"{answer!r} would be answered as it is, and not called; {instead}")
    return answer


def may_answer(traits: TaskTraits, adapter: str, answer: Any) -> TaskTraits:
    """What a task answers about itself if it may also give this answer. Raises `RegistrationError` where there is no place for it."""
    if status_of(answer) is not StepStatus.SUCCESS:
        return replace(traits, may_retry=traits.may_retry or status_of(answer) is StepStatus.RETRY)
    if answer is None or isinstance(answer, StepResult):
        if traits.kind == "task_into":
            _refuse(traits, adapter, answer)
        return traits
    if not traits.gives_value:
        _refuse(traits, adapter, answer)
    value = cast("Any", answer).value if isinstance(answer, TaskResult) else answer
    return replace(traits, output=either(traits.output, type(value)))


def _refuse(traits: TaskTraits, adapter: str, answer: Any) -> None:
    if traits.kind == "task":
        declared = f"it is declared to return {traits.returns}"
    else:
        declared = f"the output of a {traits.kind} is not what it returns"
    raise RegistrationError(problem("answer-value", traits.task, adapter=adapter, answer=repr(answer), declared=declared))
