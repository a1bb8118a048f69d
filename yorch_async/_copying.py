"""The copy that is made where nobody chose another."""

from copy import deepcopy
from typing import Any

__all__ = ["copy_of"]


def copy_of(obj: Any) -> Any:
    """A deep copy, or for arrays (whatever has `__array__`) their own `.copy()`, which is the faster way to the same."""
    if hasattr(type(obj), "__array__") and hasattr(type(obj), "copy"):
        return obj.copy()
    return deepcopy(obj)
