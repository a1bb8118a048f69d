"""In which order nodes run: values that say it, nothing more."""

from dataclasses import dataclass

from .._door import public

__all__ = ["SerialDfs"]


@public
@dataclass(frozen=True, slots=True)
class SerialDfs:
    """One node at a time, depth first, children in the order of registration, at any depth.

    What a node sets in a context variable is seen by the nodes after it, as in code written by hand.

    >>> SerialDfs()
    SerialDfs()
    """
