"""The table of refusals: each wrong program is refused at its stage with its whole message, and each right one runs."""

from collections import Counter

import pytest
from plan.refusals import PLAN, REFUSALS, REGISTRATION, RUN, SETUP, Program

from yorch_async import (
    NodeError,
    PlanError,
    RegistrationError,
    SetupError,
    TaskTree,
    YorchError,
    compile_plan,
    run_plan,
    run_sync,
)
from yorch_async._rules import RULES

BEFORE_RUNNING = [*REGISTRATION, *PLAN]
AT_RUN = [*SETUP, *RUN]
STAGES = {"registration": RegistrationError, "plan": PlanError, "setup": SetupError, "run": NodeError}


def program_of(made):
    """A program, of whatever a function of the table made."""
    if isinstance(made, Program):
        return Program(program_of(made.tree).tree, made.options, made.sync)
    if isinstance(made, TaskTree):
        return Program(made)
    tree = TaskTree("tree")
    tree.root(made)
    return Program(tree)


async def run_it(program, plan):
    """Run a compiled program in the way that it wants."""
    try:
        return run_sync(plan, **program.options) if program.sync else await run_plan(plan, **program.options)
    except ExceptionGroup as group:  # of a concurrent run
        (error,) = group.exceptions
        raise error from None


async def go_all_the_way(make):
    """Build, compile and run."""
    program = program_of(make())
    return await run_it(program, compile_plan(program.tree))


def ids(refusals):
    """The rule, numbered where there are several ways to break it."""
    counts = Counter()
    for refusal in refusals:
        counts[refusal.rule] += 1
        yield f"{refusal.rule}-{counts[refusal.rule]}"


def rules_of(error):
    """The ids of the rules that an error is about."""
    return [problem.rule for problem in getattr(error, "problems", None) or [error.problem]]


@pytest.mark.parametrize("refusal", BEFORE_RUNNING, ids=ids(BEFORE_RUNNING))
def test_what_is_wrong_before_running_is_refused_with_its_message(refusal):
    """Without any event loop, at the stage of its rule."""
    with pytest.raises(YorchError) as caught:
        compile_plan(program_of(refusal.wrong()).tree)
    assert refusal.message == str(caught.value)
    assert [refusal.rule] == rules_of(caught.value)
    assert isinstance(caught.value, STAGES[RULES[refusal.rule].stage])


@pytest.mark.anyio
@pytest.mark.parametrize("refusal", AT_RUN, ids=ids(AT_RUN))
async def test_what_is_wrong_when_running_is_refused_with_its_message(refusal):
    """At the stage of its rule; building and compiling have gone well."""
    program = program_of(refusal.wrong())
    plan = compile_plan(program.tree)
    with pytest.raises(YorchError) as caught:
        await run_it(program, plan)
    assert refusal.message == str(caught.value)
    assert [refusal.rule] == rules_of(caught.value)
    assert isinstance(caught.value, STAGES[RULES[refusal.rule].stage])


@pytest.mark.anyio
@pytest.mark.parametrize("refusal", REFUSALS, ids=ids(REFUSALS))
async def test_what_looks_alike_and_is_right_runs(refusal):
    """Nothing more is refused than what is wrong."""
    result = await go_all_the_way(refusal.right)
    assert result.ok, result.failures


def test_every_rule_has_its_refusal_and_every_refusal_its_rule():
    """In the order of the rules, so that the two can be read side by side."""
    assert list(RULES) == list(dict.fromkeys(refusal.rule for refusal in REFUSALS))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_is_filed_under_its_id(rule):
    """Written with small letters and dashes; what it says and what to write instead begin in the middle of a sentence."""
    assert RULES[rule.id] is rule
    assert rule.id == rule.id.lower().replace("_", "-").replace(" ", "-")
    for template in (rule.says, rule.remedy):
        assert template == template.strip(" .;")
        assert template[0] == template[0].lower() or template.startswith("{")


def test_a_message_ends_with_its_remedy():
    """After the id of the rule, which stands in brackets once."""
    assert [] == [
        refusal.rule
        for refusal in REFUSALS
        if refusal.message.count(f" [{refusal.rule}]; ") != 1 or refusal.message.endswith((".", ";"))
    ]
