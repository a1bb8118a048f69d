"""Names and literals for generated code: readable, valid, and each name used once.

*Guarantees*: the same wishes in the same order give the same names.
*Does not know*: what is named.
"""

import re
from collections.abc import Iterable
from keyword import iskeyword
from typing import Any

__all__ = ["Names", "identifier", "literal", "method_of"]

_OTHER = re.compile(r"[^0-9A-Za-z_]+")  # ASCII alone: Python normalises other letters, and would look up another name


def identifier(text: str) -> str:
    """The text as a name of Python: `load[2]` as `load_2`."""
    name = _OTHER.sub("_", text).strip("_") or "node"
    return f"n_{name}" if name[0].isdigit() else f"{name}_" if iskeyword(name) else name


def method_of(receiver: str, name: str) -> str:
    """The expression for a method; a class may have one under a name that cannot be written behind a dot."""
    if not name.isidentifier() or iskeyword(name) or not name.isascii():
        return f"getattr({receiver}, {name!r})"
    return f"({receiver}).{name}" if receiver.isdigit() else f"{receiver}.{name}"


def literal(obj: Any) -> str:
    """The object as it can be written in place, where that gives the very same object; else nothing."""
    is_small = type(obj) is int and 0 <= obj <= 256  # noqa: PLR2004 - of these there is one object each
    return repr(obj) if obj is None or obj is True or obj is False or is_small else ""


class Names:
    """A namespace that is being filled. It has state: what is taken."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = set(reserved)
        self._counts: dict[str, int] = {}

    def new(self, wanted: str) -> str:
        """A name like the wanted one that nobody has."""
        name = base = identifier(wanted)
        count = self._counts.get(base, 1)
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._counts[base] = count
        self._taken.add(name)
        return name
