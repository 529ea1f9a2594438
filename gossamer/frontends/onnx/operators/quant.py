"""QuantizeLinear and DequantizeLinear: changes of precision, which the IR keeps in types."""

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, dtype_of
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Cast
from gossamer.ir.types import F32, U8, DType, Quant, TensorType, Value


@operator("QuantizeLinear")
def quantize(call: Call) -> Result:
    x = call.value(0)
    return call.emit(Cast(x, TensorType(_stored(call), x.shape, _quant(call, x.type.rank))))


@operator("DequantizeLinear")
def dequantize(call: Call) -> Result:
    """A constant becomes a parameter of the quantised type; a value must already be of that type."""
    item = call.item(0)
    quant = _quant(call, (item.type).rank)
    x = call.typed_param(0, lambda constant: replace(constant, type=_with(constant.type, quant)))
    if x is None:
        assert isinstance(item, Value)
        x = item
        if x.type.quant != quant:
            raise Unsupported("it gives a scale to integers that were not quantised with that scale")
    return call.emit(Cast(x, TensorType(F32, x.shape)))


def _with(kind: TensorType, quant: Quant) -> TensorType:
    return TensorType(kind.dtype, kind.shape, quant)


def _stored(call: Call) -> DType:
    """The integer type that is quantised to: that of the zero point, or the attribute, or u8."""
    if call.has(2):
        item = call.item(2)
        if isinstance(item, Constant):
            return item.type.dtype
    code = call.attr_int("output_dtype", TensorProto.UNDEFINED)
    return dtype_of(code, "its result") if code else U8


def _quant(call: Call, rank: int) -> Quant:
    if call.attr_int("block_size", 0):
        raise Unsupported("it has one scale per block and only one per tensor or channel is supported")
    scale, zero = call.constant(1), call.constant(2)
    if scale is None:
        raise FrontendError("it has no scale")
    scales = tuple(float(s) for s in np.ravel(scale))
    zeros = whole(zero) if zero is not None else (0,)
    # One scale is one scale for all, however it is written: as a scalar or as a list of one.
    axis = None if len(scales) == 1 else from_front(call.attr_int("axis", 1), rank)
    return Quant(scales, zeros if any(zeros) else (0,), axis)
