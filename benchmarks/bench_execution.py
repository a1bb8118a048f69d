"""How a node compares with a hand-written await, and with a task of the event loop per node."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from yorch_async import Plan, Task, TaskTree, borrow_prev, compile_plan, consume_prev, run_plan, task

from .measuring import compare, show

__all__ = ["main"]


def zero() -> int:
    """Begin."""
    return 0


def add(number: int) -> int:
    """Do next to nothing."""
    return number + 1


async def add_async(number: int) -> int:
    """Do next to nothing, in a coroutine that does not suspend."""
    return number + 1


def by_hand(nodes: int, *, chain: bool, is_async: bool) -> Callable[[], Awaitable[object]]:
    """What an author would have written: straight-line code."""
    call = "await add_async" if is_async else "add"
    name = "x" if chain else "y"
    lines = [f"    {name} = {call}(x)"] * (nodes - 1)
    source = "\n".join(["async def straight():", "    x = zero()", *lines, "    return x"])
    namespace: dict[str, Any] = {"zero": zero, "add": add, "add_async": add_async}
    exec(compile(source, "<by hand>", "exec"), namespace)  # noqa: S102 - written above
    straight: Callable[[], Awaitable[object]] = namespace["straight"]
    return straight


def plan_of(nodes: int, *, chain: bool, is_async: bool) -> Plan:
    """The same as a tree."""
    tree = TaskTree()
    node = root = tree.root(zero)
    source = consume_prev(int) if chain else borrow_prev(int)
    step: Task[int] = task(add_async, source) if is_async else task(add, source)
    for _ in range(nodes - 1):
        node = (node if chain else root).child(step)
    return compile_plan(tree)


async def task_group(nodes: int) -> None:
    """A task of the event loop per node."""
    async with asyncio.TaskGroup() as group:
        for number in range(nodes):
            group.create_task(add_async(number))


def main(*, repetitions: int) -> None:
    """Chains and fans, of functions and of coroutine functions."""
    for nodes, chain in ((32, True), (1000, True), (1000, False)):
        for is_async in (True, False):
            plan = plan_of(nodes, chain=chain, is_async=is_async)
            contestants: dict[str, Callable[[], Awaitable[object]]] = {
                "by hand": by_hand(nodes, chain=chain, is_async=is_async),
                "run_plan, SerialDfs": partial(run_plan, plan, keep="none"),
            }
            if is_async and not chain:
                contestants["asyncio.TaskGroup"] = partial(task_group, nodes)
            figures = asyncio.run(compare(contestants, nodes=nodes, repetitions=repetitions))
            kind = "coroutine functions" if is_async else "functions"
            show(f"{'a chain' if chain else 'a fan'} of {nodes} {kind}", figures)
