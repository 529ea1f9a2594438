"""Changes of precision. `Cast` does them all through the real value: quantise, dequantise, requantise, float casts.
`View` leaves the integers alone and changes what they stand for."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Const, Expr, Kernel, Load, Nest, Table, apply, at, single
from gossamer.ir.op import Op
from gossamer.ir.ops.nests import axes_of, clipped, compute_type, load_broadcast
from gossamer.ir.types import F32, F64, DType, Quant, TensorType, Value


@dataclass(frozen=True)
class Cast(Op, name="quant.cast"):
    """x as `type`, element by element, through the real number r that it stands for.

    From quantised integers r = (q - zero_point) * scale, else r is the element. To quantised integers the result is
    clip(round_half_even(r / scale) + zero_point, low, high); to plain integers r is truncated; to bool it is r != 0.

    From quantised to quantised integers both scales are one factor, so that a value is rounded once:
    clip(round_half_even((q - zero_point) * (old scale / new scale)) + new zero_point, low, high), the factor in f32.
    XNNPACK (and with it LiteRT) computes exactly this, from the scales that a file holds in f32.
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
        read = load_broadcast(0, self.x.shape, axes)
        factor = _factor(self.x.type.quant, self.type.quant, kind)
        if factor is not None:
            stored = _rounded(apply("mul", _centred(read, self.x.type, names), factor(names)), self.type, names)
        else:
            stored = _stored(_real(read, self.x.type, names), self.type, names)
        return single(1, Nest(axes, stored, kind, self.type.dtype))


@dataclass(frozen=True)
class View(Op, name="quant.view"):
    """The integers of x under another scale and zero point, or under none: not one bit changes.

    `type` has x's element type and shape. So come quantised tensors in as plain integers with their scale beside them.
    """

    x: Value
    type: TensorType

    def infer(self) -> tuple[TensorType, ...]:
        if self.type.shape != self.x.shape:
            raise IRError(f"the type has shape {self.type.shape}, needed {self.x.shape}: a view keeps the shape")
        if self.type.dtype != self.x.dtype or not self.x.dtype.integer:
            raise IRError(f"x is {self.x.dtype} and the type {self.type.dtype}, needed one integer type for both")
        return (self.type,)

    def kernel(self) -> Kernel:
        axes, dtype = axes_of(self.type.shape), self.type.dtype
        return single(1, Nest(axes, load_broadcast(0, self.x.shape, axes), dtype, dtype))


def _arithmetic(old: TensorType, new: TensorType) -> DType:
    """f32 unless a side does not fit it; plain integer to plain integer stays integer."""
    if old.quant is None and new.quant is None:
        return compute_type(old.dtype, new.dtype)
    # float32 holds whole numbers up to 2^24: clipping to a wider range has to be done in double.
    wide = F64 in (old.dtype, new.dtype) or (new.quant is not None and new.dtype.bits > 24)
    return F64 if wide else F32


def _factor(old: Quant | None, new: Quant | None, kind: DType) -> Callable[[list[str]], Expr] | None:
    """What centred old integers are multiplied by to be new ones; None when that is no number per index of one axis."""
    if old is None or new is None or (old.axis is not None and new.axis is not None and old.axis != new.axis):
        return None
    count, axis = max(len(old.scale), len(new.scale)), new.axis if old.axis is None else old.axis
    pairs = zip(_each(old.scale, count), _each(new.scale, count))
    if kind == F64:
        factors = tuple(a / b for a, b in pairs)
    else:
        with np.errstate(all="ignore"):
            factors = tuple(float(np.float32(a) / np.float32(b)) for a, b in pairs)
    if not all(0 < f < inf for f in factors):  # scales that f32 cannot hold, or cannot divide
        return None
    return lambda names: _channel_constant(factors, axis, names)


def _each(values: tuple[float, ...], count: int) -> tuple[float, ...]:
    return values * count if len(values) == 1 else values


def _centred(x: Load, old: TensorType, names: list[str]) -> Expr:
    if old.quant is None or old.quant.symmetric:
        return x
    return apply("sub", x, _channel_constant(tuple(float(z) for z in old.quant.zero_point), old.quant.axis, names))


def _real(x: Load, old: TensorType, names: list[str]) -> Expr:
    if old.quant is None:
        return x
    return apply("mul", _centred(x, old, names), _channel_constant(old.quant.scale, old.quant.axis, names))


def _stored(real: Expr, new: TensorType, names: list[str]) -> Expr:
    if new.dtype.kind == "bool":
        return apply("not", apply("eq", real, Const(0.0)))
    if new.quant is None:
        return real
    return _rounded(apply("div", real, _channel_constant(new.quant.scale, new.quant.axis, names)), new, names)


def _rounded(steps: Expr, new: TensorType, names: list[str]) -> Expr:
    """The nearest integer of the type to a number of steps from its zero point."""
    assert new.quant is not None
    steps = apply("round", steps)
    zero = _channel_constant(tuple(float(z) for z in new.quant.zero_point), new.quant.axis, names)
    placed = steps if new.quant.symmetric else apply("add", steps, zero)
    return clipped(placed, float(new.dtype.low), float(new.dtype.high))


def _channel_constant(values: tuple[float, ...], axis: int | None, names: list[str]) -> Expr:
    """One number, or one per index of `axis`."""
    if axis is None or len(set(values)) == 1:
        return Const(values[0])
    return Table(values, at(names[axis]))
