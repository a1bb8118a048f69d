"""The family of errors: who is whose child, what they carry, what they say, and that they travel."""

import copy
import pickle

import pytest

import yorch_async
from yorch_async import (
    BorrowError,
    Failure,
    NodeError,
    OutputMissing,
    PlanError,
    Problem,
    RegistrationError,
    ResultError,
    RunCancelled,
    RunFailed,
    RunnerClosed,
    SetupError,
    StepStatus,
    YorchError,
)
from yorch_async._errors import problem

AT_PARAMETER = Problem("scene/load", "url", "no-source", "has no source", "add one")
AT_NODE = Problem("scene", None, "empty-tree", "the tree has no nodes", "register a root first")
FAILURES = (
    Failure("a/b", 1, StepStatus.FAILURE, "no luck", None, 2, 0.25),
    Failure("a/c", 2, StepStatus.FAILURE, None, ValueError("x"), 1, 1.0),
)

ONE_PROBLEM = [RegistrationError, NodeError, ResultError, BorrowError]
EVERY_ERROR = [
    *(cls(AT_PARAMETER) for cls in ONE_PROBLEM),
    PlanError("plan 'p'", [AT_PARAMETER, AT_NODE]),
    SetupError("plan 'p' cannot be run", [AT_NODE]),
    RunFailed("p", StepStatus.FAILURE, FAILURES),
    RunCancelled("p", "monday"),
    RunnerClosed("the runner takes no more runs"),
    OutputMissing("the result holds no output"),
]


def test_the_family_is_drawn_as_it_is():
    """Each class with its parents; whoever catches the base catches all of them."""
    family = {cls.__name__: [base.__name__ for base in cls.__bases__] for cls in _classes()}
    assert {
        "YorchError": ["Exception"],
        "RegistrationError": ["_OneProblem"],
        "PlanError": ["_ManyProblems"],
        "SetupError": ["_ManyProblems"],
        "NodeError": ["_OneProblem"],
        "ResultError": ["NodeError"],
        "BorrowError": ["NodeError"],
        "RunFailed": ["YorchError"],
        "RunCancelled": ["YorchError"],
        "RunnerClosed": ["YorchError", "RuntimeError"],
        "OutputMissing": ["YorchError", "LookupError"],
    } == family
    assert all(issubclass(cls, YorchError) for cls in _classes())


def _classes():
    things = [getattr(yorch_async, name) for name in yorch_async.__all__]
    return [thing for thing in things if isinstance(thing, type) and issubclass(thing, Exception)]


def test_every_error_is_tested_here():
    """A new one travels as well."""
    assert {cls for cls in _classes() if cls is not YorchError} == {type(error) for error in EVERY_ERROR}


def test_a_problem_says_where_what_which_rule_and_what_to_write_instead():
    """In one line, with the parameter if it is about one."""
    assert "scene/load, parameter 'url': has no source [no-source]; add one" == str(AT_PARAMETER)
    assert "scene: the tree has no nodes [empty-tree]; register a root first" == str(AT_NODE)


def test_a_problem_is_a_value():
    """Equal by its fields, and frozen."""
    assert Problem("scene", None, "empty-tree", "the tree has no nodes", "register a root first") == AT_NODE
    assert hash(AT_NODE) == hash(copy.copy(AT_NODE))
    with pytest.raises(AttributeError):
        AT_NODE.path = "other"


def test_a_problem_is_made_of_a_rule_and_the_facts_of_a_case():
    """Both templates are filled."""
    assert Problem(
        "r/c",
        "x",
        "fanout-shared",
        "consume_prev is exclusive, but 'r' has fanout=Fanout.SHARED_READONLY",
        "use borrow_prev(...) or copy_prev(...), or another fanout for 'r'",
    ) == problem("fanout-shared", "r/c", "x", access="consume_prev", parent="r")
    assert problem("empty-tree", "p").parameter is None


@pytest.mark.parametrize("cls", ONE_PROBLEM)
def test_an_error_about_one_problem_shows_its_fields(cls):
    """The problem itself, and each of its fields by the same name."""
    error = cls(AT_PARAMETER)
    assert error.problem is AT_PARAMETER
    assert ("scene/load", "url", "no-source") == (error.path, error.parameter, error.rule)
    assert str(AT_PARAMETER) == str(error)


@pytest.mark.parametrize("cls", [PlanError, SetupError])
def test_an_error_about_several_problems_lists_them(cls):
    """Counted in the headline, one line each, in the given order."""
    error = cls("plan 'p'", iter([AT_NODE, AT_PARAMETER]))
    assert ("plan 'p'", (AT_NODE, AT_PARAMETER)) == (error.headline, error.problems)
    assert f"plan 'p': 2 problems\n  {AT_NODE}\n  {AT_PARAMETER}" == str(error)
    assert f"plan 'p': 1 problem\n  {AT_NODE}" == str(cls("plan 'p'", [AT_NODE]))


def test_a_failed_run_says_which_nodes_ended_it():
    """After the status, one line each."""
    error = RunFailed("p", StepStatus.FAILURE, FAILURES)
    assert ("p", StepStatus.FAILURE, FAILURES) == (error.plan, error.status, error.failures)
    assert (f"plan 'p' ended with FAILURE\n  {FAILURES[0]}\n  {FAILURES[1]}") == str(error)
    assert "plan 'p' ended with RETRY" == str(RunFailed("p", StepStatus.RETRY, ()))


def test_a_cancelled_run_says_which_one_it_was():
    """A plan may have many runs, so that each has a name."""
    error = RunCancelled("orders", "orders of Monday")
    assert ("orders", "orders of Monday") == (error.plan, error.run)
    assert "run 'orders of Monday' of plan 'orders' was cancelled" == str(error)


def test_a_missing_output_is_a_lookup_error():
    """So that code which looks up in anything can catch it."""
    with pytest.raises(LookupError) as caught:
        raise OutputMissing("the result holds no output of 'a'")
    assert "the result holds no output of 'a'" == str(caught.value)


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "travel", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"]
)
def test_every_error_travels(error, travel):
    """With its class, its message, its fields and its notes."""
    given = error.args
    error = type(error)(*given)
    assert given == error.args
    error.add_note("in node 'a'")
    arrived = travel(error)
    assert type(error) is type(arrived)
    assert str(error) == str(arrived)
    assert ["in node 'a'"] == arrived.__notes__
    assert _shown(vars(error)) == _shown(vars(arrived))


def _shown(fields):
    """The fields as text, because an exception among them is not equal to its copy."""
    return {name: repr(field) for name, field in fields.items()}
