"""Elements repeated: tiling and broadcasting. Any element type; a quantised x keeps its scale."""

from dataclasses import dataclass

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Affine, Axis, Index, Kernel, Mod, Nest, at, single
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import broadcast
from gossamer.ir.ops.nests import axes_of, load_broadcast, moved
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class Tile(Op, name="tensor.tile"):
    """x repeated repeats[i] times along dimension i: out[p] = x[p mod extent]."""

    x: Value
    repeats: tuple[int, ...]

    def infer(self) -> tuple[TensorType, ...]:
        if len(self.repeats) != self.x.type.rank or any(r < 0 for r in self.repeats):
            raise IRError(f"repeats is {self.repeats}, needed {self.x.type.rank} numbers >= 0, one per dimension of x")
        quant = self.x.type.quant
        if quant is not None and quant.axis is not None and self.repeats[quant.axis] != 1:
            raise IRError(f"x has one scale per index of axis {quant.axis}, needed it left alone: cast to f32 first")
        return (self.x.type.with_shape(tuple(e * r for e, r in zip(self.x.shape, self.repeats))),)

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        axes = axes_of(out.shape)
        return moved(out, tuple(_tiled(a, e) for a, e in zip(axes, self.x.shape)))


@dataclass(frozen=True)
class Expand(Op, name="tensor.expand"):
    """x broadcast to `shape` (numpy's broadcast_to): its dimensions are the last ones; those of extent 1 repeat."""

    x: Value
    shape: tuple[int, ...]

    def infer(self) -> tuple[TensorType, ...]:
        if broadcast(self.x.shape, self.shape, "x and the result") != self.shape:
            raise IRError(f"shape is {self.shape}, needed one that x of shape {self.x.shape} broadcasts to")
        if self.x.type.quant is not None and self.x.type.quant.axis is not None:
            raise IRError("x has one scale per index of an axis, needed one scale: cast to f32 first")
        return (self.x.type.with_shape(self.shape),)

    def kernel(self) -> Kernel:
        axes, dtype = axes_of(self.shape), self.x.dtype
        return single(1, Nest(axes, load_broadcast(0, self.x.shape, axes), dtype, dtype))


def _tiled(axis: Axis, extent: int) -> Index:
    if extent == axis.extent:
        return at(axis.name)
    return Mod(at(axis.name), extent) if extent > 1 else Affine()
