"""DBOS keeps every step of a workflow in a database, here a SQLite file: what is bought is durability, not speed."""

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from common import Contestant, Node, Run, publish, without_loop
from dbos import DBOS
from shapes import Shape

_numbers = count()  # DBOS knows workflows and steps by name


def durable(shape: Shape, add: Node) -> Run:
    """A workflow that calls one step per node, in the order of the tree."""
    number = next(_numbers)
    step = DBOS.step(name=f"step {number}")(add)

    @DBOS.workflow(name=f"workflow {number}")
    def run() -> int:
        values: list[int] = []
        for parent in shape.parents:
            values.append(step(values[parent] if values else 0))
        return values[-1]

    return run


def durable_async(shape: Shape, add: Node) -> Run:
    """The same with async steps."""
    number = next(_numbers)
    step = DBOS.step(name=f"step {number}")(add)

    @DBOS.workflow(name=f"workflow {number}")
    async def run() -> int:
        values: list[int] = []
        for parent in shape.parents:
            values.append(await step(values[parent] if values else 0))
        return values[-1]

    return run


def main() -> None:
    """Launch DBOS on a file of its own."""
    with TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'steps.sqlite'}"
        DBOS(config={"name": "peers", "system_database_url": database, "log_level": "ERROR", "run_admin_server": False})
        DBOS.launch()
        try:
            publish(
                [
                    Contestant("DBOS", "dbos", durable, is_async=False, runner=without_loop, has_build=False),
                    Contestant("DBOS async", "dbos", durable_async, has_build=False),
                ]
            )
        finally:
            DBOS.destroy()


if __name__ == "__main__":
    main()
