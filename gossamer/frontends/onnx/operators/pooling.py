"""Pools over windows and over the whole image.

The IR's pools have two spatial axes. One axis is an image of one row. Three are two pools, one over the last two axes
and one over the first: a box's maximum is the maximum of its slices' maxima, and its mean the mean of their means, as
equally many elements of each slice count (the part of a box that lies within the tensor is a box).
"""

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np
from numpy.typing import NDArray

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.unpooling import places_of_maxima
from gossamer.frontends.onnx.operators.windows import Numbers, Window, positions, row, window_of
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import check_made
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    AvgPool2d,
    Conv2d,
    MaxPool2d,
    Mul,
    Pow,
    ReduceMax,
    ReduceMean,
    ReduceSum,
    Reshape,
    Sqrt,
)
from gossamer.ir.types import Value


@operator("MaxPool")
def max_pool(call: Call) -> Result:
    x, window, ceil = _operands(call)

    def largest(x: Value, window: Window) -> Op:
        return MaxPool2d(x, window.kernel, window.strides, window.pads, window.dilations, ceil)

    found = call.emit(_pooled(call, x, window, largest))
    return (found, call.emit_at(1, places_of_maxima(call, x, window, ceil))) if call.wants(1) else found


@operator("AveragePool")
def average_pool(call: Call) -> Result:
    x, window, ceil = _operands(call)
    counted = bool(call.attr_int("count_include_pad", 0))

    def mean(x: Value, window: Window) -> Op:
        if window.dilations == (1, 1):
            return AvgPool2d(x, window.kernel, window.strides, window.pads, ceil, counted)
        share = 1 / _counts(window, x.shape[2:], ceil, counted)
        return Mul(call.step(_sums(call, ceil, x, window)), call.param(share.astype(x.dtype.numpy), "share"))

    return call.emit(_pooled(call, x, window, mean))


@operator("LpPool")
def lp_pool(call: Call) -> Result:
    """(sum of |x|^p over the window)^(1/p)."""
    x, window, ceil = _operands(call)
    p = call.attr_int("p", 2)
    sums = call.step(_pooled(call, _powers(call, x, p), window, partial(_sums, call, ceil)))
    return call.emit(_root(call, sums, p))


@operator("GlobalAveragePool")
def global_average_pool(call: Call) -> Result:
    x = call.value(0)
    return call.emit(ReduceMean(x, _spatial(x)))


@operator("GlobalMaxPool")
def global_max_pool(call: Call) -> Result:
    x = call.value(0)
    return call.emit(ReduceMax(x, _spatial(x)))


@operator("GlobalLpPool")
def global_lp_pool(call: Call) -> Result:
    x, p = call.value(0), call.attr_int("p", 2)
    return call.emit(_root(call, call.step(ReduceSum(_powers(call, x, p), _spatial(x))), p))


def _operands(call: Call) -> tuple[Value, Window, bool]:
    x = call.value(0)
    return x, window_of(call, x, call.attr_ints("kernel_shape")), bool(call.attr_int("ceil_mode", 0))


def _pooled(call: Call, x: Value, window: Window, pool: Callable[[Value, Window], Op]) -> Op:
    """`pool`, which is for two spatial axes, over as many as x has."""
    if window.axes == 2:
        return pool(x, window)
    if window.axes == 1:
        found = call.step(pool(call.step(Reshape(x, row(x))), window.in_row()))
        return Reshape(found, (*found.shape[:2], found.shape[3]))
    n, c, depth, *plane = x.shape
    flat = call.step(pool(call.step(Reshape(x, (n, c * depth, *plane))), window.along(1, 3)))
    columns = call.step(Reshape(flat, (n, c, depth, prod(flat.shape[2:]))))
    found = call.step(pool(columns, window.along(0, 1).in_column()))
    return Reshape(found, (*found.shape[:3], *flat.shape[2:]))


def _sums(call: Call, ceil: bool, x: Value, window: Window) -> Op:
    """Sums over windows: a convolution of every channel by itself with ones."""
    sizes = positions(window, x.shape[2:], ceil)
    check_made(prod(window.kernel))
    images = call.step(Reshape(x, (prod(x.shape[:2]), 1, *x.shape[2:])))
    ones = call.param(np.ones((1, 1, *window.kernel), x.dtype.numpy), "ones")
    reached = (  # how far the last window reaches behind the tensor, which with `ceil` is more than its padding
        max(0, (count - 1) * stride + reach - before - extent)
        for count, stride, reach, before, extent in zip(
            sizes, window.strides, window.reach, window.before, x.shape[2:], strict=True
        )
    )
    sums = Conv2d(images, ones, None, window.strides, (*window.before, *reached), window.dilations)
    return Reshape(call.step(sums), (*x.shape[:2], *sizes))


def _counts(window: Window, extents: Numbers, ceil: bool, counted: bool) -> NDArray[np.float64]:
    """How many elements each mean is over; `counted`: those in the padding too."""
    each: list[NDArray[np.float64]] = []
    sizes = positions(window, extents, ceil)
    check_made(max(prod(sizes), *(n * k for n, k in zip(sizes, window.kernel))))
    for axis, (count, extent) in enumerate(zip(sizes, extents)):
        starts = np.arange(count) * window.strides[axis] - window.before[axis]
        taps = starts[:, None] + np.arange(window.kernel[axis]) * window.dilations[axis]
        low, high = (-window.before[axis], extent + window.after[axis]) if counted else (0, extent)
        each.append(((taps >= low) & (taps < high)).sum(axis=1).astype(np.float64))
    return np.outer(each[0], each[1])


def _powers(call: Call, x: Value, p: int) -> Value:
    """|x|^p."""
    if p == 2:
        return call.step(Mul(x, x))
    size = call.step(Abs(x))
    return size if p == 1 else call.step(Pow(size, call.param(np.asarray(p, x.dtype.numpy), "p")))


def _root(call: Call, x: Value, p: int) -> Op:
    if p == 2:
        return Sqrt(x)
    return Pow(x, call.param(np.asarray(1 / p, x.dtype.numpy), "root"))


def _spatial(x: Value) -> Numbers:
    return tuple(range(2, x.type.rank))
