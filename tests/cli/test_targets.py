"""What a target may be, and where a context comes from."""

import pytest

TREE = """
tree = TaskTree("t")
tree.root(lambda n: n, from_ctx(int), name="one")
plain = TaskTree("p")
plain.root(lambda: 1, name="one")
"""

TARGETS = {
    "tree": "target = plain",
    "plan": "target = compile_plan(plain)",
    "function": "def target(): return plain",
    "async function": "async def target(): return compile_plan(plain)",
    "lambda that returns an awaitable": "async def make(): return plain\ntarget = lambda: make()",
    "partial": "from functools import partial\ntarget = partial(lambda tree: tree, plain)",
    "object": "class Make:\n    async def __call__(self): return plain\ntarget = Make()",
    "bound method": "class Make:\n    def make(self): return plain\ntarget = Make().make",
    "class of trees": (
        "class target(TaskTree):\n    def __init__(self):\n        super().__init__()\n        self.root(lambda: 1, name='one')"
    ),
    "task that makes one": "@task\ndef target(n=3) -> TaskTree: return plain",
    "pair": "target = (plain, Context(3))",
    "pair without a context": "target = (plain, None)",
    "context manager": "from contextlib import contextmanager\n@contextmanager\ndef target():\n    yield plain",
    "async context manager": "from contextlib import asynccontextmanager\n@asynccontextmanager\nasync def target():\n    yield plain",
    "factory with a loop of its own": "import anyio\nasync def make(): return plain\ndef target(): return anyio.run(make)",
    "built-in": "target = {'x': plain}.copy().popitem\n_ = target\ntarget = [plain].pop",
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("case", TARGETS)
def test_what_may_be_a_target(case, backend, write, yorch):
    """A tree, a plan, or anything that makes one."""
    write("flow.py", TREE + TARGETS[case])
    done = yorch("run", "flow.py:target", f"--backend={backend}", "--progress=none")
    assert (done.status, done.out) == (0, "1\n"), done.err


NO_TARGETS = {
    "number": ("target = 3", "an object of type int"),
    "node": ("target = TaskTree().root(int)", "an object of type Node", "; name the tree that it belongs to"),
    "task": ("@task\ndef target() -> int: ...", "an object of type Task", "; place it in a TaskTree"),
    "task of unknown output": ("@task\ndef target(): ...", "an object of type Task", "; place it in a TaskTree"),
    "class": ("class target: ...", "the class target"),
}


@pytest.mark.parametrize("case", NO_TARGETS)
def test_what_cannot_be_a_target(case, write, yorch):
    """It is said what it is, and what might have been meant."""
    text, is_, *advice = NO_TARGETS[case]
    write("flow.py", text)
    done = yorch("run", "flow.py:target")
    message = f"'flow.py:target' is {is_}, and neither a TaskTree nor a Plan, nor a factory of one{''.join(advice)}"
    assert (done.status, done.err) == (2, f"Error: {message}\n")


@pytest.mark.parametrize(
    ("made", "is_"), [("None", "None"), ("(plain, plain)", "an object of type tuple"), ("int", "the class int")]
)
def test_a_factory_that_makes_something_else(made, is_, write, yorch):
    """It is said what it made."""
    write("flow.py", f"{TREE}def make(): return {made}")
    message = f"'flow.py:make' made {is_} instead of a TaskTree, a Plan, or one of these with a context"
    assert yorch("run", "flow.py:make").err == f"Error: {message}\n"


@pytest.mark.parametrize("form", ["def", "async def"])
def test_a_factory_that_fails(form, write, yorch):
    """The user's error and place, in one paragraph; SystemExit is an error as well."""
    write("flow.py", f"{form} make(): raise ValueError('no')\n{form} leave(): raise SystemExit(3)")
    done = yorch("run", "flow.py:make")
    assert (done.status, done.err) == (2, "Error: 'flow.py:make' failed: ValueError: no (at flow.py:2)\n")
    done = yorch("run", "flow.py:leave")
    assert (done.status, done.err) == (2, "Error: 'flow.py:leave' failed: SystemExit: 3 (at flow.py:3)\n")


CONTEXTS = {
    "context": "ctx = Context(3)",
    "mapping": "ctx = {int: 3}",
    "object with get": "class Services:\n    def get(self, key): return {int: 3}[key]\nctx = Services()",
    "class": "class ctx:\n    def get(self, key): return {int: 3}[key]",
    "factory": "def ctx(): return Context(3)",
    "async factory": "async def ctx(n: int = 3): return {int: n}",
    "context manager": "from contextlib import contextmanager\n@contextmanager\ndef ctx():\n    yield Context(3)",
    "closing": "class Services:\n    def get(self, key): return 3\n    async def __aenter__(self): return self\n"
    "    async def __aexit__(self, *exc): ...\ndef ctx(): return Services()",
}


@pytest.mark.parametrize("case", CONTEXTS)
def test_what_may_be_a_context(case, write, yorch):
    """As an option, in a file of its own; or with what a factory returns."""
    write("services.py", CONTEXTS[case])
    write("flow.py", TREE + "def make():\n    import services\n    return tree, MADE".replace("MADE", "services.ctx"))
    assert yorch("run", "flow.py:tree", "--context", "services.py:ctx").out == "3\n"
    assert yorch("run", "flow.py:tree", "--context=services:ctx").out == "3\n"
    if case in ("context", "mapping", "object with get"):
        assert yorch("run", "flow.py:make").out == "3\n"


def test_the_option_takes_the_place_of_the_factorys_context(write, yorch):
    """Who writes the command line knows better."""
    write("flow.py", TREE + "def make(): return tree, Context(3)\nother = Context(4)")
    assert yorch("run", "flow.py:make").out == "3\n"
    assert yorch("run", "flow.py:make", "--context=flow.py:other").out == "4\n"


def test_parameters_of_the_contexts_factory_are_options_too(write, yorch):
    """Shared with those of the target's."""
    write("flow.py", TREE + "def make(n: int, m: int): return tree\nasync def ctx(*, n: int): return Context(n)")
    assert yorch("run", "flow.py:make", "--context=flow.py:ctx", "--n=5", "--m=6").out == "5\n"
    options = yorch("run", "flow.py:make", "--context=flow.py:ctx", "--help").out.partition("Options of flow.py:make:\n")[2]
    assert "--n INTEGER  for the factory make() and the context's factory ctx()" in options


@pytest.mark.parametrize("text", ["ctx = 3", "ctx = 'text'"])
def test_what_cannot_be_a_context(text, write, yorch):
    """It is said what a context is."""
    write("flow.py", TREE + text)
    done = yorch("run", "flow.py:tree", "--context=flow.py:ctx")
    assert done.status == 2
    assert done.err.endswith(
        "and no context: a context is a Context, a mapping of types to objects, or an object with get(type)\n"
    )


def test_a_factory_that_makes_no_context(write, yorch):
    """Alone, or together with a tree."""
    write("flow.py", TREE + "def ctx(): return 3\ndef make(): return tree, 3")
    assert (
        "'flow.py:ctx' made an object of type int as the context: "
        in yorch("run", "flow.py:tree", "--context=flow.py:ctx").err
    )
    assert "'flow.py:make' made an object of type int as the context: " in yorch("run", "flow.py:make").err


RESOURCE = """
from contextlib import asynccontextmanager

class Pair:
    async def __aenter__(self):
        print("open")
        return Context(3)
    async def __aexit__(self, kind, error, traceback):
        print("close", kind and kind.__name__)
        return SUPPRESS

def ctx(): return Pair()
def make(): return TREE, Pair()

failing = TaskTree("f")
failing.root(lambda n: 1 / 0, from_ctx(int), name="one")
"""


@pytest.mark.parametrize("args", [["flow.py:make"], ["flow.py:tree", "--context=flow.py:ctx"]])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_context_that_is_a_context_manager_is_left_after_the_run(args, backend, write, yorch):
    """Opened and closed around the run, on its loop."""
    write("flow.py", TREE + RESOURCE.replace("TREE", "tree").replace("SUPPRESS", "None"))
    done = yorch("run", *args, f"--backend={backend}")
    assert (done.status, done.out) == (0, "open\nclose None\n3\n")


@pytest.mark.parametrize("suppress", ["None", "True"])
def test_a_context_manager_is_told_of_the_exception(suppress, write, yorch):
    """As in a program written by hand; to keep it from going on does not make the run a success."""
    write("flow.py", TREE + RESOURCE.replace("TREE", "failing").replace("SUPPRESS", suppress))
    done = yorch("run", "flow.py:make", "--progress=none")
    assert (done.status, done.out) == (1, "open\nclose ZeroDivisionError\n")
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert "in node 'one' of plan 'f'" in done.err


def test_a_context_manager_that_swallows_our_own_trouble(write, yorch):
    """There is no plan, and no reason left to tell."""
    text = TREE + RESOURCE.replace("TREE", "tree").replace("SUPPRESS", "True") + "def both(): return tree, Pair()"
    write("flow.py", text)
    done = yorch("run", "flow.py:both", "--no-such-option")
    assert done.status == 2
    assert done.err == "Error: 'flow.py:both' failed, and its context manager kept the reason to itself\n"


def test_a_context_manager_that_fails_when_it_is_left(write, yorch):
    """The run had a result, and the command fails nonetheless; without a run it is the target's failure."""
    text = """
from contextlib import contextmanager
@contextmanager
def make():
    yield plain
    raise OSError("cannot close")
"""
    write("flow.py", TREE + text)
    done = yorch("run", "flow.py:make", "--progress=none")
    assert done.status == 1
    assert "OSError: cannot close\n1 node, " in done.err
    assert done.err.endswith("EXCEPTION\n")
    done = yorch("show", "flow.py:make")
    assert (done.status, done.err) == (2, "Error: 'flow.py:make' failed: OSError: cannot close (at flow.py:12)\n")
