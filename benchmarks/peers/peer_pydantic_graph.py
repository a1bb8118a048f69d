"""pydantic-graph: a step per node, edges between them, and a join behind the leaves, which a graph needs to end."""

from typing import Any

from common import Contestant, Node, Run, publish
from pydantic_graph import GraphBuilder, StepContext, reduce_null
from shapes import Shape


def joined(shape: Shape, add: Node) -> Run:
    """A single leaf leads to the end by itself."""
    builder: GraphBuilder[None, None, int, Any] = GraphBuilder(input_type=int, output_type=object)

    async def step(context: StepContext[None, None, int]) -> int:
        return await add(context.inputs)

    steps = [builder.step(step, node_id=f"n{index}") for index in range(len(shape.parents))]
    builder.add(builder.edge_from(builder.start_node).to(steps[0]))
    below, leaves = shape.children(), shape.leaves()
    last: Any = builder.end_node
    if len(leaves) > 1:
        last = builder.join(reduce_null, initial=None, node_id="leaves")
        builder.add(builder.edge_from(last).to(builder.end_node))
    for index, made in enumerate(steps):
        builder.add(builder.edge_from(made).to(*([steps[child] for child in below[index]] or [last])))
    graph = builder.build()
    return lambda: graph.run(inputs=0)


if __name__ == "__main__":
    publish([Contestant("pydantic-graph", "pydantic-graph", joined)])
