"""How long to wait before the next attempt: a pure function of the count and of chance."""

import math
import pickle
import random
from dataclasses import FrozenInstanceError

import pytest

from yorch_async import Backoff


def test_the_defaults_are_for_services():
    """A tenth of a second, doubled, up to half a minute, with jitter."""
    assert (0.1, 30.0, 2.0, True) == (Backoff().initial, Backoff().maximum, Backoff().factor, Backoff().jitter)


def test_chance_is_that_of_the_process():
    """A policy that was sent elsewhere brings none along, so that workers do not wait in step."""
    state = random.getstate()
    waits = [wait(0) for wait in (Backoff(initial=1.0), pickle.loads(pickle.dumps(Backoff(initial=1.0))))]
    random.setstate(state)
    assert [random.random(), random.random()] == waits


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({"initial": 0.5, "maximum": 10.0}, [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]),
        ({"initial": 1.0, "maximum": 100.0, "factor": 3.0}, [1.0, 3.0, 9.0, 27.0, 81.0, 100.0, 100.0]),
        ({"initial": 2.0, "maximum": 10.0, "factor": 1.0}, [2.0] * 7),
        ({"initial": 5, "maximum": 5}, [5] * 7),
        ({"initial": 0.0}, [0.0] * 7),
        ({"initial": 0.0, "maximum": 0.0}, [0.0] * 7),
    ],
)
def test_without_jitter_the_whole_time_is_waited(options, waits):
    """It grows by the factor with each retry, up to the maximum."""
    wait = Backoff(jitter=False, **options)
    assert waits == [wait(count) for count in range(7)]


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.999])
def test_with_jitter_a_part_of_it_is_waited(chance):
    """That part is chance, which is asked anew for each wait."""
    asked = []

    def say():
        asked.append(1)
        return chance

    wait = Backoff(initial=1.0, maximum=4.0, random=say)
    assert [1.0 * chance, 2.0 * chance, 4.0 * chance, 4.0 * chance] == [wait(count) for count in range(4)]
    assert len(asked) == 4


def test_chance_is_not_asked_without_jitter():
    """The function is pure then."""

    def say():
        raise AssertionError("nobody asked")

    assert Backoff(initial=1.0, jitter=False, random=say)(1) == 2.0


@pytest.mark.parametrize("count", [10, 999, 1000, 1001, 10**6, 10**100])
@pytest.mark.parametrize("factor", [2.0, 2, 3.0, 10, 1e300])
def test_no_count_is_too_large(count, factor):
    """Long before numbers overflow, the maximum is reached."""
    assert Backoff(initial=0.1, maximum=30.0, factor=factor, jitter=False)(count) == 30.0
    assert Backoff(initial=0.0, maximum=30.0, factor=factor, jitter=False)(count) == 0.0


def test_a_slow_growth_goes_on_up_to_a_count_of_a_thousand():
    """After that it stays as it is."""
    wait = Backoff(initial=1.0, maximum=1e9, factor=1.001, jitter=False)
    assert [1.001**999, 1.001**1000, 1.001**1000] == [wait(count) for count in (999, 1000, 1001)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial": -0.1}, "initial must be 0 or more seconds, not -0.1"),
        ({"initial": math.nan}, "initial must be 0 or more seconds, not nan"),
        ({"maximum": 0.05}, "maximum must be finite and not less than initial (0.1), but is 0.05"),
        ({"maximum": math.inf}, "maximum must be finite and not less than initial (0.1), but is inf"),
        ({"maximum": math.nan}, "maximum must be finite and not less than initial (0.1), but is nan"),
        ({"initial": math.inf, "maximum": math.inf}, "maximum must be finite and not less than initial (inf), but is inf"),
        ({"factor": 0.5}, "factor must be 1 or more, not 0.5"),
        ({"factor": math.nan}, "factor must be 1 or more, not nan"),
    ],
)
def test_wrong_numbers_are_refused_where_they_are_written(options, message):
    """By name."""
    with pytest.raises(ValueError) as caught:
        Backoff(**options)
    assert message == str(caught.value)


def test_a_backoff_is_a_value():
    """Made by keywords alone, equal by what it says, frozen, and it can be sent elsewhere."""
    wait = Backoff(initial=1.0)
    assert Backoff(initial=1.0) == wait
    assert Backoff(initial=2.0) != wait
    assert wait == pickle.loads(pickle.dumps(wait))
    with pytest.raises(TypeError):
        Backoff(1.0)
    with pytest.raises(FrozenInstanceError):
        wait.initial = 2.0
