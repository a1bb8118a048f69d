"""The fixtures that pytest finds by itself, in sessions of its own."""

import pytest

pytest_plugins = ["pytester"]

TESTS = """
from yorch_async import NodeEnded, RetryFixed, TaskTree, compile_plan, retry_on, run
from yorch_async.testing import ManualClock, Recorder, scripted

def test_fixtures(yorch_recorder, yorch_clock):
    tree = TaskTree("shop")
    patiently = retry_on(OSError, RetryFixed(2, delay=10.0), sleep=yorch_clock.sleep)
    tree.root(scripted(OSError(), 7), name="fetch", adapters=[patiently])
    run(compile_plan(tree), observers=[yorch_recorder])
    assert (yorch_clock.waits, yorch_recorder.outcome("fetch").attempts) == ([10.0], 2)
    assert (type(yorch_clock), type(yorch_recorder)) == (ManualClock, Recorder)

def test_no_waits(yorch_no_waits, yorch_recorder):
    tree = TaskTree("shop")
    tree.root(scripted(OSError(), 7), name="fetch", adapters=[retry_on(OSError, RetryFixed(1, delay=3600.0))])
    run(compile_plan(tree), observers=[yorch_recorder])
    assert yorch_recorder.outcome("fetch").waits == (3600.0,)

def test_they_are_fresh(yorch_recorder, yorch_clock):
    assert (yorch_clock.waits, yorch_recorder.events) == ([], [])
"""


@pytest.fixture
def session(pytester):
    """A folder of tests, as a user has one."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makepyfile(TESTS)
    return pytester


def test_the_fixtures_are_there(session):
    """Without anything to be imported, and fresh in each test."""
    session.runpytest_subprocess().assert_outcomes(passed=3)


def test_the_fixtures_are_listed_with_what_they_are(session):
    """By `pytest --fixtures`."""
    result = session.runpytest_subprocess("--fixtures")
    result.stdout.fnmatch_lines(
        ["yorch_recorder*", "*A fresh `Recorder`*", "yorch_clock*", "*A fresh `ManualClock`*", "yorch_no_waits*"]
    )


def test_the_fixtures_can_be_left_out(session):
    """As with any plugin."""
    result = session.runpytest_subprocess("-p", "no:yorch_async")
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["*fixture 'yorch_recorder' not found*"])


def test_a_session_that_does_not_use_them_loads_no_helpers(pytester):
    """They cost others nothing."""
    pytester.makepyfile(
        """
        import sys

        def test_nothing():
            assert "yorch_async.pytest_plugin" in sys.modules
            assert "yorch_async.testing" not in sys.modules
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_failed_assertion_shows_what_happened(pytester):
    """The finding of a recorder says why."""
    pytester.makepyfile(
        """
        from yorch_async import TaskTree, compile_plan, run

        def test_side_by_side(yorch_recorder):
            root = TaskTree("t").root(list, name="load")
            root.child(list, name="a")
            root.child(list, name="b")
            run(compile_plan(root.tree), observers=[yorch_recorder])
            assert yorch_recorder.overlapped("a", "b")
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert <False: a started, a ended, b started, b ended>"])
