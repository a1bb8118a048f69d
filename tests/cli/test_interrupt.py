"""An interrupt while a run's own code is at work ends it at once; at any other moment it goes to whoever had it before."""

import signal
import threading

import pytest

from yorch_async.cli._interrupt import interrupting


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
