"""Join the parameters of a callable with sources, one for each.

*Guarantees*: every parameter that needs a source has one, and every source a parameter, or a RegistrationError names the one that
lacks; types that are left out are taken from the annotations.
*Does not know*: kinds of tasks, results, adapters.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, get_origin

from ._errors import RegistrationError, problem
from ._items import ItemSource
from ._signature import Parameter
from ._slots import EMPTY, DirectOut
from ._specs import CtxSource, InputSource, OutputSource, Source, ValueSource
from ._types import UNKNOWN, describe, satisfies, stripped

__all__ = ["Argument", "bind", "is_sink"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the call: the parameter's name, its source, and the keyword if it is passed by one.

    `default` is what an input that may be left out falls back to, or EMPTY.
    """

    name: str
    source: Source
    keyword: str | None = None
    default: Any = EMPTY


def is_sink(parameter: Parameter) -> bool:
    """Whether a parameter is annotated to receive a DirectOut."""
    hint = stripped(parameter.hint)
    return hint is DirectOut or get_origin(hint) is DirectOut


def bind(
    task: str,
    parameters: tuple[Parameter, ...] | None,
    sources: Sequence[Source],
    *,
    first: int = 1,
    followed: bool = False,
) -> tuple[Argument, ...]:
    """Give each parameter its source, in order.

    `first` is the number of the first source, for messages; `followed`: another positional argument comes after these.
    """
    for number, source in enumerate(sources, first):
        if not isinstance(source, CtxSource | InputSource | ItemSource | ValueSource | OutputSource):
            raise RegistrationError(problem("not-a-source", task, number=number, object=repr(source)))
    if parameters is None:
        return tuple(resolved(task, _unnamed(number), source) for number, source in enumerate(sources, 1))
    return tuple(_arguments(task, parameters, _assign(task, parameters, sources), followed=followed))


def _unnamed(number: int) -> Parameter:
    return Parameter(f"#{number}", False, False, False, None, UNKNOWN, None, None)  # noqa: FBT003 - a record


def _assign(task: str, parameters: tuple[Parameter, ...], sources: Sequence[Source]) -> dict[str, list[Source]]:
    """Which sources each parameter gets: explicit ones in order, for those parameters that no annotation speaks for."""
    for parameter in parameters:
        if parameter.variadic and parameter.mark is not None:
            raise RegistrationError(problem("variadic-source", task, parameter.name))
    open_ = [p for p in parameters if p.mark is None and not (p.variadic and p.keyword)]
    if any(p.variadic for p in open_):
        # As in a call: what comes after the named parameters goes to *args, and no keyword that can be left out takes from it.
        open_ = [p for p in open_ if not (p.keyword and p.has_default)]
    single = [p for p in open_ if not p.variadic]
    extra = len(sources) - len(single)
    if extra > 0 and len(single) == len(open_):
        names = ", ".join(p.name for p in single) or "none"
        raise RegistrationError(problem("too-many-sources", task, given=len(sources), names=names))
    found: dict[str, list[Source]] = {p.name: [p.mark.source(p.hint)] for p in parameters if p.mark is not None}
    remaining = iter(sources)
    for parameter in open_:
        count = max(extra, 0) if parameter.variadic else 1
        taken = [source for _, source in zip(repeat(None, count), remaining, strict=False)]
        if taken:
            found[parameter.name] = taken
    return found


def _arguments(
    task: str, parameters: tuple[Parameter, ...], assigned: dict[str, list[Source]], *, followed: bool
) -> list[Argument]:
    found: list[Argument] = []
    skipped: list[Argument] = []
    for parameter in parameters:
        sources = assigned.get(parameter.name, [])
        if not sources and not parameter.variadic:
            if not parameter.has_default:
                why = f" (its annotation could not be read: {parameter.unread})" if parameter.unread else ""
                raise RegistrationError(problem("no-source", task, parameter.name, why=why))
            if not parameter.keyword:
                skipped.append(Argument(parameter.name, ValueSource(parameter.default, copy=False)))
        elif sources:
            if not parameter.keyword:
                # Positional arguments cannot leave a gap: what was passed over gets its default after all.
                found.extend(skipped)
                skipped.clear()
            found.extend(resolved(task, parameter, source) for source in sources)
    return found + skipped if followed else found


def resolved(task: str, parameter: Parameter, source: Source) -> Argument:
    """Complete a source by what the parameter tells, and check that the two agree."""
    keyword = parameter.name if parameter.keyword else None
    default = EMPTY
    offered: Any = UNKNOWN
    if isinstance(source, CtxSource):
        if source.key is UNKNOWN:
            if parameter.hint is UNKNOWN:
                raise RegistrationError(problem("no-context-key", task, parameter.name))
            source = CtxSource(parameter.hint, source.copy)
        offered = source.key
    elif isinstance(source, InputSource):
        type_ = stripped(parameter.hint) if source.type is UNKNOWN else source.type
        source = InputSource(source.name or parameter.name, type_)
        default = parameter.default if parameter.has_default else EMPTY
        offered = source.type
    elif isinstance(source, OutputSource | ItemSource):
        if source.type is UNKNOWN:
            source = replace(source, type=stripped(parameter.hint))
        offered = source.type
    if not satisfies(offered, parameter.hint):
        facts = {"source": str(source), "offered": describe(offered), "wanted": describe(parameter.hint)}
        raise RegistrationError(problem("parameter-type", task, parameter.name, **facts))
    return Argument(parameter.name, source, keyword, default)
