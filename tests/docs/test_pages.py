"""What pages show is what the sources say, and is written as the house writes."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from house import ROOT

from yorch_async._rules import RULES

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]

FENCE = re.compile(r"^(```+|:::+).*?^\1\s*$", re.DOTALL | re.MULTILINE)
TWO_SENTENCES = re.compile(r"^(?!\|).*[a-z)`*][.!?] [A-Z].*$", re.MULTILINE)


def test_the_page_of_rules_lists_every_rule():
    """It is filled in from the table that messages are made of, when the documentation is built."""
    source = [(ROOT / "docs" / "rules.md").read_text("utf-8")]
    load("_rules_page").fill(None, "rules", source)
    assert re.findall(r"^### (.*)$", source[0], re.MULTILINE) == list(RULES)
    assert "% rules" not in source[0]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{what} is a method", "*what* is a method"),
        ("has no source{why}", "has no source *why*"),
        ("inputs={{'{what}': ...}}", "inputs={'*what*': ...}"),
        ("write from_ctx(T)", r"write from\_ctx(T)"),
        ("as in `out: DirectOut[T]`", "as in `out: DirectOut[T]`"),
    ],
)
def test_how_a_rule_is_written_as_markdown(template, expected):
    """Facts are in italics; what Markdown would take as markup is not taken so."""
    assert load("_rules_page").sentence(template) == expected


def load(extension: str) -> ModuleType:
    """A part of the documentation's own machinery."""
    spec = spec_from_file_location(extension, ROOT / "docs" / f"{extension}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_shows_the_first_example():
    """Who pastes from the README runs what the suite runs: the text is `examples/hello.py` below its docstring."""
    _, _, program = (ROOT / "examples" / "hello.py").read_text("utf-8").split('"""', 2)
    assert f"```python\n{program.strip()}\n```\n" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_sentences_have_lines_of_their_own(page):
    """A change of one sentence is then a change of one line."""
    assert TWO_SENTENCES.findall(FENCE.sub("", page.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One.\nTwo.\n", []),
        ("One. Two.\n", ["One. Two."]),
        ("See `x`. It is.\n", ["See `x`. It is."]),
        ("| One. Two. |\n", []),
        ("Version 1.0 is out.\n", []),
        ("```text\nOne. Two.\n```\n", []),
    ],
)
def test_what_counts_as_two_sentences(text, expected):
    """Tables and code are left alone."""
    assert TWO_SENTENCES.findall(FENCE.sub("", text)) == expected
