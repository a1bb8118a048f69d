"""The copy that is made where nobody chose another."""

import pytest

from yorch_async._copying import copy_of


class Array:
    """What an array library offers."""

    def __init__(self, data):
        self.data = data

    def __array__(self):
        raise AssertionError("a copy needs no conversion")

    def copy(self):
        return Array(["by copy()", *self.data])

    def __deepcopy__(self, memo):
        return Array(["by deepcopy()", *self.data])


class ArrayWithoutCopy:
    """What converts to an array, but has no copy of its own."""

    def __array__(self):
        raise AssertionError("a copy needs no conversion")

    def __deepcopy__(self, memo):
        return "by deepcopy()"


class Copies:
    """What has a `copy` that nobody promised to be deep."""

    def copy(self):
        raise AssertionError("not asked for")

    def __deepcopy__(self, memo):
        return "by deepcopy()"


def test_a_copy_is_deep():
    """What is inside is copied as well."""
    inner = [1]
    copied = copy_of({"a": inner})
    assert {"a": [1]} == copied
    assert copied["a"] is not inner


def test_an_array_is_copied_by_its_own_copy():
    """That is the faster way to the same."""
    assert ["by copy()", 1] == copy_of(Array([1])).data


@pytest.mark.parametrize("cls", [ArrayWithoutCopy, Copies])
def test_what_is_no_array_is_deep_copied(cls):
    """An object that has only one of the two signs is none."""
    assert "by deepcopy()" == copy_of(cls())


def test_an_object_is_judged_by_its_class():
    """What answers to any attribute is no array for that."""

    class Answers:
        def __getattr__(self, name):
            if name in {"__array__", "copy"}:
                return lambda: "by copy()"
            raise AttributeError(name)

    assert Answers is type(copy_of(Answers()))
