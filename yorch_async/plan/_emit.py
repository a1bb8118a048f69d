"""A plan as straight-line Python: what an author would have written by hand, a few lines for each node.

Only the path on which every node answers a success is written down. Whatever else happens leaves the code by an exception:
one of the task's own, or the one that `settled` raises for an answer that is no success. `Part.where` then tells from the line
which node it was, and `Part.homes` to which registers the local names belong, so that the interpreter can go on at exactly that
place.

The text of a plan is compiled part by part, because the event loop must not be held up: a part is the longest that is compiled at a
stretch. What is compiled refers to names of `HELPERS`, which whoever runs it adds to the `constants`.

*Guarantees*: linear in the number of nodes; the text, the code and the lines of a traceback are the same.
*Does not know*: who runs it, and when it is worth it.
"""

import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any, Final
from weakref import finalize

from ._names import Names
from ._parts import Part, Variant
from ._schedule import Endings, Schedule
from ._text import Writer

__all__ = ["HELPERS", "LARGEST", "Code", "Compiled", "code_of", "legend"]

LARGEST: Final = 100_000
"""Plans with more nodes are interpreted: their code would take more than a hundred megabytes."""

HELPERS: Final = frozenset(
    {
        "DirectOut",
        "EMPTY",
        "SUCCESS",
        "TaskResult",
        "closed",
        "copied",
        "leave",
        "node",
        "plain",
        "settled",
        "taken",
        "written",
    }
)
"""The global names that the code uses without defining them."""

_LOCALS: Final = frozenset(
    {"run", "slots", "kept", "context", "inputs", "result", "out", "pending", "type", "locals", "GeneratorExit"}
)

_MOST_SEEN: Final = 256
"""How many classes of results are remembered; a program that makes classes as it runs must not fill the memory with them."""

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A part that can be run."""

    part: Part
    end: int
    """The node after the last one."""
    function: Any
    code: Any
    """What the frames of the function have as their `f_code`."""


class Code:
    """The code of one variant of a plan, written and compiled part by part, in order. It has state: how far it is."""

    def __init__(self, schedule: Schedule, variant: Variant) -> None:
        self.schedule = schedule
        self.variant = variant
        self.names = Names(HELPERS | _LOCALS)
        self.endings = schedule.endings()
        self.constants: dict[str, Any] = {"__name__": "yorch_async"}
        """What the code refers to by global names; also the globals of its functions."""
        self.plain: set[type] = set()
        """Classes of results that need not be looked at: those of nodes that have answered with several."""
        self.seen: dict[int, str] = {}
        """The names under which the code expects the class of a node's result, where no declaration tells it."""
        self.compiled: list[Compiled] = []
        self.is_complete = False
        """Whether every part is compiled."""
        self.parts = -(-len(schedule) // schedule.part)
        """How many parts there will be."""
        self._files: list[str] = []
        self._known: dict[tuple[int, str], str] = {}
        self._title = self.names.new(schedule.name)
        self._number = next(_numbers)
        self._written: list[Part] = []
        self._lock = Lock()
        finalize(self, _forget, self._files).atexit = False

    def constant(self, wanted: str, obj: Any) -> str:
        """The global name of an object; the same one for the same object."""
        name = self._known.get((id(obj), wanted))
        if name is None:
            name = self._known[id(obj), wanted] = self.names.new(wanted)
            self.constants[name] = obj
        return name

    def texts(self) -> Iterator[str]:
        """The text of each part."""
        for number in range(self.parts):
            with self._lock:
                text = self._part(number).source
            yield text

    def learn(self, index: int, cls: type) -> None:
        """Expect results of this class: of a node of which none has been seen yet, else of any."""
        name = self.seen.pop(index, None)
        if name is not None:
            self.constants[name] = cls
        elif len(self.plain) < _MOST_SEEN:
            self.plain.add(cls)

    def compile_next(self) -> bool:
        """Compile one part more, if any is missing and nobody is about it; whether that was done."""
        if not self._lock.acquire(blocking=False):  # another thread, or the same one further up its stack
            return False
        try:
            number = len(self.compiled)
            if number < self.parts:
                self._compile(self._part(number))
            self.is_complete = len(self.compiled) >= self.parts
            if self.is_complete:
                self.endings = Endings({}, {})  # of use to nobody any more
        finally:
            self._lock.release()
        return True

    def compile_all(self) -> None:
        """Compile what is missing."""
        while not self.is_complete and self.compile_next():
            pass

    def _compile(self, part: Part) -> None:
        file = f"<yorch_async: plan {self.schedule.name!r}, code {self._number}, nodes {part.first} to {part.end - 1}>"
        exec(compile(part.source, file, "exec", dont_inherit=True), self.constants)  # noqa: S102 - written by us, of names and literals
        # A traceback that passes through shows the line, as it does for a file.
        linecache.cache[file] = (len(part.source), None, part.source.splitlines(keepends=True), file)
        self._files.append(file)
        function = self.constants[part.function]
        self.compiled.append(Compiled(part, part.end, function, function.__code__))

    def _part(self, number: int) -> Part:
        while len(self._written) <= number:
            size, first = len(self.schedule), len(self._written) * self.schedule.part
            name = self._title if self.parts == 1 else self.names.new(f"{self._title}_part_{len(self._written) + 1}")
            self._written.append(Writer(self, name, first, min(first + self.schedule.part, size)).part())
        return self._written[number]


LEGEND: Final = {
    "plain": "settled looks at an answer that has neither the class that is expected nor one of those in plain",
    "kept": "kept holds what stays in the result",
    "slots = run.slots": "slots holds what goes from one part to another, or to and from a node that is run by the library",
    "node": "node(run, number) runs a node that has a resource to enter, or an adapter that has a part in a success",
    " := None)[0]": "(x, x := None)[0] hands x over without keeping a reference to it",
    "pending": "pending is a call that has taken its arguments, and has not begun",
    "written": "out is the handle that a node writes its output into",
}
"""What a reader may ask about the code, by what has to be in it for that."""


def legend(text: str) -> str:
    """Comments that explain what is in a text."""
    return "".join(f"# {words}\n" for part, words in LEGEND.items() if part in text)


def _forget(files: list[str]) -> None:
    """Take generated text out of the memory of tracebacks."""
    for file in files:
        linecache.cache.pop(file, None)


def code_of(prepared: dict[Any, Any], schedule: Schedule, variant: Variant) -> Code:
    """The code of a plan, as far as it has been written; `prepared` is where the plan puts aside what is derived from it."""
    known: Code | None = prepared.get(("code", variant))
    return prepared.setdefault(("code", variant), Code(schedule, variant)) if known is None else known
