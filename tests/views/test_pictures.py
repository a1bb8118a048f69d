"""A plan in four notations: as golden files, and as the tools read them."""

import json
import subprocess
from pathlib import Path
from shutil import which
from xml.etree import ElementTree as ET

import pytest
from views.pictured import NAMES, everything, fanned, graph, hostile

from yorch_async import PlanError, TaskTree, borrow, borrow_prev, compile_plan, value
from yorch_async.views import to_dot, to_json, to_mermaid, to_text

GOLDEN = Path(__file__).parent / "golden"
NOTATIONS = {"text": to_text, "mermaid": to_mermaid, "dot": to_dot, "json": to_json}
SVG = "{http://www.w3.org/2000/svg}"

graphviz = pytest.mark.skipif(which("dot") is None, reason="the program dot of Graphviz is not installed")


@pytest.mark.parametrize("notation", NOTATIONS)
def test_everything_that_can_be_said_of_a_plan_is_shown(notation):
    """The golden files were looked at by people, and by Graphviz and Mermaid."""
    assert (GOLDEN / f"everything.{notation}").read_text("utf-8") == NOTATIONS[notation](everything()) + "\n"


@pytest.mark.parametrize("notation", NOTATIONS)
def test_everything_that_goes_beyond_a_tree_is_shown(notation):
    """Joins, what is read by handles, defaults, `after=` and conditions, in golden files as well."""
    assert (GOLDEN / f"graph.{notation}").read_text("utf-8") == NOTATIONS[notation](graph()) + "\n"


@pytest.mark.parametrize("notation", NOTATIONS)
def test_what_runs_for_each_element_is_shown(notation):
    """What elements are taken from; the task, or in a place of its own the tree; how failures and results are treated."""
    assert (GOLDEN / f"fanned.{notation}").read_text("utf-8") == NOTATIONS[notation](fanned()) + "\n"


@pytest.mark.parametrize("notation", ["mermaid", "dot", "json"])
def test_no_name_breaks_out_of_its_place(notation):
    """Names may hold what the notation, or a renderer of it, reads as something else."""
    assert (GOLDEN / f"hostile.{notation}").read_text("utf-8") == NOTATIONS[notation](hostile()) + "\n"


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_plan_is_shown_as_its_tree_is(notation):
    """A tree is compiled on the way; a plan is taken as it is."""
    show = NOTATIONS[notation]
    assert show(everything()) == show(compile_plan(everything()))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_tree_with_problems_cannot_be_shown(notation):
    """What is shown is what would be run."""
    tree = TaskTree("wrong")
    tree.root(lambda x: x, borrow_prev())
    with pytest.raises(PlanError):
        NOTATIONS[notation](tree)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_only_plans_and_trees_can_be_shown(notation):
    """A node, for example, is refused."""
    node = TaskTree().root(int, name="one")
    with pytest.raises(TypeError) as raised:
        NOTATIONS[notation](node)
    assert str(raised.value) == f"only a Plan or a TaskTree can be shown, not {node!r}"


def drawn_by_graphviz(text: str) -> ET.Element:
    """What the real program makes of it."""
    done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=True)
    assert done.stderr == b""
    return ET.fromstring(done.stdout)


def texts_of(picture: ET.Element, kind: str) -> list[list[str]]:
    """The lines of text in each node or edge."""
    groups = [group for group in picture.iter(f"{SVG}g") if group.get("class") == kind]
    return [[text.text.replace("\xa0", " ") for text in group.iter(f"{SVG}text")] for group in groups]


@graphviz
def test_graphviz_draws_what_is_said():
    """Nodes with their lines, edges with their sources, no more edges than accesses and children."""
    picture = drawn_by_graphviz(to_dot(everything()))
    assert texts_of(picture, "node")[0] == [
        "load",
        "root = from_ctx(Path)",
        "dsn = from_ctx(Annotated[str, 'dsn'])",
        "depth = from_input(depth)",
        "→ list[int]",
        "shared_readonly, keep",
    ]
    assert sorted(texts_of(picture, "edge")) == [
        *[[]] * 3,
        ["iterable: copy_prev"],
        ["left: borrow_prev"],
        ["numbers: borrow_prev_mut"],
        ["numbers: consume_prev"],
        ["right: borrow_prev"],
    ]


@graphviz
def test_graphviz_draws_a_graph():
    """Edges of all kinds, in the words of the golden file."""
    assert texts_of(drawn_by_graphviz(to_dot(graph())), "edge").count(["after"]) == 8


@graphviz
def test_graphviz_draws_trees_in_trees():
    """A box for each tree that runs for each element, and an edge that leads into it."""
    picture = drawn_by_graphviz(to_dot(fanned()))
    assert [words for words, *_ in texts_of(picture, "cluster")].count("for each element: one letter") == 3
    assert texts_of(picture, "edge").count(["each"]) == 5


@graphviz
def test_graphviz_shows_every_name_as_it_is():
    """What cannot be printed is escaped as in Python; everything else is there to the letter."""
    shown = [lines[0] for lines in texts_of(drawn_by_graphviz(to_dot(hostile())), "node")]
    assert shown[1 : 1 + len(NAMES)] == [name if name.isprintable() else escaped(name) for name in NAMES]


def escaped(name: str) -> str:
    """A name as Python shows it inside quotes, with backslashes that are its own left single."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in name)


def test_json_is_the_same_everywhere():
    """No address of an object, no order of a set comes in: two trees that were made alike look alike."""
    key = type("Key", (), {})

    def tree() -> TaskTree:
        made = TaskTree("t")
        made.root(lambda x, y: (x, y), value(object()), value(key()), output=list[key])
        return made

    assert to_json(tree()) == to_json(tree())
    assert " at 0x" not in to_json(tree())


def test_json_lists_what_a_node_depends_on():
    """The nodes that it comes after, and of each argument the node that it reads, also where there is a default."""
    nodes = {node["name"]: node for node in json.loads(to_json(graph()))["nodes"]}
    total = nodes["total"]
    assert (total["parent"], nodes["sort"]["after"]) == (None, [nodes["count"]["index"]])
    assert [(each["source"], each["node"], "default" in each) for each in total["arguments"]] == [
        ("borrow", nodes["count"]["index"], False),
        ("consume", nodes["load"]["index"], False),
        ("borrow", nodes["spare"]["index"], True),
    ]
    assert total["condition"] == {
        "name": "is_wanted",
        "arguments": [
            {"parameter": "numbers", "source": "borrow", "type": "list[int]", "node": 0},
            {"parameter": "wanted", "source": "from_input", "input": "wanted", "type": "bool"},
        ],
    }


def test_json_says_what_runs_for_each_element():
    """Of a task what it takes, and from which node; of a tree its nodes, which count from 0, and the one whose output counts."""
    nodes = {node["name"]: node for node in json.loads(to_json(fanned()))["nodes"]}
    pow_ = nodes["pow"]["each"]
    assert (pow_["over"], pow_["task"]["adapters"]) == ("map", ["catch"])
    assert pow_["task"]["arguments"] == [
        {"parameter": "base", "source": "item", "type": "int"},
        {"parameter": "exp", "source": "borrow", "type": None, "node": nodes["parts"]["index"]},
        {"parameter": "mod", "source": "from_input", "input": "least", "type": "int"},
    ]
    parts = nodes["parts"]["each"]
    options = {
        "over": "parts",
        "max_concurrency": 8,
        "on_item_failure": "skip",
        "reduce": "max",
        "tree": "part",
        "result": 2,
    }
    assert {key: each for key, each in parts.items() if key != "nodes"} == options
    assert [(node["path"], "each" in node) for node in parts["nodes"]] == [
        ("part", False),
        ("part/letters", True),
        ("part/letters/sum", False),
    ]


def test_json_keeps_names_to_the_letter():
    """Programs get the names themselves, not what people are shown."""
    assert [node["name"] for node in json.loads(to_json(hostile()))["nodes"]][1:-2] == NAMES


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("shape", ["chain", "star", "joins", "below a join"])
def test_large_plans_are_shown_in_linear_space(notation, shape):
    """Twice the nodes, twice the text: also where every node lies below all others."""

    def size(count: int) -> int:
        tree = TaskTree("large")
        root = node = tree.root(lambda: 1, name="root")
        if shape == "below a join":
            node = tree.join(lambda: 1, after=root)
        for _ in range(count):
            if shape == "joins":
                node = tree.join(lambda x: x, borrow(node), after=root)
            else:
                node = (root if shape == "star" else node).child(lambda x: x, borrow_prev(), name=None)
        return len(NOTATIONS[notation](tree))

    assert size(4000) < 2.3 * size(2000)
