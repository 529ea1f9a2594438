"""What `quantize` will do: which layers compute in integers, which tensors are stored as integers, in how many bits.

Tensors that only data movement connects (max pooling, reshape, concat, ...) share one integer type, so that the
movement runs on the integers themselves; such a set is a group, known by its `root`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gossamer.ir.graph import Graph, Node
from gossamer.ir.op import Op
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.nn import ChannelShuffle, Conv2d, Gemm, MatMul
from gossamer.ir.ops.pooling import MaxPool2d
from gossamer.ir.ops.recurrent import GRUCell, LSTMCell
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param
from gossamer.ir.ops.tensor import Concat, Pad, Reshape, Slice, Split, Transpose
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.types import Value
from gossamer.passes.precision import LayerBits
from gossamer.passes.regions import Regions

LayerOp: TypeAlias = Conv2d | Conv3d | ConvTranspose | Gemm | MatMul

_MOVES = (ChannelShuffle, Concat, MaxPool2d, Reshape, Slice, Split, Transpose)


@dataclass(frozen=True)
class Product:
    """The operands of a layer under one name each; `axis` is the weight's output-channel axis."""

    x: Value
    weight: Value
    bias: Value | None
    axis: int

    @staticmethod
    def of(op: Op) -> "Product | None":
        if isinstance(op, Conv2d | Conv3d):
            return Product(op.x, op.weight, op.bias, 0)
        if isinstance(op, ConvTranspose) and op.groups == 1:  # groups share the weight's scales
            return Product(op.x, op.weight, op.bias, 1)
        if isinstance(op, Gemm):
            return Product(op.a, op.b, op.bias, 0 if op.transpose_b else 1)
        return Product(op.a, op.b, None, 1) if isinstance(op, MatMul) and op.b.type.rank == 2 else None


def layers(graph: Graph) -> tuple[Node, ...]:
    """The nodes that compute in integers, or can: a product whose weight, and bias, are parameters and whose x varies.

    Those that do already are counted, so that the first and the last layer are the same ones when a pass runs again.
    """
    params = {node.result for node in graph.nodes if isinstance(node.op, Param)}
    fixed = constants(graph)

    def fits(node: Node) -> bool:
        product = Product.of(node.op)
        if product is None or product.x in fixed or not (product.x.dtype.floating or product.x.type.quant):
            return False
        return product.weight in params and (product.bias is None or product.bias in params)

    return tuple(node for node in graph.nodes if fits(node))


def obstacles(graph: Graph) -> dict[str, str]:
    """Title of every product that stays in float -> why."""
    fit, fixed = {node.result for node in layers(graph)}, constants(graph)
    found = {node.title: _obstacle(node, fixed) for node in graph.nodes if node.result not in fit}
    return {title: reason for title, reason in found.items() if reason is not None}


def _obstacle(node: Node, fixed: set[Value]) -> str | None:
    if isinstance(node.op, Scan | LSTMCell | GRUCell):
        return "recurrent: its state would be rounded again in every step" if _recurrent(node) else None
    if isinstance(node.op, ConvTranspose) and node.op.groups > 1:
        return f"groups {node.op.groups} of a transposed convolution; it needs 1, since groups share the scales"
    product = Product.of(node.op)
    if product is None or not product.x.dtype.floating:
        return None
    return "its input is a constant" if product.x in fixed else "its weight or bias is no parameter"


def _recurrent(node: Node) -> bool:
    """Whether the node is a cell, or a scan of a cell or another product."""
    if isinstance(node.op, Scan):
        return any(_recurrent(inner) or Product.of(inner.op) is not None for inner in node.op.body.nodes)
    return isinstance(node.op, LSTMCell | GRUCell)


def constants(graph: Graph) -> set[Value]:
    """Every value that depends on parameters alone."""
    found: set[Value] = set()
    for node in graph.nodes:
        if isinstance(node.op, Param) or (node.op.operands and all(v in found for v in node.op.operands)):
            found.update(node.results)
    return found


def moves(op: Op) -> bool:
    """Whether the op only moves numbers (or picks the largest), so that it runs on integers as on the reals."""
    return isinstance(op, _MOVES) or (isinstance(op, Pad) and op.value == 0)


@dataclass
class Plan:
    """`bits`: result of a layer -> its precision. `group_bits`: root of a group -> bits of its integers."""

    graph: Graph
    bits: Mapping[Value, LayerBits]
    default: int
    roots: dict[Value, Value] = field(default_factory=dict[Value, Value])
    group_bits: dict[Value, int] = field(default_factory=dict[Value, int])

    def __post_init__(self) -> None:
        self.constants = constants(self.graph)
        for node in self.graph.nodes:
            if self.is_move(node):
                self._join(*node.op.operands, *node.results)
        for node in self.graph.nodes:
            product = Product.of(node.op) if node.result in self.bits else None
            if product is not None:
                self._store(product.x, self.bits[node.result].activation)
        for value in self._between_layers():
            self._store(value, self.group_bits.get(self.root(value), self.default))

    def root(self, value: Value) -> Value:
        while value in self.roots:
            value = self.roots[value]
        return value

    def stored(self, value: Value) -> bool:
        """Whether the value is kept as integers."""
        return self.root(value) in self.group_bits

    def is_move(self, node: Node) -> bool:
        """Whether the node may run on the integers of a group."""
        operands = node.op.operands
        return moves(node.op) and operands[0].dtype.floating and not any(v in self.constants for v in operands)

    def members(self) -> dict[Value, list[Value]]:
        """Root -> the values of every group that is stored as integers."""
        found: dict[Value, list[Value]] = {root: [] for root in self.group_bits}
        for value in (*self.graph.inputs, *(v for node in self.graph.nodes for v in node.results)):
            if self.stored(value):
                found[self.root(value)].append(value)
        return found

    def _store(self, value: Value, bits: int) -> None:
        """A tensor that several layers read in different precision has the highest one."""
        root = self.root(value)
        self.group_bits[root] = max(bits, self.group_bits.get(root, 0))

    def _join(self, first: Value, *others: Value) -> None:
        for other in others:
            root, child = self.root(first), self.root(other)
            if root != child:
                self.roots[child] = root

    def _between_layers(self) -> list[Value]:
        """Results of fused layers on the way to another layer: the tensors that would go to memory in f32."""
        leads = self._leads_to_layer()
        ends = [region.result for region in Regions(self.graph).find() if region.anchor.result in self.bits]
        return [v for v in ends if v in leads and v.dtype.floating and not self._wanted_in_float(v)]

    def _wanted_in_float(self, value: Value) -> bool:
        """Whether it is an output, or a layer that is kept in float reads it."""
        users = self.graph.users.get(value, ())
        return value in self.graph.outputs or any(Product.of(u.op) and u.result not in self.bits for u in users)

    def _leads_to_layer(self) -> set[Value]:
        found: set[Value] = set()
        for node in reversed(self.graph.nodes):
            if node.result in self.bits or any(v in found for v in node.results):
                found.update(node.op.operands)
        return found
