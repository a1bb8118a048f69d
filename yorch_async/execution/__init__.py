"""The only code that runs tasks."""

from ._outcome import Failure, RunResult
from ._policies import SerialDfs
from ._run import run, run_plan, run_sync

__all__ = ["Failure", "RunResult", "SerialDfs", "run", "run_plan", "run_sync"]
