"""Whether the graph puts one node before another: asked for many pairs, and rarely answered by a search.

For each node the last one of those that it waits for counts as its parent, which makes a tree of the graph; what is below a node
there is certainly after it, and is found by comparing numbers. Only for other pairs the graph is searched, from both sides in turns,
until the searches meet or one of them finds something below the other side.

*Guarantees*: made in linear time.
*Does not know*: why somebody asks.
"""

from ._layout import Layout

__all__ = ["Reach"]


class Reach:
    """The order of a graph."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        size = len(layout.parents)
        below: list[list[int]] = [[] for _ in range(size + 1)]  # the last one is that of nodes that wait for none
        for position in range(size):
            below[max(layout.links.before(position, layout.parents), default=-1)].append(position)
        self._firsts, self._lasts = [0] * size, [0] * size
        waiting, number = list(reversed(below[-1])), 0
        while waiting:
            position = waiting.pop()
            if position >= 0:
                self._firsts[position] = number
                number += 1
                waiting.append(~position)
                waiting.extend(below[position])
            else:
                self._lasts[~position] = number

    def is_before(self, one: int, other: int) -> bool:
        """Whether the second node can only run when the first one is over."""
        if self._is_below(other, one):
            return True
        links, children, parents = self._layout.links, self._layout.children, self._layout.parents
        ahead, back, seen_ahead, seen_back = [one], [other], {one}, {other}
        while ahead and back:
            at = ahead.pop()
            for each in (*children(at), *links.followers.get(at, ())):
                if each <= other and each not in seen_ahead:
                    if each in seen_back or self._is_below(other, each):
                        return True
                    seen_ahead.add(each)
                    ahead.append(each)
            for each in links.before(back.pop(), parents):
                if each >= one and each not in seen_back:
                    if each in seen_ahead or self._is_below(each, one):
                        return True
                    seen_back.add(each)
                    back.append(each)
        return False

    def _is_below(self, position: int, above: int) -> bool:
        return self._firsts[above] <= self._firsts[position] < self._lasts[above]
