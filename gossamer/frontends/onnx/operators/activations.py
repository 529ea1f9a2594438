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


@operator("Softplus")
def softplus(call: Call) -> Result:
    return call.emit(log_of_one_plus_exp(call, call.value(0)))


def log_of_one_plus_exp(call: Call, x: Value) -> Op:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), the second form without overflow: -|x| = min(x, -x)."""
    small = call.step(Minimum(x, call.step(Mul(x, call.number(-1.0, x)))))
    tail = call.step(Log(call.step(Add(call.step(Exp(small)), call.number(1.0, x)))))
    return Add(call.step(Relu(x)), tail)


@operator("PRelu")
def prelu(call: Call) -> Result:
    """max(x, 0) + slope * min(x, 0)."""
    x, slope = call.value(0), call.value(1)
    if call.opset < 7 and slope.type.rank == 1 and x.type.rank > 2:  # then one slope per channel
        slope = call.step(Reshape(slope, (*slope.shape, *(1,) * (x.type.rank - 2))))
    below = call.step(Minimum(x, call.number(0.0, x)))
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
    axis = call.axis(x.type.rank, -1 if call.opset >= 13 else 1)
    flat = x if call.opset >= 13 else joined(call, x, axis)
    along = Softmax(flat, axis) if call.node.op_type == "Softmax" else log_softmax(call.step, flat, axis)
    return call.emit_shaped(along, x.shape)


def joined(call: Call, x: Value, axis: int) -> Value:
    """x with the axes from `axis` on as one."""
    if prod(x.shape[axis + 1 :]) == 1:
        return x
    return call.step(Reshape(x, (*x.shape[:axis], prod(x.shape[axis:]))))


def _bound(call: Call, name: str, index: int) -> float | Value | None:
    if call.attribute(name) is not None:
        return call.attr_float(name, 0.0)
    if not call.has(index):
        return None
    item = call.item(index)
    return float(np.ravel(item.numbers())[0]) if isinstance(item, Constant) else item


def _as_value(call: Call, x: Value, bound: float | Value) -> Value:
    return bound if isinstance(bound, Value) else call.number(bound, x)
