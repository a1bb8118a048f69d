"""The only code that runs tasks."""

from ._outcome import Failure, RunResult
from ._policies import Concurrent, SerialDfs
from ._run import run, run_plan, run_sync

__all__ = ["Concurrent", "Failure", "RunResult", "SerialDfs", "run", "run_plan", "run_sync"]
