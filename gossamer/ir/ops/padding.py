"""Where the elements come from that padding takes from the tensor itself."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from gossamer.ir.errors import IRError
from gossamer.ir.index import remainder
from gossamer.ir.nest import Affine, Axis, Computed, Const, Index, IndexValue, apply, at

PadMode: TypeAlias = Literal["constant", "reflect", "edge", "wrap"]
Pairs: TypeAlias = tuple[tuple[int, int], ...]


def check_mode(mode: PadMode, shape: tuple[int, ...], pads: Pairs) -> None:
    """IRError where a mode that repeats x has nothing to repeat, or is asked to crop."""
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise IRError(f"mode is '{mode}', needed one of constant, reflect, edge, wrap")
    if mode == "constant":
        return
    if any(p < 0 for pair in pads for p in pair):
        raise IRError(f"pads is {pads}, needed numbers >= 0 in mode {mode}: crop with a slice first")
    if any(e == 0 and sum(pair) for e, pair in zip(shape, pads)):
        raise IRError(f"x has shape {shape}, needed elements to repeat where pads is {pads} in mode {mode}")


def repeated_index(mode: PadMode, shape: tuple[int, ...], pads: Pairs, axes: Sequence[Axis]) -> tuple[Index, ...]:
    """The element of x of `shape` that each element of the result repeats."""
    place = {"reflect": _reflected, "edge": _nearest, "wrap": _wrapped}[mode]
    plain = (at(a.name) - before for a, (before, _) in zip(axes, pads))
    return tuple(i if not any(pair) else place(i, e, a) for i, e, pair, a in zip(plain, shape, pads, axes))


def _reflected(index: Affine, extent: int, axis: Axis) -> Index:
    """0 1 2 3 continues as 2 1 0 1 ..: N - 1 - |(i mod (2N - 2)) - (N - 1)|."""
    if extent == 1:
        return Affine()
    last = Const(float(extent - 1))
    around = IndexValue(remainder(index, 2 * extent - 2, {axis.name: axis.extent}))
    return Computed(apply("sub", last, apply("abs", apply("sub", around, last))), extent)


def _nearest(index: Affine, extent: int, axis: Axis) -> Index:
    return Computed(IndexValue(index), extent)


def _wrapped(index: Affine, extent: int, axis: Axis) -> Index:
    return remainder(index, extent, {axis.name: axis.extent})
