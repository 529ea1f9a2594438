"""DeformConv: a convolution whose taps each read at an offset computed at run time (Dai et al. 2017, Zhu et al. 2019).

N batch, G offset groups, K kernel positions, P output positions. The taps are sampled first; the rest is a product.
"""

from math import prod

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.sampling import linear_taps, sampled, zero_outside
from gossamer.frontends.onnx.operators.windows import Window, positions, window_of
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import check_made
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Add, MatMul, Mul, Reshape, Slice, Transpose
from gossamer.ir.types import Value


@operator("DeformConv")
def deform_conv(call: Call) -> Result:
    """x [N, C, H, W], weight [OC, C / groups, KH, KW], offsets [N, G * K * 2, OH, OW], mask [N, G * K, OH, OW]."""
    x, weight = call.value(0), call.value(1)
    window = window_of(call, x, weight.shape[2:])
    if window.axes != 2:
        raise Unsupported(f"it works on {window.axes} spatial axes, and 2 are supported")
    sizes = positions(window, x.shape[2:], ceil=False)
    terms = call.step(Reshape(_terms(call, x, window, sizes), _grouped(call, x, window, sizes)))
    groups = call.attr_int("group", 1)
    rows = call.step(Reshape(weight, (1, groups, weight.shape[0] // groups, prod(weight.shape[1:]))))
    product = call.step(MatMul(rows, terms))
    shape = (x.shape[0], weight.shape[0], *sizes)
    if not call.has(3):
        return call.emit(Reshape(product, shape))
    bias = call.step(Reshape(call.value(3), (weight.shape[0], 1, 1)))
    return call.emit(Add(call.step(Reshape(product, shape)), bias))


def _grouped(call: Call, x: Value, window: Window, sizes: tuple[int, ...]) -> tuple[int, ...]:
    groups = call.attr_int("group", 1)
    if groups < 1 or x.shape[1] % groups:
        raise FrontendError(f"its group is {groups}, needed a divisor of {x.shape[1]} channels")
    return (x.shape[0], groups, x.shape[1] // groups * prod(window.kernel), prod(sizes))


def _terms(call: Call, x: Value, window: Window, sizes: tuple[int, ...]) -> Value:
    """What every tap reads, times the mask: [N * G, C / G, K, P]."""
    batch, channels = x.shape[:2]
    groups, taps, count = call.attr_int("offset_group", 1), prod(window.kernel), prod(sizes)
    offsets = call.value(2)
    if groups < 1 or channels % groups or offsets.shape != (batch, groups * taps * 2, *sizes):
        needed = [batch, groups * taps * 2, *sizes]
        raise FrontendError(f"its offset has shape {list(offsets.shape)}, needed {needed} for offset_group {groups}")
    images = call.step(Reshape(x, (batch * groups, channels // groups, *x.shape[2:])))
    pairs = call.step(Reshape(offsets, (batch * groups, taps, 2, count)))
    axes = [_positions(call, pairs, window, sizes, axis) for axis in range(2)]
    along = [zero_outside(call, linear_taps(call, axes[i], x.shape[2 + i])) for i in range(2)]
    read = call.step(Transpose(sampled(call, images, along), (0, 2, 1)))
    spread = call.step(Reshape(read, (batch * groups, channels // groups, taps, count)))
    if not call.has(4):
        return spread
    return call.step(Mul(spread, call.step(Reshape(call.value(4), (batch * groups, 1, taps, count)))))


def _positions(call: Call, pairs: Value, window: Window, sizes: tuple[int, ...], axis: int) -> Value:
    """Where the taps read along one axis, in elements: [N * G, K * P]."""
    rows, taps, _, count = pairs.shape
    cut = call.step(Slice(pairs, (0, 0, axis, 0), (rows, taps, axis + 1, count), (1, 1, 1, 1)))
    offsets = call.step(Reshape(cut, (rows, taps, count)))
    check_made(taps * count)
    kernel = np.indices(window.kernel)[axis].reshape(-1, 1) * window.dilations[axis]
    plain = kernel + np.indices(sizes)[axis].reshape(1, -1) * window.strides[axis] - window.before[axis]
    moved = call.step(Add(offsets, call.param(plain[None], "places", pairs.dtype)))
    return call.step(Reshape(moved, (rows, taps * count)))
