"""The options of a target: what its factory, the factory of its context, and its plan ask for by name.

*Guarantees*: a name that several ask for is one option that serves them all; an option of the command is never hidden by one of the
target; what is not given is left to the default of whoever asks.
*Does not know*: where the values go.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

import click
from click.core import ParameterSource

from .._types import UNKNOWN, describe
from ._forms import Form, NoForm, form_of, plain
from ._trouble import Trouble, safely

__all__ = ["Options", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value that somebody (`taker`) asks for. `default` is shown in the help, if `required` is not true."""

    name: str
    type: Any
    required: bool
    default: Any
    taker: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One option, the key of its value in a reading, and all who want it."""

    key: str
    option: click.Option
    wanted: tuple[Wanted, ...]


class Options:
    """The options of one target. State: they become more while the target is brought to life."""

    def __init__(self, own: Sequence[click.Parameter]) -> None:
        self._own = {text for param in own for text in (*param.opts, *param.secondary_opts)} | {"-h", "--help"}
        self._wanted: dict[str, list[Wanted]] = {}

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Note what somebody asks for."""
        for each in wanted:
            self._wanted.setdefault(each.name, []).append(each)

    def asked(self) -> dict[str, Asked]:
        """The options, by the name that is asked for. Raises `Trouble` where there cannot be one."""
        taken = set(self._own)
        found: dict[str, Asked] = {}
        for number, (name, wanted) in enumerate(self._wanted.items()):
            form = _form(name, wanted)
            if form is not None:
                key = f"target_{number}"
                found[name] = Asked(key, _option(key, _free(name, form, taken), form, wanted), tuple(wanted))
        return found

    def values(self, ctx: click.Context, taker: str) -> dict[str, Any]:
        """What a reading of the command line gives to one of those who ask."""
        found: dict[str, Any] = {}
        for name, each in self.asked().items():
            for wanted in each.wanted:
                if wanted.taker != taker:
                    continue
                if ctx.get_parameter_source(each.key) is ParameterSource.COMMANDLINE:
                    found[name] = ctx.params[each.key]
                elif wanted.required:  # only an option that takes None may be left out all the same
                    found[name] = None
        return found


def _form(name: str, wanted: Sequence[Wanted]) -> Form | None:
    """How the value is written; None: it cannot be, and need not."""
    first = next((each for each in wanted if plain(each.type) is not UNKNOWN), wanted[0])
    for each in wanted:
        if plain(each.type) is not UNKNOWN and _without_none(each.type) != _without_none(first.type):
            raise Trouble(
                f"'{name}' is of type {describe(first.type)} for {first.taker}, but {describe(each.type)} for {each.taker}; one "
                "option cannot serve both, so let them agree on a type, or give one of them another name"
            )
    try:
        return form_of(_guessed(first))
    except NoForm as error:
        if not any(each.required for each in wanted):
            return None
        raise Trouble(f"'{name}', which {first.taker} asks for, has no option: {error}; {_REMEDY}") from None


_REMEDY = "let a factory make it from what can, take it from the context, or give it a default"


def _guessed(wanted: Wanted) -> Any:
    """A type that is not known is that of the default, if there is one that a text can stand for."""
    if plain(wanted.type) is UNKNOWN and not wanted.required and isinstance(wanted.default, bool | int | float | str):
        return type(wanted.default)
    return wanted.type


def _without_none(hint: Any) -> Any:
    """What a type is compared by: `int | None` is written as `int` is."""
    hint = plain(hint)
    others = [member for member in get_args(hint) if member is not type(None)]
    return plain(others[0]) if _takes_none(hint) and len(others) == 1 else hint


def _takes_none(hint: Any) -> bool:
    hint = plain(hint)
    return get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)


def _free(name: str, form: Form, taken: set[str]) -> str:
    """The name of an option that is not taken: `--name`, or `--target-name` where the command has an option of that name."""
    base = re.sub(r"[\W_]+", "-", name).strip("-") or "input"
    candidates = ({f"--{text}", f"--no-{text}"} if form.switch else {f"--{text}"} for text in _candidates(base))
    names = next(names for names in candidates if not names & taken)
    taken |= names
    return "/".join(sorted(names, key=len))


def _candidates(base: str) -> Iterator[str]:
    yield from (base, f"target-{base}")
    yield from (f"target-{base}-{number}" for number in count(2))


def _option(key: str, flags: str, form: Form, wanted: Sequence[Wanted]) -> click.Option:
    required = any(each.required and not _takes_none(each.type) for each in wanted)
    shown = {_words(each.default) for each in wanted if not each.required}
    default = f"  [default: {shown.pop()}]" if len(shown) == 1 and not required else ""
    help_ = "for " + " and ".join(each.taker for each in wanted)
    if form.switch:
        return click.Option([key, flags], default=None, required=required, help=f"{help_}{default}")

    def read(ctx: click.Context, param: click.Parameter, given: Any) -> Any:
        if given is None or given == ():
            return None
        try:
            return form.read(given)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return click.Option(
        [key, flags],
        type=str,
        multiple=form.repeats,
        nargs=1 if form.repeats else len(form.items),
        required=required,
        metavar=form.metavar,
        help=f"{help_}{default}",
        callback=read,
    )


def _words(default: Any) -> str:
    if isinstance(default, list | tuple | set | frozenset):
        return ", ".join(map(_words, cast("Iterable[Any]", default))) or "none"
    return "none" if default is None else safely(str, default.name if isinstance(default, Enum) else default)
