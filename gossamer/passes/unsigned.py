"""Signed 8-bit activations as unsigned ones, which is what the machine's dot product of u8 and i8 wants to read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gossamer.ir.errors import IRError
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.nn import ChannelShuffle, Conv2d, Gemm, MatMul
from gossamer.ir.ops.pooling import MaxPool2d
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.structure import Fused, Param
from gossamer.ir.ops.tensor import Concat, Pad, Reshape, Slice, Split, Transpose
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.types import I8, U8, Quant, TensorType, Value
from gossamer.passes.base import Pass

_PRODUCTS = (Conv2d, Conv3d, ConvTranspose, Gemm, MatMul)
_MOVES = (ChannelShuffle, Concat, MaxPool2d, Pad, Reshape, Slice, Split, Transpose)


@dataclass(frozen=True)
class Unsigned(Pass, name="unsigned"):
    """Keep i8 values with one scale that a convolution, gemm or matmul multiplies with weights as u8, 128 higher.

        %1: i8[..]{scale=s} = quant.cast %x           %1: u8[..]{scale=s, zero_point=128} = quant.cast %x
        %2 = nn.conv2d %1, %w                    ->   %2 = nn.conv2d %1, %w

    Not one result changes: the real number is the same. Movement (reshape, max pooling, ...) of such a value moves the
    u8. Inputs and outputs of the graph keep their types, and so does what any other op reads: a cast stands between.
    """

    def run(self, module: Module) -> Module:
        graph = module.graph
        wanted = _wanted(graph, set())
        if not wanted:
            return module
        return module.with_graph(_Walk(wanted, _names(graph)).graph(graph, {}, whole=True))


def unsigned(kind: TensorType) -> TensorType:
    """The u8 type of the same real numbers."""
    quant = kind.quant
    assert quant is not None
    zero = tuple(z - I8.low for z in quant.zero_point)
    return TensorType(U8, kind.shape, Quant(quant.scale, zero))


def _signed(value: Value) -> bool:
    return value.dtype == I8 and value.type.quant is not None and value.type.quant.axis is None


def _wanted(graph: Graph, results: set[Value]) -> set[Value]:
    """The signed values of a graph that products read, `results` among them; of bodies, what crosses their border."""
    made = {value for node in graph.nodes if isinstance(node.op, Param) for value in node.results}
    found = set(results)
    for node in reversed(graph.nodes):
        op = node.op
        read: tuple[Value, ...] = ()
        if isinstance(op, _PRODUCTS):
            read = op.operands[:1]
        elif isinstance(op, _MOVES) and found & set(node.results):
            read = op.operands
        elif isinstance(op, Fused):
            outer = dict(zip(op.body.inputs, op.inputs, strict=True))
            inner = {v for v, result in zip(op.body.outputs, node.results, strict=True) if result in found}
            read = tuple(outer[v] for v in _wanted(op.body, inner) if v in outer)
        found.update(v for v in read if _signed(v) and v not in made)
    return found


def _names(graph: Graph) -> set[str]:
    bodies = [n.op.body for n in graph.nodes if isinstance(n.op, Fused)]
    return {v.name for g in (graph, *bodies) for v in (*g.inputs, *(r for n in g.nodes for r in n.results))}


@dataclass
class _Walk:
    """`changed`: value of the old graph -> its u8; `back`: its i8 again, where something else wants that."""

    wanted: set[Value]
    taken: set[str]
    changed: dict[Value, Value] = field(default_factory=dict[Value, Value])
    back: dict[Value, Value] = field(default_factory=dict[Value, Value])
    nodes: list[Node] = field(default_factory=list[Node])

    def graph(self, graph: Graph, inputs: Mapping[Value, Value], whole: bool) -> Graph:
        """The new graph. `inputs`: those that come in as u8; `whole`: inputs and outputs keep their types."""
        self.changed.update(inputs)
        for value in graph.inputs:
            if whole and value in self.wanted:
                self._enter(value)
        for node in graph.nodes:
            self._take(node)
        outputs = tuple(self._signed_again(v) if whole else self.changed.get(v, v) for v in graph.outputs)
        return Graph(tuple(inputs.get(v, v) for v in graph.inputs), tuple(self.nodes), outputs)

    def _take(self, node: Node) -> None:
        op = self._changed_op(node)
        if op is None:
            read = {v: self._signed_again(v) for v in node.op.operands}
            op = node.op.with_operands(read) if any(k != v for k, v in read.items()) else node.op
        kinds = op.infer()
        results = tuple(
            v if v.type == kind else self._fresh(v, kind) for v, kind in zip(node.results, kinds, strict=True)
        )
        self.nodes.append(node if op is node.op else replace(node, op=op, results=results))
        self.changed.update((v, new) for v, new in zip(node.results, results, strict=True) if new != v)
        for value in node.results:
            if value in self.wanted and value not in self.changed and not isinstance(node.op, Param):
                self._enter(value)

    def _changed_op(self, node: Node) -> Op | None:
        """The op on u8; None where it has to have its operands as they were."""
        op, read = node.op, {v: self.changed[v] for v in node.op.operands if v in self.changed}
        if isinstance(op, Cast):
            kind = unsigned(op.type) if node.result in self.wanted else op.type
            return Cast(read.get(op.x, op.x), kind)
        if isinstance(op, Fused):
            return self._body(node, op, read)
        moves = isinstance(op, _MOVES) and len(read) == len(set(op.operands))
        if not read or not (moves or isinstance(op, _PRODUCTS)):
            return None
        new = op.with_operands(read)
        try:
            kinds = new.infer()
        except IRError:  # both factors are activations
            return None
        return new if moves or kinds == tuple(v.type for v in node.results) else None

    def _body(self, node: Node, op: Fused, read: Mapping[Value, Value]) -> Op:
        ends = {v for v, result in zip(op.body.outputs, node.results, strict=True) if result in self.wanted}
        outer = dict(zip(op.body.inputs, op.inputs, strict=True))
        entering = {v: self._fresh(v, read[o].type) for v, o in outer.items() if o in read}
        wanted = _wanted(op.body, ends)
        if not wanted and not entering:
            return op
        walk = _Walk(wanted, self.taken)
        body = walk.graph(op.body, entering, whole=False)
        return Fused(tuple(read.get(o, o) for o in op.inputs), body)

    def _enter(self, value: Value) -> None:
        """A value that is made signed, as u8."""
        kind = unsigned(value.type)
        new = self._fresh(value, kind)
        self.nodes.append(Node(Cast(value, kind), (new,)))
        self.changed[value], self.back[value] = new, value

    def _signed_again(self, value: Value) -> Value:
        if value not in self.changed:
            return value
        if value not in self.back:
            self.nodes.append(Node(Cast(self.changed[value], value.type), (value,)))
            self.back[value] = value
        return self.back[value]

    def _fresh(self, value: Value, kind: TensorType) -> Value:
        """A name of its own: the old value may be needed too."""
        name, serial = f"{value.name}.u", 0
        while name in self.taken:
            serial += 1
            name = f"{value.name}.u{serial}"
        self.taken.add(name)
        return Value(name, kind)
