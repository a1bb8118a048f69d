"""A plan with everything that a picture can show, and names that could break one."""

from pathlib import Path
from typing import Annotated, Any

from yorch_async import (
    BorrowPrev,
    DirectOut,
    Fanout,
    FromInput,
    RetryFixed,
    TaskTree,
    borrow,
    borrow_mut,
    borrow_prev,
    borrow_prev_mut,
    catch_as_failure,
    consume,
    consume_prev,
    copy,
    copy_prev,
    fallback,
    from_ctx,
    from_input,
    item,
    retry_on,
    task,
    task_forward_prev,
    task_into,
    value,
)


def load(root: Path, dsn: str, *, depth: FromInput[int] = 3) -> list[int]:
    """Make the output that the others read."""
    return [len(str(root)), len(dsn), depth]


def compare(left: BorrowPrev[list[int]], right: BorrowPrev[list[int]], text: str) -> None:
    """Read one output twice, and have none."""


def sort(numbers: list[int]) -> None:
    """Change in place."""
    numbers.sort()


def fill(numbers: list[int], out: DirectOut[dict[str, int]]) -> None:
    """Write into the slot."""
    out.set(dict.fromkeys(map(str, numbers), 0))


def everything() -> TaskTree:
    """One node for each thing that can be said of one."""
    tree = TaskTree("all of it")
    root = tree.root(load, from_ctx(Path), from_ctx(Annotated[str, "dsn"]), fanout=Fanout.SHARED_READONLY, keep=True)
    root.child(compare, from_input("text"))
    copied = root.child(
        sorted, copy_prev(list), name="copy", adapters=(catch_as_failure(), retry_on(OSError, RetryFixed(2)))
    )
    copied.child(task_forward_prev(sort, borrow_prev_mut(), name="sort")).child(task_into(fill, consume_prev()))
    root.child(lambda: 1)
    root.child(lambda unit: unit, value(1.5))
    root.child(open, value(__file__), name="resource", managed=True)
    return tree


def is_long(numbers: list[int], *_others: object) -> bool:
    """Look at what the node is passed."""
    return len(numbers) > 1


def is_wanted(numbers: list[int], *, wanted: bool) -> bool:
    """Look at something else."""
    return wanted and bool(numbers)


def graph() -> TaskTree:
    """One node for each thing that goes beyond a tree."""
    tree = TaskTree("graph")
    load = tree.root(list, value("abc"), name="load", fanout=Fanout.ORDERED)
    count = load.child(len, borrow(load), name="count", output=int)
    ordered = load.child(sort, borrow_mut(load), name="sort", output=None, after=count)
    spare = load.child(tuple, copy(load), name="spare", after=ordered, when=is_long, keep=True)
    wanted = task(is_wanted, borrow(load), from_input("wanted", bool))
    total = tree.join(print, borrow(count), consume(load), borrow(spare, default=()), name="total", output=int, when=wanted)
    total.child(lambda: 1, after=[count, total]).child(len, copy(spare, default=None), output=int)
    tree.join(lambda: 1, after=[count, ordered, spare, total, load])
    tree.join(max, borrow(total), adapters=[fallback(task(min, borrow(count)))], when=is_long)
    tree.join(min, borrow(total), when=lambda number: number)
    return tree


def parts(text: str, *, size: FromInput[int] = 2) -> list[str]:
    """Make elements of what the parent gave."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def fanned() -> TaskTree:
    """One node for each thing that can be said of what runs once for each element."""
    letter = TaskTree("one letter")
    read = letter.root(ord, item(str), name="read", adapters=(retry_on(OSError, RetryFixed(2)),))
    letter.join(max, borrow(read), from_input("least", int), name="larger", keep=True)
    part = TaskTree()
    part.root(str, item(str), name="part").each(letter, name="letters", max_concurrency=2).child(sum, borrow_prev(list))
    tree = TaskTree("fanned")
    text = tree.root(str, value("text"), name="text")
    folded = text.each(part, over=parts, name="parts", reduce=max, initial=0, on_item_failure="skip", max_concurrency=8)
    folded.child(print, borrow_prev())
    text.each(letter, name="collected", on_item_failure="collect", keep=True)
    text.each(part, name="again", when=bool).child(len, borrow_prev(list), output=int)
    powers = task(pow, item(int), borrow(folded), from_input("least", int), output=int, adapters=(catch_as_failure(),))
    numbers = text.each(powers, over=task(map, value(int), copy_prev()), after=folded, when=lambda function, text: text)
    tree.join(list, borrow(numbers), name="join").each(print, item(), name="shown", output=None)
    return tree


NAMES = [
    "\"quoted\" 'single'",
    "[a]{b}(c)<d>|e|",
    "line\\nbreak\\r\\ttab",
    "\\N \\G \\n \\",
    "&lt;b&gt; &amp; #35; #quot;",
    "1. list",
    "3) list",
    "1",
    "- dash",
    "* star",
    "+ plus",
    "> quote",
    "# head",
    "---",
    "===",
    "style x:y#z;",
    "style: #a;",
    "classDef a:b#c;",
    "%%{init: {'theme':'dark'}}%%",
    "%% comment",
    "`code` **bold** ~~struck~~ _it_ __init__ a_b",
    '"`markdown`"',
    "![image](x)",
    "http:||x.y www.example.com a@b.c",
    "fa:fa-car",
    "@{ shape: circle }",
    ":::css",
    "click n0 href",
    "a --> b; c",
    "$$x$$",
    "end",
    "<br>",
    "<script>alert(1)<|script>",
    "  two  spaces  ",
    "ünïcode 日本 😀",
    "zero\\u200bwidth\\u2028separator",
    "\\x00\\x1b[31mcontrol",
    "lone \\ud800 surrogate",
    "a.b.c - d-e",
]


def hostile() -> TaskTree:
    """Names that mean something to a notation, as names of nodes, of the tree, of a parameter and of an input."""
    tree = TaskTree('"the" <tree> & \\N\n')
    root = tree.root(lambda: 1)
    for name in NAMES:
        root.child(lambda x: x, borrow_prev(Any), name=name)
    root.child(len, from_input('in"put\n'), name="input")
    inner = TaskTree('"tree" ] & ;\n')
    inner.root(len, item())
    root.each(inner, name="each", over=lambda x: [x])
    return tree
