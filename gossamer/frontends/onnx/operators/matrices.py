"""Determinants, and the image that columns of blocks add up to."""

from math import prod

import numpy as np

from gossamer.frontends.onnx.call import Call, whole
from gossamer.frontends.onnx.operators.windows import given_pads
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, check_made
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Add, ConvTranspose, Mul, Reshape, Slice, Sub
from gossamer.ir.types import TensorType, Value

_DETERMINANT_MAX = 4
"""Expansion takes n! products."""


@operator("Det")
def determinant(call: Call) -> Result:
    """By expansion along the first row; one number per matrix [..., n, n]."""
    x = call.value(0)
    n = x.shape[-1] if x.type.rank >= 2 else 0
    if n < 1 or x.shape[-2] != n:
        raise FrontendError(f"its operand has shape {list(x.shape)}, needed square matrices")
    if n > _DETERMINANT_MAX:
        raise Unsupported(f"it is of {n}x{n} matrices, and at most {_DETERMINANT_MAX}x{_DETERMINANT_MAX} are expanded")
    return call.emit(Reshape(_minor(call, x, 0, tuple(range(n))), x.shape[:-2]))


def _minor(call: Call, x: Value, row: int, columns: tuple[int, ...]) -> Value:
    """The determinant of the rows from `row` on and these columns, as matrices of 1x1."""
    total: Value | None = None
    for i, column in enumerate(columns):
        term = _element(call, x, row, column)
        rest = (*columns[:i], *columns[i + 1 :])
        if rest:
            term = call.step(Mul(term, _minor(call, x, row + 1, rest)))
        total = term if total is None else call.step((Sub if i % 2 else Add)(total, term))
    assert total is not None
    return total


def _element(call: Call, x: Value, row: int, column: int) -> Value:
    outer = x.shape[:-2]
    starts, stops = (*(0,) * len(outer), row, column), (*outer, row + 1, column + 1)
    return call.step(Slice(x, starts, stops, (1,) * x.type.rank))


@operator("Col2Im")
def col2im(call: Call) -> Result:
    """x [N, C * block, places] -> [N, C, *image]: every column is a block, and blocks that overlap add up.

    That is a transposed convolution whose kernel for element k of the block is 1 at k and 0 elsewhere.
    """
    x, image, block = call.value(0), whole(_given(call, 1)), whole(_given(call, 2))
    axes = len(image)
    strides, dilations = (call.attr_ints(name, (1,) * axes) for name in ("strides", "dilations"))
    pads = given_pads(call, axes)
    if axes != len(block) or not 1 <= axes <= 3 or x.type.rank != 3 or x.shape[1] % prod(block):
        raise FrontendError(f"its image {list(image)} and block {list(block)} do not fit {list(x.shape)}")
    reach = [(k - 1) * d + 1 for k, d in zip(block, dilations)]
    room = [e + pads[i] + pads[axes + i] - reach[i] for i, e in enumerate(image)]
    grid = tuple(r // s + 1 for r, s in zip(room, strides))
    rest = tuple(r % s for r, s in zip(room, strides))
    channels, size = x.shape[1] // prod(block), prod(block)
    check_made(channels * size * size)
    kind = TensorType(x.dtype, (channels * size, 1, *block))
    kernel = Constant(kind, lambda: np.tile(np.eye(size, dtype=x.dtype.numpy), (channels, 1)).reshape(kind.shape))
    weight = call.derived(kernel, "blocks")
    columns = call.step(Reshape(x, (*x.shape[:2], *grid)))
    return call.emit(ConvTranspose(columns, weight, None, strides, pads, dilations, rest, channels))


def _given(call: Call, index: int) -> "np.ndarray":
    found = call.constant(index)
    if found is None:
        raise FrontendError(f"operand {index} is missing")
    return found
