"""What is measured: trees of different shapes, each with the code that an author would have written by hand in its place.

A scenario is written down once, as a list of steps, and built twice from that: as a plan, and as the source of one function. The
functions of both are the same objects.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from yorch_async import (
    Context,
    Fanout,
    Plan,
    RetryFixed,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume_prev,
    copy_prev,
    from_ctx,
    from_input,
    retry_on,
    task_forward_prev,
    value,
)

__all__ = ["Scenario", "Settings", "Step", "add", "chain", "mixed", "scenarios", "smallest", "surroundings", "wide"]


class Settings:
    """What the context holds."""

    offset = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One node: which step it reads, which function it calls, from where its other arguments come, which adapters it has."""

    parent: int
    fn: Callable[..., Any]
    reads: str = "borrow"
    """borrow, consume, copy, forward, nothing"""
    others: tuple[str, ...] = ()
    """value, context, input"""
    adapter: str = ""
    """catch, retry; with "used" behind it where the function gives it something to do"""


@dataclass(frozen=True)
class Scenario:
    """A tree, and what runs it."""

    name: str
    steps: Sequence[Step]
    is_async: bool
    first: Any = 0
    """What the root's function is called with."""
    has_target: bool = True
    """Whether it is held to a target; what happens off the success path is not."""

    def __len__(self) -> int:
        return len(self.steps)

    def tree(self) -> TaskTree:
        """Register it."""
        tree = TaskTree("measured")
        nodes: list[Any] = []
        families = _families(self.steps)
        for index, step in enumerate(self.steps):
            options: dict[str, Any] = {"adapters": _ADAPTERS[step.adapter.removesuffix(" used")]}
            if "consume" in families[index] and len(families[index]) > 1:
                options["fanout"] = Fanout.CONSUME_WITH_COPIES
            sources: list[Any] = [_READS[step.reads]()] if index and step.reads in _READS else []
            sources += [_OTHERS[other]() for other in step.others]
            if not index:
                nodes.append(tree.root(step.fn, value(self.first), *sources, **options))
            elif step.reads == "forward":
                task = task_forward_prev(step.fn, *sources, adapters=options.pop("adapters"))
                nodes.append(nodes[step.parent].child(task, **options))
            else:
                nodes.append(nodes[step.parent].child(step.fn, *sources, **options))
        return tree

    def plan(self, *, optimize: bool | None) -> Plan:
        """Compile it."""
        return compile_plan(self.tree(), optimize=optimize)

    def by_hand(self) -> Callable[[Settings, int], Any]:
        """What an author would have written: one function, straight down."""
        lines = [f"{'async ' if self.is_async else ''}def by_hand(settings, number):"]
        namespace: dict[str, Any] = {"first": self.first, "seven": _SEVEN}
        for index, step in enumerate(self.steps):
            namespace[f"f{index}"] = step.fn
            lines += [f"    {line}" for line in self._lines(index, step)]
        source = "\n".join([*lines, f"    return x{len(self) - 1}"])
        exec(compile(source, "<by hand>", "exec"), namespace)  # noqa: S102 - written above
        made: Callable[[Settings, int], Any] = namespace["by_hand"]
        return made

    def _lines(self, index: int, step: Step) -> list[str]:
        read = f"x{step.parent}" if index else "first"
        arguments = [] if step.reads == "nothing" else [f"{read}.copy()" if step.reads == "copy" else read]
        arguments += [{"value": "seven", "context": "settings", "input": "number"}[other] for other in step.others]
        call = f"{'await ' if self.is_async else ''}f{index}({', '.join(arguments)})"
        # An author has no need of a second name for an object that was changed in place.
        lines = [call, f"x{index} = {read}"] if step.reads == "forward" else [f"x{index} = {call}"]
        if step.adapter.startswith("catch"):
            return ["try:", *(f"    {line}" for line in lines), "except Exception as error:", "    return error"]
        if step.adapter.startswith("retry"):
            body = ["for attempt in range(4):", "    try:", *(f"        {line}" for line in lines), "        break"]
            return [*body, "    except ConnectionError as error:", "        if attempt == 3: return error"]
        return lines


_SEVEN = "seven"


def _copied(items: list[int]) -> list[int]:
    return items.copy()


_READS: dict[str, Callable[[], Any]] = {
    "borrow": borrow_prev,
    "consume": consume_prev,
    "copy": partial(copy_prev, copier=_copied),
    "forward": borrow_prev_mut,
}
_OTHERS: dict[str, Callable[[], Any]] = {
    "value": lambda: value(_SEVEN),
    "context": lambda: from_ctx(Settings),
    "input": lambda: from_input("number", int),
}


async def _at_once(_: float) -> None:
    """Wait for no time: what is measured is the way there and back."""


_ADAPTERS: dict[str, tuple[Any, ...]] = {
    "": (),
    "catch": (catch_as_failure(),),
    "retry": (retry_on(ConnectionError, RetryFixed(3), sleep=_at_once),),
}


def _families(steps: Sequence[Step]) -> list[list[str]]:
    """How the children of each step read it."""
    found: list[list[str]] = [[] for _ in steps]
    for step in steps[1:]:
        found[step.parent].append(step.reads)
    return found


# --- functions that do next to nothing


def add(number: int) -> int:
    """Add one."""
    return number + 1


async def add_async(number: int) -> int:
    """Add one, in a coroutine that does not suspend."""
    return number + 1


def same(obj: Any) -> Any:
    """Hand a large object on."""
    return obj


async def same_async(obj: Any) -> Any:
    """Hand a large object on, in a coroutine."""
    return obj


def failing(*, is_async: bool) -> Callable[..., Any]:
    """Make a function that raises at every second call, and so is retried once a run."""
    is_next = [False]

    def body(number: int) -> int:
        is_next[0] = not is_next[0]
        if is_next[0]:
            raise ConnectionError
        return number + 1

    async def body_async(number: int) -> int:
        return body(number)

    return body_async if is_async else body


# --- shapes


def chain(size: int, fn: Callable[..., Any], *, reads: str = "borrow", adapter: str = "") -> list[Step]:
    """Each node below the one before."""
    return [Step(index - 1, fn, reads, adapter=adapter) for index in range(size)]


def wide(size: int, fn: Callable[..., Any], *, adapter: str = "") -> list[Step]:
    """All nodes below the root."""
    return [Step(0, fn, adapter=adapter) for _ in range(size)]


def balanced(size: int, fn: Callable[..., Any]) -> list[Step]:
    """Two children below every node, depth first, as a run goes through them."""
    steps = [Step(0, fn)]

    def below(parent: int, left: int) -> None:
        for share in (left - left // 2, left // 2):
            if share:
                steps.append(Step(parent, fn))
                below(len(steps) - 1, share - 1)

    below(0, size - 1)
    return steps


def mixed(size: int, *, is_async: bool, seed: int) -> list[Step]:
    """A random tree in which every function is another one, with all kinds of arguments and with adapters."""
    chance = random.Random(seed)  # noqa: S311 - the same tree every time
    steps = [Step(0, _distinct(0, 1, is_async=is_async))]
    line = [0]
    while len(steps) < size:
        del line[chance.randint(1, len(line)) :]
        parent, index = line[-1], len(steps)
        taken = [step.reads for step in steps[1:] if step.parent == parent]
        reads = chance.choice(["borrow"] * 6 + ["copy", "nothing"])
        if not taken and index + 1 < size and chance.random() < 0.15:
            reads = chance.choice(["consume", "forward"])
        others = tuple(chance.sample(["value", "context", "input"], chance.choice([0, 0, 0, 1, 1, 2])))
        count = (reads != "nothing") + len(others)
        adapter = chance.choice([""] * 6 + ["catch", "retry"] if reads != "consume" else ["", "catch"])
        fn = (
            _forwarding(index, count, is_async=is_async)
            if reads == "forward"
            else _distinct(index, count, is_async=is_async)
        )
        steps.append(Step(parent, fn, reads, others, adapter))
        # An exclusive reader is an only child: the line goes on below it.
        line = [*line, index] if reads not in ("consume", "forward") else [index]
    return steps


def _distinct(index: int, count: int, *, is_async: bool) -> Callable[..., Any]:
    """Make a function of its own, which returns a new list."""
    names = ", ".join(f"a{number}" for number in range(count))
    return _made(index, names, "[1]", is_async=is_async)


def _forwarding(index: int, count: int, *, is_async: bool) -> Callable[..., Any]:
    names = ", ".join(f"a{number}" for number in range(count))
    return _made(index, names, "None", is_async=is_async)


def _made(index: int, names: str, returns: str, *, is_async: bool) -> Callable[..., Any]:
    declared = "None" if returns == "None" else "list"
    source = f"{'async ' if is_async else ''}def step_{index}({names}) -> {declared}: return {returns}"
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102 - written above
    made: Callable[..., Any] = namespace[f"step_{index}"]
    return made


def scenarios() -> list[Scenario]:
    """Make all of them."""
    found: list[Scenario] = []
    big = list(range(1_000_000))
    for is_async in (True, False):
        kind = "async" if is_async else "sync"
        fn, hand_on = (add_async, same_async) if is_async else (add, same)
        once = [*chain(31, fn), Step(30, failing(is_async=is_async), adapter="retry used")]
        found += [
            Scenario(f"chain of 32, {kind}", chain(32, fn), is_async),
            Scenario(f"chain of 32 that consume, {kind}", chain(32, fn, reads="consume"), is_async),
            Scenario(f"chain of 32, 8 MB payload, {kind}", chain(32, hand_on), is_async, big),
            Scenario(f"chain of 1000, {kind}", chain(1000, fn), is_async),
            Scenario(f"1000 siblings, {kind}", wide(1000, fn), is_async),
            Scenario(f"balanced tree of 1000, {kind}", balanced(1000, fn), is_async),
            Scenario(f"mixed, 500 functions, {kind}", mixed(500, is_async=is_async, seed=7), is_async),
            Scenario(f"mixed, 500 others, {kind}", mixed(500, is_async=is_async, seed=11), is_async),
            Scenario(f"1000 siblings, catch unused, {kind}", wide(1000, fn, adapter="catch"), is_async),
            Scenario(f"1000 siblings, retry unused, {kind}", wide(1000, fn, adapter="retry"), is_async),
            Scenario(f"chain of 32, retry used once, {kind}", once, is_async, has_target=False),
            Scenario(f"chain of 32, catch used at its end, {kind}", _caught(is_async=is_async), is_async, has_target=False),
        ]
    return found


def _caught(*, is_async: bool) -> list[Step]:
    """Make a chain whose last function raises, and is caught."""

    def broken(number: int) -> int:  # noqa: ARG001 - it is to fail
        raise ConnectionError

    async def broken_async(number: int) -> int:  # noqa: ARG001 - see broken
        raise ConnectionError

    return [*chain(31, add_async if is_async else add), Step(30, broken_async if is_async else broken, adapter="catch used")]


def smallest(*, is_async: bool, surrounded: bool) -> Scenario:
    """Return one node, which takes nothing or an input and something of the context: what it costs more than a call costs a run."""
    if not surrounded:
        return Scenario("one node", [Step(-1, add_async if is_async else add)], is_async)
    fn = _two_async if is_async else _two
    return Scenario("one node", [Step(-1, fn, others=("context", "input"))], is_async)


def _two(number: int, settings: Settings, other: int) -> int:  # noqa: ARG001 - to be passed is all
    return number


async def _two_async(number: int, settings: Settings, other: int) -> int:  # noqa: ARG001 - see _two
    return number


def surroundings() -> tuple[Context, dict[str, int]]:
    """What every scenario is run with, whether it takes it or not."""
    return Context(Settings()), {"number": 3}
