"""Random trees, and a small model that says what running one must do.

The model is a recursive function over nested records: no slots, no plan, no loop. It knows the rules of flow, adapters and ownership,
and nothing of how the library keeps them.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from yorch_async import (
    Fanout,
    RetryFixed,
    RetryFixedPassthrough,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    consume_prev,
    copy_prev,
    retry,
    task,
    task_forward_prev,
    task_into,
    value,
)

STATUSES = {status.value: status for status in StepStatus}


class Box:
    """A mutable output with identity; counts how many are alive."""

    alive = 0
    most = 0

    log: list | None = None
    """What is told of births and deaths, where a test wants to know."""

    def __init__(self, items):
        self.items = list(items)
        self.tell("made")
        Box.alive += 1
        Box.most = max(Box.most, Box.alive)

    def __deepcopy__(self, memo):
        return Box(self.items)

    def __del__(self):
        Box.alive -= 1
        self.tell("released")

    def tell(self, what):
        """Note what has become of this one."""
        if Box.log is not None:
            Box.log.append((what, list(self.items)))


@dataclass
class Spec:
    """One node of a random tree."""

    number: int
    level: int
    kind: str = "regular"  # regular, silent (no output), direct, forward
    access: str = "none"
    style: str = "status"  # how a regular node answers: status (StepResult or a value) or result (TaskResult)
    is_async: bool = False
    script: list[str] = field(default_factory=lambda: ["success"])
    adapters: list[tuple[str, Any]] = field(default_factory=list)
    fanout: Fanout = Fanout.AUTO
    keep: bool = False
    pauses: int = 0  # how often an async node waits for a turn of the loop
    children: list["Spec"] = field(default_factory=list)

    @property
    def has_output(self):
        """Whether a success gives an output."""
        return self.kind != "silent"


OUTCOMES = ["success"] * 6 + ["retry", "retry", "failure", "abort_branch", "abort_execution", "raise"]


@st.composite
def trees(draw, max_size=14, most_pauses=0):
    """Draw a tree that keeps all rules."""
    specs: list[Spec] = []
    for number in range(draw(st.integers(1, max_size))):
        level = 0 if number == 0 else draw(st.integers(1, specs[-1].level + 1))
        spec = Spec(number, level, is_async=draw(st.booleans()), pauses=draw(st.integers(0, most_pauses)))
        spec.fanout = draw(st.sampled_from([Fanout.AUTO, Fanout.SHARED_READONLY, Fanout.CONSUME_WITH_COPIES]))
        parents = [other for other in specs if other.level == level - 1]
        if parents:
            parents[-1].children.append(spec)
        specs.append(spec)
    give_roles(draw, specs[0], None)
    return specs


def give_roles(draw, spec, parent):
    """Choose what a node does, within what its parent allows."""
    if parent is not None and parent.has_output:
        spec.access = draw(st.sampled_from(allowed(spec, parent)))
    if spec.access == "mut" and draw(st.booleans()):
        spec.kind = "forward"
    else:
        spec.kind = draw(st.sampled_from(["regular", "regular", "silent", "direct"]))
    spec.style = draw(st.sampled_from(["status", "result"]))
    spec.script = draw(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=3))
    choices = [("catch", "failure"), ("catch", "retry"), ("catch", "value"), ("fixed", 0), ("fixed", 2), ("passthrough", 1)]
    choices.append(("own", None))
    if spec.access == "consume":
        choices = [*choices[:3], choices[-1]]
    if spec.kind != "regular":
        choices.remove(("catch", "value"))
    spec.adapters = draw(st.lists(st.sampled_from(choices), max_size=3))
    for child in spec.children:
        give_roles(draw, child, spec)
    gentle = all(child.access in ("none", "borrow", "copy") for child in spec.children)
    spec.keep = spec.kind in ("regular", "direct") and gentle and draw(st.booleans())


def allowed(spec, parent):
    """Which accesses the parent's policy leaves to a child."""
    if parent.fanout is Fanout.CONSUME_WITH_COPIES:
        taken = any(child.access == "consume" for child in parent.children if child is not spec)
        return ["none", "copy"] if taken else ["none", "copy", "consume"]
    if parent.fanout is Fanout.AUTO and len(parent.children) == 1:
        return ["none", "borrow", "copy", "mut", "consume"]
    return ["none", "borrow", "copy"]


class Broken(Exception):
    """What a node raises."""


class Model:
    """The answer that a run must give: a log of calls, the status, the kept outputs, or an exception."""

    def __init__(self, specs):
        self.log: list[Any] = []
        self.kept: dict[int, list[int]] = {}
        self.raised = None
        try:
            self.status = self.visit(specs[0], None)
        except Broken as error:
            self.status, self.raised = None, str(error)
        if self.status in ("failure", "retry", "abort_execution"):
            pass
        elif self.status != "abort_branch":
            self.status = "success"

    def visit(self, spec, given):
        """Run a node and what is below it; the status that its parent sees."""
        status, output = self.adapted(spec, list(reversed(spec.adapters)), given, Calls(spec))
        if status != "success":
            return status
        if spec.keep or not spec.children:
            self.kept[spec.number] = output
        staged = deepcopy(output)
        for child in spec.children:
            # A consumer may run before a copier, which must not notice.
            below = self.visit(child, staged if child.access == "copy" and self.consumed(spec) else output)
            if below not in ("success", "abort_branch"):
                return below
        return "success"

    @staticmethod
    def consumed(spec):
        return any(child.access == "consume" for child in spec.children)

    def adapted(self, spec, adapters, given, calls):
        """Call a node through its adapters, the last one outermost."""
        if not adapters:
            return calls.call(self.log, given)
        (kind, option), *inner = adapters
        if kind == "own":
            return self.adapted(spec, inner, given, calls)
        if kind == "catch":
            try:
                return self.adapted(spec, inner, given, calls)
            except Broken:
                return ("success", [-1]) if option == "value" else (option, None)
        count = 0
        while True:
            answer = self.adapted(spec, inner, given, calls)
            if answer[0] != "retry":
                return answer
            if count == option:
                return ("failure", None) if kind == "fixed" else answer
            count += 1


class Patient(Model):
    """The answer of a run that goes on wherever a failure does not stand in its way."""

    def __init__(self, specs):
        self.raised_by: list[int] = []
        self.failed: list[tuple[int, str]] = []
        super().__init__(specs)
        self.raised = [f"node {number}" for number in sorted(self.raised_by)]
        self.failed.sort()

    @property
    def calls(self):
        """What each node was called with, by its number."""
        return calls_of(self.log)

    def visit(self, spec, given):
        """Run a node and what is below it; only what is below it depends on how it ends."""
        try:
            status = super().visit(spec, given)
        except Broken as error:
            self.raised_by.append(int(str(error).split()[1]))
            return "abort_branch"
        if status not in ("success", "abort_branch"):
            self.failed.append((spec.number, status))
            return "abort_branch"
        return status


def calls_of(log):
    """What each node was called with, by its number."""
    calls: dict[int, list] = {}
    for number, *call in log:
        calls.setdefault(number, []).append(call)
    return calls


class Calls:
    """One node's turn: which attempt is next, and what a call does."""

    def __init__(self, spec):
        self.spec = spec
        self.attempt = 0

    def call(self, log, given):
        spec = self.spec
        outcome = spec.script[min(self.attempt, len(spec.script) - 1)]
        self.attempt += 1
        items = [] if spec.access == "none" else list(given) if spec.access == "copy" else given
        log.append((spec.number, self.attempt, list(items), outcome))
        if spec.access == "mut":
            items.append(spec.number)
        output = items if spec.kind == "forward" else [*items, spec.number]
        if outcome == "raise":
            raise Broken(f"node {spec.number}")
        return outcome, output if outcome == "success" and spec.has_output else None


RAISED = {"raise": Broken, "interrupt": KeyboardInterrupt, "stop": StopIteration}

SOURCES = {"borrow": borrow_prev, "mut": borrow_prev_mut, "copy": copy_prev, "consume": consume_prev}


def build(specs, log, counts, *, sleep=None, pause=None, turn=None):
    """Write the same tree with the library.

    `pause` is what a node awaits whose outcome is to suspend first, `turn` what others await as often as they pause.
    """
    tree = TaskTree("random")
    for spec in specs:
        options = {"fanout": spec.fanout, "keep": spec.keep, "name": f"n{spec.number}"}
        tree.node(spec.level, made(spec, log, counts, sleep, pause, turn), **options)
    return tree


def made(spec, log, counts, sleep, pause, turn):
    """Make the task of a node."""

    def body(box, out=None):
        items = [] if box is None else box.items
        counts[spec.number] = counts.get(spec.number, 0) + 1
        outcome = spec.script[min(counts[spec.number], len(spec.script)) - 1]
        log.append((spec.number, counts[spec.number], list(items), outcome))
        if spec.access == "mut":
            items.append(spec.number)
        if outcome in RAISED:
            raise RAISED[outcome](f"node {spec.number}")
        return answer(spec, outcome, items, out)

    async def waiting(box, out=None):
        if spec.script[0] == "suspend" and not counts.get(spec.number):
            await pause()
        for _ in range(spec.pauses):
            await turn()
        return body(box, out)

    adapters = tuple(adapter(each, sleep) for each in spec.adapters)
    sources = [SOURCES[spec.access](Box)] if spec.access in SOURCES else [value(None)]
    if spec.kind == "direct":

        async def direct_async(box, out):
            return await waiting(box, out)

        return task_into(
            direct_async if spec.is_async else lambda box, out: body(box, out), *sources, adapters=adapters, output=Box
        )

    async def body_async(box):
        return await waiting(box)

    fn = body_async if spec.is_async else lambda box: body(box)
    make = task_forward_prev if spec.kind == "forward" else task
    output = StepResult | Box | TaskResult[Box] if spec.kind == "regular" else StepResult
    return make(fn, *sources, adapters=adapters, output=output)


def answer(spec, outcome, items, out):
    """Answer in the style of the node."""
    step = StepResult(STATUSES["success" if outcome == "suspend" else outcome])
    if spec.kind == "direct":
        if step.ok or spec.style == "status":
            out.set(Box([*items, spec.number]))
        return step
    if spec.kind != "regular":
        return step
    if not step.ok:
        return step if spec.style == "status" else TaskResult(step)
    box = Box([*items, spec.number])
    return box if spec.style == "status" else TaskResult.success(box)


class Own:
    """An adapter of a user's, which may have a part in a success, and has none."""

    def wrap(self, call):
        async def passed(attempt):
            return await call(attempt)

        return passed


def adapter(described, sleep):
    """Make an adapter."""
    kind, option = described
    if kind == "own":
        return Own()
    if kind == "catch":
        answers = {"failure": None, "retry": lambda error: StepResult.retry(), "value": lambda error: Box([-1])}
        return catch_as_failure(answers[option], on=Broken)
    return retry(RetryFixed(option) if kind == "fixed" else RetryFixedPassthrough(option), sleep=sleep)
