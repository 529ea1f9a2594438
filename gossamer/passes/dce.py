"""Dead code: what no output needs goes, and so do parameters that nothing reads."""

from dataclasses import dataclass

from gossamer.ir.graph import Graph, Module, Node, Params
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value
from gossamer.passes.base import Pass
from gossamer.passes.bodies import with_bodies


@dataclass(frozen=True)
class DeadCode(Pass, name="dce"):
    """Remove every statement whose results reach no output, and every parameter that no statement names.

        %1 = nn.relu %x
        %2 = nn.sigmoid %x       ->       %1 = nn.relu %x
        return %1                         return %1

    Inside the bodies of scans too. Inputs stay: they are the interface. Never refuses.
    """

    def run(self, module: Module) -> Module:
        return pruned(module, with_bodies(module.graph, live), module.params)


def live(graph: Graph) -> Graph:
    """The graph without statements that reach no output; the same graph when there are none."""
    needed = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(value in needed for value in node.results):
            needed.update(node.op.operands)
            kept.append(node)
    return graph if len(kept) == len(graph.nodes) else Graph(graph.inputs, tuple(reversed(kept)), graph.outputs)


def pruned(module: Module, graph: Graph, params: Params) -> Module:
    """The module with this graph and of `params` just those it names; the same module when nothing differs."""
    named = {node.op.ref for node in graph.nodes if isinstance(node.op, Param)}
    kept = params if all(name in named for name in params) else params.only(named)
    return module if graph is module.graph and kept is module.params else module.with_graph(graph, kept)


def without_unused_params(graph: Graph) -> Graph:
    """The graph without `ir.param` statements that nothing reads."""
    read: set[Value] = {value for node in graph.nodes for value in node.op.operands} | set(graph.outputs)
    nodes = tuple(node for node in graph.nodes if not isinstance(node.op, Param) or node.result in read)
    return graph if len(nodes) == len(graph.nodes) else Graph(graph.inputs, nodes, graph.outputs)
