"""Nodes as they are recorded, one after the other: what all ways of placing one end in.

*Guarantees*: what is wrong with a placement alone is refused at its line; the tree is only recorded, in lists as long as it has nodes.
*Does not know*: handles, and rules between nodes.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from ._adapter import Adapter
from ._errors import RegistrationError, problem
from ._known import KnownTasks
from ._placed import Fanout, Placed, PlacedOptions, indexes_after, no_others, reads_others
from ._signature import name_of
from ._specs import Source
from ._tasks import Task, check_name
from ._types import UNKNOWN
from ._variants import with_condition

__all__ = ["Builder"]


class Builder:
    """What a tree is recorded in. It has state: the nodes so far."""

    def __init__(self) -> None:
        self.placed: list[Placed] = []
        """The nodes in the order of registration."""
        self._latest: list[int] = []
        """For each level, the node registered last."""
        self._known = KnownTasks()

    def place(
        self,
        parent: int,
        fn: Any,
        sources: tuple[Source, ...],
        *,
        adapters: Sequence[Adapter] = (),
        name: str | None = None,
        output: Any = UNKNOWN,
        managed: bool = False,
        fanout: Fanout = Fanout.AUTO,
        keep: bool = False,
        after: Any = (),
        when: Callable[..., Any] | None = None,
        is_join: bool = False,
        **unknown: Any,
    ) -> int:
        """Record a node below the one with the index `parent` (-1: as the root, or a join); its own index."""
        no_others(unknown, PlacedOptions, "managed")
        if isinstance(fn, Task):
            task = _ready(cast("Any", fn), sources, adapters, output is not UNKNOWN, managed)
        else:
            task = self._known.task(fn, sources, adapters=adapters, name=name, output=output, managed=managed)
        label = task.name if name is None else check_name(task.name, name)
        task = task if when is None else with_condition(task, when)
        if not isinstance(fanout, Fanout):
            raise RegistrationError(problem("unknown-fanout", label, object=repr(fanout)))
        if parent < 0 and self.placed and not is_join:
            first = self.placed[0]
            raise RegistrationError(problem("second-root", label, root=first.name or first.task.name))
        is_late = bool(task.accesses) and reads_others(self, label, task, parent, is_join=is_join)
        level = self.placed[parent].level + 1 if parent >= 0 else 0
        following = indexes_after(self, label, after) if after != () else ()
        is_late = is_late or any(each != parent for each in following)
        node = Placed(task, parent, level, name or _chosen(fn), fanout, bool(keep), following, is_late)
        if is_join and not is_late:
            raise RegistrationError(problem("join-nothing", label))
        index = len(self.placed)
        self.placed.append(node)
        self._latest[level : level + 1] = [index]
        return index

    def _parent_at(self, level: int, fn: Any) -> int:
        label = fn.name if isinstance(fn, Task) else name_of(fn)
        if isinstance(level, bool) or not isinstance(level, int):
            raise TypeError(f"level must be an integer, not {level!r}")
        if level == 0:
            return -1
        if not self.placed:
            raise RegistrationError(problem("first-node", label, given=level))
        last = self.placed[-1].level
        if not 1 <= level <= last + 1:
            raise RegistrationError(problem("level", label, given=level, last=last, limit=last + 1))
        return self._latest[level - 1]


def _ready(task: Task[Any], *given: Any) -> Task[Any]:
    """Check that nothing is given along with a Task that it has already."""
    what = [option for option, each in zip(("sources", "adapters", "output", "managed"), given, strict=True) if each]
    if what:
        raise RegistrationError(problem("already-bound", task.name, options=" or ".join(what)))
    return task


def _chosen(fn: Any) -> str | None:
    """The name of a ready Task, if it was chosen and not taken from the callable."""
    return fn.name if isinstance(fn, Task) and fn.named else None
