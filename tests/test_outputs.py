"""What a task gives to its node's slot, as far as its declaration tells."""

import typing
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Annotated, Any, Generic, TypeVar, Union

import pytest

from yorch_async import StepResult, TaskResult
from yorch_async._outputs import UNDECLARED, Output, Returns, managed_output, output_of
from yorch_async._types import UNKNOWN

T = TypeVar("T")
NONE = type(None)


class Base: ...


class Box(Generic[T]): ...


def nothing():
    return Output(Returns.NOTHING, UNKNOWN, may_retry=False, words="None")


def status(words, *, or_none=False):
    return Output(Returns.NOTHING if or_none else Returns.STATUS, UNKNOWN, may_retry=True, words=words)


def result(type_, words):
    return Output(Returns.RESULT, type_, may_retry=True, words=words)


def value(type_, words, *, may_retry=False):
    return Output(Returns.VALUE, type_, may_retry, words)


RESULT = "TaskResult"


@pytest.mark.parametrize(
    ("hint", "output"),
    [
        (UNKNOWN, UNDECLARED),
        (Any, UNDECLARED),
        (object, UNDECLARED),
        (T, UNDECLARED),
        (Annotated[Any, "whatever"], UNDECLARED),
        (int | Any, UNDECLARED),
        (int | object, UNDECLARED),
        (Union[int, T], UNDECLARED),  # noqa: UP007 - only this spelling takes a type variable
        (Annotated[int, "a"] | Annotated[Any, "b"], UNDECLARED),
        (None, nothing()),
        (NONE, nothing()),
        (Annotated[None, "nothing"], nothing()),
        (StepResult, status("StepResult")),
        (Annotated[StepResult, "a"], status("StepResult")),
        (StepResult | None, status("StepResult | None", or_none=True)),
        (typing.Optional[StepResult], status("StepResult | None", or_none=True)),  # noqa: UP045 - the old spelling
        (TaskResult, result(UNKNOWN, "TaskResult")),
        (TaskResult[int], result(int, f"{RESULT}[int]")),
        (TaskResult[list[int]], result(list[int], f"{RESULT}[list[int]]")),
        (TaskResult[None], result(NONE, f"{RESULT}[NoneType]")),
        (TaskResult[int] | TaskResult[str], result(int | str, f"{RESULT}[int] | {RESULT}[str]")),
        (TaskResult[int] | TaskResult, result(UNKNOWN, f"{RESULT}[int] | TaskResult")),
        (TaskResult[int] | StepResult, result(int, f"{RESULT}[int] | StepResult")),
        (TaskResult[int] | None, value(UNKNOWN, f"{RESULT}[int] | None", may_retry=True)),
        (TaskResult[int] | int, value(UNKNOWN, f"{RESULT}[int] | int", may_retry=True)),
        (int, value(int, "int")),
        (Base, value(Base, "Base")),
        (bool, value(bool, "bool")),
        (int | None, value(int | None, "int | None")),
        (int | StepResult, value(int, "int | StepResult", may_retry=True)),
        (int | str | StepResult, value(int | str, "int | str | StepResult", may_retry=True)),
        (int | None | StepResult, value(int | None, "int | None | StepResult", may_retry=True)),
        (Annotated[int, "a"] | StepResult, value(int, None, may_retry=True)),
        (list[int], value(list[int], "list[int]")),
        (list[int] | StepResult, value(list[int], "list[int] | StepResult", may_retry=True)),
        (list[int] | str, value(UNKNOWN, "list[int] | str")),
        (str | list[int] | int, value(UNKNOWN, "str | list[int] | int")),
        (Box[int], value(Box[int], None)),
        ("int", value("int", "'int'")),
    ],
    ids=str,
)
def test_a_return_annotation_is_read(hint, output):
    """Its style, the type of the value, and whether the answer can be RETRY."""
    found = output_of(hint)
    words = found.words if output.words is None else output.words
    assert Output(output.returns, output.type, output.may_retry, words) == found


def test_what_is_not_declared_may_be_anything():
    """Also RETRY."""
    assert Output(Returns.ANYTHING, UNKNOWN, may_retry=True, words="anything") == UNDECLARED


@pytest.mark.parametrize(
    ("hint", "exists"),
    [(None, False), (StepResult, False), (TaskResult[int], True), (int, True), (int | StepResult, True), (UNKNOWN, None)],
    ids=str,
)
def test_whether_there_is_an_output(hint, exists):
    """Where the declaration does not tell, only the run does."""
    assert output_of(hint).exists is exists


@pytest.mark.parametrize(
    ("hint", "type_"),
    [
        (AbstractContextManager[int], int),
        (AbstractAsyncContextManager[Base], Base),
        (typing.ContextManager[int], int),
        (Iterator[int], int),
        (Generator[int, str, bytes], int),
        (AsyncIterator[Base], Base),
        (AsyncGenerator[Base, str], Base),
        (Base, UNKNOWN),
        (Base | Box, UNKNOWN),
        (Box[int], UNKNOWN),
        (AbstractContextManager, UNKNOWN),
        (typing.Iterator, UNKNOWN),
    ],
    ids=str,
)
def test_a_managed_task_puts_out_what_its_context_manager_yields(hint, type_):
    """As far as the annotation names it; what a class of a user's own yields, only it knows."""
    found = managed_output(hint)
    assert (Returns.VALUE, type_, False) == (found.returns, found.type, found.may_retry)
    assert output_of(hint).words == found.words


def test_a_managed_task_may_answer_retry_if_it_says_so():
    """Instead of a context manager."""
    output = managed_output(Generator[int, None, None] | StepResult)
    assert (Returns.VALUE, int, True) == (output.returns, output.type, output.may_retry)


@pytest.mark.parametrize("hint", [UNKNOWN, None, StepResult, TaskResult[AbstractContextManager[int]]], ids=str)
def test_a_managed_task_that_names_no_context_manager_may_answer_anything(hint):
    """The run tells."""
    assert UNDECLARED is managed_output(hint)
