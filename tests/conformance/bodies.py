"""What a task body does, attempt by attempt, as the format says it.

*Guarantees*: a body holds its arguments only while it runs: not in the frames of an error that it raises either, so that an object
that outlives its moment is held by the library.
*Does not know*: how the callable around it looks.
"""

from collections.abc import Mapping
from typing import Any

from yorch_async import DirectOut, StepResult, TaskResult

from .recording import Box, Run, ScriptedError, current_run
from .records import NodeRecord
from .values import Content, changed, computed, plain


class Body:
    """The body of one node. `box` is the class of its output, `emplaces` how it writes into a sink."""

    def __init__(self, node: NodeRecord, box: type[Box] | None, *, emplaces: bool) -> None:
        self.node = node
        self._box = box
        self._emplaces = emplaces

    def __call__(self, args: list[Any], sink: DirectOut[Any] | None) -> Any:
        """Do one attempt. `args` is emptied, whatever happens; what was given away is gone then, unless somebody still holds it."""
        run = current_run()
        given = [
            box.origin.life for source, box in zip(self.node.sources, args, strict=False) if source.spec == "consume_prev"
        ]
        try:
            return self._attempt(run, args, sink)
        finally:
            args.clear()
            for life in given:
                if life is not None and life.ended is None:
                    run.log("still_held", node=self.node.name, of=life.node)

    def _attempt(self, run: Run, args: list[Any], sink: DirectOut[Any] | None) -> Any:
        node = self.node
        run.meet(node, args)
        run.attempts[node.name] += 1
        attempt = run.attempts[node.name]
        run.log("enter", node=node.name, attempt=attempt, args=[plain(box.content) for box in args])
        mutated = self._change(args)
        seen = [box.content for box in args]
        made = computed(node.output, seen, node.k, node.name, node.index) if self._box is not None else None
        outcome = node.script[min(attempt, len(node.script)) - 1]
        if sink is not None and made is not None and (outcome == "success" or node.emplace == "always"):
            self._write(run, sink, made)
        event = run.log("exit", node=node.name, attempt=attempt, outcome=outcome)
        if made is not None and outcome == "success":
            event["value"] = plain(made)
        if mutated:
            event["mutated"] = mutated
        if outcome == "throw":
            raise ScriptedError(f"{node.name} raises at attempt {attempt}")
        return self._answer(run, outcome, made)

    def _change(self, args: list[Any]) -> Mapping[str, Any]:
        node = self.node
        numbers = [number for number, source in enumerate(node.sources) if source.param == "mref"]
        for number in numbers:
            args[number].content = changed(args[number].content, node.k, node.name, node.index)
        return {str(number): plain(args[number].content) for number in numbers}

    def _write(self, run: Run, sink: DirectOut[Any], made: Content) -> None:
        assert self._box is not None
        origin = run.output(self.node.name)
        if self._emplaces:
            sink.emplace(made, origin)
        else:
            sink.set(self._box(made, origin))

    def _answer(self, run: Run, outcome: str, made: Content | None) -> Any:
        match self.node.returns:
            case "void":
                return None
            case "step_result":
                return getattr(StepResult, outcome)()
            case "plain":
                return None if made is None or self._box is None else self._box(made, run.output(self.node.name))
            case _ if outcome != "success" or made is None or self._box is None:
                return getattr(TaskResult, outcome)()
            case _:
                return TaskResult.success(self._box(made, run.output(self.node.name)))
