"""What a type checker must accept, with the types that it must find. Checked by mypy and pyright, never run."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, assert_type

from anyio import CapacityLimiter, Semaphore

from yorch_async import (
    Attempt,
    Backoff,
    BorrowPrev,
    Concurrent,
    Context,
    DirectOut,
    Event,
    Failure,
    Fanout,
    FromCtx,
    FromInput,
    Handle,
    InputInfo,
    Item,
    LeftOut,
    Node,
    NodeEnded,
    Plan,
    RetryBudget,
    RetryFixed,
    RetryForever,
    RunCancelled,
    Runner,
    RunnerClosed,
    RunnerStatistics,
    RunResult,
    RunState,
    SerialDfs,
    Skip,
    StepResult,
    StepStatus,
    Task,
    TaskResult,
    TaskTree,
    borrow,
    borrow_mut,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume,
    consume_prev,
    copy,
    copy_prev,
    fallback,
    from_ctx,
    from_input,
    item,
    limit,
    retry,
    retry_on,
    run,
    run_plan,
    task,
    task_forward_prev,
    task_into,
    task_member,
    timeout,
    to_thread,
    value,
)
from yorch_async.testing import (
    Finding,
    ManualClock,
    Outcome,
    Recorder,
    SteppedClock,
    all_kept,
    check_order,
    replaced,
    scripted,
    without_waits,
)


class Base:
    """An output."""


class Config(Base):
    """A kind of it."""

    def parse(self, text: str) -> int:
        """Read something."""
        return int(text)


async def load(path: Path) -> Config:
    """A coroutine function."""
    return Config()


def measure(config: Config) -> int:
    """A plain function."""
    return 1


def look(config: Base) -> TaskResult[str]:
    """Reads a base class, answers with a result."""
    return TaskResult.success("seen")


async def look_later(config: Base) -> TaskResult[str]:
    """The same as a coroutine function."""
    return TaskResult.failure("not seen")


@asynccontextmanager
async def connect() -> AsyncGenerator[Config, None]:
    """An async resource."""
    yield Config()


@contextmanager
def lend() -> Generator[Config, None, None]:
    """A resource."""
    yield Config()


tree = TaskTree("typed")
root = tree.root(load, from_ctx(Path))
assert_type(root, Node[Config])
assert_type(root.child(measure, borrow_prev(Config), keep=True, name="size"), Node[int])
assert_type(root.child(look, borrow_prev(Base), fanout=Fanout.SHARED_READONLY), Node[str])
assert_type(root.child(look_later, copy_prev(Config)), Node[str])
assert_type(root.child(measure, consume_prev()), Node[int])
assert_type(root.child(measure, borrow_prev_mut(Config), adapters=(catch_as_failure(),)), Node[int])
assert_type(root.child(connect, managed=True), Node[Config])
assert_type(root.child(lend, managed=True), Node[Config])
assert_type(tree.node(1, measure, copy_prev(Config)), Node[Any])


def both(config: Config, size: int) -> TaskResult[bytes]:
    """Reads two nodes."""
    return TaskResult.success(bytes(size))


def is_large(config: Config, size: int) -> bool:
    """Looks at what that is passed."""
    return size > 3


size = root.child(measure, borrow(root), name="first size", fanout=Fanout.ORDERED)
joined = tree.join(both, borrow(root), borrow(size, default=0), after=[root, size], when=is_large, name="both", keep=True)
assert_type(joined, Node[bytes])
assert_type(joined.child(both, copy(root, copier=lambda config: config), borrow_mut(size), after=joined), Node[bytes])
assert_type(tree.join(look_later, consume(root), when=task(bool, borrow(size))), Node[str])
assert_type(tree.join(connect, after=joined, managed=True), Node[Config])
assert_type(tree.join(task(both, borrow(root), borrow(size)), after=(size,)), Node[bytes])

ready = task(measure, copy_prev(Config, copier=lambda config: config), adapters=[retry_on(OSError, RetryFixed(3))])
assert_type(root.child(ready), Node[int])
placed: Task[int] = ready
bases: Node[Base] = root
method = task_member(Config.parse, borrow_prev(Config), value("7"))
assert_type(method, Task[int])


@task
def double(number: BorrowPrev[int], factor: FromInput[int] = 2) -> int:
    """Annotated sources."""
    return number * factor


@task(adapters=(retry(RetryForever(delay=Backoff())),), name="later")
async def later(path: FromCtx[Path], dsn: FromCtx[Annotated[str, "dsn"]]) -> StepResult:
    """Annotated sources, and options."""
    return StepResult.retry(after=1.0)


assert_type(double(3, factor=4), int)
awaitable: Awaitable[StepResult] = later(Path(), "dsn")
twice: Task[int] = double


def fill(text: str, out: DirectOut[list[str]]) -> StepResult:
    """Writes into its slot."""
    assert_type(out.emplace([text]), list[str])
    assert_type(out.value, list[str])
    return out.success([text])


def append(items: list[str]) -> None:
    """Changes in place."""


tree.root(task_into(fill, from_input("text", str))).child(task_forward_prev(append, borrow_prev_mut(list[str])))


class Timed:
    """An adapter of a user's own."""

    def wrap(self, call: Callable[[Attempt], Awaitable[Any]]) -> Callable[[Attempt], Awaitable[Any]]:
        """Do nothing."""

        async def timed(attempt: Attempt) -> Any:
            assert_type(attempt.path, str)
            return await call(attempt)

        return timed


class Patient:
    """A policy of a user's own."""

    async def should_retry(self, count: int, /) -> bool:
        """Think about it."""
        return count < 3


root.child(measure, copy_prev(), adapters=(Timed(), retry(Patient(), sleep=ManualClock().sleep)))
root.child(measure, copy_prev(), adapters=(catch_as_failure(lambda error: TaskResult.success(0), on=(OSError, ValueError)),))


def explain(error: OSError) -> StepResult:
    """Maps one kind of exception."""
    return StepResult.failure(error.strerror)


root.child(measure, copy_prev(), adapters=(catch_as_failure(explain, on=OSError),))


budget = RetryBudget(ratio=0.2, maximum=5)
assert_type((budget.tokens, budget.refused), tuple[float, int])
patient = (
    to_thread(abandon_on_cancel=True, limiter=CapacityLimiter(3)),
    timeout(2.5, then=TaskResult.success(0)),
    limit(3),
    limit(CapacityLimiter(3)),
    limit(Semaphore(3)),
    retry_on(OSError, RetryFixed(1), budget=budget),
    fallback(task(measure, borrow_prev()), on=(OSError, TimeoutError)),
    fallback(0),
)
assert_type(root.child(measure, copy_prev(), adapters=patient), Node[int])
with without_waits():
    assert_type(retry(RetryFixed(1), budget=budget).transparent, bool)


def observe(event: Event) -> None:
    """Look at events."""
    if isinstance(event, NodeEnded):
        assert_type(event.status, StepStatus | None)


async def main(recorder: Recorder) -> None:
    """Run it."""
    plan = compile_plan(tree)
    assert_type(plan, Plan)
    assert_type(plan.inputs["text"], InputInfo)
    context = Context(Config(), bind={Path: Path(), Annotated[str, "dsn"]: "postgres:"})
    assert_type(context.get(Config), Config)
    result = await run_plan(plan, context, inputs={"text": "7"}, observers=[observe, recorder], keep="marked")
    assert_type(result, RunResult)
    assert_type(result[root], Config)
    assert_type(result["size"], Any)
    assert_type(result[joined], bytes)
    assert_type(result.skipped, tuple[Skip, ...])
    assert_type([(skip.path, skip.index, skip.because) for skip in result.skipped], list[tuple[str, int, str]])
    assert_type(run(plan, backend="trio").raise_for_status()[root], Config)
    concurrent = Concurrent(max_concurrency=10, on_failure="continue")
    assert_type(concurrent.max_concurrency, int | None)
    assert_type(await run_plan(plan, execution=Concurrent(), timeout=1.0), RunResult)
    assert_type(run(plan, execution=concurrent if plan.slots else SerialDfs(), timeout=1), RunResult)
    assert_type(recorder.of(NodeEnded), list[NodeEnded])
    assert_type(scripted(1, 2), Callable[..., Any])


def length_of(text: Item[str]) -> int:
    """Take an element."""
    return len(text)


async def length_late(text: str, more: int) -> TaskResult[int]:
    """Take an element, and more."""
    return TaskResult.success(len(text) + more)


def go_through(words: Node[list[str]], inner: TaskTree) -> None:
    """Run something for each element."""
    assert_type(words.each(length_of), Node[list[int]])
    assert_type(words.each(length_late, item(str), value(1), max_concurrency=3), Node[list[int]])
    assert_type(words.each(task(length_of), over=reversed, keep=True, name="length_ofd"), Node[list[int]])
    assert_type(words.each(length_of, on_item_failure="skip", when=bool, after=words), Node[list[int]])
    assert_type(words.each(length_of, on_item_failure="collect"), Node[list[Any]])
    assert_type(words.each(inner, over=task(backwards, borrow_prev(list[str]))), Node[list[Any]])
    assert_type(words.each(length_of, item(str), reduce=add, initial=0), Node[int])
    assert_type(words.each(length_of, borrow_prev(list[str]), adapters=[retry_on(OSError, RetryFixed(3))]), Node[list[int]])


def backwards(words: list[str]) -> list[str]:
    """Make what is gone through."""
    return words[::-1]


def add(total: int, number: int) -> int:
    """Reduce."""
    return total + number


def look_at(result: RunResult) -> None:
    """See what was left out."""
    assert_type(result.left_out, tuple[LeftOut, ...])
    assert_type([(out.path, out.index, out.count) for out in result.left_out], list[tuple[str, int, int]])
    assert_type(result.left_out[0].failures, tuple[Failure, ...])


async def check(recorder: Recorder, clock: SteppedClock) -> None:
    """Test it."""
    plan = compile_plan(tree)
    assert_type(replaced(plan, {"size": 3, root: Config()}, adapters=[retry_on(OSError, RetryFixed(3))]), Plan)
    by_name: dict[str, Config] = {}
    by_node: dict[Node[Config], Callable[[], Config]] = {root: Config}
    assert_type(replaced(replaced(plan, by_name), by_node), Plan)
    assert_type(all_kept(plan), Plan)
    assert_type(recorder.order, list[str])
    assert_type(recorder.skipped, dict[str, str])
    assert_type(recorder.outcome("size"), Outcome)
    assert_type(recorder.outcome("size").status, StepStatus | None)
    assert_type(recorder.started_before("a", "b"), Finding)
    assert recorder.overlapped("a", "b")
    recorder.check(plan)
    check_order(plan, recorder.events)
    await clock.advance(1.0)
    assert_type(clock.due, list[float])
    retry_on(OSError, RetryFixed(3), sleep=clock.sleep)


async def serve(plan: Plan) -> None:
    """Run it in a service."""
    async with Runner(max_runs=2, max_pending=3, context=Context(), shutdown_timeout=None) as runner:
        assert_type(runner, Runner)
        handle: Handle = await runner.submit(plan, inputs={"text": "7"}, observers=[observe], events=True, name="first")
        assert_type(await handle, RunResult)
        assert_type(handle.status, RunState)
        assert_type(handle.outcome, RunResult | BaseException | None)
        async for event in handle.events():
            assert_type(event, Event)
        assert_type(runner.runs, tuple[Handle, ...])
        assert_type(runner.statistics(), RunnerStatistics)
        assert_type(RunCancelled("plan", "run").run, str)
        refused: RuntimeError = RunnerClosed("closed")
        del refused


results: TaskResult[Base] = TaskResult.success(Config())
nothing: TaskResult[Config] = TaskResult.retry(after=0.5)
