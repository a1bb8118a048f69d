"""What a managed node owns: a context manager that was entered and has to be exited.

*Guarantees*: what was entered is exited exactly once, innermost first, told of the exception that ends the run; an exit that
raises does not keep the others from being made, and its exception is not lost. What an exit returns is ignored: a resource
cannot make the failure of a run disappear.
*Does not know*: when a resource is not needed any more.
"""

from dataclasses import dataclass
from typing import Any

from .._errors import ResultError, problem
from .._types import class_of
from ._raised import traceback_of

__all__ = ["Resource", "close", "enter", "leave"]


@dataclass(slots=True)
class Resource:
    """An entered context manager."""

    manager: Any
    is_async: bool


async def enter(manager: Any, path: str, *, is_sync: bool) -> tuple[Resource, Any]:
    """Enter a context manager, by preference as an async one, unless nothing can be awaited; what it yields comes second."""
    cls = class_of(manager)
    is_async = hasattr(cls, "__aenter__") and hasattr(cls, "__aexit__")
    if is_async and not is_sync:
        return Resource(manager, is_async=True), await manager.__aenter__()
    if hasattr(cls, "__enter__") and hasattr(cls, "__exit__"):
        return Resource(manager, is_async=False), manager.__enter__()
    if is_async:
        raise ResultError(problem("suspends", path))
    raise ResultError(problem("not-managed", path, what=f"an object of type {cls.__qualname__}"))


async def close(obj: Any) -> None:
    """Close what has a way to be closed, as generators have."""
    if hasattr(obj, "aclose"):
        await obj.aclose()
    elif hasattr(obj, "close"):
        obj.close()


async def leave(resource: Resource, error: BaseException | None) -> None:
    """Exit it."""
    told = (None, None, None) if error is None else (type(error), error, traceback_of(error))
    if resource.is_async:
        await resource.manager.__aexit__(*told)
    else:
        resource.manager.__exit__(*told)
