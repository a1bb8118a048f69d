"""Replay a valid vector: build its tree in several styles, run every plan more than once, compare each run.

*Guarantees*: a vector passes only if every run does; the first difference is reported with the style and the run it was found in.
*Does not know*: backends; it runs on whichever is running.
"""

from dataclasses import dataclass
from typing import Any, Final

from anyio import create_task_group

from yorch_async import Observer, Plan, PlanError, RegistrationError

from .building import ANNOTATED, DECLARED, UNTYPED, Builder, Style
from .comparing import Seen, end_difference, first_difference, is_early
from .differences import INNERMOST_FIRST, NEVER_RETRIES, RELEASED_EARLIER, decided, silent_nodes
from .executions import Execution
from .facts import facts_of
from .outcome import Outcome
from .records import Expected, Valid
from .running import Ended, observe
from .worlds import World

STYLES: Final = (DECLARED, ANNOTATED, UNTYPED)
ROUNDS: Final[tuple[tuple[Observer, ...], ...]] = ((), (lambda _: None,))
"""The observers of one run after the other: being looked at changes nothing."""


@dataclass(frozen=True)
class Built:
    """A tree in one style, ready to be run, and what running it shall do."""

    style: Style
    world: World
    plan: Plan
    expected: Expected


class Replay:
    """One valid vector under one execution."""

    def __init__(self, vector: Valid, execution: Execution) -> None:
        self._vector = vector
        self._execution = execution
        self._facts = facts_of(vector.tree)
        self._reasons: set[str] = set()

    async def outcome(self) -> Outcome:
        """Replay it in every style, up to the first difference."""
        expected = self._choose()
        if expected is None:
            return Outcome("its recordings disagree in a way that the design does not decide")
        for style in STYLES:
            found = await self._in_style(style, expected)
            if found is not None:
                return Outcome(f"{style.name}: {found}")
        return Outcome(reasons=frozenset(self._reasons))

    def _choose(self) -> Expected | None:
        first, *others = self._vector.expected
        if all(other == first for other in others):
            return first
        self._reasons.add(INNERMOST_FIRST)
        return decided(self._vector.expected)

    async def _in_style(self, style: Style, expected: Expected) -> str | None:
        try:
            world, plan = self._compiled(style)
        except (RegistrationError, PlanError) as error:
            return f"refused by {type(error).__name__}: {error}"
        built = Built(style, world, plan, expected)
        found = self._plan_difference(plan)
        for number, observers in enumerate(ROUNDS, 1):
            found = found or await self._round(f"run {number}", built, observers=observers)
        if found is None and not _changes(self._vector, "value_ref"):
            found = await self._round("two runs at once", built, at_once=2)
        return found

    def _compiled(self, style: Style) -> tuple[World, Plan]:
        """Build and compile; where the annotations are known to be too telling for the library, once more without them."""
        builder = Builder(self._vector.tree, style)
        try:
            tree = builder.tree()
        except RegistrationError:
            silent = silent_nodes(self._vector.tree)
            if not silent:
                raise
            builder = Builder(self._vector.tree, style, silent)
            tree = builder.tree()
            self._reasons.add(NEVER_RETRIES.reason)
        return builder.world, self._execution.compile(tree)

    def _plan_difference(self, plan: Plan) -> str | None:
        facts = self._vector.plan
        parents = tuple(node.parent for node in plan.nodes)
        if parents != facts.parents:
            return f"plan.nodes: expected parents {facts.parents}, got {parents}"
        # The layout that is recorded has staged copies beside the slots, ours among them.
        most = facts.slots + self._facts.most_stages()
        if plan.slots > most:
            return f"plan.slots: expected {most} at most, got {plan.slots}"
        return None

    async def _round(self, what: str, built: Built, *, at_once: int = 1, observers: tuple[Observer, ...] = ()) -> str | None:
        built.world.reset()
        ended: list[tuple[Ended, Seen]] = []
        options: dict[str, Any] = {"keep": built.style.keep, "observers": observers}

        async def once() -> None:
            policy, held = self._execution.policy(), self._vector.tree.context
            ended.append(await observe(built.plan, built.world, self._facts, held, execution=policy, **options))

        if at_once == 1:
            await once()
        else:
            async with create_task_group() as group:
                for _ in range(at_once):
                    group.start_soon(once)
        for end, seen in ended:
            found = end.crash or end.refusal or self._difference(built, seen)
            if found is not None:
                return f"{what}: {found}"
            if is_early(built.expected, seen):
                self._reasons.add(RELEASED_EARLIER)
        return None

    def _difference(self, built: Built, seen: Seen) -> str | None:
        ordered, keeps = self._execution.keeps_order, built.style.keep == "leaves"
        if ordered or _is_unordered(self._vector, built.expected):
            return first_difference(built.expected, seen, self._facts, ordered=ordered, keeps_leaves=keeps)
        return end_difference(built.expected, seen)


def _changes(vector: Valid, *specs: str) -> bool:
    """Whether some task changes an object that it has from one of these sources."""
    return any(source.param == "mref" and source.spec in specs for node in vector.tree.nodes for source in node.sources)


def _is_unordered(vector: Valid, expected: Expected) -> bool:
    """Whether any order gives the same: all nodes run, nothing shared is changed, no failing copy is counted over the run."""
    return expected.status == "success" and not _changes(vector, "from_ctx", "value_ref") and not vector.tree.copy_failures
