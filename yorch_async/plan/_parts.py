"""What generated code consists of, as values.

*Guarantees*: enough is said of a part to find out, from a line and the local names, which node was left and what was alive.
*Does not know*: how the text is written, and who runs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ._names import Names
from ._schedule import Endings, Keep, Schedule

__all__ = ["Home", "Part", "Shared", "Unseen", "Variant"]


class Unseen:
    """Stands for the class of a result before the first one was seen."""


class Variant(NamedTuple):
    """What the code of a plan depends on, besides the plan.

    `sync`: nothing is awaited; `held`: the context can be looked through beforehand, so its objects are fetched once a part.
    """

    keep: Keep
    sync: bool
    held: bool


@dataclass(frozen=True, slots=True)
class Home:
    """A local name and the register that it stands for, from the node after which it is there to the last one that needs it.

    `taker` is the node that moves it out, if one does.
    """

    name: str
    register: int
    born: int
    last: int
    taker: int


@dataclass(frozen=True, slots=True)
class Part:
    """The code of the nodes from `first` up to `end`."""

    function: str
    first: int
    end: int
    source: str
    where: tuple[int, ...]
    """For each line the node that it belongs to: `index` while its task is called, `~index` before and after that."""
    homes: Mapping[str, Home]
    """By the local name."""


class Shared(Protocol):
    """What the parts of a plan's code have in common."""

    schedule: Schedule
    variant: Variant
    names: Names
    endings: Endings
    constants: dict[str, Any]
    seen: dict[int, str]

    def constant(self, wanted: str, obj: Any) -> str:
        """The global name of an object."""
        ...
