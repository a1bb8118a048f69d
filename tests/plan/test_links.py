"""What nodes depend on besides their parents, and where that puts them in the order of a serial run."""

from random import Random

import pytest
from random_graphs import Shape, Written, unchecked

from yorch_async import TaskTree, borrow, borrow_prev, task
from yorch_async.plan._layout import lay_out
from yorch_async.plan._links import NO_LINKS


def use(*given): ...


def diamond():
    """The root 0, its children 1 and 2, the join 3 of both, 4 below it, 5 after 1 and with a default for 3."""
    tree = TaskTree()
    root = tree.root(use, name="root")
    one, two = root.child(use, name="one"), root.child(use, name="two")
    both = tree.join(use, borrow(two), borrow(one), name="both")
    both.child(use, borrow_prev(), name="below")
    tree.join(use, borrow(both, default=None), after=one, name="last")
    return tree


def test_a_late_node_needs_what_it_reads_and_what_it_comes_after():
    """And hopes for what it reads with a default; those that depend on a node follow it."""
    links = lay_out(diamond().placed).links
    assert {3: {1, 2}, 5: {1}} == links.needs
    assert {5: {3}} == links.hopes
    assert {1: (3, 5), 2: (3,), 3: (5,)} == links.followers
    assert {5: (1,)} == links.after
    assert ((1, 2), (), (), (4,), (), ()) == links.children
    assert [True, False] == [bool(links), bool(NO_LINKS)]


def test_what_comes_before_a_node_is_known_of_all():
    """Of the root there is nothing, of others their parents, of late ones all they depend on."""
    layout = lay_out(diamond().placed)
    before = [sorted(layout.links.before(position, layout.parents)) for position in range(6)]
    assert [[], [0], [0], [1, 2], [3], [1, 3]] == before


def test_what_is_needed_is_not_hoped_for():
    """Where a node both reads another one with a default and comes after it."""
    tree = TaskTree()
    root = tree.root(use)
    tree.join(use, borrow(root, default=None), after=root)
    links = lay_out(tree.placed).links
    assert ({1: {0}}, {}) == (links.needs, links.hopes)


def test_a_condition_is_a_dependency_like_an_argument():
    """What it reads has to be there; with a default, to be over."""
    tree = TaskTree()
    root = tree.root(use, name="root")
    one, two = root.child(use, name="one"), root.child(use, name="two")
    root.child(use, name="asks", when=task(use, borrow(one), borrow(two, default=None)))
    links = lay_out(tree.placed).links
    assert ({3: {0, 1}}, {3: {2}}) == (links.needs, links.hopes)


def test_what_is_cut_off_is_what_cannot_run_any_more():
    """Over any number of steps, but not what only hopes for it; without those of which it is known."""
    layout = lay_out(diamond().placed)
    assert [[1, 2, 3, 4, 5], [3, 4, 5], [3, 4], [4], [], []] == [list(layout.cut_off(position)) for position in range(6)]
    assert [5] == layout.cut_off(1, {3, 4})
    assert [True, True, False] == [layout.depends(4, each) for each in (1, 4, 5)]


def test_in_a_tree_what_is_cut_off_is_the_subtree():
    """Without any links."""
    tree = TaskTree()
    root = tree.root(use)
    root.child(use).child(use)
    root.child(use)
    layout = lay_out(tree.placed)
    assert layout.links is NO_LINKS
    assert [[1, 2, 3], [2], [], []] == [list(layout.cut_off(position)) for position in range(4)]
    assert [True, False, False] == [layout.depends(2, 1), layout.depends(3, 1), layout.depends(0, 1)]


def test_a_late_node_comes_when_all_that_was_registered_before_it_has_come():
    """At once, and what is below it as well: before nodes that were registered later, wherever these are."""
    tree = TaskTree()
    root = tree.root(use, name="root")
    one = root.child(use, name="one")
    two = root.child(use, name="two")
    one.child(use, name="one.a")
    late = tree.join(use, after=one, name="late")
    two.child(use, name="two.a")
    late.child(use, name="late.a")
    one.child(use, name="one.b")
    assert ["root", "one", "one.a", "one.b", "two", "late", "late.a", "two.a"] == [
        tree.placed[index].name for index in lay_out(tree.placed).registered
    ]


def test_a_late_node_is_a_leaf_where_nothing_depends_on_it():
    """Also one with a parent; the node that it depends on is none."""
    tree = TaskTree()
    root = tree.root(use)
    one, two = root.child(use), root.child(use)
    two.child(use, borrow(one))
    layout = lay_out(tree.placed)
    assert [False, False, False, True] == [layout.is_leaf(position) for position in range(4)]


def test_joins_have_names_of_their_own():
    """Which are unique among them and the root."""
    tree = TaskTree()
    root = tree.root(use)
    tree.join(use, after=root)
    tree.join(use, after=root, name="use[2]")
    assert ["use", "use[3]", "use[2]"] == [lay_out(tree.placed).path(position) for position in range(3)]


@pytest.mark.parametrize("seed", range(200))
def test_any_graph_is_laid_out_as_its_definition_says(seed):
    """Order, leaves, what depends on what, found by code that knows the definition alone."""
    specs = unchecked(Random(seed), size=12)
    shape, layout = Shape(specs), lay_out(Written(specs, []).tree.placed)
    assert shape.order == list(layout.registered)
    for spec in specs:
        dead = {layout.registered[each] for each in layout.cut_off(layout.positions[spec.number])}
        assert shape.cut_off([spec.number]) == dead
        assert all(layout.positions[each] < layout.positions[spec.number] for each in shape.needs[spec.number])
