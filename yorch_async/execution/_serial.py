"""One node at a time, depth first: from part to part of a plan, each of them generated code or interpreted.

*Guarantees*: one output of a chain is alive at a time; whatever the way out, resources are left, registers cleared, and the
exception names its node.
*Does not know*: how a node is called.
"""

from ._generated import put_back
from ._interpret import ENDED, interpret, resume, watch
from ._state import SUCCESS, Run

__all__ = ["run_serial"]


async def run_serial(run: Run) -> None:
    """Run all nodes; the run's answer is then how it ended."""
    index, size, part = 0, len(run.plan.tasks), run.program.part
    error: BaseException | None = None
    parts = () if run.code is None else run.code.compiled
    is_watched = bool(run.observers) or run.check_borrows
    try:
        while index < size:
            number = index // part
            if is_watched:
                index = await watch(run, run.program.step(index))
            elif number >= len(parts) or index % part:
                index = await interpret(run, index)
            else:
                compiled = parts[number]
                try:
                    made = compiled.function(run)
                    if made is not None:
                        await made
                    index = compiled.end
                    continue
                except BaseException as left:
                    following = put_back(run, compiled, left)
                    if following is None and run.left is None:
                        raise
                index = await resume(run, run.at) if following is None else following
            if index == ENDED:
                return
        run.answer = SUCCESS
    except BaseException as raised:
        error = raised
        run.note(raised, run.at)
        run.kept.clear()
        raise
    finally:
        if error is not None or index == ENDED or run.resources:
            await _finish(run, run.at if error is not None or index == ENDED else size - 1, error)
        del error


async def _finish(run: Run, index: int, error: BaseException | None) -> None:
    try:
        await run.finish(index, error)
    except BaseException as late:
        run.kept.clear()
        run.remember(late)
        raise
    finally:
        del error
