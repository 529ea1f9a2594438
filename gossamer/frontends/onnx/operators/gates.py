"""Rarer activation functions, made of the IR's own."""

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.activations import joined, log_of_one_plus_exp
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import check_made
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    ArgMax,
    Cast,
    Div,
    Elu,
    Equal,
    Less,
    Mul,
    Sigmoid,
    Silu,
    Sub,
    Tanh,
    Where,
)
from gossamer.ir.types import TensorType, Value


@operator("Selu")
def selu(call: Call) -> Result:
    """gamma * elu(x, alpha); the defaults are those of Klambauer et al. 2017, as float32 holds them."""
    x = call.value(0)
    alpha, gamma = call.attr_float("alpha", 1.67326319217681884765625), call.attr_float("gamma", 1.05070102214813232422)
    return call.emit(Mul(call.step(Elu(x, alpha)), call.number(gamma, x)))


@operator("Celu")
def celu(call: Call) -> Result:
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0) = alpha * elu(x / alpha), alpha > 0 (Barron 2017)."""
    x, alpha = call.value(0), call.attr_float("alpha", 1.0)
    if alpha == 1.0:
        return call.emit(Elu(x))
    if alpha <= 0:
        raise FrontendError(f"its alpha is {alpha}, needed a number > 0")
    number = call.number(alpha, x)
    return call.emit(Mul(call.step(Elu(call.step(Div(x, number)))), number))


@operator("Softsign")
def softsign(call: Call) -> Result:
    """x / (1 + |x|)."""
    x = call.value(0)
    return call.emit(Div(x, call.step(Add(call.step(Abs(x)), call.number(1.0, x)))))


@operator("Mish")
def mish(call: Call) -> Result:
    """x * tanh(log(1 + exp(x))) (Misra 2019)."""
    x = call.value(0)
    return call.emit(Mul(x, call.step(Tanh(call.step(log_of_one_plus_exp(call, x))))))


@operator("Swish")
def swish(call: Call) -> Result:
    return call.emit(gated(call, call.value(0), call.attr_float("alpha", 1.0)))


@operator("SwiGLU")
def swiglu(call: Call) -> Result:
    """swish(a) * b (Shazeer 2020, GLU variants improve transformer)."""
    return call.emit(Mul(call.step(gated(call, call.value(0), call.attr_float("alpha", 1.0))), call.value(1)))


def gated(call: Call, x: Value, alpha: float = 1.0) -> Op:
    """x * sigmoid(alpha * x)."""
    if alpha == 1.0:
        return Silu(x)
    return Mul(x, call.step(Sigmoid(call.step(Mul(x, call.number(alpha, x))))))


@operator("ThresholdedRelu")
def thresholded_relu(call: Call) -> Result:
    """x where x > alpha, else 0."""
    x = call.value(0)
    above = call.step(Less(call.number(call.attr_float("alpha", 1.0), x), x))
    return call.emit(Where(above, x, call.number(0.0, x)))


@operator("Shrink")
def shrink(call: Call) -> Result:
    """x + bias where x < -lambd, x - bias where x > lambd, else 0."""
    x, bias, edge = call.value(0), call.attr_float("bias", 0.0), call.attr_float("lambd", 0.5)
    below, above = call.step(Less(x, call.number(-edge, x))), call.step(Less(call.number(edge, x), x))
    raised, lowered = (x, x) if bias == 0 else (call.step(op(x, call.number(bias, x))) for op in (Add, Sub))
    return call.emit(Where(below, raised, call.step(Where(above, lowered, call.number(0.0, x)))))


@operator("Hardmax")
def hardmax(call: Call) -> Result:
    """1 at the first of the largest elements along `axis`, else 0. Before opset 13 over all axes from `axis` on."""
    x = call.value(0)
    axis = call.axis(x.type.rank, -1 if call.opset >= 13 else 1)
    flat = x if call.opset >= 13 else joined(call, x, axis)
    extents = [1] * flat.type.rank
    extents[axis] = flat.shape[axis]
    check_made(flat.shape[axis])
    places = call.param(np.arange(flat.shape[axis]).reshape(extents), "places")
    hit = call.step(Equal(call.step(ArgMax(flat, axis)), places))
    return call.emit_shaped(Cast(hit, TensorType(x.dtype, flat.shape)), x.shape)
