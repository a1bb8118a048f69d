"""Fixtures for pytest, which finds this module by itself where the library is installed; `-p no:yorch_async` leaves it out.

*Guarantees*: a test session in which no fixture of these is used loads no helper for tests.
*Does not know*: the tests of this library.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import ManualClock, Recorder

__all__ = ["yorch_clock", "yorch_no_waits", "yorch_recorder"]


@pytest.fixture
def yorch_recorder() -> "Recorder":
    """A fresh `Recorder`: `run_plan(plan, observers=[yorch_recorder])`."""
    from .testing import Recorder  # noqa: PLC0415 - for the tests that ask for it

    return Recorder()


@pytest.fixture
def yorch_clock() -> "ManualClock":
    """A fresh `ManualClock`: `retry(policy, sleep=yorch_clock.sleep)`."""
    from .testing import ManualClock  # noqa: PLC0415 - for the tests that ask for it

    return ManualClock()


@pytest.fixture
def yorch_no_waits() -> Iterator[None]:
    """Retries wait for nothing while the test runs; see `without_waits`."""
    from .testing import without_waits  # noqa: PLC0415 - for the tests that ask for it

    with without_waits():
        yield
