"""The classes and objects that one tree is built with: box classes with their methods, context keys, the caller's own objects.

*Guarantees*: two trees share nothing, so that a method or an object of one cannot pass for that of another.
*Does not know*: nodes.
"""

from typing import Any

from yorch_async import Context

from .recording import Box, Origin
from .records import Held, Source, TreeRecord


class World:
    """What is around one tree."""

    def __init__(self, tree: TreeRecord) -> None:
        self._tree = tree
        self._classes: dict[str, type[Box]] = {}
        self._keys: dict[str, type[Box]] = {}
        self.externals = {
            held.name: self.box(held.type)(held.init, Origin("external", held.name)) for held in tree.externals
        }

    def box(self, type_: str) -> type[Box]:
        """The class of all objects of that type."""
        if type_ not in self._classes:
            self._classes[type_] = new_class(f"{type_.capitalize()}Box", Box, type_)
        return self._classes[type_]

    def key(self, key: str, type_: str) -> type[Box]:
        """The class that is a context key, a subclass of its type's."""
        if key not in self._keys:
            self._keys[key] = new_class(key, self.box(type_), type_)
        return self._keys[key]

    def class_of(self, source: Source) -> type[Box]:
        """The class of what a source gives."""
        return self.key(source.key, source.type) if source.spec == "from_ctx" else self.box(source.type)

    def context(self, held: tuple[Held, ...]) -> tuple[Context | None, dict[str, Box]]:
        """A new context, and its objects by key. Without objects the run is started without one."""
        objects = {one.name: self.key(one.name, one.type)(one.init, Origin("ctx", one.name)) for one in held}
        return Context(*objects.values()) if objects else None, objects

    def reset(self) -> None:
        """Give the caller's own objects back what they held at first."""
        for held in self._tree.externals:
            self.externals[held.name].content = held.init


def new_class(name: str, base: type[Box], type_: str) -> Any:
    """A subclass of a box class for values of that type."""
    return type(name, (base,), {"__slots__": (), "type": type_, "__module__": __name__})
