"""The services of this folder, each as a process of its own: started, used as clients use it, and ended by a signal.

Nothing here waits for time to pass: a request waits for the end of a run, and reading waits for the line that is to come.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent
LONG = 3600
"""Seconds that a run takes which does not come to its end here."""

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="ends programs by signals")
pytestmark = [posix_only, pytest.mark.timeout(60)]


@contextmanager
def started(name: str, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Start an example in which a warning is an error, and leave no process behind."""
    command = [sys.executable, "-W", "error", str(HERE / name), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Read what a process prints, up to and with a line of this kind."""
    read = ""
    for line in process.stdout or ():
        read += line
        if re.search(pattern, line):
            return read
    pytest.fail(f"no line like {pattern!r} in\n{read}")


def ended_by(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Send a signal, and wait for the end: the exit status, and what was printed."""
    process.send_signal(number)
    printed, _ = process.communicate(timeout=20)
    return process.returncode, printed


@pytest.fixture
def service() -> Iterator[subprocess.Popen[str]]:
    """Serve the FastAPI application."""
    with started("fastapi_service.py", "0") as process:
        yield process


@pytest.fixture
def client(service: subprocess.Popen[str]) -> Iterator[httpx.Client]:
    """A client of the service, when that is ready."""
    address = read_until(service, "Uvicorn running on ").rpartition(" on ")[2].split()[0]
    with httpx.Client(base_url=address, timeout=20) as client:
        yield client


def events_of(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read server-sent events."""
    name = ""
    for line in response.iter_lines():
        field, _, text = line.partition(": ")
        if field == "event":
            name = text
        elif field == "data":
            yield name, json.loads(text)


STEPS = [
    ("NodeStarted", "connect"),
    ("NodeEnded", "connect"),
    ("NodeStarted", "connect/links"),
    ("NodeEnded", "connect/links"),
    ("NodeStarted", "connect/images"),
    ("NodeEnded", "connect/images"),
]


@pytest.mark.parametrize("late", [False, True])
def test_a_run_is_started_and_its_progress_read(client: httpx.Client, *, late: bool) -> None:
    """Starts and ends come in order, whether the reader comes early or after the end; the answer is there for whoever asks."""
    begun = client.post("/runs", params={"site": "a", "seconds": 0.01})
    assert (202, "a") == (begun.status_code, begun.json()["site"])
    path = f"/runs/{begun.json()['id']}"
    if late:
        client.get(path, params={"wait": True})
    with client.stream("GET", f"{path}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = list(events_of(response))
    assert "RunStarted" == events[0][0]
    assert STEPS == [(name, facts["path"]) for name, facts in events if name in {"NodeStarted", "NodeEnded"}]
    attempts = [facts["attempts"] for name, facts in events if name == "NodeEnded"]
    assert [1, 3, 1] == attempts
    assert ("RunEnded", "SUCCESS") == (events[-1][0], events[-1][1]["status"])
    found = {"connect/links": 3, "connect/images": 4}
    assert {"id": 1, "site": "a", "status": "succeeded", "found": found} == client.get(path).json()
    assert {"runs": [], "ended": 1} == client.get("/runs").json()


def test_a_run_is_cancelled_by_its_number(client: httpx.Client) -> None:
    """Who reads its progress is told, and who asks for it."""
    path = f"/runs/{client.post('/runs', params={'site': 'slow', 'seconds': LONG}).json()['id']}"
    with client.stream("GET", f"{path}/events") as response:
        events = events_of(response)
        while next(events)[1].get("path") != "connect/links":
            pass
        assert 202 == client.delete(path).status_code
        *_, (name, facts) = events
    assert ("RunEnded", "RunCancelled('audit', 'slow')") == (name, facts["error"])
    assert "cancelled" == client.get(path).json()["status"]


def test_a_client_that_goes_away_ends_what_it_has_started(client: httpx.Client) -> None:
    """Not what others have started."""
    other = client.post("/runs", params={"site": "other", "seconds": LONG}).json()["id"]
    with client.stream("GET", "/audit", params={"site": "mine", "seconds": LONG}) as response:
        events = events_of(response)
        while next(events)[1].get("path") != "connect/links":
            pass
        mine = client.get("/runs").json()["runs"][1]
        assert ("mine", "running") == (mine["site"], mine["status"])
    told = client.get(f"/runs/{mine['id']}", params={"wait": True}).json()
    assert ("cancelled", "run 'mine' of plan 'audit' was cancelled") == (told["status"], told["error"])
    assert "running" == client.get(f"/runs/{other}").json()["status"]
    client.delete(f"/runs/{other}")


def test_an_audit_that_is_read_to_its_end_succeeds(client: httpx.Client) -> None:
    """It is one response from start to end."""
    with client.stream("GET", "/audit", params={"site": "a"}) as response:
        events = list(events_of(response))
    assert ("RunStarted", "RunEnded") == (events[0][0], events[-1][0])
    assert "succeeded" == client.get("/runs/1").json()["status"]


def test_a_run_that_is_not_there_is_not_found(client: httpx.Client) -> None:
    """As any other address."""
    response = client.get("/runs/7")
    assert (404, {"detail": "there is no run 7"}) == (response.status_code, response.json())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_ends_in_order_and_in_time(
    service: subprocess.Popen[str], client: httpx.Client, number: signal.Signals
) -> None:
    """Though a run would take for ever, and a client reads its progress: it is cancelled, and awaited."""
    path = f"/runs/{client.post('/runs', params={'site': 'slow', 'seconds': LONG}).json()['id']}"
    with client.stream("GET", f"{path}/events") as response:
        next(events_of(response))
        status, printed = ended_by(service, number)
    assert status in (0, -number)  # uvicorn raises a signal once more when it has ended
    assert "1 s after the runner was left, 1 runs are cancelled, and 0 that are pending" in printed
    assert "Application shutdown complete." in printed
    with pytest.raises(httpx.ConnectError):
        client.get("/runs")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["asyncio_service.py", "trio_service.py"])
def test_a_service_without_a_web_server_finishes_what_it_has_begun(name: str, number: signal.Signals) -> None:
    """Every order that is begun is shipped, and it says how many there were."""
    with started(name) as process:
        printed = read_until(process, r"^order 4 is begun$")
        status, rest = ended_by(process, number)
    printed += rest
    begun, shipped = (re.findall(rf"^order (\d+) is {what}$", printed, re.MULTILINE) for what in ("begun", "shipped"))
    assert begun == [str(order) for order in range(1, len(begun) + 1)]
    assert sorted(begun) == sorted(shipped)
    assert (0, 1) == (status, printed.count("stopping, with "))
    assert f"stopped after {len(begun)} orders" == printed.splitlines()[-1]
