"""Trees that go through elements, and how running one ends, for the tests of that."""

import pytest

from yorch_async import TaskTree, compile_plan, run_plan


class Broken(Exception):
    """What is raised on purpose."""


def each_of(elements, what, *sources, keep=False, **options):
    """A tree of a node that gives the elements, and one that goes through them; both the tree and that one."""
    tree = TaskTree("t")
    options.setdefault("name", "each")
    return tree, tree.root(lambda: elements, name="root", keep=keep).each(what, *sources, **options)


async def result_of(tree, execution, **options):
    """Run a tree."""
    return await run_plan(compile_plan(tree), execution=execution, **options)


async def error_of(tree, execution, **options):
    """The one exception that ends a run."""
    with pytest.raises(BaseException) as caught:
        await result_of(tree, execution, **options)
    error = caught.value
    if isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    return error
