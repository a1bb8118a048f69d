"""All errors of the library, as one family; the class says whose doing it was.

    YorchError
     +-- RegistrationError    what is wrong with one task alone, where it is registered
     +-- PlanError            every problem of a tree, found by compile_plan
     +-- SetupError           a run was started with the wrong context or inputs; no task ran
     +-- NodeError            a task or one of its helpers broke a rule while its node ran
     |    +-- ResultError     what it answered, wrote or returned
     |    +-- BorrowError     it changed what it only borrowed
     +-- RunFailed            raise_for_status() of a run that ended badly
     +-- RunCancelled         a run of a Runner was cancelled; there is no result
     +-- RunnerClosed         a Runner takes no runs, because it is not open (also a RuntimeError)
     +-- OutputMissing        the result holds no such output (also a LookupError)

*Guarantees*: every error carries its data as fields and survives pickling; messages say where, which rule, what instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._door import public
from ._rules import RULES

__all__ = [
    "BorrowError",
    "NodeError",
    "OutputMissing",
    "PlanError",
    "Problem",
    "RegistrationError",
    "ResultError",
    "RunCancelled",
    "RunFailed",
    "RunnerClosed",
    "SetupError",
    "YorchError",
    "problem",
]


@public
@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (`path`, `parameter`), which `rule`, what is the case, what to write instead.

    >>> Problem(path="scene/load", parameter="url", rule="no-source", message="has no source", remedy="add one")
    Problem(path='scene/load', parameter='url', rule='no-source', message='has no source', remedy='add one')
    """

    path: str
    parameter: str | None
    rule: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """Say all of it in one line."""
        where = self.path if self.parameter is None else f"{self.path}, parameter '{self.parameter}'"
        return f"{where}: {self.message} [{self.rule}]; {self.remedy}"


def problem(rule_id: str, path: str, parameter: str | None = None, /, **facts: object) -> Problem:
    """Fill the templates of a rule with the facts of a case."""
    rule = RULES[rule_id]
    return Problem(path, parameter, rule.id, rule.says.format(**facts), rule.remedy.format(**facts))


@public
class YorchError(Exception):
    """The base of every error that this library raises of its own."""


class _OneProblem(YorchError):
    """An error about one problem; its fields are read through."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def path(self) -> str:
        """Where it happened: a task's name or a node's path."""
        return self.problem.path

    @property
    def parameter(self) -> str | None:
        """The parameter that is concerned, if it is one."""
        return self.problem.parameter

    @property
    def rule(self) -> str:
        """The short id of the rule; the documentation lists them all."""
        return self.problem.rule

    def __str__(self) -> str:
        return str(self.problem)


@public
class RegistrationError(_OneProblem):
    """A task cannot be registered as it is written. Raised by `task` and its kin, and by `TaskTree`.

    >>> from yorch_async import task
    >>> task(len)
    Traceback (most recent call last):
    yorch_async.RegistrationError: len, parameter 'obj': has no source [no-source]; add from_ctx(...), ...
    """


class _ManyProblems(YorchError):
    """An error about several problems, found together."""

    def __init__(self, headline: str, problems: Iterable[Problem]) -> None:
        self.headline = headline
        self.problems = tuple(problems)
        super().__init__(headline, self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        return "\n  ".join([f"{self.headline}: {count} {noun}", *map(str, self.problems)])


@public
class PlanError(_ManyProblems):
    """A tree cannot be compiled. `problems` lists everything that is wrong with it, in the order of the nodes."""


@public
class SetupError(_ManyProblems):
    """A run was started with a context or inputs that do not fit the plan; no task has run."""


@public
class NodeError(_OneProblem):
    """A rule was broken while a node ran."""


@public
class ResultError(NodeError):
    """A task, a policy or a hook answered, wrote or returned what cannot be."""


@public
class BorrowError(NodeError):
    """A task changed what it had only borrowed; found by `run_plan(..., check_borrows=True)`."""


@public
class RunFailed(YorchError):
    """A run did not succeed; raised by `RunResult.raise_for_status()`.

    `status` is the status of the run and `failures` the nodes that ended it; the error that a node reported is the cause.
    """

    def __init__(self, plan: str, status: Any, failures: tuple[Any, ...]) -> None:
        super().__init__(plan, status, failures)
        self.plan = plan
        self.status = status
        self.failures = failures

    def __str__(self) -> str:
        head = f"plan '{self.plan}' ended with {self.status.name}"
        return "\n  ".join([head, *map(str, self.failures)])


@public
class RunCancelled(YorchError):
    """A run was cancelled, by its handle or because its runner was left; raised by `await handle`.

    It is no cancellation of who awaits it: that one goes on.

    >>> print(RunCancelled("orders", "orders of Monday"))
    run 'orders of Monday' of plan 'orders' was cancelled
    """

    def __init__(self, plan: str, run: str) -> None:
        super().__init__(plan, run)
        self.plan = plan
        self.run = run

    def __str__(self) -> str:
        return f"run '{self.run}' of plan '{self.plan}' was cancelled"


@public
class RunnerClosed(YorchError, RuntimeError):
    """A runner takes no runs outside of its `async with` block, nor while that is being left; the message says which."""


@public
class OutputMissing(YorchError, LookupError):
    """The result holds no such output; the message says why and what there is."""
