"""Constant subgraphs become parameters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from math import prod

from gossamer.ir.build import Rewriter, rewrite
from gossamer.ir.graph import Array, Graph, Module, Node
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value
from gossamer.passes.base import Pass
from gossamer.passes.dce import pruned, without_unused_params


@dataclass(frozen=True)
class FoldConstants(Pass, name="fold-constants"):
    """Replace what depends on parameters alone by parameters; the reference evaluates them when first asked for.

        %w = ir.param "w"
        %1 = tensor.transpose %w perm=(1, 0)       ->       %1 = ir.param "1"

    Declines a statement of more than `budget` scalar steps, and the dequantising cast of a parameter, which would
    store it several times wider; with `dequantise` it becomes a parameter too, as what `fold-qdq` left in floats is
    computed in floats.
    """

    budget: int = 1 << 26
    dequantise: bool = False

    def run(self, module: Module) -> Module:
        folder = _Folder(module, self.budget, self.dequantise)
        graph = rewrite(module.graph, folder.rule)
        if graph is module.graph:
            return module
        folder.params = module.params.updated(folder.made)
        return pruned(module, without_unused_params(graph), folder.params)


@dataclass
class _Folder:
    """`known`: constant values and the statement that names them; `made`: the new parameters."""

    module: Module
    budget: int
    dequantise: bool
    known: dict[Value, Node] = field(default_factory=dict[Value, Node])
    made: dict[str, Callable[[], Array]] = field(default_factory=dict[str, Callable[[], Array]])

    def __post_init__(self) -> None:
        self.params = self.module.params

    def rule(self, node: Node, r: Rewriter) -> bool:
        if isinstance(node.op, Param):
            self.known[node.result] = node
        elif self._foldable(node):
            self._fold(node, r)
            return True
        return False

    def _foldable(self, node: Node) -> bool:
        operands = node.op.operands
        if not operands or not all(v in self.known for v in operands):
            return False
        dequantises = isinstance(node.op, Cast) and node.op.x.type.quant is not None and not node.op.type.dtype.integer
        return (self.dequantise or not dequantises) and _steps(node) <= self.budget

    def _fold(self, node: Node, r: Rewriter) -> None:
        sources = tuple(dict.fromkeys(self.known[v] for v in node.op.operands))
        graph = Graph((), (*sources, node), node.results)

        @cache
        def evaluated() -> dict[str, Array]:
            from gossamer.ir.reference import evaluate  # only who reads the parameter pays

            return evaluate(Module("constants", graph, self.params), {})

        for value in node.results:
            ref = self._fresh(value.name)
            self.made[ref] = lambda name=value.name: evaluated()[name]
            statement = Node(Param(ref, value.type), (value,))
            self.known[value] = statement
            r.emit(statement)

    def _fresh(self, ref: str) -> str:
        while ref in self.made or ref in self.module.params:
            ref += "'"
        return ref


def _steps(node: Node) -> int:
    if isinstance(node.op, Scan):
        return node.op.steps * max(1, sum(_steps(inner) for inner in node.op.body.nodes))
    kernel = node.op.kernel()
    if kernel is None:
        return sum(value.type.elements for value in (*node.op.operands, *node.results))
    return sum(prod(axis.extent for axis in nest.axes) for nest in kernel.stages)
