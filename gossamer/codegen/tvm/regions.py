"""A pointwise stage cut where its formula changes: concatenations and padding as plain copies, part by part.

Inside of a region a choice by position is decided and a load is either wholly inside its tensor or wholly outside; the
axes of a region start at 0, `starts` of the stage's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gossamer.codegen.tvm.indices import bare_axis
from gossamer.ir.index import bounds, substitute_index
from gossamer.ir.nest import Affine, Apply, Axis, Const, Convert, Expr, IndexValue, Load, Nest, Table, at, parts

MOST_REGIONS = 12
"""Stages of more regions stay whole: every region is code."""

Shapes = Mapping[int, tuple[int, ...]]
"""Tensor, numbered as loads do -> its shape."""


@dataclass(frozen=True)
class Region:
    """A part of a stage: its loops, and where it starts along the axes that are cut."""

    nest: Nest
    starts: tuple[tuple[str, int], ...] = ()


def regions_of(nest: Nest, shapes: Shapes) -> tuple[Region, ...]:
    """The regions of a stage; the whole stage where it is not pointwise or would fall into too many."""
    found = [Region(nest)]
    for axis in nest.parallel if nest.reduce is None else ():
        found = [part for region in found for part in _cut(region, axis, shapes)]
        if len(found) > MOST_REGIONS:
            return (Region(nest),)
    return tuple(found)


def _cut(region: Region, axis: Axis, shapes: Shapes) -> list[Region]:
    inside = {0, axis.extent} | {cut for cut in _cuts(region.nest.body, axis.name, shapes) if 0 < cut < axis.extent}
    if len(inside) == 2:
        return [region]
    return [_part(region, axis, low, high, shapes) for low, high in pairwise(sorted(inside))]


def _cuts(body: Expr, axis: str, shapes: Shapes) -> set[int]:
    """Where along the axis a choice is made, or a load leaves its tensor."""
    found = set[int]()
    for part in parts(body):
        if isinstance(part, Apply):
            limit = _limit(part, axis)
            found |= set() if limit is None else {limit}
        elif isinstance(part, Load) and part.fill is not None:
            for index, size in zip(part.index, shapes[part.operand], strict=True):
                shift = shift_of(index, axis)
                found |= set() if shift is None else {-shift, size - shift}
    return found


def _limit(choice: Apply, axis: str) -> int | None:
    """n of `where axis < n`."""
    test = choice.args[0] if choice.function == "where" else None
    if not isinstance(test, Apply) or test.function != "lt":
        return None
    left, right = test.args
    ours = isinstance(left, IndexValue) and bare_axis(left.index) == axis and isinstance(right, Const)
    return int(right.value) if ours and isinstance(right, Const) and right.value == int(right.value) else None


def shift_of(index: object, axis: str) -> int | None:
    """s of the index axis + s."""
    return index.constant if isinstance(index, Affine) and index.terms == ((axis, 1),) else None


def _part(region: Region, axis: Axis, low: int, high: int, shapes: Shapes) -> Region:
    axes = tuple(replace(a, extent=high - low) if a == axis else a for a in region.nest.axes)
    extents = {a.name: a.extent for a in axes}
    moved = {a.name: at(a.name) + (low if a.name == axis.name else 0) for a in axes}

    def change(expr: Expr) -> Expr:
        if isinstance(expr, Apply):
            limit = _limit(expr, axis.name)
            if limit is not None and not low < limit < high:
                return change(expr.args[1] if high <= limit else expr.args[2])
            return replace(expr, args=tuple(map(change, expr.args)))
        if isinstance(expr, Convert):
            return replace(expr, value=change(expr.value))
        if isinstance(expr, (IndexValue, Table)):
            return replace(expr, index=substitute_index(expr.index, moved, extents))
        if isinstance(expr, Load):
            index = tuple(substitute_index(i, moved, extents) for i in expr.index)
            return _placed(replace(expr, index=index), shapes[expr.operand], extents)
        return expr

    return Region(replace(region.nest, axes=axes, body=change(region.nest.body)), (*region.starts, (axis.name, low)))


def _placed(load: Load, shape: Sequence[int], extents: Mapping[str, int]) -> Expr:
    """The load without a fill where it stays inside; its fill where it stays outside."""
    reach = [bounds(index, extents) for index in load.index]
    if load.fill is None or all(low >= 0 and high < size for (low, high), size in zip(reach, shape, strict=True)):
        return replace(load, fill=None)
    outside = any(high < 0 or low >= size for (low, high), size in zip(reach, shape, strict=True))
    return Const(load.fill) if outside else load
