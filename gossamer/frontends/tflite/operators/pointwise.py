"""Operators that work element by element, in whatever layout their operands have; integers through real numbers."""

from collections.abc import Callable

from tflite import ActivationFunctionType as Activation
from tflite import (
    AddOptions,
    DivOptions,
    GeluOptions,
    LeakyReluOptions,
    MulOptions,
    SoftmaxOptions,
    SubOptions,
)

from gossamer.frontends.composed import log_softmax
from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.operators.ending import finished, real
from gossamer.frontends.tflite.scope import TO_NCHW, Placed, reordered
from gossamer.frontends.tflite.table import operator
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    Ceil,
    Clip,
    Div,
    Elu,
    Exp,
    Floor,
    Gelu,
    HardSwish,
    LeakyRelu,
    Log,
    Maximum,
    Minimum,
    Mul,
    Neg,
    Pow,
    Relu,
    Reshape,
    Round,
    Sigmoid,
    Sign,
    Softmax,
    Sqrt,
    Sub,
    Tanh,
)
from gossamer.ir.types import Value

_UNARY: dict[str, Callable[[Value], Op]] = {
    "ABS": Abs, "CEIL": Ceil, "ELU": Elu, "EXP": Exp, "FLOOR": Floor, "HARD_SWISH": HardSwish, "LOG": Log,
    "LOGISTIC": Sigmoid, "NEG": Neg, "RELU": Relu, "ROUND": Round, "SIGN": Sign, "SQRT": Sqrt, "TANH": Tanh,
    "RELU6": lambda x: Clip(x, 0.0, 6.0), "RELU_N1_TO_1": lambda x: Clip(x, -1.0, 1.0),
    "RELU_0_TO_1": lambda x: Clip(x, 0.0, 1.0), "SQUARE": lambda x: Mul(x, x),
}  # fmt: skip
_FUSED = {"ADD": (Add, AddOptions), "SUB": (Sub, SubOptions), "MUL": (Mul, MulOptions), "DIV": (Div, DivOptions)}
_BINARY = {"MAXIMUM": Maximum, "MINIMUM": Minimum, "POW": Pow}


@operator(*_UNARY)
def unary(call: Call) -> Placed:
    x = call.any(0)
    return _ended(call, _UNARY[call.operator.name](real(call, x.value)), x.nchw)


@operator("LEAKY_RELU")
def leaky_relu(call: Call) -> Placed:
    x = call.any(0)
    return _ended(call, LeakyRelu(real(call, x.value), call.options(LeakyReluOptions).Alpha()), x.nchw)


@operator("GELU")
def gelu(call: Call) -> Placed:
    x = call.any(0)
    return _ended(call, Gelu(real(call, x.value), bool(call.options(GeluOptions).Approximate())), x.nchw)


@operator("RSQRT")
def rsqrt(call: Call) -> Placed:
    x = call.any(0)
    root = call.step(Sqrt(real(call, x.value)))
    return _ended(call, Div(call.number(1.0, root), root), x.nchw)


@operator("PRELU")
def prelu(call: Call) -> Placed:
    """max(x, 0) + slope * min(x, 0)."""
    x, slope, nchw = _aligned(call)
    below = call.step(Minimum(x, call.number(0.0, x)))
    return _ended(call, Add(call.step(Relu(x)), call.step(Mul(below, slope))), nchw)


@operator(*_FUSED)
def fused(call: Call) -> Placed:
    kind, options = _FUSED[call.operator.name]
    x, y, nchw = _aligned(call)
    return finished(call, kind(x, y), call.options(options).FusedActivationFunction(), nchw)


@operator("SQUARED_DIFFERENCE")
def squared_difference(call: Call) -> Placed:
    x, y, nchw = _aligned(call)
    difference = call.step(Sub(x, y))
    return _ended(call, Mul(difference, difference), nchw)


@operator(*_BINARY)
def binary(call: Call) -> Placed:
    x, y, nchw = _aligned(call)
    return _ended(call, _BINARY[call.operator.name](x, y), nchw)


@operator("SOFTMAX")
def softmax(call: Call) -> Placed:
    """Over the channels, which are the last axis of the file's layout."""
    beta = call.options(SoftmaxOptions).Beta()
    placed = call.any(0)
    x = real(call, placed.value)
    if beta != 1.0:
        x = call.step(Mul(x, call.number(beta, x)))
    return _ended(call, Softmax(x, _channels(placed)), placed.nchw)


@operator("LOG_SOFTMAX")
def log_softmax_(call: Call) -> Placed:
    placed = call.any(0)
    return _ended(call, log_softmax(call.step, real(call, placed.value), _channels(placed)), placed.nchw)


def _ended(call: Call, op: Op, nchw: bool) -> Placed:
    return finished(call, op, Activation.NONE, nchw)


def _channels(placed: Placed) -> int:
    return 1 if placed.nchw else placed.value.type.rank - 1


def _aligned(call: Call) -> tuple[Value, Value, bool]:
    """Two operands as real numbers in one layout: NCHW when either was computed so."""
    nchw = call.computed_nchw(0) or call.computed_nchw(1)
    x, y = (real(call, _placed(call, index, nchw)) for index in (0, 1))
    return x, y, nchw


def _placed(call: Call, index: int, nchw: bool) -> Value:
    """An operand of fewer axes than an image is given the missing ones, in front, before it is transposed."""
    rank = call.tensor(index).type.rank
    if not nchw or rank == 4:
        return call.in_layout(index, nchw)
    value = call.plain(index)
    if value.type.elements == 1:
        return value
    wide = call.step(Reshape(value, (*(1,) * (4 - rank), *value.shape)), "axes")
    return call.step(reordered(wide, TO_NCHW), "nchw")
