"""A sum of products over some axes as one (batched) matrix product."""

from collections.abc import Sequence
from math import prod

import numpy as np

from gossamer.ir.nest import Axis
from gossamer.ir.scalar import Numbers


def contracted(axes: Sequence[Axis], left: Numbers, right: Numbers) -> Numbers:
    """sum over the reduction axes of left * right, shaped as the parallel axes.

    Both arrays have one dimension per axis, of its extent or 1. An axis in both is a batch axis or the one summed
    over; an axis in one only is a row or column axis; a reduction axis in one only is summed beforehand.
    """
    left, right = _summed_alone(axes, left, right), _summed_alone(axes, right, left)
    every = range(len(axes))
    wide = [(left.shape[i] > 1, right.shape[i] > 1) for i in every]
    batch = [i for i in every if wide[i] == (True, True) and not axes[i].reduce]
    inner = [i for i in every if wide[i] == (True, True) and axes[i].reduce]
    rows = [i for i in every if wide[i] == (True, False)]
    columns = [i for i in every if wide[i] == (False, True)]
    # Rows come first in the product's result: taking the operand whose axes come first saves a transposition.
    if rows and columns and columns[0] < rows[0]:
        return contracted(axes, right, left)
    extent = [max(left.shape[i], right.shape[i]) for i in every]
    a = _matrix(left, batch, rows, inner)
    b = _matrix(right, batch, inner, columns)
    order = [*batch, *rows, *columns]
    result = np.matmul(a, b).reshape([extent[i] for i in order]).transpose(np.argsort(order))
    # A reduction axis in neither array repeats the same product.
    repeats = prod(a.extent for i, a in enumerate(axes) if a.reduce and wide[i] == (False, False))
    result = result if repeats == 1 else result * result.dtype.type(repeats)
    return result.reshape([extent[i] for i in every if not axes[i].reduce])


def _summed_alone(axes: Sequence[Axis], array: Numbers, other: Numbers) -> Numbers:
    alone = tuple(i for i, a in enumerate(axes) if a.reduce and array.shape[i] > 1 and other.shape[i] == 1)
    return array.sum(axis=alone, keepdims=True) if alone else array


def _matrix(array: Numbers, batch: list[int], rows: list[int], columns: list[int]) -> Numbers:
    """The array as [batch, rows, columns], each a run of axes; the other axes have extent 1."""
    order = [*batch, *rows, *columns]
    others = [i for i in range(array.ndim) if i not in order]
    sizes = [prod(array.shape[i] for i in group) for group in (batch, rows, columns)]
    return array.transpose([*order, *others]).reshape(sizes)
