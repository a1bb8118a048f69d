"""Everything that is known before running."""

from ._compile import compile_plan, with_tasks
from ._each import adapters_of, options_of, over_of, tree_of
from ._emit import LARGEST, Code, Compiled, code_of
from ._explain import drawn
from ._lookup import nodes_called
from ._names import method_of
from ._parts import Part, Variant
from ._plan import InputInfo, Plan, PlanNode
from ._readers import Readers, readers, spread
from ._schedule import CONTEXT, FIRST_SLOT, INPUTS, ITEM, Endings, Keep, Schedule

__all__ = [
    "CONTEXT",
    "FIRST_SLOT",
    "INPUTS",
    "ITEM",
    "LARGEST",
    "Code",
    "Compiled",
    "Endings",
    "InputInfo",
    "Keep",
    "Part",
    "Plan",
    "PlanNode",
    "Readers",
    "Schedule",
    "Variant",
    "adapters_of",
    "code_of",
    "compile_plan",
    "drawn",
    "method_of",
    "nodes_called",
    "options_of",
    "over_of",
    "readers",
    "spread",
    "tree_of",
    "with_tasks",
]
