"""The lines of a vector file as typed records.

*Guarantees*: a record holds only what the format names; a field with a closed set of values holds one of them.
*Does not know*: JSON, and the library under test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from .values import Content

STATUSES: Final = ("success", "failure", "retry", "abort_branch", "abort_execution")
PREV_SPECS: Final = ("borrow_prev", "borrow_prev_mut", "copy_prev", "consume_prev")
EXCLUSIVE: Final = ("borrow_prev_mut", "consume_prev")

Event: TypeAlias = dict[str, Any]
Portable = Literal["yes", "declared", "no"]
Stage = Literal["registration", "compile_plan", "run"]


class FormatError(Exception):
    """A line says something that the format does not."""


@dataclass(frozen=True)
class Source:
    """Where one argument, or the receiver, comes from; `param` is how the parameter takes it."""

    spec: str
    type: str
    param: str
    key: str = ""
    value: Content = 0
    external: str = ""


@dataclass(frozen=True)
class Catch:
    """A catch adapter with its fallback."""

    policy: str
    status: str = ""
    value: Any = None


@dataclass(frozen=True)
class Retry:
    """A retry adapter with its policy; `n` for the counting ones, `answers` and the hook for a custom one."""

    policy: str
    n: int = 0
    answers: tuple[bool, ...] = ()
    on_exhausted: str | None = None


@dataclass(frozen=True)
class Unsuitable:
    """An adapter or a policy that the vector only describes: an object of the wrong kind. `within` is `catch`, `retry` or empty."""

    text: str
    within: str = ""


AdapterRecord: TypeAlias = Catch | Retry | Unsuitable


@dataclass(frozen=True)
class Mistakes:
    """What only a tree that shall be refused says of a node. `sink_position` is `unsaid` where the kind decides."""

    parameter_count: int | None = None
    sink_position: int | Literal["unsaid"] | None = "unsaid"
    sink_type: str | None = None
    placed_as: str | None = None
    receiver_class: str | None = None
    callable: str | None = None


@dataclass(frozen=True)
class NodeRecord:
    """One node, in the words of the format."""

    name: str
    index: int
    level: int
    kind: str
    receiver: Source | None
    args: tuple[Source, ...]
    output: str
    returns: str
    k: int
    script: tuple[str, ...]
    adapters: tuple[AdapterRecord, ...]
    fanout: str
    emplace: str
    registration: str
    mistakes: Mistakes = Mistakes()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The receiver, if any, and the arguments."""
        return self.args if self.receiver is None else (self.receiver, *self.args)


@dataclass(frozen=True)
class Held:
    """An object that exists before the run: in the context under a key, or the caller's own under a name."""

    name: str
    type: str
    init: Content


@dataclass(frozen=True)
class TreeRecord:
    """A tree and what is around it. `copy_failures`: which copies of fragile objects fail, counted over the run."""

    nodes: tuple[NodeRecord, ...]
    context: tuple[Held, ...] = ()
    externals: tuple[Held, ...] = ()
    copy_failures: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Expected:
    """What running a tree did."""

    status: str
    attempts: Mapping[str, int]
    context: Mapping[str, Any]
    externals: Mapping[str, Any]
    copies: Mapping[str, int]
    trace: tuple[Event, ...]


@dataclass(frozen=True)
class PlanFacts:
    """What the plan of a valid tree is known to be; `slots` is the number that the compact layout needs."""

    parents: tuple[int | None, ...]
    max_level: int
    slots: int


@dataclass(frozen=True)
class Valid:
    """A tree that runs, and what running it did: one or more recordings, of the policies that agree on each."""

    id: str
    tree: TreeRecord
    plan: PlanFacts
    expected: tuple[Expected, ...]


@dataclass(frozen=True)
class Judged:
    """A tree that is refused at `rejected_at`, or accepted where that is None. Without `tree` there is nothing to build."""

    id: str
    rule: str
    tree: TreeRecord | None
    rejected_at: Stage | None
    portable: Portable
    note: str = ""


Record: TypeAlias = Valid | Judged
