"""Conv, Gemm, MatMul, BatchNormalization."""

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.windows import window_of
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Add, BatchNorm, Conv2d, Gemm, MatMul, Mul, Transpose
from gossamer.ir.types import Value


@operator("Conv")
def conv(call: Call) -> Result:
    x, weight = call.value(0), call.value(1)
    window = window_of(call, x, weight.shape[2:])
    if call.attr_ints("kernel_shape", window.kernel) != window.kernel:
        raise FrontendError(f"its kernel_shape is malformed: the weight has shape {list(weight.shape)}")
    groups = call.attr_int("group", 1)
    return call.emit(Conv2d(x, weight, call.optional(2), window.strides, window.pads, window.dilations, groups))


@operator("Gemm")
def gemm(call: Call) -> Result:
    """alpha * a @ b + beta * c. What the IR's gemm has no word for becomes an op before or after it."""
    a, b, c = call.value(0), call.value(1), call.optional(2)
    if call.attr_int("transA", 0):
        a = call.step(Transpose(a, (1, 0)))
    alpha, beta = call.attr_float("alpha", 1.0), call.attr_float("beta", 1.0)
    transpose_b = bool(call.attr_int("transB", 0))
    if c is not None and beta != 1.0:
        c = call.step(Mul(c, _number(call, c, beta, "beta")))
    columns = b.shape[0 if transpose_b else -1]
    if alpha == 1.0 and (c is None or c.shape == (columns,)):
        return call.emit(Gemm(a, b, c, transpose_b))
    product = Gemm(a, b, None, transpose_b)
    if alpha == 1.0 and c is not None:
        return call.emit(Add(call.step(product), c))
    plain = call.step(product)
    scaling = Mul(plain, _number(call, plain, alpha, "alpha"))
    return call.emit(scaling) if c is None else call.emit(Add(call.step(scaling), c))


@operator("MatMul")
def matmul(call: Call) -> Result:
    a, b = call.value(0), call.value(1)
    if a.type.rank < 2 or b.type.rank < 2:
        raise Unsupported(f"it multiplies tensors of {a.type.rank} and {b.type.rank} axes and both need at least 2")
    return call.emit(Gemm(a, b) if a.type.rank == b.type.rank == 2 else MatMul(a, b))


@operator("BatchNormalization")
def batch_norm(call: Call) -> Result:
    if call.attr_int("training_mode", 0) or not call.attr_int("spatial", 1) or any(call.node.output[1:]):
        raise Unsupported("it is in training mode; export the model for inference (model.eval())")
    x, scale, bias, mean, variance = (call.value(i) for i in range(5))
    return call.emit(BatchNorm(x, scale, bias, mean, variance, call.attr_float("epsilon", 1e-5)))


def _number(call: Call, like: Value, number: float, name: str) -> Value:
    return call.param(np.asarray(number, like.dtype.numpy), name)
