"""Nodes that own a resource: `managed=True` enters what a task returns, and exits it when its last reader is done.

The transaction is below the connection, so it ends first; and it is told of the exception that ends the run.
"""

import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from yorch_async import BorrowPrev, FromInput, TaskTree, compile_plan, run


@asynccontextmanager
async def connection(path: FromInput[str]) -> AsyncGenerator[sqlite3.Connection]:
    database = sqlite3.connect(path, isolation_level=None)
    print("connected")
    database.execute("create table stock (item text primary key, amount integer check (amount >= 0))")
    database.execute("insert into stock values ('tea', 3)")
    try:
        yield database
    finally:
        database.close()
        print("disconnected")


@contextmanager
def transaction(database: BorrowPrev[sqlite3.Connection]) -> Generator[sqlite3.Connection]:
    database.execute("begin")
    try:
        yield database
    except sqlite3.Error:
        database.execute("rollback")
        print("rolled back")
        raise
    database.execute("commit")
    print("committed")


def sell(database: BorrowPrev[sqlite3.Connection], number: FromInput[int]) -> int:
    database.execute("update stock set amount = amount - ? where item = 'tea'", (number,))
    left: int = database.execute("select amount from stock where item = 'tea'").fetchone()[0]
    print(f"sold {number}, {left} left")
    return left


tree = TaskTree("stock")
left = tree.root(connection, managed=True).child(transaction, managed=True).child(sell)
plan = compile_plan(tree)

print("the first run kept:", run(plan, inputs={"path": ":memory:", "number": 2})[left])
try:
    run(plan, inputs={"path": ":memory:", "number": 5})
except sqlite3.IntegrityError as error:
    print("the second run raised:", error, *error.__notes__)
