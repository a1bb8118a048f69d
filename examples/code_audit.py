"""Audit a directory of Python source: how much of it there is, what is long, what is tangled, what does not even parse.

    python examples/code_audit.py [DIRECTORY] [--top N] [--save-to FILE]
    yorch run examples/code_audit.py:plan --execution concurrent [--directory DIRECTORY] [--top N] [--save-to FILE] [--at-a-time N]

Without a directory it audits the standard library of the interpreter that runs it. The steps, and who owns what:

    discover            finds the files; a directory that cannot be read is caught and becomes FAILURE
    ├─ files            runs a tree for each of them, several at a time, and collects the results, failures as well
    │    ┊ read         reads a file; tries again what failed only for the moment
    │    ┊ └─ measure   consumes the source, and counts what is in it, in a thread, because parsing blocks
    └─ commit           asks git, if the directory is a repository, and does not mind if there is no answer
    audit               joins what was found with what came of it: consumes the results, and adds them up
    ├─ summary          borrows the audit, as `rejected` does, and the commit, if there is one
    ├─ longest          sorts and trims a copy of its own, and so does `tangled`
    ├─ tangled
    └─ rejected
    report              joins the sections
    └─ save             writes the report to a file, if it was asked for

Run concurrently, some files are measured while others are still being read. That does not make the measuring itself faster, since
threads take turns in Python; it keeps the event loop free. Run one node at a time, the same tree gives the same report.
"""

import argparse
import ast
import errno
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import anyio

from yorch_async import (
    Concurrent,
    Context,
    Failure,
    Plan,
    RetryFixed,
    StepResult,
    TaskResult,
    TaskTree,
    borrow,
    catch_as_failure,
    compile_plan,
    consume,
    consume_prev,
    copy,
    fallback,
    from_ctx,
    from_input,
    item,
    retry,
    run,
    to_thread,
    value,
)

STDLIB = Path(sysconfig.get_path("stdlib"))
NOWHERE = Path(os.devnull)

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


Measured: TypeAlias = tuple[Counter[str], list[Function]]


@dataclass(frozen=True, slots=True)
class Found:
    """What `discover` found, by the path below the directory."""

    directory: Path
    files: list[str] = field(default_factory=list[str])
    rejected: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Audit:
    """What `add_up` makes of the files."""

    directory: Path
    rejected: dict[str, str]
    functions: list[Function] = field(default_factory=list[Function])
    packages: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    total: Counter[str] = field(default_factory=Counter[str])


def discover(settings: Settings, directory: Path = STDLIB) -> TaskResult[Found]:
    found = find(directory, settings.leave_out)
    if not found.files and not found.rejected:
        return TaskResult.failure(f"there are no Python files below {directory}")
    return TaskResult.success(found)


def find(directory: Path, leave_out: frozenset[str]) -> Found:
    found = Found(directory)

    def unreadable(error: OSError) -> None:
        if Path(error.filename) == directory:
            raise error
        found.rejected[Path(error.filename).relative_to(directory).as_posix()] = f"cannot be entered: {error.strerror}"

    for folder, folders, names in os.walk(directory, onerror=unreadable):
        folders[:] = sorted(set(folders) - leave_out)
        for path in (Path(folder, name) for name in sorted(names) if name.endswith(".py")):
            shown = path.relative_to(directory).as_posix()
            if os.path.isfile(path):  # noqa: PTH113 - Path.is_file() raises where even asking is forbidden
                found.files.append(shown)
            else:
                found.rejected[shown] = "cannot be reached, or is no ordinary file"
    found.files.sort()
    return found


def files_of(found: Found) -> list[str]:
    return found.files


async def read(path: str, settings: Settings, directory: Path = STDLIB) -> TaskResult[bytes]:
    try:
        return TaskResult.success(await settings.read(directory / path))
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        if error.errno in PASSING:
            return TaskResult.retry(reason, after=settings.patience, error=error)
        return TaskResult.failure(reason, error)


def measure(path: str, source: bytes) -> TaskResult[Measured]:
    found = measure_file(path, source)
    return TaskResult.failure(found) if isinstance(found, str) else TaskResult.success(found)


def measure_file(path: str, source: bytes) -> Measured | str:
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


def is_repository(found: Found) -> bool:
    return (found.directory / ".git").exists()


async def commit(found: Found) -> str:
    done = await anyio.run_process(["git", "-C", str(found.directory), "log", "-1", "--format= at %h of %as"])
    return done.stdout.decode().rstrip()


def add_up(found: Found, results: list[Measured | Failure]) -> Audit:
    audit = Audit(found.directory, {**found.rejected})
    results.reverse()
    for path in found.files:
        result = results.pop()  # and free it, when it is added
        if isinstance(result, Failure):
            if result.reason is None and result.error is not None:
                raise result.error  # no answer, but a mistake of ours
            audit.rejected[path] = result.reason or result.status.name
            continue
        counts, functions = result
        package = path.split("/")[0] if "/" in path else "(top level)"
        audit.packages.setdefault(package, Counter()).update(counts)
        audit.total.update(counts)
        audit.functions += functions
    return audit


def with_own_list(audit: Audit) -> Audit:
    return replace(audit, functions=audit.functions.copy())


def summary(audit: Audit, commit: str, top: int = 10) -> str:
    largest = sorted(audit.packages.items(), key=lambda package: package[1]["lines"], reverse=True)
    rows = [("all", audit.total), *largest[: max(top, 0)]]
    failed = f", and {len(audit.rejected):,} that could not be measured" if audit.rejected else ""
    files = f"{audit.total['files']:,} Python file" + "s" * (audit.total["files"] != 1)
    header = "".join(f"{column:>11}" for column in COLUMNS) + "  package"
    table = ["".join(f"{counts[column]:>11,}" for column in COLUMNS) + f"  {name}" for name, counts in rows]
    return "\n".join([f"Audit of {audit.directory}{commit}: {files}{failed}", "", header, *table])


def ranking(audit: Audit, key: Literal["lines", "complexity"], top: int = 10) -> str:
    """Sort the functions and drop all but the first ones, which is fine because the list belongs to this step alone."""
    audit.functions.sort(key=attrgetter(key), reverse=True)
    del audit.functions[max(top, 0) :]
    table = [f"{each.lines:>11,}{each.complexity:>11,}  {each.name} in {each.path}:{each.line}" for each in audit.functions]
    return "\n".join([f"Functions with the most {key}", "", f"{'lines':>11}{'complexity':>11}  function", *table])


def rejected(audit: Audit) -> str:
    lines = [f"  {path}: {reason}" for path, reason in sorted(audit.rejected.items())]
    return "\n".join(["Could not be measured", "", *lines]) if lines else "Everything could be measured"


def report(*sections: str) -> str:
    return "\n\n".join(sections)


def is_asked_for(_report: str, save_to: Path = NOWHERE) -> bool:
    return save_to != NOWHERE


async def save(report: str, save_to: Path = NOWHERE) -> None:
    await anyio.Path(save_to).write_text(f"{report}\n", "utf-8", "backslashreplace")


def plan(at_a_time: int = 8) -> tuple[Plan, Context]:
    settings, directory, top = from_ctx(Settings), from_input("directory", Path), from_input("top", int)
    caught = catch_as_failure(lambda error: StepResult.failure("the directory cannot be read", error), on=OSError)
    unwritten = (catch_as_failure(on=OSError),)
    unanswered = (catch_as_failure(on=(OSError, subprocess.CalledProcessError)), fallback(""))

    one = TaskTree("one file")
    source = one.root(read, item(str), settings, directory, adapters=(retry(RetryFixed(3)),))
    source.child(measure, item(str), consume_prev(bytes), adapters=(to_thread(),))

    tree = TaskTree("code audit")
    found = tree.root(discover, settings, directory, adapters=(to_thread(), caught))  # walking a directory blocks
    files = found.each(one, over=files_of, name="files", max_concurrency=max(at_a_time, 1), on_item_failure="collect")
    at = found.child(commit, borrow(found), when=is_repository, adapters=unanswered)

    audit = tree.join(add_up, borrow(found), consume(files), name="audit")
    own = copy(audit, copier=with_own_list)
    sections = [
        audit.child(summary, borrow(audit), borrow(at, default=""), top),
        audit.child(ranking, own, value("lines"), top, name="longest"),
        audit.child(ranking, own, value("complexity"), top, name="tangled"),
        audit.child(rejected, borrow(audit)),
    ]
    whole = tree.join(report, *map(borrow, sections), keep=True)
    whole.child(save, borrow(whole), from_input("save_to", Path), when=is_asked_for, adapters=unwritten)
    return compile_plan(tree), Context(Settings())


def main() -> int:
    parser = argparse.ArgumentParser(description="Audit a directory of Python source.")
    parser.add_argument("directory", type=Path, nargs="?", default=STDLIB, help="by default the standard library")
    parser.add_argument("--top", type=int, default=10, help="how many packages and functions to show (10)")
    parser.add_argument("--save-to", type=Path, default=NOWHERE, help="write the report to this file as well")
    inputs = vars(parser.parse_args())
    try:
        result = run(*plan(), inputs=inputs, execution=Concurrent())
    except KeyboardInterrupt:
        return 130
    if not result.ok:
        print(*result.failures, sep="\n", file=sys.stderr)
        return 1
    encoding = sys.stdout.encoding
    # files have names that no terminal can show
    print(result["report"].encode(encoding, "backslashreplace").decode(encoding))
    return 0


if __name__ == "__main__":
    sys.exit(main())
