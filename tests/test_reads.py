"""Sources that name the node that they read: what they say, and what they refuse."""

import pytest

from yorch_async import TaskTree, borrow, borrow_mut, consume, copy
from yorch_async._copying import copy_of
from yorch_async._slots import EMPTY
from yorch_async._specs import Access
from yorch_async._types import UNKNOWN

READS = [(borrow, Access.BORROW), (borrow_mut, Access.BORROW_MUT), (copy, Access.COPY), (consume, Access.CONSUME)]


@pytest.fixture
def node():
    """A node to be read."""
    return TaskTree("t").root(list, name="items")


@pytest.mark.parametrize(("make", "access"), READS)
def test_a_source_holds_its_node_and_its_access(make, access, node):
    """It is named as the function that makes it; by default there is no default, and copies are deep."""
    source = make(node)
    assert (access, node, EMPTY, UNKNOWN, copy_of) == (
        source.access,
        source.node,
        source.default,
        source.type,
        source.copier,
    )
    assert make.__name__ == str(source)


@pytest.mark.parametrize(("make", "_access"), READS)
def test_a_default_is_kept_as_it_is(make, _access, node):
    """None is a default like any other."""
    given = object()
    assert make(node, default=given).default is given
    assert make(node, default=None).default is None


@pytest.mark.parametrize(("make", "_access"), READS)
@pytest.mark.parametrize("wrong", ["items", 3, TaskTree("t"), None])
def test_only_a_node_can_be_read(make, _access, wrong):
    """What is no handle is refused where it is written."""
    with pytest.raises(TypeError) as caught:
        make(wrong)
    assert f"{make.__name__} takes a node, as root(), child() and join() return it, not {wrong!r}" == str(caught.value)


def test_a_copy_may_have_its_own_copier(node):
    """Any callable, and nothing else."""
    assert copy(node, copier=list.copy).copier is list.copy
    with pytest.raises(TypeError) as caught:
        copy(node, copier=3)
    assert "copier must be callable, not 3" == str(caught.value)


def test_sources_are_the_same_when_what_they_are_made_of_is(node):
    """So that a task is bound once, however often it is placed; two nodes are two things, also of one name."""
    other = node.child(list, name="items")
    assert borrow(node).identity == borrow(node).identity
    different = [borrow(other), copy(node), borrow(node, default=None), borrow(TaskTree("t").root(list, name="items"))]
    assert all(borrow(node).identity != source.identity for source in different)
