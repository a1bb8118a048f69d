"""The options of a target: named after what factories and plans ask for."""

import pytest

PLAN = """
from enum import Enum
from pathlib import Path
from typing import Any

class Colour(Enum):
    RED = "r"
    BLUE = "b"

def load(
    page_url: FromInput[str],
    depth: FromInput[int] = 3,
    tags: FromInput[list[str]] = ("x", "y"),
    colour: FromInput[Colour] = Colour.RED,
    dry: FromInput[bool] = False,
    root: FromInput[Path | None] = None,
    size: FromInput[tuple[int, int]] = (1, 2),
    extra: FromInput[dict[str, Any]] = {},
    callback: FromInput[type] = int,
    guessed=4,
):
    return [page_url, depth, tags, colour.name, dry, root, size, extra, callback, guessed]

tree = TaskTree("t")
tree.root(load, from_input("guessed"))
"""


def test_inputs_become_options_by_type(write, yorch):
    """Required ones are required; what is left out has the plan's own default."""
    write("flow.py", PLAN)
    done = yorch("run", "flow.py:tree", "--page-url=x")
    assert done.out == "['x', 3, ('x', 'y'), 'RED', False, None, (1, 2), {}, <class 'int'>, 4]\n"
    given = ["--depth", "-5", "--tags=a", "--tags=b", "--colour=b", "--dry", "--root=r", "--size", "3", "4", "--guessed=5"]
    done = yorch("run", "flow.py:tree", "--page-url=x", *given, '--extra={"a": 1}')
    assert done.out == "['x', -5, ['a', 'b'], 'BLUE', True, PosixPath('r'), (3, 4), {'a': 1}, <class 'int'>, 5]\n"
    assert yorch("run", "flow.py:tree", "--page-url=x", "--no-dry").status == 0


def test_the_help_of_a_target_shows_its_options(write, yorch):
    """With their types and defaults; what no text can stand for and need not be given has no option."""
    write("flow.py", PLAN)
    done = yorch("run", "flow.py:tree", "--help")
    assert (done.status, done.err) == (0, "")
    usage, _, options = done.out.partition("\nOptions of flow.py:tree:\n")
    assert usage.startswith("Usage: yorch run [OPTIONS] TARGET\n")
    assert "--check-borrows" in usage
    assert [" ".join(line.split()) for line in options.splitlines()] == [
        "--page-url TEXT for the plan [required]",
        "--depth INTEGER for the plan [default: 3]",
        "--tags TEXT for the plan [default: x, y]",
        "--colour [RED|BLUE] for the plan [default: RED]",
        "--dry / --no-dry for the plan [default: False]",
        "--root PATH for the plan [default: none]",
        "--size INTEGER INTEGER for the plan [default: 1, 2]",
        "--extra JSON for the plan [default: {}]",
        "--guessed INTEGER for the plan [default: 4]",
    ]


REFUSED = {
    "missing": ([], "Error: Missing option '--page-url'.\n"),
    "unknown": (["--page-url=x", "--detph=3"], "Error: No such option"),
    "wrong": (["--page-url=x", "--depth=deep"], "Error: Invalid value for '--depth': 'deep' is not an integer\n"),
    "extra": (["--page-url=x", "more"], "Error: Got unexpected extra argument (more)\n"),
    "without a value": (["--page-url"], "Error: Option '--page-url' requires an argument.\n"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_option_is_a_wrong_usage(case, write, yorch):
    """Exit status 2, and the way to the help."""
    given, message = REFUSED[case]
    write("flow.py", PLAN)
    done = yorch("run", "flow.py:tree", *given)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Usage: yorch run [OPTIONS] TARGET\nTry 'yorch run --help' for help.\n\n")
    assert message in done.err


def test_a_required_input_that_no_text_stands_for_cannot_be_given(write, yorch):
    """It is told what to do instead."""
    write("flow.py", "tree = TaskTree()\ntree.root(lambda client: 1, from_input('client', type(lambda: 1)))")
    done = yorch("run", "flow.py:tree")
    assert done.status == 2
    assert done.err == (
        "Error: 'client', which the plan asks for, has no option: a value of type function cannot be written on the command line; "
        "let a factory make it from what can, take it from the context, or give it a default\n"
    )


def test_options_of_the_target_stand_after_it(write, yorch):
    """Only then it is known which there are. The command's own may stand anywhere."""
    write("flow.py", PLAN)
    done = yorch("run", "--page-url=x", "flow.py:tree")
    assert done.status == 2
    assert done.err.endswith("Error: No such option: --page-url (options of a target come after it)\n")
    assert yorch("run", "--progress", "none", "flow.py:tree", "--page-url=x", "--backend=trio").status == 0


def test_a_value_may_look_like_an_option(write, yorch):
    """The last reading, which knows all options, decides."""
    write("flow.py", "tree = TaskTree()\ntree.root(str, from_input('text', str), name='one')")
    assert yorch("run", "flow.py:tree", "--text", "--json").out == "--json\n"


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("timeout", "--target-timeout"),
        ("help", "--target-help"),
        ("h", "--h"),
        ("a b", "--a-b"),
        ("ünï", "--ünï"),
        ("__x__", "--x"),
        ("€", "--input"),
    ],
)
def test_every_name_becomes_an_option(name, option, write, yorch):
    """Names that the command has itself get a word in front."""
    write("flow.py", f"tree = TaskTree()\ntree.root(str, from_input({name!r}, str), name='one')")
    assert yorch("run", "flow.py:tree", option, "x").out == "x\n"


def test_names_that_would_be_written_alike_are_told_apart(write, yorch):
    """Also the negative form of a switch takes a name."""
    text = """
def show(a: FromInput[str], b: FromInput[str], c: FromInput[str], d: FromInput[bool], e: FromInput[str]):
    return f"{a}{b}{c}{d}{e}"
tree = TaskTree()
tree.root(task(lambda *all: all, *[from_input(n, str) for n in ("a_b", "a-b", "a b")], from_input("x", bool), from_input("no_x", str)))
"""
    write("flow.py", text)
    given = ["--a-b=1", "--target-a-b=2", "--target-a-b-2=3", "--x", "--target-no-x=4"]
    assert yorch("run", "flow.py:tree", *given).out == "('1', '2', '3', True, '4')\n"


FACTORY = """
def make(n: int, url: str = "none", dry: bool = False, *args, deep: float = 0.5, **more):
    tree = TaskTree("made")
    tree.root(lambda *all: (*all, n, url, dry, deep, args, more), from_input("url", str), from_input("n"), name="one")
    return tree
"""


def test_parameters_of_a_factory_become_options(write, yorch):
    """What the factory and the plan both ask for is one option that serves both."""
    write("flow.py", FACTORY)
    done = yorch("run", "flow.py:make", "--n=3", "--url=x", "--deep=1")
    assert done.out == "('x', 3, 3, 'x', False, 1.0, (), {})\n"
    options = yorch("run", "flow.py:make", "--n=3", "--help").out.partition("Options of flow.py:make:\n")[2]
    assert [" ".join(line.split()) for line in options.splitlines()] == [
        "--n INTEGER for the factory make() and the plan [required]",
        "--url TEXT for the factory make() and the plan [required]",
        "--dry / --no-dry for the factory make() [default: False]",
        "--deep NUMBER for the factory make() [default: 0.5]",
    ]


def test_the_help_says_what_it_cannot_know_yet(write, yorch):
    """The plan's inputs, until the factory can be called."""
    write("flow.py", FACTORY + "def fails(): raise ValueError('no')")
    done = yorch("run", "flow.py:make", "--help")
    assert done.status == 0
    assert "--deep NUMBER" in done.out
    assert "can be told when the required" in done.out
    done = yorch("run", "flow.py:fails", "--help")
    assert done.status == 0
    assert "'flow.py:fails' failed: ValueError: no" in " ".join(done.out.split())


def test_the_help_of_check_shows_the_options_of_the_factory(write, yorch):
    """Without calling it: inputs of the plan play no part."""
    write("flow.py", "def make(n: int): raise ValueError")
    done = yorch("check", "flow.py:make", "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith("Options of flow.py:make:\n  --n INTEGER  for the factory make()  [required]\n")


def test_a_factory_without_its_required_options_is_not_called(write, yorch):
    """A wrong usage."""
    write("flow.py", FACTORY)
    done = yorch("run", "flow.py:make")
    assert done.status == 2
    assert done.err.endswith("Error: Missing option '--n'.\n")


@pytest.mark.parametrize("hint", ["int", "int | None", "Annotated[int, 'x']"])
def test_types_that_agree_share_an_option(hint, write, yorch):
    """None counts as leaving it out."""
    text = """
from typing import Annotated, Any
def make(n: HINT):
    tree = TaskTree()
    tree.root(lambda m: (m, n), from_input("n", int), name="one")
    return tree
"""
    write("flow.py", text.replace("HINT", hint))
    assert yorch("run", "flow.py:make", "--n=3").out == "(3, 3)\n"


def test_a_type_that_is_not_known_agrees_with_every_other(write, yorch):
    """When the factory is called, its plan is not there yet to tell more, so that it gets the text."""
    text = """
def make(n):
    tree = TaskTree()
    tree.root(lambda m: (m, n), from_input("n", int), name="one")
    return tree
"""
    write("flow.py", text)
    assert yorch("run", "flow.py:make", "--n=3").out == "(3, '3')\n"


def test_types_that_do_not_agree_are_refused(write, yorch):
    """One option cannot be two."""
    text = """
def make(n: int):
    tree = TaskTree()
    tree.root(lambda m: (m, n), from_input("n", str), name="one")
    return tree
"""
    write("flow.py", text)
    done = yorch("run", "flow.py:make", "--n=3")
    assert done.status == 2
    assert done.err == (
        "Error: 'n' is of type int for the factory make(), but str for the plan; one option cannot serve both, so let them agree on a "
        "type, or give one of them another name\n"
    )


def test_an_input_that_may_be_none_may_be_left_out(write, yorch):
    """A command line has no other way to say None."""
    write(
        "flow.py",
        "tree = TaskTree()\ntree.root(lambda x, y: (x, y), from_input('x', int | None), from_input('y', bool | None))",
    )
    assert yorch("run", "flow.py:tree").out == "(None, None)\n"
    assert yorch("run", "flow.py:tree", "--x=1", "--no-y").out == "(1, False)\n"


def test_a_required_list_needs_an_element(write, yorch):
    """An empty list cannot be written."""
    write("flow.py", "tree = TaskTree()\ntree.root(lambda x: x, from_input('x', list[int]))")
    assert yorch("run", "flow.py:tree").status == 2
    assert yorch("run", "flow.py:tree", "--x=1", "--x=2").out == "[1, 2]\n"


def test_a_default_that_cannot_be_shown_does_not_hide_the_help(write, yorch):
    """`__str__` is the user's code."""
    text = """
class Bad(str):
    def __str__(self):
        raise KeyError
def make(x: str = Bad()): ...
"""
    write("flow.py", text)
    assert "[default: <Bad that cannot be shown: KeyError>]" in " ".join(
        yorch("check", "flow.py:make", "--help").out.split()
    )
