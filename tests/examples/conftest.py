"""What the tests of the examples share: an example as a module, and as a program."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def run_example():
    """Run an example as a user does, in a process of its own in which a warning is an error."""

    def run(name, *arguments, timeout=None):
        return python(EXAMPLES / name, *arguments, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def yorch_run():
    """Run what an example offers on the command line."""

    def run(target, *arguments):
        return python("-m", "yorch_async", "run", f"{EXAMPLES / target}", *arguments)

    return run


def python(*arguments, timeout=None):
    """Start the interpreter that runs the tests."""
    # svcs looks for every web framework that is installed, and finds FastAPI's test client, which is about to change its own
    command = [sys.executable, "-W", "error", "-W", "ignore:Using `httpx` with `starlette.testclient`", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=timeout, check=False)


@pytest.fixture(scope="session")
def audit():
    """Import examples/code_audit.py."""
    spec = spec_from_file_location("code_audit", EXAMPLES / "code_audit.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
