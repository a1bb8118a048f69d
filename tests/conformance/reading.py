"""JSON lines in, records out: what kind of line it is, is told by its content alone.

*Guarantees*: every field is read or refused by name; a line is judged by itself.
*Does not know*: files, and what is done with a record.
"""

from collections.abc import Mapping
from typing import Any, Final

from .fields import Fields, boolean, integer, one_of
from .matrix import read_row
from .records import (
    PREV_SPECS,
    STATUSES,
    AdapterRecord,
    Catch,
    Event,
    Expected,
    FormatError,
    Held,
    Judged,
    Mistakes,
    NodeRecord,
    PlanFacts,
    Record,
    Retry,
    Source,
    TreeRecord,
    Unsuitable,
    Valid,
)
from .values import TYPES

KINDS: Final = ("regular", "direct_output", "forward_prev")
PARAMS: Final = ("cref", "mref", "value", "rref", "converted", "const_value")
FANOUTS: Final = ("auto", "shared_readonly", "consume_with_copies", "unknown")
OUTCOMES: Final = (*STATUSES, "throw")
NUMBERS: Final = ("int", "long", "short", "unsigned", "float", "double")
"""What an argument may ask for beside the four types: a number that is of no output's type."""

EVENTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    event: (tuple(always.split()), tuple(sometimes.split()))
    for event, always, sometimes in (
        ("enter", "node attempt args", ""),
        ("exit", "node attempt outcome", "value mutated"),
        ("slot_set", "node", ""),
        ("slot_clear", "node moved_from", ""),
        ("stage_set", "node", ""),
        ("stage_clear", "node", ""),
        ("copy", "node from of", ""),
        ("move", "node from of", ""),
        ("copy_throws", "from", ""),
        ("catch", "node layer returns", ""),
        ("should_retry", "node layer count answer", ""),
        ("on_exhausted", "node layer returns", ""),
    )
}


def read_line(raw: Any) -> Record:
    """The record of one line: a valid vector, an invalid one or a control, or a cell of a rule table."""
    line = Fields(raw, "line")
    id_ = line.of(str, "id")
    line.where = id_
    if "matrix" in line:
        return read_row(id_, line)
    if "expected" in line or "expected_by_policy" in line:
        return _valid(id_, line)
    if "rejected_at" in line:
        return _judged(id_, line)
    raise FormatError("is neither a valid vector, nor an invalid one, nor a control, nor a cell of a rule table")


def _valid(id_: str, line: Fields) -> Valid:
    line.of(str, "family")
    tree = _tree(line)
    for node in tree.nodes:
        if node.mistakes != Mistakes() or node.fanout == "unknown" or any(isinstance(a, Unsuitable) for a in node.adapters):
            raise FormatError(f"node {node.name} holds what only a refused tree may hold")
    plan = _plan(line)
    policies = line.each("policies", lambda raw, _: str(raw))
    if line.of(bool, "policies_agree") != ("expected" in line):
        raise FormatError("'policies_agree' contradicts 'expected'")
    if "expected" in line:
        expected: tuple[Expected, ...] = (_expected(line.take("expected"), "expected", tree),)
    else:
        by_policy = line.mapping("expected_by_policy")
        if set(by_policy) != set(policies):
            raise FormatError("'expected_by_policy' does not name the policies")
        expected = tuple(_expected(raw, f"expected_by_policy[{policy}]", tree) for policy, raw in by_policy.items())
    line.end()
    return Valid(id_, tree, plan, expected)


def _judged(id_: str, line: Fields) -> Judged:
    rule = line.of(str, "rule")
    note = line.of(str, "note", "")
    line.each("library_test", lambda raw, _: str(raw), [])
    stage = line.choice("rejected_at", ("registration", "compile_plan", "run", None))
    portable = line.choice("portable", ("yes", "declared", "no"))
    if line.is_null("nodes") or portable == "no":
        # What has no meaning outside of C++ is written in words of its own; it is not tried, so it is not read either.
        tree = None if line.is_null("nodes") else TreeRecord(())
        for name in ("nodes", "context", "externals"):
            line.take(name, None)
    else:
        tree = _tree(line)
    line.end()
    return Judged(id_, rule, tree, stage, portable, note)


def _tree(line: Fields) -> TreeRecord:
    externals = line.each("externals", lambda raw, where: _held(Fields(raw, where), "name"), [])
    context = line.each("context", lambda raw, where: _held(Fields(raw, where), "key"), [])
    failures = frozenset(line.each("fragile_copy_throws", integer, []))
    raw_nodes = line.each("nodes", Fields)
    nodes = tuple(_node(fields, index) for index, fields in enumerate(raw_nodes))
    for source in (source for node in nodes for source in node.sources):
        if source.spec == "value_ref" and source.external not in {held.name for held in externals}:
            raise FormatError(f"there is no external object {source.external!r}")
    return TreeRecord(nodes, context, externals, failures)


def _held(fields: Fields, name: str) -> Held:
    type_ = fields.choice("type", TYPES)
    held = Held(fields.of(str, name), type_, fields.content("init", type_))
    fields.end()
    return held


def _node(fields: Fields, index: int) -> NodeRecord:
    output = Fields(fields.take("output"), f"{fields.where}.output")
    type_ = output.choice("type", ("none", *TYPES))
    output.end()
    node = NodeRecord(
        name=fields.of(str, "name"),
        index=index,
        level=fields.of(int, "level"),
        kind=fields.choice("kind", KINDS),
        receiver=None if fields.is_null("receiver") else _source(fields.take("receiver"), f"{fields.where}.receiver"),
        args=fields.each("args", _source),
        output=type_,
        returns=fields.choice("returns", ("void", "plain", "step_result", "task_result")),
        k=fields.of(int, "k"),
        script=fields.each("script", one_of(OUTCOMES)),
        adapters=fields.each("adapters", lambda raw, where: _adapter(raw, where, type_)),
        fanout=fields.choice("fanout", FANOUTS),
        emplace=fields.choice("emplace", ("on_success", "always")),
        registration=fields.choice("registration", ("inline", "prebound")),
        mistakes=_mistakes(fields),
    )
    if node.receiver is None:
        fields.take("receiver")
    fields.end()
    if not node.script:
        raise FormatError(f"{fields.where}.script is empty")
    return node


def _mistakes(fields: Fields) -> Mistakes:
    position: Any = fields.take("sink_position", "unsaid")
    if position is not None and position != "unsaid":
        position = integer(position, f"{fields.where}.sink_position")
    count = fields.take("parameter_count", None)
    return Mistakes(
        parameter_count=None if count is None else integer(count, f"{fields.where}.parameter_count"),
        sink_position=position,
        sink_type=fields.choice("sink_type", (None, *TYPES), None),
        placed_as=fields.choice("placed_as", (None, *KINDS), None),
        receiver_class=fields.take("receiver_class", None),
        callable=fields.choice("callable", (None, "member", "function"), None),
    )


def _source(raw: Any, where: str) -> Source:
    fields = Fields(raw, where)
    spec = fields.choice("spec", (*PREV_SPECS, "from_ctx", "value", "value_ref"))
    type_ = fields.choice("type", (*TYPES, *NUMBERS))
    source = Source(
        spec,
        type_,
        fields.choice("param", PARAMS),
        key=fields.of(str, "key") if spec == "from_ctx" else "",
        value=fields.content("value", type_) if spec == "value" else 0,
        external=fields.of(str, "external") if spec == "value_ref" else "",
    )
    fields.end()
    return source


def _adapter(raw: Any, where: str, output: str) -> AdapterRecord:
    if isinstance(raw, str):
        return Unsuitable(raw)
    outer = Fields(raw, where)
    kind = "catch" if "catch" in outer else "retry"
    fields = Fields(outer.take(kind), f"{where}.{kind}")
    outer.end()
    adapter = _catch(fields, output) if kind == "catch" else _retry(fields)
    fields.end()
    return adapter


def _catch(fields: Fields, output: str) -> AdapterRecord:
    match fields.of(str, "policy"):
        case "default" | "none" as policy:
            return Catch(policy)
        case "status" as policy:
            return Catch(policy, status=fields.choice("status", STATUSES))
        case "value" as policy:
            return Catch(policy, value=fields.content("value", "int" if output == "none" else output))
        case "task_result" as policy:
            return Catch(policy, status=fields.choice("status", STATUSES))
        case text:
            return Unsuitable(text, "catch")


def _retry(fields: Fields) -> AdapterRecord:
    match fields.of(str, "policy"):
        case "fixed" | "fixed_passthrough" as policy:
            return Retry(policy, n=fields.of(int, "n"))
        case "forever" as policy:
            return Retry(policy)
        case "custom" as policy:
            answers = fields.each("answers", boolean)
            return Retry(policy, answers=answers, on_exhausted=fields.choice("on_exhausted", (None, *STATUSES), None))
        case text:
            return Unsuitable(text, "retry")


def _plan(line: Fields) -> PlanFacts:
    fields = Fields(line.take("plan"), "plan")
    slots = Fields(fields.take("slots"), "plan.slots")
    counts = {layout: _layout(Fields(slots.take(layout), f"plan.slots.{layout}")) for layout in ("one_to_one", "compact")}
    slots.end()
    parents = fields.each("parents", lambda raw, where: None if raw is None else integer(raw, where))
    facts = PlanFacts(parents, fields.of(int, "max_level"), counts["compact"])
    fields.end()
    return facts


def _layout(fields: Fields) -> int:
    count = fields.of(int, "count")
    fields.each("index", lambda raw, where: None if raw is None else integer(raw, where))
    fields.end()
    return count


def _expected(raw: Any, where: str, tree: TreeRecord) -> Expected:
    fields = Fields(raw, where)
    expected = Expected(
        status=fields.choice("status", (*STATUSES, "exception")),
        attempts=fields.mapping("attempts"),
        context=fields.mapping("context"),
        externals=fields.mapping("externals"),
        copies=fields.mapping("copies"),
        trace=fields.each("trace", _event),
    )
    fields.end()
    names = {node.name for node in tree.nodes}
    unknown = {event["node"] for event in expected.trace if event.get("node", None) is not None} - names
    if unknown or set(expected.attempts) != names:
        raise FormatError(
            f"{where} speaks of other nodes than the tree has: {sorted(unknown ^ set(expected.attempts) ^ names)}"
        )
    return expected


def _event(raw: Any, where: str) -> Event:
    fields = Fields(raw, where)
    kind = fields.choice("ev", tuple(EVENTS))
    always, sometimes = EVENTS[kind]
    event: Event = {"ev": kind, **{name: fields.take(name) for name in always}}
    event.update({name: fields.take(name) for name in sometimes if name in fields})
    fields.end()
    return event
