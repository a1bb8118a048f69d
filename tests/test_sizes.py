"""No file and no function grows without end: 300 lines and 40, or a reason.

A function's docstring is not counted: what is said about it should never be cut to make it fit.
"""

import ast
from collections.abc import Iterator, Mapping

import pytest
from house import Function, Source, read_house, sketch

FILE_LINES = 300
FUNCTION_LINES = 40

# What may be longer, each with its reason; the names as in the complaints.
LONGER: dict[str, str] = {
    "yorch_async._tree": "nodes and trees, which know each other, with an overload for each way to place a node",
    "yorch_async.execution._workers.Workers._take_quickly": "the loop that every element goes through, as those of nodes",
    "yorch_async._rules": "one table, read top down; to split it would hide a rule from its neighbours",
    "yorch_async.execution._concurrent._Runners._work": "the loop that every node goes through, as that of the interpreter",
    "yorch_async.execution._interpret.interpret": "the loop that every node goes through: a call more would cost as much as a node",
}


def too_long(house: Mapping[str, Source]) -> Iterator[tuple[str, int]]:
    """Each file and function over its limit, with its length."""
    for source in house.values():
        lines = len(source.text.splitlines())
        if lines > FILE_LINES:
            yield source.module, lines
        for name, function in source.functions():
            if (length := length_of(function)) > FUNCTION_LINES:
                yield f"{source.module}.{name}", length


def length_of(function: Function) -> int:
    """The lines of a function from `def` to its end, without its docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def test_nothing_is_too_long():
    """Every file and function is within its limit or has a reason to be longer."""
    assert [] == [f"{name}: {lines} lines" for name, lines in too_long(read_house()) if name not in LONGER]


def test_every_exception_is_needed():
    """LONGER names nothing that has become short or has gone."""
    assert set() == set(LONGER) - {name for name, _ in too_long(read_house())}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\n" * FILE_LINES, []),
        ("x = 1\n" * (FILE_LINES + 1), [("yorch_async.a", FILE_LINES + 1)]),
        ("def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1), []),
        ("def f():\n" + "    x = 1\n" * FUNCTION_LINES, [("yorch_async.a.f", FUNCTION_LINES + 1)]),
        ('def f():\n    """Say\n    much."""\n' + "    x = 1\n" * (FUNCTION_LINES - 1), []),
        (
            "class C:\n    async def f(self):\n" + "        x = 1\n" * FUNCTION_LINES,
            [("yorch_async.a.C.f", FUNCTION_LINES + 1)],
        ),
    ],
    ids=["file fits", "file too long", "function fits", "function too long", "docstring is free", "method too long"],
)
def test_lengths_are_counted_to_the_line(text, expected):
    """The limit itself is allowed, one line more is not."""
    assert expected == list(too_long(sketch({"yorch_async.a": text})))
