"""An interrupt while a run's own code is at work ends it at once; at any other moment it goes to whoever had it before."""

import signal
import threading

import anyio
import pytest

from yorch_async.cli._interrupt import beside, interrupting


@pytest.fixture
def before():
    """Handle SIGINT as an event loop would, and count."""
    seen = []
    previous = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    yield seen
    signal.signal(signal.SIGINT, previous)


def interrupted():
    signal.raise_signal(signal.SIGINT)


def test_what_runs_below_the_code_is_interrupted(before):
    """Also if it is called by it, and nobody else hears of it."""

    def work():
        interrupted()

    with interrupting(work.__code__), pytest.raises(KeyboardInterrupt):
        work()
    assert [] == before


def test_what_runs_elsewhere_is_left_to_the_one_who_waited_before(before):
    """Then the loop decides."""

    def work(): ...

    with interrupting(work.__code__):
        interrupted()
    interrupted()
    assert [signal.SIGINT] * 2 == before


def test_in_another_thread_nothing_is_changed(before):
    """Signals belong to the main thread."""
    handlers = []

    def work():
        with interrupting(work.__code__):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_it_wakes_the_loop(before):
    """Also if it comes just before the loop falls asleep: then there is something to read for it. Afterwards all is as it was."""

    def state():
        number = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(number)
        return number, signal.getsignal(signal.SIGINT)

    async def work():
        outside = state()
        with interrupting(work.__code__):
            number, handler = state()
        assert number >= 0
        assert handler is not outside[1]
        assert state() == outside

    anyio.run(work)
    interrupted()
    assert [signal.SIGINT] == before


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_work_beside_the_main_task_is_as_it_would_be_in_it(backend):
    """What it returns is returned, and what it raises is raised: no group is made of it."""

    async def work():
        return 1

    async def fail():
        raise SystemExit(3)

    async def cancelled():
        with anyio.CancelScope() as scope:
            scope.cancel()
            await beside(anyio.sleep_forever)
        return scope.cancelled_caught

    assert anyio.run(beside, work, backend=backend) == 1
    assert anyio.run(cancelled, backend=backend)
    with pytest.raises(SystemExit):
        anyio.run(beside, fail, backend=backend)
