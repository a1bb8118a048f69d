"""The audit finds, reads and measures what is there, whatever is wrong with it."""

import errno
import os
import re
import subprocess
import sys
import sysconfig
import threading
import tokenize
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from yorch_async import Concurrent, Context, ItemEnded, RunResult, SerialDfs, StepStatus, run_plan
from yorch_async.testing import all_kept

STDLIB = Path(sysconfig.get_path("stdlib"))
DEEP = b"-" * 100_000 + b"1\n"
CONCURRENT = Concurrent()
EXECUTIONS = pytest.mark.parametrize(
    "execution",
    [SerialDfs(), CONCURRENT, Concurrent(max_concurrency=1), Concurrent(max_concurrency=2, on_failure="continue")],
    ids=repr,
)


@pytest.fixture(scope="module")
def files_of_stdlib():
    """Find the files of the standard library in another way."""
    found = (path.relative_to(STDLIB) for path in STDLIB.rglob("*.py"))
    return {path.as_posix() for path in found if not {"site-packages", "__pycache__"} & {*path.parts}}


@pytest.fixture(scope="module")
def report_of_stdlib(run_example):
    """Audit the standard library, once for all tests of this module."""
    done = run_example("code_audit.py", "--top", "5", timeout=170)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def write(tmp_path):
    """Write files into the directory that is audited."""

    def write(files):
        for name, source in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(source.encode() if isinstance(source, str) else source)
        return tmp_path

    return write


async def audited(audit, directory, *, top=10, at_a_time=4, execution=CONCURRENT, **settings) -> RunResult:
    """Audit a directory, and keep the sections of the report beside it."""
    plan, _ = audit.plan(at_a_time)
    context = Context(audit.Settings(**{"patience": 0.0, **settings}))
    return await run_plan(all_kept(plan), context, inputs={"directory": directory, "top": top}, execution=execution)


def rejected(audit, result) -> dict[str, str]:
    lines = result["rejected"].splitlines()[2:]
    return dict(line.strip().split(": ", 1) for line in lines)


# The standard library


@pytest.mark.timeout(180)
def test_every_file_of_the_standard_library_is_counted(report_of_stdlib, files_of_stdlib):
    """What was measured and what could not be measured is all there is."""
    title = re.match(r"Audit of (.+): ([\d,]+) Python files, and (\d+) that could not be measured\n", report_of_stdlib)

    assert str(STDLIB) == title[1]
    assert len(files_of_stdlib) == int(title[2].replace(",", "")) + int(title[3])
    assert len(files_of_stdlib) > 1_000
    assert "test/tokenizedata/bad_coding.py: unknown encoding: uft-8" in report_of_stdlib
    assert re.search(r"test/\S*badsyntax_pep3120.py: invalid or missing encoding declaration\n", report_of_stdlib)


@pytest.mark.timeout(180)
def test_every_line_of_the_standard_library_is_counted(report_of_stdlib, files_of_stdlib):
    """The lines add up to those of all files that could be measured."""
    failed = set(re.findall(r"^  (\S+\.py): ", report_of_stdlib, re.MULTILINE))
    all_of_it = re.search(r"^ +[\d,]+ .* all$", report_of_stdlib, re.MULTILINE)[0].replace(",", "").split()
    files, lines, code, comment, blank = map(int, all_of_it[:5])

    assert failed < files_of_stdlib
    assert files == len(files_of_stdlib - failed)
    assert lines == sum(len((STDLIB / path).read_bytes().splitlines()) for path in files_of_stdlib - failed)
    assert lines == code + comment + blank


@pytest.mark.timeout(180)
def test_the_longest_functions_of_the_standard_library_are_where_it_says(report_of_stdlib):
    """Each function that is shown begins at its line."""
    shown = re.findall(r"^ +(\d+) +(\d+)  (\S+) in (\S+):(\d+)$", report_of_stdlib, re.MULTILINE)

    assert len(shown) == 10
    for _, _, name, path, line in shown:
        text = (STDLIB / path).read_text("utf-8").splitlines()[int(line) - 1]
        assert re.match(rf"\s*(async )?def {name.rpartition('.')[2]}\(", text), (name, path, line)


@pytest.mark.timeout(60)
def test_counts_are_those_of_the_tokenizer(audit, files_of_stdlib):
    """Comments, functions and classes are as many as Python's own tokenizer finds."""
    for path in sorted(files_of_stdlib)[::40]:
        found = audit.measure_file(path, (STDLIB / path).read_bytes())
        if isinstance(found, str):
            continue
        counts, functions = found
        with tokenize.open(STDLIB / path) as file:
            tokens = list(tokenize.generate_tokens(file.readline))
        names = [token.string for token in tokens if token.type == tokenize.NAME]
        comments = [token for token in tokens if token.type == tokenize.COMMENT]
        alone = [token for token in comments if not token.line[: token.start[1]].strip()]

        assert (path, len(alone)) == (path, counts["comment"])
        assert (path, names.count("def")) == (path, counts["functions"])
        assert (path, names.count("def")) == (path, len(functions))
        assert (path, names.count("class")) == (path, counts["classes"])


# What is measured


def test_lines_are_told_apart(audit):
    """Code, comments and blank lines, also where a string looks like a comment."""
    source = b'''"""Docstring.

# no comment
"""
# a comment
  # another one, at an odd place

x = "#"  # not alone on its line
y = ("one"
     # a third one
     "two")
\x0c
'''
    counts, _ = audit.measure_file("a.py", source)

    assert dict(counts) == {"files": 1, "lines": 12, "code": 6, "comment": 3, "blank": 3, "classes": 0, "functions": 0}


@pytest.mark.parametrize(
    ("source", "lines"),
    [(b"", 0), (b"\n", 1), (b"x", 1), (b"x\n", 1), (b"x\r\ny\r\n", 2), (b"x\ry\r", 2), (b"x\x0c\n\x0cy", 2)],
)
def test_lines_are_counted_as_python_does(audit, source, lines):
    """Whatever ends a line, and whether or not the last one is ended."""
    counts, _ = audit.measure_file("a.py", source)

    assert lines == counts["lines"] == counts["code"] + counts["comment"] + counts["blank"]


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        ("pass", 1),
        ("if x: pass", 2),
        ("if x: pass\n elif y: pass\n else: pass", 3),
        ("for x in y: pass", 2),
        ("while x: pass", 2),
        ("return a if b else c", 2),
        ("return a and b and c or d", 3),
        ("return [x for x in y for z in x]", 3),
        ("try: pass\n except A: pass\n except B: pass\n finally: pass", 3),
        ("match x:\n  case 1: pass\n  case _: pass", 3),
        ("return lambda: a if b else c", 2),
        ("def g():\n  if x: pass\n return g", 1),
        ("with x: pass", 1),
    ],
)
def test_complexity_is_one_and_one_for_each_branch(audit, body, complexity):
    """Branches of a lambda are those of its function, branches of an inner function are its own."""
    _, functions = audit.measure_file("a.py", f"def f():\n {body}\n".encode())

    assert functions[0].name == "f"
    assert complexity == functions[0].complexity


def test_functions_have_their_full_names(audit):
    """Methods and inner functions are told apart from others of the same name."""
    source = b"""\
class A:
    class B:
        @property
        def f(self):
            async def g():
                pass
            return g

def f(): pass
"""
    counts, functions = audit.measure_file("x/a.py", source)

    assert sorted(functions) == [("x/a.py", 4, "A.B.f", 4, 1), ("x/a.py", 5, "A.B.f.g", 2, 1), ("x/a.py", 9, "f", 1, 1)]
    assert (counts["classes"], counts["functions"]) == (2, 3)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"# -*- coding: latin-1 -*-\nname = 'caf\xe9'\n",
        b"\xef\xbb\xbfname = 'caf\xc3\xa9'\n",
        "# vim: set fileencoding=cp1252 :\nprice = '€'\n".encode("cp1252"),
        b"pattern = '\\d'\n",
        b"assert (1, 'always true')\n",
    ],
    ids=["empty", "latin-1", "byte order mark", "cp1252", "odd escape", "odd assertion"],
)
def test_python_is_measured(audit, source):
    """Whatever Python accepts, if only with a warning."""
    counts, _ = audit.measure_file("a.py", source)

    assert counts["files"] == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"x = 1\ndef f(:\n", "line 2: invalid syntax"),
        (b"if x:\npass\n", "line 2: expected an indented block after 'if' statement on line 1"),
        (b"name = 'caf\xe9'\n", "invalid or missing encoding declaration"),
        (b"\n\nname = 'caf\xe9'\n", "'utf-8' codec can't decode byte 0xe9 in position 13: invalid continuation byte"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "encoding problem: utf-8"),
        (b"# coding: klingon\n", "unknown encoding: klingon"),
        (b"# coding: rot13\n", "'rot13' is not a text encoding; use codecs.decode() to handle arbitrary codecs"),
        (b"x = 1\0\n", "source code string cannot contain null bytes"),
        (DEEP, "nested too deeply for the parser"),
        (b"x = " + b"(" * 300 + b")" * 300, "line 1: too many nested parentheses"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_no_python_is_rejected_with_its_reason(audit, source, reason):
    """Nothing that a file holds ends the audit."""
    assert reason == audit.measure_file("a.py", source)


@pytest.mark.parametrize("error", [RecursionError("too deep"), MemoryError("s_push: parser stack overflow")])
def test_a_parser_that_gives_up_is_survived(audit, monkeypatch, error):
    """However Python says that a file is nested too deeply."""

    def give_up(text):
        raise error

    monkeypatch.setattr(audit.ast, "parse", give_up)

    assert audit.measure_file("a.py", b"") == "nested too deeply for the parser"


# A whole run


@pytest.mark.anyio
@EXECUTIONS
async def test_the_whole_report(audit, write, execution):
    """Its four parts, to the letter, in whatever order and however many at a time the nodes run."""
    long = "def long():\n" + "    x = 1\n" * 4
    tangled = "def tangled(x):\n    return x and (1 if x else 2)\n"
    directory = write(
        {
            "main.py": "# start\n\nclass A:\n    pass\n",
            "lib/one.py": long + tangled,
            "lib/two/three.py": long.replace("long", "longer") + "    x = 1\n",
            "lib/broken.py": "def f(:\n",
            "lib/site-packages/other.py": "not ours",
            "notes.txt": "not Python",
        }
    )

    result = await audited(audit, directory, top=2, execution=execution)

    assert result.raise_for_status().ok
    assert (
        result["report"]
        == f"""\
Audit of {directory}: 3 Python files, and 1 that could not be measured

      files      lines       code    comment      blank    classes  functions  package
          3         17         15          1          1          1          3  all
          2         13         13          0          0          0          3  lib
          1          4          2          1          1          1          0  (top level)

Functions with the most lines

      lines complexity  function
          6          1  longer in lib/two/three.py:1
          5          1  long in lib/one.py:1

Functions with the most complexity

      lines complexity  function
          2          3  tangled in lib/one.py:6
          5          1  long in lib/one.py:1

Could not be measured

  lib/broken.py: line 1: invalid syntax"""
    )


@pytest.mark.anyio
async def test_the_report_does_not_depend_on_the_order_of_reading(audit, write):
    """What is equally long stands in the order of the paths, whichever file is read first."""

    async def read(path):
        for _ in range(10 if path.name == "a.py" else 1):
            await anyio.lowlevel.checkpoint()
        return path.read_bytes()

    directory = write({"a.py": "def f(): pass\n", "b.py": "def f(): pass\n", "c/d.py": "def f(): pass\n"})
    result = await audited(audit, directory, read=read)

    assert re.findall(r"in (\S+):", result["longest"]) == ["a.py", "b.py", "c/d.py"]


@pytest.mark.anyio
@pytest.mark.parametrize("top", [0, -1])
async def test_no_more_is_shown_than_asked_for(audit, write, top):
    """Less than nothing is nothing."""
    result = await audited(audit, write({"a.py": "def f(): pass\ndef g(): pass\n", "b/c.py": ""}), top=top)

    assert result["longest"].endswith("  function")
    assert result["summary"].endswith("  all")


@pytest.mark.anyio
async def test_what_can_be_found_but_not_read_is_reported(audit, write):
    """Links to nowhere and what is no file are named; a directory may be called as it likes."""
    directory = write({"good.py": "x = 1\n", "x.py/inner.py": "y = 2\n"})
    (directory / "broken.py").symlink_to(directory / "nowhere")
    (directory / "loop.py").symlink_to(directory / "loop.py")
    os.mkfifo(directory / "pipe.py")

    result = await audited(audit, directory)

    assert result["summary"].startswith(f"Audit of {directory}: 2 Python files, and 3 that could not be measured\n")
    assert rejected(audit, result) == dict.fromkeys(
        ("broken.py", "loop.py", "pipe.py"), "cannot be reached, or is no ordinary file"
    )


@pytest.mark.anyio
async def test_a_file_that_cannot_be_read_is_reported(audit, write):
    """What will not get better is not tried again, and does not end the audit."""
    asked = []

    async def read(path):
        await anyio.lowlevel.checkpoint()
        asked.append(path.name)
        if path.name == "secret.py":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return b"x = 1\n"

    result = await audited(audit, write({"open.py": "", "secret.py": ""}), read=read)

    assert rejected(audit, result) == {"secret.py": "cannot be read: Permission denied"}
    assert sorted(asked) == ["open.py", "secret.py"]


@pytest.mark.anyio
async def test_a_folder_that_cannot_be_entered_is_reported(audit, write, monkeypatch):
    """Only the directory itself has to be readable."""
    directory = write({"open.py": "x = 1\n", "closed/inner.py": "y = 2\n"})
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    result = await audited(audit, directory)

    assert rejected(audit, result) == {"closed": "cannot be entered: Permission denied"}
    assert result["summary"].startswith(f"Audit of {directory}: 1 Python file, and 1 that")


@pytest.mark.anyio
async def test_a_folder_that_can_only_be_listed_is_reported(audit, write, monkeypatch):
    """Its files have names, and that is all that can be known of them."""
    directory = write({"open.py": "x = 1\n", "listed/inner.py": "y = 2\n"})
    stat = os.stat

    def refuse(path, **options):
        if Path(path).name == "inner.py":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    result = await audited(audit, directory)

    assert rejected(audit, result) == {"listed/inner.py": "cannot be reached, or is no ordinary file"}


@pytest.mark.anyio
async def test_a_directory_without_python_is_a_failure(audit, write):
    """Nothing to audit is more likely a mistake than a result."""
    directory = write({"notes.txt": ""})

    result = await audited(audit, directory)

    assert (StepStatus.FAILURE, f"there are no Python files below {directory}") == (result.status, result.step.reason)


@pytest.mark.anyio
@pytest.mark.parametrize("at_a_time", [1, 2, 7, 30])
async def test_any_number_of_files_may_be_worked_on_at_a_time(audit, write, at_a_time):
    """The report is the same, also where there are not so many."""
    directory = write({f"{number}.py": "def f(): pass\n" * (number % 3) for number in range(9)} | {"broken.py": "def f(:"})

    together = await audited(audit, directory, at_a_time=at_a_time)
    alone = await audited(audit, directory, execution=SerialDfs())
    assert together["report"] == alone["report"]


@pytest.mark.anyio
@pytest.mark.parametrize("at_a_time", [0, -1])
async def test_at_least_one_file_is_worked_on(audit, write, at_a_time):
    """Otherwise nothing would be read."""
    result = await audited(audit, write({"a.py": ""}), at_a_time=at_a_time)

    assert result["summary"].splitlines()[0].endswith(": 1 Python file")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("execution", "at_most"), [(SerialDfs(), 1), (CONCURRENT, 3), (Concurrent(max_concurrency=2), 2)], ids=repr
)
async def test_as_many_files_are_read_at_a_time_as_there_may_be(audit, write, execution, at_most):
    """As the plan says, or as the run does, if that allows less."""
    reading, most = 0, 0

    async def read(path):
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        reading -= 1
        return b""

    await audited(audit, write({f"{number}.py": "" for number in range(20)}), read=read, at_a_time=3, execution=execution)

    assert most == at_most


@pytest.mark.anyio
async def test_some_files_are_measured_while_others_are_being_read(audit, write, monkeypatch):
    """The last file comes only when the first one has been measured."""
    first, measure_file = anyio.Event(), audit.measure_file

    def measured(path, source):
        anyio.from_thread.run_sync(first.set)
        return measure_file(path, source)

    async def read(path):
        if path.name == "b.py":
            await first.wait()
        return path.read_bytes()

    monkeypatch.setattr(audit, "measure_file", measured)
    result = await audited(audit, write({"a.py": "", "b.py": ""}), read=read, at_a_time=2)

    assert result["summary"].splitlines()[0].endswith(": 2 Python files")


@pytest.mark.anyio
@EXECUTIONS
async def test_a_file_that_cannot_be_read_at_last_is_reported(audit, write, execution):
    """After some attempts; all others are measured."""

    async def read(path):
        await anyio.lowlevel.checkpoint()
        if path.name == "b.py":
            raise OSError(errno.EIO, "Input/output error", str(path))
        return b"x = 1\n"

    directory = write({"a.py": "", "b.py": "", "c.py": "", "d.py": ""})
    result = await audited(audit, directory, read=read, execution=execution)

    assert result["summary"].startswith(f"Audit of {directory}: 3 Python files, and 1 that could not be measured\n")
    assert rejected(audit, result) == {"b.py": "cannot be read: Input/output error"}


@pytest.mark.anyio
async def test_a_mistake_ends_the_audit(audit, write, monkeypatch):
    """An exception that is no answer does not count as one."""

    def broken(path, source):
        raise ZeroDivisionError

    monkeypatch.setattr(audit, "measure_file", broken)
    for execution in (CONCURRENT, Concurrent(on_failure="continue")):
        with pytest.raises(ExceptionGroup) as error:
            await audited(audit, write({"a.py": ""}), execution=execution)
        assert [ZeroDivisionError] == [type(each) for each in error.value.exceptions]


@pytest.mark.anyio
async def test_one_plan_serves_one_run_after_the_other(audit, write):
    """Also after one that was cancelled when some files had been measured already."""
    plan, context = audit.plan(2)
    inputs = {"directory": write({"a.py": "x = 1\n", "b.py": ""})}
    with anyio.CancelScope() as scope:

        def stop(event):
            if isinstance(event, ItemEnded):
                scope.cancel()

        await run_plan(plan, context, inputs=inputs, observers=[stop])
    assert scope.cancelled_caught
    results = [await run_plan(plan, context, inputs=inputs, execution=each) for each in (CONCURRENT, SerialDfs())]

    assert [result["report"].splitlines()[0].partition(": ")[2] for result in results] == ["2 Python files"] * 2


@pytest.mark.anyio
async def test_the_commit_is_shown_where_there_is_one(audit, write, monkeypatch):
    """Git is asked in a repository only; if it has no answer, or is not there, that is no matter."""
    asked = []

    async def run_process(command):
        asked.append(command[:3])
        if len(asked) > 1:
            raise [FileNotFoundError(), subprocess.CalledProcessError(128, command)][len(asked) - 2]
        return subprocess.CompletedProcess(command, 0, b" at 1a2b3c4 of 2026-07-01\n")

    monkeypatch.setattr(anyio, "run_process", run_process)
    directory = write({"a.py": ""})
    titles = [(await audited(audit, directory))["summary"].splitlines()[0]]
    (directory / ".git").mkdir()
    titles += [(await audited(audit, directory))["summary"].splitlines()[0] for _ in range(3)]

    assert asked == [["git", "-C", str(directory)]] * 3
    assert [title.removeprefix(f"Audit of {directory}") for title in titles] == [
        ": 1 Python file",
        " at 1a2b3c4 of 2026-07-01: 1 Python file",
        *[": 1 Python file"] * 2,
    ]


@pytest.mark.anyio
@EXECUTIONS
async def test_the_report_is_saved_where_that_is_asked_for(audit, write, execution):
    """To the letter; if it is not, nothing is written, and if that cannot be done, the audit has failed, and has a report."""
    directory = write({"a.py": "x = 1\n"})
    plan, context = audit.plan()

    async def saved(**inputs):
        return await run_plan(plan, context, inputs={"directory": directory, **inputs}, execution=execution)

    without, result, failed = await saved(), await saved(save_to=directory / "report"), await saved(save_to=directory)

    assert [skip.path for skip in without.skipped] == ["discover/commit", "report/save"]
    assert (directory / "report").read_text("utf-8") == f"{result['report']}\n" == f"{without['report']}\n"
    assert [str(each.error).partition(" ")[0] for each in failed.failures] == ["[Errno"]
    assert failed["report"] == without["report"]


@pytest.mark.anyio
async def test_the_loop_is_never_blocked(audit, write, monkeypatch):
    """Walking directories and parsing are done in threads."""
    threads = {}

    def noting(name):
        function = getattr(audit, name)

        def noted(*args):
            threads[name] = threading.get_ident()
            return function(*args)

        monkeypatch.setattr(audit, name, noted)

    noting("find")
    noting("measure_file")
    await audited(audit, write({"a.py": ""}))

    assert set(threads) == {"find", "measure_file"}
    assert threading.get_ident() not in threads.values()


@pytest.mark.anyio
@EXECUTIONS
async def test_an_audit_can_be_cancelled(audit, write, execution):
    """In the middle of reading, and nothing is left of it."""
    with anyio.CancelScope() as scope:

        async def read(path):
            if path.name == "5.py":
                scope.cancel()
            await anyio.lowlevel.checkpoint()
            return b""

        await audited(audit, write({f"{number}.py": "" for number in range(10)}), read=read, execution=execution)

    assert scope.cancelled_caught


@pytest.mark.anyio
@EXECUTIONS
async def test_measuring_can_be_cancelled(audit, write, monkeypatch, execution):
    """A thread ends with the file that it is at."""
    measured = []

    def measure_file(path, source):
        measured.append(path)
        anyio.from_thread.run_sync(scope.cancel)
        return "no matter"

    monkeypatch.setattr(audit, "measure_file", measure_file)
    with anyio.CancelScope() as scope:
        await audited(audit, write({f"{number}.py": "" for number in range(9)}), at_a_time=1, execution=execution)

    assert scope.cancelled_caught
    assert measured == ["0.py"]


# The program


def test_program_reports(run_example, write):
    """A directory on the command line, the number of functions to show, and where else the report is to go."""
    directory = write({"a.py": "def f(): pass\ndef g():\n    if f: pass\n"})
    done = run_example("code_audit.py", directory, "--top", "1", "--save-to", directory / "report")

    assert (done.returncode, done.stderr) == (0, "")
    assert "  g in a.py:2\n" in done.stdout
    assert "  f in a.py:1\n" not in done.stdout
    assert done.stdout.endswith("\n\nEverything could be measured\n")
    assert done.stdout == (directory / "report").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "error"), [("nowhere", "No such file or directory"), ("a.py", "Not a directory")], ids=["missing", "file"]
)
def test_program_fails_when_the_directory_cannot_be_read(run_example, write, name, error):
    """One line that says which and why, and an exit status."""
    directory = write({"a.py": ""}) / name

    done = run_example("code_audit.py", directory)

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        rf"discover: FAILURE \(1 attempt, [^)]+\): the directory cannot be read: "
        rf"\w+: \[Errno \d+\] {error}: '{re.escape(str(directory))}'\n",
        done.stderr,
    )


def test_program_refuses_what_it_does_not_know(run_example):
    """Wrong usage is told apart from failure."""
    done = run_example("code_audit.py", "--bottom")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("error: unrecognized arguments: --bottom\n")


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are always Unicode there")
def test_program_survives_odd_file_names(run_example, write):
    """A name that is no Unicode is shown as well as it can be."""
    directory = write({"a.py": ""})
    Path(os.fsdecode(os.fsencode(directory) + b"/caf\xe9.py")).write_bytes(b"def f(:")

    done = run_example("code_audit.py", directory)

    assert (done.returncode, done.stderr) == (0, "")
    assert "  caf\\udce9.py: line 1: invalid syntax\n" in done.stdout


def test_program_survives_a_terminal_without_unicode(run_example, write, monkeypatch):
    """What cannot be shown there is written in another way."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run_example("code_audit.py", write({"a.py": "def café(): pass"}))

    assert (done.returncode, done.stderr) == (0, "")
    assert "  caf\\xe9 in a.py:1\n" in done.stdout


def test_yorch_runs_the_plan(yorch_run, write):
    """The inputs of the plan are options, and its context comes with it. It says the same on both loops, in order and concurrently."""
    directory = write({"a.py": "def f(): pass\ndef g():\n    if f: pass\n", "b.py": "def h(:"})

    given = ("code_audit.py:plan", "--directory", directory, "--top", "1")
    options = [
        (f"--backend={loop}", f"--execution={how}") for loop in ("asyncio", "trio") for how in ("serial", "concurrent")
    ]
    done, *others = [yorch_run(*given, *each) for each in [*options, ("--max-concurrency=1", "--at-a-time=1")]]

    assert done.returncode == 0
    assert [(each.returncode, each.stdout) for each in others] == [(0, done.stdout)] * 4
    assert f"Audit of {directory}: 1 Python file, and 1 that could not be measured\n" in done.stdout
    assert "  g in a.py:2\n" in done.stdout
    assert "  f in a.py:1\n" not in done.stdout
    assert "  b.py: line 1: invalid syntax\n" in done.stdout


def test_yorch_says_what_failed(yorch_run, tmp_path):
    """A directory that cannot be read ends with the same sentence and the same status as in the program."""
    done = yorch_run("code_audit.py:plan", "--directory", tmp_path / "nowhere")

    assert done.returncode == 1
    assert "the directory cannot be read: FileNotFoundError: [Errno 2] No such file or directory" in done.stderr
