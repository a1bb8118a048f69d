"""The only code that runs tasks."""

from ._outcome import Failure, LeftOut, RunResult, Skip
from ._policies import Concurrent, SerialDfs
from ._prepare import Execution, check_run, check_timeout
from ._raised import raise_as_it_is, set_traceback, traceback_of
from ._run import run, run_plan, run_sync
from ._starter import Starter

__all__ = [
    "Concurrent",
    "Execution",
    "Failure",
    "LeftOut",
    "RunResult",
    "SerialDfs",
    "Skip",
    "Starter",
    "check_run",
    "check_timeout",
    "raise_as_it_is",
    "run",
    "run_plan",
    "run_sync",
    "set_traceback",
    "traceback_of",
]
