"""Audit a directory of Python source: how much of it there is, what is long, what is tangled, what does not even parse.

    python examples/code_audit.py [DIRECTORY] [--top N]
    yorch run examples/code_audit.py:plan --execution concurrent [--directory DIRECTORY] [--top N] [--shares N]

Without a directory it audits the standard library of the interpreter that runs it. The steps, and who owns what:

    discover               finds the files; a directory that cannot be read is caught and becomes FAILURE
    ├─ share-1             lends a part of the files to its branch, and hands it in when the branch has ended, however it has
    │  └─ read             fills in the sources and forwards the share; tries again what failed only for the moment
    │     └─ measure       puts what it counts in the place of the sources, in a thread, because parsing blocks
    ├─ share-2 ...
    └─ collect             waits until every share has been handed in, and moves them on
       └─ aggregate        consumes the shares: each is freed as soon as it is added
          ├─ summary       borrows the audit, and so does `rejected`
          ├─ longest       sorts and trims a copy of its own, and so does `tangled`
          ├─ tangled
          └─ rejected

Run concurrently, the shares are read at the same time, and some are measured while others are still being read. That does not make
the measuring itself faster, since threads take turns in Python; it keeps the event loop free. Run one node at a time, the same
tree gives the same report.

A node reads its parent alone, so what comes from several branches has to meet elsewhere: here in the `Ledger`, a service of the
context. A node that waits for others has to be sure that they come. These do: a managed node is exited on every way out.
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
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import anyio
from anyio.from_thread import check_cancelled

from yorch_async import (
    Concurrent,
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
    task,
    task_forward_prev,
    to_thread,
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
class Share:
    """A part of the files: what is to be read, what has been read and is to be measured, and what came of it."""

    directory: Path
    missing: list[str]
    texts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    measured: dict[str, Measured] = field(default_factory=dict[str, Measured])
    rejected: dict[str, str] = field(default_factory=dict[str, str])


class Ledger:
    """Where the shares of a run meet. It has state, and serves one run at a time."""

    def __init__(self) -> None:
        self._shares: list[Share] = []
        self._news: anyio.Event | None = None

    def open(self) -> None:
        """Begin with nothing, whatever a run that was cancelled has left."""
        self._shares, self._news = [], None

    def hand_in(self, share: Share) -> None:
        """Add a share, whatever has become of it."""
        self._shares.append(share)
        if self._news is not None:
            self._news.set()

    async def collect(self, count: int) -> list[Share]:
        """Wait for so many shares, and let go of them."""
        while len(self._shares) < count:
            self._news = anyio.Event()
            await self._news.wait()
        shares, self._shares = self._shares, []
        return shares


@dataclass(slots=True)
class Harvest:
    """All shares, as they were handed in."""

    directory: Path
    rejected: dict[str, str]
    shares: list[Share]


@dataclass(slots=True)
class Audit:
    """What `aggregate` adds up."""

    directory: Path
    rejected: dict[str, str]
    functions: list[Function] = field(default_factory=list[Function])
    packages: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    total: Counter[str] = field(default_factory=Counter[str])


def discover(settings: Settings, ledger: Ledger, directory: Path = STDLIB) -> TaskResult[Found]:
    ledger.open()
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
    return found


@contextmanager
def deal(found: Found, ledger: Ledger, number: int, shares: int) -> Generator[Share]:
    """Deal out one share of the files, and hand it in when nobody needs it any more."""
    share = Share(found.directory, found.files[number::shares])
    try:
        yield share
    finally:
        ledger.hand_in(share)


async def read(share: Share, settings: Settings) -> StepResult:
    """Read what is missing. What was read stays in the share, so another attempt only reads what failed in this one."""
    errors = dict[str, OSError]()
    for path in share.missing:
        try:
            share.texts[path] = await settings.read(share.directory / path)
        except OSError as error:
            if error.errno in PASSING:
                errors[path] = error
            else:
                share.rejected[path] = f"cannot be read: {error.strerror or error}"
    share.missing = [*errors]
    if errors:
        path = share.missing[0]
        return StepResult.retry(f"reading failed for {path}", after=settings.patience, error=errors[path])
    return StepResult.success()


def measure(share: Share) -> None:
    """Measure one file after the other, and let go of its source."""
    for path in sorted(share.texts):
        check_cancelled()  # a thread cannot be stopped from outside
        found = measure_file(path, share.texts.pop(path))
        if isinstance(found, str):
            share.rejected[path] = found
        else:
            share.measured[path] = found


async def collect(found: Found, ledger: Ledger, shares: int) -> Harvest:
    return Harvest(found.directory, {**found.rejected}, await ledger.collect(shares))


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


def aggregate(harvest: Harvest) -> Audit:
    audit, measured = Audit(harvest.directory, harvest.rejected), dict[str, Measured]()
    while harvest.shares:
        share = harvest.shares.pop()
        measured |= share.measured
        audit.rejected |= share.rejected
        audit.rejected |= dict.fromkeys([*share.missing, *share.texts], "given up, as its share could not be read")
    for path, (counts, functions) in sorted(measured.items()):  # whichever share was the first
        package = path.split("/")[0] if "/" in path else "(top level)"
        audit.packages.setdefault(package, Counter()).update(counts)
        audit.total.update(counts)
        audit.functions += functions
    return audit


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


def plan(shares: int = 4) -> tuple[Plan, Context]:
    tree = TaskTree("code audit")
    caught = catch_as_failure(lambda error: StepResult.failure("the directory cannot be read", error), on=OSError)
    finding = (to_thread(), caught)  # walking a directory blocks
    found = tree.root(discover, from_ctx(Settings), from_ctx(Ledger), from_input("directory", Path), adapters=finding)
    shares, ledger = max(shares, 1), from_ctx(Ledger)
    for number in range(shares):
        dealing = task(
            deal, borrow_prev(Found), ledger, value(number), value(shares), managed=True, name=f"share-{number + 1}"
        )
        reading = task_forward_prev(read, borrow_prev_mut(Share), from_ctx(Settings), adapters=(retry(RetryFixed(3)),))
        found.child(dealing).child(reading).child(measure, borrow_prev_mut(Share), adapters=(to_thread(),))
    harvest = found.child(collect, borrow_prev(Found), ledger, value(shares))
    audit = harvest.child(aggregate, consume_prev(Harvest))
    own = copy_prev(Audit, copier=lambda audit: replace(audit, functions=audit.functions.copy()))
    top = from_input("top", int)
    audit.child(summary, borrow_prev(Audit), top)
    audit.child(ranking, own, value("lines"), top, name="longest")
    audit.child(ranking, own, value("complexity"), top, name="tangled")
    audit.child(rejected, borrow_prev(Audit))
    return compile_plan(tree), Context(Settings(), Ledger())


def main() -> int:
    parser = argparse.ArgumentParser(description="Audit a directory of Python source.")
    parser.add_argument("directory", type=Path, nargs="?", default=STDLIB, help="by default the standard library")
    parser.add_argument("--top", type=int, default=10, help="how many packages and functions to show (10)")
    inputs = vars(parser.parse_args())
    try:
        result = run(*plan(), inputs=inputs, execution=Concurrent())
    except KeyboardInterrupt:
        return 130
    if not result.ok:
        print(*result.failures, sep="\n", file=sys.stderr)
        return 1
    report, encoding = "\n\n".join(section for _, section in result.items() if section), sys.stdout.encoding
    print(report.encode(encoding, "backslashreplace").decode(encoding))  # files have names that no terminal can show
    return 0


if __name__ == "__main__":
    sys.exit(main())
