"""A trio nursery with a task per node."""

import trio
from common import Contestant, Node, Run, publish
from shapes import Shape


def in_nursery(shape: Shape, add: Node) -> Run:
    """Each node starts those below it in the one nursery of the run."""
    below = shape.children()

    async def run() -> None:
        async def node(index: int, x: int) -> None:
            got = await add(x)
            for child in below[index]:
                nursery.start_soon(node, child, got)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(node, 0, 0)

    return run


if __name__ == "__main__":
    publish([Contestant("trio nursery", "trio", in_nursery, runner=trio.run, has_build=False)])
