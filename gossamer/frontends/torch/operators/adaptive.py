"""Pools to a size: output o of n over an extent e covers floor(o e / n) .. ceil((o + 1) e / n) - 1."""

from math import prod

import numpy as np

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.operators.pooling import pooled
from gossamer.frontends.torch.operators.windows import Numbers
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import AvgPool2d, Gather, MatMul, MaxPool2d, ReduceMax, ReduceMean, Reshape, Transpose
from gossamer.ir.types import I64, Value


@operator(
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "_adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
)  # fmt: skip
def adaptive(call: Call) -> Result:
    x, mean = call.value("self"), "avg" in call.operator
    axes = next(n for n in (1, 2, 3) if f"pool{n}d" in call.operator)
    extents, size = x.shape[-axes:], call.shape[-axes:]
    if size == extents:
        return x
    if prod(size) == 1:
        places = tuple(range(x.type.rank - axes, x.type.rank))
        return call.emit(ReduceMean(x, places) if mean else ReduceMax(x, places))
    if any(e % n for e, n in zip(extents, size)):
        return _uneven(call, x, size, mean)
    kernel = tuple(e // n for e, n in zip(extents, size))

    def pool(x: Value, kernel: Numbers, strides: Numbers, pads: Numbers) -> Op:
        return AvgPool2d(x, kernel, strides) if mean else MaxPool2d(x, kernel, strides)

    return pooled(call, x, pool, kernel, kernel, (0,) * axes)


def _uneven(call: Call, x: Value, size: Numbers, mean: bool) -> Value:
    """One axis after the other, since windows are boxes."""
    for i, outputs in enumerate(size):
        axis = x.type.rank - len(size) + i
        if x.shape[axis] != outputs:
            x = _averaged(call, x, axis, outputs) if mean else _largest(call, x, axis, outputs)
    return call.emit(Reshape(x, x.shape))


def _averaged(call: Call, x: Value, axis: int, outputs: int) -> Value:
    """A product with the matrix of the windows' weights."""
    windows = _windows(x.shape[axis], outputs)
    weights = np.zeros((x.shape[axis], outputs), x.dtype.numpy)
    for o, window in enumerate(windows):
        weights[window.start : window.stop, o] = 1 / len(window)
    perm = tuple(i for i in range(x.type.rank) if i != axis)
    last = call.step(Transpose(x, (*perm, axis)))
    found = call.step(MatMul(last, call.param("windows.number", weights, x.dtype)))
    return call.step(Transpose(found, (*range(axis), x.type.rank - 1, *range(axis, x.type.rank - 1))))


def _largest(call: Call, x: Value, axis: int, outputs: int) -> Value:
    """Windows gathered side by side; shorter ones repeat their last element."""
    windows = _windows(x.shape[axis], outputs)
    longest = max(len(window) for window in windows)
    indices = np.array([[min(w.start + k, w.stop - 1) for k in range(longest)] for w in windows])
    found = call.step(Gather(x, call.param("windows.number", indices, I64), axis))
    return call.step(ReduceMax(found, (axis + 1,), False))


def _windows(extent: int, outputs: int) -> list[range]:
    return [range(o * extent // outputs, -(-(o + 1) * extent // outputs)) for o in range(outputs)]
