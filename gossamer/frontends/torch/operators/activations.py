"""Activation functions."""

from collections.abc import Callable

from gossamer.frontends.composed import log_softmax
from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    Clip,
    Div,
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
    Neg,
    Relu,
    Reshape,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from gossamer.ir.types import Value

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


@operator("clamp", "clamp_min", "clamp_max", "clip")
def clamp(call: Call) -> Result:
    """Between numbers, or between tensors; either may be left out."""
    low = call["min"] if call.operator != "clamp_max" else None
    high = call["max"] if call.operator != "clamp_min" else None
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        return call.emit(Clip(call.operand("self"), float(low), float(high)))
    x = call.operand("self")
    if isinstance(low, (int, float)) and low == 0:
        return call.emit(Relu(x))
    if high is None:
        return call.emit(Maximum(x, call.operand("min")))
    x = x if low is None else call.step(Maximum(x, call.operand("min")))
    return call.emit(Minimum(x, call.operand("max")))


@operator("leaky_relu")
def leaky_relu(call: Call) -> Result:
    return call.emit(LeakyRelu(call.value("self"), float(call["negative_slope"])))


@operator("rrelu")
def rrelu(call: Call) -> Result:
    """At inference a leaky relu with the mean of the slopes (Xu et al. 2015)."""
    if call["training"]:
        raise Unsupported("it is in training mode; call model.eval() first")
    return call.emit(LeakyRelu(call.value("self"), (float(call["lower"]) + float(call["upper"])) / 2))


@operator("elu")
def elu(call: Call) -> Result:
    """scale * (x where x > 0, else alpha * (exp(input_scale * x) - 1))."""
    if call["input_scale"] != 1:
        raise Unsupported("its input_scale is not 1")
    return call.emit(_elu(call, float(call["alpha"]), float(call["scale"])))


@operator("selu")
def selu(call: Call) -> Result:
    """Klambauer et al. 2017."""
    return call.emit(_elu(call, 1.6732632423543772, 1.0507009873554805))


@operator("celu")
def celu(call: Call) -> Result:
    """x where x > 0, else alpha * (exp(x / alpha) - 1) (Barron 2017)."""
    x, alpha = call.value("self"), call.number(float(call["alpha"]), call.value("self"))
    return call.emit(Mul(call.step(Elu(call.step(Div(x, alpha)))), alpha))


@operator("softplus")
def softplus(call: Call) -> Result:
    """log(1 + exp(beta x)) / beta; torch's threshold only spares an overflow, which cannot happen here."""
    x, beta = call.value("self"), float(call["beta"])
    if beta == 1:
        return call.emit(_log_of_one_plus_exp(call, x))
    number = call.number(beta, x)
    return call.emit(Div(call.step(_log_of_one_plus_exp(call, call.step(Mul(x, number)))), number))


@operator("mish")
def mish(call: Call) -> Result:
    """x * tanh(log(1 + exp(x))) (Misra 2019)."""
    x = call.value("self")
    return call.emit(Mul(x, call.step(Tanh(call.step(_log_of_one_plus_exp(call, x))))))


@operator("log_sigmoid", "log_sigmoid_forward")
def log_sigmoid(call: Call) -> Result:
    """-log(1 + exp(-x))."""
    x = call.value("self")
    return call.emit(Neg(call.step(_log_of_one_plus_exp(call, call.step(Neg(x))))))


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


def _elu(call: Call, alpha: float, scale: float) -> Op:
    found = Elu(call.value("self"), alpha)
    return found if scale == 1 else Mul(call.step(found), call.number(scale, found.x))


def _log_of_one_plus_exp(call: Call, x: Value) -> Op:
    """max(x, 0) + log(1 + exp(-|x|)): no exponential overflows."""
    small = call.step(Exp(call.step(Neg(call.step(Abs(x))))))
    return Add(call.step(Relu(x)), call.step(Log(call.step(Add(small, call.number(1.0, x))))))
