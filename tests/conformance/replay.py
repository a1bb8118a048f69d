"""Replay vector files under every execution on both backends: `python -m tests.conformance.replay FILE...`.

*Guarantees*: the last line is `N passed, M failed`; the exit status is 0 if M is 0, 1 if not, 2 if a file cannot be read.
*Does not know*: any file in particular; lines are told apart by their content.
"""

import argparse
import gc
import json
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio

from .executions import BACKENDS, EXECUTIONS, Execution
from .outcome import Outcome
from .reading import read_line
from .records import FormatError, Record, Valid
from .refusals import judge
from .valid import Replay

SWEEP: Final = 50
"""After how many vectors cycles are collected. In between they are not, so that an object in a cycle is seen to stay alive."""


class UnreadableError(Exception):
    """A file that is no vector file."""


@dataclass
class Line:
    """One line of a file: its record or what is wrong with it, and what came of it so far."""

    name: str
    record: Record | None
    problem: str | None = None
    reasons: set[str] = field(default_factory=set[str])
    skipped: str | None = None

    def add(self, outcome: Outcome, where: str) -> None:
        """Take one more outcome into account; the first problem is the one that is told."""
        self.reasons |= outcome.reasons
        self.skipped = outcome.skipped
        if outcome.problem is not None and self.problem is None:
            self.problem = f"{where}, {outcome.problem}"


def read_file(path: Path) -> list[Line]:
    """All lines of a file. Raises `UnreadableError` if it is no file of JSON lines."""
    try:
        texts = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path}: {error}") from error
    lines: list[Line] = []
    for number, text in enumerate(texts, 1):
        if text.strip():
            try:
                raw = json.loads(text)
            except ValueError as error:
                raise UnreadableError(f"{path}, line {number}: {error}") from error
            lines.append(_line(raw, f"{path.name}:{number}"))
    return lines


def _line(raw: Any, place: str) -> Line:
    match raw:
        case {"id": str(name)}:
            pass
        case _:
            name = place
    try:
        return Line(name, read_line(raw))
    except FormatError as error:
        return Line(name, None, problem=f"{place}: {error}")


def replay(lines: Sequence[Line], executions: Sequence[Execution] = EXECUTIONS, backends: Sequence[str] = BACKENDS) -> None:
    """Replay all lines; each learns what came of it."""
    with _without_collector():
        for backend in backends:
            anyio.run(_replay_all, lines, executions, backend, backend=backend)


async def _replay_all(lines: Sequence[Line], executions: Sequence[Execution], backend: str) -> None:
    for number, line in enumerate(lines):
        if line.record is None or line.problem is not None:
            continue
        for execution in executions:
            line.add(await _outcome(line.record, execution), f"{backend}, {execution.name}")
        if (number + 1) % SWEEP == 0:
            gc.collect()


async def _outcome(record: Record, execution: Execution) -> Outcome:
    try:
        return await (Replay(record, execution).outcome() if isinstance(record, Valid) else judge(record, execution))
    except Exception as error:  # noqa: BLE001 - a library that breaks down on one vector must not hide the others
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place is not None else "nowhere"
        return Outcome(f"{type(error).__name__} at {where}: {error}")


@contextmanager
def _without_collector() -> Generator[None, None, None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def report(lines: Sequence[Line]) -> Iterator[str]:
    """What is told of it, line by line."""
    for line in lines:
        if line.problem is not None:
            yield f"FAIL {line.name}: {line.problem}"
    for why, count in Counter(line.skipped for line in lines if line.skipped is not None).items():
        yield f"{count} lines {why}"
    for reason, count in sorted(Counter(reason for line in lines for reason in line.reasons).items()):
        yield f"{count} vectors differ on purpose: {reason}"
    failed = sum(line.problem is not None for line in lines)
    passed = sum(line.problem is None and line.skipped is None for line in lines)
    yield f"{passed} passed, {failed} failed"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.replay", description="Replay conformance vectors.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON lines: vectors, controls, rule tables")
    try:
        lines = [line for path in parser.parse_args(arguments).files for line in read_file(path)]
    except UnreadableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    replay(lines)
    sys.stdout.writelines(f"{text}\n" for text in report(lines))
    return 1 if any(line.problem is not None for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
