"""What a runner of a concurrent run has of its own.

*Guarantees*: nothing of it is shared with another runner.
*Does not know*: which nodes run in it.
"""

from ._state import Run
from ._watch import Watch

__all__ = ["Lane"]


class Lane:
    """What a runner has of its own: a state for the node that it runs, and a view of its task."""

    __slots__ = ("is_host", "run", "watch")

    def __init__(self, run: Run, watch: Watch, *, is_host: bool) -> None:
        self.run = run
        self.watch = watch
        self.is_host = is_host
        """Whether the task is that of the caller."""
