"""One cell of a rule table, written out as the tree that it describes.

*Guarantees*: a cell becomes a vector like those that are written out in full, and is judged as they are.
*Does not know*: the library under test.
"""

from collections.abc import Sequence
from typing import Final

from .fields import Fields, integer, one_of
from .records import (
    EXCLUSIVE,
    PREV_SPECS,
    STATUSES,
    FormatError,
    Held,
    Judged,
    NodeRecord,
    Portable,
    Source,
    Stage,
    TreeRecord,
)
from .values import TYPES, Content, Payload

PARAM_OF: Final = {"borrow_prev": "cref", "borrow_prev_mut": "mref", "copy_prev": "value", "consume_prev": "value"}
ACCESSES_OF: Final = {
    "none": (),
    "borrow": ("borrow_prev",),
    "borrow_mut": ("borrow_prev_mut",),
    "copy": ("copy_prev",),
    "consume": ("consume_prev",),
    "forward": ("borrow_prev_mut",),
    "borrow+copy": ("borrow_prev", "copy_prev"),
}
SERVICE: Final = Held("Service", "int", 7)


def read_row(id_: str, line: Fields) -> Judged:
    """The vector of one cell."""
    matrix = line.of(str, "matrix")
    verdict = line.choice("verdict", ("accept", "reject"))
    stage: Stage | None = line.choice("stage", ("registration", "compile_plan", "run", None))
    reason = line.of(str, "reason", "")
    if (stage is None) != (verdict == "accept"):
        raise FormatError(f"'stage' {stage!r} contradicts 'verdict' {verdict!r}")
    portable: Portable = "yes"
    match matrix:
        case "fanout" | "root_access" | "void_parent":
            nodes = _family(line)
        case "task_accesses" | "forward_accesses":
            nodes = _single(line)
        case "receiver_accesses":
            nodes, portable = _member(line)
        case "levels":
            nodes = _levels(line)
        case _:
            raise FormatError(f"{id_}.matrix is {matrix!r}, which the format does not know")
    line.end()
    return Judged(id_, f"{matrix}: {reason or verdict}", TreeRecord(nodes, context=(SERVICE,)), stage, portable)


def _family(line: Fields) -> tuple[NodeRecord, ...]:
    """A parent and its children; for `root_access` the one in question is the root itself."""
    kinds = line.each("children", one_of(ACCESSES_OF))
    fanout = line.choice("fanout", ("auto", "shared_readonly", "consume_with_copies"), "auto")
    if "root" in line:
        return (
            _child(0, line.choice("root", ACCESSES_OF), "int"),
            *(_child(1 + n, kind, "int") for n, kind in enumerate(kinds)),
        )
    type_ = line.choice("parent_output", ("none", *TYPES))
    asked = "int" if type_ == "none" else type_
    return (_parent(type_, fanout), *(_child(1 + n, kind, asked) for n, kind in enumerate(kinds)))


def _single(line: Fields) -> tuple[NodeRecord, ...]:
    """A parent, and an only child with some accesses."""
    kind = line.choice("kind", ("regular", "direct_output", "forward_prev"))
    accesses = line.each("accesses", one_of(PREV_SPECS))
    type_ = line.choice("parent_output", TYPES)
    return _parent(type_), _node(1, kind, [_access(spec, type_) for spec in accesses], type_)


def _member(line: Fields) -> tuple[tuple[NodeRecord, ...], Portable]:
    """A parent, and an only child that is a method. Whether the method changes its receiver is not for all to see."""
    spec = line.choice("receiver", (*PREV_SPECS, "from_ctx", "value", "value_ref"))
    method = line.choice("method", ("const", "mutating"))
    accesses = line.each("accesses", one_of(PREV_SPECS))
    type_ = line.choice("parent_output", TYPES)
    param = "mref" if method == "mutating" else "cref"
    if spec == "from_ctx":
        receiver = Source(spec, SERVICE.type, param, key=SERVICE.name)
    else:
        receiver = Source(spec, type_, param, value=_some(type_))
    by_form = (spec, method) in (("borrow_prev", "mutating"), ("borrow_prev_mut", "const"), ("value", "mutating"))
    by_access = spec in PREV_SPECS and len(accesses) > 0 and any(access in EXCLUSIVE for access in (spec, *accesses))
    child = _node(1, "regular", [_access(access, type_) for access in accesses], type_, receiver)
    return (_parent(type_), child), "declared" if by_form and not by_access else "yes"


def _levels(line: Fields) -> tuple[NodeRecord, ...]:
    levels = line.each("levels", integer)
    return tuple(_node(index, "regular", (), "none", level=level) for index, level in enumerate(levels))


def _parent(type_: str, fanout: str = "auto") -> NodeRecord:
    return _node(0, "regular", (), type_, level=0, fanout=fanout)


def _child(index: int, kind: str, type_: str) -> NodeRecord:
    sources = [_access(spec, type_) for spec in ACCESSES_OF[kind]]
    return _node(index, "forward_prev" if kind == "forward" else "regular", sources, type_, level=min(index, 1))


def _access(spec: str, type_: str) -> Source:
    return Source(spec, type_, PARAM_OF[spec])


def _some(type_: str) -> Content:
    return 1 if type_ == "int" else "s" if type_ == "string" else Payload(1, ())


def _node(
    index: int,
    kind: str,
    args: Sequence[Source],
    type_: str,
    receiver: Source | None = None,
    *,
    level: int = 1,
    fanout: str = "auto",
) -> NodeRecord:
    """A node whose result style fits its kind: what it reads is in question, not what it returns."""
    is_leaf = kind == "regular" and index > 0
    output = "none" if is_leaf else type_
    returns = "void" if output == "none" else "plain" if kind == "regular" else "step_result"
    return NodeRecord(
        name=f"n{index}",
        index=index,
        level=level,
        kind=kind,
        receiver=receiver,
        args=tuple(args),
        output=output,
        returns=returns,
        k=1,
        script=STATUSES[:1],
        adapters=(),
        fanout=fanout,
        emplace="on_success",
        registration="inline",
    )
