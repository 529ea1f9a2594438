"""Reading a tensor at index expressions, for every point of the axes at once."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from gossamer.ir.index import bounds
from gossamer.ir.nest import Affine, Axis, Computed, Div, Expr, Index, Load, Sum
from gossamer.ir.scalar import Numbers

Whole: TypeAlias = Callable[[Expr], NDArray[np.int64]]
"""What the expression of a computed index is at every point."""


def viewed(load: Load, array: Numbers, axes: Sequence[Axis]) -> Numbers:
    """A load with affine indices, as a strided view of the array (or of a padded copy). One dimension per axis."""
    extents = {a.name: a.extent for a in axes}
    array, lows = _covering(load, array, extents)
    strides, offset = dict.fromkeys(extents, 0), [0] * array.ndim
    for d, index in enumerate(load.index):
        assert isinstance(index, Affine)
        offset[d] = index.constant + lows[d]
        for name, factor in index.terms:
            strides[name] += factor * array.strides[d]
    used = {name for index in load.index if isinstance(index, Affine) for name, _ in index.terms}
    shape = [extents[name] if name in used else 1 for name in extents]
    start = array[tuple(slice(o, None) for o in offset)] if array.ndim else array
    return as_strided(start, shape, [strides[name] if name in used else 0 for name in extents], writeable=False)


def _covering(load: Load, array: Numbers, extents: dict[str, int]) -> tuple[Numbers, list[int]]:
    """The array padded with `fill` so that no index leaves it, and by how much in front."""
    ranges = [bounds(index, extents) for index in load.index]
    before = [max(0, -low) for low, _ in ranges]
    after = [max(0, high + 1 - extent) for (_, high), extent in zip(ranges, array.shape)]
    if not any(before) and not any(after):
        return array, before
    assert load.fill is not None, f"{load} leaves a tensor of shape {array.shape} and has no fill"
    fill = array.dtype.type(load.fill)
    return np.pad(array, list(zip(before, after)), constant_values=fill), before


def gathered(load: Load, array: Numbers, axes: Sequence[Axis], whole: Whole) -> Numbers:
    """Any load, by fancy indexing."""
    index = [index_array(i, axes, whole) for i in load.index]
    if array.size == 0:
        return np.full(np.broadcast_shapes((1,) * len(axes), *(i.shape for i in index)), load.fill or 0, array.dtype)
    inside = np.ones((1,) * len(axes), dtype=bool)
    for i, extent in zip(index, array.shape):
        inside = inside & (i >= 0) & (i < extent)
    found = array[tuple(np.clip(i, 0, extent - 1) for i, extent in zip(index, array.shape))]
    return found if load.fill is None else np.where(inside, found, array.dtype.type(load.fill))


def index_array(index: Index, axes: Sequence[Axis], whole: Whole) -> NDArray[np.int64]:
    """An index at every point: one dimension per axis, of extent 1 where it does not depend on it."""
    if isinstance(index, Affine):
        return _affine(index, axes)
    if isinstance(index, Computed):
        return np.clip(whole(index.value), 0, index.extent - 1)
    if isinstance(index, Sum):
        return sum((index_array(part, axes, whole) * factor for part, factor in index.terms), np.zeros((), np.int64))
    inner = index_array(index.index, axes, whole)
    return inner // index.divisor if isinstance(index, Div) else inner % index.divisor


def _affine(index: Affine, axes: Sequence[Axis]) -> NDArray[np.int64]:
    total = np.full((1,) * len(axes), index.constant, dtype=np.int64)
    factors = dict(index.terms)
    for i, axis in enumerate(axes):
        if axis.name in factors:
            steps = np.arange(axis.extent, dtype=np.int64) * factors[axis.name]
            total = total + steps.reshape([-1 if k == i else 1 for k in range(len(axes))])
    return total
