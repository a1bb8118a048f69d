"""Three steps of a service: fetch, which takes a few attempts, add up, and mail, which fails and spoils nothing else."""

from yorch_async import BorrowPrev, RetryFixed, TaskTree, borrow_prev, catch_as_failure, compile_plan, retry_on, run

busy = iter([True, True, False])  # stands in for a server that answers at the third call


async def fetch() -> list[float]:
    if next(busy):
        raise ConnectionError("the server is busy")
    return [12.5, 30.0, 7.5]


async def mail(total: BorrowPrev[float]) -> None:
    raise TimeoutError(f"nobody takes the mail about {total}")


tree = TaskTree("orders")
orders = tree.root(fetch, adapters=(retry_on(ConnectionError, RetryFixed(5, delay=0.1)),))
total = orders.child(sum, borrow_prev(list), name="total", keep=True)
total.child(mail, adapters=(catch_as_failure(),))

if __name__ == "__main__":
    result = run(compile_plan(tree))
    print(result.status.name, result[total], *result.failures, sep="\n")
