"""Which nodes of a plan a name may mean.

*Guarantees*: made once per plan, when it is asked for first; the same answers wherever a node is asked for by a string.
*Does not know*: who asks, and what to say where a name means no node or several.
"""

from ._plan import Plan

__all__ = ["nodes_called"]


def nodes_called(plan: Plan, name: str) -> list[int]:
    """The nodes that a name may mean: the one that it was chosen for; else those with that path, or whose task is called so."""
    if "names" not in plan.prepared:
        plan.prepared["names"] = _index(plan)
    found: list[int] = plan.prepared["names"].get(name, [])
    return found


def _index(plan: Plan) -> dict[str, list[int]]:
    chosen: dict[str, list[int]] = {}
    others: dict[str, list[int]] = {}
    for index, (name, task) in enumerate(zip(plan.names, plan.tasks, strict=True)):
        if name is not None:
            chosen[name] = [index]
        else:
            others.setdefault(task.name, []).append(index)
        path = plan.layout.path(index)
        if path != task.name:
            others.setdefault(path, []).append(index)
    return others | chosen
