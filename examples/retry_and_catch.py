"""What a task that does not succeed can do: be tried again, become a failure, become something else, or leave its branch out.

`retry` runs a task again while it answers RETRY, `retry_on` does so while it raises, and `catch_as_failure` turns an exception
into an answer. The earlier of two adapters is the closer to the task. How long to wait is said by the policy, or for once by the
task (`after=`); here nobody really waits, because `sleep` only notes what it was asked for.
"""

from yorch_async import (
    Backoff,
    BorrowPrev,
    RetryFixed,
    RetryFixedPassthrough,
    StepResult,
    TaskResult,
    TaskTree,
    catch_as_failure,
    compile_plan,
    retry,
    retry_on,
    run,
)

answers = iter(
    [
        TaskResult.retry("still starting"),
        TaskResult.retry("too many requests", after=7.0),
        TaskResult.success("42 users"),
    ]
)


async def note(seconds: float) -> None:
    print(f"  waiting for {seconds} s")


def ask_service() -> TaskResult[str]:
    return next(answers)


def parse(text: BorrowPrev[str]) -> int:
    return int(text.removesuffix("users"))


def parse_strictly(text: BorrowPrev[str]) -> int:
    return int(text)


def look_up(text: BorrowPrev[str]) -> float:
    raise ConnectionError(f"nobody knows about {text}")


async def lock() -> StepResult:
    return StepResult.retry("somebody else is at work")


wait = Backoff(initial=0.5, maximum=60.0, jitter=False)  # jitter is a good thing, but would print other numbers every time
tree = TaskTree("users")
asked = tree.root(ask_service, adapters=(retry(RetryFixed(3, delay=wait), sleep=note),))
asked.child(parse, name="number")
asked.child(parse_strictly, name="fallback", adapters=(catch_as_failure(lambda _: -1, on=ValueError),))
asked.child(look_up, name="hopeless", adapters=(retry_on(ConnectionError, RetryFixed(2, delay=wait), sleep=note),))

result = run(compile_plan(tree))
print(f"{result.status.name} with number={result['number']} and fallback={result['fallback']}")
print(result.failures[0].path, "gave up after", result.failures[0].attempts, "attempts:", result.failures[0].error)

locked = TaskTree("locked")
locked.root(lock, adapters=(retry(RetryFixedPassthrough(1, delay=1.0), sleep=note),))
print(run(compile_plan(locked)).status.name, "is left over: whoever runs the plan may try again later")
