"""What a run needs from outside, checked before any task is called.

*Guarantees*: a run that cannot work does not begin, and is told everything that is missing at once; where nothing is, looking costs
little.
*Does not know*: how nodes are executed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .._errors import Problem, SetupError, problem
from .._types import class_of, classes_of, describe, is_instance
from ..plan import Plan

__all__ = ["Needs", "check_setup", "check_sync", "fits", "needs_of"]

_SHOWN = 20
"""How many names a message lists."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a plan needs, in the form in which it is looked up fastest."""

    keys: tuple[Any, ...]
    inputs: tuple[tuple[str, bool, tuple[type, ...] | None], ...]
    """The name, whether it has to be there, and the classes that need no closer look."""


def needs_of(plan: Plan) -> Needs | None:
    """What a plan needs; None: nothing."""
    named = ((info.name, info.required, classes_of(info.type)) for info in plan.inputs.values())
    inputs = tuple(named)
    return Needs(tuple(plan.context_keys), inputs) if inputs or plan.context_keys else None


def fits(needs: Needs, context: Mapping[Any, Any] | None, inputs: Mapping[str, Any]) -> bool:
    """Whether all is there, and of exactly the classes that are asked for; if not, `check_setup` takes the closer look."""
    if context is not None:
        for key in needs.keys:
            if key not in context:
                return False
    taken = 0
    for name, required, classes in needs.inputs:
        if name in inputs:
            taken += 1
            if classes is not None:
                cls = class_of(inputs[name])
                for wanted in classes:  # by identity: a metaclass may refuse to be compared or hashed
                    if cls is wanted:
                        break
                else:
                    return False
        elif required:
            return False
    return taken == len(inputs)


def check_setup(plan: Plan, context: Mapping[Any, Any] | None, inputs: Mapping[str, Any]) -> None:
    """Find everything that is missing, unexpected or of the wrong type."""
    found: list[Problem] = [] if context is None else list(_missing_objects(plan, context))
    found.extend(_wrong_inputs(plan, inputs))
    if found:
        raise SetupError(f"plan '{plan.name}' cannot be run with this context and these inputs", found)


def _missing_objects(plan: Plan, context: Mapping[Any, Any]) -> Iterator[Problem]:
    there = _listed(map(describe, context)) or "nothing"
    for key, index in plan.context_keys.items():
        if key not in context:
            yield problem("missing-context", plan.layout.path(index), what=describe(key), there=there)


def _wrong_inputs(plan: Plan, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    given, taken = _listed(inputs) or "none", _listed(plan.inputs) or "none"
    for name, info in plan.inputs.items():
        path = plan.layout.path(info.node)
        if name not in inputs:
            if info.required:
                yield problem("missing-input", path, what=name, there=given)
        elif not is_instance(inputs[name], info.type):
            facts = {"offered": describe(class_of(inputs[name])), "wanted": describe(info.type)}
            yield problem("input-value", path, what=name, **facts)
    for name in inputs:
        if name not in plan.inputs:
            yield problem("unexpected-input", plan.name, what=name, there=taken)


def check_sync(plan: Plan) -> None:
    """Find the tasks that need an event loop."""
    waiting = ((index, why) for index, task in enumerate(plan.tasks) if (why := task.awaited_for) is not None)
    found = [problem("not-sync", plan.layout.path(index), what=why) for index, why in waiting]
    if found:
        raise SetupError(f"plan '{plan.name}' cannot be run without an event loop", found)


def _listed(names: Iterable[object]) -> str:
    """The first few of them: each problem lists what there is."""
    first = list(islice(map(str, names), _SHOWN + 1))
    return ", ".join([*first[:_SHOWN], "..."] if len(first) > _SHOWN else first)
