"""A container of services as the context of a run: svcs makes what a step asks for, when it asks, and cleans up afterwards.

Any object with `get(type)` can be a context. A `Context` is looked through before a run begins, a container is asked step by step.
"""

# svcs leaves the types of factories open
# pyright: reportUnknownMemberType=false

from collections.abc import Generator
from dataclasses import dataclass

import svcs

from yorch_async import BorrowPrev, FromCtx, TaskTree, compile_plan, run


@dataclass
class Calendar:
    """A service without needs of its own."""

    today: str


@dataclass
class Store:
    """A service that needs another one, and is opened and closed."""

    calendar: Calendar
    orders: dict[str, list[int]]


def open_store(container: svcs.Container) -> Generator[Store]:
    print("store opened")
    yield Store(container.get(Calendar), orders={"Monday": [3, 4], "Tuesday": [5]})
    print("store closed")


def pick(store: FromCtx[Store]) -> list[int]:
    return store.orders[store.calendar.today]


def report(orders: BorrowPrev[list[int]], calendar: FromCtx[Calendar]) -> str:
    return f"{sum(orders)} pieces were ordered on {calendar.today}"


tree = TaskTree("orders")
tree.root(pick).child(report, name="report")
plan = compile_plan(tree)

with svcs.Registry() as registry:
    registry.register_value(Calendar, Calendar("Monday"))
    registry.register_factory(Store, open_store)
    with svcs.Container(registry) as container:  # in a service, one for each request
        print(run(plan, container)["report"])
