"""What follows from the shape of a tree: who is whose parent, which node owns an object, where a copy is staged.

*Guarantees*: asks nothing of the library under test, so that it can be held against it.
*Does not know*: what happens in a run.
"""

from dataclasses import dataclass
from typing import Any

from .records import Catch, NodeRecord, TreeRecord
from .values import plain


@dataclass(frozen=True)
class Facts:
    """By node name. `owner`: whose slot its output lives in; `stage`: of an owner, the node that stages a copy of its object.

    `kept`: whose objects the result keeps, when it keeps what the leaves have.
    """

    nodes: dict[str, NodeRecord]
    parent: dict[str, str | None]
    owner: dict[str, str]
    stage: dict[str, str]
    leaves: frozenset[str]
    kept: frozenset[str]
    copy_failures: frozenset[int]

    def read_by(self, name: str) -> str | None:
        """The owner of the object that a node's accesses to its parent reach."""
        parent = self.parent[name]
        return None if parent is None else self.owner.get(parent)

    def most_stages(self) -> int:
        """How many staged copies can be alive at once: on one way from the root to a leaf."""
        counts: dict[str, int] = {}
        staging = set(self.stage.values())
        for name, parent in self.parent.items():
            counts[name] = (name in staging) + (0 if parent is None else counts[parent])
        return max(counts.values(), default=0)

    def fallback_value(self, name: str, layer: int) -> Any:
        """What the fallback of a catch adapter supplies, as the vectors write it."""
        adapter = self.nodes[name].adapters[layer]
        return plain(adapter.value) if isinstance(adapter, Catch) else None


def facts_of(tree: TreeRecord) -> Facts:
    """Read the facts off a tree. A tree that breaks the rules has some, too."""
    nodes = {node.name: node for node in tree.nodes}
    parent = {node.name: parent_of(tree.nodes, node) for node in tree.nodes}
    children: dict[str, list[NodeRecord]] = {name: [] for name in nodes}
    owner: dict[str, str] = {}
    for node in tree.nodes:
        above = parent[node.name]
        if above is not None:
            children[above].append(node)
        if node.kind != "forward_prev":
            owner[node.name] = node.name
        elif above in owner:
            owner[node.name] = owner[above]
    stage = {owner[name]: name for name in nodes if name in owner and _stages(nodes[name], children[name])}
    leaves = frozenset(name for name in nodes if not children[name])
    kept = frozenset(owner[name] for name in leaves if name in owner)
    return Facts(nodes, parent, owner, stage, leaves, kept, tree.copy_failures)


def parent_of(nodes: tuple[NodeRecord, ...], node: NodeRecord) -> str | None:
    """The nearest earlier node whose level is exactly one less."""
    return next((other.name for other in reversed(nodes[: node.index]) if other.level == node.level - 1), None)


def _stages(node: NodeRecord, children: list[NodeRecord]) -> bool:
    """A copy is staged where one child consumes and at least one copies."""
    specs = [{source.spec for source in child.sources} for child in children]
    consumers = sum("consume_prev" in used for used in specs)
    return node.fanout == "consume_with_copies" and consumers == 1 and any("copy_prev" in used for used in specs)
