"""What is left of a run: its status, what failed, and the outputs that were kept.

*Guarantees*: a status that is not a success is never silent: `raise_for_status` raises for it, and `failures` says where and why.
*Does not know*: how the run went otherwise; observers do.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

from .._door import public
from .._errors import OutputMissing, RunFailed
from .._results import StepResult, StepStatus
from .._tree import Node
from ..plan import Plan, nodes_called

__all__ = ["Failure", "LeftOut", "RunResult", "Skip"]

T = TypeVar("T")


@public
@dataclass(frozen=True, slots=True)
class Failure:
    """A node that answered FAILURE, RETRY or ABORT_EXECUTION, which ended the run, or with `on_failure="continue"` its branch.

    `attempts` is how many times its task was called, `elapsed` the seconds from the start of the run to the end of the node (how
    long it took itself, observers are told), and `error` the exception behind it, if there is one.
    """

    path: str
    index: int
    status: StepStatus
    reason: str | None
    error: BaseException | None
    attempts: int
    elapsed: float

    def __str__(self) -> str:
        """Say all of it in one line."""
        why = [self.reason] if self.reason else []
        if self.error is not None:
            why.append(f"{type(self.error).__name__}: {self.error}".removesuffix(": "))
        took = f"{self.elapsed:.3g} s" if self.elapsed >= 1 else f"{self.elapsed * 1000:.1f} ms"
        times = f"{self.attempts} attempt{'s' * (self.attempts != 1)}, {took} into the run"
        return f"{self.path}: {self.status.name} ({times})" + "".join(f": {each}" for each in why)


@public
@dataclass(frozen=True, slots=True)
class LeftOut:
    """The elements that a node of `each` left out because they failed (`on_item_failure="skip"`): how many, and the first hundred."""

    path: str
    index: int
    count: int
    failures: tuple[Failure, ...]

    def __str__(self) -> str:
        """Say all of it in one line."""
        return f"{self.path}: {self.count} element{'s' * (self.count != 1)} left out, the first one {self.failures[0]}"


@public
@dataclass(frozen=True, slots=True)
class Skip:
    """A node that was not run, because the node at `because` did not succeed; or, if that is itself, its condition did not hold.

    >>> from yorch_async import TaskTree, borrow, compile_plan, run, value
    >>> tree = TaskTree()
    >>> number = tree.root(int, value("7"), name="number")
    >>> half = number.child(lambda x: x // 2, borrow(number), name="half", when=lambda x: x % 2 == 0)
    >>> total = tree.join(lambda x: x + 1, borrow(half), name="total")
    >>> [str(skip) for skip in run(compile_plan(tree)).skipped]
    ['number/half: its condition did not hold', "total: skipped because of 'number/half'"]
    """

    path: str
    index: int
    because: str

    def __str__(self) -> str:
        """Say all of it in one line."""
        if self.because == self.path:
            return f"{self.path}: its condition did not hold"
        return f"{self.path}: skipped because of '{self.because}'"


_SHOWN = 20
"""How many outputs a message lists."""


@public
class RunResult:
    """How a run ended. `result[node]` or `result["name"]` is an output that was kept: that of a leaf, or with `keep=True`.

    >>> from yorch_async import TaskTree, compile_plan, run, value
    >>> tree = TaskTree()
    >>> seven = tree.root(int, value("7"), name="seven")
    >>> result = run(compile_plan(tree))
    >>> result.ok, result[seven], result["seven"]
    (True, 7, 7)
    """

    __slots__ = ("_causes", "_outputs", "failures", "left_out", "plan", "step")

    def __init__(
        self,
        plan: Plan,
        step: StepResult,
        failures: tuple[Failure, ...],
        outputs: Mapping[int, Any],
        causes: Iterable[tuple[int, bool]] = (),
        left_out: tuple[LeftOut, ...] = (),
    ) -> None:
        self.plan = plan
        """The plan that was run."""
        self.step = step
        """The status with its reason and error, as the node that decided it answered."""
        self.failures = failures
        """The nodes that ended the run badly, in the order of registration."""
        self._outputs = outputs
        self._causes = causes
        self.left_out = left_out
        """What nodes of `each` left out of their results because it failed, in the order in which they ended."""

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """The nodes that were not run, because what they depend on did not succeed or their condition did not hold, in order."""
        path, because = self.plan.layout.path, self._because()
        return tuple(Skip(path(index), index, path(because[index])) for index in sorted(because))

    def _because(self) -> dict[int, int]:
        """The nodes that were skipped, and the node because of which each of them was: where there are several, the first of them."""
        found: dict[int, int] = {}
        for cause, is_unmet in sorted(self._causes):
            indexes = self.plan.layout.cut_off(cause, found)
            found.update(dict.fromkeys([cause, *indexes] if is_unmet else indexes, cause))
        return found

    @property
    def status(self) -> StepStatus:
        """The status of the run."""
        return self.step.status

    @property
    def ok(self) -> bool:
        """Whether the status is SUCCESS."""
        return self.step.ok

    def raise_for_status(self) -> "RunResult":
        """Raise `RunFailed` if the run ended with FAILURE, RETRY or ABORT_EXECUTION; otherwise return the result itself.

        ABORT_BRANCH, which a run has when its root aborts its branch, is not an error.
        """
        if self.status in (StepStatus.SUCCESS, StepStatus.ABORT_BRANCH):
            return self
        raise RunFailed(self.plan.name, self.status, self.failures) from self.step.error

    @overload
    def __getitem__(self, node: Node[T]) -> T: ...
    @overload
    def __getitem__(self, node: str) -> Any: ...
    def __getitem__(self, node: Node[Any] | str) -> Any:
        """The kept output of a node, by its handle, its name or its path. Raises `OutputMissing`, a `LookupError`."""
        index = self._find(node) if isinstance(node, str) else self.plan.index_of(node)
        try:
            return self._outputs[index]
        except KeyError:
            raise OutputMissing(self._why_missing(index)) from None

    def __contains__(self, node: object) -> bool:
        """Whether the output of a node was kept."""
        try:
            index = self._find(node) if isinstance(node, str) else self.plan.index_of(cast("Node[Any]", node))
        except (OutputMissing, ValueError, TypeError):
            return False
        return index in self._outputs

    def items(self) -> Iterator[tuple[str, Any]]:
        """The kept outputs with the paths of their nodes, in the order of the plan."""
        return ((self.plan.layout.path(index), self._outputs[index]) for index in sorted(self._outputs))

    def _find(self, name: str) -> int:
        found = nodes_called(self.plan, name)
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            paths = ", ".join(self.plan.layout.path(index) for index in found[:5])
            raise OutputMissing(
                f"{len(found)} nodes of plan '{self.plan.name}' are called '{name}' ({paths}); ask by path or node"
            )
        kept = [self.plan.layout.path(index) for index in sorted(self._outputs)[:_SHOWN]]
        kept += ["..."] if len(self._outputs) > _SHOWN else []
        raise OutputMissing(f"plan '{self.plan.name}' has no node '{name}'; the result holds {', '.join(kept) or 'nothing'}")

    def _why_missing(self, index: int) -> str:
        node = self.plan.nodes[index]
        where = f"the result holds no output of '{node.path}'"
        if node.task.has_output is False:
            return f"{where}: it is declared to return {node.task.output.words}"
        layout, because = self.plan.layout, self._because().get(index)
        if because is None and not (node.is_leaf or node.keep):
            return f"{where}: it was released after its last reader; place the node with keep=True"
        if because is not None and all(failure.index != because for failure in self.failures):
            if because == index:
                return f"{where}: its condition did not hold"
            return f"{where}: it was skipped because of '{layout.path(because)}'"
        above = (failure for failure in self.failures if layout.depends(index, failure.index) or failure.index == because)
        failure = next(above, self.failures[0] if self.failures else None)
        if failure is not None and index >= failure.index:
            return f"{where}: the run ended with {self.status.name} at '{failure.path}'"
        return f"{where}: it ended its branch, it succeeded without one, or the run was told not to keep it"

    def __repr__(self) -> str:
        return f"<RunResult of {self.plan.name!r}: {self.status.name}, {len(self._outputs)} kept>"
