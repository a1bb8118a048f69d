"""What an import costs is a promise: a program pays for nothing that it does not use."""

import json
import os
import subprocess
import sys

import pytest

import yorch_worker

LEFT_ALONE = ["asyncio", "trio", "cloudpickle", "rich", "click", "pytest", "multiprocessing", "concurrent.futures.process"]
OWN_ROOMS_LEFT_ALONE = [
    "yorch_async.cli",
    "yorch_async.views",
    "yorch_async.testing",
    "yorch_async.pytest_plugin",
    "yorch_worker",
]


def loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads in a fresh interpreter, beyond what the interpreter itself has loaded."""
    program = (
        f"import sys, json; before = set(sys.modules); {statement}; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    environ = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-I", "-c", program], env=environ, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["yorch_async", "yorch_async.testing"])
def test_importing_the_library_loads_neither_a_loop_nor_a_tool(module):
    """Loops, pickling, terminal libraries and the rooms for eyes are loaded by those who use them."""
    loaded = loaded_by(f"import {module}")
    assert [] == [name for name in LEFT_ALONE if name in loaded]
    assert [name for name in OWN_ROOMS_LEFT_ALONE if name in loaded and name != module] == []


def test_importing_the_worker_package_loads_nothing_else():
    """A worker's start costs no more than the interpreter."""
    assert {"yorch_worker"} == loaded_by("import yorch_worker")


def test_the_worker_package_offers_nothing_yet():
    """Worker pools come later; until then nothing may be taken for an API."""
    assert () == yorch_worker.__all__


def test_showing_a_plan_needs_no_tool():
    """The notations of a plan are text, made by the core installation."""
    loaded = loaded_by("import yorch_async.views")
    assert [] == [name for name in LEFT_ALONE if name in loaded]
