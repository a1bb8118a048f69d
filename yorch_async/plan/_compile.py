"""From a tree to a plan, or to one error that names every problem of the tree.

*Guarantees*: linear in the number of nodes; the plan is a snapshot, later changes of the tree do not reach it.
*Does not know*: how plans are run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from .._door import public
from .._errors import PlanError, Problem, problem
from .._items import ItemSource
from .._slots import EMPTY
from .._specs import CtxSource, InputSource
from .._tasks import Task
from .._tree import TaskTree
from .._types import UNKNOWN, classes_of, describe, satisfies
from ._access import lifetimes
from ._check import Checker
from ._emit import LARGEST, code_of
from ._layout import Layout, lay_out
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
    plan, problems = _compiled(tree, tree.name, (), {}, optimize=optimize)
    if plan is None:
        name = tree.name or (tree.placed[0].name or tree.placed[0].task.name if tree.placed else "unnamed")
        raise PlanError(f"plan '{name}'", problems)
    if optimize and len(plan) <= LARGEST:
        is_sync = all(task.awaited_for is None for task in plan.tasks)
        for sync in (False, True) if is_sync else (False,):
            code_of(plan.prepared, plan.schedule, Variant("leaves", sync, held=True)).compile_all()
    return plan


def _compiled(
    tree: TaskTree, name: str | None, around: tuple[TaskTree, ...], known: dict[int, Plan], *, optimize: bool | None
) -> tuple[Plan | None, list[Problem]]:
    """The plan of a tree, or what is wrong with it.

    `around` are the trees that run it for each element, outermost first; `known` the plans of such trees, by their ids.
    """
    placed = tuple(tree.placed)
    if not placed:
        return None, [problem("empty-tree", tree.name or "unnamed")]
    layout = lay_out(placed)
    ordered = [placed[index] for index in layout.registered]
    tasks, fanouts = tuple(node.task for node in ordered), tuple(node.fanout for node in ordered)
    kept, names = tuple(node.keep for node in ordered), tuple(node.name for node in ordered)
    name = name or layout.labels[0]
    problems = Checker(layout, tasks, fanouts, kept, names, is_inner=bool(around)).problems()
    inner, wrong = _inner(name, layout, tasks, (*around, tree), known, optimize=optimize)
    problems.extend(wrong)
    problems.extend(_disagreements(layout, tasks, inner))
    result = -1
    if around and not problems:  # of what is run for each element, one output counts, and no other is kept
        result, problems = _result_of(tree.name or layout.labels[0], layout, tasks, kept)
        kept = tuple(position == result for position in range(len(tasks)))
    if problems:
        return None, problems
    inputs, context_keys = _needs(tasks, inner)
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
        inner=MappingProxyType(inner),
        result=result,
        optimize=optimize,
    )
    return plan, []


def _inner(
    name: str,
    layout: Layout,
    tasks: Sequence[Task[Any]],
    around: tuple[TaskTree, ...],
    known: dict[int, Plan],
    *,
    optimize: bool | None,
) -> tuple[dict[int, Plan], list[Problem]]:
    """The plans of the trees that nodes run for each element, by node, and what is wrong with them."""
    plans: dict[int, Plan] = {}
    problems: list[Problem] = []
    for position, task in enumerate(tasks):
        tree = _tree_of(task)
        if tree is None:
            continue
        path = layout.path(position)
        if any(tree is each for each in around):
            problems.append(problem("each-circle", path, name=tree.name or "unnamed"))
            continue
        plan = known.get(id(tree))
        if plan is None:
            plan, wrong = _compiled(tree, name, around, known, optimize=optimize)
            problems.extend(replace(each, path=f"{path}/{each.path}") for each in wrong)
        if plan is not None:
            plans[position] = known[id(tree)] = plan
    return plans, problems


def _tree_of(task: Task[Any]) -> TaskTree | None:
    """The tree that a node runs for each element, if it is one."""
    found: TaskTree | None = None if task.each is None else task.each.tree
    return found


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
    inner = {position: each for position, each in plan.inner.items() if _tree_of(tasks[position]) is not None}
    inputs, context_keys = _needs(tasks, inner)
    inputs = {name: inputs.get(name, replace(info, required=False)) for name, info in plan.inputs.items()} | inputs
    asked, keys = MappingProxyType(inputs), MappingProxyType(context_keys)
    return replace(plan, tasks=tasks, lifetimes=lives, inputs=asked, context_keys=keys, inner=MappingProxyType(inner))


def _result_of(name: str, layout: Layout, tasks: Sequence[Task[Any]], kept: Sequence[bool]) -> tuple[int, list[Problem]]:
    """The node whose output is the result of an element: the one that is marked, else the only leaf that has any; or what is wrong."""
    found = [position for position, is_kept in enumerate(kept) if is_kept]
    if not found:
        leaves = (position for position in range(len(tasks)) if layout.is_leaf(position))
        found = [position for position in leaves if tasks[position].has_output is not False]
    if len(found) > 1:
        paths = ", ".join(map(layout.path, found[:5])) + ", ..." * (len(found) > 5)  # noqa: PLR2004 - half a line
        return -1, [problem("each-result", layout.labels[0], name=name, count=len(found), paths=paths)]
    if not any(isinstance(argument.source, ItemSource) for task in tasks for argument in task.asks):
        return -1, [problem("each-no-element", layout.labels[0], name=name)]
    return found[0] if found else -1, []


def _needs(tasks: Sequence[Task[Any]], inner: Mapping[int, Plan]) -> tuple[dict[str, InputInfo], dict[Any, int]]:
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
        if position in inner:
            for key in inner[position].context_keys:
                context_keys.setdefault(key, position)
            for name, info in inner[position].inputs.items():
                found = replace(info, node=position)
                inputs[name] = _merged(inputs.get(name, found), found)
    return inputs, context_keys


def _disagreements(layout: Layout, tasks: Sequence[Task[Any]], inner: Mapping[int, Plan]) -> Iterator[Problem]:
    """Inputs that a tree which is run for each element takes as something else than a node outside of it, or than another tree."""
    if inner:
        seen, _ = _needs(tasks, {})
        for position, plan in inner.items():
            for name, info in plan.inputs.items():
                first = seen.setdefault(name, replace(info, node=position))
                if not (satisfies(info.type, first.type) or satisfies(first.type, info.type)):
                    facts = {"input": name, "wanted": describe(info.type), "offered": describe(first.type)}
                    where = f"{layout.path(position)}/{plan.layout.path(info.node)}"
                    yield problem("input-type", where, first=layout.path(first.node), **facts)


def _merged(one: InputInfo, other: InputInfo) -> InputInfo:
    """What two nodes ask of the same input: the narrower type, where that can be told, and a default only if both have one."""
    is_narrower = classes_of(other.type) is not None and satisfies(other.type, one.type)
    type_ = other.type if one.type is Any or is_narrower else one.type
    required = one.required or other.required
    return InputInfo(one.name, type_, required, None if required else one.default, one.node)
