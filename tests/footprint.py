"""What this process holds of the machine - threads, children, descriptors - so that a test can be held to leave nothing."""

import gc
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/self")

# How long something may take to end after the test that started it: an idle worker thread of anyio stops when its loop has
# closed, which the thread learns a moment later.
GRACE = 2.0


@dataclass(frozen=True)
class Footprint:
    """Everything held at one moment. Children and descriptors are known on Linux only, and empty elsewhere."""

    threads: frozenset[threading.Thread]
    children: frozenset[int]
    descriptors: frozenset[tuple[int, str]]

    @classmethod
    def now(cls) -> "Footprint":
        """Look."""
        return cls(frozenset(_threads()), frozenset(_children()), frozenset(_descriptors()))

    def left_over(self, *, grace: float = GRACE) -> list[str]:
        """Name what is held now and was not held then, once it has had the time to go."""
        deadline = time.monotonic() + grace
        collect_at = time.monotonic() + grace / 10
        while (found := list(self._beyond(Footprint.now()))) and time.monotonic() < deadline:
            time.sleep(0.002)
            if time.monotonic() > collect_at:
                gc.collect()
                collect_at = deadline
        return found

    def _beyond(self, now: "Footprint") -> Iterator[str]:
        yield from (f"thread {thread.name!r}" for thread in now.threads - self.threads)
        yield from (f"child process {pid} ({_command(pid)})" for pid in now.children - self.children)
        yield from (f"descriptor {number} ({target})" for number, target in now.descriptors - self.descriptors)


def _threads() -> Iterator[threading.Thread]:
    # Trio keeps idle threads for its next caller; while one works, it carries the name of its work instead.
    yield from (thread for thread in threading.enumerate() if not thread.name.startswith("Trio thread "))


def _children() -> Iterator[int]:
    for path in PROC.glob("task/*/children"):
        try:
            yield from map(int, path.read_text().split())
        except OSError:
            continue  # the thread has ended in between; its children have moved to another


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip() or "ended, but not waited for"
    except OSError:
        return "ended"


def _descriptors() -> Iterator[tuple[int, str]]:
    if not PROC.exists():
        return
    for path in (PROC / "fd").iterdir():
        try:
            yield int(path.name), str(path.readlink())
        except OSError:
            continue  # the descriptor through which the folder itself is read
