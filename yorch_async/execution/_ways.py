"""The ways in which a plan can be run: interpreted, and, once it has been run often enough, by code that is generated for it.

*Guarantees*: code is generated part by part, one part a run, so that an event loop is never held up for longer than that takes.
*Does not know*: runs.
"""

from typing import Final
from warnings import warn

from ..plan import LARGEST, Code, Keep, Plan, Variant, code_of
from ._generated import equip
from ._program import Program, Through, program_of
from ._setup import check_sync, needs_of
from ._turn import begin

__all__ = ["EARNED", "Way", "way_of"]

EARNED: Final = 500
"""After how many runs generating code pays: what it costs, divided by what it saves in a run (`docs/benchmarks.md`)."""


class Way:
    """How one variant of a plan is run. It has state: how often it was, and how much of the code there is."""

    __slots__ = ("_earned", "_missing", "_plan", "_runs", "_variant", "code", "needs", "program")

    def __init__(self, plan: Plan, variant: Variant, through: Through) -> None:
        if variant.sync:
            check_sync(plan)
        self._plan, self._variant = plan, variant
        self.program: Program = program_of(plan, variant.keep, begin, through)
        self.needs = needs_of(plan)
        self.code: Code | None = None
        self._runs = 0
        never = plan.optimize is False or len(plan) > LARGEST
        self._missing = not never
        self._earned = 0 if plan.optimize else EARNED

    def advance(self) -> Code | None:
        """Count a run, and generate what it has earned; the code, as far as there is any."""
        if self._missing:
            self._runs += 1
            if self._runs > self._earned:
                self._generate()
        return self.code

    def _generate(self) -> None:
        try:
            code = code_of(self._plan.prepared, self._plan.schedule, self._variant)
            equip(code)
            code.compile_next()
        except Exception as error:
            if self._plan.optimize:
                raise
            # Nobody has asked for code, and the plan works without it.
            self._missing = False
            warn(
                f"plan '{self._plan.name}' stays with the interpreter: no code could be made of it: {error!r}",
                RuntimeWarning,
                4,
            )
            return
        self.code = code
        self._missing = not code.is_complete


def way_of(plan: Plan, keep: Keep, is_sync: bool, is_held: bool, through: Through) -> Way:  # noqa: FBT001 - asked at every run
    """The way of a variant, made when it is asked for first."""
    key = (keep, is_sync, is_held)
    known: Way | None = plan.prepared.get(key)
    return plan.prepared.setdefault(key, Way(plan, Variant(keep, is_sync, is_held), through)) if known is None else known
