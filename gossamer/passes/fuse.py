"""Fusion: pointwise statements run inside the statement that produces what they read."""

from dataclasses import dataclass, field, replace

from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.ops.structure import Fused
from gossamer.ir.types import Value
from gossamer.passes.base import Pass
from gossamer.passes.bodies import with_bodies
from gossamer.passes.dce import live
from gossamer.passes.regions import PRODUCTS, Region, Regions, reads_back


@dataclass(frozen=True)
class Fuse(Pass, name="fuse"):
    """Put pointwise statements into their producer, and dequantising casts into their readers.

        %1 = nn.conv2d %x, %w                    %3 = ir.fused %x, %w, %y {
        %2 = math.add %1, %y              ->        ... the same three statements ...
        %3 = nn.relu %2                             return %3 }

    The producer is a convolution, gemm, matmul, pooling or reduction; pointwise chains without one are fused too.
    Operands that broadcast ([n,c,1,1], [c,1,1]) may come from outside. Declines a statement that changes the shape,
    reads its producer anywhere but at its own point, or would leave the region with two results or a cycle. The bodies
    of scans are fused likewise. Already fused statements are taken apart and fused again, so the result does not
    depend on what ran before.
    """

    def run(self, module: Module) -> Module:
        graph = with_bodies(module.graph, lambda graph: fused(inlined(graph)))
        return module if graph == module.graph else module.with_graph(graph)


def fused(graph: Graph) -> Graph:
    """The graph with every region of two statements or more as one `ir.fused`."""
    casts = {node.result: node for node in graph.nodes if reads_back(node.op)}
    # A region that only gains the cast it reads counts too; a cast goes when every reader has its own.
    grown = [(region, _read_casts(region, casts)) for region in Regions(graph).find()]
    last = {region.result: _statement(region, own) for region, own in grown if own or len(region.nodes) > 1}
    inner = {node.result for region, _ in grown for node in region.nodes[:-1]}
    nodes = [last.get(node.result, node) for node in graph.nodes if node.result not in inner]
    return live(Graph(graph.inputs, tuple(nodes), graph.outputs)) if last else graph


def _read_casts(region: Region, casts: dict[Value, Node]) -> tuple[Node, ...]:
    """The dequantising casts that the region reads and has not; not those a product reads, which would repeat them."""
    own = {node.result for node in region.nodes}
    readers = [node for node in region.nodes if not isinstance(node.op, PRODUCTS)]
    read = dict.fromkeys(v for node in readers for v in node.op.operands)
    return tuple(casts[v] for v in read if v in casts and v not in own)


def _statement(region: Region, casts: tuple[Node, ...]) -> Node:
    """The region as one statement; inside, every value keeps its name."""
    nodes = tuple(replace(n, schedule=None) if n.schedule else n for n in (*casts, *region.nodes))
    own = {node.result for node in nodes}
    outside = tuple(dict.fromkeys(v for node in nodes for v in node.op.operands if v not in own))
    body = Graph(outside, nodes, (region.result,))
    return Node(Fused(outside, body), body.outputs, region.anchor.schedule, region.anchor.label)


def inlined(graph: Graph) -> Graph:
    """The graph with every `ir.fused` taken apart; the schedule goes back to the anchor."""
    if not any(isinstance(node.op, Fused) for node in graph.nodes):
        return graph
    inliner = _Inliner({v.name for v in graph.inputs} | {v.name for n in graph.nodes for v in n.results})
    for node in graph.nodes:
        inliner.take(node)
    return Graph(graph.inputs, tuple(inliner.nodes), graph.outputs)


@dataclass
class _Inliner:
    """`taken`: names in use; `made`: statements by the name they have at home, so that copies of one become one again.

    Such copies are the casts that every reader has in its own body; the original may stand outside, for other readers.
    """

    taken: set[str]
    nodes: list[Node] = field(default_factory=list[Node])
    made: dict[str, Node] = field(default_factory=dict[str, Node])

    def take(self, node: Node) -> None:
        if not isinstance(node.op, Fused):
            self.made[node.result.name] = node
            self.nodes.append(node)
            return
        body = node.op.body
        anchor = node.op.anchor
        outer: dict[Value, Value] = dict(zip(body.inputs, node.op.inputs, strict=True))
        results = dict(zip(body.outputs, node.results, strict=True))
        for inner in body.nodes:
            schedule = node.schedule if inner is anchor else None
            self._emit(replace(inner, op=inner.op.with_operands(outer), schedule=schedule), results, outer)

    def _emit(self, node: Node, results: dict[Value, Value], outer: dict[Value, Value]) -> None:
        copy = self.made.get(node.result.name)
        if copy is not None and copy.op == node.op and not any(v in results for v in node.results):
            outer.update(zip(node.results, copy.results, strict=True))
            return
        named = tuple(results.get(v) or Value(self._fresh(v.name), v.type) for v in node.results)
        outer.update(zip(node.results, named, strict=True))
        self.made[node.result.name] = replace(node, results=named)
        self.nodes.append(self.made[node.result.name])

    def _fresh(self, name: str) -> str:
        unique, serial = name, 0
        while unique in self.taken:
            serial += 1
            unique = f"{name}_{serial}"
        self.taken.add(unique)
        return unique
