"""What a node costs by its meaning: multiply-accumulates, bytes moved, and the signature cost models work on.

All of it derives from the loop nests. Bytes count each element of a tensor once, at the packed width of its type (two
4-bit elements a byte): what has to cross to memory when everything in between stays on chip.
"""

from collections.abc import Iterator
from math import prod

from gossamer.ir.graph import Module, Node
from gossamer.ir.index import axes_in, bounds
from gossamer.ir.layer import Layer, LayerKind
from gossamer.ir.nest import Apply, Kernel, Load, Nest, parts
from gossamer.ir.op import Op
from gossamer.ir.ops.nn import ChannelShuffle
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Fused, Param
from gossamer.ir.ops.tensor import Concat, Pad, Reshape, Slice, Split, Transpose
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.signatures import BUILDERS, repeated
from gossamer.ir.types import TensorType, Value

MOVES = (ChannelShuffle, Concat, Pad, Slice, Split, Transpose)
VIEWS = (Param, Reshape)
"""Ops that cost nothing: no layer."""


def macs(node: Node) -> int:
    """Multiply-accumulates: points of every nest that sums products of two loads. 0 for an opaque op.

    A transposed convolution counts every element of x once with each kernel element, whatever its loops pad; a scan
    counts its body once per step.
    """
    op = node.op
    if isinstance(op, ConvTranspose):
        return op.x.type.elements * op.weight.type.elements // op.weight.shape[0]
    if isinstance(op, Fused | Scan):
        return sum(macs(inner) for inner in op.body.nodes) * (op.steps if isinstance(op, Scan) else 1)
    kernel = op.kernel()
    return sum(stage.points for stage in kernel.stages if _sums_products(stage)) if kernel is not None else 0


def bytes_read(node: Node) -> int:
    """Bytes of the operands that are touched, each element once; all of every operand for an opaque op."""
    kernel = node.op.kernel()
    # An operand given twice is one tensor, read once.
    elements: dict[Value, int] = {}
    for place, value in enumerate(node.op.operands):
        count = value.type.elements if kernel is None else _touched(kernel, place, value)
        elements[value] = max(count, elements.get(value, 0))
    return sum(_bytes(count, value.type) for value, count in elements.items())


def bytes_written(node: Node) -> int:
    """Bytes of the results."""
    return sum(_bytes(value.type.elements, value.type) for value in node.results)


def layers(module: Module) -> tuple[tuple[Node, Layer], ...]:
    """Every node that does something, in order, with its signature; parameters and pure views are left out.

    A scan gives the nodes of its body instead, each with the signature of all steps.
    """
    params = {value for node in module.graph.nodes if isinstance(node.op, Param) for value in node.results}
    return tuple(found for node in module.graph.nodes for found in node_layers(node, params))


def node_layers(node: Node, params: set[Value] | frozenset[Value] = frozenset()) -> Iterator[tuple[Node, Layer]]:
    """The layers of one node: itself, or what a scan repeats."""
    if isinstance(node.op, Scan):
        inner = frozenset(own for own, given in zip(node.op.body.inputs, node.op.inputs) if given in params)
        for part in node.op.body.nodes:
            yield from ((own, repeated(signature, node.op.steps)) for own, signature in node_layers(part, inner))
        return
    signature = layer(node, params)
    if signature is not None:
        yield node, signature


def layer(node: Node, params: set[Value] | frozenset[Value] = frozenset()) -> Layer | None:
    """A node's signature, or None for a parameter, a pure view or empty results.

    `params` are the operands that are weights; `weight_bits` keeps its default where there are none. A fused node has
    its anchor's signature, with the bits of what the fused node writes; a scan that of its largest layer, all steps.
    """
    if isinstance(node.op, Scan):
        found = (signature for _, signature in node_layers(node, params))
        return max(found, key=lambda f: (f.macs, f.input_elements), default=None)
    op = node.op
    if isinstance(op, VIEWS) or not any(value.type.elements for value in node.results):
        return None
    if isinstance(op, Fused):
        return _fused(op, params)
    build = BUILDERS.get(type(op))
    return build(op) if build is not None else _plain(op, node.results[0].type, params)


def _fused(op: Fused, params: set[Value] | frozenset[Value]) -> Layer | None:
    anchor = op.anchor
    inner = frozenset(own for own, given in zip(op.body.inputs, op.inputs) if given in params)
    build = BUILDERS.get(type(anchor.op))
    if build is not None:
        return build(anchor.op, op.body.outputs[0].type)
    if all(isinstance(node.op, VIEWS) for node in op.body.nodes):
        return None
    signature = _plain(anchor.op, op.body.outputs[0].type, inner)
    if signature.kind != "eltwise":
        return signature
    reads = tuple(own for own in op.body.inputs if own not in inner)
    return _signature("eltwise", reads, op.body.outputs[0].type)


def _plain(op: Op, out: TensorType, params: set[Value] | frozenset[Value]) -> Layer:
    """The signature of an op of no kind of its own, by what its nests do."""
    return _signature(_kind(op), tuple(v for v in op.operands if v not in params), out)


def _kind(op: Op) -> LayerKind:
    if isinstance(op, MOVES):
        return "move"
    kernel = op.kernel()
    if kernel is None or len(kernel.stages) != 1:
        return "other"
    return "reduce" if kernel.stages[0].reduce else "eltwise"


def _signature(kind: LayerKind, reads: tuple[Value, ...], out: TensorType) -> Layer:
    """Extents of the largest tensor read and of the result; every tensor counts once."""
    reads = tuple(dict.fromkeys(reads))
    largest = max((v.type for v in reads), key=lambda t: t.elements, default=out)
    n, ic, ih, iw = _extents(largest.shape)
    out_n, oc, oh, ow = _extents(out.shape)
    if out_n != n:  # a layer has one n: where the batch is reduced or moved it counts among the channels
        n, ic, oc = 1, ic * n, oc * out_n
    return Layer(
        kind, n, ic, ih, iw, oc, oh, ow,
        activation_bits=largest.dtype.bits, output_bits=out.dtype.bits, operands=len(reads),
    )  # fmt: skip


def _extents(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A shape as n, channels, height, width: missing ones are 1, those beyond four go to the width."""
    padded = list(shape) + [1] * 4
    n, c, h, w = padded[:4]
    return n, c, h, w * prod(shape[4:])


def _sums_products(nest: Nest) -> bool:
    body = nest.body
    if nest.reduce != "sum" or not isinstance(body, Apply) or body.function != "mul":
        return False
    if body.args[0] == body.args[1]:  # a variance: squares are no products with weights
        return False
    return all(any(isinstance(p, Load) for p in parts(factor)) for factor in body.args)


def _touched(kernel: Kernel, operand: int, value: Value) -> int:
    """Elements of an operand that are read: the box that encloses every read, or fewer where the reads skip some."""
    reads = [(load, nest) for nest in kernel.stages for load in nest.loads if load.operand == operand]
    return min(value.type.elements, sum({_box(load, nest, value.shape) for load, nest in reads}))


def _box(load: Load, nest: Nest, shape: tuple[int, ...]) -> int:
    extents = {a.name: a.extent for a in nest.axes}
    count = 1
    for index, extent in zip(load.index, shape):
        low, high = bounds(index, extents)
        span = min(high, extent - 1) - max(low, 0) + 1
        count *= max(0, min(span, prod(extents[name] for name in axes_in(index))))
    return count


def _bytes(elements: int, type: TensorType) -> int:
    return -(-elements * type.dtype.bits // 8)
