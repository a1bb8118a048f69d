"""Public names say where they are imported from.

A class or function that users import from `yorch_async` reports that as its `__module__`, so that tracebacks,
pickles and documentation show the path that a program may rely on, and files can be split without anybody noticing.
"""

from typing import TypeVar

__all__ = ["public"]

T = TypeVar("T")


def public(obj: T) -> T:
    """Mark a class or function as part of the `yorch_async` door."""
    obj.__module__ = "yorch_async"
    return obj
