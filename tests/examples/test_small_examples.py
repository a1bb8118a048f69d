"""Every example is run as it stands, and prints what it is meant to."""

import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

PRINTED = {
    "hello.py": """\
FAILURE
50.0
fetch/total/mail: FAILURE (1 attempt, ...): TimeoutError: nobody takes the mail about 50.0
""",
    "managed_resources.py": """\
connected
sold 2, 1 left
committed
disconnected
the first run kept: 1
connected
rolled back
disconnected
the second run raised: CHECK constraint failed: amount >= 0 in node 'connection/transaction/sell' of plan 'stock'
""",
    "ownership.py": """\
develop: developed, 1 alive
show: developed and framed, 2 alive
show: developed and framed, 2 alive
paint: developed and painted over, 2 alive
0 photos are left
plan 'photos': 1 problem
  shoot/develop/show, parameter 'photo': ... [fanout-copies]; ...
""",
    "retry_and_catch.py": """\
  waiting for 0.5 s
  waiting for 7.0 s
  waiting for 0.5 s
  waiting for 1.0 s
FAILURE with number=42 and fallback=-1
ask_service/hopeless gave up after 3 attempts: nobody knows about 42 users
  waiting for 1.0 s
RETRY is left over: whoever runs the plan may try again later
""",
    "svcs_container.py": """\
store opened
7 pieces were ordered on Monday
store closed
""",
    "trio_program.py": """\
pick: SUCCESS
after 1.5 h: 3.0 litres of juice
pick/press: SUCCESS
pick/press/fill: SUCCESS
pick: SUCCESS
pick/press: Cancelled
after 3.5 h: no juice, it would have taken too long
""",
}


TESTED_BESIDE = {"fastapi_service.py", "asyncio_service.py", "trio_service.py"}
"""What runs until somebody ends it, as examples/test_services.py does."""


def test_every_example_is_tested():
    """No example lies around unrun; the audit has tests of its own."""
    there = {path.name for path in EXAMPLES.glob("*.py") if not path.name.startswith("test_")}
    assert there == {*PRINTED, "code_audit.py", *TESTED_BESIDE}
    tests = (EXAMPLES / "test_services.py").read_text("utf-8")
    assert all(f'"{name}"' in tests for name in TESTED_BESIDE)


def without_times_and_sentences(text):
    """Leave out what differs from run to run, and the words of the rules, which have tests of their own."""
    text = re.sub(r"(\d attempts?), [^)]+\)", r"\1, ...)", text)
    return re.sub(r"(, parameter '\w+'): .* \[([a-z-]+)\]; .*", r"\1: ... [\2]; ...", text)


@pytest.mark.parametrize("name", PRINTED)
def test_example_prints(run_example, name):
    """An example succeeds, warns of nothing, and prints these very lines."""
    done = run_example(name)

    assert (done.returncode, done.stderr) == (0, "")
    assert without_times_and_sentences(done.stdout) == PRINTED[name]


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_example_says_what_it_shows(name):
    """An example begins with a sentence about itself."""
    assert re.match(r'"""[A-Z][^"]+[.:]', (EXAMPLES / name).read_text("utf-8"))


def test_the_first_program_is_short():
    """What the README shows, which is all below the docstring, fits on a screen."""
    _, program = (EXAMPLES / "hello.py").read_text("utf-8").split("\n\n", maxsplit=1)
    assert len(program.splitlines()) < 25
