"""Elements picked and replaced at places that another tensor names."""

from math import prod

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.operators.moving import picked
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, check_made
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import (
    Add,
    Cast,
    Equal,
    Expand,
    Gather,
    GatherElements,
    GatherND,
    Less,
    Reshape,
    ScatterElements,
    ScatterND,
    Slice,
    Sub,
    Where,
)
from gossamer.ir.ops.scatter import Scattering
from gossamer.ir.types import BOOL, I64, TensorType, Value

_REDUCTIONS: dict[str, Scattering] = {"none": "none", "add": "add", "mul": "mul", "max": "max", "min": "min"}


@operator("Gather")
def gather(call: Call) -> Result:
    """Indices that are known and evenly spaced are a slice (and a scalar index drops the axis)."""
    x, indices = call.value(0), call.item(1)
    axis = call.axis(x.type.rank, 0)
    places = _evenly(indices, x.shape[axis])
    if places is None:
        return call.emit(Gather(x, call.value(1), axis))
    ranges = [places if i == axis else range(extent) for i, extent in enumerate(x.shape)]
    if indices.type.rank == 1:
        return picked(call, x, ranges)
    part = picked(call, x, ranges, last=False)
    return call.emit(Reshape(part, tuple(e for i, e in enumerate(part.shape) if i != axis)))


@operator("GatherElements")
def gather_elements(call: Call) -> Result:
    x = call.value(0)
    return call.emit(GatherElements(x, call.value(1), call.axis(x.type.rank, 0)))


@operator("GatherND")
def gather_nd(call: Call) -> Result:
    return call.emit(GatherND(call.value(0), call.value(1), call.attr_int("batch_dims", 0)))


@operator("Scatter", "ScatterElements")
def scatter_elements(call: Call) -> Result:
    x = call.value(0)
    axis = call.axis(x.type.rank, 0)
    return call.emit(ScatterElements(x, call.value(1), call.value(2), axis, _reduction(call)))


@operator("ScatterND")
def scatter_nd(call: Call) -> Result:
    return call.emit(ScatterND(call.value(0), call.value(1), call.value(2), _reduction(call)))


@operator("OneHot")
def one_hot(call: Call) -> Result:
    """`on` where the index (from the end where negative) is that of the new axis, else `off`; values are (off, on)."""
    indices, depth = call.value(0), call.constant(1)
    if depth is None:
        raise FrontendError("it has no depth")
    count, axis = int(np.ravel(depth)[0]), call.attr_int("axis", -1)
    place = from_front(axis, indices.type.rank + 1)
    if indices.dtype != I64:
        indices = call.step(Cast(indices, TensorType(I64, indices.shape)))
    indices = call.step(Reshape(indices, (*indices.shape[:place], 1, *indices.shape[place:])))
    wrapped = _from_front(call, indices, count)
    off, on = (_element(call, call.value(2), i) for i in (0, 1))
    return call.emit(Where(call.step(Equal(wrapped, _steps(call, count, place, indices.type.rank))), on, off))


@operator("Compress")
def compress(call: Call) -> Result:
    """The indices of `axis` (or of the flat tensor) whose condition holds, which has to be known."""
    x, condition = call.value(0), call.constant(1)
    if condition is None:
        raise FrontendError("it has no condition")
    axis = call.attr_int("axis", 0)
    if call.attribute("axis") is None:
        x = call.step(Reshape(x, (x.type.elements,)))
    places = np.flatnonzero(np.asarray(condition, np.bool_))
    return call.emit(Gather(x, call.param(places, "places"), from_front(axis, x.type.rank)))


@operator("NonZero", "Unique")
def needs_numbers(call: Call) -> Result:
    """How large the result is depends on the numbers: such nodes are only understood where those are known."""
    call.constant(0)
    raise Unsupported("its operand has too many elements to be looked through at import")


@operator("ReverseSequence")
def reverse_sequence(call: Call) -> Result:
    """The first lengths[b] steps of row b backwards, the rest as it is."""
    x, lengths = call.value(0), call.value(1)
    time, batch = call.attr_int("time_axis", 0), call.attr_int("batch_axis", 1)
    rank = x.type.rank
    steps = _steps(call, x.shape[time], from_front(time, rank), rank)
    wide = _as_i64(call, lengths)
    wide = call.step(Reshape(wide, tuple(x.shape[batch] if i == batch else 1 for i in range(rank))))
    last = call.step(Sub(wide, call.param(np.asarray(1), "one")))
    chosen = call.step(Where(call.step(Less(steps, wide)), call.step(Sub(last, steps)), steps))
    return call.emit(GatherElements(x, call.step(Expand(chosen, x.shape)), time))


@operator("TensorScatter")
def tensor_scatter(call: Call) -> Result:
    """A cache x with `update` written along `axis` from row write[b] on (row 0 without), round its end if circular."""
    x, update = call.value(0), call.value(1)
    rank, axis = x.type.rank, call.axis(x.type.rank, -2)
    steps = _steps(call, update.shape[axis], axis, rank)
    rows = steps
    if call.has(2):
        start = call.step(Reshape(_as_i64(call, call.value(2)), (x.shape[0], *(1,) * (rank - 1))))
        rows = call.step(Add(steps, start))
    if call.attr_text("mode", "linear") == "circular":
        extent = call.param(np.asarray(x.shape[axis]), "extent")
        rows = call.step(Where(call.step(Less(rows, extent)), rows, call.step(Sub(rows, extent))))
    return call.emit(ScatterElements(x, call.step(Expand(rows, update.shape)), update, axis))


@operator("Trilu")
def trilu(call: Call) -> Result:
    """The part of the last two axes on and above diagonal k (or on and below), else 0."""
    x, k = call.value(0), call.constant(1)
    if x.type.rank < 2:
        raise FrontendError(f"its input has shape {list(x.shape)}, needed matrices")
    shape, limit = x.shape[-2:], sum(x.shape[-2:])
    check_made(prod(shape))
    diagonal = 0 if k is None else max(-limit, min(limit, int(np.ravel(k)[0])))
    part = np.triu if call.attr_int("upper", 1) else np.tril
    kept = Constant(TensorType(BOOL, shape), lambda: part(np.ones(shape, np.bool_), diagonal))
    return call.emit(Where(call.derived(kept, "kept"), x, call.number(0, x)))


@operator("EyeLike")
def eye_like(call: Call) -> Result:
    """1 on diagonal k, else 0; of the operand only its shape and type matter."""
    item = call.item(0)
    rows, columns = item.type.shape
    check_made(rows * columns)
    dtype, k = call.attr_dtype("dtype", item.type.dtype), call.attr_int("k", 0)
    k = max(-rows, min(columns, k))
    return Constant(TensorType(dtype, (rows, columns)), lambda: np.eye(rows, columns, k, dtype.numpy))


def _steps(call: Call, count: int, axis: int, rank: int) -> Value:
    """0, 1, 2, ... along one axis of `rank`; made when it is asked for."""
    check_made(count)
    shape = tuple(count if i == axis else 1 for i in range(rank))
    return call.derived(Constant(TensorType(I64, shape), lambda: np.arange(count).reshape(shape)), "steps")


def _reduction(call: Call) -> Scattering:
    name = call.attr_text("reduction", "none")
    if name not in _REDUCTIONS:
        raise FrontendError(f"its reduction '{name}' is malformed")
    return _REDUCTIONS[name]


def _evenly(indices: Value | Constant, extent: int) -> range | None:
    """Known indices, a list or one alone, as a range; None when they are not even, or not known."""
    if not isinstance(indices, Constant) or indices.type.rank > 1 or not 0 < indices.type.elements <= extent:
        return None
    places = [from_front(i, extent) for i in whole(indices.numbers())]
    step = places[1] - places[0] if len(places) > 1 else 1
    if step == 0 or any(b - a != step for a, b in zip(places, places[1:])):
        return None
    return range(places[0], places[-1] + (1 if step > 0 else -1), step)


def _from_front(call: Call, indices: Value, extent: int) -> Value:
    negative = call.step(Less(indices, call.number(0, indices, "zero")))
    return call.step(Where(negative, call.step(Add(indices, call.number(extent, indices, "extent"))), indices))


def _element(call: Call, values: Value, index: int) -> Value:
    return call.step(Reshape(call.step(Slice(values, (index,), (index + 1,), (1,))), ()))


def _as_i64(call: Call, x: Value) -> Value:
    return x if x.dtype == I64 else call.step(Cast(x, TensorType(I64, x.shape)))
