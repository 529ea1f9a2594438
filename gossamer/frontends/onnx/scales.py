"""Scales and zero points as ONNX has them: operands beside a tensor of plain integers.

Where both are known at import they become part of a type, and arithmetic is arithmetic on quantised integers. Where
they are computed at run time, or come one per block, the same is written as plain mathematics on reals.
"""

from dataclasses import dataclass, replace

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.tensors import Constant
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Cast, Clip, Div, Mul, Reshape, Round, Sub, View
from gossamer.ir.types import F32, DType, Quant, TensorType, Value

_LARGEST = {"f8e4m3": 448.0, "f8e5m2": 57344.0}


@dataclass(frozen=True)
class Scaling:
    """Which operands hold a scale and a zero point; `axis`: of one scale per index, `block`: the size of blocks."""

    scale: int
    zero: int
    axis: int = 0
    block: int = 0


def quant_of(call: Call, at: Scaling, rank: int) -> Quant | None:
    """The scale as part of a type; None when it is not known at import or is no number per index of one axis."""
    items = [call.item(i) for i in (at.scale, at.zero) if call.has(i)]
    if at.block or not all(isinstance(item, Constant) for item in items):
        return None
    scale, zero = call.constant(at.scale), call.constant(at.zero) if call.has(at.zero) else None
    if scale is None:
        raise FrontendError("it has no scale")
    if zero is not None and zero.dtype.kind not in "iu":
        return None
    scales = tuple(float(s) for s in np.ravel(scale))
    zeros = whole(zero) if zero is not None else (0,)
    # One scale is one scale for all, however it is written: as a scalar or as a list of one.
    axis = None if len(scales) == 1 else from_front(at.axis, rank)
    return Quant(scales, zeros if any(zeros) else (0,), axis)


def quantised(call: Call, index: int, quant: Quant) -> Value:
    """Operand `index`, integers, as a tensor of that scale: a constant becomes a parameter of the type."""
    found = call.typed_param(index, lambda c: replace(c, type=TensorType(c.type.dtype, c.type.shape, quant)))
    return found if found is not None else viewed(call, call.value(index), quant)


def viewed(call: Call, x: Value, quant: Quant | None) -> Value:
    """The integers of a value under that scale, or under none."""
    return x if x.type.quant == quant else call.step(View(x, TensorType(x.dtype, x.shape, quant)))


def real(call: Call, x: Value, at: Scaling) -> Op:
    """(x - zero) * scale by plain mathematics, as f32."""
    y = call.step(Cast(viewed(call, x, None) if x.dtype.integer else x, TensorType(F32, x.shape)))
    y, scale = _blocks(call, y, at), _along(call, at.scale, x, at)
    if call.has(at.zero) and call.value(at.zero).dtype.integer:
        y = call.step(Sub(y, _along(call, at.zero, x, at)))
    return Reshape(call.step(Mul(y, scale)), x.shape) if at.block else Mul(y, scale)


def stored(call: Call, x: Value, at: Scaling, dtype: DType) -> Op:
    """clip(round(x / scale) + zero) by plain mathematics; small floats are clipped to their largest number."""
    y = call.step(Cast(x, TensorType(F32, x.shape))) if x.dtype != F32 else x
    y = call.step(Div(_blocks(call, y, at), _along(call, at.scale, x, at)))
    if dtype.integer:
        y = call.step(Round(y))
        if call.has(at.zero):
            y = call.step(Add(y, _along(call, at.zero, x, at)))
        y = call.step(Clip(y, float(dtype.low), float(dtype.high)))
    elif str(dtype) in _LARGEST:
        y = call.step(Clip(y, -_LARGEST[str(dtype)], _LARGEST[str(dtype)]))
    y = call.step(Reshape(y, x.shape)) if at.block else y
    return Cast(y, TensorType(dtype, x.shape))


def _along(call: Call, index: int, x: Value, at: Scaling) -> Value:
    """A scale or zero point as f32, shaped so that it meets its elements of x."""
    value = call.value(index)
    if value.type.elements == 1:
        shape: tuple[int, ...] = ()
    elif at.block:
        axis = from_front(at.axis, x.type.rank)
        shape = (*value.shape[: axis + 1], 1, *value.shape[axis + 1 :])
    else:
        axis = from_front(at.axis, x.type.rank)
        shape = (value.type.elements, *(1,) * (x.type.rank - axis - 1))
    value = viewed(call, value, None) if value.dtype.integer else value
    value = call.step(Cast(value, TensorType(F32, value.shape))) if value.dtype != F32 else value
    return value if value.shape == shape else call.step(Reshape(value, shape))


def _blocks(call: Call, x: Value, at: Scaling) -> Value:
    """x with its axis cut into blocks, when it has one scale per block."""
    if not at.block:
        return x
    axis = from_front(at.axis, x.type.rank)
    if x.shape[axis] % at.block:
        raise Unsupported(f"its axis of {x.shape[axis]} is no whole number of blocks of {at.block}")
    count = x.shape[axis] // at.block
    return call.step(Reshape(x, (*x.shape[:axis], count, at.block, *x.shape[axis + 1 :])))
