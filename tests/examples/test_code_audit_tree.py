"""Every source and adapter of the audit's tree is needed: with another one, or without it, the result is another one.

A *variant* is the tree of the example with one node changed.
"""

import errno
import gc
from collections import Counter

import anyio.lowlevel
import pytest

import yorch_async
from yorch_async import (
    BorrowError,
    Context,
    NodeEnded,
    PlanError,
    RetryWaiting,
    SetupError,
    StepStatus,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    copy_prev,
    run_plan,
    task,
    value,
)

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


def variant(tree, name, *, kind=None, fn=None, adapters=None, keep=None, **sources):
    """Write the tree down again with one node registered in another way."""
    again = TaskTree(tree.name)
    for placed in tree.placed:
        made = placed.task
        changed = name == made.name
        if changed:
            given = [sources.pop(each.name, each.source) for each in made.arguments]
            register = getattr(yorch_async, kind or made.kind.value)
            made = register(fn or made.fn, *given, adapters=made.adapters if adapters is None else adapters, name=made.name)
        again.place(placed.parent, made, (), fanout=placed.fanout, keep=bool(changed and keep))
    assert not sources
    return again


async def audited(audit, tree, directory, *, check_borrows=False, observers=(), **settings):
    context = Context(audit.Settings(**{"patience": 0.0, **settings}))
    inputs = {"directory": directory, "top": 1}
    return await run_plan(compile_plan(tree), context, inputs=inputs, observers=observers, check_borrows=check_borrows)


def problems(error):
    return [(each.path.rpartition("/")[2], each.rule) for each in error.value.problems]


async def test_the_tree_as_it_is(audit, tree, directory):
    """What all variants are compared with."""
    result = await audited(audit, tree, directory, check_borrows=True)

    assert result.ok
    assert result["longest"].endswith("\n          3          1  long in a.py:1")
    assert result["tangled"].endswith("\n          1          3  tangled in b.py:1")


async def test_a_variant_without_a_change_is_the_same_tree(audit, tree, directory):
    """The helper of these tests changes nothing by itself."""
    assert str(compile_plan(tree)) == str(compile_plan(variant(tree, "measure")))


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
        (await run_plan(plan, Context(audit.Settings(leave_out=names)), inputs={"directory": directory}))["summary"]
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
    }


async def test_the_directory_is_an_input(audit, tree, directory):
    """Written down in the tree, it could not be chosen."""
    with pytest.raises(SetupError) as error:
        await audited(audit, variant(tree, "discover", directory=value(directory)), directory)
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
    assert [0.001, 0.001] == [each.delay for each in events if isinstance(each, RetryWaiting)]
    assert [3] == [each.attempts for each in events if isinstance(each, NodeEnded) and each.path.endswith("/read")]

    without = await audited(audit, variant(tree, "read", adapters=()), directory, read=Disk(failing=["b.py"], times=2).read)
    assert (StepStatus.RETRY, "reading failed for b.py") == (without.status, without.step.reason)


async def test_retry_gives_up(audit, tree, directory):
    """What does not pass after three more attempts is a failure that says which file, and why."""
    disk = Disk(failing=["b.py", "c.py"], times=99)

    result = await audited(audit, tree, directory, read=disk.read)

    assert (StepStatus.FAILURE, "reading failed for b.py") == (result.status, result.step.reason)
    assert result.failures[0].error.errno == errno.EIO
    assert disk.reads == {"a.py": 1, "b.py": 4, "c.py": 4}


# Consume


def watch(audit, monkeypatch):
    """Note, whenever a file is measured, how many `Sources` there are, and how many files they still hold."""
    gc.collect()
    seen = []
    measure_file = audit.measure_file

    def watched(path, source):
        alive = [each for each in gc.get_objects() if type(each) is audit.Sources]
        seen.append((len(alive), sum(len(each.texts) for each in alive)))
        return measure_file(path, source)

    monkeypatch.setattr(audit, "measure_file", watched)
    return seen


async def test_consume_frees_the_sources(audit, tree, directory, monkeypatch):
    """One file after the other; of a copy, the originals would stay until all is done."""
    seen = watch(audit, monkeypatch)

    await audited(audit, tree, directory)
    assert seen == [(1, 2), (1, 1), (1, 0)]

    seen.clear()
    await audited(audit, variant(tree, "measure", sources=copy_prev()), directory)
    assert seen == [(2, 5), (2, 4), (2, 3)]


async def test_only_consume_may_take_the_sources_apart(audit, tree, directory):
    """What is only borrowed must be left as it is."""
    with pytest.raises(BorrowError, match="sources"):
        await audited(audit, variant(tree, "measure", sources=borrow_prev()), directory, check_borrows=True)


async def test_what_is_consumed_is_there_for_nobody_else(audit, tree):
    """Not for the result, and not for another child."""
    with pytest.raises(PlanError) as error:
        compile_plan(variant(tree, "read", keep=True))
    assert problems(error) == [("measure", "kept-changed")]

    tree.place(1, task(len, borrow_prev(), name="curious"), ())
    with pytest.raises(PlanError) as error:
        compile_plan(tree)
    assert problems(error) == [("measure", "fanout-auto")]


# Forward


async def test_forward_passes_on_the_same_object(audit, tree, directory):
    """The sources that are read are those that were found, the audit that is reported is the one that was measured."""
    seen = {}

    def seeing(name, fn):
        def see(given, *others):
            seen[name] = given
            return fn(given, *others)

        return see

    for name in ("read", "measure", "aggregate", "summary"):
        fn = next(placed.task.fn for placed in tree.placed if placed.task.name == name)
        tree = variant(tree, name, fn=seeing(name, fn))
    await audited(audit, tree, directory)

    assert seen["read"] is seen["measure"]
    assert seen["aggregate"] is seen["summary"]
    assert seen["summary"].total["files"] == 3


async def test_only_forward_has_an_output_without_returning_one(audit, tree):
    """As an ordinary task, `aggregate` would leave nothing to report."""
    with pytest.raises(PlanError) as error:
        compile_plan(variant(tree, "aggregate", kind="task"))
    assert problems(error) == [(name, "no-parent-output") for name in ("summary", "longest", "tangled", "rejected")]


async def test_without_aggregate_there_are_no_totals(audit, tree, directory):
    """What it adds in place is what the summary shows."""

    def leave(audit) -> None:
        pass

    result = await audited(audit, variant(tree, "aggregate", fn=leave), directory)

    assert "0 Python files" in result["summary"]


# Copy and borrow


@pytest.mark.parametrize("name", ["longest", "tangled"])
async def test_copies_keep_siblings_apart(audit, tree, directory, name):
    """Each ranking sorts and trims a list of its own; a ranking that borrows is found out."""
    borrowing = variant(tree, name, audit=borrow_prev(audit.Audit))

    with pytest.raises(BorrowError, match="audit"):
        await audited(audit, borrowing, directory, check_borrows=True)


async def test_a_ranking_that_borrows_spoils_the_next(audit, tree, directory):
    """The most tangled function is not among the longest ones, which are all that would be left."""
    spoilt = await audited(audit, variant(tree, "longest", audit=borrow_prev(audit.Audit)), directory)

    assert "tangled in b.py" in (await audited(audit, tree, directory))["tangled"]
    assert "tangled in b.py" not in spoilt["tangled"]


@pytest.mark.parametrize("name", ["summary", "rejected"])
async def test_borrow_copies_nothing(audit, tree, directory, monkeypatch, name):
    """In the whole tree no audit is copied in full, which a section that does not borrow would make happen."""
    copied = []
    monkeypatch.setattr(audit.Audit, "__deepcopy__", lambda self, memo: copied.append(self) or self, raising=False)

    await audited(audit, tree, directory)
    assert len(copied) == 0
    await audited(audit, variant(tree, name, audit=copy_prev(audit.Audit)), directory)
    assert len(copied) == 1


@pytest.mark.parametrize("name", ["summary", "rejected"])
@pytest.mark.parametrize("access", [consume_prev, borrow_prev_mut])
async def test_a_section_that_does_not_share_is_refused(audit, tree, name, access):
    """Its siblings read the same audit."""
    with pytest.raises(PlanError) as error:
        compile_plan(variant(tree, name, audit=access(audit.Audit)))
    assert problems(error) == [(name, "fanout-auto")]
