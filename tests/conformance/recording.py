"""The log of one run, and the boxes that write into it when they are copied and when nobody holds them any more.

*Guarantees*: every object knows where it came from, so that a copy is told by its original and a loan by its identity.
*Does not know*: what was expected.

A box is released when its last reference goes, which CPython does at that very moment: `Box.__del__` is the observer.
"""

from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from .facts import Facts
from .records import Event, NodeRecord, Source
from .values import Content, plain


class ScriptedError(Exception):
    """What a task body or a copy raises because the vector says so."""


@dataclass(eq=False)
class Life:
    """One object's time in a slot or on a stage. `ended`: how many events had been seen by then."""

    kind: str
    node: str
    ended: int | None = None


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a box came from: a `slot` or `stage` of a node, the `ctx`, a stored `value`, an `external`, or a `copy` of another.

    All are equal: for whoever compares boxes part by part, as check_borrows does, this is no part of what they hold.
    """

    kind: str
    of: str
    life: Life | None = None
    original: "Origin | None" = None
    event: Event | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return hash(Origin)


class Run:
    """What one run does, in order, as far as it can be seen from outside the library."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.events: list[Event] = []
        self.attempts: Counter[str] = Counter()
        self.copies: Counter[str] = Counter()
        self.lives: list[Life] = []
        self.alive = 0
        self._fragile_copies = 0

    def log(self, ev: str, **fields: Any) -> Event:
        """Write one event down."""
        event: Event = {"ev": ev, **fields}
        self.events.append(event)
        return event

    def output(self, node: str) -> Origin:
        """The origin of an object that a node makes as its output."""
        return Origin("slot", node, self._life("slot", node))

    def copy(self, box: "Box") -> Origin:
        """The origin of a copy that is being made. A copy that fails leaves nothing behind, and counts only as a failure."""
        origin = box.origin
        if box.type == "fragile":
            self._fragile_copies += 1
            if self._fragile_copies - 1 in self.facts.copy_failures:
                self.log("copy_throws", **{"from": origin.kind})
                raise ScriptedError("the copy fails")
        self.copies[origin.kind] += 1
        if origin.kind == "slot" and origin.of in self.facts.stage:
            stage = self.facts.stage[origin.of]
            self.log("stage_set", node=stage)
            return Origin("stage", stage, self._life("stage", stage))
        event = None
        if origin.kind not in ("ctx", "value"):
            # Which node the copy is for shows when its body starts with it.
            event = self.log("copy", **{"from": origin.kind, "of": origin.of, "node": None})
        return Origin("copy", "", None, origin, event)

    def meet(self, node: NodeRecord, boxes: list["Box"]) -> None:
        """A body starts with these objects: are they the ones that its sources stand for? Completes copies, notes moves."""
        for number, (source, box) in enumerate(zip(node.sources, boxes, strict=True)):
            origin = box.origin
            if origin.event is not None and origin.event["node"] is None:
                origin.event["node"] = node.name
            if not self._is_right(node, source, origin):
                self.log(
                    "wrong_object", node=node.name, element=number, wanted=source.spec, got=f"{origin.kind} {origin.of}"
                )
            elif source.spec == "consume_prev" and source.param != "rref":
                self.log("move", **{"node": node.name, "from": "slot", "of": origin.of})

    def _is_right(self, node: NodeRecord, source: Source, origin: Origin) -> bool:
        copied = source.spec == "copy_prev" or (
            source.spec in ("value", "from_ctx") and source.param in ("value", "const_value")
        )
        if copied:
            if origin.original is None:
                return False
            origin = origin.original
        match source.spec:
            case "from_ctx":
                return (origin.kind, origin.of) == ("ctx", source.key)
            case "value_ref":
                return (origin.kind, origin.of) == ("external", source.external)
            case "value":
                return origin.kind == "value" and origin.of.startswith(f"{node.name}.")
            case _:
                owner = self.facts.read_by(node.name)
                staged = self.facts.stage.get(owner or "") if source.spec == "copy_prev" else None
                return (origin.kind, origin.of) == (("slot", owner) if staged is None else ("stage", staged))

    def _life(self, kind: str, node: str) -> Life:
        life = Life(kind, node)
        self.lives.append(life)
        return life

    def released(self, origin: Origin) -> None:
        """Nobody holds that object any more."""
        self.alive -= 1
        if origin.life is not None:
            origin.life.ended = len(self.events)


RUN: Final[ContextVar[Run | None]] = ContextVar("RUN", default=None)
"""The run that the current code belongs to: nodes start with the run's variables, so two runs at once stay apart."""


def current_run() -> Run:
    """The run that the current code belongs to."""
    run = RUN.get()
    assert run is not None, "a body was called outside of a run"
    return run


class Box:
    """A mutable object with identity that holds one value. Each tree makes subclasses of its own, with its methods on them."""

    __slots__ = ("__weakref__", "content", "origin", "run")
    type: ClassVar[str]

    def __init__(self, content: Content, origin: Origin) -> None:
        self.content = content
        self.origin = origin
        self.run = RUN.get()
        if self.run is not None:
            self.run.alive += 1

    def __deepcopy__(self, memo: Mapping[int, object]) -> "Box":
        run = RUN.get()
        if run is None:
            raise AssertionError("an object was copied outside of a run")
        return type(self)(self.content, run.copy(self))

    def __copy__(self) -> "Box":
        raise AssertionError("a shallow copy was made")

    def __del__(self) -> None:
        # An object whose construction failed has no run; one that exists before the run belongs to none.
        run = getattr(self, "run", None)
        if run is not None:
            run.released(self.origin)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({plain(self.content)!r})"
