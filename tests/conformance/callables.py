"""Callables as a user would write them: one named parameter per argument, annotated, sync or async, function or method.

*Guarantees*: the callable drops its arguments before its body runs, so that only the body holds them.
*Does not know*: what the body does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

from anyio.lowlevel import checkpoint

Policy = Callable[[Any], Any]


@dataclass(frozen=True)
class Shape:
    """How a callable looks from outside. `sink`: which parameter is the write handle, if any; `count` does not include it."""

    count: int
    is_async: bool
    is_method: bool
    sink: int | None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in order, without `self`."""
        names = [f"a{number}" for number in range(self.count)]
        if self.sink is not None:
            names.insert(self.sink, "out")
        return tuple(names)


@cache
def _code(shape: Shape, name: str) -> CodeType:
    parameters = ("self", *shape.parameters) if shape.is_method else shape.parameters
    held = ", ".join(parameter for parameter in parameters if parameter != "out")
    lines = (
        f"{'async ' if shape.is_async else ''}def {name}({', '.join(parameters)}):",
        f"    held = [{held}]",
        f"    del {held}" if held else "    pass",
        "    await checkpoint()" if shape.is_async else "    pass",
        f"    return body(held, {'None' if shape.sink is None else 'out'})",
    )
    return compile("\n".join(lines), f"<{name}>", "exec")


def make(shape: Shape, name: str, body: Callable[..., Any], annotations: Mapping[str, Any], owner: type | None) -> Any:
    """The callable itself; with an `owner` it is a method of that class."""
    namespace: dict[str, Any] = {"body": body, "checkpoint": checkpoint}
    if owner is not None:
        namespace[owner.__name__] = owner
    exec(_code(shape, name), namespace)
    made = namespace.pop(name)
    made.__annotations__ = dict(annotations)
    if owner is not None:
        made.__qualname__ = f"{owner.__qualname__}.{name}"
        setattr(owner, name, made)
    return made


def maybe_async(policy: Policy, returns: Any, *, is_async: bool) -> Policy:
    """A policy of one parameter, as it is or as a coroutine function, annotated with what it answers (unless that is Ellipsis)."""

    async def waited(asked: Any) -> Any:
        await checkpoint()
        return policy(asked)

    chosen = waited if is_async else policy
    chosen.__annotations__ = {} if returns is ... else {"return": returns}
    return chosen
