"""Random graphs, and a small model that says what running one must do, down to the order in which outputs are let go of.

The model goes through the nodes one by one: no slots, no plan, no counts. It knows the rules of order, dependency and ownership, and
nothing of how the library keeps them.
"""

from dataclasses import dataclass, field, replace
from functools import cache

from yorch_async import (
    Fanout,
    PlanError,
    RetryFixed,
    StepResult,
    StepStatus,
    TaskResult,
    TaskTree,
    borrow,
    borrow_mut,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume,
    consume_prev,
    copy,
    copy_prev,
    retry,
    task,
    task_forward_prev,
    task_into,
)

STATUSES = {status.value: status for status in StepStatus}
ENDING = ("failure", "retry", "abort_execution")
EXCLUSIVE = ("mut", "consume")

PREV = {"borrow": borrow_prev, "mut": borrow_prev_mut, "copy": copy_prev, "consume": consume_prev}
NODE = {"borrow": borrow, "mut": borrow_mut, "copy": copy, "consume": consume}


class Broken(Exception):
    """What a node raises."""


class Box:
    """A mutable output with identity. The class has state: what it tells of births and deaths, and which of its kind are alive."""

    log: list | None = None
    living: dict = {}  # noqa: RUF012 - of the class itself

    def __init__(self, items, label=None):
        self.items = list(items)
        self.label = label
        """The node that has made it; None: it is a copy."""
        Box.living[label] = Box.living.get(label, 0) + 1
        self.tell("copied" if label is None else "made")

    def __deepcopy__(self, memo):
        return Box(self.items)

    def __del__(self):
        Box.living[self.label] -= 1
        self.tell("released")

    def tell(self, what):
        """Note what has become of this one."""
        if Box.log is not None:
            Box.log.append((what, list(self.items)))

    @staticmethod
    def alive():
        """Count those that there are."""
        return sum(Box.living.values())


@dataclass
class Read:
    """One access to another node's output."""

    access: str
    node: int
    is_prev: bool = False
    has_default: bool = False


@dataclass
class Spec:
    """One node of a random graph."""

    number: int
    parent: int | None = None
    kind: str = "regular"  # regular, silent (no output), direct, forward
    reads: list[Read] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    when: bool | None = None
    asks: list[Read] | None = None  # what the condition reads; None: it is lent what the node is going to be passed
    script: list[str] = field(default_factory=lambda: ["success"])
    retries: int = 0
    fanout: Fanout = Fanout.AUTO
    keep: bool = False
    managed: bool = False
    is_async: bool = False
    pauses: int = 0  # how often an async node waits for a turn of the loop

    @property
    def has_output(self):
        """Whether a success gives an output."""
        return self.kind != "silent"

    @property
    def lent(self):
        """What the condition looks at."""
        if self.when is None:
            return []
        if self.asks is not None:
            return self.asks
        return [replace(read, access="borrow") if read.access in EXCLUSIVE else read for read in self.reads]

    @property
    def all_reads(self):
        """Those of the condition included."""
        return [*self.reads, *self.lent]

    @property
    def is_late(self):
        """Whether it depends on more than its parent."""
        others = [*self.after, *(read.node for read in self.all_reads)]
        return any(other != self.parent for other in others)


class Shape:
    """What can be said of a graph before it runs."""

    def __init__(self, specs):
        self.specs = specs
        self.order = list(_serial(specs))
        self.place = {number: place for place, number in enumerate(self.order)}
        self.makers: list[int] = []
        for spec in specs:
            self.makers.append(self.makers[spec.parent] if spec.kind == "forward" else spec.number)
        self.needs = [_needs(spec) for spec in specs]
        depended = {each for spec in specs for each in (*_needs(spec), *(read.node for read in spec.all_reads))}
        self.kept = {spec.number for spec in specs if spec.has_output and (spec.keep or spec.number not in depended)}
        self.staged = {spec.number for spec in specs if self._is_staged(spec)}
        self.readers: dict = {}
        for spec in specs:
            for read in spec.all_reads:
                self.readers.setdefault(self.read(read), set()).add(spec.number)

    def read(self, read):
        """The object that is read: the node that made it, or that and "copy" for the one that is staged for copying children."""
        is_staged = read.is_prev and read.access == "copy" and read.node in self.staged
        return (read.node, "copy") if is_staged else self.makers[read.node]

    def _is_staged(self, spec):
        accesses = {
            read.access for other in self.specs for read in other.reads if read.is_prev and other.parent == spec.number
        }
        return spec.fanout is Fanout.CONSUME_WITH_COPIES and accesses >= {"copy", "consume"}

    def cut_off(self, causes):
        """The nodes that will never run because of these."""
        dead = set(causes)
        for number in self.order:
            if not dead.isdisjoint(self.needs[number]):
                dead.add(number)
        return dead.difference(causes)


def _needs(spec):
    """What has to have succeeded before a node runs."""
    parent = [] if spec.parent is None else [spec.parent]
    return {*parent, *spec.after, *(read.node for read in spec.all_reads if not read.has_default)}


def _serial(specs):
    """Depth first, and each late node as soon as all that were registered before it have come."""
    left, come = [spec.number for spec in specs], []
    while left:
        first = left[0]
        if specs[first].is_late or not come:
            number = first
        else:
            plain = [number for number in left if not specs[number].is_late]
            number = next(number for above in reversed(come) for number in plain if specs[number].parent == above)
        left.remove(number)
        come.append(number)
        yield number


class Model:
    """The answer that a run must give: everything that happens in it, in order, and how it ends.

    `is_patient`: what does not depend on a failure runs all the same.
    """

    def __init__(self, specs, *, is_patient=False):
        self.shape = Shape(specs)
        self.log: list = []
        self.failed: list = []
        self.kept: dict[int, list[int]] = {}
        self.because: dict[int, int] = {}
        self.raised = None
        self.succeeded: set[int] = set()
        self.statuses: dict[int, str] = {}
        self.attempts: dict[int, int] = {}
        self._objects: dict = {}
        self._over: set[int] = set()
        self.status = "success"
        for number in self.shape.order:
            if number in self.because:
                continue
            status = self._visit(specs[number])
            self.statuses[number] = status
            if status == "raise" and not is_patient:
                self.raised = f"node {number}"
                return
            if status in ENDING or status == "raise":
                self.failed.append((number, status))
            if status != "success":
                dead = self._cut(number, status)
                if status in ENDING and not is_patient:
                    self.status = status
                    self._clear()
                    return
                self._let_go(dead)
            if number == 0 and status in ("abort_branch", "unmet"):
                self.status = "abort_branch"
        if self.failed:
            self.status = "failure"

    @property
    def skipped(self):
        """The nodes that were skipped, each with the one because of which it was."""
        return sorted(self.because.items())

    def _visit(self, spec):
        """Run one node, and let go of what nobody reads after it; how it ended."""
        number, shape = spec.number, self.shape
        status, output = ("success", None) if self._holds(spec) else ("unmet", None)
        if status == "success":
            status, output = self._called(spec)
        is_kept = status == "success" and number in shape.kept
        if status == "success":
            self.succeeded.add(number)
        if is_kept:
            self.kept[number] = self._objects[shape.makers[number]] if spec.kind == "forward" else output
        stage = (number, "copy") if status == "success" and number in shape.staged else None
        source = shape.makers[number] if stage is not None and self._is_awaited(stage) else None
        self._let_go({number}, but=source)
        if output is not None:
            self._objects[number] = output
        if source is not None:
            self._objects[stage] = list(self._objects[source])
            self.log.append(("copied", list(self._objects[stage])))
        for obj in {number, source}:
            if obj in self._objects and not self._is_awaited(obj):
                self._drop(obj)
        return status

    def _holds(self, spec):
        if spec.when is None:
            return True
        self.log.append(("when", spec.number, [self._seen(read) for read in spec.lent]))
        return spec.when

    def _seen(self, read):
        is_there = not read.has_default or read.node in self.succeeded
        return list(self._objects[self.shape.read(read)]) if is_there else None

    def _called(self, spec):
        """Call a node until it does not ask for more, or has no more retries."""
        for attempt in range(spec.retries + 1):
            outcome = spec.script[min(attempt, len(spec.script) - 1)]
            given = [self._given(read) for read in spec.reads]
            self.attempts[spec.number] = attempt + 1
            self.log.append(
                ("call", spec.number, attempt + 1, [None if each is None else list(each) for each in given], outcome)
            )
            output = self._ended(spec, given, outcome)
            if outcome != "retry":
                return outcome, output
        return ("failure" if spec.retries else "retry"), None

    def _given(self, read):
        if read.has_default and read.node not in self.succeeded:
            return None
        obj = self.shape.read(read)
        if read.access == "copy":
            self.log.append(("copied", list(self._objects[obj])))
            return list(self._objects[obj])
        return self._objects.pop(obj) if read.access == "consume" else self._objects[obj]

    def _ended(self, spec, given, outcome):
        """Change what may be changed, make an output, and let go of what the call had of its own."""
        output = None
        for read, obj in zip(spec.reads, given, strict=True):
            if obj is not None and read.access != "borrow":
                obj.append(spec.number)
        if outcome == "success" and spec.kind in ("regular", "direct"):
            output = made_of(given, spec.number)
            self.log.append(("made", list(output)))
        for read, obj in zip(spec.reads, given, strict=True):
            if obj is not None and read.access in ("copy", "consume"):
                self.log.append(("released", list(obj)))
        return output

    def _cut(self, number, status):
        """Leave out what depends on a node: those nodes."""
        if status == "unmet":
            self.because[number] = number
        dead = {each for each in self.shape.cut_off([number]) if each not in self.because}
        self.because.update(dict.fromkeys(dead, number))
        return dead

    def _is_awaited(self, obj):
        """Whether anybody may still read an object."""
        return not self.shape.readers.get(obj, set()) <= self._over

    def _let_go(self, numbers, but=None):
        """Let go of what only these nodes would still have read, what was made last first, copies before their originals."""
        read = [obj for obj in self._objects if not self.shape.readers.get(obj, set()).isdisjoint(numbers)]
        self._over |= numbers
        for obj in sorted(read, key=self._age, reverse=True):
            if obj != but and not self._is_awaited(obj):
                self._drop(obj)

    def _age(self, obj):
        return (self.shape.place[obj], 0) if isinstance(obj, int) else (self.shape.place[obj[0]], 1)

    def _drop(self, obj):
        gone = self._objects.pop(obj)
        if not any(gone is kept for kept in self.kept.values()):
            self.log.append(("released", list(gone)))

    def _clear(self):
        for obj in sorted(self._objects, key=self._age, reverse=True):
            self._drop(obj)


def made_of(given, number):
    """What a node makes of what it was given."""
    return [*[item for items in given if items is not None for item in items][-6:], number]


def calls_of(log):
    """What each node and each condition was called with, by its number."""
    calls: dict = {}
    for what, *rest in log:
        if what in ("call", "when"):
            calls.setdefault((what, rest[0]), []).append(rest[1:])
    return calls


class Watcher:
    """What is told of what happens in a run, by those that it happens to."""

    def started(self, number):
        """Take note of a call."""

    def over(self, number, attempt):
        """Take note of the end of a call."""

    def asked(self, number, answer):
        """Take note of what a condition answered."""


class Written:
    """A graph written with the library. It has state: how often each node was called.

    `turn` is what async nodes await as often as they pause, `sleep` what retries wait by.
    """

    def __init__(self, specs, log, *, sleep=None, turn=None, watcher=None):
        self.specs, self.log, self.sleep, self.turn = specs, log, sleep, turn
        self.watcher = watcher or Watcher()
        self.counts: dict[int, int] = {}
        self.tree = TaskTree("random")
        self.nodes: list = []
        for spec in specs:
            options = {"fanout": spec.fanout, "keep": spec.keep, "name": f"n{spec.number}", "when": self._condition(spec)}
            if spec.after:
                options["after"] = [self.nodes[each] for each in spec.after]
            above = self.nodes[spec.parent] if spec.parent is not None else None
            place = above.child if above is not None else self.tree.join if spec.number else self.tree.root
            self.nodes.append(place(self._task(spec), **options))

    def _sources(self, reads):
        for read in reads:
            if read.is_prev:
                yield PREV[read.access](Box)
            else:
                yield NODE[read.access](self.nodes[read.node], **({"default": None} if read.has_default else {}))

    def _task(self, spec):
        make = {"forward": task_forward_prev, "direct": task_into}.get(spec.kind, task)
        output = {"regular": StepResult | Box | TaskResult[Box], "direct": Box}.get(spec.kind, StepResult)
        adapters = (retry(RetryFixed(spec.retries), sleep=self.sleep),) if spec.retries else ()
        fn = function_of(len(spec.reads), is_direct=spec.kind == "direct", is_async=spec.is_async)
        options = {"managed": True} if spec.managed else {"output": output}
        return make(fn(self, spec), *self._sources(spec.reads), adapters=adapters, **options)

    def _condition(self, spec):
        if spec.when is None:
            return None
        fn = function_of(len(spec.lent), is_direct=False, is_async=spec.is_async)(_Asked(self, spec), spec)
        return fn if spec.asks is None else task(fn, *self._sources(spec.asks))

    async def waits(self, spec):
        """Wait as often as a node does."""
        for _ in range(spec.pauses):
            await self.turn()

    def begin(self, spec, boxes):
        """Begin a call: what it sees."""
        self.watcher.started(spec.number)
        self.counts[spec.number] = attempt = self.counts.get(spec.number, 0) + 1
        seen = [None if box is None else list(box.items) for box in boxes]
        self.log.append(("call", spec.number, attempt, seen, spec.script[min(attempt, len(spec.script)) - 1]))
        return seen

    def end(self, spec, boxes, out, seen):
        """End a call: change what may be changed, answer, and let go of what was given, in order."""
        attempt = self.counts[spec.number]
        outcome = spec.script[min(attempt, len(spec.script)) - 1]
        for box, read, before in zip(boxes, spec.reads, seen, strict=True):
            assert box is None or box.items == before, f"what n{spec.number} was lent has been changed meanwhile"
            if box is not None and read.access != "borrow":
                box.items.append(spec.number)
        box, answer = None, StepResult(STATUSES.get(outcome, StepStatus.SUCCESS))
        if outcome == "success" and spec.kind in ("regular", "direct"):
            answer = Box(made_of([each and each.items for each in boxes], spec.number), spec.number)
            if spec.managed:
                answer = (AsyncResource if spec.is_async else Resource)(self, spec, list(boxes), answer)
            if out is not None:
                out.set(answer)
                answer = None
        while boxes:
            box = boxes.pop(0)
            del box
        self.watcher.over(spec.number, attempt)
        if outcome == "raise":
            raise Broken(f"node {spec.number}")
        return answer


class Resource:
    """What a managed node enters. It has state: what it was made from, which it holds until its exit."""

    def __init__(self, written, spec, boxes, output):
        self.written, self.spec, self.boxes, self.output = written, spec, boxes, output
        self.seen = [box and list(box.items) for box in boxes]

    def __enter__(self):
        self.written.log.append(("entered", self.spec.number))
        output, self.output = self.output, None
        return output

    def __exit__(self, *error):
        assert self.seen == [box and box.items for box in self.boxes], f"what n{self.spec.number} holds has been changed"
        self.boxes.clear()
        self.written.log.append(("exited", self.spec.number))


class AsyncResource(Resource):
    """The same, asynchronously."""

    async def __aenter__(self):
        await self.written.waits(self.spec)
        return self.__enter__()

    async def __aexit__(self, *error):
        await self.written.waits(self.spec)
        self.__exit__(*error)


class _Asked:
    """The condition of a node, as a body."""

    def __init__(self, written, spec):
        self.written, self.waits = written, written.waits

    def begin(self, spec, boxes):
        self.written.log.append(("when", spec.number, seen := [box and list(box.items) for box in boxes]))
        return seen

    def end(self, spec, boxes, out, seen):
        assert seen == [box and box.items for box in boxes], f"what n{spec.number} looked at has been changed meanwhile"
        self.written.watcher.asked(spec.number, spec.when)
        return spec.when


@cache
def function_of(count, *, is_direct, is_async):
    """What makes the callable of a node, which takes so many outputs, and holds them nowhere but in a list."""
    names = [f"a{number}" for number in range(count)]
    wait = "await body.waits(spec)" if is_async else "pass"
    text = f"""
def make(body, spec):
    {"async " * is_async}def call({", ".join([*names, *["out"] * is_direct])}):
        boxes = [{", ".join(names)}]
        {"del " + ", ".join(names) if names else "pass"}
        seen = body.begin(spec, boxes)
        {wait}
        return body.end(spec, boxes, {"out" if is_direct else "None"}, seen)
    return call
"""
    namespace: dict = {}
    exec(text, namespace)
    return namespace["make"]


OUTCOMES = ["success"] * 9 + ["failure", "abort_branch", "abort_branch"]
"""How calls end, mostly. RETRY comes first where there is an adapter for it."""


def graphs(random, *, size=9, endings=("failure",), most_pauses=0, resources=0.0):
    """A random graph that keeps all rules, and its plan: what breaks one is mended until none is left."""
    specs = unchecked(random, size=random.randint(2, size), endings=endings, most_pauses=most_pauses)
    for spec in specs:
        spec.managed = spec.kind == "regular" and random.random() < resources
    *_, (_, plan) = mended(random, specs)
    return specs, plan


def mended(random, specs):
    """Change a graph step by step until it breaks no rule; in each state what is wrong with it, and in the last one its plan."""
    plan = None
    while plan is None:
        problems = ()
        try:
            plan = compile_plan(Written(specs, []).tree, optimize=False)
        except PlanError as error:
            problems = error.problems
        yield problems, plan
        for each in problems:
            _mend(random, specs, each)


def unchecked(random, *, size, endings=("failure",), most_pauses=0):
    """A random graph, which may break rules between nodes."""
    specs = [Spec(0)]
    for _ in range(size - 1):
        specs.append(_placed(random, specs))
    for spec in specs:
        _given_roles(random, spec, endings, most_pauses)
    return specs


def _placed(random, specs):
    """One node more, somewhere below or beside the others."""
    number = len(specs)
    spec = Spec(number)
    if random.random() < 0.6:
        spec.parent = number - 1 if random.random() < 0.4 else random.randrange(number)
    if random.random() < 0.3:
        spec.after = sorted({random.randrange(number) for _ in range(random.choice([1, 1, 2]))})
    count = random.choice([0, 0, 1, 1, 2] if spec.parent is not None else [1, 1, 2, 3])
    spec.reads = [_read(random, node) for node in random.sample(range(number), min(count, number))]
    if spec.parent is None and not spec.reads and not spec.after:
        spec.after = [random.randrange(number)]
    if spec.parent is not None and random.random() < 0.6:
        spec.reads.insert(random.randint(0, len(spec.reads)), Read(_access(random), spec.parent, is_prev=True))
    return spec


def _read(random, node):
    return Read(_access(random), node, has_default=random.random() < 0.3)


def _access(random):
    return random.choice(["borrow", "borrow", "copy", "mut", "mut", "consume"])


def _given_roles(random, spec, endings, most_pauses):
    """Choose what a node does, and how it goes."""
    is_forward = [read.access for read in spec.reads if read.is_prev] == ["mut"] and random.random() < 0.8
    spec.kind = "forward" if is_forward else random.choice(["regular"] * 5 + ["silent", "direct"])
    spec.fanout = random.choice([Fanout.AUTO, Fanout.AUTO, Fanout.ORDERED, Fanout.ORDERED, *list(Fanout)[1:3]])
    spec.keep = random.random() < 0.15
    if random.random() < 0.25:
        spec.when = random.random() < 0.6
        if random.random() < 0.5:
            spec.asks = [_asked(random, spec) for _ in range(min(spec.number, random.randint(0, 2)))]
    spec.script = [random.choice(["success"] * 9 + ["abort_branch"] * 2 + list(endings))]
    if random.random() < 0.2 and all(read.access != "consume" for read in spec.reads):
        spec.retries = random.randint(1, 2)
        spec.script = ["retry"] * random.randint(0, 3) + spec.script
    spec.is_async = random.random() < 0.5
    spec.pauses = random.randint(0, most_pauses)


def _asked(random, spec):
    if spec.parent is not None and random.random() < 0.4:
        return Read("borrow", spec.parent, is_prev=True)
    return Read("borrow", random.randrange(spec.number), has_default=random.random() < 0.3)


def _mend(random, specs, wrong):
    """Change what is wrong: less is taken, or it is put in order, or it is not read at all."""
    spec = specs[int(wrong.path.rpartition("/")[2].removeprefix("n"))]
    if wrong.parameter is None:
        raise AssertionError(wrong)
    _, dot, name = wrong.parameter.rpartition(".")
    asks = spec.asks if spec.asks is not None else spec.reads
    reads = asks if dot else spec.reads
    at = int(name.removeprefix("a"))
    if at >= len(reads):
        return
    read = reads[at]
    earlier = [each for each in range(spec.number) if each not in spec.after]
    if wrong.rule == "unordered" and earlier and random.random() < 0.6:
        spec.after = sorted([*spec.after, random.choice(earlier)])
    elif wrong.rule == "default-forwarded":
        read.has_default = False
    elif wrong.rule == "no-parent-output" or (read.access not in EXCLUSIVE and read.access == "copy"):
        _unread(spec, reads, at)
    elif read.access in EXCLUSIVE:
        read.access = random.choice(["borrow", "copy"])
        spec.kind = "regular" if spec.kind == "forward" else spec.kind
    elif dot:
        _unread(spec, reads, at)
    else:
        read.access = "copy"


def _unread(spec, reads, at):
    read = reads.pop(at)
    spec.kind = "regular" if spec.kind == "forward" and read.is_prev else spec.kind
    if spec.parent is None and spec.number and read.node not in spec.after:
        spec.after = sorted([*spec.after, read.node])
