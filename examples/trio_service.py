"""The same idea on trio: orders come through a channel, two are worked on at a time, and Ctrl-C or SIGTERM ends it in order.

One more task watches: whoever has a handle can read what happens in its run.
"""

import signal
from itertools import count

import trio

from yorch_async import BorrowPrev, FromInput, Handle, NodeEnded, Runner, TaskTree, compile_plan


def pack(order: FromInput[int]) -> str:
    print(f"order {order} is begun", flush=True)
    return f"order {order}"


async def ship(parcel: BorrowPrev[str]) -> None:
    await trio.sleep(0.05)
    print(f"{parcel} is shipped", flush=True)


tree = TaskTree("orders")
tree.root(pack).child(ship)
plan = compile_plan(tree)


async def receive(orders: trio.MemorySendChannel[int]) -> None:
    """Stand in for what brings the orders."""
    for order in count(1):
        await orders.send(order)


async def work(orders: trio.MemoryReceiveChannel[int], runner: Runner, nursery: trio.Nursery) -> None:
    """Submit orders as fast as they can be done, and no faster; watch the first of them."""
    async for order in orders:
        handle = await runner.submit(plan, inputs={"order": order}, name=f"order {order}", events=order == 1)
        if order == 1:
            nursery.start_soon(watch, handle)


async def watch(handle: Handle) -> None:
    async for event in handle.events():
        if isinstance(event, NodeEnded):
            print(f"{handle.name}: {event.path} took {event.attempts} attempt", flush=True)


async def main() -> None:
    send, receiver = trio.open_memory_channel[int](10)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with Runner(max_runs=2, max_pending=0, shutdown_timeout=5) as runner, trio.open_nursery() as nursery:
            nursery.start_soon(receive, send)
            nursery.start_soon(work, receiver, runner, nursery)
            async for _ in signals:
                print(f"stopping, with {len(runner.runs)} in hand", flush=True)
                nursery.cancel_scope.cancel()
    print(f"stopped after {runner.statistics().succeeded} orders")


if __name__ == "__main__":
    trio.run(main)
