"""QUANTIZE, DEQUANTIZE, CAST: changes of precision, which the IR keeps in types."""

from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.scope import Placed
from gossamer.frontends.tflite.table import operator
from gossamer.ir.ops import Cast
from gossamer.ir.types import TensorType


@operator("QUANTIZE", "DEQUANTIZE", "CAST")
def change(call: Call) -> Placed:
    x, declared = call.any(0), call.out().type
    op = Cast(x.value, TensorType(declared.dtype, x.value.shape, declared.quant))
    return x if op.type == x.value.type else Placed(call.emit(op, x.nchw), x.nchw)
