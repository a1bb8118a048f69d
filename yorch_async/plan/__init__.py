"""Everything that is known before running."""

from ._compile import compile_plan
from ._plan import InputInfo, Plan, PlanNode

__all__ = ["InputInfo", "Plan", "PlanNode", "compile_plan"]
