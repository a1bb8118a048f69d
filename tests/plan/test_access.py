"""Who reads what, who owns it, until when it is needed, and in which slot it lies."""

from random import Random

import pytest

from yorch_async import (
    Fanout,
    PlanError,
    StepResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    copy_prev,
    task,
    task_forward_prev,
    task_into,
    value,
)
from yorch_async._specs import Access
from yorch_async._tasks import Kind
from yorch_async.plan._access import Stage

COPIES = Fanout.CONSUME_WITH_COPIES


def use(*given): ...


def tick() -> None: ...


def check() -> StepResult: ...


def load() -> int: ...


def fill(given, out): ...


def look(source=None, **options):
    """A task that reads its parent's output, or nothing; whether it has an output is not known."""
    return task(use, *([] if source is None else [source]), **options)


def forward():
    return task_forward_prev(use, borrow_prev_mut())


def into(source=None):
    return task_into(fill, source or value(1))


READ, COPY, TAKE, NONE = borrow_prev(), copy_prev(), consume_prev(), None


def plan_of(*nodes):
    """The plan of a tree that is written by levels: (level, task) or (level, task, options of the node)."""
    tree = TaskTree()
    for level, made, *options in nodes:
        tree.node(level, made, **(options[0] if options else {}))
    return compile_plan(tree)


def lives_of(*nodes):
    """The lifetimes of its outputs."""
    return plan_of(*nodes).lifetimes


def test_a_node_reads_its_parent_once_for_each_access():
    """Wherever that stands."""
    two = task(use, copy_prev(), value(1), borrow_prev())
    lives = lives_of((0, look()), (1, two), (2, look()), (1, look(READ)), (2, look(READ)))
    assert ((), (0, 0), (), (0,), (3,)) == lives.sources


def test_an_output_belongs_to_the_node_that_made_it():
    """Over any number of forwarding ones; what is declared to have no output has no owner."""
    chain = lives_of((0, load), (1, forward()), (2, forward()), (3, into(READ)), (4, forward()))
    assert (0, 0, 0, 3, 3) == chain.owners
    assert (0, -1, -1, 3) == lives_of((0, load), (1, tick), (1, check), (1, look(READ))).owners


@pytest.mark.parametrize(
    ("nodes", "lasts"),
    [
        ([(0, load)], (0,)),
        ([(0, load), (1, look())], (0, 1)),
        ([(0, load), (1, look(READ))], (1, 1)),
        ([(0, load), (1, look(READ)), (2, look(READ)), (1, look(READ)), (1, look())], (3, 2, 2, 3, 4)),
        ([(0, load), (1, look()), (2, look(READ))], (0, 2, 2)),
        ([(0, load, {"keep": True}), (1, look(READ))], (1, 1)),
        ([(0, load), (1, forward()), (2, look()), (2, look(READ))], (3, 1, 2, 3)),
        ([(0, load), (1, forward()), (2, forward()), (3, look(TAKE))], (3, 1, 2, 3)),
        ([(0, load), (1, forward())], (1, 1)),
        ([(0, into()), (1, into(READ)), (1, look())], (1, 1, 2)),
    ],
)
def test_an_output_is_needed_up_to_its_last_reader(nodes, lasts):
    """Its own position, if nobody reads it; that of a forwarding node is its owner's."""
    assert lasts == lives_of(*nodes).lasts


@pytest.mark.parametrize(
    ("nodes", "lasts"),
    [
        ([(0, look(managed=True))], (1,)),
        ([(0, look(managed=True)), (1, look())], (0, 1)),
        ([(0, look(managed=True)), (1, look(READ))], (1, 1)),
        ([(0, look(managed=True), {"keep": True}), (1, look(READ))], (2, 1)),
        ([(0, load), (1, look(READ, managed=True))], (2, 2)),
        ([(0, load), (1, look(READ, managed=True)), (2, look()), (2, look(READ)), (2, look())], (3, 3, 2, 3, 4)),
        (
            [(0, load), (1, look(READ, managed=True)), (2, look(READ, managed=True)), (3, look(READ)), (1, look())],
            (3, 3, 3, 3, 4),
        ),
        ([(0, load), (1, look(READ)), (2, look(managed=True)), (1, look())], (1, 1, 4, 3)),
    ],
)
def test_a_resource_holds_what_it_was_made_from(nodes, lasts):
    """Until its own last reader; that of a leaf, or a kept one, until the end of the run."""
    assert lasts == lives_of(*nodes).lasts


def test_what_is_copied_besides_a_consumer_is_staged():
    """The copy is needed by those that copy, the output by the one that consumes."""
    copies = {"fanout": COPIES}
    lives = lives_of((0, load, copies), (1, look(COPY)), (1, look(TAKE)), (2, look()), (1, look(COPY)), (1, look()))
    assert {0: Stage(slot=1, last=4)} == lives.stages
    assert ((2, 1, 2, 3, 4, 5), 2) == (lives.lasts, lives.slot_count)


def test_a_managed_reader_holds_the_staged_copy():
    """As any other output."""
    lives = lives_of(
        (0, load, {"fanout": COPIES}), (1, look(COPY, managed=True)), (2, look()), (2, look(READ)), (1, look(TAKE))
    )
    assert ({0: Stage(slot=1, last=3)}, 4) == (lives.stages, lives.lasts[0])


def test_the_stage_of_a_forwarding_node_is_its_own():
    """The object that it copies is the owner's."""
    changed = (1, forward(), {"fanout": COPIES})
    lives = lives_of((0, load), changed, (2, look(COPY)), (2, look(TAKE)))
    assert ({1: Stage(slot=1, last=2)}, (3, 1, 2, 3)) == (lives.stages, lives.lasts)


@pytest.mark.parametrize(
    ("fanout", "children"),
    [(COPIES, [TAKE]), (COPIES, [COPY, COPY]), (COPIES, [NONE, NONE]), (Fanout.AUTO, [COPY, COPY]), (Fanout.AUTO, [TAKE])],
)
def test_nothing_is_staged_without_need(fanout, children):
    """Where nobody consumes, or nobody copies."""
    lives = lives_of((0, load, {"fanout": fanout}), *((1, look(child)) for child in children))
    assert {} == lives.stages


@pytest.mark.parametrize(
    ("nodes", "slots", "count"),
    [
        ([(0, load)], (-1,), 0),
        ([(0, load), (1, look())], (-1, -1), 0),
        ([(0, load), (1, look(READ)), (2, look(READ)), (3, look(READ))], (0, 0, 0, -1), 1),
        ([(0, load), (1, look(READ)), (2, look(READ)), (1, look(READ)), (2, look(READ))], (0, 1, -1, 0, -1), 2),
        ([(0, load), (1, look()), (2, look(READ)), (2, look()), (1, look(READ))], (0, 1, -1, -1, -1), 2),
        ([(0, load), (1, forward()), (2, look(READ))], (0, -1, -1), 1),
        ([(0, load), (1, tick), (1, look(READ)), (2, look(READ))], (0, -1, 0, -1), 1),
        ([(0, into())], (0,), 1),
        ([(0, into()), (1, into()), (2, into())], (0, 0, 0), 1),
        ([(0, into()), (1, into(READ)), (2, into(READ))], (0, 1, 0), 2),
        ([(0, into()), (1, look(READ)), (2, look(READ))], (0, 0, -1), 1),
        (
            [(0, load), (1, look(READ)), (2, into(READ)), (2, look(READ)), (1, into(READ)), (2, look(READ))],
            (0, 1, 2, -1, 1, -1),
            3,
        ),
        ([(0, look(managed=True))], (0,), 1),
        ([(0, load), (1, look(READ, managed=True)), (1, look(managed=True))], (0, 1, 2), 3),
    ],
)
def test_outputs_share_slots_where_their_times_do_not_overlap(nodes, slots, count):
    """What a node is the last to read makes room for its own output, but not for a handle that it writes meanwhile."""
    lives = lives_of(*nodes)
    assert (slots, count) == (lives.slots, lives.slot_count)


# --- any tree, against a small model ---------------------------------------------------------------------------------


TASKS = [
    *(look(source, managed=managed) for source in (None, READ, COPY, borrow_prev_mut(), TAKE) for managed in (False, True)),
    *(look(source) for source in (None, READ, COPY, TAKE)),
    *(into(source) for source in (None, READ, COPY, TAKE)),
    *(forward() for _ in range(4)),
    task(tick),
]


def random_plan(random):
    """A plan of any shape, with every sort of task and access."""
    nodes = [(0, random.choice([look(), look(managed=True), into()]))]
    plan = plan_of(*nodes)
    for _ in range(random.randrange(30)):
        level, fanout = random.randrange(1, nodes[-1][0] + 2), random.choice([Fanout.AUTO, COPIES])
        more = [*nodes, (level, random.choice(TASKS), {"fanout": fanout, "keep": random.random() < 0.1})]
        try:
            plan = plan_of(*more)
        except PlanError:
            continue
        nodes = more
    return plan


def owner_of(plan, index):
    """Which node's object a node's output is."""
    while plan.tasks[index].kind is Kind.FORWARD:
        index = plan.layout.parents[index]
    return index


def released_after(plan, index, source=None):
    """The position after which the output of a node, or the staged copy for its children, is not needed."""
    nodes = plan.nodes
    if source is None and nodes[index].task.managed and (nodes[index].keep or nodes[index].is_leaf):
        return len(plan)
    last = index
    for node in nodes:
        for _, access in node.task.accesses:
            reads_stage = node.parent in plan.lifetimes.stages and access.access is Access.COPY
            is_read = node.parent == source if reads_stage else source is None and owner_of(plan, node.parent) == index
            if is_read:
                last = max(last, released_after(plan, node.index) if node.task.managed else node.index)
    return last


def times(plan):
    """When each slot is occupied and by whom: each node takes four moments of time."""
    lives = plan.lifetimes
    for node in plan.nodes:
        index, last = node.index, lives.lasts[node.index]
        if node.slot is not None:
            start = 4 * index if node.task.kind is Kind.DIRECT else 4 * index + 2
            yield node.slot, start, 4 * index + 3 if last == index else 4 * last + 1
        if index in lives.stages:
            stage = lives.stages[index]
            yield stage.slot, 4 * index + 2, 4 * stage.last + 1


@pytest.mark.parametrize("seed", range(100))
def test_lifetimes_of_any_tree(seed):
    """Nothing is released too early or too late, no slot holds two outputs, and there is no slot too many."""
    plan = random_plan(Random(seed))
    lives = plan.lifetimes
    assert [released_after(plan, node.index) for node in plan.nodes] == list(lives.lasts)
    assert {index: released_after(plan, index, index) for index in lives.stages} == {
        index: stage.last for index, stage in lives.stages.items()
    }
    for node in plan.nodes:
        is_stored = lives.lasts[node.index] > node.index or node.task.kind is Kind.DIRECT
        assert (node.slot is not None) is is_stored
    alive = [[slot for slot, start, end in times(plan) if start <= moment < end] for moment in range(4 * len(plan) + 1)]
    assert all(len(slots) == len(set(slots)) for slots in alive)
    assert max(map(len, alive)) == lives.slot_count
