"""From `package.module:attribute` or `path/file.py:attribute` to the object that it names.

A file is imported under the name by which Python would find it from the folder that is put on `sys.path`: the one that it lies in,
or the one above the outermost package that it belongs to. So its classes can be pickled, and its relative imports work.

*Guarantees*: whatever happens while the user's module is imported is told as Trouble, except Ctrl-C; a file is imported once.
*Does not know*: what the object should be.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from ._trouble import Trouble, describe_error

__all__ = ["load", "load_room"]


def load(reference: str, app_dir: Path | None, *, what: str) -> Any:
    """The object that a reference names; `what` is the word for the reference on the command line."""
    where, _, attribute = reference.rpartition(":")
    if not where or not all(part.isidentifier() for part in attribute.split(".")):
        raise Trouble(f"{what} is written as package.module:attribute or path/file.py:attribute, not '{reference}'")
    if app_dir is not None:
        _put_on_path(app_dir.resolve())
    if where.endswith(".py") or os.sep in where or (os.altsep or os.sep) in where:
        module = _import_file(where)
    else:
        module = _import_name(where, app_dir)
    return _attribute(module, where, attribute)


def load_room(name: str) -> Any:
    """A module of this room that is only loaded when it is asked for, because it takes as long as all others together."""
    return import_module(f".{name}", __package__)


def _import_name(name: str, app_dir: Path | None) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise Trouble(f"'{name}' is not the name of a module; a file is written with its .py, as in path/file.py:attribute")
    if app_dir is None:
        try:
            app_dir = Path.cwd()
        except OSError as error:
            raise Trouble(f"cannot read the current directory: {error.strerror}; use --app-dir") from None
        _put_on_path(app_dir)
    with _importing(name, f"; looked in {app_dir} and among what is installed"):
        return import_module(name)


def _import_file(where: str) -> ModuleType:
    try:
        path = Path(where).resolve(strict=True)
        path.open("rb").close()
    except OSError as error:
        raise Trouble(f"cannot read '{where}': {error.strerror}") from None
    folder, name, in_package = _home_of(path)
    _put_on_path(folder)
    if in_package:
        with _importing(where):
            module = import_module(name)
        if not _is_of(module, path):
            found = getattr(module, "__file__", None) or "built in"
            raise Trouble(f"cannot import '{where}' as '{name}': that name belongs to another module ({found})")
        return module
    while name in sys.modules:
        if _is_of(sys.modules[name], path):
            return sys.modules[name]
        name += "_"
    return _execute(name, path, where)


def _home_of(path: Path) -> tuple[Path, str, bool]:
    """The folder to import a file from, the name to import it by, and whether that leads through a package."""
    folder, packages = path.parent, list[str]()
    while (folder / "__init__.py").is_file() and folder.name.isidentifier() and "." not in path.stem:
        packages.insert(0, folder.name)
        folder = folder.parent
    names = packages if packages and path.stem == "__init__" else [*packages, path.stem.replace(".", "_")]
    return folder, ".".join(names), bool(packages)


def _is_of(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__dict__", {}).get("__file__")  # what is in sys.modules may be any object
    return isinstance(file, str) and Path(file).resolve() == path


def _execute(name: str, path: Path, where: str) -> ModuleType:
    """Import a single file under a name that is free."""
    loader = SourceFileLoader(name, str(path))
    spec = ModuleSpec(name, loader, origin=str(path))
    spec.has_location = True  # which gives the module its __file__
    module = sys.modules[name] = module_from_spec(spec)
    try:
        with _importing(where):
            loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _importing(where: str, hint: str = "") -> Generator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        ending = f"it ended the program while it was imported, by {describe_error(error)}"
        advice = 'put what only a script should do under `if __name__ == "__main__":`'
        raise Trouble(f"cannot import '{where}': {ending}; {advice}", error) from error
    except BaseException as error:
        named = isinstance(error, ModuleNotFoundError) and f"{where}.".startswith(f"{error.name}.")
        raise Trouble(f"cannot import '{where}': {describe_error(error)}{hint if named else ''}", error) from error


def _attribute(module: ModuleType, where: str, attribute: str) -> Any:
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            near = get_close_matches(part, dir(found), 1)
            advice = f"; did you mean '{near[0]}'?" if near else ""
            raise Trouble(f"'{where}' has no '{attribute}'{advice}", error) from None
        except Exception as error:
            raise Trouble(f"cannot read '{attribute}' of '{where}': {describe_error(error)}", error) from error
    return found


def _put_on_path(folder: Path) -> None:
    if str(folder) not in sys.path[:1]:
        sys.path.insert(0, str(folder))
