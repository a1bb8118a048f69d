"""A command on a target, whose own options become options of the command.

The command line is read in steps, because each tells which options the next may have: first the command's own, which name the target;
then those of its factories, which make the plan; then those of the plan's inputs. All that is written is read again each time, and
the last reading, which knows every option, is the one that counts.

*Guarantees*: an unknown option is refused by the last reading, whoever it was meant for.
*Does not know*: what the command does.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar, cast

import anyio
import click

from .. import Plan
from ._interrupt import beside, interrupting
from ._load import load
from ._options import Options, Wanted
from ._streams import put, reserved_stdout, say
from ._target import Maker, Source, Target, context_of, plan_of, source_of_context, source_of_plan, target_of
from ._trouble import Trouble, describe_error, traceback_of

__all__ = ["Answer", "Call", "TargetCommand"]

T = TypeVar("T")

_HELP = click.Option(["wants_help", "-h", "--help"], is_flag=True, help="Show this message and exit.")
_LENIENT: dict[str, Any] = {"ignore_unknown_options": True, "allow_extra_args": True}
_PLAN = "the plan"
_WRITTEN = f"{__name__}.written"


class Answer(NamedTuple):
    """What a command has to say in the end, and its exit status."""

    text: str
    status: int = 0
    note: str = ""
    """What belongs to stderr, after the text."""


class _Reading(click.Command):
    """A command that treats --help as an option like others, since the target may have more to say."""

    title = ""

    def get_help_option(self, ctx: click.Context) -> click.Option:
        """The same option in every reading."""
        del ctx
        return _HELP

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's options, and apart from them those of the target."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                theirs = (param.name or "").startswith("target_")
                sections.setdefault(self.title if theirs else "Options", []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class TargetCommand(_Reading):
    """A command whose first reading leaves what it does not know to the target. Its callback takes a `Call`, and returns an Answer."""

    def __init__(
        self,
        *args: Any,
        takes_inputs: bool = False,
        explain: Callable[[Trouble, Mapping[str, Any]], Answer | None] = lambda _trouble, _own: None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **{**options, "context_settings": _LENIENT})
        self.takes_inputs = takes_inputs
        self.explain = explain

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember what was written, for the later readings."""
        ctx.meta[_WRITTEN] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> int:
        """Do what the command does, or show the help, and say what came of it."""
        own = ctx.params
        try:
            with nullcontext() if self.takes_inputs and not own["json"] else reserved_stdout():
                answer = self._answer(ctx, own["target"], wants_help=own["wants_help"])
        except Trouble as trouble:
            explained = self.explain(trouble, own)
            if explained is None:
                if own["traceback"] and trouble.error is not None:
                    say(traceback_of(trouble.error, whole=True))
                raise
            answer = explained
        put(answer.text)
        if answer.note:
            say(answer.note)
        return answer.status

    def _answer(self, ctx: click.Context, target: str | None, *, wants_help: bool) -> Answer:
        if target is not None and not target.startswith("-"):
            call = Call(ctx, takes_inputs=self.takes_inputs)
            if wants_help:
                return Answer(call.help())
            ctx.params = {"call": call}
            answer: Answer = super().invoke(ctx)
            return answer
        if wants_help:
            return Answer(self.get_help(ctx))
        if target is None:
            raise click.UsageError("Missing argument 'TARGET'.", ctx)
        raise click.UsageError(f"No such option: {target.partition('=')[0]} (options of a target come after it)", ctx)


class Call:
    """One command line that names a target. State: what is known of its options, which becomes more."""

    def __init__(self, ctx: click.Context, *, takes_inputs: bool) -> None:
        self._ctx = ctx
        self._takes_inputs = takes_inputs
        self._options = Options(ctx.command.params)
        self.own = ctx.params
        """The values of the command's own options, by the latest reading."""
        reference, app_dir = self.own["target"], self.own["app_dir"]
        self._sources = [source_of_plan(reference, load(reference, app_dir, what="TARGET"))]
        if self.own.get("context") is not None:
            reference = self.own["context"]
            self._sources.append(source_of_context(reference, load(reference, app_dir, what="--context")))
        self._values: dict[str, dict[str, Any]] = {}
        for maker in self._makers():
            self._options.add(maker.wanted())

    def run(self, use: Callable[[Target, Any], Awaitable[T]]) -> T:
        """Bring the target to life, and use it with its context, on one loop."""
        self._start()
        backend = self.own.get("backend", "asyncio")
        if find_spec(backend) is None:
            raise Trouble(f"--backend {backend} needs {backend}, which is not installed: pip install {backend}")
        # Trio interrupts by itself what blocks its loop, and knows better where it must not.
        interrupts = interrupting(Call._used.__code__) if backend == "asyncio" else nullcontext()
        try:
            return anyio.run(beside, partial(self._used, use, interrupts), backend=backend)
        except (KeyboardInterrupt, click.ClickException):
            raise
        except BaseException as error:
            if _holds_an_interrupt(error):
                raise KeyboardInterrupt from None
            raise Trouble(f"'{self.own['target']}' failed: {describe_error(error)}", error) from error

    def inputs(self, plan: Plan) -> dict[str, Any]:
        """What the command line gives to the plan. With this, every option is known and read."""
        self._add_inputs(plan)
        return self._read(_PLAN)[_PLAN]

    def help(self) -> str:
        """The help, with all that can be known of the target's options."""
        unknown = ""
        if self._takes_inputs:
            try:
                self.run(self._look)
            except click.UsageError:
                unknown = "The inputs of the plan are options, too; they can be told when the required options are given."
            except Trouble as trouble:
                unknown = f"The inputs of the plan are options, too, but cannot be told: {trouble.format_message()}"
        command = self._command()
        command.help, command.epilog = self._ctx.command.help, unknown
        return command.get_help(
            command.make_context(self._ctx.info_name, [], parent=self._ctx.parent, resilient_parsing=True)
        )

    async def _look(self, target: Target, _context: Any) -> None:
        self._add_inputs(plan_of(target))

    def _add_inputs(self, plan: Plan) -> None:
        self._options.add(Wanted(i.name, i.type, i.required, i.default, _PLAN) for i in plan.inputs.values())

    def _makers(self) -> list[Maker]:
        return [source.maker for source in self._sources if source.maker is not None]

    def _start(self) -> None:
        makers = self._makers()
        if makers or not self._takes_inputs:
            settings = _LENIENT if self._takes_inputs else {}
            self._values = self._read(*[maker.taker for maker in makers], **settings)
        for source in self._sources:
            source.start(self._values_of(source))

    def _values_of(self, source: Source) -> dict[str, Any]:
        return {} if source.maker is None else self._values[source.maker.taker]

    async def _used(self, use: Callable[[Target, Any], Awaitable[T]], interrupts: AbstractContextManager[None]) -> T:
        with interrupts:
            async with AsyncExitStack() as stack:
                made = [await source.finish(self._values_of(source), stack) for source in self._sources]
                target, context = target_of(self._sources[0].reference, made[0])
                if len(made) > 1:
                    context = context_of(self._sources[1].reference, made[1])
                return await use(target, context)
        raise Trouble(f"'{self.own['target']}' failed, and its context manager kept the reason to itself")

    def _command(self, **settings: Any) -> _Reading:
        params = [*self._ctx.command.params, *(each.option for each in self._options.asked().values())]
        command = _Reading(self._ctx.command.name, params=params, context_settings=settings)
        command.title = f"Options of {self.own['target']}"
        return command

    def _read(self, *takers: str, **settings: Any) -> dict[str, dict[str, Any]]:
        """Read the command line once more, with all options that are known by now; the values for each of those who ask."""
        written = list(self._ctx.meta[_WRITTEN])
        ctx = self._command(**settings).make_context(self._ctx.info_name, written, parent=self._ctx.parent)
        self.own = ctx.params
        return {taker: self._options.values(ctx, taker) for taker in takers}


def _holds_an_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C has come out of a task group of the user's."""
    if isinstance(error, BaseExceptionGroup):
        members: tuple[BaseException, ...] = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return any(map(_holds_an_interrupt, members))
    return isinstance(error, KeyboardInterrupt)
