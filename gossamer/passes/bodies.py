"""Passes inside the bodies of scans: what a pass does to a graph it does to the graphs in it."""

from collections.abc import Callable
from dataclasses import replace

from gossamer.ir.graph import Graph, Node
from gossamer.ir.ops.scan import Scan


def with_bodies(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """`change` of the graph and, before that, of the body of every scan in it, innermost first.

    `change` keeps inputs and outputs; the same graph comes back when nothing changes.
    """
    nodes = tuple(_inside(node, change) for node in graph.nodes)
    changed = any(new is not old for new, old in zip(nodes, graph.nodes))
    return change(replace(graph, nodes=nodes) if changed else graph)


def _inside(node: Node, change: Callable[[Graph], Graph]) -> Node:
    if not isinstance(node.op, Scan):
        return node
    body = with_bodies(node.op.body, change)
    return node if body == node.op.body else replace(node, op=replace(node.op, body=body))
