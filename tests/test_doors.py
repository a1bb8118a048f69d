"""What is public is a decision, and every name of it stands in one door."""

import ast
import inspect
from importlib import import_module

import pytest
from house import PACKAGES, ROOT, read_house

# The modules that users import from: they hold nothing but re-exports.
DOORS = ["yorch_async", "yorch_async.testing", "yorch_async.views"]


def names_of(module: str) -> list[str]:
    """What a public module lists."""
    return list(import_module(module).__all__)


EVERY_NAME = [(module, name) for module in DOORS for name in names_of(module)]


@pytest.mark.parametrize("module", DOORS)
def test_a_door_holds_only_reexports(module):
    """A docstring, imports of our own, and `__all__`; no logic, no state."""
    docstring, *body = read_house()[module].tree.body
    assert isinstance(docstring, ast.Expr)
    assert [ast.unparse(node) for node in body if not _is_reexport(node) and not _is_all(node)] == []


def _is_reexport(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (bool(node.level) or (node.module or "").split(".")[0] in PACKAGES)


def _is_all(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)] == ["__all__"]


@pytest.mark.parametrize("module", DOORS)
def test_all_is_the_namespace(module):
    """Nothing leaks and nothing is forgotten: what the door imports is what it lists."""
    tree = read_house()[module].tree
    imported = [alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(names_of(module)) == sorted(imported)


@pytest.mark.parametrize("module", DOORS)
def test_all_is_sorted_and_without_doubles(module):
    """A list that is looked up by eye."""
    assert sorted(set(names_of(module))) == names_of(module)


def test_each_name_stands_in_one_door():
    """There is one way to import a thing."""
    names = [name for _, name in EVERY_NAME]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(("module", "name"), EVERY_NAME, ids=[name for _, name in EVERY_NAME])
def test_a_public_name_is_at_home_in_its_door(module, name):
    """Tracebacks, pickles and documentation show the path that a program may rely on."""
    thing = getattr(import_module(module), name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert module == thing.__module__


@pytest.mark.parametrize(("module", "name"), EVERY_NAME, ids=[name for _, name in EVERY_NAME])
def test_a_public_name_is_explained(module, name):
    """Classes, functions and public methods say in a docstring what they are for."""
    thing = getattr(import_module(module), name)
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return
    assert (thing.__doc__ or "").strip()
    assert not (thing.__doc__ or "").startswith(f"{name}(")  # made by dataclass, not by a person
    members = vars(thing) if inspect.isclass(thing) else {}
    routines = {
        key: getattr(thing, key) for key in members if not key.startswith("_") and inspect.isroutine(getattr(thing, key))
    }
    assert [] == [key for key, member in routines.items() if not (inspect.getdoc(member) or "").strip()]


@pytest.mark.parametrize(("module", "name"), EVERY_NAME, ids=[name for _, name in EVERY_NAME])
def test_a_public_name_has_its_place_in_the_reference(module, name):
    """Each is named in docs/reference.md, as code."""
    reference = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert f"`{name}`" in reference or f"`{name}(" in reference or f"{module}.{name}" in reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from ._a import b", True),
        ("from yorch_async._a import b", True),
        ("from typing import Any", False),
        ("import yorch_async", False),
        ("__all__ = ['b']", True),
        ("__all__: list[str] = ['b']", True),
        ("VERSION = 1", False),
        ("for x in []: pass", False),
    ],
)
def test_what_may_stand_in_a_door(text, expected):
    """The two kinds of statement, and some that are neither."""
    node = ast.parse(text).body[0]
    assert (_is_reexport(node) or _is_all(node)) is expected
