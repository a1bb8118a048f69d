"""Where this library deliberately does not do as YOrch does, as predicates on what a vector holds.

*Guarantees*: only what the design names is here, each with the sentence it comes from, in our words; a vector that differs in another
way has found a mistake.
*Does not know*: ids, files, and whether the library really differs - that is tried first.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .records import Catch, Expected, Judged, NodeRecord, Retry, TreeRecord


@dataclass(frozen=True)
class Difference:
    """One deliberate difference; `holds` tells of a node whether it is concerned."""

    reason: str
    holds: Callable[[NodeRecord], bool]


def _never_retries(node: NodeRecord) -> bool:
    """Some retry adapter stands where neither the annotation nor an adapter inside leaves room for the answer RETRY."""
    if node.returns not in ("plain", "void"):
        return False
    for adapter in node.adapters:
        if isinstance(adapter, Retry):
            return True
        if isinstance(adapter, Catch) and adapter.policy == "status":
            return False
    return False


NEVER_RETRIES: Final = Difference(
    "retry on a task whose annotation says that it can never answer RETRY is refused at registration; "
    "replayed without that annotation",
    _never_retries,
)


def _form_of_value(node: NodeRecord) -> bool:
    return any(source.spec == "value" and source.param in ("mref", "rref") for source in node.sources)


def _form_of_parameter(node: NodeRecord) -> bool:
    """Some parameter takes a source in a form that C++ has no binding for. What a task changes, it can be caught at changing."""
    usual = {
        "borrow_prev": ("cref", "mref", "converted"),
        "borrow_prev_mut": ("mref", "converted"),
        "copy_prev": ("value", "const_value", "converted"),
        "consume_prev": ("value", "const_value", "rref", "converted"),
        "from_ctx": ("cref", "mref", "value", "const_value", "converted"),
    }
    return any(source.param not in usual.get(source.spec, (source.param,)) for source in node.args)


def _form_of_receiver(node: NodeRecord) -> bool:
    return node.receiver is not None and (node.receiver.spec, node.receiver.param) == ("borrow_prev_mut", "cref")


def _fit_of_fallback(node: NodeRecord) -> bool:
    """The fallback answers a status, or a status-with-value, that C++ has no conversion for. None is no answer, and not meant here."""
    return any(
        isinstance(adapter, Catch) and adapter.policy in ("default", "status", "task_result") for adapter in node.adapters
    )


ACCEPTED: Final = (
    Difference("value(x) hands over the stored object itself, so a task may change it", _form_of_value),
    Difference(
        "a Python parameter does not say how it takes its argument; the access decides, and borrow_prev, which the language "
        "cannot enforce, is checked by check_borrows",
        _form_of_parameter,
    ),
    Difference(
        "a Python method does not say whether it changes its receiver; the access decides, and check_borrows finds a change "
        "of what was only borrowed",
        _form_of_receiver,
    ),
    Difference(
        "catch_as_failure makes FAILURE of an exception, and its policy maps it to a StepResult, TaskResult or value, whatever "
        "the task returns",
        _fit_of_fallback,
    ),
)
"""What YOrch refuses by a declaration that Python does not have, so that it may be accepted."""

RELEASED_EARLIER: Final = "outputs are released after their last reader; a recorded release is a latest moment"

INNERMOST_FIRST: Final = "when staging a copy fails, slots are released innermost first under every policy"


def silent_nodes(tree: TreeRecord) -> frozenset[str]:
    """The nodes whose return annotation has to be left away."""
    return frozenset(node.name for node in tree.nodes if NEVER_RETRIES.holds(node))


def acceptable(vector: Judged) -> str | None:
    """Why this library may accept what YOrch refuses, if it may. A rule that makes sense everywhere has no exception."""
    if vector.portable != "declared" or vector.tree is None:
        return None
    return next((each.reason for each in ACCEPTED if any(map(each.holds, vector.tree.nodes))), None)


def decided(expected: tuple[Expected, ...]) -> Expected | None:
    """Of recordings that differ in how slots are released after a failing stage, the one that the design has chosen."""
    chosen = [one for one in expected if _innermost_first(one)]
    rest = [_without_releases(one) for one in expected]
    return chosen[0] if chosen and all(one == rest[0] for one in rest) and all(one == chosen[0] for one in chosen) else None


def _without_releases(expected: Expected) -> Expected:
    return replace(expected, trace=tuple(event for event in expected.trace if event["ev"] != "slot_clear"))


def _innermost_first(expected: Expected) -> bool:
    """Whether what is alive when a copy fails, and the error leaves the run, is released in the opposite order of its making."""
    alive: list[str] = []
    for number, event in enumerate(expected.trace):
        match event["ev"]:
            case "slot_set":
                alive.append(event["node"])
            case "slot_clear":
                alive.remove(event["node"])
            case "copy_throws":
                released = [later["node"] for later in expected.trace[number + 1 :] if later["ev"] == "slot_clear"]
                if expected.status == "exception" and released == alive[::-1]:
                    return True
            case _:
                pass
    return False
