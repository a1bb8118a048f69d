"""py-trees as a runner of tasks: every node a behaviour that succeeds, every branch a sequence, one tick a run."""

from common import Contestant, Node, Run, publish, without_loop
from py_trees.behaviour import Behaviour
from py_trees.common import Status
from py_trees.composites import Sequence
from shapes import Shape


class Add(Behaviour):
    """One node; behaviours hand each other nothing, so they share a list of values."""

    def __init__(self, index: int, parent: int, add: Node, values: list[int]) -> None:
        super().__init__(f"n{index}")
        self._index, self._parent = index, parent
        self._add, self._values = add, values

    def update(self) -> Status:
        """Call the node's function."""
        self._values[self._index] = self._add(self._values[self._parent])
        return Status.SUCCESS


def ticked(shape: Shape, add: Node) -> Run:
    """A child alone continues its parent's sequence; of several, each begins a sequence of its own."""
    below = shape.children()
    values = [0] * (len(shape.parents) + 1)  # one more than there are nodes: the root's parent, -1, is the last

    def branch(index: int) -> Behaviour:
        members: list[Behaviour] = [Add(index, shape.parents[index], add, values)]
        while len(below[index]) == 1:
            (index,) = below[index]
            members.append(Add(index, shape.parents[index], add, values))
        members += [branch(child) for child in below[index]]
        return members[0] if len(members) == 1 else Sequence(f"below n{index}", memory=True, children=members)

    root = branch(0)

    def run() -> None:
        root.tick_once()
        if root.status is not Status.SUCCESS:
            raise RuntimeError(f"py-trees, {shape.name}: one tick left the root {root.status.value}")

    return run


if __name__ == "__main__":
    publish([Contestant("py-trees", "py_trees", ticked, is_async=False, runner=without_loop)])
