"""A plan as a tree of lines, for people."""

from typing import Annotated

import pytest

from yorch_async import (
    BorrowPrev,
    DirectOut,
    Fanout,
    FromCtx,
    FromInput,
    RetryFixed,
    StepResult,
    TaskTree,
    borrow,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    compile_plan,
    consume,
    consume_prev,
    copy,
    copy_prev,
    from_ctx,
    from_input,
    item,
    retry_on,
    task,
    task_forward_prev,
    task_into,
    value,
)
from yorch_async._variants import with_condition
from yorch_async.plan._explain import explain, source_text, task_text


class Config: ...


def load(path: FromInput[str], dsn: FromCtx[Annotated[str, "dsn"]]) -> Config: ...


def connect(config: BorrowPrev[Config]): ...


def count(config) -> int: ...


def append(items: list) -> None: ...


def fill(config: Config, out: DirectOut[list[int]]) -> None: ...


def tick() -> None: ...


def check() -> StepResult: ...


def test_a_plan_is_printed_as_a_tree():
    """Each node with its sources, what it puts out, and what is special about it."""
    tree = TaskTree("scene")
    root = tree.root(load, keep=True)
    root.child(connect, managed=True).child(tick)
    items = root.child(task_into(fill, copy_prev()), name="items", fanout=Fanout.SHARED_READONLY)
    items.child(check, adapters=(retry_on(ValueError, RetryFixed(1)), catch_as_failure()))
    items.child(lambda a, b, c=3: a, copy_prev(), value(None))
    made = root.child(task(list), fanout=Fanout.CONSUME_WITH_COPIES)
    made.child(count, consume_prev())
    made.child(count, copy_prev())
    last = root.child(list, name="last")
    last.child(task_forward_prev(append, borrow_prev_mut()))
    assert (
        "plan 'scene': 11 nodes, 2 slots\n"
        "load(path=from_input(path), dsn=from_ctx(Annotated[str, 'dsn'])) -> Config [keep]\n"
        "├─ connect(config=borrow_prev(Config)) [managed]\n"
        "│  └─ tick() -> nothing\n"
        "├─ items(config=copy_prev(Config)) -> list[int] [task_into, shared_readonly]\n"
        "│  ├─ check() -> nothing [retry_on, catch]\n"
        "│  └─ <lambda>(a=copy_prev(), b=value(None))\n"
        "├─ list() -> list [consume_with_copies]\n"
        "│  ├─ count(config=consume_prev()) -> int\n"
        "│  └─ count[2](config=copy_prev()) -> int\n"
        "└─ last() -> list\n"
        "   └─ append(items=borrow_prev_mut(list)) -> list [task_forward_prev]"
    ) == str(compile_plan(tree))


@pytest.mark.parametrize(
    ("nodes", "line"),
    [
        ([(0, tick)], "plan 'p': 1 node, 0 slots"),
        ([(0, load), (1, count, borrow_prev())], "plan 'p': 2 nodes, 1 slot"),
        (
            [(0, task_into(lambda out: None)), (1, task_into(lambda x, out: None, borrow_prev()))],
            "plan 'p': 2 nodes, 2 slots",
        ),
    ],
)
def test_the_headline_counts(nodes, line):
    """In good English."""
    tree = TaskTree("p")
    for node in nodes:
        tree.node(*node)
    assert line == str(compile_plan(tree)).partition("\n")[0]


def test_lines_connect_over_branches_of_any_shape():
    """A node that is not the last of its siblings has its line drawn on beside everything below it."""
    tree = TaskTree("p")
    for level, name in enumerate("rabcd"):
        tree.node(level, tick, name=name)
    for level, name in [(3, "e"), (2, "f"), (3, "g"), (4, "h"), (1, "i"), (2, "j")]:
        tree.node(level, tick, name=name)
    shown = str(compile_plan(tree)).replace("() -> nothing", "")
    assert (
        "plan 'p': 11 nodes, 0 slots\n"
        "r\n"
        "├─ a\n"
        "│  ├─ b\n"
        "│  │  ├─ c\n"
        "│  │  │  └─ d\n"
        "│  │  └─ e\n"
        "│  └─ f\n"
        "│     └─ g\n"
        "│        └─ h\n"
        "└─ i\n"
        "   └─ j"
    ) == shown


def is_large(*numbers) -> bool: ...


def test_joins_stand_below_the_tree():
    """In the order of registration, each with what is below it, wherever in the run they come."""
    tree = TaskTree("p")
    root = tree.root(list, name="root")
    a = root.child(list, name="a")
    first = tree.join(len, borrow(a), name="first")
    first.child(count, copy(first), name="below")
    b = root.child(list, name="b")
    second = tree.join(zip, consume(b), borrow(first, default=1.5), name="second", when=is_large, keep=True)
    b.child(tick, after=[b, a], name="end")
    second.child(tick).child(tick)
    assert (
        "plan 'p': 9 nodes, 2 slots\n"
        "root() -> list\n"
        "├─ a() -> list\n"
        "└─ b() -> list\n"
        "   └─ end() after a, b -> nothing\n"
        "first(obj=borrow(a))\n"
        "└─ below(config=copy(first)) -> int\n"
        "second(#1=consume(b), #2=borrow(first, default=float)) -> zip [when is_large, keep]\n"
        "└─ tick() -> nothing\n"
        "   └─ tick() -> nothing"
    ) == str(compile_plan(tree))


def test_a_node_that_is_read_is_called_by_its_path_where_its_name_means_several():
    """The shortest words that say which one."""
    tree = TaskTree("p")
    root = tree.root(list, name="root")
    read = [root.child(list), root.child(list, name="x").child(list), root.child(list)]
    tree.join(tick, after=read)
    tree.join(tick, after=[root, *read, root.child(tick)])
    lines = str(compile_plan(tree)).splitlines()
    assert "tick() after root/list, root/x/list, list[2] -> nothing" == lines[-2]
    assert "tick[2]() after root, root/list, root/x/list, list[2] and 1 more -> nothing" == lines[-1]


def test_very_deep_nodes_say_their_level():
    """Instead of being indented ever further."""
    tree = TaskTree("p")
    node = tree.root(tick)
    for _ in range(32):
        node = node.child(tick)
    tree.node(31, tick)
    tree.node(30, tick)
    tree.node(2, tick)
    lines = str(compile_plan(tree)).splitlines()
    assert [
        "   " + "│  " + "   " * 27 + "├─ tick() -> nothing",
        "   " + "│  " + "   " * 27 + "│  (level 31) tick() -> nothing",
        "   " + "│  " + "   " * 27 + "│  (level 32) tick() -> nothing",
        "   " + "│  " + "   " * 27 + "│  (level 31) tick[2]() -> nothing",
        "   " + "│  " + "   " * 27 + "└─ tick[2]() -> nothing",
        "   " + "└─ tick[2]() -> nothing",
    ] == lines[31:]


def test_a_line_is_of_bounded_length_at_any_depth():
    """And nothing is recursive."""
    tree = TaskTree("p")
    node = tree.root(tick)
    for _ in range(5_000):
        node = node.child(tick)
    lines = str(compile_plan(tree)).splitlines()
    assert 5_002 == len(lines)
    assert "   " * 30 + "(level 5000) tick() -> nothing" == lines[-1]


def test_a_line_below_a_join_is_of_bounded_length():
    """A join has a subtree like any other."""
    tree = TaskTree("p")
    above = tree.root(tick)
    node = tree.join(tick, after=above, name="join")
    for _ in range(5_000):
        above, node = node, node.child(tick, after=above)
    lines = str(compile_plan(tree)).splitlines()
    assert "   └─ tick() after join -> nothing" == lines[4]
    assert 5_003 == len(lines)
    path = "join/(... 4974 more ...)" + "/tick" * 24
    assert f"{'   ' * 30}(level 5000) tick() after {path} -> nothing" == lines[-1]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (from_ctx(Config), "from_ctx(Config)"),
        (from_input("n", int), "from_input(n)"),
        (from_input(), "from_input(x)"),
        (value(3), "value(int)"),
        (value(None), "value(None)"),
        (value(Config), "value(type)"),
        (value([1], copy=True), "value(list)"),
        (borrow_prev(), "borrow_prev()"),
        (borrow_prev_mut(Config | None), "borrow_prev_mut(Config | None)"),
        (copy_prev(list[int]), "copy_prev(list[int])"),
        (consume_prev(int), "consume_prev(int)"),
        (borrow(TaskTree().root(tick)), "borrow(tick)"),
        (copy(TaskTree().root(tick, name="one"), default=[1]), "copy(one, default=list)"),
    ],
    ids=str,
)
def test_a_source_is_shown_as_a_user_would_write_it(source, text):
    """A value by its type, because the object may be large or secret."""
    assert text == source_text(task(lambda x: x, source).arguments[0])


@pytest.mark.parametrize(
    ("made", "options", "text"),
    [
        (task(lambda: 1), {}, "n()"),
        (task(tick), {}, "n() -> nothing"),
        (task(check), {}, "n() -> nothing"),
        (task(count, value(1)), {}, "n(config=value(int)) -> int"),
        (task(tick, output=int | None), {}, "n() -> int | None"),
        (task(tick), {"keep": True}, "n() -> nothing [keep]"),
        (task(tick), {"fanout": Fanout.SHARED_READONLY}, "n() -> nothing [shared_readonly]"),
        (
            task(list, managed=True, adapters=(catch_as_failure(),)),
            {"keep": True, "fanout": Fanout.CONSUME_WITH_COPIES},
            "n() [managed, consume_with_copies, keep, catch]",
        ),
        (task_into(lambda out: None, adapters=(catch_as_failure(),)), {"keep": True}, "n() [task_into, keep, catch]"),
        (task_into(lambda out: None, output=int), {}, "n() -> int [task_into]"),
        (
            with_condition(task(count, value(1)), is_large),
            {"keep": True},
            "n(config=value(int)) -> int [when is_large, keep]",
        ),
        (
            with_condition(task(count, value(1)), task(count, from_input("x"))),
            {},
            "n(config=value(int)) -> int [when count(config=from_input(x))]",
        ),
        (with_condition(task(tick), tick), {}, "n() -> nothing [when tick]"),
        (with_condition(task(tick), task(count, value(1))), {}, "n() -> nothing [when count(config=value(int))]"),
        (task_forward_prev(append, borrow_prev_mut()), {}, "n(items=borrow_prev_mut(list)) -> list [task_forward_prev]"),
    ],
)
def test_a_node_is_one_line(made, options, text):
    """Name, sources, output, and what is not as always."""
    assert text == task_text("n", made, options.get("fanout", Fanout.AUTO), kept="keep" * options.get("keep", False))


def test_what_is_printed_is_made_of_what_the_plan_holds():
    """The name and the slots are the plan's."""
    tree = TaskTree("x")
    tree.root(tick).child(tick)
    plan = compile_plan(tree)
    assert "plan 'x': 2 nodes, 0 slots\ntick() -> nothing\n└─ tick() -> nothing" == str(plan) == explain(plan)


def count_each(tree, *sources, **options):
    """A tree that counts in the elements of what its root gives, and another node below."""
    outer = TaskTree("outer")
    outer.root(list, name="root").each(tree, *sources, name="each", **options).child(tick)
    return outer


@pytest.mark.parametrize(
    ("sources", "options", "text"),
    [
        ([item(Config)], {}, "each(config=item(Config)) for each -> list"),
        ([item()], {"over": list}, "each(config=item()) for each of list(iterable=borrow_prev()) -> list"),
        ([item()], {"max_concurrency": 8, "keep": True}, "each(config=item()) for each -> list [keep, max_concurrency=8]"),
        ([item()], {"on_item_failure": "skip"}, "each(config=item()) for each -> list [on_item_failure=skip]"),
        ([item()], {"reduce": max}, "each(config=item()) for each [reduce=max]"),
        ([item()], {"adapters": [catch_as_failure()]}, "each(config=item()) for each -> list [catch]"),
        ([item()], {"when": is_large}, "each(config=item()) for each -> list [when is_large]"),
    ],
)
def test_what_runs_for_each_element_is_one_line(sources, options, text):
    """What the task takes, what the elements are made by, and the options that are not as always."""
    outer = count_each(count, *sources, **options)
    assert [f"├─ {text}".replace("├", "└"), "   └─ tick() -> nothing"] == str(compile_plan(outer)).splitlines()[2:]


def test_a_tree_that_runs_for_each_element_stands_below_its_node():
    """Behind a dashed line, before the children; also a tree inside a tree, and very deep down."""
    innermost, inner = TaskTree(), TaskTree("inner")
    innermost.root(count, item(), name="innermost")
    inner.root(list, item(), name="start").each(innermost, name="again")
    assert [
        "plan 'outer': 3 nodes, 1 slot",
        "root() -> list",
        "└─ each(tree 'inner') for each -> list",
        "   │ ┊ start(iterable=item()) -> list",
        "   │ ┊ └─ again(tree 'innermost') for each -> list [result]",
        "   │ ┊      ┊ innermost(config=item()) -> int [result]",
        "   └─ tick() -> nothing",
    ] == str(compile_plan(count_each(inner))).splitlines()
    tree = TaskTree("deep")
    node = tree.root(list)
    for _ in range(50):
        node = node.child(list)
    node.each(innermost)
    assert [
        f"{'   ' * 30}(level 51) each(tree 'innermost') for each -> list",
        f"{'   ' * 30}  ┊ innermost(config=item()) -> int [result]",
    ] == str(compile_plan(tree)).splitlines()[-2:]
