"""What an execution promises is asked of the interpreter, of generated code, also cut into parts, and of concurrent runs."""

from dataclasses import replace

import pytest

from yorch_async import Concurrent, SerialDfs, compile_plan

WAYS = {
    "interpreted": lambda tree: compile_plan(tree, optimize=False),
    "generated": lambda tree: compile_plan(tree, optimize=True),
    "generated in parts": lambda tree: replace(compile_plan(tree, optimize=None), part=2, optimize=True),
}


EXECUTIONS = {"concurrent": Concurrent(), "one at a time": Concurrent(max_concurrency=1)}
"""Those that do not care how a plan was compiled."""


def pytest_generate_tests(metafunc):
    """Run each test once a way, unless it says that it compiles its plans as it wants; one of every execution under each of them."""
    if "execution" in metafunc.fixturenames:
        cases = [(way, SerialDfs()) for way in WAYS] + [("as compiled", execution) for execution in EXECUTIONS.values()]
        metafunc.parametrize(("way", "execution"), cases, indirect=["way"], ids=[*WAYS, *EXECUTIONS])
        return
    ways = ["as compiled"] if metafunc.definition.get_closest_marker("as_compiled") else list(WAYS)
    metafunc.parametrize("way", ways, indirect=True)


@pytest.fixture(autouse=True)
def way(request, monkeypatch):
    """Compile the plans of a test for one of the ways."""
    if request.param in WAYS and hasattr(request.module, "compile_plan"):
        monkeypatch.setattr(request.module, "compile_plan", WAYS[request.param])
