"""Adapters as the vectors describe them, with policies that log when they are asked.

*Guarantees*: built-in policies leave no event; a user's policy leaves one each time it is asked.
*Does not know*: trees.
"""

from types import SimpleNamespace
from typing import Any, Final

from yorch_async import RetryFixed, RetryFixedPassthrough, RetryForever, StepResult, TaskResult, catch_as_failure, retry

from .callables import Policy, maybe_async
from .recording import Box, ScriptedError, current_run
from .records import AdapterRecord, Catch, NodeRecord, Retry, Unsuitable

UNSUITABLE: Final[Any] = object()
"""An object that is neither a policy nor an adapter nor an execution."""


def result_of(box: Any) -> Any:
    """The annotation `TaskResult[box]`, of a class made at run time."""
    return TaskResult[box]


class UnsuitableRefused(Exception):
    """An object of the wrong kind was refused where it was handed over, before any task was bound."""


class Adapting:
    """Makes the adapters of one node. `box` is the class of fallback values; policies are async, and declared, as told."""

    def __init__(self, node: NodeRecord, box: type[Box], *, is_async: bool, declared: bool) -> None:
        self._node = node
        self._box = box
        self._is_async = is_async
        self._declared = declared

    def all(self) -> tuple[Any, ...]:
        """The adapters in written order."""
        return tuple(self._adapter(layer, adapter) for layer, adapter in enumerate(self._node.adapters))

    def _adapter(self, layer: int, adapter: AdapterRecord) -> Any:
        match adapter:
            case Catch():
                return (
                    catch_as_failure() if adapter.policy == "default" else catch_as_failure(self._fallback(layer, adapter))
                )
            case Retry():
                return retry(self._policy(layer, adapter))
            case Unsuitable():
                return _unsuitable(adapter)

    def _fallback(self, layer: int, adapter: Catch) -> Policy:
        node = self._node

        def fallback(error: Exception) -> Any:
            run = current_run()
            if not isinstance(error, ScriptedError):
                run.log("wrong_error", node=node.name, error=repr(error))
            run.log("catch", node=node.name, layer=layer, returns=adapter.status or adapter.policy)
            return self._answer(adapter)

        result = result_of(self._box)
        answers: dict[str, Any] = {
            "value": result if node.returns == "task_result" else self._box,
            "status": result if self._status_class(adapter.status) is TaskResult else StepResult,
            "task_result": result,
            "none": None,
        }
        return self._finished(fallback, answers[adapter.policy])

    def _answer(self, adapter: Catch) -> Any:
        match adapter.policy:
            case "value":
                made = self._box(adapter.value, current_run().output(self._node.name))
                return TaskResult.success(made) if self._node.returns == "task_result" else made
            case "status":
                return getattr(self._status_class(adapter.status), adapter.status)()
            case "task_result":
                return getattr(TaskResult, adapter.status)()
            case _:
                return None

    def _policy(self, layer: int, adapter: Retry) -> Any:
        match adapter.policy:
            case "fixed":
                return RetryFixed(adapter.n)
            case "fixed_passthrough":
                return RetryFixedPassthrough(adapter.n)
            case "forever":
                return RetryForever()
            case _:
                return self._custom(layer, adapter)

    def _custom(self, layer: int, adapter: Retry) -> Any:
        node = self._node
        status = adapter.on_exhausted or ""

        def should_retry(count: int) -> bool:
            answer = count < len(adapter.answers) and adapter.answers[count]
            current_run().log("should_retry", node=node.name, layer=layer, count=count, answer=answer)
            return answer

        def on_exhausted(result: Any) -> Any:
            run = current_run()
            if result.status.name != "RETRY":
                run.log("wrong_result", node=node.name, result=repr(result))
            run.log("on_exhausted", node=node.name, layer=layer, returns=status)
            return getattr(self._status_class(status), status)()

        policy = SimpleNamespace(should_retry=self._finished(should_retry, bool))
        if adapter.on_exhausted is not None:
            policy.on_exhausted = self._finished(on_exhausted, ...)
        return policy

    def _status_class(self, status: str) -> Any:
        """A status alone suits any task; where the task answers a status with a value, both forms get their turn."""
        return TaskResult if self._is_async and self._node.returns == "task_result" and status != "success" else StepResult

    def _finished(self, policy: Policy, returns: Any) -> Policy:
        return maybe_async(policy, returns if self._declared else ..., is_async=self._is_async)


def _unsuitable(adapter: Unsuitable) -> Any:
    try:
        match adapter.within:
            case "catch":
                return catch_as_failure(UNSUITABLE)
            case "retry":
                return retry(UNSUITABLE)
            case _:
                return UNSUITABLE
    except TypeError as error:
        raise UnsuitableRefused(str(error)) from error
