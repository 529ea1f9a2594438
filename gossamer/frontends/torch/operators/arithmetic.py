"""Pointwise arithmetic of two operands; functions.py has that of one."""

from collections.abc import Callable

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, And, Ceil, Div, Equal, Floor, Less, Maximum, Minimum, Mul, Not, Pow, Sub, Where
from gossamer.ir.types import F32, Value

_BINARY: dict[str, Callable[[Value, Value], Op]] = {
    "add": Add, "sub": Sub, "mul": Mul, "div": Div, "true_divide": Div, "maximum": Maximum, "minimum": Minimum,
    "max": Maximum, "min": Minimum, "fmax": Maximum, "fmin": Minimum,
}  # fmt: skip


@operator(
    "add", "sub", "mul", "div.Tensor", "div.Scalar", "true_divide", "maximum", "minimum", "max.other", "min.other"
)
def binary(call: Call) -> Result:
    x, y = call.operand("self"), call.operand("other")
    if call.operator in ("add", "sub") and call["alpha"] != 1:
        y = call.step(Mul(y, call.number(call["alpha"], y)))
    return call.emit(_BINARY[call.operator](x, y))


@operator("rsub")
def rsub(call: Call) -> Result:
    x = call.operand("self")
    scaled = x if call["alpha"] == 1 else call.step(Mul(x, call.number(call["alpha"], x)))
    return call.emit(Sub(call.operand("other"), scaled))


@operator("pow")
def power(call: Call) -> Result:
    x, y = call.operand("self"), call.operand("exponent")
    if not call.dtype.integer:
        return call.emit(Pow(x, y))
    return call.emit(_whole(call, x, call["exponent"]))


@operator("div.Tensor_mode", "div.Scalar_mode", "floor_divide")
def divide(call: Call) -> Result:
    """Rounded down ("floor") or towards 0 ("trunc")."""
    mode = "floor" if call.operator == "floor_divide" else call["rounding_mode"]
    x, y = call.operand("self"), call.operand("other")
    if mode is None:
        return call.emit(Div(x, y))
    return call.emit(_rounded_down(call, x, y) if mode == "floor" else _truncated(call, x, y))


@operator("remainder.Tensor", "remainder.Scalar")
def remainder(call: Call) -> Result:
    """x - floor(x / y) * y: has the sign of y."""
    x, y = call.operand("self"), call.operand("other")
    whole = call.step(_rounded_down(call, x, y))
    return call.emit(Sub(x, call.step(Mul(whole, y))))


@operator("fmod")
def fmod(call: Call) -> Result:
    """x - trunc(x / y) * y: has the sign of x."""
    x, y = call.operand("self"), call.operand("other")
    whole = call.step(_truncated(call, x, y))
    return call.emit(Sub(x, call.step(Mul(whole, y))))


def truncated(call: Call, x: Value) -> Op:
    """A float rounded towards 0."""
    negative = call.step(Less(x, call.number(0.0, x)))
    return Where(negative, call.step(Ceil(x)), call.step(Floor(x)))


def _truncated(call: Call, x: Value, y: Value) -> Op:
    if x.dtype.integer:
        return Div(x, y)
    return truncated(call, call.step(Div(x, y)))


def _rounded_down(call: Call, x: Value, y: Value) -> Op:
    if not x.dtype.integer:
        return Floor(call.step(Div(x, y)))
    # The quotient was rounded up where there is a rest and the signs differ.
    quotient, zero = call.step(Div(x, y)), call.number(0, x)
    rest = call.step(Sub(x, call.step(Mul(quotient, y))))
    inexact = call.step(Not(call.step(Equal(rest, zero))))
    signs = (call.step(Less(value, zero)) for value in (x, y))
    differ = call.step(Not(call.step(Equal(*signs))))
    lower = call.step(Sub(quotient, call.number(1, x)))
    return Where(call.step(And(inexact, differ)), lower, quotient)


def _whole(call: Call, x: Value, exponent: object) -> Op:
    """An integer to a small whole power."""
    if not isinstance(exponent, int) or not 1 <= exponent <= 8:
        raise Unsupported(f"it raises {x.dtype} to the power {exponent}; cast to {F32} first")
    found = x
    for _ in range(exponent - 2):
        found = call.step(Mul(found, x))
    return Mul(found, x) if exponent > 1 else Mul(x, call.number(1, x))
