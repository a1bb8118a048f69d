"""Prefect writes every task's states through its server, so it is measured on the chain alone.

Without a server to talk to, Prefect starts one for the time of the script, on the loopback interface, in a folder of its own
(PREFECT_HOME); see the variables that the driver sets.
"""

from common import Contestant, Node, Run, publish, without_loop
from prefect import flow, task
from shapes import CHAIN, Shape

UNFIT = "left out: at its cost per node, larger shapes take minutes"


def flown(shape: Shape, add: Node) -> Run:
    """Sync tasks in a sync flow."""
    node = task(add)

    @flow
    def run() -> int:
        x = 0
        for _ in shape.parents:
            x = node(x)
        return x

    return run


def flown_async(shape: Shape, add: Node) -> Run:
    """Async tasks in an async flow."""
    node = task(add)

    @flow
    async def run() -> int:
        x = 0
        for _ in shape.parents:
            x = await node(x)
        return x

    return run


if __name__ == "__main__":
    publish(
        [
            Contestant(
                "Prefect",
                "prefect",
                flown,
                is_async=False,
                runner=without_loop,
                shapes=[CHAIN],
                unfit=UNFIT,
                has_build=False,
            ),
            Contestant("Prefect async", "prefect", flown_async, shapes=[CHAIN], unfit=UNFIT, has_build=False),
        ]
    )
