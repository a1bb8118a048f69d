"""Tasks that are run in place of others: what they read is there, and lives as long as they may need it."""

import gc
import sys
import weakref

import pytest

from yorch_async import (
    BorrowError,
    Context,
    Fanout,
    StepResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    copy_prev,
    fallback,
    from_ctx,
    from_input,
    run_plan,
    run_sync,
    task,
    task_forward_prev,
    task_into,
    task_member,
    value,
)
from yorch_async.testing import scripted

pytestmark = pytest.mark.anyio

BROKEN = ValueError("broken")


class Payload:
    """Something that can be watched."""

    def __init__(self, items=()):
        self.items = list(items)

    def list(self):
        return list(self.items)


def broken(*_, **__):
    raise BROKEN


def last_of(*items):
    return items[-1]


@pytest.mark.parametrize("first", [(), (value(1),), (borrow_prev(),), (copy_prev(), value(2))], ids=str)
@pytest.mark.parametrize("access", [borrow_prev, copy_prev, borrow_prev_mut])
async def test_it_reads_the_same_parent(first, access):
    """By accesses of its own, whatever the first task reads."""
    tree = TaskTree()
    root = tree.root(lambda: [1], name="root")
    node = root.child(broken, *first, adapters=(fallback(task(last_of, value(0), access())),), keep=True)
    node.child(lambda items: [*items, 2], borrow_prev(), name="after", keep=True)
    plan = compile_plan(tree)
    for result in (await run_plan(plan), run_sync(plan)):
        assert result[node] == [1]
        assert result["after"] == [1, 2]


async def test_it_asks_for_context_and_inputs_of_its_own():
    """They are part of what the plan needs; nested ones too."""
    inner = task(last_of, from_ctx(int), from_input("n", str), name="inner")
    outer = task(broken, from_ctx(float), adapters=(fallback(inner),), name="outer")
    tree = TaskTree()
    node = tree.root(broken, from_ctx(bytes), adapters=(fallback(outer),), name="root")
    plan = compile_plan(tree)
    assert list(plan.context_keys) == [bytes, float, int]
    assert list(plan.inputs) == ["n"]
    result = await run_plan(plan, Context(1, 2.0, b""), inputs={"n": "text"})
    assert result[node] == "text"


async def test_several_read_each_for_itself():
    """Also where one has an alternative of its own, and all are tried."""
    seen = []

    def look(name, items):
        seen.append((name, items))
        raise BROKEN

    inner = task(look, value("inner"), copy_prev(copier=tuple))
    outer = task(look, value("outer"), borrow_prev(), adapters=(fallback(inner),))
    adapters = (fallback(outer), fallback(task(look, value("second"), copy_prev(copier=set))), fallback(7))
    tree = TaskTree()
    node = tree.root(lambda: [1]).child(look, value("first"), copy_prev(), adapters=adapters)
    assert (await run_plan(compile_plan(tree)))[node] == 7
    assert seen == [("first", [1]), ("outer", [1]), ("inner", (1,)), ("second", {1})]


async def test_a_method_may_be_run_instead():
    """Looked up on its receiver, as ever."""
    tree = TaskTree()
    root = tree.root(lambda: Payload([1]), name="root")
    node = root.child(broken, adapters=(fallback(task_member(Payload.list, borrow_prev(Payload))),))
    assert (await run_plan(compile_plan(tree)))[node] == [1]


async def test_the_staged_copy_is_read_where_a_sibling_consumes():
    """In either order of the siblings."""
    for first, second in ((0, 1), (1, 0)):
        tree = TaskTree()
        root = tree.root(lambda: Payload([1]), fanout=Fanout.CONSUME_WITH_COPIES, name="root")
        placed = [
            lambda root=root: root.child(lambda x: x.items.clear(), consume_prev(), name="takes"),
            lambda root=root: root.child(
                broken, adapters=(fallback(task(Payload.list.__get__, copy_prev())),), name="copies"
            ),
        ]
        placed[first]()
        placed[second]()
        result = await run_plan(compile_plan(tree))
        assert result["copies"]() == [1]


async def test_what_only_it_reads_is_released_after_the_node():
    """At once, whether it was run or not."""
    for first in (broken, lambda: 1):
        made = []

        def make(made=made):
            payload = Payload([1])
            made.append(weakref.ref(payload))
            return payload

        gc.disable()
        try:
            tree = TaskTree()
            node = tree.root(make).child(first, adapters=(fallback(task(lambda x: len(x.items), borrow_prev())),), name="n")
            node.child(lambda made=made: made[0]() is None, name="is_gone")
            result = await run_plan(compile_plan(tree))
            assert result["is_gone"]
        finally:
            gc.enable()


async def test_it_holds_what_a_call_by_hand_would_leave_it():
    """A copy is referenced by the callee alone."""
    tree = TaskTree()
    node = tree.root(Payload).child(broken, borrow_prev(), adapters=(fallback(task(sys.getrefcount, copy_prev())),))
    by_hand = sys.getrefcount(Payload())
    assert (await run_plan(compile_plan(tree)))[node] == by_hand


async def test_the_parent_may_be_forwarded_or_written():
    """Whoever made the output, it is where it is."""
    tree = TaskTree()
    root = tree.root(task_into(lambda out: out.set([1]), output=list))
    forward = root.child(task_forward_prev(lambda items: items.append(2), borrow_prev_mut()))
    node = forward.child(broken, adapters=(fallback(task(list, borrow_prev())),))
    assert (await run_plan(compile_plan(tree)))[node] == [1, 2]


async def test_what_either_borrows_is_compared():
    """A change is found, whoever has made it; what may change it is not suspected."""
    for access, is_refused in ((borrow_prev, True), (borrow_prev_mut, False)):
        tree = TaskTree()
        changes = task(lambda items: items.append(2), access(), name="changes")
        tree.root(lambda: [1]).child(broken, borrow_prev(), adapters=(fallback(changes),), name="first")
        plan = compile_plan(tree)
        if is_refused:
            with pytest.raises(BorrowError, match="changed what it only borrowed"):
                await run_plan(plan, check_borrows=True)
        else:
            assert (await run_plan(plan, check_borrows=True)).ok


async def test_the_run_goes_on_as_after_any_node():
    """Children run on a success, and are left out where the other task says so."""
    for answer, ran in ((3, [3]), (StepResult.abort_branch(), [])):
        seen = []
        tree = TaskTree()
        root = tree.root(lambda: 0)
        node = root.child(broken, adapters=(fallback(task(scripted(answer))),), name="node")
        node.child(seen.append, borrow_prev())
        root.child(lambda: "sibling", name="sibling")
        result = await run_plan(compile_plan(tree))
        assert result["sibling"] == "sibling"
        assert seen == ran
