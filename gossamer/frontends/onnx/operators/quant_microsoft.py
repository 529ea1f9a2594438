"""Operators on integers with scales that onnxruntime's quantiser writes (its QOperator form), besides the products.

Each is the float operator between a reading and a storing cast, which is what the kernels of onnxruntime round to.
"""

from collections.abc import Callable

from gossamer.frontends.onnx.call import Call, from_front
from gossamer.frontends.onnx.operators.quant import MICROSOFT
from gossamer.frontends.onnx.operators.windows import window_of
from gossamer.frontends.onnx.scales import Scaling, quant_of, quantised, real, stored
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.problems import Unsupported
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, AvgPool2d, Cast, Concat, Gemm, LeakyRelu, MatMul, Mul, ReduceMean, Sigmoid, Softmax
from gossamer.ir.types import F32, TensorType, Value

_BINARY: dict[str, Callable[[Value, Value], Op]] = {"QLinearAdd": Add, "QLinearMul": Mul}


@operator(*_BINARY, domain=MICROSOFT)
def binary(call: Call) -> Result:
    x, y = _read(call, 0), _read(call, 3)
    return _written(call, _BINARY[call.node.op_type](x, y), Scaling(6, 7))


@operator("QLinearSigmoid", domain=MICROSOFT)
def sigmoid(call: Call) -> Result:
    return _written(call, Sigmoid(_read(call, 0)), Scaling(3, 4))


@operator("QLinearLeakyRelu", domain=MICROSOFT)
def leaky_relu(call: Call) -> Result:
    return _written(call, LeakyRelu(_read(call, 0), call.attr_float("alpha", 0.01)), Scaling(3, 4))


@operator("QLinearSoftmax", domain=MICROSOFT)
def softmax(call: Call) -> Result:
    x = _read(call, 0)
    axis = call.axis(x.type.rank, -1)
    if call.attr_int("opset", 13) < 13 and axis != x.type.rank - 1:
        raise Unsupported("it normalises over several axes, as before opset 13")
    return _written(call, Softmax(x, axis), Scaling(3, 4))


@operator("QLinearGlobalAveragePool", domain=MICROSOFT)
def global_average_pool(call: Call) -> Result:
    x = _read(call, 0)
    last = bool(call.attr_int("channels_last", 0))
    axes = tuple(range(1, x.type.rank - 1)) if last else tuple(range(2, x.type.rank))
    return _written(call, ReduceMean(x, axes), Scaling(3, 4))


@operator("QLinearAveragePool", domain=MICROSOFT)
def average_pool(call: Call) -> Result:
    if call.attr_int("channels_last", 0):
        raise Unsupported("its channels come last, which is not supported")
    x = _read(call, 0)
    window = window_of(call, x, call.attr_ints("kernel_shape"))
    if window.axes != 2 or window.dilations != (1, 1):
        raise Unsupported("only windows over 2 axes, not dilated, are supported")
    ceil, counted = bool(call.attr_int("ceil_mode", 0)), bool(call.attr_int("count_include_pad", 0))
    return _written(call, AvgPool2d(x, window.kernel, window.strides, window.pads, ceil, counted), Scaling(3, 4))


@operator("QLinearConcat", domain=MICROSOFT)
def concat(call: Call) -> Result:
    """The result's scale comes first, then every operand with its own."""
    parts = tuple(_read(call, i) for i in range(2, len(call.node.input), 3))
    axis = from_front(call.attr_int("axis", 0), parts[0].type.rank)
    return _written(call, Concat(parts, axis), Scaling(0, 1))


@operator("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_matmul(call: Call) -> Result:
    """A float a times a quantised b (scale, zero point, bias after it); onnxruntime rounds a to 8 bits on the way."""
    a, item, at = call.value(0), call.item(1), Scaling(2, 3, 1)
    quant = quant_of(call, at, item.type.rank)
    if quant is not None:
        b = call.step(Cast(quantised(call, 1, quant), TensorType(F32, item.type.shape)))
    else:
        b = call.step(real(call, call.value(1), at))
    op: Op = Gemm(a, b) if a.type.rank == b.type.rank == 2 else MatMul(a, b)
    return call.emit(Add(call.step(op), call.value(4)) if call.has(4) else op)


def _read(call: Call, index: int) -> Value:
    """Operand `index`, whose scale and zero point follow it, as reals."""
    at, kind = Scaling(index + 1, index + 2), call.item(index).type
    quant = quant_of(call, at, kind.rank)
    if quant is None:
        return call.step(real(call, call.value(index), at))
    return call.step(Cast(quantised(call, index, quant), TensorType(F32, kind.shape)))


def _written(call: Call, op: Op, at: Scaling) -> Value:
    """Stored in the type of the result's zero point."""
    shape = op.infer()[0].shape
    if not call.has(at.zero):
        raise Unsupported("its result has no zero point, which says what type it is")
    dtype, quant = call.item(at.zero).type.dtype, quant_of(call, at, len(shape))
    if quant is None:
        return call.emit(stored(call, call.step(op), at, dtype))
    return call.emit(Cast(call.step(op), TensorType(dtype, shape, quant)))
