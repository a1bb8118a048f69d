"""The replayer itself: it finds what differs, and says so in the promised form."""

import copy
import json
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from .bodies import Body
from .executions import EXECUTIONS
from .replay import _line, main, replay

HERE = Path(__file__).parent
SERIAL = EXECUTIONS[0]


@lru_cache
def recorded(name):
    """Return all lines of one of the files."""
    return [json.loads(text) for text in (HERE / "vectors" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def first(name, suits):
    """Return the first line that suits, to be tampered with."""
    return copy.deepcopy(next(line for line in recorded(name) if suits(line)))


def problem(raw, execution=SERIAL):
    """Replay one line on one backend and return what was found."""
    line = _line(raw, "here:1")
    replay([line], [execution], ["asyncio"])
    return line.problem


def events(vector, kind):
    """Return the events of one kind."""
    return [event for event in vector.get("expected", {}).get("trace", ()) if event["ev"] == kind]


def has(*kinds):
    """Return whether a valid vector has events of all these kinds."""
    return lambda vector: all(events(vector, kind) for kind in kinds)


def is_plain(vector):
    """Return whether a vector is one success after the other."""
    return vector.get("expected", {}).get("status") == "success" and events(vector, "slot_clear")


def tampered(kinds, change):
    """Return a vector with such events, changed in one place, that passed before."""
    vector = first("valid", has(*kinds))
    assert problem(vector) is None
    change(vector["expected"])
    return vector


def the(expected, kind):
    """Return the first event of a kind."""
    return next(event for event in expected["trace"] if event["ev"] == kind)


CHANGES = {
    "status": (["enter"], lambda e: e.update(status="abort_execution")),
    "attempts": (["enter"], lambda e: e["attempts"].update(n0=7)),
    "args": (["copy"], lambda e: the(e, "enter")["args"].append(1)),
    "value": (["slot_set"], lambda e: the(e, "exit").update(value=999)),
    "outcome": (["exit"], lambda e: the(e, "exit").update(outcome="retry")),
    "mutated": (["move"], lambda e: the(e, "exit").update(mutated={"0": 1})),
    "copy of": (["copy"], lambda e: the(e, "copy").update(of="n9")),
    "copy from": (["stage_set"], lambda e: the(e, "copy").update({"from": "slot"})),
    "copies": (["copy"], lambda e: e["copies"].update(slot=77)),
    "copies of values": (["copy"], lambda e: e["copies"].update(value=77)),
    "stage": (["stage_set"], lambda e: e["trace"].remove(the(e, "stage_set"))),
    "stage node": (["stage_set"], lambda e: the(e, "stage_set").update(node="n1")),
    "move": (["move"], lambda e: e["trace"].remove(the(e, "move"))),
    "catch": (["catch"], lambda e: e["trace"].remove(the(e, "catch"))),
    "catch answer": (["catch"], lambda e: the(e, "catch").update(returns="abort_execution")),
    "count": (["should_retry"], lambda e: the(e, "should_retry").update(count=9)),
    "answer": (["should_retry"], lambda e: the(e, "should_retry").update(answer=None)),
    "hook": (["on_exhausted"], lambda e: the(e, "on_exhausted").update(layer=9)),
    "outputs": (["slot_set"], lambda e: [e["trace"].remove(the(e, kind)) for kind in ("slot_set", "slot_clear")]),
    "more outputs": (["slot_set"], lambda e: e["trace"].append(the(e, "slot_set"))),
    "order": (["enter"], lambda e: e["trace"].insert(0, e["trace"].pop(1))),
    "end": (["enter"], lambda e: e["trace"].append({"ev": "copy_throws", "from": "slot"})),
}


@pytest.mark.parametrize("change", CHANGES)
def test_finds_what_differs(change):
    """A vector that expects something else in one place fails, and the message names both sides."""
    found = problem(tampered(*CHANGES[change]))

    assert found is not None
    assert "expected" in found


@pytest.mark.parametrize("field", ["context", "externals"])
def test_finds_what_differs_afterwards(field):
    """A vector that expects another final value of a shared object fails."""
    vector = first("valid", lambda line: line[field] and "expected" in line)
    key = next(iter(vector["expected"][field]))
    vector["expected"][field][key] = 12345

    assert f"{field}: expected" in str(problem(vector))


def test_finds_a_release_that_comes_late():
    """A vector that expects a release before the last reader is done fails."""
    vector = first("valid", lambda line: is_plain(line) and events(line, "slot_clear")[-1] == line["expected"]["trace"][-1])
    reads = [i for i, e in enumerate(vector["expected"]["trace"]) if e["ev"] == "enter" and e["args"]]
    trace = vector["expected"]["trace"]
    trace.insert(reads[-1], trace.pop())

    assert "expected to be released" in str(problem(vector))


@pytest.mark.parametrize(
    ("kind", "words"), [("copy", "alive"), ("catch", "expected to be released"), ("move", "still_held")]
)
def test_finds_what_stays_alive(monkeypatch, kind, words):
    """If somebody keeps the objects of a run, every run that makes some fails."""
    kept = []
    call = Body.__call__

    def hoarding(self, args, sink):
        kept.extend(args)
        return call(self, args, sink)

    vector = first(
        "valid", lambda line: is_plain(line) and has(kind)(line) and any(e["args"] for e in events(line, "enter"))
    )
    assert problem(vector) is None
    monkeypatch.setattr(Body, "__call__", hoarding)

    assert words in str(problem(vector))


def test_compares_the_end_where_order_decides():
    """Where siblings share what they change, an execution without a promised order is held to the end of the run alone."""
    unordered = replace(SERIAL, keeps_order=False)
    vector = first(
        "valid",
        lambda line: (
            line.get("expected", {}).get("status") == "success" and "mref" in json.dumps(line["nodes"]) and line["externals"]
        ),
    )
    vector["expected"]["trace"].clear()

    assert problem(vector, unordered) is None
    assert "expected" in str(problem(vector))
    vector["expected"]["status"] = "failure"
    assert "status: expected failure, got success" in str(problem(vector, unordered))


def test_compares_by_node_where_order_is_not_promised():
    """Under an execution without a promised order, siblings may swap; what each node does is still compared."""
    unordered = replace(SERIAL, keeps_order=False)
    vector = first(
        "valid", lambda line: is_plain(line) and has("copy")(line) and not line["context"] and not line["externals"]
    )
    swapped = copy.deepcopy(vector)
    trace = swapped["expected"]["trace"]
    trace.sort(key=lambda event: event["node"], reverse=True)
    wrong = copy.deepcopy(vector)
    the(wrong["expected"], "copy")["of"] = "n9"

    assert problem(vector, unordered) is None
    assert problem(swapped, unordered) is None
    assert problem(swapped) is not None
    assert "expected copy" in str(problem(wrong, unordered))


@pytest.mark.parametrize(
    ("name", "suits", "change"),
    [
        ("controls", lambda line: line["nodes"], {"rejected_at": "run", "portable": "yes"}),
        ("invalid", lambda line: line["nodes"] and line["portable"] == "yes", {"rejected_at": None}),
        (
            "invalid",
            lambda line: line["rejected_at"] == "compile_plan" and line["rule"].startswith("The root"),
            {"rejected_at": "registration"},
        ),
        ("validation_matrix", lambda line: line["verdict"] == "reject", {"verdict": "accept", "stage": None}),
        ("validation_matrix", lambda line: line["verdict"] == "accept", {"verdict": "reject", "stage": "compile_plan"}),
    ],
    ids=["accepted", "refused", "late", "refused cell", "accepted cell"],
)
def test_finds_the_wrong_verdict(name, suits, change):
    """A verdict that is turned round, or a refusal that is expected earlier, fails."""
    line = first(name, suits)
    assert problem(line) is None

    assert "expected to be" in str(problem({**line, **change}))


SPOILS = {
    "a field of the line": lambda line: line.update(flavour=1),
    "a field of a node": lambda line: line["nodes"][0].update(flavour=1),
    "a field of a source": lambda line: line["nodes"][1]["args"][0].update(flavour=1),
    "a field of an event": lambda line: line["expected"]["trace"][0].update(flavour=1),
    "a spec": lambda line: line["nodes"][1]["args"][0].update(spec="steal_prev"),
    "a type": lambda line: line["nodes"][0]["output"].update(type="tensor"),
    "an adapter": lambda line: line["nodes"][0].update(adapters=[{"cache": {}}]),
    "a policy": lambda line: line["nodes"][0].update(adapters=[{"catch": {"policy": "a new one"}}]),
    "an event": lambda line: line["expected"]["trace"][0].update(ev="explode"),
    "a kind of line": lambda line: line.pop("expected"),
    "a node without a script": lambda line: line["nodes"][0].pop("script"),
    "a node that is none": lambda line: line.update(nodes=[1]),
    "an attempt of nobody": lambda line: line["expected"]["attempts"].update(n99=1),
    "a value of another type": lambda line: line.update(context=[{"key": "A", "type": "int", "init": "b"}]),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_what_the_format_does_not_know_fails_that_vector(spoil, tmp_path, capsys):
    """An unknown field or value is a failure of its own vector, by its id; the others pass."""
    good = first("valid", lambda line: len(line["nodes"]) > 1 and line["nodes"][1]["args"])
    bad = {**copy.deepcopy(good), "id": "the bad one"}
    spoil(bad)
    path = tmp_path / "some.jsonl"
    path.write_text("\n".join(map(json.dumps, [good, bad, good])), encoding="utf-8")

    assert main([str(path)]) == 1
    output = capsys.readouterr().out.splitlines()
    assert output[0].startswith("FAIL the bad one: some.jsonl:2: ")
    assert output[-1] == "2 passed, 1 failed"


def test_says_what_was_not_replayed(capsys):
    """The counts of what has no tree, and of deliberate differences, stand before the last line."""
    assert main([str(HERE / "vectors" / "controls.jsonl")]) == 0

    *before, last = capsys.readouterr().out.splitlines()
    missing = sum(line["nodes"] is None for line in recorded("controls"))
    assert f"{missing} lines have no tree to replay" in before
    assert any("vectors differ on purpose: retry on a task" in line for line in before)
    assert last == f"{len(recorded('controls')) - missing} passed, 0 failed"


def test_unreadable_files(tmp_path, capsys):
    """A file that is missing, no text or no JSON gives exit status 2, and says which."""
    broken, binary = tmp_path / "broken.jsonl", tmp_path / "binary.jsonl"
    broken.write_text('{"id": "a"\n', encoding="utf-8")
    binary.write_bytes(b"\xff\xfe\xff")

    for path in (broken, binary, tmp_path / "missing.jsonl"):
        assert main([str(path)]) == 2
        assert str(path) in capsys.readouterr().err
    with pytest.raises(SystemExit) as info:
        main([])
    assert info.value.code == 2


def test_breakdown_of_one_vector_is_its_failure(monkeypatch):
    """An error inside the library is a failure of the vector at hand, with its place."""

    def broken(tree):
        raise ZeroDivisionError("whoops")

    vector = first("valid", is_plain)

    assert "ZeroDivisionError at test_replay.py" in str(problem(vector, replace(SERIAL, compile=broken)))


def test_runs_as_a_module(tmp_path):
    """`python -m tests.conformance.replay` works from the root of the repository."""
    path = tmp_path / "levels.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in recorded("validation_matrix") if line["matrix"] == "levels"))

    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.replay", str(path)],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].endswith(" passed, 0 failed")
    assert done.returncode == 0
