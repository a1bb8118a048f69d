"""A test is a promise, and says which: one sentence, where its name alone could be misread."""

import ast

from house import ROOT, Source


def silent_tests(source: Source) -> list[str]:
    """The tests of a module that do not say what they promise."""
    return [
        f"{source.module}:{function.lineno} {name}"
        for name, function in source.functions()
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]


def test_every_test_says_what_it_promises():
    """No test without a docstring."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    sources = [Source(str(path.relative_to(ROOT)), is_package=False, text=path.read_text("utf-8")) for path in paths]
    assert [] == [line for source in sources for line in silent_tests(source)]


def test_a_silent_test_is_found():
    """It is named with its line; helpers may be silent."""
    text = 'def test_a():\n    """Hold."""\n\ndef helper(): ...\n\nasync def test_b(): ...\n'
    assert ["m:6 test_b"] == silent_tests(Source("m", is_package=False, text=text))
