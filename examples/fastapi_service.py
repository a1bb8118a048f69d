"""A web service that runs plans: a FastAPI application whose lifespan holds a `Runner`.

A run goes on when the request that has started it is over, and others ask for it by its number:

    python examples/fastapi_service.py
    curl -X POST 'localhost:8000/runs?site=example.org&seconds=2'
    curl -N localhost:8000/runs/1/events

`/audit` starts a run and streams its progress in one response; there a client that goes away cancels the run. The site is a stand-in
that is busy at first and needs some seconds for each answer, so that there is something to see.
"""

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Annotated

import anyio
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from yorch_async import (
    BorrowPrev,
    Event,
    FromInput,
    Handle,
    RetryFixed,
    Runner,
    RunResult,
    TaskTree,
    compile_plan,
    retry_on,
)

# The plan: what is done in a run. It knows nothing of the web.


@dataclass
class Site:
    """A stand-in for a site on the network."""

    name: str
    seconds: float
    calls: int = 0
    busy: int = 2

    async def get(self, path: str) -> list[str]:
        """Answer after some seconds, though not at once."""
        await anyio.sleep(self.seconds)
        self.calls += 1
        if self.calls <= self.busy:
            raise ConnectionError(f"{self.name} is busy")
        return [f"{self.name}/{path}/{number}" for number in range(self.calls)]


def connect(site: FromInput[str], seconds: FromInput[float]) -> Site:
    return Site(site, seconds)


async def links(site: BorrowPrev[Site]) -> int:
    return len(await site.get("links"))


async def images(site: BorrowPrev[Site]) -> int:
    return len(await site.get("images"))


def audit_tree() -> TaskTree:
    tree = TaskTree("audit")
    site = tree.root(connect)
    site.child(links, adapters=(retry_on(ConnectionError, RetryFixed(5, delay=0.01)),))
    site.child(images)
    return tree


plan = compile_plan(audit_tree())

# The service: a runner, and the handles by which clients ask for runs.

KEPT = 1000
"""How many runs can be asked for; the runner itself forgets a run that has ended."""


@dataclass
class Service:
    """What the requests share."""

    runner: Runner
    handles: dict[int, Handle] = field(default_factory=dict[int, Handle])

    async def start(self, site: str, seconds: float) -> Handle:
        """Start a run that can be asked for."""
        handle = await self.runner.submit(plan, inputs={"site": site, "seconds": seconds}, name=site, events=True)
        self.handles[handle.id] = handle
        if len(self.handles) > KEPT:
            del self.handles[min(self.handles)]
        return handle


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Service]]:
    async with Runner(max_runs=10, max_pending=100, shutdown_timeout=1) as runner:
        yield {"service": Service(runner)}


app = FastAPI(title="audits", lifespan=lifespan)


def service_of(request: Request) -> Service:
    service: Service = request.state.service
    return service


def handle_of(number: int, request: Request) -> Handle:
    try:
        return service_of(request).handles[number]
    except KeyError:
        raise HTTPException(404, f"there is no run {number}") from None


TheService = Annotated[Service, Depends(service_of)]
TheRun = Annotated[Handle, Depends(handle_of)]


@app.post("/runs", status_code=202)
async def start(site: str, service: TheService, seconds: float = 0) -> dict[str, object]:
    return described(await service.start(site, seconds))


@app.get("/runs")
async def overview(service: TheService) -> dict[str, object]:
    return {"runs": [described(handle) for handle in service.runner.runs], "ended": service.runner.statistics().ended}


@app.get("/runs/{number}")
async def ask(handle: TheRun, *, wait: bool = False) -> dict[str, object]:
    if wait:
        with suppress(Exception):  # what came of it is in the answer
            await handle
    return described(handle)


@app.delete("/runs/{number}", status_code=202)
async def cancel(handle: TheRun) -> dict[str, object]:
    handle.cancel()
    return described(handle)


@app.get("/runs/{number}/events")
async def events(handle: TheRun) -> StreamingResponse:
    return StreamingResponse(stream(handle), media_type="text/event-stream")


@app.get("/audit")
async def audit(site: str, service: TheService, seconds: float = 0) -> StreamingResponse:
    async def start_and_stream() -> AsyncIterator[str]:
        handle = await service.start(site, seconds)
        try:
            async for text in stream(handle):
                yield text
        finally:
            handle.cancel()  # where the client has gone; a run that has ended stays as it is

    return StreamingResponse(start_and_stream(), media_type="text/event-stream")


# What clients are told.


def described(handle: Handle) -> dict[str, object]:
    told: dict[str, object] = {"id": handle.id, "site": handle.name, "status": handle.status.value}
    outcome = handle.outcome
    if isinstance(outcome, RunResult):
        told["found"] = dict(outcome.items())
    elif outcome is not None:
        told["error"] = str(outcome)
    return told


async def stream(handle: Handle) -> AsyncIterator[str]:
    async for event in handle.events():
        yield server_sent(event)


def server_sent(event: Event) -> str:
    facts = {each.name: plain(getattr(event, each.name)) for each in fields(event)}
    return f"event: {type(event).__name__}\ndata: {json.dumps(facts)}\n\n"


def plain(fact: object) -> object:
    if isinstance(fact, Enum):
        return fact.name
    return repr(fact) if isinstance(fact, BaseException) else fact


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    # a client that reads events for hours would otherwise hold up the end of the server for as long
    uvicorn.run(app, port=port, timeout_graceful_shutdown=1)
