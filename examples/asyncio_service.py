"""A service without a web server: it takes orders from a queue, two at a time, until Ctrl-C or SIGTERM ends it in order.

What has been begun then is finished, within a time-out; orders that nobody has taken yet stay in the queue. The signal handler is the
program's own: a runner installs none.
"""

import asyncio
import signal
from contextlib import suppress
from itertools import count

from yorch_async import BorrowPrev, FromInput, RetryFixed, Runner, TaskTree, compile_plan, retry_on

busy = iter([True])  # stands in for a carrier that does not answer at once


def pack(order: FromInput[int]) -> str:
    print(f"order {order} is begun", flush=True)
    return f"order {order}"


async def ship(parcel: BorrowPrev[str]) -> None:
    await asyncio.sleep(0.05)
    if next(busy, False):
        raise ConnectionError("the carrier is busy")
    print(f"{parcel} is shipped", flush=True)


tree = TaskTree("orders")
tree.root(pack).child(ship, adapters=(retry_on(ConnectionError, RetryFixed(3, delay=0.01)),))
plan = compile_plan(tree)


async def receive(queue: asyncio.Queue[int]) -> None:
    """Stand in for what brings the orders."""
    for order in count(1):
        await queue.put(order)


async def work(queue: asyncio.Queue[int], runner: Runner) -> None:
    """Submit orders as fast as they can be done, and no faster: with `max_pending=0`, submitting waits for a free place."""
    while True:
        order = await queue.get()
        _ = await runner.submit(plan, inputs={"order": order}, name=f"order {order}")  # one that fails is logged


async def main() -> None:
    stop, queue = asyncio.Event(), asyncio.Queue[int](maxsize=10)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Runner(max_runs=2, max_pending=0, shutdown_timeout=5) as runner:
        workers = [asyncio.create_task(receive(queue)), asyncio.create_task(work(queue, runner))]
        await stop.wait()
        print(f"stopping, with {len(runner.runs)} in hand", flush=True)
        for worker in workers:
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
    print(f"stopped after {runner.statistics().succeeded} orders")


if __name__ == "__main__":
    asyncio.run(main())
