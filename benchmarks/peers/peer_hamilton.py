"""Apache Hamilton finds the tree in the names of functions and their parameters; asked for the leaves, it runs all of it."""

from types import ModuleType

from common import Contestant, Node, Run, publish, without_loop
from hamilton import ad_hoc_utils, async_driver, base, driver
from shapes import Shape


def module_of(shape: Shape, add: Node, *, is_async: bool) -> ModuleType:
    """The source that an author would have written, one function per node."""
    define, call = ("async def", "await add") if is_async else ("def", "add")
    lines: list[str] = []
    for index, parent in enumerate(shape.parents):
        parameter, argument = (f"n{parent}: int", f"n{parent}") if index else ("", "0")
        lines.append(f"{define} n{index}({parameter}) -> int:\n    return {call}({argument})\n")
    module = ad_hoc_utils.module_from_source("\n".join(lines))
    module.__dict__["add"] = add
    return module


def with_driver(shape: Shape, add: Node) -> Run:
    """The sync driver."""
    made = driver.Builder().with_modules(module_of(shape, add, is_async=False)).with_adapters(base.DictResult()).build()
    leaves = [f"n{index}" for index in shape.leaves()]
    return lambda: made.execute(leaves)


def with_async_driver(shape: Shape, add: Node) -> Run:
    """The async driver, which makes a task of every node."""
    builder = async_driver.Builder().with_modules(module_of(shape, add, is_async=True)).with_adapters(base.DictResult())
    made = builder.build_without_init()
    leaves = [f"n{index}" for index in shape.leaves()]

    async def run() -> object:
        if not made.initialized:  # once, during the run that is not measured
            await made.ainit()
        return await made.execute(leaves)

    return run


if __name__ == "__main__":
    publish(
        [
            Contestant("Hamilton", "apache-hamilton", with_driver, is_async=False, runner=without_loop),
            Contestant("Hamilton async", "apache-hamilton", with_async_driver),
        ]
    )
