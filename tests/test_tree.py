"""Trees as they are written down: by handles, by levels, and by both."""

import pytest

from yorch_async import Fanout, Node, RegistrationError, TaskTree, borrow, borrow_prev, retry, task, value
from yorch_async._placed import Placed
from yorch_async._types import UNKNOWN

ONE = value(1)


def one(x=1) -> int:
    return x


def two(x=2) -> int:
    return x


def refused(place, *args, **options):
    """The message of the refusal."""
    with pytest.raises(RegistrationError) as caught:
        place(*args, **options)
    return str(caught.value)


def written(tree):
    """Names, parents and levels, in the order of registration."""
    return [(placed.name or placed.task.name, placed.parent, placed.level) for placed in tree.placed]


def test_a_tree_is_written_by_handles():
    """In any order; each child stands below the node that it was asked of."""
    tree = TaskTree()
    root = tree.root(one, name="root")
    a = root.child(one, name="a")
    b = root.child(one, name="b")
    c = a.child(one, name="c")
    assert [("root", -1, 0), ("a", 0, 1), ("b", 0, 1), ("c", 1, 2)] == written(tree)
    assert [(0, 0), (1, 1), (2, 1), (3, 2)] == [(node.index, node.level) for node in (root, a, b, c)]


def test_a_tree_is_written_by_levels():
    """Each node stands below the nearest earlier one that is one level up."""
    tree = TaskTree()
    for level, name in [(0, "root"), (1, "a"), (2, "b"), (3, "c"), (2, "d"), (3, "e"), (1, "f"), (2, "g")]:
        node = tree.node(level, one, name=name)
        assert (level, name) == (node.level, node.name)
    assert [0, 1, 2, 3, 2, 3, 1, 2] == [level for _, _, level in written(tree)]
    assert [-1, 0, 1, 2, 1, 4, 0, 6] == [parent for _, parent, _ in written(tree)]


def test_both_ways_can_be_mixed():
    """A level counts from what was registered last, however that was."""
    tree = TaskTree()
    root = tree.node(0, one, name="root")
    a = tree.node(1, one, name="a")
    tree.node(1, one, name="b")
    a.child(one, name="c")
    tree.node(2, one, name="d")
    tree.node(3, one, name="e")
    root.child(one, name="f")
    tree.node(2, one, name="g")
    assert [
        ("root", -1, 0),
        ("a", 0, 1),
        ("b", 0, 1),
        ("c", 1, 2),
        ("d", 2, 2),
        ("e", 4, 3),
        ("f", 0, 1),
        ("g", 6, 2),
    ] == written(tree)


@pytest.mark.parametrize("place", [TaskTree.root, lambda tree, *args, **options: tree.node(0, *args, **options)])
def test_the_root_is_placed_by_either_way(place):
    """With everything that a node can have."""
    tree = TaskTree()
    node = place(tree, lambda x: x, ONE, name="r", output=str, fanout=Fanout.SHARED_READONLY, keep=True)
    placed = tree.placed[0]
    assert Placed(placed.task, -1, 0, "r", Fanout.SHARED_READONLY, keep=True) == placed
    assert ("r", str, ONE) == (placed.task.name, placed.task.output.type, placed.task.arguments[0].source)
    assert tree is node.tree


def test_a_node_is_placed_with_the_options_of_a_task():
    """By handle and by level alike; they are those of the task that is made of it."""

    class Silent:
        def wrap(self, call):
            return call

    options = {"adapters": (Silent(),), "name": "n", "output": str, "managed": False, "fanout": Fanout.CONSUME_WITH_COPIES}
    tree = TaskTree()
    tree.root(one).child(one, borrow_prev(int), **options, keep=1)
    tree.node(1, one, borrow_prev(int), **options, keep=0)
    by_handle, by_level = tree.placed[1:]
    assert [True, False] == [by_handle.keep, by_level.keep]
    for placed in (by_handle, by_level):
        assert ("n", Fanout.CONSUME_WITH_COPIES, str) == (placed.name, placed.fanout, placed.task.output.type)
        assert (options["adapters"], False) == (placed.task.adapters, placed.task.managed)


def test_without_options_a_node_has_none():
    """No chosen name, the ordinary fanout, not kept."""
    tree = TaskTree()
    tree.root(one)
    placed = tree.placed[0]
    assert Placed(placed.task, -1, 0, None, Fanout.AUTO, keep=False) == placed
    assert ((), False, int) == (placed.task.adapters, placed.task.managed, placed.task.output.type)


def test_a_node_may_be_managed():
    """By every way of placing."""
    tree = TaskTree()
    tree.root(one, managed=True).child(one, managed=True)
    tree.node(1, one, managed=True)
    assert [True] * 3 == [placed.task.managed for placed in tree.placed]


def test_a_shallow_node_does_not_make_the_tree_forget_the_levels_below():
    """A level is looked up among all nodes, also after handles have led far away from the last one."""
    tree = TaskTree()
    root = tree.root(one)
    for level in (1, 2, 3):
        last = tree.node(level, one)
    root.child(one)
    last.child(one)
    assert [0, 1, 2, 3, 1, 4] == [placed.level for placed in tree.placed]
    tree.node(3, one)
    assert (2, 3) == (tree.placed[-1].parent, tree.placed[-1].level)


def test_a_ready_task_can_be_placed_any_number_of_times():
    """It is the same task; a name of its own is that of its nodes, unless they get another."""
    named, unnamed = task(one, name="n"), task(two)
    tree = TaskTree()
    root = tree.root(named)
    nodes = [root, root.child(named, name="m"), root.child(unnamed), tree.node(1, unnamed, name="o", keep=True)]
    assert ["n", "m", "two", "o"] == [node.name for node in nodes]
    assert ["n", "m", None, "o"] == [placed.name for placed in tree.placed]
    assert [named, named, unnamed, unnamed] == [placed.task for placed in tree.placed]
    assert tree.placed[3].keep


@pytest.mark.parametrize(
    ("args", "options", "shown"),
    [
        ((ONE,), {}, "sources"),
        ((), {"adapters": (3,)}, "adapters"),
        ((), {"adapters": [retry]}, "adapters"),
        ((), {"output": None}, "output"),
        ((), {"managed": True}, "managed"),
        ((ONE,), {"adapters": (3,), "output": int, "managed": True}, "sources or adapters or output or managed"),
    ],
)
def test_a_ready_task_brings_its_sources_and_options(args, options, shown):
    """They cannot be given again, however it is placed."""
    tree, ready = TaskTree(), task(one, name="ready")
    root = tree.root(two)
    message = (
        f"ready: is a Task already, and takes no {shown} [already-bound]; "
        "place it as it is with root(), child() or node(); sources and options are given where the Task is made"
    )
    assert [message] * 3 == [
        refused(root.child, ready, *args, **options),
        refused(tree.node, 1, ready, *args, **options),
        refused(TaskTree().root, ready, *args, **options),
    ]
    assert len(tree) == 1


def test_options_that_say_nothing_may_be_given_with_a_ready_task():
    """As a program does that hands them on."""
    tree = TaskTree()
    tree.root(task(one), adapters=(), managed=False, output=UNKNOWN, name=None, fanout=Fanout.AUTO, keep=False)
    assert len(tree) == 1


def test_a_name_is_checked_also_for_a_ready_task():
    """The message says which task it was for."""
    message = (
        "ready: the name 'a/b' cannot be used [bad-name]; use a string that is not empty, can be printed and holds no '/'"
    )
    assert message == refused(TaskTree().root, task(one, name="ready"), name="a/b")
    assert refused(TaskTree().root, task(one), name="").startswith("one: the name '' cannot be used [")
    assert refused(TaskTree().root, one, name="").startswith("one: the name '' cannot be used [")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (lambda tree: tree.root(two), "two: the tree has its root already, 'one'"),
        (lambda tree: tree.root(two, name="r"), "r: the tree has its root already, 'one'"),
        (lambda tree: tree.node(0, two), "two: the tree has its root already, 'one'"),
        (lambda tree: tree.node(2, two), "two: a node at level 2 cannot follow one at level 0"),
        (lambda tree: tree.node(-1, two), "two: a node at level -1 cannot follow one at level 0"),
        (lambda tree: tree.node(2, task(two, name="t")), "t: a node at level 2 cannot follow one at level 0"),
        (lambda tree: tree.node(1, two, fanout="auto"), "two: 'auto' is not a fanout policy"),
        (lambda tree: tree.node(1, two, name="n", fanout=None), "n: None is not a fanout policy"),
        (lambda tree: tree.node(1, 3), "int: 3 cannot be called"),
        (lambda _: TaskTree().node(1, two), "two: the first node of a tree has to be its root, not a node at level 1"),
        (lambda _: TaskTree().node(-1, two), "two: the first node of a tree has to be its root, not a node at level -1"),
    ],
)
def test_a_wrong_placement_is_refused_and_leaves_the_tree_as_it_was(place, expected):
    """At its line, by the name of the node."""
    tree = TaskTree()
    tree.root(one)
    assert expected == refused(place, tree).partition(" [")[0]
    assert [("one", -1, 0)] == written(tree)
    tree.node(1, one)
    assert [("one", -1, 0), ("one", 0, 1)] == written(tree)


def test_the_root_that_was_named_is_called_so_in_messages():
    """By the name that it got."""
    tree = TaskTree()
    tree.root(one, name="first")
    assert "two: the tree has its root already, 'first' [" in refused(tree.root, two)


def test_a_level_may_be_one_more_than_the_last():
    """Or any above that, down to 1."""
    tree = TaskTree()
    for level in (0, 1, 2):
        tree.node(level, one)
    assert (
        "two: a node at level 4 cannot follow one at level 2 [level]; use a level of 1 or more, and at most 3"
    ) == refused(tree.node, 4, two)
    assert [3, 1] == [tree.node(level, two).level for level in (3, 1)]


@pytest.mark.parametrize("level", [True, 1.0, "1", None, one])
def test_a_level_is_an_integer(level):
    """A forgotten level is found at once."""
    tree = TaskTree()
    tree.root(one)
    with pytest.raises(TypeError) as caught:
        tree.node(level, two)
    assert f"level must be an integer, not {level!r}" == str(caught.value)


def test_trees_and_nodes_say_what_they_are():
    """With names, and as many nodes as there are."""
    tree = TaskTree("scene")
    shown = [repr(tree)]
    root = tree.root(one)
    shown.append(repr(tree))
    child = root.child(two, name="b")
    shown.append(repr(tree))
    assert ["<TaskTree 'scene' with 0 nodes>", "<TaskTree 'scene' with 1 node>", "<TaskTree 'scene' with 2 nodes>"] == shown
    assert "<Node 'b' at level 1 of <TaskTree 'scene' with 2 nodes>>" == repr(child)
    assert "<Node 'one' at level 0 of <TaskTree 'scene' with 2 nodes>>" == repr(root)
    assert ("<TaskTree 'unnamed' with 0 nodes>", None, 0) == (repr(TaskTree()), TaskTree().name, len(TaskTree()))


def test_nodes_are_told_apart():
    """Each handle is one node; it can be a key."""
    tree = TaskTree()
    root = tree.root(one)
    child = root.child(one)
    assert isinstance(root, Node)
    assert root != child
    assert len({root, child, root}) == 2


def test_what_is_no_source_is_refused_whatever_it_looks_like():
    """The tree remembers what it has bound, and asks only sources who they are."""

    class Pretender:
        identity = ["not", "hashable"]  # noqa: RUF012 - that is the point

    with pytest.raises(RegistrationError, match="not-a-source"):
        TaskTree().root(lambda x: 1, Pretender())


def test_a_tree_remembers_what_it_has_bound():
    """Nodes that are written in the same way share a task, within bounds; an own adapter is wrapped around each."""

    class Own:
        def wrap(self, call):
            return call

    tree, own = TaskTree(), Own()
    root = tree.root(int)
    same = [root.child(str, borrow_prev(int)) for _ in range(3)]
    adapted = [root.child(str, borrow_prev(int), adapters=(own,)) for _ in range(2)]
    tasks = [tree.placed[node.index].task for node in (*same, *adapted)]
    assert tasks[0] is tasks[1] is tasks[2]
    assert tasks[3] is not tasks[4]
    functions = [lambda x, number=number: number for number in range(1100)]
    for function in functions:
        root.child(function, borrow_prev(int))
    assert list(range(1100)) == [tree.placed[6 + number].task.fn(0) for number in range(1100)]


@pytest.mark.parametrize("place", ["child", "join", "each"])
def test_an_option_that_there_is_not_is_refused_in_the_words_of_those_that_there_are(place):
    """Whichever way the node is placed."""
    tree = TaskTree()
    root = tree.root(list)
    sources = [borrow(root)] if place == "join" else []
    with pytest.raises(TypeError, match=r"^there is no option nme; there are adapters, name, output, ") as caught:
        getattr(tree if place == "join" else root, place)(str, *sources, nme="x")
    assert "when" in str(caught.value)
    assert ("managed" in str(caught.value)) is (place != "each")
