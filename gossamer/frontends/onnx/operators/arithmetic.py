"""Pointwise arithmetic; comparisons, trigonometry and reductions have files of their own."""

from collections.abc import Callable

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.legacy import pair
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    Cast,
    Ceil,
    Div,
    Equal,
    Erf,
    Exp,
    Floor,
    Less,
    Log,
    Maximum,
    Minimum,
    Mul,
    Neg,
    Or,
    Pow,
    Round,
    Sign,
    Sqrt,
    Sub,
    Where,
)
from gossamer.ir.types import F64, DType, TensorType, Value

_BINARY: dict[str, Callable[..., Op]] = {"Add": Add, "Sub": Sub, "Mul": Mul, "Div": Div}
_UNARY: dict[str, Callable[..., Op]] = {
    "Neg": Neg, "Abs": Abs, "Exp": Exp, "Log": Log, "Sqrt": Sqrt, "Erf": Erf, "Floor": Floor, "Ceil": Ceil,
    "Round": Round, "Sign": Sign,
}  # fmt: skip
_VARIADIC: dict[str, Callable[..., Op]] = {"Max": Maximum, "Min": Minimum, "Sum": Add}


@operator(*_BINARY)
def binary(call: Call) -> Result:
    return call.emit(_BINARY[call.node.op_type](*pair(call)))


@operator(*_UNARY)
def unary(call: Call) -> Result:
    return call.emit(_UNARY[call.node.op_type](call.value(0)))


@operator("Pow")
def power(call: Call) -> Result:
    """The exponent may have another element type than the base in ONNX, not in the IR; whole powers go through f64."""
    x, y = pair(call)
    if x.dtype.floating:
        return call.emit(Pow(x, _as(call, y, x.dtype)))
    found = call.step(Pow(_as(call, x, F64), _as(call, y, F64)))
    return call.emit(Cast(found, TensorType(x.dtype, found.shape)))


def _as(call: Call, x: Value, dtype: DType) -> Value:
    return x if x.dtype == dtype else call.step(Cast(x, TensorType(dtype, x.shape)))


@operator("Reciprocal")
def reciprocal(call: Call) -> Result:
    x = call.value(0)
    return call.emit(Div(call.number(1.0, x, "one"), x))


@operator(*_VARIADIC)
def variadic(call: Call) -> Result:
    first, *rest = call.values()
    kind = _VARIADIC[call.node.op_type]
    for value in rest[:-1]:
        first = call.step(kind(first, value))
    return call.emit(kind(first, rest[-1])) if rest else first


@operator("Mean")
def mean(call: Call) -> Result:
    total, *rest = call.values()
    for value in rest:
        total = call.step(Add(total, value))
    return call.emit(Div(total, call.number(len(rest) + 1, total))) if rest else total


@operator("Mod")
def modulus(call: Call) -> Result:
    """The remainder of x / y: with `fmod` it has x's sign, as in C, else y's, as in Python."""
    x, y = call.value(0), call.value(1)
    left = Sub(x, _taken_off(call, _whole_part(call, call.step(Div(x, y))), y))
    if call.attr_int("fmod", 0) or x.dtype.kind == "u":
        return call.emit(left)
    remainder = call.step(left)
    zero = call.number(0, x)
    crossed = call.step(Equal(call.step(Less(remainder, zero)), call.step(Less(y, zero))))
    fits = call.step(Or(crossed, call.step(Equal(remainder, zero))))
    return call.emit(Where(fits, remainder, call.step(Add(remainder, y))))


def _taken_off(call: Call, times: Value, y: Value) -> Value:
    """times * y, and 0 where y does not fit even once, though it be infinite."""
    product = call.step(Mul(times, y))
    if not y.dtype.floating:
        return product
    zero = call.number(0.0, y)
    return call.step(Where(call.step(Equal(times, zero)), zero, product))


def _whole_part(call: Call, quotient: Value) -> Value:
    """The quotient towards 0, which that of integers is."""
    if not quotient.dtype.floating:
        return quotient
    below = call.step(Less(quotient, call.number(0.0, quotient)))
    return call.step(Where(below, call.step(Ceil(quotient)), call.step(Floor(quotient))))
