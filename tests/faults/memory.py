"""How much memory is kept by runs of one plan: a program of its own, because anything that traces it would be measured as well.

python tests/faults/memory.py asyncio|uvloop|trio serial|concurrent
"""

import gc
import json
import sys
import tracemalloc
from contextlib import asynccontextmanager
from functools import partial

import anyio
from anyio.lowlevel import checkpoint

from yorch_async import (
    Concurrent,
    RetryFixed,
    SerialDfs,
    StepResult,
    TaskTree,
    borrow_prev,
    compile_plan,
    retry,
    run_plan,
)

LOOPS = {"asyncio": ("asyncio", {}), "uvloop": ("asyncio", {"use_uvloop": True}), "trio": ("trio", {})}
POLICIES = {"serial": SerialDfs(), "concurrent": Concurrent()}


def service_tree():
    """A small tree as a service runs it: retries, waits, a resource."""

    async def asks(session):
        await checkpoint()
        session.append("asked")
        return StepResult.retry() if len(session) == 1 else StepResult.success()

    @asynccontextmanager
    async def session():
        await checkpoint()
        yield []

    tree = TaskTree("service")
    root = tree.root(session, managed=True)
    again = [retry(RetryFixed(3), sleep=lambda seconds: checkpoint())]
    root.child(asks, borrow_prev(), output=StepResult, adapters=again)
    for number in range(3):
        root.child(lambda _session, number=number: [number], borrow_prev(), name=f"n{number}")
    return tree


async def kept_by(run_many, count):
    before, _ = tracemalloc.get_traced_memory()
    await run_many(count)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


async def measure(policy):
    plan = compile_plan(service_tree(), optimize=True)

    async def go():
        assert (await run_plan(plan, execution=policy)).ok

    async def sequential(count):
        for _ in range(count):
            await go()

    async def simultaneous(count):
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(go)

    tasks = len(anyio.get_running_tasks())
    tracemalloc.start()
    await kept_by(sequential, 1_000)  # what is made once
    measured = {
        "sequential": await kept_by(sequential, 10_000),
        "simultaneous": [await kept_by(simultaneous, 1_000) for _ in range(4)],
    }
    return {**measured, "tasks": len(anyio.get_running_tasks()) - tasks}


if __name__ == "__main__":
    loop, execution = sys.argv[1:]
    backend, options = LOOPS[loop]
    told = anyio.run(partial(measure, POLICIES[execution]), backend=backend, backend_options=options)
    sys.stdout.write(json.dumps(told))
