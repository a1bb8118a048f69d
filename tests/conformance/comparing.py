"""What was recorded against what was seen: the first difference in words, or nothing.

*Guarantees*: every recorded event but the filling of a slot is compared, in order; a recorded release is a latest moment.
*Does not know*: how anything was run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .facts import Facts
from .recording import Life
from .records import Event, Expected

LIVES: Final = {"slot_set": "slot", "slot_clear": "slot", "stage_set": "stage", "stage_clear": "stage"}
COPIES: Final = ("slot", "stage", "value", "ctx")


@dataclass(frozen=True)
class Seen:
    """What one run did. `late`: outputs that were alive although the run had returned and nobody asked to keep them."""

    status: str
    attempts: Mapping[str, int]
    context: Mapping[str, Any]
    externals: Mapping[str, Any]
    copies: Mapping[str, int]
    events: list[Event]
    lives: list[Life]
    late: list[str]
    alive: int
    kept: Mapping[str, Any]


@dataclass
class Recorded:
    """The comparable part of a trace, and of each object's life the latest number of events at its end."""

    events: list[Event] = field(default_factory=list[Event])
    latest: dict[tuple[str, str], list[int | None]] = field(default_factory=dict[tuple[str, str], list[int | None]])


def recorded(trace: tuple[Event, ...]) -> Recorded:
    """Split a trace into what is compared in order and what bounds lives."""
    found = Recorded()
    for number, event in enumerate(trace):
        kind = LIVES.get(event["ev"])
        if kind is not None:
            ends = found.latest.setdefault((kind, event["node"]), [])
            if event["ev"].endswith("_set") or not ends:
                ends.append(None)
            if event["ev"].endswith("_clear"):
                ends[-1] = len(found.events)
        if event["ev"] not in ("slot_set", "slot_clear", "stage_clear") and not _is_lost_move(trace, number):
            found.events.append(event)
    return found


def _is_lost_move(trace: tuple[Event, ...], number: int) -> bool:
    """A move for an attempt whose other arguments failed: no body starts, so nobody can see it."""
    event = trace[number]
    if event["ev"] != "move":
        return False
    later = next((other for other in trace[number + 1 :] if other["ev"] not in ("move", "copy")), None)
    return later is None or (later["ev"], later.get("node")) != ("enter", event["node"])


def first_difference(expected: Expected, seen: Seen, facts: Facts, *, ordered: bool, keeps_leaves: bool) -> str | None:
    """The first difference, or None."""
    known = recorded(expected.trace)
    spared = facts.kept if keeps_leaves else frozenset[str]()
    tries: list[Callable[[], str | None]] = [
        lambda: _events(known.events, seen.events) if ordered else _events_by_node(known.events, seen.events),
        lambda: _one("status", expected.status, seen.status),
        lambda: _one("attempts", dict(expected.attempts), {name: seen.attempts.get(name, 0) for name in expected.attempts}),
        lambda: _one("context", dict(expected.context), dict(seen.context)),
        lambda: _one("externals", dict(expected.externals), dict(seen.externals)),
        lambda: _one("copies", dict.fromkeys(COPIES, 0) | dict(expected.copies), {k: seen.copies.get(k, 0) for k in COPIES}),
        lambda: _lives(known, seen, spared, ordered=ordered),
        lambda: _kept(expected, seen, facts) if keeps_leaves else None,
    ]
    return next((found for found in (attempt() for attempt in tries) if found is not None), None)


def end_difference(expected: Expected, seen: Seen) -> str | None:
    """The same where the order of siblings decides what happens: only how it ends, and that nothing is left, can be compared."""
    if (expected.status == "success") is not (seen.status == "success"):
        return _one("status", expected.status, seen.status)
    return _nothing_left(seen)


def _nothing_left(seen: Seen) -> str | None:
    if seen.late:
        return f"outputs: expected to be released when the run returns, got {', '.join(seen.late)} alive"
    return _one("objects alive after all", 0, seen.alive)


def _one(what: str, expected: Any, seen: Any) -> str | None:
    return None if expected == seen else f"{what}: expected {expected}, got {seen}"


def _events(expected: list[Event], seen: list[Event]) -> str | None:
    for number in range(max(len(expected), len(seen))):
        wanted = expected[number] if number < len(expected) else None
        got = seen[number] if number < len(seen) else None
        if wanted is None or got is None or not _same(wanted, got):
            return f"event {number}: expected {_words(wanted)}, got {_words(got)}"
    return None


def _same(wanted: Event, got: Event) -> bool:
    """Equal events; a copy for a body that never started may be for any node."""
    if got["ev"] == "copy" and got["node"] is None:
        return wanted == {**got, "node": wanted.get("node")}
    return wanted == got


def _words(event: Event | None) -> str:
    if event is None:
        return "the end"
    return f"{event['ev']}({', '.join(f'{key}={value!r}' for key, value in event.items() if key != 'ev')})"


def _events_by_node(expected: list[Event], seen: list[Event]) -> str | None:
    for name in dict.fromkeys(event.get("node") for event in (*expected, *seen)):
        found = _events([e for e in expected if e.get("node") == name], [e for e in seen if e.get("node") == name])
        if found is not None:
            return f"{name}: {found}"
    return None


def _lives(known: Recorded, seen: Seen, spared: frozenset[str], *, ordered: bool) -> str | None:
    lives: dict[tuple[str, str], list[Life]] = {}
    for life in seen.lives:
        lives.setdefault((life.kind, life.node), []).append(life)
    for kind, node in dict.fromkeys((*known.latest, *lives)):
        ends, found = known.latest.get((kind, node), []), lives.get((kind, node), [])
        if len(ends) != len(found):
            return f"the {kind} of {node}: expected to be filled {len(ends)} times, got {len(found)}"
        if ordered and node not in spared:
            for end, life in zip(ends, found, strict=True):
                if end is not None and (life.ended is None or life.ended > end):
                    return f"the {kind} of {node}: expected to be released {_before(known, end)}, got {_moment(seen, life)}"
    return _nothing_left(seen)


def _before(known: Recorded, end: int) -> str:
    return f"before event {end}" + (f", {_words(known.events[end])}" if end < len(known.events) else ", the end")


def _moment(seen: Seen, life: Life) -> str:
    if life.ended is None:
        return "never"
    return f"after event {life.ended - 1}, {_words(seen.events[life.ended - 1])}"


def _kept(expected: Expected, seen: Seen, facts: Facts) -> str | None:
    if expected.status != "success":
        return None
    for name, wanted in _leaf_values(expected, facts):
        if seen.kept.get(name, "nothing") != wanted:
            return f"result[{name!r}]: expected {wanted}, got {seen.kept.get(name, 'nothing')}"
    return None


def _leaf_values(expected: Expected, facts: Facts) -> Iterator[tuple[str, Any]]:
    """The outputs that leaves are known to have: from their last event."""
    last = {event["node"]: event for event in expected.trace if event["ev"] in ("exit", "catch", "on_exhausted")}
    for name, event in last.items():
        if name in facts.leaves and facts.owner.get(name) == name:
            match event:
                case {"ev": "exit", "outcome": "success", "value": found}:
                    yield name, found
                case {"ev": "catch", "returns": "value", "layer": layer}:
                    yield name, facts.fallback_value(name, layer)
                case _:
                    pass


def is_early(expected: Expected, seen: Seen) -> bool:
    """Whether something was released before its recorded moment."""
    known = recorded(expected.trace)
    lives: dict[tuple[str, str], list[Life]] = {}
    for life in seen.lives:
        lives.setdefault((life.kind, life.node), []).append(life)
    return any(
        end is not None and life.ended is not None and life.ended < end
        for place, ends in known.latest.items()
        for end, life in zip(ends, lives.get(place, ()), strict=False)
    )
