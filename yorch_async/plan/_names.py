"""Names for generated code: readable, valid, and each one used once.

*Guarantees*: the same wishes in the same order give the same names.
*Does not know*: what is named.
"""

import re
from collections.abc import Iterable
from keyword import iskeyword

__all__ = ["Names", "identifier"]

_OTHER = re.compile(r"[^0-9A-Za-z_]+")  # ASCII alone: Python normalises other letters, and would look up another name


def identifier(text: str) -> str:
    """The text as a name of Python: `load[2]` as `load_2`."""
    name = _OTHER.sub("_", text).strip("_") or "node"
    return f"n_{name}" if name[0].isdigit() else f"{name}_" if iskeyword(name) else name


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
