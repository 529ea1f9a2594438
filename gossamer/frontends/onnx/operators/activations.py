"""Activation functions."""

from collections.abc import Callable
from math import prod

import numpy as np

from gossamer.frontends.composed import log_softmax
from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Add,
    Clip,
    Elu,
    Exp,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Log,
    Maximum,
    Minimum,
    Mul,
    Relu,
    Reshape,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from gossamer.ir.types import Value

_PLAIN: dict[str, Callable[..., Op]] = {"Relu": Relu, "Sigmoid": Sigmoid, "Tanh": Tanh, "HardSwish": HardSwish}


@operator(*_PLAIN)
def plain(call: Call) -> Result:
    return call.emit(_PLAIN[call.node.op_type](call.value(0)))


@operator("HardSigmoid")
def hard_sigmoid(call: Call) -> Result:
    return call.emit(HardSigmoid(call.value(0), call.attr_float("alpha", 0.2), call.attr_float("beta", 0.5)))


@operator("LeakyRelu")
def leaky_relu(call: Call) -> Result:
    return call.emit(LeakyRelu(call.value(0), call.attr_float("alpha", 0.01)))


@operator("Elu")
def elu(call: Call) -> Result:
    return call.emit(Elu(call.value(0), call.attr_float("alpha", 1.0)))


@operator("Gelu")
def gelu(call: Call) -> Result:
    return call.emit(Gelu(call.value(0), call.attr_text("approximate", "none") == "tanh"))


@operator("Swish")
def swish(call: Call) -> Result:
    x, alpha = call.value(0), call.attr_float("alpha", 1.0)
    if alpha == 1.0:
        return call.emit(Silu(x))
    return call.emit(Mul(x, call.step(Sigmoid(call.step(Mul(x, _number(call, x, alpha)))))))


@operator("Softplus")
def softplus(call: Call) -> Result:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), the second form without overflow: -|x| = min(x, -x)."""
    x = call.value(0)
    small = call.step(Minimum(x, call.step(Mul(x, _number(call, x, -1.0)))))
    tail = call.step(Log(call.step(Add(call.step(Exp(small)), _number(call, x, 1.0)))))
    return call.emit(Add(call.step(Relu(x)), tail))


@operator("PRelu")
def prelu(call: Call) -> Result:
    """max(x, 0) + slope * min(x, 0)."""
    x, slope = call.value(0), call.value(1)
    below = call.step(Minimum(x, _number(call, x, 0.0)))
    return call.emit(Add(call.step(Relu(x)), call.step(Mul(below, slope))))


@operator("Clip")
def clip(call: Call) -> Result:
    """Bounds are attributes before opset 11 and operands since, each of which may be missing."""
    x, low, high = call.value(0), _bound(call, "min", 1), _bound(call, "max", 2)
    if isinstance(low, float) and isinstance(high, float):
        return call.emit(Clip(x, low, high))
    if low == 0.0 and high is None:
        return call.emit(Relu(x))
    bounds = [(kind, bound) for kind, bound in ((Maximum, low), (Minimum, high)) if bound is not None]
    for kind, bound in bounds[:-1]:
        x = call.step(kind(x, _as_value(call, x, bound)))
    return call.emit(bounds[-1][0](x, _as_value(call, x, bounds[-1][1]))) if bounds else x


@operator("Softmax", "LogSoftmax")
def softmax(call: Call) -> Result:
    """Before opset 13 it works on all axes from `axis` on at once."""
    x = call.value(0)

    def along(x: Value, axis: int) -> Op:
        return Softmax(x, axis) if call.node.op_type == "Softmax" else log_softmax(call.step, x, axis)

    axis = call.axis(x.type.rank, -1 if call.opset >= 13 else 1)
    if call.opset >= 13 or prod(x.shape[axis + 1 :]) == 1:
        return call.emit(along(x, axis))
    flat = call.step(Reshape(x, (*x.shape[:axis], prod(x.shape[axis:]))))
    return call.emit(Reshape(call.step(along(flat, axis)), x.shape))


def _bound(call: Call, name: str, index: int) -> float | Value | None:
    if call.attribute(name) is not None:
        return call.attr_float(name, 0.0)
    if not call.has(index):
        return None
    item = call.item(index)
    return float(np.ravel(item.load())[0]) if isinstance(item, Constant) else item


def _as_value(call: Call, x: Value, bound: float | Value) -> Value:
    return bound if isinstance(bound, Value) else _number(call, x, bound)


def _number(call: Call, like: Value, number: float) -> Value:
    return call.param(np.asarray(number, like.dtype.numpy), "number")
