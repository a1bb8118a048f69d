"""Asking a user's policy or hook: it may be sync or async, and it has to answer.

*Guarantees*: what it raises propagates as it is; a missing answer is an error that names the one who was asked.
"""

import inspect
from typing import Any

from .._adapter import Attempt
from .._errors import ResultError, problem

__all__ = ["answered", "required"]


async def answered(answer: Any) -> Any:
    """What was answered, awaited if it has to be."""
    return await answer if inspect.isawaitable(answer) else answer


async def required(answer: Any, asked: str, attempt: Attempt) -> Any:
    """What was answered, which must not be None: a forgotten `return` would otherwise turn an error into a success."""
    result = await answered(answer)
    if result is None:
        raise ResultError(problem("no-answer", attempt.path, what=asked))
    return result
