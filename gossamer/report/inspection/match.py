"""Which op of one module became which op of the next: by label, then by the names of results."""

from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gossamer.ir.graph import Graph, Node


def identities(graph: "Graph") -> tuple[Hashable, ...]:
    """One key a node, each different: its label (numbered where it repeats), else its first result's name."""
    seen: dict[str, int] = {}
    keys: list[Hashable] = []
    for node in graph.nodes:
        count = seen[node.label] = seen.get(node.label, 0) + 1
        keys.append((node.label, count) if node.label else node.result.name)
    return tuple(keys)


def matched(before: "Graph", after: "Graph") -> tuple[int | None, ...]:
    """For every node of `after` the place in `before` of the node it was, or None for a new one."""
    places = {id(node): place for place, node in enumerate(before.nodes)}
    found = [places.get(id(node)) for node in after.nodes]
    for keys in (identities, _results):
        taken = {place for place in found if place is not None}
        old = {key: place for place, key in enumerate(keys(before)) if place not in taken}
        found = [old.pop(key, None) if place is None else place for place, key in zip(found, keys(after))]
    return tuple(found)


def _results(graph: "Graph") -> tuple[Hashable, ...]:
    return tuple(node.result.name for node in graph.nodes)


def absorbed(before: "Node", after: "Graph") -> int | None:
    """The node of `after` whose body holds what `before` computed, for an op that was fused."""
    for place, node in enumerate(after.nodes):
        body: Graph | None = getattr(node.op, "body", None)
        if body is not None and any(_same(before, inner) for inner in body.nodes):
            return place
    return None


def _same(one: "Node", other: "Node") -> bool:
    return bool(one.label and one.label == other.label) or one.result.name == other.result.name
