"""Composites that an exporter wrote out in pieces, and that the IR has one op for."""

from collections import Counter
from dataclasses import dataclass, replace

from gossamer.ir.build import Rewriter, rewrite
from gossamer.ir.errors import IRError
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.op import Op
from gossamer.passes.base import Pass
from gossamer.passes.composites import COMPOSITES, Sources
from gossamer.passes.dce import live, pruned


@dataclass(frozen=True)
class Recognise(Pass, name="recognise"):
    """Say in one op what was written out in several, for any order of operands and products:

        (x - mean) / sqrt(mean of (x - mean)^2 + e), * scale, + bias        ->  layer_norm, over the last axes
        0.5 * x * (1 + erf(x / sqrt 2)), or its form with tanh              ->  gelu
        clip(x + 3, 0, 6) / 6, and x times that                             ->  hard_sigmoid, hard_swish
        1 / (1 + exp(-x))                                                   ->  sigmoid

    Declines where the numbers are not those, where a type would change, and on a layer norm without its scale or bias
    that something else uses too. What the pieces were for otherwise stays.
    """

    def run(self, module: Module) -> Module:
        graph = module.graph
        sources = Sources(module.params, _uses(graph))
        changed = rewrite(graph, lambda node, r: _rule(node, r, sources))
        return module if changed is graph else pruned(module, live(changed), module.params)


def _rule(node: Node, r: Rewriter, sources: Sources) -> bool:
    composite = COMPOSITES.get(type(node.op))
    better = composite(node.op, sources) if composite and node.result.type.quant is None else None
    if better is None or not _alike(better, node.op):
        sources.ops.update((value, node.op) for value in node.results)
        return False
    sources.ops[node.result] = better
    r.emit(replace(node, op=better))
    return True


def _alike(better: Op, op: Op) -> bool:
    """Whether both give one type; not where the better op refuses its operands, such as rows without elements."""
    try:
        return better.infer() == op.infer()
    except IRError:
        return False


def _uses(graph: Graph) -> Counter[str]:
    """How often each value is read, or returned."""
    read = Counter(value.name for node in graph.nodes for value in node.op.operands)
    read.update(value.name for value in graph.outputs)
    return read
