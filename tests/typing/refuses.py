"""What a type checker must refuse. Checked by mypy and pyright, never run.

Each line is wrong, and says so to both of them; a remark that is not needed is an error as well, so that a mistake that goes
unnoticed fails the check.
"""

from yorch_async import (
    Concurrent,
    Context,
    DirectOut,
    Node,
    RetryFixed,
    RetryForever,
    Runner,
    RunResult,
    StepResult,
    TaskResult,
    TaskTree,
    borrow,
    borrow_mut,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    consume,
    copy,
    copy_prev,
    fallback,
    item,
    limit,
    retry,
    run,
    run_sync,
    task,
    timeout,
    to_thread,
    value,
)
from yorch_async.testing import SteppedClock, replaced


class Config:
    """An output."""


class Runtime:
    """Another one."""


def load() -> Config:
    """Make one."""
    return Config()


def use(config: Config) -> int:
    """Read it."""
    return 1


tree = TaskTree("wrong")
root = tree.root(load)

# The parent's output is of another type.
reads_runtime, copies_int = borrow_prev(Runtime), copy_prev(int)
root.child(use, reads_runtime)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
root.child(use, copies_int)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]

# The root has no parent.
tree.root(use, borrow_prev(Config))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]

# The root comes first and reads no node; a join has no parent.
tree.root(use, borrow(root))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
tree.join(use, borrow_prev(Config))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]

# What is read by its handle is a node, and how it is read is told by name.
borrow("load")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
borrow_mut(load)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
consume(root, Config())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
copy(root, copier=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# What a node comes after are nodes, and a condition can be called.
tree.join(use, borrow(root), after="load")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
root.child(use, borrow_prev(Config), when=True)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]

# What is run for each element, and what becomes of those that fail.
root.each(use, item(Config), over=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
root.each(use, item(Config), on_item_failure="ignore")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
root.each(use, item(Config), max_concurrency="3")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
root.each(use, item(Config), managed=True)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
root.each(tree, item(Config))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]

# What is no source.
root.child(use, Config())  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
task(use, 3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]

# Options that do not exist, or of another type.
root.child(use, borrow_prev(Config), kept=True)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
root.child(use, borrow_prev(Config), fanout="auto")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
task(use, value(1), adapters=(3,))  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]

# A handle on another type of node.
number: Node[int] = root  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

# Results that do not fit.
wrong: TaskResult[int] = TaskResult.success("text")  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
StepResult.success().status = 3  # type: ignore[misc, assignment]  # pyright: ignore[reportAttributeAccessIssue]


def fill(out: DirectOut[int]) -> None:
    """Write what does not fit."""
    out.set("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# A task is called as the function that it was.
doubled = task(use, value(Config()))
doubled("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Policies and what can be caught.
retry(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
RetryFixed("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
RetryForever(1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
catch_as_failure(on=KeyboardInterrupt)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]

# Times, places, budgets.
timeout("60")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
limit(1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
fallback(0, on=KeyboardInterrupt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
to_thread(True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
retry(RetryFixed(3), budget=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# What is replaced is found by handle or name, and a clock takes numbers.
replaced(compile_plan(tree), {3: 4})  # type: ignore[dict-item]  # pyright: ignore[reportCallIssue, reportArgumentType]
replaced(tree, {"a": 4})  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
SteppedClock("now")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Loops and what to keep are closed sets.
run(compile_plan(tree), Context(), backend="curio")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
run(compile_plan(tree), keep="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# How a plan is executed is a value, whose options are given by name.
Concurrent(10)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Concurrent(max_concurrency="10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Concurrent(on_failure="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
run(compile_plan(tree), execution=Concurrent)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
run(compile_plan(tree), timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
run_sync(compile_plan(tree), timeout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# A runner takes a plan, and options by name; a handle is awaited for its result.
Runner(2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Runner(max_runs="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def serve(runner: Runner) -> None:
    """Submit what cannot be run, take a handle for the result, and forget to use it."""
    first = await runner.submit(tree)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    result: RunResult = first  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    runner.submit(result.plan)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
