"""The bare structure of a network: what is computed from what, read off its IR.

    %1 = nn.conv2d %image, %w      kind "conv2d 3x3", reads node 0
    %2 = nn.batch_norm %1, ...     passed through: who reads %2 reads the convolution
    %3 = nn.relu %2                passed through
    %4 = math.add %image, %3       kind "add", reads nodes 0 and 1

Batch norms and activations follow from what they are attached to in every space here, and would only lengthen the
graph; weights are no nodes. Sums of sums are one sum, so the order in which a cell is added up does not show.
Kinds carry kernel, stride, dilation and whether the convolution is depthwise; channels are in `architecture-features`.
"""

from dataclasses import dataclass
from math import prod

from gossamer.ir.graph import Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops.math import Add
from gossamer.ir.ops.nn import BatchNorm, Conv2d, Gemm
from gossamer.ir.ops.pooling import AvgPool2d, MaxPool2d
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value

INPUT, OUTPUT = "input", "output"
_ACTIVATIONS = "gossamer.ir.ops.activations"


@dataclass(frozen=True)
class Sketch:
    """Nodes in order of execution. `sources[n]`: the nodes that node n reads, in order, repeated where read twice.
    `weighted`: its convolutions and matrix products, in order; `side`: of the input image.
    """

    kinds: tuple[str, ...]
    sources: tuple[tuple[int, ...], ...]
    weighted: tuple["Weighted", ...]
    side: int


@dataclass(frozen=True)
class Weighted:
    """Sizes of a layer with weights, of one image."""

    macs: int
    weights: int
    channels: int
    halves: bool
    is_conv: bool


def read_sketch(module: Module) -> Sketch:
    """The structure of a module; node 0 is its (first) input, the last node its output."""
    kinds: list[str] = [INPUT for _ in module.graph.inputs]
    sources: list[tuple[int, ...]] = [() for _ in module.graph.inputs]
    reads: dict[Value, tuple[int, ...]] = {value: (place,) for place, value in enumerate(module.graph.inputs)}
    for node in module.graph.nodes:
        if isinstance(node.op, Param):
            continue
        found = tuple(place for value in node.op.operands for place in reads.get(value, ()))
        if not (_passed_through(node.op) or (isinstance(node.op, Add) and _only_added(module, node))):
            kinds.append(kind(node.op))
            sources.append(found)
            found = (len(kinds) - 1,)
        reads.update((value, found) for value in node.results)
    kinds.append(OUTPUT)
    sources.append(tuple(place for value in module.graph.outputs for place in reads.get(value, ())))
    weighted = tuple(layer for node in module.graph.nodes if (layer := _weighted(node)))
    return Sketch(tuple(kinds), tuple(sources), weighted, module.graph.inputs[0].type.shape[-1])


def _weighted(node: Node) -> Weighted | None:
    op, out = node.op, node.result.type.shape
    if isinstance(op, Conv2d):
        size = prod(op.weight.type.shape)
        return Weighted(size * prod(out[2:]), size, out[1], op.strides[0] > 1, True)
    if isinstance(op, Gemm):
        size = prod(op.b.type.shape)
        return Weighted(size * out[0], size, out[1], False, False)
    return None


def kind(op: Op) -> str:
    """What an op is called in graphs and token strings."""
    name = op.name.partition(".")[2] or op.name
    if isinstance(op, Conv2d):
        kh, kw = op.weight.type.shape[2:]
        depthwise = " dw" if op.groups > 1 and op.groups == op.x.type.shape[1] else f" g{op.groups}"
        holes = "" if op.dilations == (1, 1) else f" d{op.dilations[0]}"
        return f"{name} {kh}x{kw}{_stride(op.strides)}{holes}{depthwise if op.groups > 1 else ''}"
    if isinstance(op, AvgPool2d | MaxPool2d):
        return f"{name} {op.kernel_shape[0]}x{op.kernel_shape[1]}{_stride(op.strides)}"
    return name


def _stride(strides: tuple[int, ...]) -> str:
    return "" if set(strides) == {1} else f" /{strides[0]}"


def _passed_through(op: Op) -> bool:
    return isinstance(op, BatchNorm) or type(op).__module__ == _ACTIVATIONS


def _only_added(module: Module, node: Node) -> bool:
    """A sum whose only reader is another sum."""
    users = module.graph.users.get(node.result, ())
    return len(users) == 1 and isinstance(users[0].op, Add) and node.result not in module.graph.outputs
