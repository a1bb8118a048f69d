"""Helpers for tests of trees: fakes in place of nodes, what happened in a run, time that is told and not waited for."""

from ..adapters import without_waits
from ._clocks import ManualClock, SteppedClock
from ._fakes import scripted
from ._order import check_order
from ._recorder import Finding, Outcome, Recorder
from ._replaced import all_kept, replaced

__all__ = [
    "Finding",
    "ManualClock",
    "Outcome",
    "Recorder",
    "SteppedClock",
    "all_kept",
    "check_order",
    "replaced",
    "scripted",
    "without_waits",
]
