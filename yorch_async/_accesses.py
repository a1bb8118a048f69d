"""The accesses of one task to the outputs of other nodes, and which of them go together.

*Guarantees*: what a task takes to itself alone it takes once.
*Does not know*: whose outputs they are, and whether two nodes have the same one; `compile_plan` does.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from ._bind import Argument
from ._errors import RegistrationError, problem
from ._kinds import Kind
from ._reads import NodeSource
from ._specs import Access, OutputSource, PrevSource

__all__ = ["Accesses", "accesses_of", "checked_accesses", "clash", "whose"]

Accesses: TypeAlias = tuple[tuple[str, OutputSource], ...]
"""The names of the parameters, and what they take."""


def accesses_of(arguments: tuple[Argument, ...]) -> Accesses:
    """Those among the arguments of a task."""
    return tuple((argument.name, argument.source) for argument in arguments if isinstance(argument.source, OutputSource))


def whose(source: OutputSource) -> Any:
    """Something that is equal for sources that read the same node."""
    return (id(source.node.tree), source.node.index) if isinstance(source, NodeSource) else None


def clash(accesses: Accesses, others: Accesses) -> tuple[str, str] | None:
    """What is taken away by one of the first and read by one of the others: the parameter of that one, and how it reads."""
    taken = {whose(source) for _, source in accesses if source.access is Access.CONSUME}
    return next(((name, str(source)) for name, source in others if whose(source) in taken), None)


def checked_accesses(kind: Kind, label: str, arguments: tuple[Argument, ...]) -> Accesses:
    """The accesses of a task, which must go together."""
    found = accesses_of(arguments)
    if kind is Kind.FORWARD:
        prev: list[OutputSource] = [source for _, source in found if isinstance(source, PrevSource)]
        if [source.access for source in prev] != [Access.BORROW_MUT]:
            words = _words(prev) or "no access to the parent's output"
            raise RegistrationError(problem("forward-access", label, accesses=words))
    for name, source in found:
        if source.access.exclusive and len(found) > 1:
            same = [other for _, other in found if whose(other) == whose(source)]
            if len(same) > 1:
                what = f"the output of '{source.node.name}'" if isinstance(source, NodeSource) else "the parent's output"
                raise RegistrationError(problem("exclusive-access", label, name, what=what, accesses=_words(same)))
    return found


def _words(sources: Iterable[OutputSource]) -> str:
    return " and ".join(map(str, sources))
