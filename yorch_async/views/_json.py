"""A plan as JSON, for programs.

*Guarantees*: keys are only ever added while `version` stays the same; a node stands after its parent and all others that it depends
on; `node` in an argument is the index of the node that it reads, and `default` is there where it has one. `each` is there where a
node runs a `task` or the `nodes` of a tree for each element; those count from 0 again, and `result` is the one whose output counts.
*Does not know*: the objects of a plan themselves; of a stored value it shows the type.
"""

import json
from collections.abc import Iterator
from typing import Any

from .._accesses import accesses_of
from .._bind import Argument
from .._items import Each, ItemSource
from .._signature import name_of
from .._slots import EMPTY
from .._specs import CtxSource, InputSource, OutputSource
from .._tasks import Task
from .._tree import TaskTree
from .._variants import unconditional
from ..plan import InputInfo, Plan, PlanNode, over_of, tree_of
from ._picture import adapter_words, plan_of, public, type_words

__all__ = ["to_json"]


@public
def to_json(plan: Plan | TaskTree) -> str:
    """Write a plan as a JSON object: its nodes in the order of a serial run, with the sources of their arguments.

    >>> import json
    >>> from yorch_async import TaskTree, borrow_prev, value
    >>> from yorch_async.views import to_json
    >>> tree = TaskTree("numbers")
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> halved = seven.child(lambda x: x / 2, borrow_prev(int), name="halved")
    >>> json.loads(to_json(tree))["nodes"][1]["arguments"]
    [{'parameter': 'x', 'source': 'borrow_prev', 'type': 'int', 'node': 0}]
    """
    plan = plan_of(plan)
    whole = {
        "version": 1,
        "plan": plan.name,
        "slots": plan.slots,
        "inputs": [_input(info) for info in plan.inputs.values()],
        "context": [{"key": type_words(key), "node": node} for key, node in plan.context_keys.items()],
        "nodes": [_node(node) for node in plan.nodes],
    }
    return json.dumps(whole, indent=2)


def _input(info: InputInfo) -> dict[str, Any]:
    return {"name": info.name, "type": type_words(info.type), "required": info.required, "node": info.node}


def _node(node: PlanNode) -> dict[str, Any]:
    task, condition = node.task, node.task.condition
    sources = iter(node.reads)
    arguments = [_argument(argument, sources) for argument in unconditional(task)]
    shown = {
        "index": node.index,
        "name": node.name,
        "path": node.path,
        "parent": node.parent,
        "level": node.level,
        "kind": task.kind.value,
        "arguments": arguments,
        "after": list(node.after),
        "condition": None if condition is None else _condition(condition, sources),
        "output": {"exists": task.has_output, "type": type_words(task.output.type)},
        "adapters": [adapter_words(adapter) for adapter in task.adapters],
        "managed": task.managed,
        "fanout": node.fanout.value,
        "keep": node.keep,
        "slot": node.slot,
    }
    return shown if task.each is None else shown | {"each": _each(node, task.each)}


def _each(node: PlanNode, each: Each) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "over": over_of(node.task),
        "max_concurrency": each.max_concurrency,
        "on_item_failure": each.on_item_failure,
        "reduce": None if each.reduce is None else name_of(each.reduce),
    }
    if each.item is None:
        plan = node.plan.inner[node.index]
        result = None if plan.result < 0 else plan.result
        return shown | {"tree": tree_of(node.task), "result": result, "nodes": [_node(inner) for inner in plan.nodes]}
    task = each.item
    sources = iter(node.reads[len(accesses_of(node.task.arguments)) :])
    return shown | {
        "task": {
            "name": task.name,
            "arguments": [_argument(argument, sources) for argument in task.asks],
            "output": {"exists": task.has_output, "type": type_words(task.output.type)},
            "adapters": [adapter_words(adapter) for adapter in task.adapters],
        }
    }


def _condition(condition: Task[Any], sources: Iterator[int]) -> dict[str, Any]:
    return {"name": condition.name, "arguments": [_argument(argument, sources) for argument in condition.asks]}


def _argument(argument: Argument, sources: Iterator[int]) -> dict[str, Any]:
    source = argument.source
    shown: dict[str, Any] = {"parameter": argument.name, "source": str(source)}
    if isinstance(source, OutputSource):
        shown |= {"type": type_words(source.type), "node": next(sources)}
        return shown if source.default is EMPTY else shown | {"default": True}
    if isinstance(source, CtxSource):
        return shown | {"key": type_words(source.key)}
    if isinstance(source, InputSource):
        return shown | {"input": source.name, "type": type_words(source.type)}
    if isinstance(source, ItemSource):
        return shown | {"type": type_words(source.type)}
    return shown | {"type": type_words(type(source.value))}
