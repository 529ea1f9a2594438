"""Pointwise arithmetic and reductions."""

from collections.abc import Callable

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import dtype_of
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    Cast,
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
from gossamer.ir.types import TensorType, Value

_BINARY: dict[str, Callable[..., Op]] = {"Add": Add, "Sub": Sub, "Mul": Mul, "Div": Div}
_UNARY: dict[str, Callable[..., Op]] = {
    "Neg": Neg, "Abs": Abs, "Exp": Exp, "Log": Log, "Sqrt": Sqrt, "Erf": Erf, "Floor": Floor, "Ceil": Ceil,
    "Round": Round, "Sign": Sign,
}  # fmt: skip
_VARIADIC: dict[str, Callable[..., Op]] = {"Max": Maximum, "Min": Minimum, "Sum": Add}
_REDUCTIONS: dict[str, Callable[..., Op]] = {
    "ReduceMean": ReduceMean, "ReduceSum": ReduceSum, "ReduceMax": ReduceMax, "ReduceMin": ReduceMin,
}  # fmt: skip


@operator(*_BINARY)
def binary(call: Call) -> Result:
    return call.emit(_BINARY[call.node.op_type](call.value(0), call.value(1)))


@operator(*_UNARY)
def unary(call: Call) -> Result:
    return call.emit(_UNARY[call.node.op_type](call.value(0)))


@operator("Pow")
def power(call: Call) -> Result:
    """The exponent may have another element type than the base in ONNX, not in the IR."""
    x, y = call.value(0), call.value(1)
    if x.dtype != y.dtype:
        y = call.step(Cast(y, TensorType(x.dtype, y.shape)))
    return call.emit(Pow(x, y))


@operator("Reciprocal")
def reciprocal(call: Call) -> Result:
    x = call.value(0)
    return call.emit(Div(call.param(np.ones((), x.dtype.numpy), "one"), x))


@operator(*_VARIADIC)
def variadic(call: Call) -> Result:
    first, *rest = call.values()
    kind = _VARIADIC[call.node.op_type]
    for value in rest[:-1]:
        first = call.step(kind(first, value))
    return call.emit(kind(first, rest[-1])) if rest else first


@operator(*_REDUCTIONS)
def reduction(call: Call) -> Result:
    x, axes = call.value(0), call.ints_or_operand("axes", 1)
    if not axes and call.attr_int("noop_with_empty_axes", 0):
        return x
    return call.emit(_REDUCTIONS[call.node.op_type](x, _axes(axes, x), bool(call.attr_int("keepdims", 1))))


@operator("ReduceL2")
def reduce_l2(call: Call) -> Result:
    x, axes = call.value(0), call.ints_or_operand("axes", 1)
    squares = call.step(Mul(x, x))
    return call.emit(Sqrt(call.step(ReduceSum(squares, _axes(axes, x), bool(call.attr_int("keepdims", 1))))))


@operator("Cast")
def cast(call: Call) -> Result:
    x, dtype = call.value(0), dtype_of(call.attr_int("to", 0), "its result")
    return x if dtype == x.dtype else call.emit(Cast(x, TensorType(dtype, x.shape)))


def _axes(axes: tuple[int, ...] | None, x: Value) -> tuple[int, ...]:
    """Counted from the front; no axes at all means every axis."""
    return tuple(from_front(a, x.type.rank) for a in axes) if axes else tuple(range(x.type.rank))
