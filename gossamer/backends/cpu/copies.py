"""Copies between layouts, and frames around values, as boxes: nested loops with constant strides, which C runs.

A logical axis that a layout splits is a few boxes: whole blocks, and what is left. All numbers count elements.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from gossamer.codegen.tvm.layout import Layout


@dataclass(frozen=True)
class Digit:
    """A digit of a logical index, `(index + halo) // stride`, and how far a step of it is in memory."""

    stride: int
    step: int


@dataclass(frozen=True)
class View:
    """A row-major logical tensor somewhere in memory: `start`, extents, digits of every axis (outermost first)."""

    start: int
    extents: tuple[int, ...]
    digits: tuple[tuple[Digit, ...], ...]

    @staticmethod
    def of(layout: Layout) -> "View":
        """The inside of a layout."""
        steps = _steps(layout)
        digits = tuple(
            tuple(Digit(d.stride, steps[layout.dims.index(d)]) for d in layout.parts(axis))
            for axis in range(len(layout.logical))
        )
        start = sum(b * parts[-1].step for b, parts in zip(layout.before, digits, strict=True))
        return View(start, layout.logical, digits)

    @staticmethod
    def dense(shape: tuple[int, ...]) -> "View":
        """Row-major."""
        return View.of(Layout.plain(shape))

    def slices(self) -> "tuple[View, int]":
        """(the first slice along the first axis, how far the next one is). The axis must not be split."""
        (digit,) = self.digits[0]
        return View(self.start, self.extents[1:], self.digits[1:]), digit.step


@dataclass(frozen=True)
class Box:
    """A piece of a copy: its start on both sides; loops (count, step in `to`, step in `source`), outermost first."""

    to: int
    source: int
    loops: tuple[tuple[int, int, int], ...]


def copy_boxes(to: View, source: View) -> tuple[Box, ...]:
    """A copy of a whole tensor."""
    if prod(to.extents) == 0:
        return ()
    axes = [tuple(_pieces(e, t, s)) for e, t, s in zip(to.extents, to.digits, source.digits, strict=True)]
    boxes: list[Box] = []
    for pieces in product(*axes):
        loops = [loop for piece in pieces for loop in piece[2]]
        start, other = to.start + sum(p[0] for p in pieces), source.start + sum(p[1] for p in pieces)
        boxes.append(Box(start, other, _merged(loops)))
    return tuple(boxes)


def frame_boxes(layout: Layout, surplus: bool) -> tuple[Box, ...]:
    """What a layout holds besides the tensor: its halo, and where `surplus` the unused ends of split axes."""
    steps, boxes = _steps(layout), list[Box]()
    inside = [(0, d.extent) for d in layout.dims]
    for axis, extent in enumerate(layout.logical):
        parts = layout.parts(axis)
        at = [layout.dims.index(d) for d in parts]
        before, capacity = layout.before[axis], prod(d.extent for d in parts)
        if before or layout.after[axis]:
            (place,) = at
            for low, high in ((0, before), (before + extent, capacity)):
                boxes += _range([*inside[:place], (low, high), *inside[place + 1 :]], steps)
            inside[place] = (before, before + extent)
        elif surplus and capacity > extent:
            for index in range(extent, capacity):
                ranges = list(inside)
                for dim, place in zip(parts, at, strict=True):
                    digit = index // dim.stride % dim.extent
                    ranges[place] = (digit, digit + 1)
                boxes += _range(ranges, steps)
    return tuple(boxes)


def _range(ranges: Sequence[tuple[int, int]], steps: Sequence[int]) -> Iterator[Box]:
    if all(high > low for low, high in ranges):
        start = sum(low * step for (low, _), step in zip(ranges, steps, strict=True))
        loops = [(high - low, step, step) for (low, high), step in zip(ranges, steps, strict=True)]
        yield Box(start, start, _merged(loops))


Piece = tuple[int, int, list[tuple[int, int, int]]]


def _pieces(extent: int, to: Sequence[Digit], source: Sequence[Digit]) -> Iterator[Piece]:
    """Boxes of one axis: (start in to, start in source, loops)."""
    cuts = _cuts(to, source)
    if cuts is None:  # split differently: element by element
        for index in range(extent):
            yield _place(index, to), _place(index, source), []
        return
    start = 0
    for level, stride in enumerate(cuts):
        count = (extent - start) // stride
        if count:
            loops = [(count, _step(to, stride), _step(source, stride))]
            for outer, inner in zip(cuts[level:], cuts[level + 1 :]):
                loops.append((outer // inner, _step(to, inner), _step(source, inner)))
            yield _place(start, to), _place(start, source), loops
            start += count * stride


def _cuts(to: Sequence[Digit], source: Sequence[Digit]) -> tuple[int, ...] | None:
    """Strides of the loops over an axis, outermost first."""
    a, b = tuple(d.stride for d in to), tuple(d.stride for d in source)
    if a == b or b == (1,):
        return a
    return b if a == (1,) else None


def _step(digits: Sequence[Digit], stride: int) -> int:
    """How far `stride` elements further is; the digit that moves is the one of that stride, or the only one."""
    digit = next((d for d in digits if d.stride == stride), digits[-1])
    return digit.step * (stride // digit.stride)


def _place(index: int, digits: Sequence[Digit]) -> int:
    where = 0
    for digit in digits:
        where += index // digit.stride * digit.step
        index %= digit.stride
    return where


def _merged(loops: Sequence[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Loops of one step left out, those that run on into each other made one, the smallest steps of `to` innermost."""
    kept = sorted((loop for loop in loops if loop[0] > 1), key=lambda loop: (-loop[1], -loop[2]))
    found: list[tuple[int, int, int]] = []
    for count, to, source in kept:
        if found and found[-1][1:] == (count * to, count * source):
            found[-1] = (found[-1][0] * count, to, source)
        else:
            found.append((count, to, source))
    return tuple(found) or ((1, 1, 1),)


def _steps(layout: Layout) -> list[int]:
    """Elements between neighbours along every physical dimension."""
    return [prod(layout.shape[i + 1 :]) for i in range(len(layout.dims))]
