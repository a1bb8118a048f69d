"""LangGraph: a node per node, which read and write one dictionary of values in the graph's state."""

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from common import Contestant, Node, Run, publish, without_loop
from langgraph.graph import END, START, StateGraph
from shapes import Shape


def _merged(before: dict[int, int], more: dict[int, int]) -> dict[int, int]:
    before.update(more)  # in place: a copy for every node would charge the peer for what an author can avoid
    return before


class State(TypedDict):
    """What the graph hands from node to node; several nodes write it in one step, hence the reducer."""

    values: Annotated[dict[int, int], _merged]


def _node(index: int, parent: int, add: Node) -> Callable[[State], Any]:
    def node(state: State) -> dict[str, dict[int, int]]:
        return {"values": {index: add(state["values"][parent])}}

    return node


def _async_node(index: int, parent: int, add: Node) -> Callable[[State], Any]:
    async def node(state: State) -> dict[str, dict[int, int]]:
        return {"values": {index: await add(state["values"][parent])}}

    return node


def _compiled(shape: Shape, add: Node, make: Callable[[int, int, Node], Any]) -> Any:
    graph = StateGraph(State)
    for index, parent in enumerate(shape.parents):
        graph.add_node(f"n{index}", make(index, parent, add))
        graph.add_edge(f"n{parent}" if index else START, f"n{index}")
    for index in shape.leaves():
        graph.add_edge(f"n{index}", END)
    return graph.compile()


def _limits(shape: Shape) -> dict[str, int]:
    return {"recursion_limit": max(shape.values()) + 10}  # by default it stops after a few levels, as if in a loop


def invoked(shape: Shape, add: Node) -> Run:
    """Sync nodes."""
    graph, limits = _compiled(shape, add, _node), _limits(shape)
    return lambda: graph.invoke({"values": {-1: 0}}, limits)


def invoked_async(shape: Shape, add: Node) -> Run:
    """Async nodes."""
    graph, limits = _compiled(shape, add, _async_node), _limits(shape)
    return lambda: graph.ainvoke({"values": {-1: 0}}, limits)


if __name__ == "__main__":
    publish(
        [
            Contestant("LangGraph", "langgraph", invoked, is_async=False, runner=without_loop),
            Contestant("LangGraph async", "langgraph", invoked_async),
        ]
    )
