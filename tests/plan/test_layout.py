"""The shape of a tree as flat tuples, in the order in which a serial run visits it."""

from random import Random

import pytest

from yorch_async import TaskTree
from yorch_async.plan._layout import Layout, lay_out, path_at


def load(): ...


def save(): ...


def written(*parents, names=None):
    """A tree by the parents of its nodes, in the order of registration."""
    tree = TaskTree()
    nodes = []
    for index, parent in enumerate(parents):
        options = {"name": (names or {}).get(index)}
        nodes.append(tree.root(load, **options) if parent is None else nodes[parent].child(load, **options))
    return tree.placed


def test_nodes_stand_depth_first_in_the_order_of_registration():
    """Whatever the order of the handles was."""
    names = dict(enumerate(["root", "a", "b", "b1", "a1", "b2", "a2", "a1x"]))
    layout = lay_out(written(None, 0, 0, 2, 1, 2, 1, 4, names=names))
    assert (
        Layout(
            registered=(0, 1, 4, 7, 6, 2, 3, 5),
            positions=(0, 1, 5, 6, 2, 7, 4, 3),
            parents=(-1, 0, 1, 2, 1, 0, 5, 5),
            ends=(8, 5, 4, 4, 5, 8, 7, 8),
            levels=(0, 1, 2, 3, 2, 1, 2, 2),
            labels=("root", "a", "a1", "a1x", "a2", "b", "b1", "b2"),
        )
        == layout
    )
    assert [[1, 5], [2, 4], [3], [], [], [6, 7], [], []] == [layout.children(position) for position in range(8)]
    assert ["root", "root/a/a1/a1x", "root/b/b2"] == [layout.path(position) for position in (0, 3, 7)]


def test_a_tree_of_one_node():
    """The root alone."""
    assert Layout((0,), (0,), (-1,), (1,), (0,), ("load",)) == lay_out(written(None))


@pytest.mark.parametrize("seed", range(20))
def test_any_tree_is_laid_out_as_a_recursive_walk_would(seed):
    """Subtrees are ranges."""
    random = Random(seed)
    parents = [None, *(random.randrange(index) for index in range(1, random.randrange(2, 40)))]
    children = [[index for index, parent in enumerate(parents) if parent == node] for node in range(len(parents))]

    def walk(node):
        return [node, *(each for child in children[node] for each in walk(child))]

    def level(node):
        return 0 if parents[node] is None else level(parents[node]) + 1

    order = walk(0)
    layout = lay_out(written(*parents))
    assert tuple(order) == layout.registered
    assert [order.index(node) for node in range(len(order))] == list(layout.positions)
    assert [-1, *(order.index(parents[node]) for node in order[1:])] == list(layout.parents)
    assert [position + len(walk(node)) for position, node in enumerate(order)] == list(layout.ends)
    assert [level(node) for node in order] == list(layout.levels)
    assert [[order.index(child) for child in children[node]] for node in order] == [
        layout.children(position) for position in range(len(order))
    ]


def test_the_depth_of_a_tree_is_not_limited():
    """Nothing is recursive."""
    depth = 20_000
    layout = lay_out(written(None, *range(depth)))
    assert (tuple(range(-1, depth)), (depth + 1,) * (depth + 1)) == (layout.parents, layout.ends)


@pytest.mark.parametrize(
    ("siblings", "labels"),
    [
        ([None], ["load"]),
        ([None, None, None], ["load", "load[2]", "load[3]"]),
        (["a", None, "b", None], ["a", "load", "b", "load[2]"]),
        (["load", None, None], ["load", "load[2]", "load[3]"]),
        ([None, None, "load"], ["load[2]", "load[3]", "load"]),
        (["load[2]", None, None], ["load[2]", "load", "load[3]"]),
        ([None, None, None, "load[2]", "load[4]"], ["load", "load[3]", "load[5]", "load[2]", "load[4]"]),
        (["load"], ["load"]),
    ],
)
def test_labels_are_unique_among_siblings(siblings, labels):
    """A chosen name stays as it is; the others are numbered around it."""
    names = dict(enumerate(siblings, 1))
    assert ["load", *labels] == list(lay_out(written(None, *([0] * len(siblings)), names=names)).labels)


def test_labels_are_numbered_for_each_callable_and_each_parent():
    """Those of other nodes do not matter."""
    tree = TaskTree()
    root = tree.root(load)
    first = root.child(load)
    root.child(save)
    root.child(load)
    root.child(save)
    first.child(load)
    first.child(save)
    assert ["load", "load", "load", "save", "save", "load[2]", "save[2]"] == list(lay_out(tree.placed).labels)


def test_the_name_of_a_task_is_a_label_that_is_numbered_too():
    """Only names of nodes are chosen."""
    assert ("load", "load", "load[2]") == lay_out(written(None, 0, 0)).labels


@pytest.mark.parametrize(
    ("level", "path"),
    [
        (0, "n0"),
        (1, "n0/n1"),
        (24, "/".join(f"n{level}" for level in range(25))),
        (25, "n0/(... 1 more ...)/" + "/".join(f"n{level}" for level in range(2, 26))),
        (26, "n0/(... 2 more ...)/" + "/".join(f"n{level}" for level in range(3, 27))),
        (1000, "n0/(... 976 more ...)/" + "/".join(f"n{level}" for level in range(977, 1001))),
    ],
)
def test_a_path_is_the_names_from_the_root_down(level, path):
    """The middle of a very long line is left out, and counted."""
    parents, labels = range(-1, 1000), [f"n{index}" for index in range(1001)]
    assert path == path_at(parents, range(1001), labels, level)


def test_a_path_below_a_join_begins_with_the_join():
    """However far below it is."""
    tree = TaskTree()
    node = tree.join(save, after=tree.root(load).child(load), name="join")
    for _ in range(30):
        node = node.child(load)
    layout = lay_out(tree.placed)
    assert ["load", "load/load", "join", "join/load"] == [layout.path(position) for position in range(4)]
    assert "join/(... 6 more ...)" + "/load" * 24 == layout.path(32)
