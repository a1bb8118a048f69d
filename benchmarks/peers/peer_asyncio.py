"""What asyncio offers by itself, a task per node: in a TaskGroup, and gathered; on its own event loop and on uvloop."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop
from common import Contestant, Node, Run, publish
from shapes import Shape


def in_group(shape: Shape, add: Node) -> Run:
    """Each node starts those below it in the one group of the run."""
    below = shape.children()

    async def run() -> None:
        async def node(index: int, x: int) -> None:
            got = await add(x)
            for child in below[index]:
                group.create_task(node(child, got))

        async with asyncio.TaskGroup() as group:
            group.create_task(node(0, 0))

    return run


def gathered(shape: Shape, add: Node) -> Run:
    """Each node gathers those below it."""
    below = shape.children()

    async def node(index: int, x: int) -> None:
        got = await add(x)
        if below[index]:
            await asyncio.gather(*(node(child, got) for child in below[index]))

    async def run() -> None:
        await node(0, 0)

    return run


def in_uvloop(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run it in uvloop's event loop."""
    return uvloop.run(main())


if __name__ == "__main__":
    publish(
        [
            Contestant("asyncio.TaskGroup", "", in_group, has_build=False),
            Contestant("asyncio.gather", "", gathered, has_build=False),
            Contestant("asyncio.TaskGroup on uvloop", "uvloop", in_group, runner=in_uvloop, has_build=False),
            Contestant("asyncio.gather on uvloop", "uvloop", gathered, runner=in_uvloop, has_build=False),
        ]
    )
