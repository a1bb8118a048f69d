"""The commands of `yorch`, and their exit statuses.

0 success; 1 failure, or for `check` that there are problems; 2 wrong usage, or a target or plan that cannot be used; 3 a RETRY was
left over; 4 aborted; 130 interrupted by Ctrl-C; 141 nobody reads the output any more.

*Guarantees*: what the user did wrong is told in one paragraph, without a traceback of ours.
*Does not know*: how a target is found and a run is watched.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from .. import Plan, PlanError, Problem, RegistrationError
from .._types import visible
from ..views import to_dot, to_json, to_mermaid, to_text
from ._command import Answer, Call, TargetCommand
from ._progress import KINDS
from ._report import as_json, as_text, json_text, raised, remarks, status_of
from ._run import EXECUTIONS, ON_FAILURE, Outcome, perform
from ._streams import INTERRUPTED, end_if_nobody_reads, put, say
from ._target import Target, plan_of
from ._trouble import Trouble, place_of

__all__ = ["main"]

F = TypeVar("F", bound=Callable[..., Any])

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

FORMATS = {"text": to_text, "mermaid": to_mermaid, "dot": to_dot, "json": to_json}


def main(args: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status."""
    try:
        status = yorch.main(args, prog_name="yorch", standalone_mode=False)
        put("")
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        return INTERRUPTED
    except click.ClickException as error:
        with suppress(OSError, ValueError):  # stderr may be closed
            error.show()
        return error.exit_code
    return int(status or 0)


@click.group(context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(package_name="yorch_async", prog_name="yorch")
def yorch() -> None:
    """Run, check and show task trees.

    A TARGET is written as package.module:attribute or path/file.py:attribute. It names a TaskTree, a Plan, or a factory of one, sync
    or async; the parameters of the factory and the inputs of the plan are options of the command: yorch run TARGET --help.
    """


def _files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


def _on_target(command: F) -> F:
    """What all commands on a target have in common."""
    for decorate in (
        click.option("--traceback", is_flag=True, help="Show whole tracebacks, frames of yorch_async included."),
        click.option(
            "--app-dir",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Import modules from this directory.  [default: the current one]",
        ),
        click.argument("target", required=False, metavar="TARGET", shell_complete=_files),
    ):
        command = decorate(command)
    return command


def _positive(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not value > 0:
        raise click.BadParameter("it must be more than 0 seconds", ctx, param)
    return value


@yorch.command(cls=TargetCommand, takes_inputs=True)
@_on_target
@click.option("--check-borrows", is_flag=True, help="Fail when a task changes what it only borrowed.")
@click.option("--timeout", type=float, metavar="SECONDS", callback=_positive, help="Cancel the run after this time.")
@click.option(
    "--progress",
    type=click.Choice(KINDS),
    default="auto",
    show_default=True,
    help="Progress on stderr: a live tree (rich), lines (plain), or none; auto: rich on a terminal, else plain.",
)
@click.option("--json", is_flag=True, help="Write the result as JSON; nothing else is on stdout then.")
@click.option(
    "--backend", type=click.Choice(["asyncio", "trio"]), default="asyncio", show_default=True, help="The event loop."
)
@click.option(
    "--execution",
    type=click.Choice(EXECUTIONS),
    help="The order of nodes; serial: one at a time, depth first; concurrent: those that wait let others run.  [default: serial]",
)
@click.option(
    "--max-concurrency", type=click.IntRange(min=1), metavar="N", help="Run concurrently, at most so many nodes at a time."
)
@click.option(
    "--on-failure",
    type=click.Choice(ON_FAILURE),
    help="What a failure of a node ends, when nodes run concurrently: the run, or what is below that node.  [default: stop]",
)
@click.option(
    "--context",
    metavar="REFERENCE",
    shell_complete=_files,
    help="The context of the run, written as a TARGET is: a Context, a mapping, an object with get(type), or a factory of one.",
)
def run(call: Call) -> Answer:
    """Run a TARGET: a tree, a plan, or what a factory makes.

    A TARGET is written as package.module:attribute or path/file.py:attribute.

    A factory may return the tree or plan alone, or (tree or plan, context); --context takes the place of that context. It may be a
    context manager (@asynccontextmanager), which is left when the run has ended.

    Values are written by type: text, numbers, paths, dates; --flag or --no-flag; names of an Enum; a list as one option for each
    element; None by leaving an option out that may be None; everything else as JSON. An input that is called like an option of this
    command is written --target-NAME.

    Exit status: 0 success, 1 failure, 2 wrong usage or plan, 3 RETRY left over, 4 aborted, 130 Ctrl-C.
    """
    outcomes: list[Outcome] = []

    async def use(target: Target, context: Any) -> None:
        plan = plan_of(target)
        inputs = call.inputs(plan)
        outcomes.append(Outcome(plan))
        await perform(outcomes[0], context, inputs, call.own)

    try:
        call.run(use)
    except Trouble as trouble:
        if not outcomes or not (trouble.error or outcomes[0].error):
            raise
        outcomes[0].error = trouble.error or outcomes[0].error
    (outcome,), own = outcomes, call.own
    if own["json"]:
        note = raised(outcome, whole=own["traceback"])
        return Answer(as_json(outcome), status_of(outcome), note)
    end_if_nobody_reads(outcome.errors)
    return Answer(as_text(outcome.result), status_of(outcome), remarks(outcome, whole=own["traceback"]))


def _problems(trouble: Trouble, own: Mapping[str, Any]) -> Answer | None:
    """Trouble that is the very answer of `check`."""
    error = trouble.error
    if isinstance(error, PlanError):
        return _checked(own, None, [(problem, None) for problem in error.problems])
    if isinstance(error, RegistrationError):
        return _checked(own, None, [(error.problem, place_of(error))])
    return None


def _checked(own: Mapping[str, Any], nodes: int | None, problems: Sequence[tuple[Problem, str | None]]) -> Answer:
    status = 1 if problems else 0
    if own["json"]:
        shown = [{**asdict(problem), "at": place} for problem, place in problems]
        return Answer(json_text({"version": 1, "ok": not problems, "nodes": nodes, "problems": shown}), status)
    lines = [visible(f"{problem} (at {place})" if place else str(problem)) for problem, place in problems]
    return Answer("\n".join(lines or [f"{nodes} node{'s' * (nodes != 1)}, no problems"]), status)


@yorch.command(cls=TargetCommand, explain=_problems)
@_on_target
@click.option("--json", is_flag=True, help="Write the problems as JSON.")
def check(call: Call) -> Answer:
    """Find every problem of a TARGET's plan, without running it.

    A TARGET is written as package.module:attribute or path/file.py:attribute; see yorch run --help.

    Each problem is a line: the node's path, the parameter, what is wrong, the id of the rule, what to write instead.

    Exit status: 0 no problems, 1 problems, 2 the target cannot be loaded.
    """
    plan = call.run(_compiled)
    return _checked(call.own, len(plan), ())


@yorch.command(cls=TargetCommand)
@_on_target
@click.option(
    "--format", "notation", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="The notation."
)
def show(call: Call) -> Answer:
    """Show a TARGET's plan as a tree of lines, Mermaid, Graphviz, or JSON.

    A TARGET is written as package.module:attribute or path/file.py:attribute; see yorch run --help.

    Exit status: 0, or 2 if the target cannot be loaded or its plan has problems.
    """
    plan = call.run(_compiled)
    return Answer(FORMATS[call.own["notation"]](plan))


async def _compiled(target: Target, _context: Any) -> Plan:
    return plan_of(target)


@yorch.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> int:
    """Print the completion script for a shell.

    bash: eval "$(yorch completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, with zsh; fish: yorch completion fish >
    ~/.config/fish/completions/yorch.fish
    """
    put(SHELLS[shell](yorch, {}, "yorch", "_YORCH_COMPLETE").source())
    return 0
