"""Which op of one module became which op of the next.

The same object is the same op. Else in turn, each among what is left: one label and result; one label and kind; one
label (a convolution that was fused keeps its label, not its kind); one result. Importers give all ops that they make of
one operator its label, so the nth of a key is the nth of it in the other module.
"""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gossamer.ir.graph import Graph, Node

_ROUNDS: "tuple[Callable[[Node], Hashable], ...]" = (
    lambda node: (node.label, node.result.name),
    lambda node: (node.label, node.op.name) if node.label else None,
    lambda node: node.label or None,
    lambda node: node.result.name,
)
"""Keys of a node; None takes no part in the round."""


def matched(before: "Graph", after: "Graph") -> tuple[int | None, ...]:
    """For every node of `after` the place in `before` of the node it was, or None for a new one."""
    places = {id(node): place for place, node in enumerate(before.nodes)}
    found = [places.get(id(node)) for node in after.nodes]
    for key in _ROUNDS:
        taken = {place for place in found if place is not None}
        free = _by_key(key, before, [i for i in range(len(before.nodes)) if i not in taken])
        wanted = _by_key(key, after, [i for i, place in enumerate(found) if place is None])
        for name, at in wanted.items():
            found[at] = free.get(name)
    return tuple(found)


def _by_key(key: "Callable[[Node], Hashable]", graph: "Graph", places: list[int]) -> dict[Hashable, int]:
    """Place by key, numbered where a key repeats."""
    seen: dict[Hashable, int] = {}
    found: dict[Hashable, int] = {}
    for place in places:
        own = key(graph.nodes[place])
        if own is not None:
            seen[own] = seen.get(own, 0) + 1
            found[own, seen[own]] = place
    return found


def absorbed(before: "Node", after: "Graph") -> int | None:
    """The node of `after` whose body holds what `before` computed, for an op that was fused."""
    for place, node in enumerate(after.nodes):
        body: Graph | None = getattr(node.op, "body", None)
        if body is not None and any(_same(before, inner) for inner in body.nodes):
            return place
    return None


def _same(one: "Node", other: "Node") -> bool:
    return bool(one.label and one.label == other.label) or one.result.name == other.result.name
