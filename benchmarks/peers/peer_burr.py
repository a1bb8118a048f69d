"""Burr is a state machine, one action after the other, so it is measured on the chain alone."""

from burr.core import ApplicationBuilder, State, action
from common import Contestant, Node, Run, publish, without_loop
from shapes import CHAIN, Shape

UNFIT = "a state machine: one action at a time, no branches side by side"


def _application(shape: Shape, step: object) -> object:
    names = [f"n{index}" for index in range(len(shape.parents))]
    # The last action leads back to the first, so that the same application runs again.
    return (
        ApplicationBuilder()
        .with_actions(**dict.fromkeys(names, step))
        .with_transitions(*zip(names, [*names[1:], names[0]], strict=True))
        .with_entrypoint(names[0])
        .with_state(x=0)
        .build()
    )


def stepped(shape: Shape, add: Node) -> Run:
    """Sync actions."""

    @action(reads=["x"], writes=["x"])
    def step(state: State) -> State:
        return state.update(x=add(state["x"]))

    application = _application(shape, step)
    last = f"n{len(shape.parents) - 1}"
    return lambda: application.run(halt_after=[last])


def stepped_async(shape: Shape, add: Node) -> Run:
    """Async actions."""

    @action(reads=["x"], writes=["x"])
    async def step(state: State) -> State:
        return state.update(x=await add(state["x"]))

    application = _application(shape, step)
    last = f"n{len(shape.parents) - 1}"
    return lambda: application.arun(halt_after=[last])


if __name__ == "__main__":
    publish(
        [
            Contestant("Burr", "apache-burr", stepped, is_async=False, runner=without_loop, shapes=[CHAIN], unfit=UNFIT),
            Contestant("Burr async", "apache-burr", stepped_async, shapes=[CHAIN], unfit=UNFIT),
        ]
    )
