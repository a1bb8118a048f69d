"""pipefunc: a pipeline in which every function names its output and, by renaming, its input."""

from common import Contestant, Node, Run, publish, without_loop
from pipefunc import PipeFunc, Pipeline
from shapes import Shape


def piped(shape: Shape, add: Node) -> Run:
    """Ask for the leaves."""
    functions = [
        PipeFunc(add, f"n{index}", renames={"x": f"n{parent}" if index else "start"})
        for index, parent in enumerate(shape.parents)
    ]
    pipeline = Pipeline(functions)
    leaves = [f"n{index}" for index in shape.leaves()]
    return lambda: pipeline.run(leaves, kwargs={"start": 0})


if __name__ == "__main__":
    publish([Contestant("pipefunc", "pipefunc", piped, is_async=False, runner=without_loop)])
