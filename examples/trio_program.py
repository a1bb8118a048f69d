"""A plan inside a trio program: awaited like any other async function, beside other tasks, and cancelled like them.

An observer is any callable that takes an event. This one hands the events to a trio channel, and another task prints them as they
come. The clock is one for tests, which jumps to whatever is waited for: the hours below take no time.
"""

import trio
import trio.testing

from yorch_async import BorrowPrev, Event, FromInput, NodeEnded, TaskTree, compile_plan, run_plan


async def pick(amount: FromInput[int]) -> list[str]:
    await trio.sleep(60 * amount)
    return ["apple"] * amount


async def press(apples: BorrowPrev[list[str]]) -> float:
    await trio.sleep(3600)
    return len(apples) * 0.1


def fill(litres: BorrowPrev[float]) -> str:
    return f"{litres:.1f} litres of juice"


tree = TaskTree("juice")
juice = tree.root(pick).child(press).child(fill)
plan = compile_plan(tree)


async def tell(events: trio.MemoryReceiveChannel[Event]) -> None:
    async for event in events:
        if isinstance(event, NodeEnded):
            print(f"{event.path}: {event.status.name if event.status else type(event.error).__name__}")


async def make(amount: int, *, hours: float) -> None:
    send, receive = trio.open_memory_channel[Event](100)
    async with trio.open_nursery() as nursery, send:
        nursery.start_soon(tell, receive)
        with trio.move_on_after(hours * 3600) as scope:
            result = await run_plan(plan, inputs={"amount": amount}, observers=(send.send_nowait,))
            print(f"after {trio.current_time() / 3600} h:", result[juice])
    if scope.cancelled_caught:
        print(f"after {trio.current_time() / 3600} h: no juice, it would have taken too long")


async def main() -> None:
    await make(30, hours=2)
    await make(90, hours=2)


if __name__ == "__main__":
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
