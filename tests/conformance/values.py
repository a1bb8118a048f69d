"""What the boxes hold, and the arithmetic that task bodies do with it.

*Guarantees*: contents are immutable, so that writing one down is keeping it.
*Does not know*: boxes, nodes, runs.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

MODULUS: Final = 1000003
LONGEST_TEXT: Final = 24
LONGEST_TRACE: Final = 8

PAYLOADS: Final = ("payload", "fragile")
TYPES: Final = ("int", "string", *PAYLOADS)


class Payload(NamedTuple):
    """What `payload` and `fragile` objects hold."""

    x: int
    trace: tuple[int, ...]


Content: TypeAlias = int | str | Payload


def content_of(raw: Any, type_: str) -> Content | None:
    """A JSON value as content of that type, or None if it is none."""
    if type_ == "string":
        return raw if isinstance(raw, str) else None
    if type_ not in PAYLOADS:
        return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
    return _payload(raw)


def _payload(raw: Any) -> Payload | None:
    match raw:
        case {"x": int(x), "trace": [*trace], **rest} if not rest:
            steps: list[Any] = trace
            return Payload(x, tuple(steps)) if all(isinstance(step, int) for step in steps) else None
        case _:
            return None


def plain(content: Content) -> Any:
    """Content as the vectors write it."""
    return {"x": content.x, "trace": list(content.trace)} if isinstance(content, Payload) else content


def changed(content: Content, k: int, name: str, index: int) -> Content:
    """What a node makes of an element that it may change in place."""
    match content:
        case int():
            return (2 * content + k + 1) % MODULUS
        case str():
            return f"{content}~{name}"[-LONGEST_TEXT:]
        case Payload(x, trace):
            return Payload((x + k + 1) % MODULUS, (*trace, index)[-LONGEST_TRACE:])


def computed(type_: str, seen: Sequence[Content], k: int, name: str, index: int) -> Content:
    """What a node computes from the elements that it has seen (and changed)."""
    if type_ == "string":
        return f"{name}<{','.join(map(_text, seen))}>"[-LONGEST_TEXT:]
    number = (k + sum(map(_number, seen))) % MODULUS
    if type_ not in PAYLOADS:
        return number
    joined = [step for content in seen if isinstance(content, Payload) for step in content.trace]
    return Payload(number, (*joined, index)[-LONGEST_TRACE:])


def _number(content: Content) -> int:
    match content:
        case int():
            return content
        case str():
            return len(content)
        case Payload(x, trace):
            return x + sum(trace)


def _text(content: Content) -> str:
    return f"{content.x}:{len(content.trace)}" if isinstance(content, Payload) else str(content)
