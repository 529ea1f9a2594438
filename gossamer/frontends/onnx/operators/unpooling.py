"""Where the maxima of a pool were, and the way back: the second output of MaxPool, MaxUnpool."""

from math import inf, prod

import numpy as np
from numpy.typing import NDArray

from gossamer.frontends.onnx.call import Call, whole
from gossamer.frontends.onnx.operators.windows import Numbers, Window, given_pads, positions
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import check_made
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, ArgMax, Gather, Pad, Reshape, ScatterElements
from gossamer.ir.types import I64, Value


def places_of_maxima(call: Call, x: Value, window: Window, ceil: bool) -> Op:
    """For every window the index (i64) of its first maximum in the whole of x; storage_order 1: columns first."""
    batch, channels, *extents = x.shape
    size, count = prod(extents), batch * channels
    check_made(max(count, size, prod(positions(window, tuple(extents), ceil)) * prod(window.kernel)))
    taps = _taps(window, tuple(extents), ceil)
    lowest = float(x.dtype.low) if x.dtype.integer else -inf
    flat = call.step(Pad(call.step(Reshape(x, (count, size))), ((0, 0), (0, 1)), lowest))
    best = call.step(ArgMax(call.step(Gather(flat, call.param(taps, "taps", I64), 1)), 2, keepdims=False))
    row = call.param(np.arange(taps.shape[0]) * taps.shape[1], "rows", I64)
    order = np.arange(size).reshape(extents)
    if call.attr_int("storage_order", 0):
        order = order.reshape(extents[::-1]).T
    names = call.param(np.append(order.ravel(), 0)[taps].ravel(), "places", I64)
    own = call.step(Gather(names, call.step(Add(best, row)), 0))
    first = call.param(np.arange(count).reshape(-1, 1) * size, "images", I64)
    return Reshape(call.step(Add(own, first)), (batch, channels, *positions(window, tuple(extents), ceil)))


@operator("MaxUnpool")
def max_unpool(call: Call) -> Result:
    """Zeros but for the values of x, at the places that a pool found them; more of them where a shape is given."""
    x, places = call.value(0), call.value(1)
    kernel = call.attr_ints("kernel_shape")
    axes = len(kernel)
    strides, pads = call.attr_ints("strides", (1,) * axes), given_pads(call, axes)
    if x.type.rank != axes + 2 or len(strides) != axes or places.shape != x.shape:
        raise FrontendError(f"its kernel_shape {list(kernel)} or strides do not fit its input {list(x.shape)}")
    parts = zip(x.shape[2:], strides, kernel, pads, pads[axes:], strict=False)
    shape = (*x.shape[:2], *((e - 1) * s + k - before - after for e, s, k, before, after in parts))
    check_made(prod(shape))
    zeros = call.param(np.zeros(prod(shape)), "zeros", x.dtype)
    values, where = (call.step(Reshape(v, (x.type.elements,))) for v in (x, places))
    spread = call.step(ScatterElements(zeros, where, values, 0))
    wanted = whole(found) if (found := call.constant(2)) is not None else shape
    if wanted == shape:
        return call.emit(Reshape(spread, shape))
    if len(wanted) != len(shape):
        raise FrontendError(f"its output_shape {list(wanted)} is malformed: {len(shape)} numbers are needed")
    return call.emit(Pad(call.step(Reshape(spread, shape)), tuple((0, w - s) for w, s in zip(wanted, shape))))


def _taps(window: Window, extents: Numbers, ceil: bool) -> NDArray[np.int64]:
    """[positions, taps]: where each reads in the flat tensor; behind its end where it leaves it."""
    counts = positions(window, extents, ceil)
    flat, outside = np.zeros((1, 1), np.int64), np.zeros((1, 1), np.bool_)
    for axis, extent in enumerate(extents):
        starts = np.arange(counts[axis])[:, None] * window.strides[axis] - window.before[axis]
        place = starts + np.arange(window.kernel[axis]) * window.dilations[axis]
        left = (place < 0) | (place >= extent)
        shape = (len(flat) * counts[axis], -1)
        flat = (flat[:, None, :, None] * extent + place[None, :, None, :]).reshape(shape)
        outside = (outside[:, None, :, None] | left[None, :, None, :]).reshape(shape)
    return np.where(outside, prod(extents), flat)
