"""Public names of this room say where they are imported from; see `yorch_async._door`."""

from typing import TypeVar

__all__ = ["public"]

T = TypeVar("T")


def public(obj: T) -> T:
    """Mark a class or function as part of the `yorch_async.testing` door."""
    obj.__module__ = "yorch_async.testing"
    return obj
