"""OpenStack taskflow: a graph flow whose tasks provide and require values by name, on the serial engine, kept in memory."""

from common import Contestant, Node, Run, publish, without_loop
from shapes import Shape
from taskflow import engines
from taskflow.patterns import graph_flow
from taskflow.task import FunctorTask


def in_engine(shape: Shape, add: Node) -> Run:
    """Building ends with a compiled engine; a run is its reset and its run."""
    flow = graph_flow.Flow("measured")
    for index, parent in enumerate(shape.parents):
        source = {"rebind": {"x": f"n{parent}"}} if index else {"inject": {"x": 0}}
        flow.add(FunctorTask(add, name=f"n{index}", provides=f"n{index}", **source))
    engine = engines.load(flow, engine="serial")
    engine.compile()
    engine.prepare()
    fresh = True

    def run() -> None:
        nonlocal fresh
        if not fresh:
            engine.reset()
        fresh = False
        engine.run()

    return run


if __name__ == "__main__":
    publish([Contestant("taskflow", "taskflow", in_engine, is_async=False, runner=without_loop)])
