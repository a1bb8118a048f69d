"""The executions that every vector is replayed under. One more is one more line.

*Guarantees*: an execution that keeps the recorded order is compared event by event; any other is compared node by node.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from yorch_async import Concurrent, Plan, SerialDfs, TaskTree, compile_plan


@dataclass(frozen=True)
class Execution:
    """A way to run a tree: how its plan is made, and the policy that is handed to `run_plan`."""

    name: str
    policy: Callable[[], Any]
    keeps_order: bool
    compile: Callable[[TaskTree], Plan] = compile_plan


EXECUTIONS: Final = (
    Execution("SerialDfs(), interpreted", SerialDfs, keeps_order=True, compile=partial(compile_plan, optimize=False)),
    Execution("SerialDfs(), generated", SerialDfs, keeps_order=True, compile=partial(compile_plan, optimize=True)),
    Execution("Concurrent()", Concurrent, keeps_order=False),
    Execution("Concurrent(max_concurrency=1)", partial(Concurrent, max_concurrency=1), keeps_order=True),
)

BACKENDS: Final = ("asyncio", "trio")
