"""Products of integers: QLinearConv, QLinearMatMul, ConvInteger, MatMulInteger, and QGemm of onnxruntime.

The IR multiplies a quantised x by a symmetric weight, so a weight's zero points are subtracted first, exactly, in
integers one bit wider; where the weight is a constant that happens at import. Scales that are only known at run time
make the same operators products of reals.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.quant import MICROSOFT
from gossamer.frontends.onnx.operators.windows import row, window_of
from gossamer.frontends.onnx.scales import Scaling, quant_of, quantised, real, stored, viewed
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant
from gossamer.frontends.problems import Unsupported
from gossamer.frontends.quantised import bias_type
from gossamer.ir.centred import centred
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Cast, Conv2d, Conv3d, Gemm, MatMul, Mul, Reshape, Sub, View
from gossamer.ir.types import F32, I32, DType, Quant, TensorType, Value

UNIT = (1.0,)


@operator("QLinearConv")
def qlinear_conv(call: Call) -> Result:
    x_at, w_at, y_at = Scaling(1, 2), Scaling(4, 5), Scaling(6, 7)
    return _requantised(call, (0, x_at), (3, w_at), y_at, 8, lambda x, w: _convolution(call, x, w))


@operator("QLinearMatMul")
def qlinear_matmul(call: Call) -> Result:
    rank = _type(call, 3).rank
    x_at, w_at, y_at = Scaling(1, 2), Scaling(4, 5, rank - 1), Scaling(6, 7)
    return _requantised(call, (0, x_at), (3, w_at), y_at, None, _matmul)


@operator("QGemm", domain=MICROSOFT)
def qgemm(call: Call) -> Result:
    """alpha is part of the scale of the result; without a scale of its own the result stays real."""
    if call.attr_int("transA", 0) or call.attr_float("alpha", 1.0) != 1.0:
        raise Unsupported("it has transA or an alpha other than 1, which is not supported")
    transposed = bool(call.attr_int("transB", 0))
    w_at = Scaling(4, 5, 0 if transposed else 1)
    y_at = Scaling(7, 8) if call.has(7) else None
    return _requantised(call, (0, Scaling(1, 2)), (3, w_at), y_at, 6, lambda x, w: Gemm(x, w, None, transposed))


@operator("ConvInteger")
def conv_integer(call: Call) -> Result:
    return _plain(call, lambda x, w: _convolution(call, x, w), axis=0)


@operator("MatMulInteger")
def matmul_integer(call: Call) -> Result:
    return _plain(call, _matmul, axis=_type(call, 1).rank - 1)


@operator("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_integer_to_float(call: Call) -> Result:
    """(a - a_zero) @ (b - b_zero) * a_scale * b_scale + bias, in reals: the scales are computed at run time."""
    a, b = (call.step(real(call, call.value(i), at)) for i, at in ((0, Scaling(2, 4)), (1, Scaling(3, 5, 1))))
    product = _matmul(a, b)
    return call.emit(Add(call.step(product), call.value(6)) if call.has(6) else product)


def _requantised(
    call: Call,
    x_at: tuple[int, Scaling],
    w_at: tuple[int, Scaling],
    y_at: Scaling | None,
    bias: int | None,
    product: Callable[[Value, Value], Op],
) -> Result:
    """A product whose operands and result are integers with scales, in integers where all scales are known."""
    quants = [quant_of(call, at, _type(call, index).rank) for index, at in (x_at, w_at)]
    x_quant, w_quant = quants
    y_quant = quant_of(call, y_at, 0) if y_at else None
    if x_quant is None or w_quant is None or (y_at and y_quant is None):
        return _in_reals(call, x_at, w_at, y_at, bias, product)
    x = quantised(call, x_at[0], x_quant)
    weight = _symmetric(call, w_at[0], w_quant)
    op = _with_bias(call, product(x, weight), bias)
    shape = op.infer()[0].shape
    if y_at is None or y_quant is None:
        return call.emit(Cast(call.step(op), TensorType(F32, shape)))
    return _shaped(call, Cast(call.step(op), TensorType(_dtype(call, y_at, x.dtype), shape, y_quant)))


def _in_reals(
    call: Call,
    x_at: tuple[int, Scaling],
    w_at: tuple[int, Scaling],
    y_at: Scaling | None,
    bias: int | None,
    product: Callable[[Value, Value], Op],
) -> Result:
    x, weight = (call.step(real(call, call.value(index), at)) for index, at in (x_at, w_at))
    op = product(x, weight)
    if bias is not None and call.has(bias):
        op = replace(op, bias=_real_bias(call, bias, x_at[1], w_at[1]))  # type: ignore[call-arg]
    if y_at is None:
        return _shaped(call, op)
    return _shaped(call, stored(call, call.step(op), y_at, _dtype(call, y_at, call.item(x_at[0]).type.dtype)))


def _real_bias(call: Call, bias: int, x_at: Scaling, w_at: Scaling) -> Value:
    """Its scale is that of x times that of the weight."""
    value = call.step(Cast(call.value(bias), TensorType(F32, call.value(bias).shape)))
    for at in (x_at, w_at):
        scale = call.value(at.scale)
        scale = call.step(Reshape(scale, ())) if scale.type.elements == 1 and scale.type.rank else scale
        value = call.step(Mul(value, scale))
    return value


def _plain(call: Call, product: Callable[[Value, Value], Op], axis: int) -> Result:
    """A product of integers without scales, as i32; the zero points are operands 2 (x) and 3 (weight)."""
    if not any(_zeros(call, i) != (0,) for i in (2, 3)):
        op = product(*(viewed(call, call.value(i), None) for i in (0, 1)))
        return _as_i32(call, op)
    x_zeros, w_zeros = _zeros(call, 2), _zeros(call, 3)
    if x_zeros is not None and len(x_zeros) == 1:
        x = quantised(call, 0, Quant(UNIT, x_zeros))
    else:
        x = viewed(call, _centred(call, 0, 2, max(0, _type(call, 0).rank - 2)), Quant(UNIT))
    if w_zeros is not None:
        each = Quant(UNIT * len(w_zeros), w_zeros, axis if len(w_zeros) > 1 else None)
        weight = viewed(call, _symmetric(call, 1, each), Quant(UNIT))
    else:
        weight = viewed(call, _centred(call, 1, 3, axis), Quant(UNIT))
    return _as_i32(call, product(x, weight))


def _as_i32(call: Call, op: Op) -> Value:
    kind = op.infer()[0]
    if kind.quant is not None:
        op = View(call.step(op), TensorType(kind.dtype, kind.shape))
    if kind.dtype != I32:
        op = Cast(call.step(op), TensorType(I32, kind.shape))
    return _shaped(call, op)


def _zeros(call: Call, index: int) -> tuple[int, ...] | None:
    """Zero points, all 0 as one; None when they are computed at run time."""
    if not call.has(index):
        return (0,)
    if not isinstance(call.item(index), Constant):
        return None
    zeros = tuple(int(z) for z in np.ravel(call.constant(index)))  # type: ignore[arg-type]
    return zeros if any(zeros) else (0,)


def _centred(call: Call, index: int, zero: int, axis: int) -> Value:
    """Operand `index` less its zero points, in integers one bit wider."""
    x, zeros = viewed(call, call.value(index), None), viewed(call, call.value(zero), None)
    wide = DType("i", x.dtype.bits + 1)
    if zeros.type.rank == 1:
        shape = (*zeros.shape, *(1,) * (x.type.rank - axis - 1)) if zeros.type.elements > 1 else ()
        zeros = call.step(Reshape(zeros, shape))
    parts = (call.step(Cast(v, TensorType(wide, v.shape))) for v in (x, zeros))
    return call.step(Sub(*parts))


def _symmetric(call: Call, index: int, quant: Quant) -> Value:
    """Operand `index` as a weight without zero points."""
    item = call.item(index)
    if quant.symmetric:
        return quantised(call, index, quant)
    if isinstance(item, Constant):
        kind, load = centred(TensorType(item.type.dtype, item.type.shape, quant), item.load)
        return call.derived(Constant(kind, load), "centred")
    wide = DType("i", item.type.dtype.bits + 1)
    x = call.step(Cast(viewed(call, call.value(index), None), TensorType(wide, item.type.shape)))
    shape = [1] * item.type.rank
    if quant.axis is not None:
        shape[quant.axis] = len(quant.zero_point)
    zeros = call.param(np.reshape(quant.zero_point, shape), "zeros", wide)
    return viewed(call, call.step(Sub(x, zeros)), Quant(quant.scale, (0,), quant.axis))


def _with_bias(call: Call, op: Op, bias: int | None) -> Op:
    if bias is None or not call.has(bias):
        return op
    kind, item = bias_type(op.infer()[0], call.item(bias).type.shape), call.item(bias)
    if isinstance(item, Constant):
        value = call.derived(Constant(kind, lambda: item.load().astype(kind.dtype.numpy)), "bias")
    else:
        same = item if item.dtype == kind.dtype else call.step(Cast(item, TensorType(kind.dtype, item.shape)))
        value = viewed(call, same, kind.quant)
    return replace(op, bias=value)  # type: ignore[call-arg]


def _convolution(call: Call, x: Value, weight: Value) -> Op:
    """The convolution of the node's attributes; over one axis as a row of an image."""
    window = window_of(call, x, weight.shape[2:])
    if window.axes == 1:
        x, weight = call.step(Reshape(x, row(x))), call.step(Reshape(weight, row(weight)))
        window = window.in_row()
    kind = Conv3d if window.axes == 3 else Conv2d
    return kind(x, weight, None, window.strides, window.pads, window.dilations, call.attr_int("group", 1))


def _matmul(a: Value, b: Value) -> Op:
    if min(a.type.rank, b.type.rank) < 2:
        raise Unsupported("it multiplies vectors, which is only supported for floats")
    return Gemm(a, b) if a.type.rank == b.type.rank == 2 else MatMul(a, b)


def _shaped(call: Call, op: Op) -> Value:
    """The result; a convolution over one axis loses the row it was given."""
    shape = op.infer()[0].shape
    if "Conv" in call.node.op_type and _type(call, 0).rank == 3:
        shape = (*shape[:2], shape[3])
    return call.emit_shaped(op, shape)


def _type(call: Call, index: int) -> TensorType:
    return call.item(index).type


def _dtype(call: Call, at: Scaling, default: DType) -> DType:
    """What the result is stored as: the type of its zero point."""
    return _type(call, at.zero).dtype if call.has(at.zero) else default
