"""A recorder keeps what happened, and answers questions about it."""

import pytest

from yorch_async import (
    NodeEnded,
    NodeStarted,
    RetryFixed,
    RunStarted,
    StepResult,
    StepStatus,
    TaskTree,
    catch_as_failure,
    compile_plan,
    retry,
    run,
    run_plan,
)
from yorch_async.testing import Finding, ManualClock, Outcome, Recorder, scripted

ERROR = ValueError("broken")


def recorded(answers=(1, 2, 3), **options):
    """Run a root with two children and record it."""
    tree, recorder = TaskTree("t"), Recorder()
    root = tree.root(scripted(answers[0]), name="load", **options)
    root.child(scripted(answers[1]), name="parse")
    root.child(scripted(answers[2]), name="count")
    run(compile_plan(tree), observers=[recorder])
    return recorder


@pytest.mark.anyio
async def test_a_recorder_keeps_all_events():
    """In order, and by kind."""
    recorder = Recorder()
    tree = TaskTree()
    tree.root(lambda: 1)
    await run_plan(compile_plan(tree), observers=[recorder])
    assert isinstance(recorder.events[0], RunStarted)
    assert len(recorder.events) == 5
    assert recorder.of(NodeStarted) == [recorder.events[1]]


def test_the_order_is_that_of_the_starts():
    """By path."""
    assert ["load", "load/parse", "load/count"] == recorded().order


def test_an_outcome_tells_how_a_node_ended():
    """Its status, attempts, waits, reason, error and time."""
    clock = ManualClock()
    patient = retry(RetryFixed(2, delay=0.5), sleep=clock.sleep)
    busy = StepResult.retry("busy")
    tree, recorder = TaskTree("t"), Recorder()
    tree.root(scripted(busy, busy, 7), name="load", adapters=(patient,))
    run(compile_plan(tree), observers=[recorder])
    outcome = recorder.outcome("load")
    elapsed = recorder.of(NodeEnded)[0].elapsed
    assert Outcome("load", StepStatus.SUCCESS, 3, (0.5, 0.5), None, None, elapsed) == outcome
    assert outcome.ok


def test_an_outcome_tells_what_went_wrong():
    """The error, or the reason, and the status."""
    failed = recorded((ERROR, 2, 3), adapters=(catch_as_failure(),)).outcome("load")
    assert (StepStatus.FAILURE, 1, (), None, ERROR, False) == (
        failed.status,
        failed.attempts,
        failed.waits,
        failed.reason,
        failed.error,
        failed.ok,
    )
    assert "empty" == recorded((1, StepResult.abort_branch("empty"), 3)).outcome("parse").reason


def test_waits_are_those_of_the_node():
    """Not of another one that waits as well."""
    adapters = (retry(RetryFixed(1, delay=1.0), sleep=ManualClock().sleep),)
    tree, recorder = TaskTree("t"), Recorder()
    root = tree.root(scripted(StepResult.retry(), 1), name="load", adapters=adapters)
    root.child(scripted(StepResult.retry(), 1), name="parse", adapters=adapters)
    run(compile_plan(tree), observers=[recorder])
    assert ((1.0,), (1.0,)) == (recorder.outcome("load").waits, recorder.outcome("load/parse").waits)


def test_the_skipped_nodes_say_why():
    """Each with the node because of which it was skipped."""
    assert {"load/parse": "load", "load/count": "load"} == recorded((StepResult.failure("no"), 2, 3)).skipped


def test_who_started_first():
    """By the order of the events, and it says so."""
    recorder = recorded()
    found = recorder.started_before("parse", "count")
    assert isinstance(found, Finding)
    assert found
    assert "<True: parse started, parse ended, count started, count ended>" == repr(found)
    assert "<False: load started, load ended, count started, count ended>" == repr(recorder.started_before("count", "load"))


START, END = "start", "end"


def heard(*events):
    """A recorder that was told of starts and ends."""
    recorder = Recorder()
    for what, path in events:
        ended = NodeEnded(0, path, StepStatus.SUCCESS, 1, 0.0, None, None, 0.0)
        recorder(NodeStarted(0, path, 0.0) if what is START else ended)
    return recorder


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (((START, "a"), (START, "b"), (END, "a"), (END, "b")), True),
        (((START, "b"), (START, "a"), (END, "a"), (END, "b")), True),
        (((START, "a"), (END, "a"), (START, "b"), (END, "b")), False),
        (((START, "b"), (END, "b"), (START, "a"), (END, "a")), False),
        (((START, "a"), (START, "b")), True),
        (((START, "a"), (END, "a"), (START, "b")), False),
    ],
)
def test_who_ran_at_the_same_time(events, expected):
    """Each started before the other one ended; what has not ended still runs."""
    recorder = heard(*events)
    assert expected is bool(recorder.overlapped("a", "b")) is bool(recorder.overlapped("b", "a"))
    assert f"<{expected}: {', '.join(f'{path} {what}ed' for what, path in events)}>" == repr(recorder.overlapped("a", "b"))


STORY = """\
  run of 't' started
  load started
  load attempt 1
  load ended: SUCCESS
  load/parse started
  load/parse attempt 1
  load/parse ended: FAILURE, no luck
  load/count skipped because of load/parse
  run of 't' ended: FAILURE"""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (lambda recorder: recorder.outcome("total"), "nothing was heard of a node 'total'"),
        (lambda recorder: recorder.outcome("ount"), "nothing was heard of a node 'ount'"),
        (lambda recorder: recorder.outcome("count"), "'load/count' was skipped because of 'load/parse'"),
        (lambda recorder: recorder.started_before("load", "count"), "'load/count' was skipped because of 'load/parse'"),
        (lambda recorder: recorder.overlapped("count", "load"), "'load/count' was skipped because of 'load/parse'"),
    ],
)
def test_what_did_not_happen_is_an_assertion_error_that_tells_what_did(question, expected):
    """The whole story of the run."""
    with pytest.raises(AssertionError) as caught:
        question(recorded((1, StepResult.failure("no luck"), 3)))
    assert f"{expected}; instead:\n{STORY}" == str(caught.value)


def test_the_story_of_an_exception():
    """It shows the error, and the waits before."""
    recorder = Recorder()
    tree = TaskTree("t")
    patient = retry(RetryFixed(1, delay=0.25), sleep=ManualClock().sleep)
    tree.root(scripted(StepResult.retry(), ERROR), name="load", adapters=(patient,))
    with pytest.raises(ValueError):
        run(compile_plan(tree), observers=[recorder])
    assert str(recorder) == (
        "run of 't' started\n  load started\n  load attempt 1\n  load waits 0.25 s\n  load attempt 2\n"
        "  load ended: ValueError('broken')\n  run of 't' ended: ValueError('broken')"
    )
    assert recorder.outcome("load").status is None


def test_a_node_that_has_not_ended():
    """It has no outcome yet, and the recorder says so."""
    with pytest.raises(AssertionError, match="^'a' has started, and not ended; instead:\n  a started$"):
        heard((START, "a")).outcome("a")


def test_a_name_that_may_be_two_nodes():
    """It has to be told apart by its path; a whole path is never in doubt."""
    recorder = heard((START, "a"), (START, "b/a"), (START, "b/c"), (START, "d/c"))
    with pytest.raises(AssertionError) as caught:
        recorder.outcome("c")
    assert "'c' may be any of b/c, d/c; ask by path" == str(caught.value)
    assert recorder.started_before("a", "b/a")


def test_questions_are_about_the_latest_run():
    """All events are kept, but answers are not mixed."""
    tree, recorder = TaskTree("t"), Recorder()
    tree.root(scripted(1, StepResult.failure()), name="load").child(lambda: 2, name="parse")
    plan = compile_plan(tree)
    run(plan, observers=[recorder])
    assert (["load", "load/parse"], {}) == (recorder.order, recorder.skipped)
    run(plan, observers=[recorder])
    assert (["load"], {"load/parse": "load"}) == (recorder.order, recorder.skipped)
    recorder.check(plan)
    assert 3 == len(recorder.of(NodeStarted))


def test_an_unused_recorder():
    """It has heard nothing, and says so."""
    recorder = Recorder()
    assert ([], {}, "nothing happened") == (recorder.order, recorder.skipped, str(recorder))
    assert "<Recorder of 0 events>" == repr(recorder)
    assert "<Recorder of 1 event>" == repr(heard((START, "a")))
