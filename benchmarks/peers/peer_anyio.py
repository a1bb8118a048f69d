"""An anyio task group with a task per node, on both event loops that anyio knows."""

from functools import partial

import anyio
from common import Contestant, Node, Run, publish
from shapes import Shape


def in_group(shape: Shape, add: Node) -> Run:
    """Each node starts those below it in the one group of the run."""
    below = shape.children()

    async def run() -> None:
        async def node(index: int, x: int) -> None:
            got = await add(x)
            for child in below[index]:
                group.start_soon(node, child, got)

        async with anyio.create_task_group() as group:
            group.start_soon(node, 0, 0)

    return run


if __name__ == "__main__":
    publish(
        [
            Contestant(
                f"anyio task group on {name}", "anyio", in_group, runner=partial(anyio.run, backend=name), has_build=False
            )
            for name in ("asyncio", "trio")
        ]
    )
