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
    """The tree of the example, with one share, so that each name is that of one node."""
    return audit.plan(shares=1)[0].tree


def variant(tree, name, *, kind=None, fn=None, adapters=None, keep=None, **sources):
    """Write the tree down again with one node registered in another way."""
    again = TaskTree(tree.name)
    for placed in tree.placed:
        made = placed.task
        changed = name == made.name
        if changed:
            given = [sources.pop(each.name, each.source) for each in made.arguments]
            register = getattr(yorch_async, kind or made.kind.value)
            options = {"managed": True} if made.managed else {}
            options["adapters"] = made.adapters if adapters is None else adapters
            made = register(fn or made.fn, *given, name=made.name, **options)
        again.place(placed.parent, made, (), fanout=placed.fanout, keep=bool(changed and keep))
    assert not sources
    return again


async def audited(audit, tree, directory, *, check_borrows=False, observers=(), **settings):
    context = Context(audit.Settings(**{"patience": 0.0, **settings}), audit.Ledger())
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


@pytest.mark.parametrize("name", ["share-1", "measure"])
async def test_a_variant_without_a_change_is_the_same_tree(audit, tree, directory, name):
    """The helper of these tests changes nothing by itself."""
    assert str(compile_plan(tree)) == str(compile_plan(variant(tree, name)))


# Context and inputs


async def test_the_settings_come_from_the_context(audit, directory):
    """Without them nothing begins, and others give another result."""
    plan, _ = audit.plan()
    with pytest.raises(SetupError) as error:
        await run_plan(plan)
    assert problems(error) == [("discover", "missing-context")] * 2

    (directory / "left").mkdir()
    (directory / "left" / "d.py").write_text("")
    titles = [
        (await run_plan(plan, Context(audit.Settings(leave_out=names), audit.Ledger()), inputs={"directory": directory}))[
            "summary"
        ]
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


# Managed


async def test_a_share_is_handed_in_when_its_branch_has_ended(audit, tree, directory):
    """After it was measured, and also where it could not be read, so that nothing was measured."""
    ended = []

    class Ledger(audit.Ledger):
        def hand_in(self, share):
            ended.append((bool(share.measured), bool(share.missing)))
            super().hand_in(share)

    inputs = {"directory": directory}
    for disk in (Disk(), Disk(failing=["b.py"], times=99)):
        context = {audit.Settings: audit.Settings(read=disk.read, patience=0.0), audit.Ledger: Ledger()}
        await run_plan(compile_plan(tree), context, inputs=inputs)
    assert ended == [(True, False), (False, True)]


# Change in place


def watch(audit, monkeypatch):
    """Note, whenever a file is measured, how many sources there are besides."""
    seen = []
    measure_file = audit.measure_file

    def watched(path, source):
        seen.append(sum(len(each.texts) for each in alive(audit)))
        return measure_file(path, source)

    monkeypatch.setattr(audit, "measure_file", watched)
    return seen


def alive(audit):
    """All shares that there are."""
    return [each for each in gc.get_objects() if type(each) is audit.Share]


async def test_measuring_frees_the_sources(audit, tree, directory, monkeypatch):
    """One after the other; of a copy, the originals would stay until all is done."""
    gc.collect()
    seen = watch(audit, monkeypatch)

    await audited(audit, tree, directory)
    assert seen == [2, 1, 0]

    seen.clear()
    await audited(audit, variant(tree, "measure", share=copy_prev()), directory)
    assert seen == [5, 4, 3]


@pytest.mark.parametrize(("name", "parameter"), [("measure", "share"), ("aggregate", "harvest")])
async def test_what_is_taken_apart_must_be_owned(audit, tree, directory, name, parameter):
    """What is only borrowed must be left as it is."""
    with pytest.raises(BorrowError, match=parameter):
        await audited(audit, variant(tree, name, **{parameter: borrow_prev()}), directory, check_borrows=True)


# Consume


async def test_consume_leaves_nothing_behind(audit, tree, directory, monkeypatch):
    """Nobody has the shares besides the one who adds them up; of a copy, there are originals."""
    gc.collect()
    counted, made = [], audit.Audit

    def counting(*args):
        counted.append(len(alive(audit)))
        return made(*args)

    aggregate = audit.aggregate
    monkeypatch.setitem(aggregate.__globals__, "Audit", counting)
    await audited(audit, tree, directory)
    await audited(audit, variant(tree, "aggregate", harvest=copy_prev()), directory)

    assert counted == [1, 2]
    assert alive(audit) == []


async def test_what_is_consumed_is_there_for_nobody_else(audit, tree):
    """Not for the result, and not for another child."""
    with pytest.raises(PlanError) as error:
        compile_plan(variant(tree, "collect", keep=True))
    assert problems(error) == [("aggregate", "kept-changed")]

    collect = next(number for number, placed in enumerate(tree.placed) if placed.task.name == "collect")
    tree.place(collect, task(repr, borrow_prev(), name="curious"), ())
    with pytest.raises(PlanError) as error:
        compile_plan(tree)
    assert problems(error) == [("aggregate", "fanout-auto")]


# Forward


async def test_forward_passes_on_the_same_object(audit, tree, directory):
    """The share that is measured is the one that was read, and the one that is handed in."""
    seen = {}

    def seeing(name, fn):
        def see(given, *others):
            seen[name] = given
            return fn(given, *others)

        return see

    for name in ("read", "measure", "aggregate"):
        fn = next(placed.task.fn for placed in tree.placed if placed.task.name == name)
        tree = variant(tree, name, fn=seeing(name, fn))
    await audited(audit, variant(tree, "collect", fn=keeping(seen, audit.collect)), directory)

    assert seen["read"] is seen["measure"] is seen["collected"]
    assert seen["read"].texts == {}
    assert len(seen["read"].measured) == 3


def keeping(seen, collect):
    """Collect, and note what was collected."""

    async def kept(*given):
        harvest = await collect(*given)
        (seen["collected"],) = harvest.shares
        return harvest

    return kept


async def test_only_forward_has_an_output_without_returning_one(audit, tree):
    """As an ordinary task, `read` would leave nothing to measure."""
    with pytest.raises(PlanError) as error:
        compile_plan(variant(tree, "read", kind="task"))
    assert problems(error) == [("measure", "no-parent-output")]


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
