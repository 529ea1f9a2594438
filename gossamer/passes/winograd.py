"""The choice of Winograd's algorithm for the convolutions where it is allowed, exact enough and saves work."""

from dataclasses import dataclass, replace
from math import ceil

from gossamer.ir.errors import PassError
from gossamer.ir.graph import Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.nn import Conv2d
from gossamer.ir.ops.structure import Fused
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import DType
from gossamer.ir.winograd import LARGEST_TILE, transforms
from gossamer.passes.base import Pass

_MANTISSA = {("f", 16): 11, ("bf", 16): 8, ("f", 32): 24, ("f", 64): 53}


@dataclass(frozen=True)
class Winograd(Pass, name="winograd"):
    """Schedule convolutions as F(m x m, r x r), r their kernel extent; what tiles they had is dropped.

        %1 = nn.conv2d %x, %w      ->      %1 = nn.conv2d %x, %w
                                              @schedule algorithm=winograd(m=4)

    Declines (`refusals` says why for each) 3-D and transposed convolutions, kernels that are not square or 1x1,
    strides, dilations, groups, quantised convolutions unless `quantized`, an expected relative rms error over
    `max_error` in the type it computes in, and outputs so small that it saves no multiplications.
    """

    m: int = 4
    max_error: float = 1e-4
    quantized: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.m < LARGEST_TILE:
            raise PassError(f"winograd: m={self.m} needs to be from 2 to {LARGEST_TILE - 1}")

    def run(self, module: Module) -> Module:
        chosen = Schedule(algorithm="winograd", winograd_m=self.m)
        graph = module.graph
        nodes = tuple(
            replace(node, schedule=chosen) if self._changes(node) and self._obstacle(node) is None else node
            for node in graph.nodes
        )
        changed = any(new is not old for new, old in zip(nodes, graph.nodes))
        return module.with_graph(replace(graph, nodes=nodes)) if changed else module

    def refusals(self, module: Module) -> dict[str, str]:
        """Title of every convolution that is left alone -> why."""
        nodes = module.graph.nodes
        return {node.title: reason for node in nodes if (reason := _rank_obstacle(node) or self._obstacle(node))}

    def _changes(self, node: Node) -> bool:
        chosen = node.schedule is not None and node.schedule.winograd_m == self.m
        return not chosen and _conv(node) is not None

    def _obstacle(self, node: Node) -> str | None:
        conv = _conv(node)
        if conv is None:
            return None
        return _shape_obstacle(conv) or self._type_obstacle(conv) or _no_saving(conv, self.m)

    def _type_obstacle(self, conv: Conv2d) -> str | None:
        size = self.m + conv.weight.shape[2] - 1
        if size > LARGEST_TILE:
            return f"tiles of {size} x {size} exceed {LARGEST_TILE} x {LARGEST_TILE}"
        if conv.x.dtype.integer and not self.quantized:
            return f"{conv.x.dtype} input; quantized=true allows it"
        error = transforms(self.m, conv.weight.shape[2]).error(_round_off(conv.x.dtype))
        if error > self.max_error:
            return f"expected error {error:.1e} in {conv.x.dtype} exceeds max_error={self.max_error:g}"
        return None


def _conv(node: Node) -> Conv2d | None:
    """The convolution that the node's schedule speaks of."""
    anchor = _anchor(node)
    return anchor if isinstance(anchor, Conv2d) else None


def _anchor(node: Node) -> Op:
    return node.op.anchor.op if isinstance(node.op, Fused) else node.op


def _rank_obstacle(node: Node) -> str | None:
    """Why convolutions of another kind are no candidates."""
    anchor = _anchor(node)
    if isinstance(anchor, Conv3d):
        return "a 3-D convolution; it needs a 2-D one"
    return "a transposed convolution; it needs a plain one" if isinstance(anchor, ConvTranspose) else None


def _shape_obstacle(conv: Conv2d) -> str | None:
    kh, kw = conv.weight.shape[2:]
    if kh != kw or kh == 1:
        return f"kernel {kh}x{kw}; it needs r x r with r >= 2"
    if conv.groups != 1:
        return f"groups {conv.groups}; it needs 1"
    if conv.strides != (1, 1):
        return f"strides {conv.strides}; it needs (1, 1)"
    return f"dilations {conv.dilations}; it needs (1, 1)" if conv.dilations != (1, 1) else None


def _no_saving(conv: Conv2d, m: int) -> str | None:
    """Multiplications per channel pair of whole tiles against those of the direct loops."""
    r = conv.weight.shape[2]
    oh, ow = (e + conv.pads[k] + conv.pads[k + 2] - r + 1 for k, e in enumerate(conv.x.shape[2:]))
    tiled, direct = ceil(oh / m) * ceil(ow / m) * (m + r - 1) ** 2, oh * ow * r * r
    return f"{tiled} multiplications on {oh}x{ow} where direct loops need {direct}" if tiled >= direct else None


def _round_off(dtype: DType) -> float:
    """Unit round-off; integers are transformed in f32."""
    return 2.0 ** -_MANTISSA.get((dtype.kind, dtype.bits), 24 if dtype.integer else 4)
