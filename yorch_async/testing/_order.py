"""What can happen in a run of a plan, and in which order: the check of a recorded sequence of events.

*Guarantees*: it accepts what any execution may do, one node at a time or many, and nothing that breaks the tree or graph.
*Does not know*: which of the allowed orders an execution has to choose, and what the tasks answer.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from .._events import (
    AttemptStarted,
    EachStarted,
    Event,
    ItemEnded,
    ItemStarted,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    RetryWaiting,
    RunEnded,
    RunStarted,
)
from .._results import StepStatus
from ..plan import Plan
from ._inside import Inside
from ._public import public
from ._told import told

__all__ = ["check_order"]


@public
def check_order(plan: Plan, events: Iterable[Event]) -> None:
    """Raise `AssertionError` if these events of one run are not what can happen in a run of this plan.

    The run starts first and ends last, if it is over. A node starts at most once, after all that it depends on has ended with SUCCESS
    and all that it reads with a default is over, and never after it was skipped; its attempts are counted from 1 between its start and
    its end, and it ends once. What is skipped names a node that has ended with something else than SUCCESS, for ABORT_BRANCH one that
    it depends on; a node whose condition did not hold names itself, in place of its start, and counts as one that has ended so. What
    is told of elements is told while their node runs: each starts and ends once, with its attempts and waits in between. When the run
    ends no node is running, and after a successful one each has ended well or was skipped, itself or what it depends on.

    The message shows the event that does not fit, and those before it.

    >>> from yorch_async import TaskTree, compile_plan, run
    >>> tree, recorder = TaskTree("t"), Recorder()
    >>> node = tree.root(lambda: 1, name="one").child(lambda: 2, name="two")
    >>> result = run(compile_plan(tree), observers=[recorder])
    >>> check_order(compile_plan(tree), recorder.events)
    >>> check_order(compile_plan(tree), [recorder.events[0], recorder.events[4]])
    Traceback (most recent call last):
    AssertionError: plan 't': 'one/two' starts before its parent has ended with SUCCESS:
      run of 't' started
    > one/two started
    """
    if not isinstance(plan, Plan):
        raise TypeError(f"check_order takes a Plan, made by compile_plan(tree), not {plan!r}")
    happened = tuple(events)
    check = _Check(plan)
    for place, event in enumerate(happened):
        fault = check.fault(event)
        if fault is not None:
            raise AssertionError(f"plan '{plan.name}': {fault}:\n{_shown(happened, place)}")
    if not happened:
        raise AssertionError(f"plan '{plan.name}': nothing happened")


_BEFORE: Final = 5
"""How many events before the one that does not fit are shown."""


def _shown(events: Sequence[Event], place: int) -> str:
    first = max(0, place - _BEFORE)
    dots = ["  ..."] if first else []
    return "\n".join([*dots, *(f"  {told(event)}" for event in events[first:place]), f"> {told(events[place])}"])


class _Check:
    """The state of a run, as far as its events tell. Each method answers what is wrong with the next one, if something is."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._has_started = False
        self._is_over = False
        self._attempts: dict[int, int] = {}
        """The nodes that have started, and how many attempts they have made."""
        self._ended: dict[int, StepStatus | None] = {}
        self._causes: dict[int, StepStatus | None] = {}
        """Those of them that have ended with something else than SUCCESS, and the nodes whose conditions did not hold."""
        self._called: dict[str, list[int]] = {}
        """These by their paths."""
        self._cut_off: dict[int, frozenset[int]] = {}
        """What cannot run because of them."""
        self._skipped: set[int] = set()
        self._elements: dict[int, Inside] = {}

    def fault(self, event: Event) -> str | None:
        if self._is_over:
            return "something happens after the run has ended"
        if isinstance(event, RunStarted):
            return self._run_started(event)
        if not self._has_started:
            return "something happens before the run has started"
        if isinstance(event, RunEnded):
            return self._run_ended(event)
        if isinstance(event, EachStarted | ItemStarted | ItemEnded):
            return self._inside(event)
        return self._node(event)

    def _path(self, index: int) -> str:
        return self._plan.layout.path(index) if 0 <= index < len(self._plan) else ""

    def _inside(self, event: EachStarted | ItemStarted | ItemEnded | AttemptStarted | RetryWaiting) -> str | None:
        """What happens to elements: while their node runs."""
        path, index = self._path(event.index), event.index
        is_of_node = event.path == path if isinstance(event, EachStarted) else event.path.startswith(f"{path}#")
        if not is_of_node or not path:
            return f"the plan has no node {index} at '{event.path}'"
        if index not in self._attempts or index in self._ended:
            return f"'{event.path}' is told of while '{path}' is not running"
        return self._elements.setdefault(index, Inside(path)).fault(event)

    def _run_started(self, event: RunStarted) -> str | None:
        plan, is_second = self._plan, self._has_started
        self._has_started = True
        if is_second:
            return "the run starts again"
        if (event.plan, event.nodes) != (plan.name, len(plan)):
            return f"a run of another plan, '{event.plan}' with {event.nodes} nodes"
        return None

    def _node(self, event: NodeStarted | AttemptStarted | RetryWaiting | NodeEnded | NodeSkipped) -> str | None:
        index, path = event.index, event.path
        if isinstance(event, AttemptStarted | RetryWaiting) and path.startswith(f"{self._path(index)}#"):
            return self._inside(event)
        if not 0 <= index < len(self._plan) or self._plan.layout.path(index) != path:
            return f"the plan has no node {index} at '{path}'"
        match event:
            case NodeStarted():
                return self._started(event)
            case NodeSkipped():
                return self._skip(event)
            case AttemptStarted() | RetryWaiting() | NodeEnded():
                return self._running(event)
        assert_never(event)

    def _started(self, event: NodeStarted) -> str | None:
        index = event.index
        if index in self._attempts:
            return f"'{event.path}' starts again"
        if index in self._skipped:
            return f"'{event.path}' starts, but was skipped"
        awaited = self._awaited(index)
        if awaited is not None:
            return f"'{event.path}' starts before {awaited}"
        self._attempts[index] = 0
        return None

    def _awaited(self, index: int) -> str | None:
        """What has to be the case before a node may start, and is not."""
        layout, parent = self._plan.layout, self._plan.layout.parents[index]
        hopes = layout.links.hopes.get(index, frozenset())
        for before in sorted(layout.links.before(index, layout.parents)):
            if before in hopes:
                if before not in self._ended and before not in self._skipped:
                    return f"'{layout.path(before)}' is over"
            elif self._ended.get(before) is not StepStatus.SUCCESS:
                words = "its parent" if before == parent else f"'{layout.path(before)}'"
                return f"{words} has ended with SUCCESS"
        return None

    def _running(self, event: AttemptStarted | RetryWaiting | NodeEnded) -> str | None:
        index, path = event.index, event.path
        if index not in self._attempts or index in self._ended:
            return f"'{path}' is not running"
        made = self._attempts[index]
        if isinstance(event, AttemptStarted):
            self._attempts[index] = event.number
            return None if event.number == made + 1 else f"attempt {event.number} of '{path}' comes after {made}"
        if isinstance(event, NodeEnded):
            self._ended[index] = event.status
            inside = self._elements.pop(index, None)
            if inside is not None and inside.unfinished and event.status is StepStatus.SUCCESS:
                return f"'{path}' ends with SUCCESS while '{inside.unfinished}' is worked on"
            if event.status is not StepStatus.SUCCESS:
                self._cause(index, path, event.status)
        return None if event.attempts == made else f"'{path}' has made {made} attempts, not {event.attempts}"

    def _skip(self, event: NodeSkipped) -> str | None:
        index, path = event.index, event.path
        if index in self._attempts:
            return f"'{path}' is skipped, but has started"
        if index in self._skipped:
            return f"'{path}' is skipped again"
        self._skipped.add(index)
        if event.because == path and self._plan.tasks[index].condition is not None:
            self._cause(index, path, StepStatus.ABORT_BRANCH)
            awaited = self._awaited(index)
            return None if awaited is None else f"the condition of '{path}' is asked before {awaited}"
        for cause in self._called.get(event.because, ()):
            if self._causes[cause] is not StepStatus.ABORT_BRANCH or index in self._cut_off_by(cause):
                return None
        return f"'{path}' is skipped, but '{event.because}' is no cause for that"

    def _cause(self, index: int, path: str, status: StepStatus | None) -> None:
        self._causes[index] = status
        self._called.setdefault(path, []).append(index)

    def _cut_off_by(self, cause: int) -> frozenset[int]:
        if cause not in self._cut_off:
            self._cut_off[cause] = frozenset(self._plan.layout.cut_off(cause))
        return self._cut_off[cause]

    def _run_ended(self, event: RunEnded) -> str | None:
        self._is_over = True
        path = self._plan.layout.path
        running = [index for index in self._attempts if index not in self._ended]
        if running:
            return f"the run ends while '{path(running[0])}' is running"
        if event.status is None:
            return None
        bad = [index for index, status in self._causes.items() if status is not StepStatus.ABORT_BRANCH]
        if event.status not in (StepStatus.SUCCESS, StepStatus.ABORT_BRANCH):
            return None if bad else f"the run ends with {event.status.name}, but every node has ended well"
        if bad:
            return f"the run ends with {event.status.name}, but '{path(bad[0])}' has not ended well"
        forgotten = self._forgotten()
        return (
            None
            if forgotten is None
            else f"the run ends with {event.status.name}, but nothing is heard of '{path(forgotten)}'"
        )

    def _forgotten(self) -> int | None:
        """The first node that has neither ended nor was skipped, itself or one that it depends on."""
        layout, gone = self._plan.layout, set(self._skipped)
        for index in range(len(self._plan)):
            if index not in gone and index not in self._ended:
                needs = layout.links.needs.get(index, (layout.parents[index],))
                if gone.isdisjoint(needs):
                    return index
                gone.add(index)
        return None
