"""What runs once for each element of an output: a task, or a whole tree, and how its results become one output.

*Guarantees*: what is wrong with it alone is refused where it is written; a node of it is a task like any other, whose callable gives
the elements.
*Does not know*: trees from inside, runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, cast, get_args

from ._accesses import Accesses
from ._adapter import Adapter
from ._errors import RegistrationError, problem
from ._items import Each, ItemSource, item
from ._outputs import Output, Returns
from ._register import Options
from ._signature import read
from ._slots import EMPTY
from ._specs import Source, borrow_prev
from ._tasks import Kind, Task, completed, make_task
from ._types import UNKNOWN, is_count

__all__ = ["EachOptions", "OnItemFailure", "each_task"]

OnItemFailure = Literal["stop", "skip", "collect"]

_LIST: Final = Output(Returns.VALUE, list, may_retry=True, words="list")
_ANYTHING: Final = Output(Returns.VALUE, UNKNOWN, may_retry=True, words="anything")
_NOTHING: Final = Output(Returns.NOTHING, UNKNOWN, may_retry=True, words="nothing for an element, and so for all of them")


class EachOptions(Options, total=False):
    """The options of `each`, besides those of a node and `reduce`."""

    over: Callable[..., Any] | None
    max_concurrency: int | None


def each_task(
    what: Any,
    sources: tuple[Source, ...],
    *,
    over: Any = None,
    max_concurrency: int | None = None,
    on_item_failure: OnItemFailure = "stop",
    reduce: Callable[[Any, Any], Any] | None = None,
    initial: Any = EMPTY,
    name: str | None = None,
    adapters: Sequence[Adapter] = (),
    output: Any = UNKNOWN,
) -> Task[Any]:
    """The task of a node that runs `what` - a callable with its sources, a Task, a TaskTree - for each element."""
    if max_concurrency is not None and not is_count(max_concurrency, 1):
        raise ValueError(f"max_concurrency must be an integer of 1 or more, or None, not {max_concurrency!r}")
    if on_item_failure not in get_args(OnItemFailure):
        raise ValueError(f"on_item_failure must be 'stop', 'skip' or 'collect', not {on_item_failure!r}")
    _check_reduce(reduce, initial)
    tree: Any = what if hasattr(what, "placed") else None
    made: Task[Any] | None = None
    if tree is None:
        made = _item_task(what, sources, name, adapters, output)
    elif sources or adapters or output is not UNKNOWN:
        raise TypeError(f"each takes {tree!r} as it is: its nodes have their own sources, adapters and outputs")
    own = tree.name if tree is not None else made.name if made is not None else None
    label = name or own or "each"
    elements = _elements(label, over)
    if reduce is not None and made is not None and made.has_output is False:
        raise RegistrationError(problem("each-reduce", label, declared=made.output.words))
    each = Each(made, tree, max_concurrency, on_item_failure, reduce, initial, over is not None)
    is_empty = made is not None and made.has_output is False and on_item_failure != "collect"
    result = _NOTHING if is_empty else _LIST if reduce is None else _ANYTHING
    traits = replace(elements.traits, task=label, may_retry=True, output=result.type)
    return completed(replace(elements, name=label, named=name is not None, output=result, traits=traits, each=each))


def _check_reduce(reduce: Any, initial: Any) -> None:
    if reduce is not None and not callable(reduce):
        raise TypeError(f"reduce must be a callable of the value so far and the next result, not {reduce!r}")
    if reduce is not None and read(reduce).is_async:
        raise TypeError(f"reduce is called without waiting for it, so it cannot be a coroutine function: {reduce!r}")
    if reduce is None and initial is not EMPTY:
        raise TypeError("initial is what reduce begins with; there is no reduce")


def _item_task(
    what: Any, sources: tuple[Source, ...], name: str | None, adapters: Sequence[Adapter], output: Any
) -> Task[Any]:
    """The task that is run for each element."""
    if isinstance(what, Task):
        given: list[Any] = [sources, adapters, output is not UNKNOWN]
        told = [word for word, each in zip(("sources", "adapters", "output"), given, strict=True) if each]
        if told:
            raise RegistrationError(problem("already-bound", cast("Any", what).name, options=" or ".join(told)))
        made: Task[Any] = cast("Any", what)
    else:
        made = make_task(Kind.REGULAR, what, sources or _alone(what), adapters=adapters, name=name, output=output)
    if made.kind is not Kind.REGULAR or made.managed:
        words = "a managed task" if made.managed else f"a {made.kind.value}"
        raise RegistrationError(problem("each-kind", made.name, what=words))
    exclusive = _exclusive(made.accesses)
    if exclusive is not None:
        raise RegistrationError(problem("each-exclusive", made.name, exclusive[0], access=exclusive[1]))
    if not any(isinstance(argument.source, ItemSource) for argument in made.arguments):
        raise RegistrationError(problem("each-no-item", made.name))
    return made


def _alone(what: Any) -> tuple[Source, ...]:
    """What stands in for sources that are left out: the element, for the one parameter that has no other source."""
    parameters = read(what).parameters if callable(what) else ()
    if parameters is None:
        return (item(),)
    if any(each.mark is not None for each in parameters):
        return ()
    alone = [each for each in parameters if not each.variadic]
    waiting = [each for each in alone if not each.has_default] or alone
    return (item(),) * (len(waiting) == 1)


def _elements(label: str, over: Any) -> Task[Any]:
    """The task that gives what is gone through."""
    if over is None:
        return make_task(Kind.REGULAR, _as_it_is, (borrow_prev(),), name=label)
    if isinstance(over, Task):
        made: Task[Any] = cast("Any", over)
        if made.kind is not Kind.REGULAR or made.managed or made.adapters:
            raise RegistrationError(problem("each-over", label, name=made.name))
    else:
        made = make_task(Kind.REGULAR, over, (borrow_prev(),))
    exclusive = _exclusive(made.accesses)
    if exclusive is not None:
        raise RegistrationError(problem("each-exclusive", label, exclusive[0], access=exclusive[1]))
    return made


def _exclusive(accesses: Accesses) -> tuple[str, Any] | None:
    return next(((name, source) for name, source in accesses if source.access.exclusive), None)


def _as_it_is(elements: Any) -> Any:
    return elements
