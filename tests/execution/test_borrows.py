"""`check_borrows`: a task that changes what it only borrowed is found out."""

import math
import threading
from collections import deque
from dataclasses import dataclass, field

import pytest

from yorch_async import (
    BorrowError,
    StepResult,
    TaskTree,
    borrow,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume,
    copy,
    copy_prev,
    run_plan,
    task_forward_prev,
    task_member,
)

pytestmark = pytest.mark.anyio


class Plain:
    """Compared attribute by attribute, because it has no `==` of its own."""

    def __init__(self):
        self.items = [1, {"a": (2, [3])}]
        self.self = self
        self.nan = math.nan

    def deepen(self):
        self.items[1]["a"][1].append(4)


class Single:
    __slots__ = "items"  # noqa: PLC0205 - allowed, and read in another way

    def __init__(self):
        self.items = [1]


class Slotted(Single):
    __slots__ = ("__dict__", "__hidden", "__weakref__", "one", "two")

    def __init__(self):
        super().__init__()
        self.one = 1
        self.__hidden = 1

    def hide(self):
        self.__hidden = 2

    def fill(self):
        self.two = 2


@dataclass
class Valued:
    items: list = field(default_factory=lambda: [1])


class Array:
    """Enough of an array: bytes, a shape, copies."""

    def __init__(self, data=b"\x00\x01"):
        self.data = bytearray(data)
        self.shape = (len(data),)

    def __array__(self):
        raise AssertionError("no array library is needed to compare")

    def __deepcopy__(self, memo):
        return Array(bytes(self.data))

    def tobytes(self):
        return bytes(self.data)


class Frame(Array):
    """With a comparison of its own, as data frames have."""

    def __deepcopy__(self, memo):
        return Frame(bytes(self.data))

    def equals(self, other):
        return self.data == other.data


def change_type(x):
    x.items = "text"


CHANGES = [
    (lambda: [1, 2], lambda x: x.append(3), "x had length 2 and has length 3"),
    (lambda: [1, 2], lambda x: x.__setitem__(0, 7), "x[0] was 1 and is 7"),
    (lambda: {"a": 1}, lambda x: x.update(b=2), "x['b'] is new"),
    (lambda: {"a": 1}, lambda x: x.clear(), "x['a'] is gone"),
    (lambda: {1, 2}, lambda x: x.add(3), "x was {1, 2} and is {1, 2, 3}"),
    (Plain, lambda x: x.deepen(), "x.items[1]['a'][1] had length 1 and has length 2"),
    (Plain, change_type, "x.items was a list and is a str"),
    (Slotted, lambda x: x.fill(), "x.two is new"),
    (Slotted, lambda x: x.hide(), "x.__hidden was 1 and is 2"),
    (Single, lambda x: x.items.clear(), "x.items had length 1 and has length 0"),
    (Valued, lambda x: x.items.append(2), "x.items had length 1 and has length 2"),
    (lambda: [set(range(30))], lambda x: x[0].clear(), f"x[0] was {str(set(range(30)))[:57]}... and is set()"),
    (Array, lambda x: x.data.reverse(), "x has other elements"),
    (Frame, lambda x: x.data.reverse(), "x has other elements"),
]


@pytest.mark.parametrize(("make", "change", "found"), CHANGES)
async def test_a_change_is_found_with_its_place(make, change, found):
    """The message says what has changed, at which parameter of which node, and what to write instead."""
    tree = TaskTree()
    tree.root(make, name="root").child(change, borrow_prev(), name="reader")
    plan = compile_plan(tree)
    with pytest.raises(BorrowError) as caught:
        await run_plan(plan, check_borrows=True)
    assert (
        f"root/reader, parameter 'x': changed what it only borrowed: {found} [borrow-changed]; "
        "borrow it to change it (borrow_prev_mut, borrow_mut), or copy it"
    ) == str(caught.value)
    assert (await run_plan(plan)).ok, "nobody looks unless asked to"


@pytest.mark.parametrize("make", [lambda: [1], Plain, Slotted, Valued, Array, Frame, lambda: {1: [2]}, lambda: math.nan])
async def test_reading_is_no_change(make):
    """Also of cycles, of objects without `==`, and of numbers that do not equal themselves."""
    tree = TaskTree()
    tree.root(make).child(repr, borrow_prev())
    assert (await run_plan(compile_plan(tree), check_borrows=True)).ok


@dataclass
class Holder:
    """Equal by value, but it holds what is not."""

    client: Plain = field(default_factory=Plain)
    number: int = 0


@pytest.mark.parametrize("make", [Holder, lambda: {Plain()}, lambda: [deque([Plain()])], lambda: {Plain(): 1}])
async def test_what_differs_from_its_own_copy_is_no_change(make):
    """A value is compared by its attributes, and what has none, and is not equal to its copy, is left out."""
    tree = TaskTree()
    tree.root(make).child(lambda x: None, borrow_prev())
    assert (await run_plan(compile_plan(tree), check_borrows=True)).ok


async def test_a_change_beside_what_cannot_be_compared():
    """It is found all the same."""
    tree = TaskTree()
    tree.root(Holder).child(lambda x: setattr(x, "number", 1), borrow_prev())
    with pytest.raises(BorrowError, match="x.number was 0 and is 1"):
        await run_plan(compile_plan(tree), check_borrows=True)


async def test_other_accesses_may_change():
    """A mutable borrow, a forwarding node, a copy."""
    tree = TaskTree()
    node = tree.root(lambda: [1]).child(task_forward_prev(lambda x: x.append(2), borrow_prev_mut()))
    node.child(lambda x: x.append(3), copy_prev())
    leaf = node.child(len, borrow_prev())
    assert (await run_plan(compile_plan(tree), check_borrows=True))[leaf] == 2


async def test_a_receiver_is_borrowed_as_well():
    """A method that changes its object is found like any task."""
    tree = TaskTree()
    tree.root(Plain).child(task_member(Plain.deepen, borrow_prev()))
    with pytest.raises(BorrowError) as caught:
        await run_plan(compile_plan(tree), check_borrows=True)
    assert caught.value.parameter == "self"


async def test_what_cannot_be_copied_is_not_checked():
    """A lock, say: nothing can be compared with it."""
    tree = TaskTree()
    tree.root(lambda: [threading.Lock()]).child(lambda x: x.append(1), borrow_prev())
    assert (await run_plan(compile_plan(tree), check_borrows=True)).ok


async def test_an_exception_is_more_important_than_a_change():
    """The task's own error is raised."""

    def spoil(x):
        x.append(1)
        raise ValueError("broken")

    tree = TaskTree()
    tree.root(list).child(spoil, borrow_prev())
    with pytest.raises(ValueError, match="broken"):
        await run_plan(compile_plan(tree), check_borrows=True)


async def test_a_comparison_that_raises_ends_the_run_at_that_node():
    """Nothing is swallowed."""

    class Odd:
        def __eq__(self, other):
            raise RuntimeError("cannot be compared")

        __hash__ = None

    tree = TaskTree("t")
    tree.root(Odd, name="root").child(lambda x: None, borrow_prev(), name="reader")
    with pytest.raises(RuntimeError, match="cannot be compared") as caught:
        await run_plan(compile_plan(tree), check_borrows=True)
    assert caught.value.__notes__ == ["in node 'root/reader' of plan 't'"]


async def test_a_status_without_success_is_checked_too():
    """A task that fails politely may have changed what it borrowed as well."""

    def spoil(x):
        x.append(1)
        return StepResult.failure()

    tree = TaskTree()
    tree.root(list).child(spoil, borrow_prev())
    with pytest.raises(BorrowError):
        await run_plan(compile_plan(tree), check_borrows=True)


def longer(items):
    """A condition that does not only look."""
    items.append(3)
    return True


@pytest.mark.parametrize("source", [borrow, copy, consume])
async def test_a_condition_that_changes_what_it_looks_at_is_found(source):
    """Also where its node may do so: it is lent the object, for every access of that."""
    tree = TaskTree("t")
    items = tree.root(lambda: [1], name="items")
    tree.join(len, source(items), name="join", when=longer)
    plan = compile_plan(tree)
    assert (await run_plan(plan))["join"] == 2
    with pytest.raises(BorrowError) as caught:
        await run_plan(plan, check_borrows=True)
    assert str(caught.value).startswith(
        "join, parameter 'longer.items': changed what it only borrowed: longer.items had length 1 and has length 2 [borrow-changed]; "
    )


async def test_a_condition_that_only_looks_is_left_alone():
    """What its node may change is not compared after that."""
    tree = TaskTree("t")
    items = tree.root(lambda: [1], name="items")
    tree.join(longer, consume(items), name="join", when=len)
    assert (await run_plan(compile_plan(tree), check_borrows=True))["join"] is True
