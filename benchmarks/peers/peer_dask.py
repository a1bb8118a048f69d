"""dask's schedulers on a dictionary of calls, dask's documented graph; what they make of it is part of every run."""

from collections.abc import Callable
from functools import partial
from typing import Any

import dask
import dask.threaded
from common import Contestant, Node, Run, publish, without_loop
from shapes import Shape


def scheduled(get: Callable[..., Any], shape: Shape, add: Node) -> Run:
    """Ask for the leaves."""
    graph: dict[str, tuple[Any, ...]] = {
        f"n{index}": (add, f"n{parent}" if index else 0) for index, parent in enumerate(shape.parents)
    }
    leaves = [f"n{index}" for index in shape.leaves()]
    return lambda: get(graph, leaves)


if __name__ == "__main__":
    publish(
        [
            Contestant(name, "dask", partial(scheduled, get), is_async=False, runner=without_loop, has_build=False)
            for name, get in (("dask.get", dask.get), ("dask.threaded.get", dask.threaded.get))
        ]
    )
