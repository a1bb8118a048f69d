"""Every example in the documentation runs, and prints what is written under it.

In a page, the `python` blocks are one program, run from top to bottom as `__main__`, in an empty folder. What a block prints stands
in the `output` block after it, where `...` is anything; the same holds for a program that the page includes. A `console` block shows
commands and their answers, on the files in `docs/_programs`. In a docstring, an example is a doctest that may use every public name.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from runpy import run_path

import pytest
from house import ROOT
from sybil import Document, Region, Sybil
from sybil.document import PythonDocStringDocument
from sybil.evaluators.python import PythonEvaluator
from sybil.example import NotEvaluated
from sybil.parsers.doctest import DocTestParser
from sybil.parsers.myst import CodeBlockParser

import yorch_async
import yorch_async.testing

PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
INCLUDED = re.compile(r"^```\{literalinclude\} (\S+\.py)\n:start-.*?^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ yorch (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
PROGRAMS = ROOT / "docs" / "_programs"
MODULES = sorted((ROOT / "yorch_async").rglob("*.py"))


class Printed:
    """Runs the blocks of one page, and holds them against what is shown."""

    def __init__(self) -> None:
        self.pending = ""
        self.parsers = [
            CodeBlockParser("python", self.run),
            self.included,
            CodeBlockParser("output", self.compare),
            CodeBlockParser("console", self.converse),
        ]

    def included(self, document):
        """Find the programs that a page includes."""
        for found in INCLUDED.finditer(document.text):
            yield Region(found.start(), found.end(), Path(document.path).parent / found[1], self.run_program)

    def run_program(self, example):
        """Run a whole program, and remember what it prints."""
        self.all_is_shown()
        with redirect_stdout(StringIO()) as printed:
            run_path(str(example.parsed), run_name="__main__")
        self.pending = printed.getvalue()

    def run(self, example):
        """Run a block of code, and remember what it prints."""
        self.all_is_shown()
        example.namespace.setdefault("__name__", "__main__")
        with redirect_stdout(StringIO()) as printed:
            PythonEvaluator()(example)
        self.pending = printed.getvalue()

    def compare(self, example):
        """Compare what was printed with a block of output."""
        if not matches(example.parsed, self.pending):
            pytest.fail(
                f"{example.path}:{example.line} shows\n{example.parsed}\nbut this was printed\n{self.pending}", pytrace=False
            )
        self.pending = ""

    def converse(self, example):
        """Type what stands after `$ yorch`, and compare the answer."""
        self.all_is_shown()
        for command, shown in COMMAND.findall(example.parsed):
            typed = [sys.executable, "-m", "yorch_async", *shlex.split(command)]
            environment = os.environ | {"NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100"}
            done = subprocess.run(
                typed,
                cwd=PROGRAMS,
                env=environment,
                text=True,
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            if not matches(shown, done.stdout):
                pytest.fail(
                    f"{example.path}:{example.line} {command} shows\n{shown}\nbut it is\n{done.stdout}", pytrace=False
                )

    def all_is_shown(self):
        """Fail if something was printed that the page does not show."""
        if self.pending:
            pytest.fail(f"printed, but not shown\n{self.pending}", pytrace=False)


def matches(shown: str, printed: str) -> bool:
    """Whether a text is the one that is shown, apart from `...` and from spaces at the ends of lines."""
    want, got = ("".join(f"{line.rstrip()}\n" for line in text.splitlines()) for text in (shown, printed))
    return doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)


@pytest.mark.parametrize("path", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES])
def test_the_examples_of_a_page_run_as_shown(path, tmp_path, monkeypatch):
    """A reader who pastes a page block by block sees what the page shows."""
    monkeypatch.chdir(tmp_path)
    printed = Printed()
    for example in Sybil(printed.parsers).parse(path):
        example.evaluate()
    printed.all_is_shown()


class DocStrings(PythonDocStringDocument):
    """The docstrings of a module, with the public names instead of the module's own, as a user has them."""

    def import_document(self, example):
        """Begin with what a user imports."""
        for door in (yorch_async, yorch_async.testing):
            self.namespace.update({name: getattr(door, name) for name in door.__all__})
        self.pop_evaluator(self.import_document)
        raise NotEvaluated


@pytest.mark.parametrize("path", MODULES, ids=[path.relative_to(ROOT).as_posix() for path in MODULES])
def test_the_examples_of_docstrings_run(path):
    """A reader of `help(...)` can try what it shows."""
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    for example in Sybil([DocTestParser(flags)], document_types={".py": DocStrings}).parse(path):
        example.evaluate()


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a  \n", True),
        ("took ... s\n", "took 0.1 s\n", True),
        ("  a\n", "a\n", False),
        ("a\n", "a\nb\n", False),
        ("a\n", "", False),
    ],
)
def test_what_counts_as_shown(shown, printed, expected):
    """Spaces in front matter, those behind do not, and nothing may be left out silently."""
    assert matches(shown, printed) is expected


def page_of(folder: Path, text: str) -> Document:
    """A page for a test of the tests."""
    page = folder / "page.md"
    page.write_text(text, "utf-8")
    return Sybil(Printed().parsers).parse(page)


def test_a_wrong_output_is_found(tmp_path):
    """The page says one thing and the program another."""
    page = page_of(tmp_path, "```python\nprint(1)\n```\n\n```output\n2\n```\n")
    with pytest.raises(pytest.fail.Exception, match="but this was printed\n1"):
        _ = [example.evaluate() for example in page]


def test_a_hidden_output_is_found(tmp_path):
    """The program prints what the page does not show."""
    page = page_of(tmp_path, "```python\nprint(1)\n```\n\n```python\nx = 2\n```\n")
    with pytest.raises(pytest.fail.Exception, match="printed, but not shown\n1"):
        _ = [example.evaluate() for example in page]
