"""From a tree record to a TaskTree, in one of several styles of writing the same tree.

*Guarantees*: what a vector describes is what is registered, its mistakes included.
*Does not know*: whether the tree is valid, and what running it shall do.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from yorch_async import (
    DirectOut,
    Fanout,
    StepResult,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    consume_prev,
    copy_prev,
    from_ctx,
    task,
    task_forward_prev,
    task_forward_prev_member,
    task_into,
    task_into_member,
    task_member,
    value,
)

from .adapting import Adapting, result_of
from .bodies import Body
from .callables import Shape, make
from .facts import parent_of
from .recording import Box, Origin
from .records import PREV_SPECS, NodeRecord, Source, TreeRecord
from .values import TYPES
from .worlds import World, new_class

FORMS: Final[dict[str, tuple[Any, Any]]] = {
    "regular": (task, task_member),
    "direct_output": (task_into, task_into_member),
    "forward_prev": (task_forward_prev, task_forward_prev_member),
}
PREV: Final[dict[str, Any]] = {
    "borrow_prev": borrow_prev,
    "borrow_prev_mut": borrow_prev_mut,
    "copy_prev": copy_prev,
    "consume_prev": consume_prev,
}
OWN: Final = ("value", "const_value", "converted")
"""The forms that are an object of the task's own: what the task or the context holds is copied for them."""


def handle_of(box: Any) -> Any:
    """The annotation `DirectOut[box]`, of a class made at run time."""
    return DirectOut[box]


@dataclass(frozen=True)
class Style:
    """One way to write a tree. `types`: in sources and annotations, in annotations alone, or nowhere; `keep`: as for run_plan."""

    name: str
    types: Literal["both", "annotations", "nowhere"]
    odd_is_async: bool
    by_level: bool
    keep: Literal["none", "leaves"]

    def is_async(self, node: NodeRecord) -> bool:
        """Whether a node's callable and policies are async."""
        return (node.index % 2 == 1) is self.odd_is_async


DECLARED: Final = Style("declared", "both", odd_is_async=True, by_level=True, keep="none")
ANNOTATED: Final = Style("annotated", "annotations", odd_is_async=False, by_level=False, keep="leaves")
UNTYPED: Final = Style("untyped", "nowhere", odd_is_async=True, by_level=False, keep="none")


class Builder:
    """Registers the nodes of one tree. The return annotation of a node in `silent` is left away."""

    def __init__(self, record: TreeRecord, style: Style, silent: frozenset[str] = frozenset()) -> None:
        self.record = record
        self.world = World(record)
        self._style = style
        self._silent = silent
        self._tree = TaskTree()
        self._placed: dict[str, Any] = {}

    def tree(self) -> TaskTree:
        """Register all nodes."""
        for node in self.record.nodes:
            self._placed[node.name] = self._place(node)
        return self._tree

    def _place(self, node: NodeRecord) -> Any:
        fn, specs = self._callable(node)
        box = self.world.box("int" if node.output == "none" else node.output)
        declared = self._style.types != "nowhere"
        adapters = Adapting(node, box, is_async=self._style.is_async(node), declared=declared).all()
        options: dict[str, Any] = {"adapters": adapters}
        if node.mistakes.sink_type is not None:
            options["output"] = self.world.box(node.output)
        plain, member = FORMS[node.kind]
        if node.kind != "regular" or node.receiver is not None or node.registration == "prebound":
            fn, specs, options = (plain if node.receiver is None else member)(fn, *specs, **options), [], {}
        if node.mistakes.placed_as is not None:
            fn = FORMS[node.mistakes.placed_as][0](fn)
        fanout: Any = "unknown" if node.fanout == "unknown" else Fanout[node.fanout.upper()]
        return self._register(node)(fn, *specs, name=node.name, fanout=fanout, **options)

    def _register(self, node: NodeRecord) -> Any:
        above = parent_of(self.record.nodes, node)
        if self._style.by_level or (above is None and node.level != 0):
            return partial(self._tree.node, node.level)
        return self._tree.root if above is None else self._placed[above].child

    def _callable(self, node: NodeRecord) -> tuple[Any, list[Any]]:
        mistakes = node.mistakes
        made = self.world.box(node.output) if node.output != "none" and node.kind != "forward_prev" else None
        body = Body(node, made, emplaces=self._style.types != "nowhere")
        count = len(node.args) if mistakes.parameter_count is None else mistakes.parameter_count
        sink = mistakes.sink_position
        if sink == "unsaid":
            sink = count if node.kind == "direct_output" else None
        owner = self._owner(node)
        shape = Shape(count, self._style.is_async(node), owner is not None, sink)
        fn = make(shape, node.name, body, self._annotations(node, shape), owner)
        return fn, [self._spec(node, number, source) for number, source in enumerate(node.sources)]

    def _owner(self, node: NodeRecord) -> type[Box] | None:
        """The class that the callable is a method of, if it is one."""
        named, source = node.mistakes.receiver_class, node.receiver
        if node.mistakes.callable == "function" or (source is None and node.mistakes.callable is None):
            return None
        if named in TYPES:
            return self.world.box(named)
        return new_class("Other", Box, "int") if named is not None or source is None else self.world.class_of(source)

    def _annotations(self, node: NodeRecord, shape: Shape) -> dict[str, Any]:
        if self._style.types == "nowhere":
            return {}
        found: dict[str, Any] = {f"a{number}": self.world.box("int") for number in range(shape.count)}
        for number, source in enumerate(node.args[: shape.count]):
            found[f"a{number}"] = self.world.class_of(source)
            if source.param == "converted":
                # Python converts nothing on the way. What the parent made is then asked for as another class; what comes from
                # elsewhere is the user's own choice, and converting it the callee's business.
                found[f"a{number}"] = self.world.box("converted") if source.spec in PREV_SPECS else Any
        box: Any = self.world.box("int" if node.output == "none" else node.output)
        if shape.sink is not None:
            found["out"] = handle_of(self.world.box(node.mistakes.sink_type) if node.mistakes.sink_type else box)
        if node.name not in self._silent:
            styles = {"void": None, "plain": box, "step_result": StepResult, "task_result": result_of(box)}
            found["return"] = styles[node.returns]
        return found

    def _spec(self, node: NodeRecord, number: int, source: Source) -> Any:
        cls = self.world.class_of(source)
        copied = source.param in OWN
        match source.spec:
            case "from_ctx" if self._style.types == "annotations" and source.param != "converted":
                return from_ctx(copy=copied)
            case "from_ctx":
                return from_ctx(cls, copy=copied)
            case "value":
                return value(cls(source.value, Origin("value", f"{node.name}.{number}")), copy=copied)
            case "value_ref":
                return value(self.world.externals[source.external])
            case spec:
                return PREV[spec](cls) if self._style.types == "both" else PREV[spec]()
