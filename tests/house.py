"""The sources of the house, read but not imported, for the tests that hold its architecture."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = {"yorch_async": ROOT / "yorch_async", "yorch_worker": ROOT / "workers" / "yorch_worker"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One module: its dotted name, whether it is a package's `__init__`, and its text."""

    module: str
    is_package: bool
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Every function with its dotted name inside the module, nested ones included."""
        yield from _functions(self.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        inner = f"{prefix}{child.name}." if isinstance(child, Function | ast.ClassDef) else prefix
        yield from _functions(child, inner)


def read_house() -> dict[str, Source]:
    """Every module of both packages, by dotted name."""
    return {source.module: source for name, folder in PACKAGES.items() for source in _read(name, folder)}


def _read(name: str, folder: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*.py")):
        *parents, stem = path.relative_to(folder).with_suffix("").parts
        is_package = stem == "__init__"
        yield Source(
            ".".join([name, *parents] if is_package else [name, *parents, stem]), is_package, path.read_text("utf-8")
        )


def sketch(modules: Mapping[str, str]) -> dict[str, Source]:
    """A house for a test: texts by dotted name; a module is a package when another one lies in it."""
    return {
        name: Source(name, any(other.startswith(name + ".") for other in modules), text) for name, text in modules.items()
    }
