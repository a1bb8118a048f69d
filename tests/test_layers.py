"""Imports go one way: each file can be read, tested and loaded with only what lies below it.

Every import is read from the source, the typing-only ones included, because they are knowledge too.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest
from house import Source, read_house, sketch

# Each room may import the floors below it. On its own floor it may import what stands to its left after a "<"; rooms that
# a "|" separates do not know each other.
FLOORS = (
    "yorch_worker",
    "_door < _types < _copying < _rules < _errors < _results < _events < _slots < _items < _specs < _reads < _context",
    "_signature < _bind < _kinds < _accesses < _methods < _outputs < _adapter < _tasks < _variants < _register < _each",
    "adapters",
    "_known < _placed < _builder < _tree",
    "plan",
    "execution",
    "views | testing | runner < yorch_async",
    "cli | pytest_plugin",
    "__main__",
)

# Below, and still a secret: a plan asks tasks and not their adapters; who shows a plan does not run it.
UNKNOWN_TO = {"plan": {"adapters"}, "views": {"execution", "adapters"}}

# Rooms in which nothing waits: values, descriptions and decisions.
NEVER_WAIT = {
    "yorch_worker",
    *FLOORS[1].split(" < "),
    *FLOORS[2].split(" < "),
    "_known",
    "_placed",
    "_builder",
    "_tree",
    "plan",
}

# The only modules that import while they run: what is loaded there is named by the user, or asked for by few test sessions of many.
IMPORT_LATE = {"yorch_async.cli._load", "yorch_async.pool._link", "yorch_async.pytest_plugin"}

# Who may import what is neither ours nor in the standard library ("*": every room but those that never wait).
FOREIGN = {"anyio": {"*"}, "cloudpickle": {"pool"}, "rich": {"cli"}, "click": {"cli"}, "pytest": {"pytest_plugin"}}

# The standard library's own loop and processes: anyio stands between us and the one, pools own the others.
NOT_OURS_TO_USE = {"asyncio", "concurrent", "multiprocessing"}


class Import(NamedTuple):
    """One import statement's target, as a dotted name, and the line it stands in."""

    target: str
    line: int
    late: bool


def room_of(module: str) -> str:
    """The part of a dotted name that stands in FLOORS: a folder or file of yorch_async, its door, or the worker's package."""
    package, *inner = module.split(".")
    return inner[0] if package == "yorch_async" and inner else package


def places() -> dict[str, tuple[int, int, str]]:
    """Where each room stands: its floor, its position in its line, and the line."""
    return {
        room.strip(): (floor, position, line.strip())
        for floor, rooms in enumerate(FLOORS)
        for line in rooms.split("|")
        for position, room in enumerate(line.split("<"))
    }


def imports_of(source: Source, house: Mapping[str, Source]) -> Iterator[Import]:
    """Every import of a module. What is imported from a package counts as its submodule, where there is one."""
    for node, late in _import_nodes(source.tree, late=False):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, late) for alias in node.names)
            continue
        base = node.module or ""
        if node.level:
            parts = source.module.split(".")
            kept = len(parts) - node.level + source.is_package
            base = ".".join([*parts[:kept], *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield Import(inner if inner in house else base, node.lineno, late)


def _import_nodes(node: ast.AST, *, late: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, late
        yield from _import_nodes(child, late=late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def complaints(house: Mapping[str, Source]) -> list[str]:
    """Everything that is wrong with the order of a house, one line each."""
    return [
        *unplaced(house),
        *wrong_edges(house),
        *rings(house),
        *late_imports(house),
        *foreign_imports(house),
        *waits(house),
    ]


def unplaced(house: Mapping[str, Source]) -> Iterator[str]:
    """Modules that nobody has given a floor."""
    known = places()
    for module in house:
        if room_of(module) not in known:
            yield f"{module} stands on no floor; give it one in FLOORS"


def wrong_edges(house: Mapping[str, Source]) -> Iterator[str]:
    """Imports that go up, to a neighbour, to a secret, or through a wall."""
    for source in house.values():
        here = room_of(source.module)
        for edge in imports_of(source, house):
            there = room_of(edge.target)
            if edge.target in house and there != here and (fault := wrong_edge(here, there, edge.target)):
                yield f"{source.module}:{edge.line} imports {edge.target}: {fault}"


def wrong_edge(here: str, there: str, target: str) -> str | None:
    """What is wrong with a room importing another, if something is."""
    known = places()
    if here not in known or there not in known:
        return None  # said by unplaced()
    floor, position, line = known[here]
    other_floor, other_position, other_line = known[there]
    if other_floor > floor:
        return f"upward, from floor {floor} to {other_floor}"
    if other_floor == floor and (line != other_line or other_position > position):
        return "a neighbour on its own floor"
    if there in UNKNOWN_TO.get(here, ()):
        return f"{here} does not know {there}"
    if target.rpartition(".")[2].startswith("_") and target.count(".") > 1:
        return f"a wall of another room; its door is yorch_async.{there}"
    return None


def rings(house: Mapping[str, Source]) -> Iterator[str]:
    """Modules that import each other in a circle."""
    graph = {
        source.module: {edge.target for edge in imports_of(source, house) if edge.target in house}
        for source in house.values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring = error.args[1][:0:-1]
        start = ring.index(min(ring))
        yield "a ring: " + " -> ".join([*ring[start:], *ring[:start], ring[start]])


def late_imports(house: Mapping[str, Source]) -> Iterator[str]:
    """Imports that happen while a function runs, written as a statement or as a call."""
    for source in house.values():
        if source.module in IMPORT_LATE:
            continue
        lines = [edge.line for edge in imports_of(source, house) if edge.late]
        lines += [node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.Call) and _is_import_call(node.func)]
        yield from (f"{source.module}:{line} imports inside a function" for line in sorted(set(lines)))


def _is_import_call(called: ast.expr) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in {"__import__", "import_module"}


def foreign_imports(house: Mapping[str, Source]) -> Iterator[str]:
    """Imports of what a room has no business with."""
    ours = {name.partition(".")[0] for name in house}
    for source in house.values():
        room = room_of(source.module)
        for edge in imports_of(source, house):
            top = edge.target.partition(".")[0]
            if top in ours and edge.target not in house:
                yield f"{source.module}:{edge.line} imports {edge.target}, which is not there"
            allowed = FOREIGN.get(top, set())
            welcome = room in allowed or ("*" in allowed and room not in NEVER_WAIT)
            if top not in ours | set(sys.stdlib_module_names) and not welcome:
                yield f"{source.module}:{edge.line} imports {top}, which its room has no use for"
            if top in NOT_OURS_TO_USE:
                yield f"{source.module}:{edge.line} imports {top}; anyio is the loop, pools own the processes"


def waits(house: Mapping[str, Source]) -> Iterator[str]:
    """Waiting where nothing may wait."""
    waiting = ast.Await | ast.AsyncFor | ast.AsyncWith
    for source in house.values():
        if room_of(source.module) in NEVER_WAIT:
            lines = [node.lineno for node in ast.walk(source.tree) if isinstance(node, waiting)]
            yield from (f"{source.module}:{line} waits, in a room of values and decisions" for line in lines)


def test_the_house_is_in_order():
    """No import goes up, to a neighbour, through a wall or in a ring; none is late; nothing foreign comes in by the way."""
    assert [] == complaints(read_house())


def test_every_floor_has_its_rooms():
    """FLOORS names no room that does not exist, so that it can be read as the map of the house."""
    rooms = {room_of(module) for module in read_house()}
    assert set() == set(places()) - rooms


GOOD = {
    "yorch_async": "from .plan import Plan\n",
    "yorch_async._errors": "class A: ...\n",
    "yorch_async._results": "from ._errors import A\n",
    "yorch_async.plan": "from ._plan import Plan\n",
    "yorch_async.plan._plan": "from .._results import A\nimport dataclasses\n",
    "yorch_async.execution": "from .plan import Plan\nimport anyio\n",
    "yorch_async.cli": "from ._load import load\nfrom .. import Plan\nimport rich.tree\n",
    "yorch_async.cli._load": "def load(name):\n    from importlib import import_module\n    import_module(name)\n",
    "yorch_worker": "",
}

REFUSALS = {
    "no floor": (
        {"yorch_async._helpers": ""},
        "yorch_async._helpers stands on no floor; give it one in FLOORS",
    ),
    "upward": (
        {"yorch_async._results": "from .plan import Plan\n"},
        "yorch_async._results:1 imports yorch_async.plan: upward, from floor 1 to 5",
    ),
    "typing only": (
        {"yorch_async._results": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import yorch_async.plan\n"},
        "yorch_async._results:3 imports yorch_async.plan: upward, from floor 1 to 5",
    ),
    "to the right": (
        {"yorch_async._errors": "from yorch_async._slots import Slot\n", "yorch_async._slots": ""},
        "yorch_async._errors:1 imports yorch_async._slots: a neighbour on its own floor",
    ),
    "neighbour": (
        {"yorch_async.views": "", "yorch_async.testing": "from . import views\n"},
        "yorch_async.testing:1 imports yorch_async.views: a neighbour on its own floor",
    ),
    "the facade from inside": (
        {"yorch_async.execution": "from yorch_async import Plan\n"},
        "yorch_async.execution:1 imports yorch_async: upward, from floor 6 to 7",
    ),
    "a secret": (
        {"yorch_async.views": "from yorch_async.execution import run\n"},
        "yorch_async.views:1 imports yorch_async.execution: views does not know execution",
    ),
    "the worker knows us": (
        {"yorch_worker": "from yorch_async import _errors\n"},
        "yorch_worker:1 imports yorch_async._errors: upward, from floor 0 to 1",
    ),
    "a wall": (
        {"yorch_async.execution": "from yorch_async.plan._plan import Plan\n"},
        "yorch_async.execution:1 imports yorch_async.plan._plan: a wall of another room; its door is yorch_async.plan",
    ),
    "a ring": (
        {"yorch_async.plan._plan": "from . import _rules\n", "yorch_async.plan._rules": "from ._plan import Plan\n"},
        "a ring: yorch_async.plan._plan -> yorch_async.plan._rules -> yorch_async.plan._plan",
    ),
    "inside a function": (
        {"yorch_async.execution": "def run():\n    if 1:\n        import json\n"},
        "yorch_async.execution:3 imports inside a function",
    ),
    "by a call": (
        {"yorch_async.execution": "import importlib\nyaml = importlib.import_module('json')\n"},
        "yorch_async.execution:2 imports inside a function",
    ),
    "foreign": (
        {"yorch_async.views": "import rich\n"},
        "yorch_async.views:1 imports rich, which its room has no use for",
    ),
    "a loop in a pure room": (
        {"yorch_async.plan": "import anyio\n"},
        "yorch_async.plan:1 imports anyio, which its room has no use for",
    ),
    "the loop behind anyio": (
        {"yorch_async.execution": "from asyncio import sleep\n"},
        "yorch_async.execution:1 imports asyncio; anyio is the loop, pools own the processes",
    ),
    "not there": (
        {"yorch_async.execution": "from ._gone import x\n"},
        "yorch_async.execution:1 imports yorch_async._gone, which is not there",
    ),
    "waiting": (
        {"yorch_async.plan": "async def check(rule):\n    await rule\n"},
        "yorch_async.plan:2 waits, in a room of values and decisions",
    ),
}


def test_a_house_in_order_has_no_complaints():
    """The sketch that the refusals below change in one place is itself without fault."""
    assert [] == complaints(sketch(GOOD))


@pytest.mark.parametrize("case", REFUSALS)
def test_each_disorder_is_found(case):
    """One change to a good house, one complaint that says where and what."""
    change, expected = REFUSALS[case]
    found = complaints(sketch(GOOD | change))
    assert expected in found
