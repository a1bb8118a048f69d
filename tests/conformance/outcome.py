"""What came of one vector."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """`problem` in words, or None if it passed; `reasons`: differences that were applied; `skipped`: why it was not replayed."""

    problem: str | None = None
    reasons: frozenset[str] = frozenset()
    skipped: str | None = None
