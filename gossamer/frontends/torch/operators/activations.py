"""Activation functions."""

from collections.abc import Callable

from gossamer.frontends.composed import log_softmax
from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Add,
    Clip,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
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

_PLAIN: dict[str, Callable[..., Op]] = {
    "relu": Relu, "sigmoid": Sigmoid, "tanh": Tanh, "silu": Silu, "hardswish": HardSwish, "hardsigmoid": HardSigmoid,
}  # fmt: skip


@operator(*_PLAIN)
def plain(call: Call) -> Result:
    return call.emit(_PLAIN[call.operator](call.value("self")))


@operator("relu6")
def relu6(call: Call) -> Result:
    return call.emit(Clip(call.value("self"), 0.0, 6.0))


@operator("hardtanh")
def hardtanh(call: Call) -> Result:
    return call.emit(Clip(call.value("self"), float(call["min_val"]), float(call["max_val"])))


@operator("clamp.default", "clamp_min.default", "clamp_max.default")
def clamp(call: Call) -> Result:
    x = call.value("self")
    low = call["min"] if call.operator != "clamp_max" else None
    high = call["max"] if call.operator != "clamp_min" else None
    if low is not None and high is not None:
        return call.emit(Clip(x, float(low), float(high)))
    if low == 0:
        return call.emit(Relu(x))
    if high is None:
        return call.emit(Maximum(x, call.number(float(low or 0.0), x)))
    return call.emit(Minimum(x, call.number(float(high), x)))


@operator("leaky_relu")
def leaky_relu(call: Call) -> Result:
    return call.emit(LeakyRelu(call.value("self"), float(call["negative_slope"])))


@operator("elu")
def elu(call: Call) -> Result:
    if call["scale"] != 1 or call["input_scale"] != 1:
        raise Unsupported("its scales are not 1 (selu)")
    return call.emit(Elu(call.value("self"), float(call["alpha"])))


@operator("gelu")
def gelu(call: Call) -> Result:
    return call.emit(Gelu(call.value("self"), call["approximate"] == "tanh"))


@operator("prelu")
def prelu(call: Call) -> Result:
    """max(x, 0) + slope * min(x, 0), one slope per channel or one for all."""
    x, slope = call.value("self"), call.value("weight")
    shape = (slope.type.elements, *(1,) * max(0, x.type.rank - 2))
    below = call.step(Mul(call.step(Minimum(x, call.number(0.0, x))), call.step(Reshape(slope, shape))))
    return call.emit(Add(call.step(Relu(x)), below))


@operator("softmax", "_softmax", "log_softmax", "_log_softmax")
def softmax(call: Call) -> Result:
    x = call.value("self")
    axis = call.axis("dim", x.type.rank)
    return call.emit(log_softmax(call.step, x, axis) if "log" in call.operator else Softmax(x, axis))
