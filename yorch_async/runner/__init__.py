"""Runs in a service: who submits them, who waits for them, who watches them."""

from ._handle import Handle
from ._runner import Runner
from ._states import RunnerStatistics, RunState

__all__ = ["Handle", "RunState", "Runner", "RunnerStatistics"]
