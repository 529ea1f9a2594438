"""Trigonometric and hyperbolic functions, from those that the IR has: sin, cos, atan, exp, log, sqrt, tanh.

Each uses the form that stays accurate near its ends: acos(x) as 2 atan(sqrt((1 - x) / (1 + x))) is 0 at 1 exactly.
"""

from collections.abc import Callable

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import Abs, Add, Atan, Cos, Div, Exp, Log, Mul, Neg, Sign, Sin, Sqrt, Sub, Tanh
from gossamer.ir.types import Value

_PLAIN: dict[str, Callable[[Value], Op]] = {"Sin": Sin, "Cos": Cos, "Atan": Atan}


@operator(*_PLAIN)
def plain(call: Call) -> Result:
    return call.emit(_PLAIN[call.node.op_type](call.value(0)))


@operator("Tan")
def tan(call: Call) -> Result:
    x = call.value(0)
    return call.emit(Div(call.step(Sin(x)), call.step(Cos(x))))


@operator("Asin")
def asin(call: Call) -> Result:
    """atan(x / sqrt((1 - x) (1 + x)))."""
    x, one = call.value(0), call.number(1.0, call.value(0))
    product = call.step(Mul(call.step(Sub(one, x)), call.step(Add(one, x))))
    return call.emit(Atan(call.step(Div(x, call.step(Sqrt(product))))))


@operator("Acos")
def acos(call: Call) -> Result:
    """2 atan(sqrt((1 - x) / (1 + x)))."""
    half = call.step(Atan(call.step(Sqrt(_ratio(call, Sub, Add)))))
    return call.emit(Mul(half, call.number(2.0, half)))


@operator("Cosh")
def cosh(call: Call) -> Result:
    return call.emit(_cosh(call))


@operator("Sinh")
def sinh(call: Call) -> Result:
    """tanh(x) cosh(x), which does not cancel near 0."""
    return call.emit(Mul(call.step(Tanh(call.value(0))), call.step(_cosh(call))))


@operator("Asinh")
def asinh(call: Call) -> Result:
    """sign(x) log(|x| + sqrt(x^2 + 1))."""
    x = call.value(0)
    root = call.step(Sqrt(call.step(Add(call.step(Mul(x, x)), call.number(1.0, x)))))
    return call.emit(Mul(call.step(Sign(x)), call.step(Log(call.step(Add(call.step(Abs(x)), root))))))


@operator("Acosh")
def acosh(call: Call) -> Result:
    """log(x + sqrt(x^2 - 1))."""
    x = call.value(0)
    root = call.step(Sqrt(call.step(Sub(call.step(Mul(x, x)), call.number(1.0, x)))))
    return call.emit(Log(call.step(Add(x, root))))


@operator("Atanh")
def atanh(call: Call) -> Result:
    """log((1 + x) / (1 - x)) / 2."""
    double = call.step(Log(_ratio(call, Add, Sub)))
    return call.emit(Mul(double, call.number(0.5, double)))


def _ratio(call: Call, above: Callable[..., Op], below: Callable[..., Op]) -> Value:
    x, one = call.value(0), call.number(1.0, call.value(0))
    return call.step(Div(call.step(above(one, x)), call.step(below(one, x))))


def _cosh(call: Call) -> Op:
    """(e^x + e^-x) / 2."""
    x = call.value(0)
    total = call.step(Add(call.step(Exp(x)), call.step(Exp(call.step(Neg(x))))))
    return Mul(total, call.number(0.5, x))
