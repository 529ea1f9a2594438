"""Reductions over axes, running ones along an axis, and where extreme elements are."""

from collections.abc import Callable
from math import inf, prod

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    ArgMax,
    ArgMin,
    CumProd,
    CumSum,
    Exp,
    Log,
    Mul,
    Pow,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceProd,
    ReduceSum,
    Reshape,
    Sqrt,
    Sub,
)
from gossamer.ir.types import BOOL, U8, Value

_KINDS: dict[str, Callable[[Value, tuple[int, ...], bool], Op]] = {
    "mean": ReduceMean, "sum": ReduceSum, "amax": ReduceMax, "amin": ReduceMin, "prod": ReduceProd, "max": ReduceMax,
    "min": ReduceMin,
}  # fmt: skip


@operator("mean.default", "sum.default", "prod.default", "max.default", "min.default")
def whole_reduction(call: Call) -> Result:
    x = call.operand("self")
    return call.emit(_KINDS[call.operator](x, tuple(range(x.type.rank)), False))


@operator("mean.dim", "sum.dim_IntList", "amax", "amin", "prod.dim_int")
def reduction(call: Call) -> Result:
    x = call.operand("self")
    return call.emit(_KINDS[call.operator](x, _axes(call, x), bool(call["keepdim"])))


@operator("any", "all")
def logical(call: Call) -> Result:
    """The largest or the smallest of 0 and 1."""
    x = call.cast(call.operand("self", BOOL), U8)
    axes = _axes(call, x) if "dim" in call else tuple(range(x.type.rank))
    kind = ReduceMax if call.operator == "any" else ReduceMin
    found = call.step(kind(x, axes, bool(call.get("keepdim"))))
    return call.cast(found, BOOL)


@operator("max.dim", "min.dim")
def extreme(call: Call) -> Result:
    """The largest elements along an axis, and the index of the first of each."""
    x = call.value("self")
    axis, keep, largest = call.axis("dim", x.type.rank), bool(call["keepdim"]), call.operator == "max"
    value = call.step((ReduceMax if largest else ReduceMin)(x, (axis,), keep))
    return value, call.step((ArgMax if largest else ArgMin)(x, axis, keep))


@operator("argmax", "argmin")
def place(call: Call) -> Result:
    x = call.value("self")
    kind = ArgMax if call.operator == "argmax" else ArgMin
    if call.has("dim"):
        return call.emit(kind(x, call.axis("dim", x.type.rank), bool(call["keepdim"])))
    found = call.step(kind(call.step(Reshape(x, (x.type.elements,))), 0, False))
    return call.emit(Reshape(found, call.shape))


@operator("var", "std", "var_mean")
def variance(call: Call) -> Result:
    """sum((x - mean)^2) / (n - correction); torch's correction is 1 unless it says otherwise."""
    x = call.value("self")
    axes, keep = _axes(call, x) if "dim" in call else tuple(range(x.type.rank)), bool(call.get("keepdim"))
    correction = call["correction"] if "correction" in call else int(call["unbiased"])
    count = prod(x.shape[a] for a in axes) - (1 if correction is None else correction)
    if count <= 0:
        raise Unsupported(f"it divides the squares of {x.shape} over {axes} by {count}")
    mean = call.step(ReduceMean(x, axes))
    off = call.step(Sub(x, mean))
    total = call.step(ReduceSum(call.step(Mul(off, off)), axes, keep))
    found = Mul(total, call.number(1 / count, total))
    if call.operator == "var_mean":
        return call.step(found), call.step(ReduceMean(x, axes, keep))
    return call.emit(Sqrt(call.step(found)) if call.operator == "std" else found)


@operator("linalg_vector_norm", "norm")
def norm(call: Call) -> Result:
    """(sum |x|^p)^(1/p); p = inf: the largest |x|."""
    x = call.operand("self")
    order = call["ord" if call.operator == "linalg_vector_norm" else "p"]
    order = 2.0 if order is None else float(order)
    axes = _axes(call, x) if "dim" in call else tuple(range(x.type.rank))
    keep = bool(call.get("keepdim"))
    if order == 2:
        return call.emit(Sqrt(call.step(ReduceSum(call.step(Mul(x, x)), axes, keep))))
    size = call.step(Abs(x))
    if order in (1, inf, -inf):
        return call.emit({1: ReduceSum, inf: ReduceMax, -inf: ReduceMin}[order](size, axes, keep))
    if order == 0:
        raise Unsupported("its order is 0, which counts elements; write (x != 0).sum()")
    total = call.step(ReduceSum(call.step(Pow(size, call.number(order, x))), axes, keep))
    return call.emit(Pow(total, call.number(1 / order, x)))


@operator("logsumexp")
def logsumexp(call: Call) -> Result:
    """max(x) + log(sum(exp(x - max(x))))."""
    x = call.operand("self")
    axes, keep = _axes(call, x), bool(call["keepdim"])
    top = call.step(ReduceMax(x, axes))
    total = call.step(ReduceSum(call.step(Exp(call.step(Sub(x, top)))), axes, keep))
    return call.emit(Add(call.step(Reshape(top, total.shape)), call.step(Log(total))))


@operator("cumsum", "cumprod")
def running(call: Call) -> Result:
    x = call.operand("self")
    if x.type.rank == 0:
        return x
    return call.emit((CumSum if call.operator == "cumsum" else CumProd)(x, call.axis("dim", x.type.rank)))


def _axes(call: Call, x: Value) -> tuple[int, ...]:
    return tuple(a % x.type.rank for a in call.ints("dim")) or tuple(range(x.type.rank))
