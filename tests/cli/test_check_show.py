"""`yorch check` and `yorch show`."""

import json

import pytest

from yorch_async.cli._main import FORMATS

GOOD = 'tree = TaskTree("t")\nroot = tree.root(lambda: [1], name="one")\nroot.child(len, borrow_prev(), name="two")\n'

BAD = """
tree = TaskTree("t")
root = tree.root(len, borrow_prev(), name="x.y")
root.child(len, consume_prev(), name="two")
root.child(len, consume_prev(), name="two")
"""

LINES = """\
x.y, parameter 'obj': borrow_prev reads the parent's output, but the root has no parent [root-access]; \
use from_ctx(...), from_input(...) or value(...) at the root
"""


def test_a_plan_without_problems(write, yorch):
    """One line on stdout."""
    write("flow.py", GOOD)
    assert yorch("check", "flow.py:tree").out == "2 nodes, no problems\n"
    done = yorch("check", "flow.py:tree", "--json")
    assert (done.status, done.err) == (0, "")
    assert done.json == {"version": 1, "ok": True, "nodes": 2, "problems": []}


def test_every_problem_is_a_line(write, yorch):
    """Where, which parameter, what, which rule, what instead."""
    write("flow.py", BAD)
    done = yorch("check", "flow.py:tree")
    assert (done.status, done.err) == (1, "")
    assert done.out.startswith(LINES)
    assert [line.partition("[")[2].partition("]")[0] for line in done.out.splitlines()] == [
        "root-access",
        "fanout-auto",
        "duplicate-name",
        "fanout-auto",
    ]


def test_problems_in_json(write, yorch):
    """The fields of a problem."""
    write("flow.py", BAD)
    done = yorch("check", "flow.py:tree", "--json")
    assert (done.status, done.json["ok"], len(done.json["problems"])) == (1, False, 4)
    assert done.json["problems"][0] == {
        "path": "x.y",
        "parameter": "obj",
        "rule": "root-access",
        "message": "borrow_prev reads the parent's output, but the root has no parent",
        "remedy": "use from_ctx(...), from_input(...) or value(...) at the root",
        "at": None,
    }


@pytest.mark.parametrize("where", ["plan = compile_plan(tree)", "def plan():\n    return compile_plan(tree)"])
def test_a_module_or_factory_that_compiles_by_itself_is_checked_alike(where, write, yorch):
    """The error is raised while the target is loaded, and is the answer all the same."""
    write("flow.py", BAD + where)
    assert yorch("check", "flow.py:plan").status == 1
    assert yorch("check", "flow.py:plan").out.startswith(LINES)


def test_a_task_that_cannot_be_registered_is_a_problem(write, yorch):
    """With the line at which it is registered."""
    write("flow.py", "tree = TaskTree()\ntree.root(len)\n")
    done = yorch("check", "flow.py:tree")
    assert done.status == 1
    assert done.out.startswith("len, parameter 'obj': has no source [no-source]; add from_ctx(...)")
    assert done.out.endswith(" (at flow.py:3)\n")
    assert yorch("check", "flow.py:tree", "--json").json["problems"][0]["at"] == "flow.py:3"


def test_a_target_that_cannot_be_loaded_is_no_problem_of_a_plan(yorch):
    """It is a wrong usage."""
    assert yorch("check", "flow.py:tree").status == 2


def test_a_single_node_is_counted_rightly(write, yorch):
    """One node, not one nodes."""
    write("flow.py", "tree = TaskTree()\ntree.root(int, name='one')")
    assert yorch("check", "flow.py:tree").out == "1 node, no problems\n"


@pytest.mark.parametrize("notation", FORMATS)
def test_a_plan_in_each_notation(notation, write, yorch):
    """What views make of it, and nothing else: what the module prints goes to stderr."""
    write("flow.py", f"print('importing')\n{GOOD}")
    done = yorch("show", "flow.py:tree", "--format", notation)
    tree = __import__("flow").tree
    assert (done.status, done.out, done.err) == (0, FORMATS[notation](tree) + "\n", "importing\n")


def test_text_is_the_default(write, yorch):
    """A tree of lines."""
    write("flow.py", GOOD)
    assert yorch("show", "flow.py:tree").out == "plan 't': 2 nodes, 1 slot\none()\n└─ two(obj=borrow_prev())\n"


def test_a_plan_with_problems_cannot_be_shown(write, yorch):
    """It is an error, in one paragraph."""
    write("flow.py", BAD)
    done = yorch("show", "flow.py:tree")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Error: plan 't': 4 problems\n  x.y, parameter 'obj': ")


def test_a_factory_is_asked_with_its_options(write, yorch):
    """They are options of check and show, too; what is unknown is refused before the factory is called."""
    write("flow.py", "def make(n: int):\n    tree = TaskTree(f't{n}')\n    tree.root(int, name='one')\n    return tree")
    assert json.loads(yorch("show", "flow.py:make", "--n=3", "--format=json").out)["plan"] == "t3"
    assert yorch("check", "flow.py:make").status == 2
    done = yorch("check", "flow.py:make", "--n=3", "--m=4")
    assert done.status == 2
    assert "No such option" in done.err
