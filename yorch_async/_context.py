"""The run's shared objects, by type.

*Guarantees*: at most one object per key; a key matches exactly, never by base class.
*Does not know*: who asks.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar, overload

from ._door import public
from ._types import describe

__all__ = ["Context", "Objects", "objects_of"]

T = TypeVar("T")


@public
class Context:
    """What the tasks of a run share: configuration, clients, pools.

    An object given alone is registered under its own class. `bind` registers under a base class, a protocol or an
    `Annotated` qualifier: `Context(bind={Path: root, Annotated[str, "dsn"]: url})`. The context cannot be changed once it is made
    (its objects can), so any number of runs may use it at the same time. Raises `ValueError` if a key is given twice.

    >>> ctx = Context(3, bind={complex: 1j})
    >>> ctx.get(int), ctx[complex], str in ctx
    (3, 1j, False)
    """

    __slots__ = ("_objects",)

    def __init__(self, *objects: object, bind: Mapping[Any, Any] | None = None) -> None:
        found: dict[Any, Any] = {}
        for obj in objects:
            if type(obj) in found:
                raise ValueError(
                    f"two objects of type {describe(type(obj))} were given, but a context holds one object per key; "
                    'give one of them another key: bind={Annotated[T, "name"]: ...}'
                )
            found[type(obj)] = obj
        for key, obj in (bind or {}).items():
            if key in found:
                raise ValueError(f"the key {describe(key)} was given twice, as an object and in bind; leave one out")
            found[key] = obj
        self._objects: Mapping[Any, Any] = MappingProxyType(found)

    @overload
    def get(self, key: type[T]) -> T: ...
    @overload
    def get(self, key: Any) -> Any: ...
    def get(self, key: Any) -> Any:
        """The object under exactly this key. Raises `KeyError` that names the key and what there is."""
        try:
            return self._objects[key]
        except KeyError:
            there = ", ".join(map(describe, self._objects)) or "nothing"
            raise KeyError(f"the context holds no {describe(key)}; it holds {there}") from None

    @overload
    def __getitem__(self, key: type[T]) -> T: ...
    @overload
    def __getitem__(self, key: Any) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        return self.get(key)

    @property
    def objects(self) -> Mapping[Any, Any]:
        """All of it, by key."""
        return self._objects

    def __contains__(self, key: object) -> bool:
        return key in self._objects

    def __iter__(self) -> Iterator[Any]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def __repr__(self) -> str:
        return f"Context({', '.join(map(describe, self._objects))})"


class _Asking:
    """A container of services, read like a mapping."""

    __slots__ = ("_get",)

    def __init__(self, get: Callable[[Any], Any]) -> None:
        self._get = get

    def __getitem__(self, key: Any) -> Any:
        return self._get(key)


Objects: TypeAlias = Mapping[Any, Any] | _Asking
"""The objects of a run by their keys."""

_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


def objects_of(ctx: object) -> tuple[Objects, Mapping[Any, Any] | None]:
    """The objects of a run's context, and the same once more if they can be looked through beforehand.

    Any object with `get(key)` will do, such as a container of services. It is asked when a node runs, since asking may
    construct something. A plain mapping is read as the `bind` of a Context, whose missing keys are found beforehand.
    """
    if ctx is None:
        return _NOTHING, _NOTHING
    if isinstance(ctx, Context):
        return ctx.objects, ctx.objects
    if isinstance(ctx, Mapping):
        return objects_of(Context(bind=ctx))  # pyright: ignore[reportUnknownArgumentType]  # of what it maps, isinstance tells nothing
    get = getattr(ctx, "get", None)
    if not callable(get):
        raise TypeError(f"a context is a Context, a mapping, or an object with get(key), not {ctx!r}")
    return _Asking(get), None
