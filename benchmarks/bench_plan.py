"""What registering and compiling cost per node, and whether that is linear."""

import gc
from collections.abc import Callable
from statistics import median
from time import perf_counter

from yorch_async import TaskTree, borrow_prev, compile_plan

__all__ = ["main"]


def add(number: int) -> int:
    """Do next to nothing."""
    return number + 1


def chain(nodes: int) -> TaskTree:
    """Each node below the one before."""
    tree = TaskTree()
    node = tree.root(int)
    for _ in range(nodes - 1):
        node = node.child(add, borrow_prev(int))
    return tree


def fan(nodes: int) -> TaskTree:
    """All nodes below the root."""
    tree = TaskTree()
    root = tree.root(int)
    for _ in range(nodes - 1):
        root.child(add, borrow_prev(int))
    return tree


def main(*, repetitions: int) -> None:
    """Print microseconds per node for growing trees."""
    print("\nregistering and compiling, us per node")
    print(f"  {'':10}{'nodes':>10}{'register':>12}{'compile':>12}")
    shapes: tuple[tuple[str, Callable[[int], TaskTree]], ...] = (("a chain", chain), ("a fan", fan))
    for name, build in shapes:
        for nodes in (1_000, 10_000, 100_000):
            times: list[tuple[float, float]] = []
            for _ in range(max(1, min(repetitions, 50_000 // nodes))):
                gc.collect()
                started = perf_counter()
                tree = build(nodes)
                registered = perf_counter()
                compile_plan(tree)
                times.append((registered - started, perf_counter() - registered))
            register, compiled = (median(column) / nodes * 1e6 for column in zip(*times, strict=True))
            print(f"  {name:10}{nodes:>10,}{register:>12.2f}{compiled:>12.2f}")
