"""Audit a directory of Python source: how much of it there is, what is long, what is tangled, what does not even parse.

    python examples/code_audit.py [DIRECTORY] [--top N]
    yorch run examples/code_audit.py:plan [--directory DIRECTORY] [--top N]

Without a directory it audits the standard library of the interpreter that runs it. The steps, and who owns what:

    discover               finds the files; a directory that cannot be read is caught and becomes FAILURE
    └─ read                fills in the sources, many at a time, and tries again what failed only for the moment
       └─ measure          consumes the sources: each is freed as soon as it is measured
          └─ aggregate     adds totals to the measurements and forwards them, without a copy
             ├─ summary    borrows the measurements, and so does `rejected`
             ├─ longest    sorts and trims a copy of its own, and so does `tangled`
             ├─ tangled
             └─ rejected
"""

import argparse
import ast
import errno
import importlib.util
import os
import re
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple

import anyio
import anyio.to_thread

from yorch_async import (
    Context,
    Plan,
    RetryFixed,
    StepResult,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    retry,
    run,
    task_forward_prev,
    value,
)

STDLIB = Path(sysconfig.get_path("stdlib"))

# What may be over in a moment. Any other error says something about the file, and is reported.
PASSING = {errno.EAGAIN, errno.EBUSY, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT}

# A function has a complexity of one, and one more for each of these in it.
LOOPS = {ast.For, ast.AsyncFor, ast.While, ast.comprehension}
BRANCHES = LOOPS | {ast.If, ast.IfExp, ast.BoolOp, ast.ExceptHandler, ast.match_case}
LEAVES = {ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del}  # most nodes, with nothing of interest below

STRING = r"""("{3}|'{3})(?:\\.|[^\\])*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
LEXEME = re.compile(rf"{STRING}|(?P<comment>#[^\n]*)", re.DOTALL)
COLUMNS = ("files", "lines", "code", "comment", "blank", "classes", "functions")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the steps share through the context; tests bring a reader of their own."""

    readers: int = 16  # files that are being read at the same time
    patience: float = 0.1  # how long to wait before reading again
    leave_out: frozenset[str] = frozenset({"__pycache__", "site-packages"})
    read: Callable[[Path], Awaitable[bytes]] = lambda path: anyio.Path(path).read_bytes()


class Function(NamedTuple):
    """One function or method, as it was measured."""

    path: str
    line: int
    name: str
    lines: int
    complexity: int


@dataclass(slots=True)
class Sources:
    """What `discover` found and `read` fills in, by the path below the directory."""

    directory: Path
    missing: list[str] = field(default_factory=list[str])
    texts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    rejected: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Audit:
    """What `measure` counted and `aggregate` adds up."""

    directory: Path
    rejected: dict[str, str]
    files: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    functions: list[Function] = field(default_factory=list[Function])
    packages: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    total: Counter[str] = field(default_factory=Counter[str])


async def discover(settings: Settings, directory: Path = STDLIB) -> TaskResult[Sources]:
    sources = await anyio.to_thread.run_sync(find, directory, settings.leave_out)  # walking a directory blocks
    if not sources.missing and not sources.rejected:
        return TaskResult.failure(f"there are no Python files below {directory}")
    return TaskResult.success(sources)


def find(directory: Path, leave_out: frozenset[str]) -> Sources:
    sources = Sources(directory)

    def unreadable(error: OSError) -> None:
        if Path(error.filename) == directory:
            raise error
        sources.rejected[Path(error.filename).relative_to(directory).as_posix()] = f"cannot be entered: {error.strerror}"

    for folder, folders, names in os.walk(directory, onerror=unreadable):
        folders[:] = sorted(set(folders) - leave_out)
        for path in (Path(folder, name) for name in sorted(names) if name.endswith(".py")):
            shown = path.relative_to(directory).as_posix()
            if os.path.isfile(path):  # noqa: PTH113 - Path.is_file() raises where even asking is forbidden
                sources.missing.append(shown)
            else:
                sources.rejected[shown] = "cannot be reached, or is no ordinary file"
    return sources


async def read(sources: Sources, settings: Settings) -> StepResult:
    """Read what is missing. What was read stays in the sources, so another attempt only reads what failed in this one."""
    waiting, errors = iter(sources.missing), dict[str, OSError]()

    async def reader() -> None:
        for path in waiting:
            try:
                sources.texts[path] = await settings.read(sources.directory / path)
            except OSError as error:
                if error.errno in PASSING:
                    errors[path] = error
                else:
                    sources.rejected[path] = f"cannot be read: {error.strerror or error}"

    async with anyio.create_task_group() as group:
        for _ in range(settings.readers):
            group.start_soon(reader)
    sources.missing = sorted(errors)
    if errors:
        path = sources.missing[0]
        return StepResult.retry(f"reading failed for {path}", after=settings.patience, error=errors[path])
    return StepResult.success()


async def measure(sources: Sources) -> Audit:
    """Measure one file after the other, in a thread because parsing blocks, and let go of its source."""
    audit = Audit(sources.directory, sources.rejected)
    for path in sorted(sources.texts):
        found = await anyio.to_thread.run_sync(measure_file, path, sources.texts.pop(path))
        if isinstance(found, str):
            audit.rejected[path] = found
        else:
            audit.files[path], functions = found
            audit.functions += functions
    return audit


def measure_file(path: str, source: bytes) -> tuple[Counter[str], list[Function]] | str:
    """Count what is in a file, or say why that cannot be done."""
    try:
        text = importlib.util.decode_source(source)  # by its byte order mark or its encoding declaration (PEP 263)
        with warnings.catch_warnings(action="ignore"):  # of odd escapes, and what else the parser does not like
            tree = ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
    except (RecursionError, MemoryError):
        return "nested too deeply for the parser"
    except (LookupError, ValueError) as error:  # not an encoding of text, bytes that it does not allow, null bytes
        return str(error)
    counts, functions = count_lines(text), list[Function]()
    scopes: list[tuple[ast.AST, str]] = [(tree, "")]
    for scope, name in scopes:  # both lists grow while they are read
        complexity, nodes = 1, list(ast.iter_child_nodes(scope))
        for node in nodes:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                scopes.append((node, f"{name}.{node.name}".lstrip(".")))
            elif type(node) not in LEAVES:
                complexity += type(node) in BRANCHES
                nodes.extend(ast.iter_child_nodes(node))
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (scope.end_lineno or scope.lineno) - scope.lineno + 1
            functions.append(Function(path, scope.lineno, name, length, complexity))
        counts["classes"] += isinstance(scope, ast.ClassDef)
    counts["functions"] = len(functions)
    return counts, functions


def count_lines(text: str) -> Counter[str]:
    """A comment counts if nothing else is on its line; in a string, blank lines are blank and all others are code."""
    lines = text.removesuffix("\n").split("\n") if text else []
    blank = sum(not line.strip() for line in lines)
    comments = (lexeme.start() for lexeme in LEXEME.finditer(text) if lexeme["comment"])
    comment = sum(not text[text.rfind("\n", 0, start) + 1 : start].strip() for start in comments)
    return Counter(files=1, lines=len(lines), code=len(lines) - comment - blank, comment=comment, blank=blank)


def aggregate(audit: Audit) -> None:
    for path, counts in audit.files.items():
        package = path.split("/")[0] if "/" in path else "(top level)"
        audit.packages.setdefault(package, Counter()).update(counts)
        audit.total.update(counts)


def summary(audit: Audit, top: int = 10) -> str:
    largest = sorted(audit.packages.items(), key=lambda package: package[1]["lines"], reverse=True)
    rows = [("all", audit.total), *largest[: max(top, 0)]]
    failed = f", and {len(audit.rejected):,} that could not be measured" if audit.rejected else ""
    files = f"{audit.total['files']:,} Python file" + "s" * (audit.total["files"] != 1)
    header = "".join(f"{column:>11}" for column in COLUMNS) + "  package"
    table = ["".join(f"{counts[column]:>11,}" for column in COLUMNS) + f"  {name}" for name, counts in rows]
    return "\n".join([f"Audit of {audit.directory}: {files}{failed}", "", header, *table])


def ranking(audit: Audit, key: Literal["lines", "complexity"], top: int = 10) -> str:
    """Sort the functions and drop all but the first ones, which is fine because the list belongs to this step alone."""
    audit.functions.sort(key=attrgetter(key), reverse=True)
    del audit.functions[max(top, 0) :]
    table = [f"{each.lines:>11,}{each.complexity:>11,}  {each.name} in {each.path}:{each.line}" for each in audit.functions]
    return "\n".join([f"Functions with the most {key}", "", f"{'lines':>11}{'complexity':>11}  function", *table])


def rejected(audit: Audit) -> str:
    lines = [f"  {path}: {reason}" for path, reason in sorted(audit.rejected.items())]
    return "\n".join(["Could not be measured", "", *lines]) if lines else "Everything could be measured"


def plan() -> tuple[Plan, Context]:
    tree = TaskTree("code audit")
    caught = catch_as_failure(lambda error: StepResult.failure("the directory cannot be read", error), on=OSError)
    sources = tree.root(discover, from_ctx(Settings), from_input("directory", Path), adapters=(caught,))
    reading = task_forward_prev(read, borrow_prev_mut(Sources), from_ctx(Settings), adapters=(retry(RetryFixed(3)),))
    measured = sources.child(reading).child(measure, consume_prev(Sources))
    audit = measured.child(task_forward_prev(aggregate, borrow_prev_mut(Audit)))
    own = copy_prev(Audit, copier=lambda audit: replace(audit, functions=audit.functions.copy()))
    top = from_input("top", int)
    audit.child(summary, borrow_prev(Audit), top)
    audit.child(ranking, own, value("lines"), top, name="longest")
    audit.child(ranking, own, value("complexity"), top, name="tangled")
    audit.child(rejected, borrow_prev(Audit))
    return compile_plan(tree), Context(Settings())


def main() -> int:
    parser = argparse.ArgumentParser(description="Audit a directory of Python source.")
    parser.add_argument("directory", type=Path, nargs="?", default=STDLIB, help="by default the standard library")
    parser.add_argument("--top", type=int, default=10, help="how many packages and functions to show (10)")
    result = run(*plan(), inputs=vars(parser.parse_args()))
    if not result.ok:
        print(*result.failures, sep="\n", file=sys.stderr)
        return 1
    report, encoding = "\n\n".join(section for _, section in result.items()), sys.stdout.encoding
    print(report.encode(encoding, "backslashreplace").decode(encoding))  # files have names that no terminal can show
    return 0


if __name__ == "__main__":
    sys.exit(main())
