"""Functions of one number (and atan2), where the IR has none of its own: what they are made of.

Exact near 0 only as far as their formulas are: log1p and expm1 lose the digits that they exist for.
"""

from collections.abc import Callable
from math import log, pi

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.operators.arithmetic import truncated
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    And,
    Atan,
    Ceil,
    Cos,
    Div,
    Equal,
    Erf,
    Exp,
    Floor,
    Less,
    Log,
    Mul,
    Neg,
    Round,
    Sign,
    Sin,
    Sqrt,
    Sub,
    Where,
)
from gossamer.ir.types import Value

_UNARY: dict[str, Callable[[Value], Op]] = {
    "neg": Neg, "abs": Abs, "exp": Exp, "log": Log, "sqrt": Sqrt, "erf": Erf, "special_erf": Erf, "sign": Sign,
    "sgn": Sign, "sin": Sin, "cos": Cos, "atan": Atan, "arctan": Atan, "absolute": Abs,
}  # fmt: skip
_ROUNDING: dict[str, Callable[[Value], Op]] = {"floor": Floor, "ceil": Ceil, "round": Round}


@operator(*_UNARY)
def unary(call: Call) -> Result:
    return call.emit(_UNARY[call.operator](call.operand("self")))


@operator("floor", "ceil", "round.default", "trunc", "fix")
def rounded(call: Call) -> Result:
    x = call.operand("self")
    if x.dtype.integer:
        return x
    kind = _ROUNDING.get(call.operator)
    return call.emit(truncated(call, x) if kind is None else kind(x))


@operator("reciprocal", "rsqrt", "square")
def simple(call: Call) -> Result:
    x = call.operand("self")
    if call.operator == "square":
        return call.emit(Mul(x, x))
    return call.emit(Div(call.number(1.0, x), x if call.operator == "reciprocal" else call.step(Sqrt(x))))


@operator("log2", "log10", "log1p", "special_log1p")
def logarithm(call: Call) -> Result:
    x = call.operand("self")
    if call.operator.endswith("log1p"):
        return call.emit(Log(call.step(Add(x, call.number(1.0, x)))))
    base = 2.0 if call.operator == "log2" else 10.0
    return call.emit(Mul(call.step(Log(x)), call.number(1 / log(base), x)))


@operator("exp2", "special_exp2", "expm1", "special_expm1")
def exponential(call: Call) -> Result:
    x = call.operand("self")
    if "expm1" in call.operator:
        return call.emit(Sub(call.step(Exp(x)), call.number(1.0, x)))
    return call.emit(Exp(call.step(Mul(x, call.number(log(2.0), x)))))


@operator("erfc", "special_erfc")
def erfc(call: Call) -> Result:
    x = call.operand("self")
    return call.emit(Sub(call.number(1.0, x), call.step(Erf(x))))


@operator("tan")
def tan(call: Call) -> Result:
    x = call.operand("self")
    return call.emit(Div(call.step(Sin(x)), call.step(Cos(x))))


@operator("sinh", "cosh")
def hyperbolic(call: Call) -> Result:
    """(exp(x) -+ exp(-x)) / 2."""
    x = call.operand("self")
    up, down = call.step(Exp(x)), call.step(Exp(call.step(Neg(x))))
    both = (Sub if call.operator == "sinh" else Add)(up, down)
    return call.emit(Mul(call.step(both), call.number(0.5, x)))


@operator("asin", "arcsin", "acos", "arccos")
def inverse_sine(call: Call) -> Result:
    """asin(x) = atan(x / sqrt(1 - x^2)), acos(x) = pi/2 - asin(x)."""
    x = call.operand("self")
    other = call.step(Sqrt(call.step(Sub(call.number(1.0, x), call.step(Mul(x, x))))))
    found = Atan(call.step(Div(x, other)))
    if call.operator.endswith("sin"):
        return call.emit(found)
    return call.emit(Sub(call.number(pi / 2, x), call.step(found)))


@operator("asinh", "arcsinh")
def inverse_hyperbolic_sine(call: Call) -> Result:
    """sign(x) * log(|x| + sqrt(x^2 + 1))."""
    x = call.operand("self")
    root = call.step(Sqrt(call.step(Add(call.step(Mul(x, x)), call.number(1.0, x)))))
    size = call.step(Log(call.step(Add(call.step(Abs(x)), root))))
    return call.emit(Mul(call.step(Sign(x)), size))


@operator("acosh", "arccosh")
def inverse_hyperbolic_cosine(call: Call) -> Result:
    """log(x + sqrt(x^2 - 1))."""
    x = call.operand("self")
    root = call.step(Sqrt(call.step(Sub(call.step(Mul(x, x)), call.number(1.0, x)))))
    return call.emit(Log(call.step(Add(x, root))))


@operator("atanh", "arctanh")
def inverse_hyperbolic_tangent(call: Call) -> Result:
    """log((1 + x) / (1 - x)) / 2."""
    x = call.operand("self")
    one = call.number(1.0, x)
    ratio = call.step(Div(call.step(Add(one, x)), call.step(Sub(one, x))))
    return call.emit(Mul(call.step(Log(ratio)), call.number(0.5, x)))


@operator("hypot")
def hypot(call: Call) -> Result:
    """sqrt(x^2 + y^2)."""
    x, y = call.operand("self"), call.operand("other")
    return call.emit(Sqrt(call.step(Add(call.step(Mul(x, x)), call.step(Mul(y, y))))))


@operator("atan2", "arctan2")
def atan2(call: Call) -> Result:
    """atan(y / x), half a turn further where x < 0; 0 where both are 0."""
    y, x = call.operand("self"), call.operand("other")
    zero, half = call.number(0.0, x), call.number(pi, x)
    angle = call.step(Atan(call.step(Div(y, x))))
    turn = call.step(Where(call.step(Less(y, zero)), call.step(Neg(half)), half))
    turned = call.step(Where(call.step(Less(x, zero)), call.step(Add(angle, turn)), angle))
    nothing = call.step(And(call.step(Equal(x, zero)), call.step(Equal(y, zero))))
    return call.emit(Where(nothing, zero, turned))
