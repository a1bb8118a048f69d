"""The recorded vectors, on every execution and both backends."""

from pathlib import Path

import pytest

from .executions import BACKENDS, EXECUTIONS
from .replay import read_file, replay

FILES = sorted(Path(__file__).with_name("vectors").glob("*.jsonl"))


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda execution: execution.name)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_vectors(path, backend, execution):
    """Every vector of a file does what was recorded."""
    lines = read_file(path)

    replay(lines, [execution], [backend])

    assert [f"{line.name}: {line.problem}" for line in lines if line.problem is not None] == []
    assert any(line.skipped is None for line in lines)
