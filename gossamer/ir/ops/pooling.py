"""Pooling over windows of NCHW tensors; `pads` = (top, left, bottom, right).

OH = (IH + top + bottom - (KH - 1)*dh - 1) / sh + 1, rounded down, or up with `ceil_mode` (then a last window that would
start beyond the input and its top padding is left out, as ONNX and torch do).
"""

from dataclasses import dataclass
from math import inf

from gossamer.ir.errors import IRError
from gossamer.ir.index import bounds
from gossamer.ir.nest import Acc, Affine, Axis, Const, Expr, IndexValue, Kernel, Load, Nest, apply, at, single
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_float, need_pads, need_positive, need_rank
from gossamer.ir.ops.nests import axes_of, compute_type, window
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class MaxPool2d(Op, name="nn.max_pool2d"):
    """out[n,c,oh,ow] = max over kh,kw of x[n, c, oh*sh + kh*dh - top, ow*sw + kw*dw - left]; padding never wins.

    x [N, C, IH, IW] of any number type; a quantised type is kept. (`kernel_shape`, since `kernel` is the op's meaning.)
    """

    x: Value
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    dilations: tuple[int, ...] = (1, 1)
    ceil_mode: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        quant = self.x.type.quant
        if quant is None:
            need_arithmetic("x", self.x)
        elif quant.axis in (2, 3):
            raise IRError(f"x has one scale per index of axis {quant.axis}, which windows mix: cast to f32 first")
        need_positive("dilations", self.dilations)
        return (_pooled(self),)

    def kernel(self) -> Kernel:
        out, dtype = self.infer()[0], self.x.dtype
        lowest = float(dtype.low) if dtype.integer else -inf
        load = Load(0, _taps(self), lowest if _leaves(self, out) else None)
        return single(1, Nest((*axes_of(out.shape), *_loops(self)), load, dtype, dtype, "max"))


@dataclass(frozen=True)
class AvgPool2d(Op, name="nn.avg_pool2d"):
    """out[n,c,oh,ow] = mean of the window x[n, c, oh*sh + kh - top, ow*sw + kw - left] over kh,kw.

    Padding counts as 0 in the sum; it counts in the divisor only with `count_include_pad`. What a `ceil_mode` window
    covers beyond the padding never counts. x is of a float type, or quantised with one scale, which is kept: then it is
    the mean of the integers, rounded half away from 0, as TensorFlow Lite has it.
    """

    x: Value
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    ceil_mode: bool = False
    count_include_pad: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        quant = self.x.type.quant
        if quant is None:
            need_float("x", self.x)
        elif quant.axis is not None:
            raise IRError("x has one scale per channel, needed one scale: the mean of integers keeps it")
        return (_pooled(self),)

    def kernel(self) -> Kernel:
        out, kind = self.infer()[0], compute_type(self.x.dtype)
        load = Load(0, _taps(self), self._padding() if _leaves(self, out) else None)
        total, count = Acc(), self._divisor(out)
        if self.x.type.quant is not None:  # integer division truncates: half a divisor, with the sum's sign, rounds it
            half = apply("mul", apply("sign", total), apply("div", count, Const(2.0)))
            epilogue = apply("div", apply("add", total, half), count)
        else:
            epilogue = apply("div", total, count)
        return single(1, Nest((*axes_of(out.shape), *_loops(self)), load, kind, self.x.dtype, "sum", epilogue))

    def _padding(self) -> float:
        """What padding adds to a sum: the integer that stands for 0 where it counts, nothing where it does not."""
        quant = self.x.type.quant
        return float(quant.zero_point[0]) if quant is not None and self.count_include_pad else 0.0

    def _divisor(self, out: TensorType) -> Expr:
        return _times(*(self._counted(side, out.shape[2 + side]) for side in (0, 1)))

    def _counted(self, side: int, positions: int) -> Expr:
        """Rows (side 0) or columns (side 1) of a window that count: all of them, or fewer at the borders."""
        size, stride, extent = self.kernel_shape[side], self.strides[side], self.x.shape[2 + side]
        before, after = self.pads[side], self.pads[2 + side]
        low, high = (-before, extent + after) if self.count_include_pad else (0, extent)
        if -before >= low and (positions - 1) * stride - before + size <= high:
            return Const(float(size))
        start = at("oh" if side == 0 else "ow") * stride - before
        last = apply("minimum", IndexValue(start + size), Const(float(high)))
        return apply("sub", last, apply("maximum", IndexValue(start), Const(float(low))))


def _times(x: Expr, y: Expr) -> Expr:
    return Const(x.value * y.value) if isinstance(x, Const) and isinstance(y, Const) else apply("mul", x, y)


def _dilations(op: MaxPool2d | AvgPool2d) -> tuple[int, ...]:
    return op.dilations if isinstance(op, MaxPool2d) else (1, 1)


def _pooled(op: MaxPool2d | AvgPool2d) -> TensorType:
    need_rank("x", op.x, 4, "NCHW")
    need_positive("kernel_shape", op.kernel_shape)
    need_positive("strides", op.strides)
    need_pads(op.pads)
    reach = tuple((k - 1) * d + 1 for k, d in zip(op.kernel_shape, _dilations(op)))
    if any(pad >= r for pad, r in zip(op.pads, reach * 2)):
        size = f"{reach[0]}x{reach[1]}"
        raise IRError(f"pads is {op.pads}, needed less than the window of {size}: a window of padding has no value")
    sizes = tuple(_positions(op, side, reach[side]) for side in (0, 1))
    if min(sizes) < 1:
        raise IRError(
            f"input of {op.x.shape[2]}x{op.x.shape[3]} with pads {op.pads} is smaller than the window of "
            f"{reach[0]}x{reach[1]}, needed at least one position"
        )
    return op.x.type.with_shape((*op.x.shape[:2], *sizes))


def _positions(op: MaxPool2d | AvgPool2d, side: int, reach: int) -> int:
    extent, stride, before = op.x.shape[2 + side], op.strides[side], op.pads[side]
    room = extent + before + op.pads[2 + side] - reach
    if not op.ceil_mode:
        return room // stride + 1
    positions = -(-room // stride) + 1
    return positions - 1 if (positions - 1) * stride >= extent + before else positions


def _leaves(op: MaxPool2d | AvgPool2d, out: TensorType) -> bool:
    """Whether some window reads outside the input: a read that never does carries no fill and needs no bounds check."""
    index, extents = _taps(op), {a.name: a.extent for a in (*axes_of(out.shape), *_loops(op))}
    ranges = [bounds(i, extents) for i in index]
    return any(low < 0 or high >= extent for (low, high), extent in zip(ranges, op.x.shape))


def _taps(op: MaxPool2d | AvgPool2d) -> tuple[Affine, ...]:
    rows = window(op.strides[0], op.pads[0], _dilations(op)[0], "oh", "kh")
    columns = window(op.strides[1], op.pads[1], _dilations(op)[1], "ow", "kw")
    return (at("n"), at("oc"), rows, columns)


def _loops(op: MaxPool2d | AvgPool2d) -> tuple[Axis, ...]:
    return (Axis("kh", op.kernel_shape[0], reduce=True), Axis("kw", op.kernel_shape[1], reduce=True))
