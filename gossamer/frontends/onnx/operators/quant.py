"""QuantizeLinear and DequantizeLinear: changes of precision, which the IR keeps in types."""

from onnx import TensorProto

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.scales import Scaling, quant_of, quantised, real, stored
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import dtype_of
from gossamer.frontends.problems import Unsupported
from gossamer.ir.ops import Cast
from gossamer.ir.types import F32, U8, DType, TensorType

MICROSOFT = "com.microsoft"


@operator("QuantizeLinear")
@operator("QuantizeLinear", domain=MICROSOFT)
def quantize(call: Call) -> Result:
    x, dtype, at = call.value(0), _stored_type(call), _scaling(call)
    quant = quant_of(call, at, x.type.rank)
    if quant is None or not dtype.integer or dtype.bits > 16:
        if not dtype.integer and not call.attr_int("saturate", 1):
            raise Unsupported("it lets numbers that are too large become infinite, which is not supported")
        return call.emit(stored(call, x, at, dtype))
    return call.emit(Cast(x, TensorType(dtype, x.shape, quant)))


@operator("DequantizeLinear")
@operator("DequantizeLinear", domain=MICROSOFT)
def dequantize(call: Call) -> Result:
    """A constant becomes a parameter of the quantised type."""
    item, at = call.item(0), _scaling(call)
    shape, dtype = item.type.shape, item.type.dtype
    wanted = TensorType(_real_type(call), shape)
    quant = quant_of(call, at, len(shape)) if dtype.integer else None
    if quant is not None:
        return call.emit(Cast(quantised(call, 0, quant), wanted))
    op = real(call, call.value(0), at)
    return call.emit(op if wanted.dtype == F32 else Cast(call.step(op), wanted))


def _scaling(call: Call) -> Scaling:
    return Scaling(1, 2, call.attr_int("axis", 1), call.attr_int("block_size", 0))


def _stored_type(call: Call) -> DType:
    """What is quantised to: the type of the zero point, or the attribute, or u8."""
    if call.has(2):
        return call.item(2).type.dtype
    code = call.attr_int("output_dtype", TensorProto.UNDEFINED)
    return dtype_of(code, "its result") if code else U8


def _real_type(call: Call) -> DType:
    """What is read back: the attribute, or the type of the scale."""
    code = call.attr_int("output_dtype", TensorProto.UNDEFINED)
    return dtype_of(code, "its result") if code else call.item(1).type.dtype
