"""Every rule between nodes, asked of every node: the matrix of fan-out, chains of forwarding, and all problems at once."""

from itertools import product

import pytest

from yorch_async import (
    Fanout,
    PlanError,
    StepResult,
    TaskResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    copy_prev,
    from_input,
    task,
    task_forward_prev,
    task_into,
    value,
)

BORROW, CHANGE, COPY, TAKE = borrow_prev(), borrow_prev_mut(), copy_prev(), consume_prev()


def use(*given): ...


def load() -> int: ...


def tick() -> None: ...


def check() -> StepResult: ...


def reading(*sources, **options):
    """A task that has these sources."""
    return task(use, *sources, **options)


def forward(given): ...


FORWARD = task_forward_prev(forward, CHANGE)
KEPT = {"keep": True}


def problems_of(*nodes):
    """The problems of a tree that is written by levels: (level, task) or (level, task, options of the node)."""
    tree = TaskTree("t")
    for level, made, *options in nodes:
        tree.node(level, made, **(options[0] if options else {}))
    try:
        compile_plan(tree)
    except PlanError as error:
        return error.problems
    return ()


def found(*nodes):
    """Where, which parameter and which rule."""
    return [(problem.path, problem.parameter, problem.rule) for problem in problems_of(*nodes)]


def messages(*nodes):
    """What is said, without the place."""
    return [problem.message for problem in problems_of(*nodes)]


# --- fan-out ---------------------------------------------------------------------------------------------------------

CHILDREN = {
    "": reading(),
    "borrow": reading(BORROW),
    "change": reading(CHANGE),
    "copy": reading(COPY),
    "take": reading(TAKE),
    "forward": FORWARD,
    "borrow copy": reading(BORROW, COPY),
    "copy copy": reading(COPY, COPY),
    "borrow borrow": reading(BORROW, BORROW),
}
"""Every way in which a child can use its parent's output."""


YORCH = [Fanout.AUTO, Fanout.SHARED_READONLY, Fanout.CONSUME_WITH_COPIES]
"""The policies of YOrch; the general rule, which `ORDERED` selects, is tested in `test_ownership.py`."""


def allowed(fanout, children):
    """Which children may do what they do, as the rules of YOrch say it (yorch-semantics.md, 23)."""
    exclusive = {"change", "take", "forward"}
    if fanout is Fanout.AUTO:
        return [len(children) == 1 or child not in exclusive for child in children]
    if fanout is Fanout.SHARED_READONLY:
        return [child not in exclusive for child in children]
    takers = [index for index, child in enumerate(children) if child == "take"]
    return [child in {"", "copy", "copy copy"} or [index] == takers[:1] for index, child in enumerate(children)]


def refused_by(fanout, child):
    """The rule that a child breaks, once for each access."""
    if fanout is Fanout.AUTO:
        return ["fanout-auto"]
    if fanout is Fanout.SHARED_READONLY:
        return ["fanout-shared"]
    if child == "take":
        return ["fanout-consumers"]
    return ["fanout-copies"] * sum(access != "copy" for access in child.split())


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("fanout", YORCH)
def test_the_matrix_of_fanout(fanout, number):
    """Every combination of children, with the rule of each that is not allowed."""
    wrong = {}
    for children in product(CHILDREN, repeat=number):
        expected = [
            rule
            for child, is_allowed in zip(children, allowed(fanout, children), strict=True)
            for rule in ([] if is_allowed else refused_by(fanout, child))
        ]
        nodes = [(0, task(load), {"fanout": fanout}), *((1, CHILDREN[child]) for child in children)]
        if expected != [rule for _, _, rule in found(*nodes)]:
            wrong[children] = found(*nodes)
    assert {} == wrong


@pytest.mark.parametrize("fanout", YORCH)
def test_the_fanout_of_a_forwarding_node_counts_for_its_children(fanout):
    """As that of any other; and not for its siblings or grandchildren."""
    nodes = [(0, task(load)), (1, FORWARD, {"fanout": fanout}), (2, reading(TAKE)), (3, reading()), (2, reading(COPY))]
    rule = {Fanout.AUTO: "fanout-auto", Fanout.SHARED_READONLY: "fanout-shared"}.get(fanout)
    assert ([("load/forward/use", "given", rule)] if rule else []) == found(*nodes)


def test_only_direct_children_share_an_output():
    """What a grandchild does is between it and its parent."""
    nodes = [(0, task(load)), (1, reading(TAKE)), (2, reading(BORROW)), (2, reading(BORROW))]
    assert [] == found(*nodes)
    assert [] == found((0, task(load)), (1, reading(BORROW)), (2, reading(TAKE)), (1, reading(BORROW)), (2, reading(CHANGE)))


def test_the_first_and_the_last_of_several_children_are_not_alone():
    """Whichever of them does not share is told how many there are."""
    first = [(0, task(load)), (1, reading(TAKE)), (1, reading()), (1, reading())]
    last = [(0, task(load)), (1, reading()), (2, reading()), (1, reading(CHANGE))]
    assert ["consume_prev is exclusive, but 'load' has 3 children"] == messages(*first)
    assert ["borrow_prev_mut is exclusive, but 'load' has 2 children"] == messages(*last)


def test_a_further_consumer_is_told_of_the_first():
    """By its name among its siblings."""
    nodes = [(0, task(load), {"fanout": Fanout.CONSUME_WITH_COPIES}), (1, reading(COPY)), *((1, reading(TAKE)),) * 3]
    assert ["consume_prev takes the output of 'load', which 'use[2]' takes already"] * 2 == messages(*nodes)
    assert ["t/use[3]", "t/use[4]"] == [path.replace("load", "t") for path, _, _ in found(*nodes)]


# --- what there is to read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [BORROW, CHANGE, COPY, TAKE], ids=str)
def test_the_root_has_no_parent(source):
    """Each access is named."""
    assert [f"{source} reads the parent's output, but the root has no parent"] == messages((0, reading(source)))


def test_every_access_of_the_root_is_a_problem():
    """Also that of a forwarding root; what stands below it is not to blame."""
    two = task(lambda x, y: None, BORROW, COPY, name="two")
    assert [("two", "x", "root-access"), ("two", "y", "root-access")] == found((0, two), (1, reading(value(1))))
    assert [("forward", "given", "root-access")] == found((0, FORWARD), (1, reading(TAKE)))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (task(tick), "None"),
        (task(check), "StepResult"),
        (task(load, output=StepResult | None), "StepResult | None"),
    ],
)
def test_a_parent_that_is_declared_to_have_no_output_cannot_be_read(made, words):
    """The message says how it is declared."""
    expected = f"borrow_prev reads the output of '{made.name}', which has none (it is declared to return {words})"
    assert [expected] == messages((0, made), (1, reading(BORROW)))


@pytest.mark.parametrize(
    "made",
    [
        task(load),
        task(lambda: None),
        task(tick, output=int),
        task(load, output=TaskResult[int]),
        task(load, output=int | StepResult),
        task_into(lambda out: None),
        task(tick, managed=True),
    ],
)
def test_a_parent_that_may_have_an_output_can_be_read(made):
    """The run tells."""
    assert [] == found((0, made), (1, reading(BORROW)))


def test_every_access_to_what_is_not_there_is_a_problem():
    """And nothing else is said of them."""
    two = task(lambda x, y: None, borrow_prev(str), copy_prev(int), name="two")
    assert [("tick/two", "x", "no-parent-output"), ("tick/two", "y", "no-parent-output")] == found((0, task(tick)), (1, two))


def test_a_grandparent_is_not_visible():
    """Also where the parent has no output itself."""
    assert [("load/tick/use", "given", "no-parent-output")] == found((0, task(load)), (1, task(tick)), (2, reading(BORROW)))


def test_what_forwards_nothing_has_no_output():
    """The message names the node that it should come from."""
    nodes = [(0, task(tick)), (1, FORWARD), (2, FORWARD), (3, reading(COPY))]
    rule = "no-parent-output"
    assert [
        ("tick/forward", "given", rule),
        ("tick/forward/forward", "given", rule),
        ("tick/forward/forward/use", "given", rule),
    ] == found(*nodes)
    assert {"tick"} == {message.split("'")[1] for message in messages(*nodes)}
    assert messages(*nodes)[2].endswith("of 'tick', which has none (it is declared to return None)")


# --- types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "wanted"),
    [(int, int), (int, float), (bool, int), (int, int | None), (list[int], str), (None, str), (TaskResult[int], int)],
    ids=str,
)
def test_a_type_that_fits_or_is_not_known_is_no_problem(output, wanted):
    """A subclass satisfies its base."""
    made = task(lambda: None) if output is None else task(load, output=output)
    assert [] == found((0, made), (1, reading(borrow_prev(wanted))))


@pytest.mark.parametrize(
    ("output", "wanted", "offered"),
    [
        (int, str, "int"),
        (int | None, int, "int | None"),
        (TaskResult[int], str, "int"),
        (int | StepResult, str, "int"),
    ],
    ids=str,
)
def test_a_type_that_does_not_fit_is_a_problem(output, wanted, offered):
    """Both are named."""
    made = task(load, output=output)
    expected = f"copy_prev asks for {wanted.__name__}, but the output of 'load' is {offered}"
    assert [expected] == messages((0, made), (1, reading(copy_prev(wanted))))


def test_each_access_is_checked_for_its_type():
    """One of them may be right."""
    made = task(lambda x, y, z: None, borrow_prev(str), borrow_prev(int), copy_prev(str), name="three")
    assert [("load/three", "x", "type-mismatch"), ("load/three", "z", "type-mismatch")] == found((0, task(load)), (1, made))


def test_a_direct_output_has_the_type_of_its_handle():
    """Whatever its function returns."""
    assert ["borrow_prev asks for str, but the output of 'fill' is int"] == messages(
        (0, task_into(lambda out: None, output=int, name="fill")), (1, reading(borrow_prev(str)))
    )


def test_a_forwarded_output_has_the_type_of_what_is_forwarded():
    """However often; if that is not known, the type that the forwarding node asks for."""

    def wide(given): ...

    def narrow(given): ...

    wide, narrow = (task_forward_prev(fn, borrow_prev_mut(type_)) for fn, type_ in [(wide, object), (narrow, list)])
    unknown = task(use)
    assert [] == found((0, task(load)), (1, wide), (2, wide), (3, reading(borrow_prev(int))))
    assert ["borrow_prev asks for str, but the output of 'wide' is int"] == messages(
        (0, task(load)), (1, wide), (2, reading(borrow_prev(str)))
    )
    assert ["borrow_prev asks for str, but the output of 'narrow' is list"] == messages(
        (0, unknown), (1, narrow), (2, reading(borrow_prev(str)))
    )
    assert ["borrow_prev asks for str, but the output of 'forward' is list"] == messages(
        (0, unknown), (1, narrow), (2, FORWARD), (3, reading(borrow_prev(str)))
    )


# --- what is kept ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "is_problem"), [(BORROW, False), (COPY, False), (CHANGE, True), (TAKE, True)], ids=str)
def test_a_kept_output_may_only_be_shared(source, is_problem):
    """By every reader."""
    assert [("load/use", "given", "kept-changed")] * is_problem == found((0, task(load), KEPT), (1, reading(source)))


@pytest.mark.parametrize(
    ("nodes", "problems"),
    [
        (
            [(0, task(load), KEPT), (1, FORWARD), (2, reading(TAKE))],
            [("load/forward", "load"), ("load/forward/use", "load")],
        ),
        ([(0, task(load)), (1, FORWARD, KEPT), (2, reading(TAKE))], [("load/forward/use", "forward")]),
        ([(0, task(load)), (1, FORWARD, KEPT), (2, reading(BORROW))], []),
        ([(0, task(load)), (1, FORWARD), (2, FORWARD, KEPT)], []),
        (
            [(0, task(load)), (1, FORWARD, KEPT), (2, FORWARD), (3, reading(CHANGE))],
            [("load/forward/forward", "forward"), ("load/forward/forward/use", "forward")],
        ),
        ([(0, task(load), KEPT), (1, reading(COPY)), (2, reading(TAKE))], []),
        ([(0, task(load)), (1, reading(TAKE), KEPT)], []),
    ],
)
def test_a_kept_output_may_not_be_changed_by_way_of_a_forwarding_node_either(nodes, problems):
    """The object is the same; what was kept nearest above is named."""
    assert [(path, "given", "kept-changed") for path, _ in problems] == found(*nodes)
    kept = [f"is exclusive, but the output of '{name}' is kept for the result" for _, name in problems]
    assert kept == [message.partition(" ")[2] for message in messages(*nodes)]


# --- names and inputs ------------------------------------------------------------------------------------------------


def test_chosen_names_are_unique_in_a_tree():
    """Also far apart, also that of a ready task; each further one is told of the first."""
    ready = task(load, name="a")
    nodes = [
        (0, ready),
        (1, task(load), {"name": "b"}),
        (2, ready),
        (1, task(load), {"name": "a"}),
        (1, ready, {"name": "c"}),
    ]
    assert [("a/b/a", None, "duplicate-name"), ("a/a", None, "duplicate-name")] == found(*nodes)
    assert ["the name 'a' is given to another node as well, 'a'"] * 2 == messages(*nodes)


def test_names_of_callables_may_repeat():
    """Nobody chose them."""
    assert [] == found((0, task(load)), (1, task(load)), (1, task(load), {"name": "load"}))


def asking(*types):
    """A tree of nodes that all take one input."""
    return [(index, reading(from_input("n", *types[index : index + 1]), name=f"n{index}")) for index in range(len(types))]


@pytest.mark.parametrize(
    "types", [(int, int), (int, bool), (bool, int), (int, float), (object, int, str), (int, list[int]), (int | None, int)]
)
def test_an_input_may_be_taken_as_types_that_go_together(types):
    """One satisfies the other; what is not known goes with everything."""
    assert [] == found(*asking(*types))


def test_types_of_an_input_that_do_not_go_together_are_problems():
    """Each is compared with the first that is known."""
    unknown = (0, reading(from_input("n"), name="n0"))
    nodes = [unknown, *asking(None, int, str, bool, list)[1:]]
    assert [("n0/n1/n2", "given", "input-type"), ("n0/n1/n2/n3/n4", "given", "input-type")] == found(*nodes)
    assert [
        "the input 'n' is taken as str, but 'n0/n1' takes it as int",
        "the input 'n' is taken as list, but 'n0/n1' takes it as int",
    ] == messages(*nodes)


def test_other_inputs_and_sources_have_types_of_their_own():
    """They are told apart by their names."""
    two = task(lambda x, y, z: None, value("text"), from_input("n", int), from_input("m", str), name="two")
    assert [] == found((0, two), (1, reading(from_input("m", str))))
    same = task(lambda x, y: None, from_input("n", int), from_input("n", str), name="same")
    assert [("same", "y", "input-type")] == found((0, same))


# --- all of it -------------------------------------------------------------------------------------------------------


def test_all_problems_of_a_tree_are_reported_at_once():
    """In the order of the nodes; at one node: its name, its inputs, then each access in the order of the parameters."""
    tree = TaskTree("scene")
    root = tree.root(task(lambda x, y: 1, BORROW, from_input("n", int), output=int, name="root"), keep=True)
    b = root.child(task(lambda x: None, consume_prev(str), output=None), name="b")
    b.child(task(lambda x, y, z: None, COPY, COPY, from_input("n", str)), name="root")
    root.child(task(lambda x: None, borrow_prev(int)), name="d")
    with pytest.raises(PlanError) as caught:
        compile_plan(tree)
    assert "plan 'scene'" == caught.value.headline
    assert [
        ("root", "x", "root-access"),
        ("root/b", "x", "type-mismatch"),
        ("root/b", "x", "kept-changed"),
        ("root/b", "x", "fanout-auto"),
        ("root/b/root", None, "duplicate-name"),
        ("root/b/root", "z", "input-type"),
        ("root/b/root", "x", "no-parent-output"),
        ("root/b/root", "y", "no-parent-output"),
    ] == [(problem.path, problem.parameter, problem.rule) for problem in caught.value.problems]
    assert str(caught.value).startswith("plan 'scene': 8 problems\n  root, parameter 'x': borrow_prev reads")
