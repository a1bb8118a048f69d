"""Replay a tree that shall be refused, or a control that shall not: build it, compile it, run it, and see how far it gets.

*Guarantees*: a refusal later than recorded is a failure, unless the rule needs a declaration that Python does not have.
*Does not know*: the rules.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from yorch_async import PlanError, RegistrationError

from .adapting import UNSUITABLE, UnsuitableRefused
from .building import ANNOTATED, DECLARED, Builder, Style
from .differences import NEVER_RETRIES, acceptable, silent_nodes
from .executions import Execution
from .facts import facts_of
from .outcome import Outcome
from .records import Catch, Held, Judged, Mistakes, NodeRecord, Retry, TreeRecord
from .running import observe

STAGES: Final = ("registration", "compile_plan", "run", "task")
"""How far a tree can get; `task`: into the running task, which is later than what YOrch calls run."""

STYLES: Final = (DECLARED, replace(ANNOTATED, by_level=True))
"""Always by level: child() has no way to say a level that is wrong."""
UNKNOWN_POLICY: Final = re.compile(r"(slot_layout|execution_policy|execution): *unknown")
HOLDS_ONLY: Final = re.compile(r"holds only (\w+)")


@dataclass(frozen=True)
class Got:
    """Where a tree was refused and how, or that it was not; `crash`: neither, but an error that no rule is behind."""

    stage: str | None = None
    words: str = ""
    crash: str | None = None


@dataclass(frozen=True)
class Given:
    """What the run is started with."""

    held: tuple[Held, ...]
    execution: Any


class Trial:
    """One vector that is refused or accepted, under one execution."""

    def __init__(self, vector: Judged, tree: TreeRecord, execution: Execution) -> None:
        self._vector = vector
        self._tree = tree
        self._execution = execution

    async def outcome(self) -> Outcome:
        """Try it in every style, up to the first wrong verdict."""
        reasons: set[str] = set()
        for style in STYLES:
            judged = await (self._control(style) if self._vector.rejected_at is None else self._invalid(style))
            if judged.problem is not None:
                return Outcome(f"{style.name}: {judged.problem}")
            reasons |= judged.reasons
        return Outcome(reasons=frozenset(reasons))

    async def _control(self, style: Style) -> Outcome:
        got = await self._try(style, self._tree, self._given())
        reasons: frozenset[str] = frozenset()
        if got.stage == "registration" and silent_nodes(self._tree):
            got = await self._try(style, self._tree, self._given(), silent_nodes(self._tree))
            reasons = frozenset({NEVER_RETRIES.reason})
        if got.crash or got.stage:
            return Outcome(got.crash or f"expected to be accepted, got refused at {got.stage}: {got.words}")
        return Outcome(reasons=reasons)

    async def _invalid(self, style: Style) -> Outcome:
        got = await self._try(style, self._tree, self._given())
        if got == Got() and self._vector.portable == "declared":
            got = await self._try(style, _provoked(self._tree), self._given())
        if got == Got() and self._lacks_context():
            got = await self._try(style, self._tree, replace(self._given(), held=()))
        if got.crash:
            return Outcome(got.crash)
        latest = "task" if self._vector.portable == "declared" else str(self._vector.rejected_at)
        if got.stage is not None:
            late = STAGES.index(got.stage) > STAGES.index(latest)
            return Outcome(f"expected to be refused at {latest}, got refused at {got.stage}: {got.words}" if late else None)
        reason = acceptable(self._vector)
        if reason is None:
            return Outcome(f"expected to be refused at {latest} ({self._vector.rule}), got accepted")
        return Outcome(reasons=frozenset({reason}))

    def _given(self) -> Given:
        """What the run gets: as listed, except for what the note says."""
        note, held, execution = self._vector.note, self._tree.context, self._execution.policy()
        only = HOLDS_ONLY.search(note)
        if only is not None:
            # The object that is there instead may be of any type; nobody asks for it.
            held = tuple(one for one in held if one.name == only[1]) or (Held(only[1], "int", 0),)
        elif "no context" in note:
            held = ()
        return Given(held, UNSUITABLE if UNKNOWN_POLICY.search(note) else execution)

    def _lacks_context(self) -> bool:
        """Whether the only thing that can be wrong is the context, since the vector shows no other mistake."""
        plain = all(node.mistakes == Mistakes() for node in self._tree.nodes)
        asks = any(source.spec == "from_ctx" for node in self._tree.nodes for source in node.sources)
        return self._vector.rejected_at == "run" and self._vector.portable == "yes" and plain and asks

    async def _try(self, style: Style, tree: TreeRecord, given: Given, silent: frozenset[str] = frozenset()) -> Got:
        try:
            builder = Builder(tree, style, silent)
            built = builder.tree()
        except (RegistrationError, UnsuitableRefused) as error:
            return Got("registration", str(error))
        try:
            plan = self._execution.compile(built)
        except PlanError as error:
            return Got("compile_plan", str(error))
        facts = facts_of(tree)
        options = {"execution": given.execution, "keep": style.keep, "check_borrows": True}
        ended, _ = await observe(plan, builder.world, facts, given.held, **options)
        if ended.crash is not None:
            return Got(crash=ended.crash)
        if ended.refusal is not None:
            return Got("run" if ended.status == "refused" else "task", ended.refusal)
        return Got()


def _provoked(tree: TreeRecord) -> TreeRecord:
    """The same tree with bodies that let every adapter act, so that a mistake which only shows then does show."""
    return replace(tree, nodes=tuple(map(_provoking, tree.nodes)))


def _provoking(node: NodeRecord) -> NodeRecord:
    script = node.script
    if any(isinstance(adapter, Catch) for adapter in node.adapters):
        script = ("throw",)
    elif any(isinstance(adapter, Retry) for adapter in node.adapters) and node.returns in ("step_result", "task_result"):
        script = ("retry", *script)
    return replace(node, script=script)


async def judge(vector: Judged, execution: Execution) -> Outcome:
    """What comes of one vector, if it can be tried at all."""
    if vector.tree is None:
        return Outcome(skipped="have no tree to replay")
    if vector.portable == "no":
        return Outcome(skipped="are matters of C++ alone")
    return await Trial(vector, vector.tree, execution).outcome()
