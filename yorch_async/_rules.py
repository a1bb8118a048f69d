"""Every rule that the library refuses something by, as data: what is said, and what to write instead.

*Guarantees*: a rule has one short id, one stage at which it is found, one sentence and one remedy; messages are made from
this table alone, so that code, tests and documentation cannot drift apart.
*Does not know*: how a rule is checked.
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["RULES", "Rule", "Stage"]

Stage = Literal["registration", "plan", "setup", "run"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One refusal. `says` and `remedy` are templates that are filled with the facts of the case."""

    id: str
    stage: Stage
    says: str
    remedy: str


_REGISTRATION: Final = (
    Rule(
        "not-callable",
        "registration",
        "{object} cannot be called",
        "pass the function itself, not the result of a call; its arguments come from the sources after it",
    ),
    Rule(
        "already-bound",
        "registration",
        "is a Task already, and takes no {options}",
        "place it as it is with root(), child() or node(); sources and options are given where the Task is made",
    ),
    Rule(
        "not-a-source",
        "registration",
        "source {number} is {object}, which does not say where an argument comes from",
        "write borrow(...) around a node, or value(...) around an object that is to be passed as it is",
    ),
    Rule(
        "too-many-sources",
        "registration",
        "has more sources ({given}) than parameters that take one ({names})",
        "give one source per parameter, in order, and none to a DirectOut or to a parameter that is annotated with its source",
    ),
    Rule(
        "variadic-source",
        "registration",
        "stands for any number of arguments, and is annotated with one source",
        "annotate parameters that have names of their own, or give the sources of `*args` in the call",
    ),
    Rule(
        "no-source",
        "registration",
        "has no source{why}",
        "add from_ctx(...), from_input(...), value(...), borrow_prev(...) and its like, or, for an element of each(...), item(); "
        "or annotate it, as in BorrowPrev[T]; or give it a default",
    ),
    Rule(
        "no-context-key",
        "registration",
        "from_ctx() does not say which object",
        "write from_ctx(T), or annotate the parameter",
    ),
    Rule(
        "parameter-type",
        "registration",
        "{source} gives {offered}, but the parameter is annotated {wanted}",
        "ask the source for {wanted}, or correct the annotation",
    ),
    Rule(
        "method-needs-receiver",
        "registration",
        "{method} is a method, and has no object to be called on",
        "write {instead}({method}, receiver_source, ...), or pass the bound method of an object",
    ),
    Rule(
        "not-a-method",
        "registration",
        "{callable} is not a method that waits for its receiver",
        "pass the method of a class, as in Class.method, or write {instead}({callable}, ...) for what can be called as it is",
    ),
    Rule(
        "receiver-type",
        "registration",
        "a receiver of type {receiver} has no method {method}",
        "take the receiver from a source of the class that defines the method, or of a subclass",
    ),
    Rule(
        "sink-in-regular",
        "registration",
        "is a DirectOut, which only the last parameter of a direct-output task receives",
        "make it the last parameter, and register the callable with {instead}(...)",
    ),
    Rule(
        "sink-missing",
        "registration",
        "{fault}, so the output has no place to go",
        "let the last parameter of the callable be `out: DirectOut[T]`, or register it with {instead}(...)",
    ),
    Rule(
        "sink-result",
        "registration",
        "is annotated to return {returns}, but its output is what it writes into the DirectOut",
        "annotate it `-> None` or `-> StepResult`",
    ),
    Rule(
        "forward-access",
        "registration",
        "forwards what it takes by one borrow_prev_mut(...), but has {accesses}",
        "give exactly one argument (or the receiver) borrow_prev_mut(...), and no other access to the parent",
    ),
    Rule(
        "forward-result",
        "registration",
        "is annotated to return {returns}, but what it forwards is the parent's own object",
        "annotate it `-> None` or `-> StepResult`, or register it as an ordinary task",
    ),
    Rule(
        "exclusive-access",
        "registration",
        "takes {what} by {accesses}, and an exclusive access allows no other beside it",
        "keep the one exclusive access, or only share (borrow, copy)",
    ),
    Rule(
        "retry-never",
        "registration",
        "retry(...) has nothing to do: neither the callable, annotated to return {what}, nor an adapter inside can answer RETRY",
        "let it return StepResult.retry() or TaskResult.retry(), or use retry_on(exceptions, policy) for a task that raises",
    ),
    Rule(
        "retry-consume",
        "registration",
        "cannot be run again, because what it consumes is given away at the first attempt",
        "only share it (borrow, copy), or leave the retrying adapter out",
    ),
    Rule(
        "not-an-adapter",
        "registration",
        "{object} is not {wanted}",
        "write adapters=(adapter, ...), with objects that have wrap(call), such as catch_as_failure() or retry(policy)",
    ),
    Rule(
        "alternative-of",
        "registration",
        "is a {kind}, and no other task can be run in place of one",
        "use catch_as_failure(policy), or let a task of its own, registered with task(...), come before it",
    ),
    Rule(
        "alternative-kind",
        "registration",
        "'{name}' is {what}, which cannot be run in place of another task",
        "register it with task(...), without managed=True",
    ),
    Rule(
        "alternative-consumes",
        "registration",
        "'{name}', which may be run instead, takes an output away",
        "only share it there (borrow, copy)",
    ),
    Rule(
        "alternative-reads",
        "registration",
        "'{name}', which may be run instead, reads by {access} what has been consumed by then",
        "only share it in both (borrow, copy), or let '{name}' read something else",
    ),
    Rule(
        "answer-value",
        "registration",
        "{adapter}(...) may answer {answer}, but {declared}",
        "answer a status that needs no output, such as StepResult.abort_branch(), or let the task return its output",
    ),
    Rule(
        "timeout-blocking",
        "registration",
        "timeout(...) cannot stop it: a plain function, not known to give an awaitable, runs until it returns",
        "make it `async def`, or put to_thread(abandon_on_cancel=True) inside",
    ),
    Rule(
        "thread-innermost",
        "registration",
        "to_thread(...) stands around another adapter, which would not run in the thread",
        "write to_thread(...) first: adapters=(to_thread(), ...)",
    ),
    Rule(
        "thread-async",
        "registration",
        "to_thread(...) is for functions that block, but this one is awaited",
        "leave to_thread(...) out",
    ),
    Rule(
        "thread-managed",
        "registration",
        "to_thread(...) would only make the context manager in the thread, and not enter it there",
        "leave to_thread(...) out, or return a value instead of a context manager",
    ),
    Rule(
        "thread-abandoned",
        "registration",
        "an abandoned thread would go on changing the output that it is lent for that",
        "leave abandon_on_cancel out, or copy it",
    ),
    Rule(
        "not-a-condition",
        "registration",
        "{object} is given as its condition, and cannot be called",
        "write when=function, which is lent what the node is going to be passed, or when=task(function, sources...)",
    ),
    Rule(
        "condition-kind",
        "registration",
        "'{name}' cannot be a condition, because it is more than a call",
        "use a callable, or task(function, sources...) without adapters, managed=True or a condition of its own",
    ),
    Rule(
        "condition-access",
        "registration",
        "{access} is exclusive, but a condition only looks",
        "use borrow_prev(...) or borrow(node)",
    ),
    Rule(
        "each-kind",
        "registration",
        "is {what}, which cannot be run for each element",
        "register it with task(...), without managed=True, or place it in a TaskTree and run that for each element",
    ),
    Rule(
        "each-no-item",
        "registration",
        "is run for each element, and takes none",
        "write item() as one of its sources, or annotate a parameter Item[T]",
    ),
    Rule(
        "each-exclusive",
        "registration",
        "{access} is exclusive, but many elements share what it takes",
        "use borrow_prev(...), copy_prev(...), borrow(node) or copy(node)",
    ),
    Rule(
        "each-over",
        "registration",
        "'{name}' is given as over=, and is more than a call",
        "use a callable of the parent's output, or task(function, sources...) without adapters and managed=True",
    ),
    Rule(
        "each-reduce",
        "registration",
        "reduce= is given, but there is nothing to reduce: the task is declared to return {declared}",
        "let the task return a value, or leave reduce= out",
    ),
    Rule(
        "each-itself",
        "registration",
        "'{name}' would run for each element of one of its own outputs",
        "write a tree of its own for the elements",
    ),
    Rule(
        "bad-name",
        "registration",
        "the name {name} cannot be used",
        "use a string that is not empty, can be printed and holds no '/'",
    ),
    Rule(
        "second-root",
        "registration",
        "the tree has its root already, '{root}'",
        "place further nodes below it with child(...)",
    ),
    Rule(
        "level",
        "registration",
        "a node at level {given} cannot follow one at level {last}",
        "use a level of 1 or more, and at most {limit}",
    ),
    Rule(
        "first-node",
        "registration",
        "the first node of a tree has to be its root, not a node at level {given}",
        "register the root first: tree.root(...), or tree.node(0, ...)",
    ),
    Rule(
        "join-parent",
        "registration",
        "{access} reads the parent's output, but a join has no parent",
        "name the node: borrow(node), borrow_mut(node), copy(node) or consume(node); a forwarding task is placed with child(...)",
    ),
    Rule(
        "join-nothing",
        "registration",
        "joins nothing: it reads no node, and comes after none",
        "read one, as in borrow(node), or write after=node; or place it below a node with child(...)",
    ),
    Rule(
        "foreign-node",
        "registration",
        "{access} reads '{node}', which is no node of this tree",
        "read nodes of the tree that the node itself is placed in",
    ),
    Rule(
        "after-node",
        "registration",
        "after= is given {object}, which is no node of this tree",
        "pass nodes as root(), child() and join() of this tree return them: after=node, or after=[node, ...]",
    ),
    Rule(
        "unknown-fanout",
        "registration",
        "{object} is not a fanout policy",
        "use Fanout.AUTO, Fanout.SHARED_READONLY, Fanout.CONSUME_WITH_COPIES or Fanout.ORDERED",
    ),
)

_PLAN: Final = (
    Rule(
        "empty-tree",
        "plan",
        "the tree has no nodes",
        "register a root first: tree.root(...)",
    ),
    Rule(
        "root-access",
        "plan",
        "{access} reads the parent's output, but the root has no parent",
        "use from_ctx(...), from_input(...) or value(...) at the root",
    ),
    Rule(
        "no-parent-output",
        "plan",
        "{access} reads the output of '{parent}', which has none (it is declared to return {declared})",
        "let '{parent}' return a value, or read from the context; the output of another node is read by borrow(node)",
    ),
    Rule(
        "type-mismatch",
        "plan",
        "{access} asks for {wanted}, but the output of '{parent}' is {offered}",
        "ask for {offered} or one of its bases, or change what '{parent}' returns",
    ),
    Rule(
        "fanout-auto",
        "plan",
        "{access} is exclusive, but '{parent}' has {count} children",
        "use borrow_prev(...) or copy_prev(...), or give '{parent}' fanout=Fanout.CONSUME_WITH_COPIES "
        "when one child consumes and the others copy, or fanout=Fanout.ORDERED when after= puts the children in order, or change "
        "the output in a task_forward_prev(...) between '{parent}' and its children",
    ),
    Rule(
        "fanout-shared",
        "plan",
        "{access} is exclusive, but '{parent}' has fanout=Fanout.SHARED_READONLY",
        "use borrow_prev(...) or copy_prev(...), or another fanout for '{parent}'",
    ),
    Rule(
        "fanout-copies",
        "plan",
        "{access} is neither copy_prev nor consume_prev, but '{parent}' has fanout=Fanout.CONSUME_WITH_COPIES",
        "use copy_prev(...), or consume_prev(...) in one child, or another fanout for '{parent}'",
    ),
    Rule(
        "fanout-consumers",
        "plan",
        "{access} takes the output of '{parent}', which '{first}' takes already",
        "let one child consume it, and use copy_prev(...) in the others",
    ),
    Rule(
        "item-outside",
        "plan",
        "item() stands for an element, but this tree is run by no each(...)",
        "use another source, or run the tree by node.each(tree)",
    ),
    Rule(
        "each-no-element",
        "plan",
        "the tree '{name}' is run for each element, and none of its nodes takes it",
        "write item() as one of the sources of its root",
    ),
    Rule(
        "each-result",
        "plan",
        "the tree '{name}' gives an element {count} outputs ({paths})",
        "mark the one that counts with keep=True, or join them",
    ),
    Rule(
        "each-circle",
        "plan",
        "the tree '{name}' would be run for each element of something in itself",
        "write a tree of its own for the elements",
    ),
    Rule(
        "each-elements",
        "plan",
        "the output of '{parent}' is {offered}, which has no elements",
        "write over=function, which makes an iterable of it",
    ),
    Rule(
        "each-type",
        "plan",
        "item asks for {wanted}, but what '{source}' gives to go through is {offered}",
        "ask for {offered} or one of its bases, or write over=function, which makes other elements",
    ),
    Rule(
        "default-forwarded",
        "plan",
        "{access} has a default, but the output of '{parent}' is the object of '{maker}', which is there whether or not '{parent}' "
        "succeeds",
        "leave the default out, or let '{parent}' make an output of its own",
    ),
    Rule(
        "unordered",
        "plan",
        "{access} accesses the output of '{node}', and so does '{other}' by {beside}; {which} exclusive, and nothing says which of "
        "the two nodes comes first",
        "let one of them come after the other, by after= or by reading what it makes, or use copy(...) in place of {exclusive}",
    ),
    Rule(
        "read-after-taken",
        "plan",
        "{access} can never read the output of '{node}': '{other}' comes before, and takes it away by {beside}",
        "let '{other}' come after this node, or use copy(...) there",
    ),
    Rule(
        "same-output",
        "plan",
        "{access} and {beside} of '{parameter}' access the same output, that of '{node}', and one of them is exclusive",
        "keep the one exclusive access, or only share (borrow, copy)",
    ),
    Rule(
        "resource-reads",
        "plan",
        "{access} is exclusive, but the resource of '{other}' was made from the output of '{node}', and may still use it",
        "use borrow(...) or copy(...), or let '{other}' take a copy",
    ),
    Rule(
        "kept-changed",
        "plan",
        "{access} is exclusive, but the output of '{kept}' is kept for the result",
        "only share it (borrow, copy), or leave keep=True out at '{kept}'",
    ),
    Rule(
        "duplicate-name",
        "plan",
        "the name '{name}' is given to another node as well, '{first}'",
        "give each node a name of its own, or none",
    ),
    Rule(
        "input-type",
        "plan",
        "the input '{input}' is taken as {wanted}, but '{first}' takes it as {offered}",
        "ask for one type everywhere, or for two inputs",
    ),
)

_SETUP: Final = (
    Rule(
        "missing-context",
        "setup",
        "the context holds no {what}; it holds {there}",
        "add it: Context(..., bind={{{what}: ...}})",
    ),
    Rule(
        "missing-input",
        "setup",
        "the input '{what}' is not given; given: {there}",
        "pass inputs={{'{what}': ...}}",
    ),
    Rule(
        "unexpected-input",
        "setup",
        "no node takes an input '{what}'; inputs of the plan: {there}",
        "leave it out, or correct its name",
    ),
    Rule(
        "input-value",
        "setup",
        "the input '{what}' is of type {offered}, but {wanted} is asked for",
        "pass an object of type {wanted}",
    ),
    Rule(
        "not-sync",
        "setup",
        "{what}, which run_sync cannot await",
        "await run_plan(...), or write run(...), which starts an event loop",
    ),
)

_RUN: Final = (
    Rule(
        "empty-slot",
        "run",
        "succeeded without having written its output",
        "call emplace(), set() or success() of the DirectOut, or answer StepResult.failure()",
    ),
    Rule(
        "closed-slot",
        "run",
        "the DirectOut was used after the attempt that it belongs to had ended",
        "write the output before the task returns",
    ),
    Rule(
        "no-value",
        "run",
        "the DirectOut holds no value",
        "write one first, or ask has_value",
    ),
    Rule(
        "untyped-slot",
        "run",
        "emplace() does not know what to construct",
        "annotate the parameter DirectOut[T] with a class T, or use set(object)",
    ),
    Rule(
        "cancelled",
        "run",
        "ended as cancelled, though nobody has cancelled the run",
        "catch the cancellation of what it awaits, and raise or answer what that means for the node",
    ),
    Rule(
        "suspends",
        "run",
        "waits for something, which run_sync cannot do",
        "await run_plan(...), or write run(...), which starts an event loop",
    ),
    Rule(
        "result-type",
        "run",
        "returned {what}, but {declared}",
        "return what is declared, or change the declaration",
    ),
    Rule(
        "no-output",
        "run",
        "succeeded without an output, but '{reader}' reads it",
        "return a value or TaskResult.success(value), or answer StepResult.abort_branch()",
    ),
    Rule(
        "no-answer",
        "run",
        "{what} answered None",
        "return a StepResult, a TaskResult or a value; TaskResult.success(None) is the output None",
    ),
    Rule(
        "bad-delay",
        "run",
        "{what} answered {given} as the time to wait",
        "return seconds, as a number of 0 or more",
    ),
    Rule(
        "no-elements",
        "run",
        "has no elements to go through, but {what}",
        "return an iterable or an async iterable, or write over=function, which makes one of it",
    ),
    Rule(
        "used-up",
        "run",
        "goes through {what}, which can be gone through only once, and '{other}' goes through it as well",
        "return a list, or let over=function make an iterator for each of the two",
    ),
    Rule(
        "nothing-reduced",
        "run",
        "has no element to begin with, and so nothing to reduce",
        "write initial=..., which is what an empty reduction gives",
    ),
    Rule(
        "not-managed",
        "run",
        "is managed, but returned {what}, which is no context manager",
        "return an object with __aenter__ and __aexit__ or __enter__ and __exit__, or leave managed=True out",
    ),
    Rule(
        "consumed-twice",
        "run",
        "what it consumes was given away to an earlier attempt",
        "let no adapter call a consuming task again, or copy it",
    ),
    Rule(
        "borrow-changed",
        "run",
        "changed what it only borrowed: {what}",
        "borrow it to change it (borrow_prev_mut, borrow_mut), or copy it",
    ),
)

RULES: Final = {rule.id: rule for rule in (*_REGISTRATION, *_PLAN, *_SETUP, *_RUN)}
