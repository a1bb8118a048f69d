"""From a tree to a plan, or to one error that names every problem of the tree.

*Guarantees*: linear in the number of nodes; the plan is a snapshot, later changes of the tree do not reach it.
*Does not know*: how plans are run.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from .._door import public
from .._errors import PlanError, problem
from .._slots import EMPTY
from .._specs import CtxSource, InputSource
from .._tasks import Task
from .._tree import TaskTree
from .._types import UNKNOWN, classes_of, satisfies
from ._access import lifetimes
from ._check import Checker
from ._emit import LARGEST, code_of
from ._layout import lay_out
from ._parts import Variant
from ._plan import InputInfo, Plan

__all__ = ["compile_plan", "with_tasks"]


@public
def compile_plan(tree: TaskTree, *, optimize: bool | None = None) -> Plan:
    """Check everything about a tree that can be known before it runs, and make a plan of it.

    A plan that is run often becomes straight-line code (see `Plan.source`). `optimize=None` lets it earn that by its runs, `True`
    generates the code here and now, `False` never does.

    Raises `PlanError`, whose `problems` are all that is wrong, each with the path of its node, the parameter, the id of the rule and
    what to write instead.

    >>> from yorch_async import TaskTree, borrow_prev, compile_plan, value
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> halved = seven.child(lambda x: x / 2, borrow_prev(int), name="halved")
    >>> print(compile_plan(tree))
    plan 'numbers': 2 nodes, 1 slot
    seven(#1=value(str)) -> int
    └─ halved(x=borrow_prev(int))
    """
    if not isinstance(tree, TaskTree):
        raise TypeError(f"compile_plan takes a TaskTree, not {tree!r}")
    if optimize is not None and not isinstance(optimize, bool):
        raise TypeError(f"optimize is True, False or None, not {optimize!r}")
    placed = tuple(tree.placed)
    if not placed:
        name = tree.name or "unnamed"
        raise PlanError(f"plan '{name}'", [problem("empty-tree", name)])
    layout = lay_out(placed)
    ordered = [placed[index] for index in layout.registered]
    tasks = tuple(node.task for node in ordered)
    fanouts = tuple(node.fanout for node in ordered)
    kept = tuple(node.keep for node in ordered)
    names = tuple(node.name for node in ordered)
    name = tree.name or layout.labels[0]
    problems = Checker(layout, tasks, fanouts, kept, names).problems()
    if problems:
        raise PlanError(f"plan '{name}'", problems)
    inputs, context_keys = _needs(tasks)
    plan = Plan(
        name=name,
        tree=tree,
        layout=layout,
        lifetimes=lifetimes(layout, tasks, fanouts, kept),
        tasks=tasks,
        fanouts=fanouts,
        kept=kept,
        names=names,
        inputs=MappingProxyType(inputs),
        context_keys=MappingProxyType(context_keys),
        optimize=optimize,
    )
    if optimize and len(plan) <= LARGEST:
        is_sync = all(task.awaited_for is None for task in tasks)
        for sync in (False, True) if is_sync else (False,):
            code_of(plan.prepared, plan.schedule, Variant("leaves", sync, held=True)).compile_all()
    return plan


def with_tasks(plan: Plan, tasks: tuple[Task[Any], ...]) -> Plan:
    """The same plan with other tasks, which own and give the same as those in their places.

    What a run has to bring is what these tasks ask for. An input that none of them takes any more may still be given. If one accesses
    something else than the one in its place - another task that may be run instead does - rules and lifetimes are those of its tree
    with these tasks. Raises `PlanError`.
    """
    lives = plan.lifetimes
    if any(task.accesses != old.accesses for task, old in zip(tasks, plan.tasks, strict=True)):
        # Not those of the plan, which may keep more than the tree does: an output that is kept by that has the same lifetime.
        kept = tuple(plan.tree.placed[index].keep for index in plan.layout.registered)
        problems = Checker(plan.layout, tasks, plan.fanouts, kept, plan.names).problems()
        if problems:
            raise PlanError(f"plan '{plan.name}'", problems)
        lives = lifetimes(plan.layout, tasks, plan.fanouts, kept)
    inputs, context_keys = _needs(tasks)
    inputs = {name: inputs.get(name, replace(info, required=False)) for name, info in plan.inputs.items()} | inputs
    asked, keys = MappingProxyType(inputs), MappingProxyType(context_keys)
    return replace(plan, tasks=tasks, lifetimes=lives, inputs=asked, context_keys=keys)


def _needs(tasks: tuple[Task[Any], ...]) -> tuple[dict[str, InputInfo], dict[Any, int]]:
    """What a run has to bring."""
    inputs: dict[str, InputInfo] = {}
    context_keys: dict[Any, int] = {}
    for position, task in enumerate(tasks):
        for argument in task.asks:
            source = argument.source
            if isinstance(source, CtxSource):
                context_keys.setdefault(source.key, position)
            elif isinstance(source, InputSource) and source.name is not None:
                type_ = Any if source.type is UNKNOWN else source.type
                required = argument.default is EMPTY
                found = InputInfo(source.name, type_, required, argument.default, position)
                inputs[source.name] = _merged(inputs.get(source.name, found), found)
    return inputs, context_keys


def _merged(one: InputInfo, other: InputInfo) -> InputInfo:
    """What two nodes ask of the same input: the narrower type, where that can be told, and a default only if both have one."""
    is_narrower = classes_of(other.type) is not None and satisfies(other.type, one.type)
    type_ = other.type if one.type is Any or is_narrower else one.type
    required = one.required or other.required
    return InputInfo(one.name, type_, required, None if required else one.default, one.node)
