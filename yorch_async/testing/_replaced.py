"""Plans for tests, made of those that a program runs: with fakes in place of nodes, with all outputs kept.

*Guarantees*: the given plan stays as it is, and nothing that was prepared for it is shared.
*Does not know*: what a fake does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, overload

from .._adapter import Adapter
from .._tasks import Task
from .._tree import Node
from .._variants import with_callable
from ..plan import Plan, nodes_called, with_tasks
from ._fakes import faked
from ._public import public

__all__ = ["all_kept", "replaced"]

_SHOWN: Final = 20
"""How many nodes a message lists."""


# The keys of a Mapping are invariant: what is declared as one of the two kinds of key is no Mapping of both.
@overload
def replaced(plan: Plan, fakes: Mapping[Node[Any] | str, Any], *, adapters: Sequence[Adapter] | None = ...) -> Plan: ...
@overload
def replaced(plan: Plan, fakes: Mapping[str, Any], *, adapters: Sequence[Adapter] | None = ...) -> Plan: ...
@overload
def replaced(plan: Plan, fakes: Mapping[Node[Any], Any], *, adapters: Sequence[Adapter] | None = ...) -> Plan: ...
@public
def replaced(plan: Plan, fakes: Mapping[Any, Any], *, adapters: Sequence[Adapter] | None = None) -> Plan:
    """The same plan with fakes in place of nodes, each under the handle, the name or the path of its node.

    A fake is

    - a value: the output of the node;
    - a `StepResult` or `TaskResult`: its answer;
    - an exception, or a class of them: raised;
    - a callable, such as a function, a coroutine function, a mock or a `scripted(...)`: called as the node's own callable would be,
      or without arguments if it has no parameters, and gives a value or an answer. (An output that can be called is passed as
      `TaskResult.success(output)`.)

    Of a node of `each`, a callable is called for each element, in place of what is run for it; all else is the output of the node.

    All else stays: the adapters, unless others are given; what the node borrows, changes, copies or consumes; how its children share
    its output, and whether that is kept. Where no arguments are passed, neither context objects nor inputs are needed; inputs that
    nobody else takes may still be given. A callable for a direct-output task may write or return the output, one for a managed
    task may return a context manager, which is entered, or what that would yield. A fake of a forwarding task is a callable that
    may change the parent's object, None, an exception, or an answer without a value.

    Raises `LookupError` for a name that means no node or several, and `ValueError` for what cannot stand in its place. Adapters that
    are given are refused as where a task is registered, and what they would run instead as where a tree is compiled.

    >>> from yorch_async import TaskTree, borrow_prev, compile_plan, from_input, run
    >>> def fetch(url: str) -> list[float]:
    ...     raise NotImplementedError
    >>> tree = TaskTree("shop")
    >>> total = tree.root(fetch, from_input()).child(sum, borrow_prev(list), name="total")
    >>> run(replaced(compile_plan(tree), {"fetch": [1.0, 2.5]}))[total]
    3.5
    """
    _check_plan("replaced", plan)
    tasks = list(plan.tasks)
    known: dict[int, Any] = {}
    for node, fake in fakes.items():
        index = _index_of(plan, node)
        path = plan.layout.path(index)
        if index in known:
            raise ValueError(f"'{path}' is replaced twice, as {known[index]!r} and as {node!r}; leave one out")
        known[index] = node
        tasks[index] = faked(_task_of(plan, index), fake, path, adapters)
    return with_tasks(plan, tuple(tasks))


@public
def all_kept(plan: Plan) -> Plan:
    """The same plan with every output kept in the result, as if each node had `keep=True`.

    A kept output stays alive until the result is dropped, also one that a child consumes, and one that is changed in place later shows
    the change; a resource is exited when it would be anyhow.

    >>> from yorch_async import TaskTree, borrow_prev, compile_plan, run, value
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> half = seven.child(lambda x: x / 2, borrow_prev(int), name="half")
    >>> list(run(all_kept(compile_plan(tree))).items())
    [('seven', 7), ('seven/half', 3.5)]
    """
    _check_plan("all_kept", plan)
    return replace(plan, kept=(True,) * len(plan))


def _check_plan(function: str, plan: object) -> None:
    if not isinstance(plan, Plan):
        raise TypeError(f"{function} takes a Plan, made by compile_plan(tree), not {plan!r}")


def _task_of(plan: Plan, index: int) -> Task[Any]:
    """The task of a node, with the arguments of its own callable, also where a fake stands already that takes none."""
    task, own = plan.tasks[index], plan.tree.placed[plan.layout.registered[index]].task
    if task is own:
        return task
    again = with_callable(
        replace(task, each=own.each), own.fn, own.arguments, is_async=own.signature.is_async, awaits=own.awaits
    )
    return replace(again, output=own.output)


def _index_of(plan: Plan, node: Node[Any] | str) -> int:
    if not isinstance(node, str):
        return plan.index_of(node)
    found = nodes_called(plan, node)
    if len(found) == 1:
        return found[0]
    if found:
        paths = _listed(plan, found)
        raise LookupError(
            f"{len(found)} nodes of plan '{plan.name}' are called '{node}' ({paths}); use a path or the node itself"
        )
    near = get_close_matches(node, [name for each in plan.nodes for name in (each.name, each.path)], 1)
    meant = f" (did you mean '{near[0]}'?)" if near else ""
    raise LookupError(f"plan '{plan.name}' has no node '{node}'{meant}; it has {_listed(plan, range(len(plan)))}")


def _listed(plan: Plan, indexes: Sequence[int]) -> str:
    paths = [plan.layout.path(index) for index in islice(indexes, _SHOWN)]
    return ", ".join([*paths, "..."] if len(indexes) > _SHOWN else paths)
