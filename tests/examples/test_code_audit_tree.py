"""Every source and adapter of the audit's tree is needed: with another one, or without it, the result is another one.

A *variant* is the tree of the example with one node changed.
"""

import errno
import gc
from collections import Counter
from dataclasses import replace

import anyio.lowlevel
import pytest

import yorch_async
from yorch_async import (
    AttemptStarted,
    BorrowError,
    Context,
    Node,
    NodeEnded,
    PlanError,
    RetryWaiting,
    SetupError,
    StepStatus,
    TaskTree,
    borrow,
    borrow_mut,
    compile_plan,
    consume,
    copy,
    copy_prev,
    run_plan,
    value,
)
from yorch_async._reads import NodeSource
from yorch_async.testing import all_kept

pytestmark = pytest.mark.anyio

LONG = "def long():\n    a = 1\n    b = 2\n"
TANGLED = "def tangled(x): return x and (1 if x else 2)\n"


class Disk:
    """A reader whose reads of some files fail for a while; it notes what it was asked for."""

    def __init__(self, failing=(), times=0):
        self.times = dict.fromkeys(failing, times)
        self.reads = Counter()

    async def read(self, path):
        await anyio.lowlevel.checkpoint()
        self.reads[path.name] += 1
        if self.times.get(path.name, 0) >= self.reads[path.name]:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return path.read_bytes()


@pytest.fixture
def directory(tmp_path):
    """Three files to audit."""
    for name, text in {"a.py": LONG, "b.py": TANGLED, "c.py": "x = 1\n"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def tree(audit):
    """The tree of the example."""
    return audit.plan()[0].tree


def one_of(tree):
    """The tree that it runs for each file."""
    return next(placed.task.each.tree for placed in tree.placed if placed.task.each is not None)


def variant(tree, name, *, kind=None, fn=None, adapters=None, keep=None, **sources):
    """Write the tree down again with one node registered in another way, here or in the tree that runs for each file."""
    again, nodes = TaskTree(tree.name), []
    for placed in tree.placed:
        made, each = placed.task, placed.task.each
        changed = name == made.name
        if each is not None:
            inner = (
                each.tree if changed else variant(each.tree, name, kind=kind, fn=fn, adapters=adapters, keep=keep, **sources)
            )
            options = {"max_concurrency": each.max_concurrency, "on_item_failure": each.on_item_failure, "name": made.name}
            options |= {"keep": True} if changed and keep else {}
            nodes.append(nodes[placed.parent].each(inner, over=made.fn, **options | (sources if changed else {})))
            continue
        given = [sources.get(each.name, each.source) if changed else each.source for each in made.arguments]
        given = [replace(each, node=nodes[each.node.index]) if isinstance(each, NodeSource) else each for each in given]
        register = getattr(yorch_async, kind if changed and kind else made.kind.value)
        options = {"adapters": made.adapters if adapters is None or not changed else adapters}
        made_again = register(fn if changed and fn else made.fn, *given, name=made.name, **options)
        place = {"keep": placed.keep or bool(changed and keep), "when": when_of(made)}
        place = {key: each for key, each in place.items() if each}
        if placed.parent >= 0:
            nodes.append(nodes[placed.parent].child(made_again, **place))
        else:
            nodes.append((again.join if nodes else again.root)(made_again, **place))
    return again


def when_of(made):
    """The callable that decides whether a node runs."""
    return made.condition and made.condition.fn


async def audited(audit, tree, directory, *, check_borrows=False, observers=(), **settings):
    context = Context(audit.Settings(**{"patience": 0.0, **settings}))
    inputs = {"directory": directory, "top": 1}
    plan = all_kept(compile_plan(tree))
    return await run_plan(plan, context, inputs=inputs, observers=observers, check_borrows=check_borrows)


def node(tree, name):
    """The handle of a node."""
    return next(Node(tree, index) for index, placed in enumerate(tree.placed) if placed.task.name == name)


def problems(error):
    return [(each.path.rpartition("/")[2], each.rule) for each in error.value.problems]


async def test_the_tree_as_it_is(audit, tree, directory):
    """What all variants are compared with."""
    result = await audited(audit, tree, directory, check_borrows=True)

    assert result.ok
    assert result["longest"].endswith("\n          3          1  long in a.py:1")
    assert result["tangled"].endswith("\n          1          3  tangled in b.py:1")


@pytest.mark.parametrize("name", ["discover", "files", "read", "measure", "audit"])
async def test_a_variant_without_a_change_is_the_same_tree(audit, tree, directory, name):
    """The helper of these tests changes nothing by itself."""
    assert str(compile_plan(tree)) == str(compile_plan(variant(tree, name)))


# Context and inputs


async def test_the_settings_come_from_the_context(audit, directory):
    """Without them nothing begins, and others give another result."""
    plan, _ = audit.plan()
    with pytest.raises(SetupError) as error:
        await run_plan(plan)
    assert problems(error) == [("discover", "missing-context")]

    (directory / "left").mkdir()
    (directory / "left" / "d.py").write_text("")
    titles = [
        (await run_plan(plan, Context(audit.Settings(leave_out=names)), inputs={"directory": directory}))["report"]
        for names in (frozenset(), frozenset({"left"}))
    ]
    assert ["4 Python files", "3 Python files"] == [title.splitlines()[0].split(": ")[1] for title in titles]


async def test_the_factory_brings_the_settings(audit, directory):
    """What `yorch run` is given is a plan and its context, and no input has to be said."""
    plan, context = audit.plan()

    assert (await run_plan(plan, context, inputs={"directory": directory})).ok
    assert {name: (info.type, info.required, info.default) for name, info in plan.inputs.items()} == {
        "directory": (audit.Path, False, audit.STDLIB),
        "top": (int, False, 10),
        "save_to": (audit.Path, False, audit.NOWHERE),
    }


async def test_the_directory_is_an_input(audit, tree, directory):
    """Written down in the tree, it could not be chosen."""
    fixed = variant(variant(tree, "discover", directory=value(directory)), "read", directory=value(directory))
    with pytest.raises(SetupError) as error:
        await audited(audit, fixed, directory)
    assert [each.rule for each in error.value.problems] == ["unexpected-input"]


@pytest.mark.parametrize("name", ["summary", "longest", "tangled"])
async def test_how_much_is_shown_is_an_input(audit, tree, directory, name):
    """Written down in the tree, it takes no notice of what is asked for."""
    asked, written = (
        await audited(audit, tree, directory),
        await audited(audit, variant(tree, name, top=value(0)), directory),
    )

    assert asked[name].startswith(written[name])
    assert asked[name].count("\n") == written[name].count("\n") + 1


async def test_inputs_are_checked(audit):
    """A wrong type and a wrong name are found before anything is read."""
    plan, context = audit.plan()
    with pytest.raises(SetupError) as error:
        await run_plan(plan, context, inputs={"directory": "/tmp", "bottom": 3})
    assert sorted(each.rule for each in error.value.problems) == ["input-value", "unexpected-input"]


# Catch


async def test_catch_makes_a_failure_of_an_unreadable_directory(audit, tree, directory):
    """With a reason, and with the error; without it, the error leaves the run."""
    result = await audited(audit, tree, directory / "nowhere")

    assert (StepStatus.FAILURE, "the directory cannot be read") == (result.status, result.step.reason)
    assert isinstance(result.failures[0].error, FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        await audited(audit, variant(tree, "discover", adapters=()), directory / "nowhere")


# Retry


async def test_retry_gets_over_what_passes(audit, tree, directory):
    """Reading is tried again, but only where it failed; without the adapter RETRY is left over."""
    disk, events = Disk(failing=["b.py"], times=2), []

    result = await audited(audit, tree, directory, read=disk.read, patience=0.001, observers=[events.append])

    assert result["summary"].startswith(f"Audit of {directory}: 3 Python files\n")
    assert disk.reads == {"a.py": 1, "b.py": 3, "c.py": 1}
    waits = [(each.path, each.delay) for each in events if isinstance(each, RetryWaiting)]
    assert waits == [("discover/files#2/read", 0.001)] * 2
    reads = [each.path for each in events if isinstance(each, AttemptStarted) and each.path.endswith("/read")]
    assert reads == [f"discover/files#{number}/read" for number in (1, 2, 2, 2, 3)]

    without = await audited(audit, variant(tree, "read", adapters=()), directory, read=Disk(failing=["b.py"], times=2).read)
    assert without["rejected"].endswith("\n  b.py: cannot be read: Input/output error")


async def test_retry_gives_up(audit, tree, directory):
    """What does not pass after three more attempts is a failure of the file, with its reason and its error."""
    disk, failed = Disk(failing=["b.py", "c.py"], times=99), []

    def noting(found, results):
        failed.extend(results[1:])
        return audit.add_up(found, results)

    result = await audited(audit, variant(tree, "audit", fn=noting), directory, read=disk.read)

    assert result["summary"].startswith(f"Audit of {directory}: 1 Python file, and 2 that could not be measured\n")
    assert [(each.path, each.status, each.reason, each.attempts, each.error.errno) for each in failed] == [
        (f"discover/files#{number}/read", StepStatus.FAILURE, "cannot be read: Input/output error", 4, errno.EIO)
        for number in (2, 3)
    ]
    assert disk.reads == {"a.py": 1, "b.py": 4, "c.py": 4}


async def test_failures_are_collected(audit, tree, directory):
    """Skipped, nobody would know which file a result is of; and one of them would be the end, if that were asked for."""
    disk = Disk(failing=["b.py"], times=99)

    stopped = await audited(audit, variant(tree, "files", on_item_failure="stop"), directory, read=disk.read)
    assert (StepStatus.FAILURE, ["discover/files"]) == (stopped.status, [each.path for each in stopped.failures])
    assert stopped.step.reason == "discover/files#2/read: cannot be read: Input/output error"
    with pytest.raises(IndexError):
        await audited(audit, variant(tree, "files", on_item_failure="skip"), directory, read=disk.read)


# Consume


class Source(bytes):
    """What is in a file, as an object of which one can ask how many there are."""


class Result(tuple):  # noqa: SLOT001 - what has no slots is tracked
    """What was measured, likewise."""


def alive(cls):
    """How many objects there are."""
    gc.collect()
    return sum(type(each) is cls for each in gc.get_objects())


async def test_measuring_frees_the_source(audit, tree, directory, monkeypatch):
    """Nobody has it besides the one who measures; of a copy, there is an original."""
    held, measure_file = [], audit.measure_file

    async def read(path):
        await anyio.lowlevel.checkpoint()
        return Source(path.read_bytes())

    def watched(path, source):
        held.append(alive(Source))
        return measure_file(path, source)

    monkeypatch.setattr(audit, "measure_file", watched)
    await audited(audit, tree, directory, read=read)
    await audited(audit, variant(tree, "measure", source=copy_prev(bytes)), directory, read=read)
    assert held == [1, 1, 1, 2, 2, 2]


async def test_adding_up_frees_the_results(audit, tree, directory, monkeypatch):
    """One after the other; of a copy, the originals would stay until all is done."""
    held, measure_file = [], audit.measure_file

    class Total(Counter):
        def update(self, *counts):
            held.extend([alive(Result)] * any(counts))
            super().update(*counts)

    made = audit.Audit
    monkeypatch.setitem(audit.add_up.__globals__, "Audit", lambda *given: made(*given, total=Total()))
    monkeypatch.setattr(audit, "measure_file", lambda path, source: Result(measure_file(path, source)))
    for results in (consume, copy):
        changed = variant(tree, "audit", results=results(node(tree, "files")))
        await run_plan(compile_plan(changed), Context(audit.Settings()), inputs={"directory": directory})
    assert held == [3, 2, 1, 6, 5, 4]


async def test_what_is_taken_apart_must_be_owned(audit, tree, directory):
    """What is only borrowed must be left as it is."""
    borrowing = variant(tree, "audit", results=borrow(node(tree, "files")))
    with pytest.raises(BorrowError, match="results"):
        await audited(audit, borrowing, directory, check_borrows=True)


async def test_what_is_consumed_is_there_for_nobody_else(tree):
    """Not for the result, and not for another node, unless that comes before."""
    with pytest.raises(PlanError) as error:
        compile_plan(variant(tree, "files", keep=True))
    assert problems(error) == [("audit", "kept-changed")]

    tree.join(repr, borrow(node(tree, "files")), name="curious")
    with pytest.raises(PlanError) as error:
        compile_plan(tree)
    assert problems(error) == [("curious", "unordered")]


# The join


async def test_the_join_waits_for_what_it_reads(audit, tree, directory):
    """It comes after the files without being told so, and before all that reads it."""
    order = []
    await audited(audit, tree, directory, observers=[lambda event: order.append(event)])
    ended = [each.path for each in order if isinstance(each, NodeEnded)]
    assert ended.index("discover/files") < ended.index("audit") < ended.index("audit/longest") < ended.index("report")


async def test_the_commit_may_be_missing(audit, tree, directory):
    """Without a default, what shows it would be skipped with the condition, and the report as well."""
    result = await audited(audit, variant(tree, "summary", commit=borrow(node(tree, "commit"))), directory)

    assert [(skip.path, skip.because) for skip in result.skipped if skip.because != skip.path] == [
        (path, "discover/commit") for path in ("audit/summary", "report", "report/save")
    ]


# Copy and borrow


@pytest.mark.parametrize("name", ["longest", "tangled"])
async def test_copies_keep_siblings_apart(audit, tree, directory, name):
    """Each ranking sorts and trims a list of its own; a ranking that borrows is found out."""
    borrowing = variant(tree, name, audit=borrow(node(tree, "audit")))

    with pytest.raises(BorrowError, match="audit"):
        await audited(audit, borrowing, directory, check_borrows=True)


async def test_a_ranking_that_borrows_spoils_the_next(audit, tree, directory):
    """The most tangled function is not among the longest ones, which are all that would be left."""
    spoilt = await audited(audit, variant(tree, "longest", audit=borrow(node(tree, "audit"))), directory)

    assert "tangled in b.py" in (await audited(audit, tree, directory))["tangled"]
    assert "tangled in b.py" not in spoilt["tangled"]


@pytest.mark.parametrize("name", ["summary", "rejected"])
async def test_borrow_copies_nothing(audit, tree, directory, monkeypatch, name):
    """In the whole tree no audit is copied in full, which a section that does not borrow would make happen."""
    copied = []
    monkeypatch.setattr(audit.Audit, "__deepcopy__", lambda self, memo: copied.append(self) or self, raising=False)

    await audited(audit, tree, directory)
    assert len(copied) == 0
    await audited(audit, variant(tree, name, audit=copy(node(tree, "audit"))), directory)
    assert len(copied) == 1


@pytest.mark.parametrize("name", ["summary", "rejected"])
@pytest.mark.parametrize("access", [consume, borrow_mut])
async def test_a_section_that_does_not_share_is_refused(audit, tree, name, access):
    """Its siblings read the same audit."""
    with pytest.raises(PlanError) as error:
        compile_plan(variant(tree, name, audit=access(node(tree, "audit"))))
    assert {"unordered"} == {rule for _, rule in problems(error)}
