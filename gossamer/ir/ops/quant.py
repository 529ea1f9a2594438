"""Changes of precision. One op does them all, through the real value: quantise, dequantise, requantise, float casts."""

from dataclasses import dataclass

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Const, Expr, Kernel, Load, Nest, Table, apply, at, single
from gossamer.ir.op import Op
from gossamer.ir.ops.nests import axes_of, clipped, compute_type, load_broadcast
from gossamer.ir.types import F32, F64, DType, TensorType, Value


@dataclass(frozen=True)
class Cast(Op, name="quant.cast"):
    """x as `type`, element by element, through the real number r that it stands for.

    From quantised integers r = (q - zero_point) * scale, else r is the element. To quantised integers the result is
    clip(round_half_even(r / scale) + zero_point, low, high); to plain integers r is truncated; to bool it is r != 0.
    """

    x: Value
    type: TensorType

    def infer(self) -> tuple[TensorType, ...]:
        if self.type.shape != self.x.shape:
            raise IRError(f"the type has shape {self.type.shape}, needed {self.x.shape}: a cast keeps the shape")
        return (self.type,)

    def kernel(self) -> Kernel:
        axes, kind = axes_of(self.type.shape), _arithmetic(self.x.type, self.type)
        names = [a.name for a in axes]
        real = _real(load_broadcast(0, self.x.shape, axes), self.x.type, names)
        return single(1, Nest(axes, _stored(real, self.type, names), kind, self.type.dtype))


def _arithmetic(old: TensorType, new: TensorType) -> DType:
    """f32 unless a side does not fit it; plain integer to plain integer stays integer."""
    if old.quant is None and new.quant is None:
        return compute_type(old.dtype, new.dtype)
    # float32 holds whole numbers up to 2^24: clipping to a wider range has to be done in double.
    wide = F64 in (old.dtype, new.dtype) or (new.quant is not None and new.dtype.bits > 24)
    return F64 if wide else F32


def _real(x: Load, old: TensorType, names: list[str]) -> Expr:
    if old.quant is None:
        return x
    zero = _channel_constant(tuple(float(z) for z in old.quant.zero_point), old.quant.axis, names)
    centred = x if old.quant.symmetric else apply("sub", x, zero)
    return apply("mul", centred, _channel_constant(old.quant.scale, old.quant.axis, names))


def _stored(real: Expr, new: TensorType, names: list[str]) -> Expr:
    if new.dtype.kind == "bool":
        return apply("not", apply("eq", real, Const(0.0)))
    if new.quant is None:
        return real
    steps = apply("round", apply("div", real, _channel_constant(new.quant.scale, new.quant.axis, names)))
    zero = _channel_constant(tuple(float(z) for z in new.quant.zero_point), new.quant.axis, names)
    placed = steps if new.quant.symmetric else apply("add", steps, zero)
    return clipped(placed, float(new.dtype.low), float(new.dtype.high))


def _channel_constant(values: tuple[float, ...], axis: int | None, names: list[str]) -> Expr:
    """One number, or one per index of `axis`."""
    if axis is None or len(set(values)) == 1:
        return Const(values[0])
    return Table(values, at(names[axis]))
