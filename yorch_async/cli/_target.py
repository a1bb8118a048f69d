"""What a target turns out to be: a tree or a plan, or a factory of one; and the same for a context.

A factory may be sync or async. What it returns may be awaitable, and may be a context manager, which is then entered for as long as
the command takes.

*Guarantees*: a sync factory is called where no loop runs, so that it may start one of its own; an async one runs on the loop of the
run.
*Does not know*: the command line.
"""

import inspect
from collections.abc import Generator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from .. import Context, Node, Plan, PlanError, Task, TaskTree, compile_plan
from .._signature import Parameter, name_of, read
from .._types import class_of, classes_of, describe
from ._options import Wanted
from ._trouble import Trouble, describe_error

__all__ = ["Maker", "Source", "Target", "context_of", "plan_of", "source_of_context", "source_of_plan", "target_of"]

Target: TypeAlias = Plan | TaskTree


@dataclass(frozen=True, slots=True)
class Maker:
    """A factory, and what it asks for. `taker` is it in words."""

    fn: Any
    parameters: tuple[Parameter, ...]
    is_async: bool
    taker: str

    def wanted(self) -> list[Wanted]:
        """What it asks the command line for."""
        return [Wanted(p.name, p.hint, not p.has_default, p.default, self.taker) for p in self.parameters if not p.variadic]

    def call(self, values: Mapping[str, Any]) -> Any:
        """Call it with what was given, and its own defaults."""
        single = [p for p in self.parameters if not p.variadic]
        positional = [values.get(p.name, p.default) for p in single if not p.keyword]
        named = {p.name: values[p.name] for p in single if p.keyword and p.name in values}
        return self.fn(*positional, **named)


class Source:
    """Something that is there, or that a factory makes. State: what a sync factory has returned, until it is finished."""

    def __init__(self, reference: str, obj: Any, maker: Maker | None) -> None:
        self.reference = reference
        self.maker = maker
        self._obj = obj
        self._called = False

    def start(self, values: Mapping[str, Any]) -> None:
        """Call a sync factory, before there is a loop."""
        if self.maker is not None and not self.maker.is_async:
            with _making(self.reference):
                self._obj = self.maker.call(values)
            self._called = True

    async def finish(self, values: Mapping[str, Any], stack: AsyncExitStack) -> Any:
        """Call an async factory, await what was returned, and enter it if it is a context manager."""
        if self.maker is None:
            return self._obj
        with _making(self.reference):
            made: Any = self._obj if self._called else self.maker.call(values)
            if inspect.isawaitable(made):
                made = await made
            if _is_target_with_context(made):
                return made[0], await _entered(made[1], stack)
            return await _entered(made, stack)


async def _entered(made: Any, stack: AsyncExitStack) -> Any:
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(cast("AbstractAsyncContextManager[Any]", made))
    if isinstance(made, AbstractContextManager):
        return stack.enter_context(cast("AbstractContextManager[Any]", made))
    return made


@contextmanager
def _making(reference: str) -> Generator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        raise Trouble(f"'{reference}' failed: {describe_error(error)}", error) from error


def source_of_plan(reference: str, obj: Any) -> Source:
    """A tree or a plan (or a pair of that and a context), or a factory of one."""
    if _is_target(obj) or _is_target_with_context(obj):
        return Source(reference, obj, None)
    if isinstance(obj, type):
        if issubclass(obj, Plan | TaskTree):
            return Source(reference, None, _maker(obj, "the factory"))
    elif isinstance(obj, Task):
        classes = classes_of(obj.signature.returns) or ()
        if classes and all(issubclass(cls, Plan | TaskTree) for cls in classes):
            return Source(reference, None, _maker(obj.fn, "the factory"))
    elif callable(obj):
        return Source(reference, None, _maker(obj, "the factory"))
    raise Trouble(f"'{reference}' is {_words(obj)}, and neither a TaskTree nor a Plan, nor a factory of one{_advice(obj)}")


def _maker(fn: Any, role: str) -> Maker:
    signature = read(fn)
    return Maker(fn, signature.parameters or (), signature.is_async, f"{role} {name_of(fn)}()")


def source_of_context(reference: str, obj: Any) -> Source:
    """A context, or a factory of one."""
    if _is_context(obj):
        return Source(reference, obj, None)
    if callable(obj):
        return Source(reference, None, _maker(obj, "the context's factory"))
    raise Trouble(f"'{reference}' is {_words(obj)}, and no context: {_CONTEXTS}")


def target_of(reference: str, made: Any) -> tuple[Target, Any]:
    """The tree or plan that was made, and the context that came with it."""
    target, context = made if _is_target_with_context(made) else (made, None)
    if not _is_target(target):
        raise Trouble(f"'{reference}' made {_words(made)} instead of a TaskTree, a Plan, or one of these with a context")
    return target, context if context is None else context_of(reference, context)


def plan_of(target: Target) -> Plan:
    """The plan, compiled if need be. What is wrong with it is Trouble."""
    if isinstance(target, Plan):
        return target
    try:
        return compile_plan(target)
    except PlanError as error:
        raise Trouble(str(error), error) from None


def context_of(reference: str, made: Any) -> Any:
    """The context that was made."""
    if not _is_context(made):
        raise Trouble(f"'{reference}' made {_words(made)} as the context: {_CONTEXTS}")
    return made


_CONTEXTS = "a context is a Context, a mapping of types to objects, or an object with get(type)"


def _is_target(obj: Any) -> bool:
    return isinstance(obj, Plan | TaskTree)


def _is_target_with_context(obj: Any) -> bool:
    return issubclass(class_of(obj), tuple) and list(map(_is_target, obj)) == [True, False]


def _is_context(obj: Any) -> bool:
    return isinstance(obj, Context | Mapping) or (not isinstance(obj, type) and callable(getattr(obj, "get", None)))


def _words(obj: Any) -> str:
    if obj is None:
        return "None"
    return f"the class {obj.__qualname__}" if isinstance(obj, type) else f"an object of type {describe(class_of(obj))}"


def _advice(obj: Any) -> str:
    if isinstance(obj, Node):
        return "; name the tree that it belongs to"
    if isinstance(obj, Task):
        return "; place it in a TaskTree"
    return ""
