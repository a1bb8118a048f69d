"""Plans and helpers for the tests of runners."""

import anyio

from yorch_async import Plan, TaskTree, compile_plan, from_input


class Gate:
    """A plan that waits until it is let through, and knows who has entered."""

    def __init__(self, name: str = "gate") -> None:
        self.entered: list[object] = []
        self.left: list[object] = []
        self.opened = anyio.Event()
        tree = TaskTree(name)
        self.node = tree.root(self._pass, from_input("who"), name="pass")
        self.plan = compile_plan(tree)

    async def _pass(self, who=None):
        self.entered.append(who)
        try:
            await self.opened.wait()
        finally:
            self.left.append(who)
        return who


def plan_of(fn, *sources, plan: str = "one", **options) -> Plan:
    """A plan of one node."""
    tree = TaskTree(plan)
    tree.root(fn, *sources, name="root", **options)
    return compile_plan(tree)


async def forever() -> None:
    """Wait until cancelled."""
    await anyio.sleep_forever()


def logged_by_runner(caplog) -> list:
    """What the runner has logged: a loop in debug mode has something to say as well, now and then."""
    return [record for record in caplog.records if record.name == "yorch_async.runner"]
