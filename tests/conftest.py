"""The machine that every test runs on: which loops, how long, and nothing left behind.

An async test is marked with `pytest.mark.anyio`, and then runs once per host. Time limits are in pyproject.toml.
"""

import asyncio
import sys
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from inspect import iscoroutinefunction

import anyio
import pytest
from footprint import Footprint
from hypothesis import settings

settings.register_profile("suite", deadline=None)  # a busy machine is no failure; the limit per test holds anyway
settings.load_profile("suite")

FAILED = pytest.StashKey[bool]()


def eager_loop() -> asyncio.AbstractEventLoop:
    """Make a loop whose tasks run at once until they first wait, which changes the order of nearly everything."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


if uvloop := find_spec("uvloop") and import_module("uvloop"):
    uvloop.new_event_loop().close()  # libuv keeps one pipe for the process, from the first loop on: no leak of a test

HOSTS = [
    pytest.param(("asyncio", {"debug": True}), id="asyncio"),
    *([pytest.param(("asyncio", {"loop_factory": eager_loop}), id="eager")] if sys.version_info >= (3, 12) else []),
    *([pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop")] if uvloop else []),
    pytest.param(("trio", {}), id="trio"),
]


@pytest.fixture(params=HOSTS, scope="module")
def anyio_backend(request):
    """Run an async test on every host."""
    return request.param


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember that a test has failed: what it left behind is then no news."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request):
    """Fail a test that leaves a thread, a child process or a descriptor."""
    before = Footprint.now()
    yield
    if not request.node.stash.get(FAILED, False):
        left = before.left_over()
        assert not left, "left behind: " + ", ".join(left)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Guard an async test from inside its loop."""
    if "anyio_backend" in pyfuncitem.funcargs:
        limit = time_limit(pyfuncitem)
        if examples := getattr(pyfuncitem.obj, "hypothesis", None):
            inner = getattr(examples.inner_test, "_anyio_original_func", examples.inner_test)
            examples.inner_test = guarded(inner, limit)
        else:
            pyfuncitem.obj = guarded(pyfuncitem.obj, limit)
    return (yield)


def time_limit(item):
    """Say how long a test may take: `--timeout`, its own mark or the common limit, less the time to end in order."""
    mark, option = item.get_closest_marker("timeout"), item.config.getoption("timeout")
    seconds = float(option if option is not None else mark.args[0] if mark else item.config.getini("timeout"))
    return seconds * 0.9 if seconds else None


def guarded(test, limit):
    """Cancel a test that takes too long, so that its traceback says where it waits; fail one that leaves a task."""
    if not iscoroutinefunction(test) or hasattr(test, "guarded"):
        return test

    @wraps(test)
    async def run(*args, **kwargs):
        before = {task.id for task in tasks_of_test()}
        with anyio.fail_after(limit):
            await test(*args, **kwargs)
        left = [f"{task.name!r} ({task.coro!r})" for task in tasks_of_test() if task.id not in before]
        assert not left, "left behind: " + ", ".join(left)

    run.guarded = True
    return run


def tasks_of_test():
    """List the tasks of the running loop, without those by which anyio's plugin carries a test from step to step."""
    return [task for task in anyio.get_running_tasks() if "TestRunner." not in repr(task.coro)]
