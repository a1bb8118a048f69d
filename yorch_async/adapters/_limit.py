"""At most so many calls at the same time, over all nodes and runs that share an adapter.

*Guarantees*: who waits longest is next; whoever leaves, by whatever way, gives its place back, and one that is cancelled while it
waits has taken none.
*Does not know*: whose calls they are: each borrows a place for itself, so a node may wait inside another one that holds one.
"""

from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, Semaphore
from anyio.lowlevel import current_token

from .._adapter import Attempt, Call, TaskTraits
from .._door import public

__all__ = ["Limit", "limit"]


class Limit:
    """The adapter behind `limit`. It has state: the limiter of each event loop on which it has been used."""

    __slots__ = ("__weakref__", "_limiters", "_places")
    needs_loop: ClassVar = True

    def __init__(self, places: int | CapacityLimiter | Semaphore) -> None:
        self._places = places
        self._limiters: WeakKeyDictionary[Any, CapacityLimiter] = WeakKeyDictionary()

    def traits(self, traits: TaskTraits) -> TaskTraits:
        """Waiting for a place changes nothing."""
        return traits

    def wrap(self, call: Call) -> Call:
        """Put taking and giving back a place around the call."""

        async def limited(attempt: Attempt) -> Any:
            limiter = self._limiter()
            if isinstance(limiter, Semaphore):
                async with limiter:
                    return await call(attempt)
            borrower = object()
            await limiter.acquire_on_behalf_of(borrower)
            try:
                return await call(attempt)
            finally:
                limiter.release_on_behalf_of(borrower)

        return limited

    def _limiter(self) -> CapacityLimiter | Semaphore:
        if not isinstance(self._places, int):
            return self._places
        token: Any = current_token()
        loop = getattr(token, "native_token", token)  # before anyio 4.11 the token is the loop's own
        found = self._limiters.get(loop)
        if found is None:
            found = self._limiters[loop] = CapacityLimiter(self._places)
        return found

    def __repr__(self) -> str:
        return f"limit({self._places!r})"


@public
def limit(places: int | CapacityLimiter | Semaphore) -> Limit:
    """Let at most `places` calls of the task, with the adapters inside, run at the same time; others wait for their turn.

    One adapter object that is given to several tasks is one limit for all of them, also in runs that go on at the same time on one
    event loop. An `anyio.CapacityLimiter` or `anyio.Semaphore` may be passed instead of a number, to share it with other parts of a
    program.

    `adapters=(limit(5), retry(policy))` gives the place back while it waits between attempts; `adapters=(retry(policy), limit(5))`
    keeps it.

    When not to use it: to limit how many nodes of one run are alive; and around a node that starts a run in which the same limit is
    needed again, because all places may then be held by those that wait for one.

    >>> from yorch_async import TaskTree, compile_plan, run, value
    >>> at_most_two = limit(2)
    >>> tree = TaskTree()
    >>> first = tree.root(int, value("7"), adapters=(at_most_two,))
    >>> second = first.child(int, value("8"), adapters=(at_most_two,))
    >>> run(compile_plan(tree))[second]
    8
    """
    if isinstance(places, bool) or not isinstance(places, int | CapacityLimiter | Semaphore):
        raise TypeError(f"a limit is a number of places, an anyio.CapacityLimiter or an anyio.Semaphore, not {places!r}")
    if isinstance(places, int) and places < 1:
        raise ValueError(f"a limit must leave at least 1 place, not {places!r}")
    return Limit(places)
