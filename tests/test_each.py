"""Registering what runs for each element: what a node of `each` is, and what is wrong with one alone."""

import pytest

from yorch_async import (
    FromInput,
    Item,
    RegistrationError,
    TaskResult,
    TaskTree,
    borrow_prev,
    catch_as_failure,
    compile_plan,
    item,
    run_sync,
    task,
    value,
)


def words_of(*words):
    tree = TaskTree("t")
    return tree, tree.root(lambda: list(words), name="words")


def length(word: str) -> int:
    return len(word)


def annotated(more: FromInput[int], word: Item[str]) -> int:
    return more + len(word)


def with_default(word="default"):
    return word


def variadic(*words):
    return words


def one_of_two(word, more="more"):
    return word + more


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (length, [2, 3]),
        (len, [2, 3]),
        (str, ["to", "be!"]),
        (lambda word: word, ["to", "be!"]),
        (with_default, ["to", "be!"]),
        (one_of_two, ["tomore", "be!more"]),
        (TaskResult.success, ["to", "be!"]),
        ([].append, [None, None]),
    ],
)
def test_the_element_may_be_left_out_where_there_is_one_parameter(fn, expected):
    """Or one without a default; callables whose parameters nobody knows are passed the element as well."""
    tree, words = words_of("to", "be!")
    node = words.each(fn, name="each")
    assert expected == run_sync(compile_plan(tree))[node]


def test_the_element_may_be_told_by_an_annotation():
    """As any other source."""
    tree, words = words_of("to", "be!")
    node = words.each(annotated, name="each")
    bound = words.each(task(annotated), name="bound")
    result = run_sync(compile_plan(tree), inputs={"more": 10})
    assert [12, 13] == result[node] == result[bound]


@pytest.mark.parametrize("fn", [lambda: None, lambda one, two: None, variadic])
def test_the_element_is_not_guessed(fn):
    """Where it could be several parameters, or none."""
    _, words = words_of()
    with pytest.raises(RegistrationError, match=r"\[(each-no-item|no-source)\]"):
        words.each(fn, name="each")


def test_several_arguments_may_be_the_element():
    """Also by keyword, and of a callable with any number of parameters."""
    tree, words = words_of("to")
    node = words.each(variadic, item(), value(1), item(str), name="each")
    assert [("to", 1, "to")] == run_sync(compile_plan(tree))[node]


def test_the_name_is_given_or_that_of_what_is_run():
    """Of the task, or of the tree."""
    _, words = words_of()
    inner = TaskTree("inner")
    inner.root(length, item())
    nameless = TaskTree()
    nameless.root(length, item())
    given = [words.each(length), words.each(length, name="a"), words.each(task(length, item(), name="b"))]
    given += [words.each(inner), words.each(nameless), words.each(inner, name="c")]
    assert ["length", "a", "b", "inner", "each", "c"] == [node.name for node in given]


def test_a_task_brings_its_own_sources():
    """None may be given beside it, neither adapters nor an output."""
    _, words = words_of()
    bound = task(length, item())
    for sources, options, told in (
        ((item(),), {}, "sources"),
        ((), {"adapters": [catch_as_failure()]}, "adapters"),
        ((item(),), {"output": int}, "sources or output"),
    ):
        with pytest.raises(RegistrationError, match=rf"takes no {told} \[already-bound\]"):
            words.each(bound, *sources, **options)


def test_a_tree_is_taken_as_it_is():
    """Its nodes have what could be given."""
    _, words = words_of()
    inner = TaskTree("inner")
    inner.root(length, item())
    for sources, options in (((item(),), {}), ((), {"adapters": [catch_as_failure()]}), ((), {"output": int})):
        with pytest.raises(TypeError, match="its nodes have their own sources, adapters and outputs"):
            words.each(inner, *sources, **options)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"max_concurrency": 0}, ValueError, "max_concurrency must be an integer of 1 or more, or None, not 0"),
        ({"max_concurrency": True}, ValueError, "max_concurrency must be an integer of 1 or more, or None, not True"),
        ({"max_concurrency": 1.5}, ValueError, "max_concurrency must be an integer of 1 or more, or None, not 1.5"),
        ({"on_item_failure": "ignore"}, ValueError, "on_item_failure must be 'stop', 'skip' or 'collect', not 'ignore'"),
        ({"reduce": 3}, TypeError, "reduce must be a callable of the value so far and the next result, not 3"),
        ({"initial": 3}, TypeError, "initial is what reduce begins with; there is no reduce"),
    ],
)
def test_options_are_checked_where_they_are_given(options, error, text):
    """By what they have to be."""
    _, words = words_of()
    with pytest.raises(error) as caught:
        words.each(length, **options)
    assert text == str(caught.value)


def test_sources_for_the_same_type_are_the_same():
    """However often they are written."""
    assert item(int).identity == item(int).identity != item(str).identity
    assert "item" == str(item(int))


def test_what_needs_a_loop_says_so():
    """A task or a tree with a coroutine function in it, or an `over` that is one."""

    async def later(word):
        return word

    inner = TaskTree("inner")
    inner.root(length, item()).child(later, borrow_prev())
    for what, options, told in (
        (later, {}, "runs 'later' for each element, which is a coroutine function"),
        (inner, {}, "runs 'later' for each element, which is a coroutine function"),
        (length, {"over": later}, "is a coroutine function"),
    ):
        _, words = words_of()
        words.each(what, **options)
        (made,) = (placed.task for placed in words.tree.placed[1:])
        assert told == made.awaited_for


def test_a_coroutine_function_cannot_reduce():
    """Nobody would wait for it."""

    async def add(total, number):
        return total + number

    with pytest.raises(TypeError, match="reduce is called without waiting for it, so it cannot be a coroutine function"):
        TaskTree().root(list).each(str, reduce=add)
