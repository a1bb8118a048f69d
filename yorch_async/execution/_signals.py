"""Exceptions by which the library leaves its own loops. No user ever sees one.

*Guarantees*: they carry what is needed to go on.
*Does not know*: who catches them.
"""

from collections.abc import Sequence
from typing import Any

from .._results import StepResult

__all__ = ["Answered", "Left", "Several", "Waits"]


class Left(Exception):
    """A node's first call has not simply succeeded. `raw` is what was answered, awaited already."""

    def __init__(self, raw: Any = None, following: int = 0) -> None:
        super().__init__()
        self.raw = raw
        self.following = following
        """The node to go on with, where this one is over already."""


class Several(Exception):
    """A node has ended by several errors."""

    def __init__(self, errors: Sequence[BaseException]) -> None:
        super().__init__()
        self.errors = errors


class Answered(Exception):
    """An element ends the node by its answer."""

    def __init__(self, answer: StepResult) -> None:
        super().__init__()
        self.answer = answer


class Waits(Exception):
    """What was not known to be awaited gave something to await, and others may go on meanwhile."""

    def __init__(self, awaitable: Any) -> None:
        super().__init__()
        self.awaitable = awaitable
