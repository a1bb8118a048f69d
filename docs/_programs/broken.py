"""A tree with two mistakes."""

from yorch_async import TaskTree, borrow_prev, borrow_prev_mut


def load() -> list[str]:
    """Make a list."""
    return ["b", "a"]


def sort(words: list[str]) -> None:
    """Change the list under the other reader's eyes."""
    words.sort()


def count(words: list[str]) -> int:
    """Make a number."""
    return len(words)


def shout(word: str) -> str:
    """Take a text, which is no number."""
    return word.upper()


tree = TaskTree("broken")
words = tree.root(load)
words.child(sort, borrow_prev_mut())
words.child(count, borrow_prev()).child(shout, borrow_prev())
