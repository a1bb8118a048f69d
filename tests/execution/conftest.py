"""What an execution promises is asked of the interpreter and of generated code, also where that is cut into parts."""

from dataclasses import replace

import pytest

from yorch_async import compile_plan

WAYS = {
    "interpreted": lambda tree: compile_plan(tree, optimize=False),
    "generated": lambda tree: compile_plan(tree, optimize=True),
    "generated in parts": lambda tree: replace(compile_plan(tree, optimize=None), part=2, optimize=True),
}


@pytest.fixture(autouse=True, params=WAYS.values(), ids=WAYS)
def way(request, monkeypatch):
    """Compile the plans of a test for one of the ways."""
    if hasattr(request.module, "compile_plan"):
        monkeypatch.setattr(request.module, "compile_plan", request.param)
