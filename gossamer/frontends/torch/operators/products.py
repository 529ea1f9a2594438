"""Convolutions, products and batch norm."""

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import Add, BatchNorm, Conv2d, Gemm, MatMul, Transpose
from gossamer.ir.types import Value


@operator("conv2d.default", "convolution")
def conv2d(call: Call) -> Result:
    if call.operator == "convolution" and call["transposed"]:
        raise Unsupported("it is transposed")
    x, weight = call.value("input"), call.value("weight")
    rows, columns = call.pair("padding", (0, 0))
    return _conv(call, x, weight, (rows, columns, rows, columns))


@operator("conv2d.padding")
def conv2d_named_padding(call: Call) -> Result:
    """Padding "same" puts the odd pixel after, "valid" is none."""
    x, weight, dilations = call.value("input"), call.value("weight"), call.pair("dilation", (1, 1))
    if call["padding"] == "valid":
        return _conv(call, x, weight, (0, 0, 0, 0))
    totals = [(kernel - 1) * dilation for kernel, dilation in zip(weight.shape[2:], dilations)]
    (top, bottom), (left, right) = ((total // 2, total - total // 2) for total in totals)
    return _conv(call, x, weight, (top, left, bottom, right))


@operator("linear")
def linear(call: Call) -> Result:
    x, weight, bias = call.value("input"), call.value("weight"), call.optional("bias")
    if x.type.rank == 2:
        return call.emit(Gemm(x, weight, bias, transpose_b=True))
    product = MatMul(x, call.step(Transpose(weight, (1, 0))))
    return call.emit(product) if bias is None else call.emit(Add(call.step(product), bias))


@operator("addmm")
def addmm(call: Call) -> Result:
    if call["alpha"] != 1 or call["beta"] != 1:
        raise Unsupported("alpha and beta other than 1")
    bias, a, b = call.value("self"), call.value("mat1"), call.value("mat2")
    if bias.shape == (b.shape[1],):
        return call.emit(Gemm(a, b, bias))
    return call.emit(Add(call.step(Gemm(a, b)), bias))


@operator("mm", "matmul", "bmm")
def matmul(call: Call) -> Result:
    a, b = call.value("self"), call.value("other" if call.operator == "matmul" else "mat2")
    return call.emit(Gemm(a, b) if a.type.rank == b.type.rank == 2 else MatMul(a, b))


@operator("batch_norm", "_native_batch_norm_legit_no_training")
def batch_norm(call: Call) -> Result:
    if call.operator == "batch_norm" and call["training"]:
        raise Unsupported("it is in training mode; call model.eval() first")
    x, mean, variance = call.value("input"), call.value("running_mean"), call.value("running_var")
    scale = call.optional("weight") or call.filled(1.0, mean.shape, mean)
    bias = call.optional("bias") or call.filled(0.0, mean.shape, mean)
    return call.emit(BatchNorm(x, scale, bias, mean, variance, float(call["eps"])))


def _conv(call: Call, x: Value, weight: Value, pads: tuple[int, int, int, int]) -> Value:
    if weight.type.rank != 4:
        raise Unsupported(f"it works on {weight.type.rank - 2} spatial axes and only 2 are supported")
    strides, dilations = call.pair("stride", (1, 1)), call.pair("dilation", (1, 1))
    return call.emit(Conv2d(x, weight, call.optional("bias"), strides, pads, dilations, int(call["groups"])))
