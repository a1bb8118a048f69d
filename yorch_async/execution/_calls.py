"""The call of a task, with its arguments taken straight from the registers of a run.

For every *shape* - which kinds of sources, in which order, which keywords - a small function is made once and used by all nodes of
that shape. It is made from source text, because that is the only way in which an argument is nowhere but on its way into the
callee: anything that packs arguments first (`fn(*args)`) holds one more reference to a consumed output while the callee runs.

*Guarantees*: arguments are resolved in the order of the parameters, the receiver first; a consumed output is referenced by its callee
alone.
*Does not know*: what the callable returns, and who calls.
"""

import linecache
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from .._copying import copy_of
from .._items import ItemSource
from .._slots import EMPTY
from .._specs import Access, CtxSource, InputSource, OutputSource, ValueSource
from .._tasks import Kind, Task
from ..plan import method_of

__all__ = ["Caller", "Condition", "Registers", "caller_of", "condition_of", "take"]

Registers: TypeAlias = list[Any]
Caller: TypeAlias = Callable[[Any, Registers, tuple[Any, ...]], Any]
"""`caller(fn, registers, operands)` calls the task once and returns what it returned."""

Condition: TypeAlias = tuple[Callable[..., Any], Caller, tuple[Any, ...]]
"""What decides whether a task is called at all: a callable, its caller, its operands."""

_TEXTS = {
    "borrow": "registers[{0}]",
    "copy": "{1}(registers[{0}])",
    "consume": "take(registers, {0})",
    "optional borrow": "lend_or(registers, {0}, {1})",
    "optional copy": "copy_or(registers, {0}, {2}, {1})",
    "optional consume": "take_or(registers, {0}, {1})",
    "value": "{0}",
    "value copy": "copy_of({0})",
    "item": "registers[2]",
    "context": "registers[0][{0}]",
    "context copy": "copy_of(registers[0][{0}])",
    "input": "registers[1][{0}]",
    "optional input": "registers[1].get({0}, {1})",
}
"""The kinds of arguments, and the expression for each; the braces are its operands."""


def take(registers: Registers, index: int) -> Any:
    """Move an output out of its slot."""
    obj = registers[index]
    registers[index] = EMPTY
    return obj


def _lend_or(registers: Registers, index: int, default: Any) -> Any:
    """An output, or what stands for it."""
    return default if registers[index] is EMPTY else registers[index]


def _copy_or(registers: Registers, index: int, copier: Callable[[Any], Any], default: Any) -> Any:
    return default if registers[index] is EMPTY else copier(registers[index])


def _take_or(registers: Registers, index: int, default: Any) -> Any:
    return default if registers[index] is EMPTY else take(registers, index)


def caller_of(task: Task[Any], registers: Sequence[int], sink: int) -> tuple[Caller, tuple[Any, ...]]:
    """The caller of a task and its operands; `registers` are those that its accesses to other nodes read, in order."""
    shape: list[tuple[str, str | None]] = []
    operands: list[Any] = []
    reading = iter(registers)
    for argument in task.arguments:
        source = argument.source
        if isinstance(source, OutputSource):
            kind, given = _prev(source, next(reading))
        elif isinstance(source, ValueSource):
            kind, given = "value copy" if source.copy else "value", (source.value,)
        elif isinstance(source, ItemSource):
            kind, given = "item", ()
        elif isinstance(source, CtxSource):
            kind, given = "context copy" if source.copy else "context", (source.key,)
        else:
            kind, given = _input(source, argument.default)
        shape.append((kind, argument.keyword))
        operands.extend(given)
    if task.kind is Kind.DIRECT:
        shape.append(("borrow", None))
        operands.append(sink)
    return _caller(tuple(shape), task.method), tuple(operands)


def condition_of(task: Task[Any], registers: Sequence[int]) -> Condition | None:
    """The condition of a task: its callable, the caller of that, and its operands."""
    condition = task.condition
    return None if condition is None else (condition.fn, *caller_of(condition, registers[len(task.used) :], 0))


def _prev(source: OutputSource, register: int) -> tuple[str, tuple[Any, ...]]:
    kind = "copy" if source.access is Access.COPY else "consume" if source.access is Access.CONSUME else "borrow"
    operands = (register, source.copier) if kind == "copy" else (register,)
    if source.default is EMPTY:
        return kind, operands
    return f"optional {kind}", (register, source.default, *operands[1:])


def _input(source: InputSource, default: Any) -> tuple[str, tuple[Any, ...]]:
    return ("input", (source.name,)) if default is EMPTY else ("optional input", (source.name, default))


@lru_cache(maxsize=4096)
def _caller(shape: tuple[tuple[str, str | None], ...], method: str | None) -> Caller:
    """Make the function for a shape."""
    names = (f"o{number}" for number in range(1 << 30))
    used: list[str] = []
    arguments: list[str] = []
    for kind, keyword in shape:
        text = _TEXTS[kind]
        operands = [next(names) for _ in range(text.count("{"))]
        used.extend(operands)
        arguments.append((f"{keyword}=" if keyword else "") + text.format(*operands))
    callee = "fn" if method is None else method_of(arguments.pop(0), method)
    unpack = f"    {', '.join(used)}, = operands\n" if used else ""
    source = f"def call(fn, registers, operands):\n{unpack}    return {callee}({', '.join(arguments)})\n"
    title = f"<yorch_async: a call of {method or 'fn'} with {', '.join(kind for kind, _ in shape) or 'nothing'}>"
    namespace: dict[str, Any] = {"take": take, "copy_of": copy_of, "__name__": "yorch_async"}
    namespace |= {"lend_or": _lend_or, "copy_or": _copy_or, "take_or": _take_or}
    exec(compile(source, title, "exec"), namespace)  # noqa: S102 - our own text, made of the table above and of identifiers
    # A traceback that passes through here shows the line, as it does for a file.
    linecache.cache[title] = (len(source), None, source.splitlines(keepends=True), title)
    made: Caller = namespace["call"]
    return made
