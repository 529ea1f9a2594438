"""Pointwise arithmetic and reductions."""

from collections.abc import Callable

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    Ceil,
    Div,
    Erf,
    Exp,
    Floor,
    Log,
    Maximum,
    Minimum,
    Mul,
    Neg,
    Pow,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    Round,
    Sign,
    Sqrt,
    Sub,
)
from gossamer.ir.types import Value

_BINARY: dict[str, Callable[..., Op]] = {
    "add": Add, "sub": Sub, "mul": Mul, "div": Div, "true_divide": Div, "maximum": Maximum, "minimum": Minimum,
    "pow": Pow,
}  # fmt: skip
_UNARY: dict[str, Callable[..., Op]] = {
    "neg": Neg, "abs": Abs, "exp": Exp, "log": Log, "sqrt": Sqrt, "erf": Erf, "floor": Floor, "ceil": Ceil,
    "round": Round, "sign": Sign,
}  # fmt: skip
_REDUCTIONS: dict[str, Callable[..., Op]] = {"mean": ReduceMean, "sum": ReduceSum, "amax": ReduceMax, "amin": ReduceMin}
_NAMED = ("maximum", "minimum")


@operator(
    "add", "sub", "mul", "div.Tensor", "div.Scalar", "true_divide", *_NAMED, "pow.Tensor_Scalar", "pow.Tensor_Tensor"
)
def binary(call: Call) -> Result:
    x, y = call.operand("self"), call.operand("exponent" if call.operator == "pow" else "other")
    if call.operator in ("add", "sub") and call["alpha"] != 1:
        y = call.step(Mul(y, call.number(call["alpha"], y)))
    return call.emit(_BINARY[call.operator](x, y))


@operator("rsub")
def rsub(call: Call) -> Result:
    x = call.operand("self")
    scaled = x if call["alpha"] == 1 else call.step(Mul(x, call.number(call["alpha"], x)))
    return call.emit(Sub(call.operand("other"), scaled))


@operator(*_UNARY)
def unary(call: Call) -> Result:
    return call.emit(_UNARY[call.operator](call.value("self")))


@operator("reciprocal")
def reciprocal(call: Call) -> Result:
    x = call.value("self")
    return call.emit(Div(call.number(1.0, x), x))


@operator("rsqrt")
def rsqrt(call: Call) -> Result:
    x = call.value("self")
    return call.emit(Div(call.number(1.0, x), call.step(Sqrt(x))))


@operator("mean.default", "sum.default")
def whole_reduction(call: Call) -> Result:
    x = call.value("self")
    return call.emit(_REDUCTIONS[call.operator](x, tuple(range(x.type.rank)), False))


@operator("mean.dim", "sum.dim_IntList", "amax", "amin")
def reduction(call: Call) -> Result:
    x = call.value("self")
    return call.emit(_REDUCTIONS[call.operator](x, _axes(call, x), bool(call["keepdim"])))


def _axes(call: Call, x: Value) -> tuple[int, ...]:
    return tuple(a % x.type.rank for a in call.ints("dim")) or tuple(range(x.type.rank))
