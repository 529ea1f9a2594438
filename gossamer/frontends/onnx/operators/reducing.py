"""Reductions over axes, where an extreme element is, running sums, and the largest elements."""

from collections.abc import Callable
from math import prod

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, check_made
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    ArgMax,
    ArgMin,
    Cast,
    CumProd,
    CumSum,
    Equal,
    Exp,
    Log,
    Mul,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceProd,
    ReduceSum,
    Sqrt,
    Sub,
    TopK,
    Where,
)
from gossamer.ir.types import BOOL, U8, TensorType, Value

_PLAIN: dict[str, Callable[..., Op]] = {
    "ReduceMean": ReduceMean, "ReduceSum": ReduceSum, "ReduceMax": ReduceMax, "ReduceMin": ReduceMin,
    "ReduceProd": ReduceProd,
}  # fmt: skip
_SUMS = ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum")


@operator(*_PLAIN)
def reduction(call: Call) -> Result:
    x, axes, keepdims = _operands(call)
    kind = _PLAIN[call.node.op_type]
    if axes == () or x.type.rank == 0:
        return x
    if kind in (ReduceMax, ReduceMin) and not x.dtype.floating and any(x.shape[a] == 0 for a in axes):
        return _of_nothing(call, x, axes, keepdims)
    if x.dtype == BOOL:
        reduced = call.step(kind(call.step(Cast(x, TensorType(U8, x.shape))), axes, keepdims))
        return call.emit(Cast(reduced, TensorType(BOOL, reduced.shape)))
    return call.emit(kind(x, axes, keepdims))


@operator(*_SUMS)
def sum_of(call: Call) -> Result:
    """The sum of |x| or x^2, its root, or the logarithm of the sum of x."""
    x, axes, keepdims = _operands(call)
    name = call.node.op_type
    terms = x if name == "ReduceLogSum" else call.step(Abs(x) if name == "ReduceL1" else Mul(x, x))
    last = {"ReduceL2": Sqrt, "ReduceLogSum": Log}.get(name)
    if axes == ():
        return terms if last is None else call.emit(last(terms))
    total = ReduceSum(terms, axes, keepdims)
    if last is None:
        return call.emit(total)
    if x.dtype.floating:
        return call.emit(last(call.step(total)))
    raise Unsupported(f"it works on {x.dtype}, and floats are needed")


@operator("ReduceLogSumExp")
def log_sum_exp(call: Call) -> Result:
    """m + log(sum(exp(x - m))), m the maximum (0 where that is infinite): no exponential overflows."""
    x, axes, keepdims = _operands(call)
    if axes == ():
        return x
    top = call.step(ReduceMax(x, axes, True))
    finite = call.step(Equal(call.step(Sub(top, top)), call.number(0.0, top)))
    shift = call.step(Where(finite, top, call.number(0.0, top)))
    total = call.step(Log(call.step(ReduceSum(call.step(Exp(call.step(Sub(x, shift)))), axes, True))))
    gone = () if keepdims else axes
    return call.emit_shaped(Add(total, shift), tuple(e for i, e in enumerate(total.shape) if i not in gone))


@operator("ArgMax", "ArgMin")
def extreme(call: Call) -> Result:
    x = call.value(0)
    kind = ArgMax if call.node.op_type == "ArgMax" else ArgMin
    last = bool(call.attr_int("select_last_index", 0))
    return call.emit(kind(x, call.axis(x.type.rank, 0), bool(call.attr_int("keepdims", 1)), last))


@operator("CumSum", "CumProd")
def cumulative(call: Call) -> Result:
    x, axis = call.value(0), call.constant(1)
    if axis is None:
        raise FrontendError("it has no axis")
    kind = CumSum if call.node.op_type == "CumSum" else CumProd
    place = from_front(whole(axis)[0], x.type.rank)
    return call.emit(kind(x, place, bool(call.attr_int("exclusive", 0)), bool(call.attr_int("reverse", 0))))


@operator("TopK")
def top_k(call: Call) -> Result:
    """k is an attribute before opset 10. Sorted also where the file does not ask for it."""
    x, given = call.value(0), call.ints_or_operand("k", 1) if call.opset >= 10 else (call.attr_int("k", 0),)
    if not given:
        raise FrontendError("it has no k")
    return call.emit_all(TopK(x, given[0], call.axis(x.type.rank, -1), bool(call.attr_int("largest", 1))))


def _operands(call: Call) -> tuple[Value, tuple[int, ...], bool]:
    """x, the axes to reduce from the front (none: leave x as it is), whether they stay with extent 1."""
    x, axes = call.value(0), call.ints_or_operand("axes", 1)
    if not axes:
        every = () if call.attr_int("noop_with_empty_axes", 0) else tuple(range(x.type.rank))
        return x, every, bool(call.attr_int("keepdims", 1))
    return x, tuple(from_front(a, x.type.rank) for a in axes), bool(call.attr_int("keepdims", 1))


def _of_nothing(call: Call, x: Value, axes: tuple[int, ...], keepdims: bool) -> Constant:
    """The maximum of no integers is the smallest there is, the minimum the largest."""
    least = call.node.op_type == "ReduceMax"
    number = (not least) if x.dtype == BOOL else x.dtype.low if least else x.dtype.high
    shape = tuple(1 if i in axes else e for i, e in enumerate(x.shape) if keepdims or i not in axes)
    check_made(prod(shape))
    return Constant(TensorType(x.dtype, shape), lambda: np.full(shape, number, x.dtype.numpy))
