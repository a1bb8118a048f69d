"""One node at a time, depth first: from part to part of a plan, each of them generated code or interpreted.

*Guarantees*: one output of a chain is alive at a time; whatever the way out, resources are left, registers cleared, and the
exception names its node.
*Does not know*: how a node is called.
"""

from ._drive import drive
from ._generated import put_back
from ._interpret import ENDED, interpret, resume, watch
from ._state import SUCCESS, Run

__all__ = ["run_here", "run_serial"]


async def run_serial(run: Run, index: int = 0) -> None:
    """Run all nodes, or those from one on; the run's answer is then how it ended."""
    size, part = run.program.size, run.program.part
    error: BaseException | None = None
    parts = () if run.code is None else run.code.compiled
    try:
        while 0 <= index < size:
            if run.left is not None:
                index = await resume(run)
            elif run.is_watched or run.rest is not None:
                index = await watch(run, index)
            elif index // part >= len(parts) or index % part:
                index = await interpret(run, index)
            else:
                compiled = parts[index // part]
                try:
                    made = compiled.function(run)
                    if made is not None:
                        await made
                    index = compiled.end
                except BaseException as left:  # noqa: BLE001 - raised again in `resume`
                    index = put_back(run, compiled, left)
        if index != ENDED:
            run.answer = run.verdict
    except BaseException as raised:
        error = raised
        run.note(raised, run.at)
        run.lose()
        raise
    finally:
        run.rest, rest = None, run.rest  # it leads back to here
        if error is not None or index == ENDED or run.resources or rest is not None:
            await _finish(run, run.at if error is not None or index == ENDED else size - 1, error)
        del error


def run_here(run: Run) -> None:
    """Run all nodes without an event loop. Code that succeeds is all there is to it."""
    index, code = 0, run.code
    if code is not None and code.is_complete:
        compiled = code.compiled[0]
        try:
            for compiled in code.compiled:
                compiled.function(run)
        except BaseException as left:  # noqa: BLE001 - raised again in `resume`
            index = put_back(run, compiled, left)
        else:
            if not run.resources:
                run.answer = SUCCESS
                return
            index = run.program.size
    drive(run_serial(run, index), run)


async def _finish(run: Run, index: int, error: BaseException | None) -> None:
    try:
        await run.finish(index, error)
    except BaseException as late:
        run.lose()
        run.remember(late)
        raise
    finally:
        del error
