"""The weather of one day."""

from datetime import date
from enum import Enum

from yorch_async import BorrowPrev, FromInput, TaskResult, TaskTree, borrow_prev

BEGIN = date(2000, 1, 1)


class Unit(Enum):
    """What a temperature is multiplied with, and what is added."""

    C = (1.0, 0.0)
    F = (1.8, 32.0)


def fetch(day: FromInput[date], unit: FromInput[Unit] = Unit.C) -> TaskResult[list[float]]:
    """Stand in for a station that is asked over the network."""
    if day < BEGIN:
        return TaskResult.failure(f"nothing was measured before {BEGIN}")
    factor, offset = unit.value
    return TaskResult.success([factor * celsius + offset for celsius in (10.0, 15.0, 25.0, 20.0)])


def mean(readings: BorrowPrev[list[float]]) -> float:
    """Read the list only, as `warmest` does."""
    return sum(readings) / len(readings)


def warmest(readings: list[float]) -> float:
    """Need no annotated source: the tree names it."""
    return max(readings)


tree = TaskTree("weather")
readings = tree.root(fetch)
readings.child(mean)
readings.child(warmest, borrow_prev())
