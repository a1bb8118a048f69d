"""From a reference to an object: what is imported, under which name, and what is told when that fails."""

import os
import pickle
import sys
from pathlib import Path

import pytest

from yorch_async.cli._load import load
from yorch_async.cli._trouble import Trouble

TREE = "tree = TaskTree('t')\ntree.root(lambda: __name__, name='one')\n"


def told(call, *args, **options):
    """What the Trouble says."""
    with pytest.raises(Trouble) as raised:
        call(*args, **options)
    return raised.value.format_message()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("flow.py", "flow"),
        ("flows/flow.py", "flow"),
        ("my-flow.py", "my-flow"),
        ("flow.v2.py", "flow_v2"),
        ("random.py", "random_"),
        ("my-package/__init__.py", "__init__"),
    ],
)
def test_a_file_is_imported_under_its_name(path, name, write, yorch):
    """Unless the name is taken, or cannot be imported."""
    write(path, TREE)
    assert yorch("run", f"{path}:tree").out == f"{name}\n"
    assert (path, name in sys.modules) == (path, True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("package/flow.py", "package.flow"),
        ("package/inner/__init__.py", "package.inner"),
        ("package/__init__.py", "package"),
    ],
)
def test_a_file_of_a_package_is_imported_as_part_of_it(path, name, write, yorch):
    """So that relative imports work."""
    for each in ("package/__init__.py", "package/inner/__init__.py"):
        write(each, "")
    write("package/part.py", "x = 1")
    write(path, ("from package.part import x\n" if path.endswith("__init__.py") else "from .part import x\n") + TREE)
    assert yorch("run", f"{path}:tree").out == f"{name}\n"


def test_the_folder_of_a_file_can_be_imported_from(write, yorch):
    """As when Python runs the file."""
    write("flows/helper.py", "x = 1")
    write("flows/flow.py", "import helper\n" + TREE)
    assert yorch("run", "flows/flow.py:tree").status == 0


def test_what_a_file_defines_can_be_pickled(write):
    """Classes and functions are found by their module's name."""
    write("flow.py", "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: 'int'\n")
    point = load("flow.py:Point", None, what="TARGET")(3)
    assert pickle.loads(pickle.dumps(point)) == point


def test_a_file_is_imported_once(write):
    """Target and context may lie in the same file, and share its objects."""
    write("flow.py", "class A: ...\n")
    write("random.py", "class A: ...\n")
    for name in ("flow", "random"):
        first = load(f"{name}.py:A", None, what="TARGET")
        assert load(os.path.join(".", f"{name}.py:A"), None, what="--context") is first  # noqa: PTH118 - a Path leaves out "."


def test_a_module_is_found_in_the_current_folder(write, yorch):
    """As with `python -m`; the attribute may be dotted."""
    write("package/flow.py", TREE + "class Space:\n    inner = tree")
    assert yorch("run", "package.flow:Space.inner").out == "package.flow\n"


def test_a_module_is_found_in_the_app_dir(write, yorch):
    """`--app-dir`, also for a file that imports from there."""
    write("src/helper.py", TREE)
    write("flow.py", "from helper import tree")
    assert yorch("run", "helper:tree").status == 2
    assert yorch("run", "helper:tree", "--app-dir=src").out == "helper\n"
    assert yorch("run", "flow.py:tree", "--app-dir", "src").out == "helper\n"
    assert yorch("run", "helper:tree", "--app-dir=nowhere").status == 2


NOT_REFERENCES = ["flow", "flow.py", ":tree", "flow:", "flow.py:a b", "flow:a..b"]


@pytest.mark.parametrize("reference", NOT_REFERENCES)
def test_what_is_no_reference(reference, yorch):
    """It is said how one is written."""
    done = yorch("run", reference)
    message = f"TARGET is written as package.module:attribute or path/file.py:attribute, not '{reference}'"
    assert (done.status, done.err) == (2, f"Error: {message}\n")


def test_a_name_that_no_module_can_have():
    """A file is meant, perhaps."""
    assert told(load, "my-flow:tree", None, what="TARGET") == (
        "'my-flow' is not the name of a module; a file is written with its .py, as in path/file.py:attribute"
    )


@pytest.mark.parametrize("name", ["flow", "package.flow"])
def test_a_module_that_is_not_there(name, tmp_path):
    """Where it was looked for."""
    missing = name.partition(".")[0]
    assert told(load, f"{name}:tree", None, what="TARGET") == (
        f"cannot import '{name}': ModuleNotFoundError: No module named '{missing}'; "
        f"looked in {tmp_path} and among what is installed"
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [("flow.py", "No such file or directory"), ("folder/flow", "No such file or directory"), ("a/", "Is a directory")],
)
def test_a_file_that_cannot_be_read(path, why, tmp_path):
    """The system's reason."""
    (tmp_path / "a").mkdir()
    assert told(load, f"{path}:tree", None, what="TARGET") == f"cannot read '{path}': {why}"


def test_a_current_folder_that_is_gone(tmp_path, monkeypatch):
    """There is nowhere to look, and no name to shorten."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert told(load, "flow:tree", None, what="TARGET") == (
        "cannot read the current directory: No such file or directory; use --app-dir"
    )
    path = tmp_path / "flow.py"
    path.write_text("1 / 0")
    assert told(load, f"{path}:tree", None, what="TARGET").endswith(f"(at {path}:1)")


BROKEN = {
    "error": ("1 / 0", "ZeroDivisionError: division by zero (at flow.py:2)"),
    "without words": ("raise KeyError", "KeyError (at flow.py:2)"),
    "syntax": ("def f(:\n  pass", "SyntaxError: invalid syntax (at flow.py:2)"),
    "missing": ("import not_there", "ModuleNotFoundError: No module named 'not_there' (at flow.py:2)"),
    "in a helper": ("from helper import x", "ValueError: from the helper (at helper.py:2)"),
    "in a library": ("import json\njson.loads('{')", "JSONDecodeError: ", "(at flow.py:3)"),
    "of ours": ("task(len)", "len, parameter 'obj': has no source [no-source]; ", "(at flow.py:2)"),
    "cancelled": ("import asyncio\nraise asyncio.CancelledError", "CancelledError (at flow.py:3)"),
    "null": ("\0", "SyntaxError: source code string cannot contain null bytes (at"),
    "exit": (
        "import sys\nsys.exit('usage')",
        "it ended the program while it was imported, by SystemExit: usage (at flow.py:3); put what",
        ' only a script should do under `if __name__ == "__main__":`',
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_module_that_cannot_be_imported(case, write, yorch):
    """The user's error, and where; nothing of ours."""
    text, *expected = BROKEN[case]
    write("helper.py", "def fail(): raise ValueError('from the helper')\nfail()")
    write("flow.py", text)
    done = yorch("run", "flow.py:tree")
    assert (done.status, done.out) == (2, "")
    if case != "null":  # which has got its words and its place over the years
        assert done.err.startswith(f"Error: cannot import 'flow.py': {expected[0]}")
        assert done.err.endswith(f"{expected[-1]}\n")
    assert "Traceback" not in done.err
    assert "flow" not in sys.modules


def test_the_whole_traceback_of_an_import_on_request(write, yorch):
    """Before the sentence."""
    write("flow.py", "1 / 0")
    err = yorch("run", "flow.py:tree", "--traceback").err
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("Error: cannot import 'flow.py': ZeroDivisionError: division by zero (at flow.py:2)\n")
    assert not yorch("run", "flow.py", "--traceback").err.startswith("Traceback")


def test_an_error_deep_in_a_library_is_placed_there(monkeypatch, write):
    """When no file of the user's own is on the way."""
    write("lib/bad.py", "1 / 0")
    libraries = (f"{Path.cwd() / 'lib'}{os.sep}",)
    monkeypatch.setattr("yorch_async.cli._trouble._LIBRARIES", libraries)
    assert told(load, "lib/bad.py:x", None, what="TARGET").endswith("(at lib/bad.py:2)")


def test_a_package_whose_name_belongs_to_another(write):
    """A module of that name is loaded already; to import the file under it would give the other one."""
    write("json/__init__.py", "")
    write("json/flow.py", TREE)
    write("json/decoder.py", TREE)
    found = told(load, "json/flow.py:tree", None, what="TARGET")
    assert found == "cannot import 'json/flow.py': ModuleNotFoundError: No module named 'json.flow'"
    found = told(load, "json/decoder.py:tree", None, what="TARGET")
    assert found.startswith("cannot import 'json/decoder.py' as 'json.decoder': that name belongs to another module (")


def test_an_attribute_that_is_not_there(write, yorch):
    """A near one is proposed."""
    write("flow.py", TREE)
    assert yorch("run", "flow.py:treee").err == "Error: 'flow.py' has no 'treee'; did you mean 'tree'?\n"
    assert yorch("run", "flow.py:xyz").err == "Error: 'flow.py' has no 'xyz'\n"
    assert yorch("run", "flow.py:tree.nope.x").err == "Error: 'flow.py' has no 'tree.nope.x'; did you mean 'node'?\n"


def test_an_attribute_that_cannot_be_read(write, yorch):
    """A module may compute its attributes."""
    write("flow.py", "def __getattr__(name): raise OSError('no')")
    assert yorch("run", "flow.py:tree").err == "Error: cannot read 'tree' of 'flow.py': OSError: no (at flow.py:2)\n"
