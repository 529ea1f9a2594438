"""Resizing by interpolation, one axis after the other: weighted taps at positions fixed at compile time."""

from dataclasses import dataclass
from functools import reduce
from math import inf
from typing import cast

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Acc, Axis, Computed, Const, Div, Expr, Index, Kernel, Load, Nest, Table, apply, at
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_float
from gossamer.ir.ops.interpolation import Coordinates, Floats, Line, Mode, Rounding, nearest, positions, taps
from gossamer.ir.ops.nests import axes_of, compute_type
from gossamer.ir.types import TensorType, Value

WRITTEN_OUT = 4
"""Sums of more taps than this are loops."""


@dataclass(frozen=True)
class Resize(Op, name="nn.resize"):
    """out[..., o, ...] = sum over taps t of w(o, t) * x[..., p(o) + t, ...] along every axis whose extent changes.

    p and w follow ONNX's Resize (operator set 19): `coordinates` maps o to the real position x(o), `mode` weighs the
    taps about it (nearest: one tap, rounded as `nearest` says; linear: two; cubic: four, with the parameter `cubic_a`);
    positions beyond the tensor read its border, or weigh nothing with `exclude_outside`. `antialias` widens the
    filter where an axis shrinks. x: any shape; `sizes`: the result's shape; `scales`: out / in of every axis where
    that is not sizes / shape; `roi` (tf_crop_and_resize only): the starts, then the ends of what is read, in parts of
    each axis; positions outside the tensor then give `extrapolation`. Floats; any type where the mode is nearest.
    """

    x: Value
    sizes: tuple[int, ...]
    mode: Mode = "nearest"
    coordinates: Coordinates = "half_pixel"
    scales: tuple[float, ...] = ()
    nearest: Rounding = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    extrapolation: float = 0.0
    roi: tuple[float, ...] = ()

    def infer(self) -> tuple[TensorType, ...]:
        self._check_type()
        rank = self.x.type.rank
        if len(self.sizes) != rank or min(self.sizes, default=1) < 0:
            raise IRError(f"sizes is {self.sizes}, needed {rank} whole numbers >= 0, one per axis of x")
        if self.scales and (len(self.scales) != rank or not all(0 < scale < inf for scale in self.scales)):
            raise IRError(f"scales is {self.scales}, needed {rank} numbers > 0, one per axis of x, or none")
        wanted = 2 * rank if self.coordinates == "tf_crop_and_resize" else 0
        if len(self.roi) != wanted:
            raise IRError(f"roi is {self.roi}, needed {wanted} numbers for coordinates {self.coordinates}")
        if any(size and not extent for size, extent in zip(self.sizes, self.x.shape)):
            raise IRError(f"x has shape {self.x.shape}, needed elements to give {self.sizes}")
        self._check_filter()
        return (self.x.type.with_shape(self.sizes),)

    def _check_type(self) -> None:
        quant = self.x.type.quant
        if self.mode != "nearest":
            need_float("x", self.x)
        elif quant is None:
            need_arithmetic("x", self.x)
        elif quant.axis is not None:
            raise IRError(f"x has one scale per index of axis {quant.axis}, needed one scale")
        if self.antialias and self.mode == "nearest":
            raise IRError("antialias needs the mode linear or cubic, found nearest")

    def _check_filter(self) -> None:
        """The filter of an axis that shrinks is as long as in / out: a few times the axis at the most."""
        lines = [self._line(axis) for axis in range(self.x.type.rank)] if self.antialias else []
        if any(line.scale * line.extent < 0.25 for line in lines if line.size):
            found = f"scales is {self.scales} for a tensor of {self.x.shape}"
            raise IRError(f"{found}, needed at least a quarter of an element of every axis to stay with antialias")

    def kernel(self) -> Kernel:
        """One stage for the nearest mode, else one per axis that changes."""
        if self.mode == "nearest":
            return Kernel(1, (self._moved(),), (0,))
        stages: list[Nest] = []
        shape = list(self.x.shape)
        for axis in [a for a in range(len(shape)) if not self._line(a).same]:
            shape[axis] = self.sizes[axis]
            stages.append(self._blended(axis, tuple(shape), len(stages)))
        return Kernel(1, tuple(stages) or (self._moved(),), (max(len(stages) - 1, 0),))

    def _line(self, axis: int) -> Line:
        extent, size, rank = self.x.shape[axis], self.sizes[axis], self.x.type.rank
        scale = 1.0 if not (extent and size) else self.scales[axis] if self.scales else size / extent
        roi = (self.roi[axis], self.roi[rank + axis]) if self.roi else (0.0, 1.0)
        return Line(extent, size, scale, roi)

    def _moved(self) -> Nest:
        axes, index = axes_of(self.sizes), list[Index]()
        outside: list[tuple[str, NDArray[np.bool_]]] = []
        for place, axis in enumerate(axes):
            line = self._line(place)
            x = positions(line, self.coordinates)
            index.append(at(axis.name) if line.same else _look_up(nearest(x, line.extent, self.nearest), axis, line))
            outside.append((axis.name, self._outside(x, line)))
        kind = self.x.dtype
        value = reduce(self._extrapolated, outside, cast(Expr, Load(0, tuple(index))))
        return Nest(axes, value, kind, kind)

    def _blended(self, axis: int, shape: tuple[int, ...], stage: int) -> Nest:
        """The stage that resizes one axis of what the stage before (or x) holds."""
        line, axes, kind = self._line(axis), axes_of(shape), compute_type(self.x.dtype)
        cubic_a = self.cubic_a if self.mode == "cubic" else None
        x = positions(line, self.coordinates)
        indices, weights = taps(x, line, cubic_a, self.antialias, self.exclude_outside)
        dtype = self.x.dtype if shape == self.sizes else kind
        here, own = [cast(Index, at(a.name)) for a in axes], at(axes[axis].name)

        def tap(index: Index, places: NDArray[np.int64], factors: Floats) -> Expr:
            read = Load(stage, (*here[:axis], _computed(places, index, line.extent), *here[axis + 1 :]))
            return apply("mul", read, Table(tuple(factors.reshape(-1).tolist()), index))

        outside = (axes[axis].name, self._outside(x, line))
        count = indices.shape[1]
        if count > WRITTEN_OUT:
            loop = Axis(f"k{axis}", count, reduce=True)
            body = tap(own * count + at(loop.name), indices, weights)
            # Positions outside have one value: scaled taps cannot give it, an epilogue can.
            epilogue = self._extrapolated(Acc(), outside)
            return Nest((*axes, loop), body, kind, dtype, "sum", None if epilogue == Acc() else epilogue)
        terms = [tap(own, indices[:, t], weights[:, t]) for t in range(count)]
        return Nest(axes, self._extrapolated(reduce(lambda a, b: apply("add", a, b), terms), outside), kind, dtype)

    def _outside(self, x: Floats, line: Line) -> NDArray[np.bool_]:
        """Outputs that lie outside the tensor, where that counts."""
        return ((x < 0) | (x > line.extent - 1)) & (self.coordinates == "tf_crop_and_resize") & (not line.same)

    def _extrapolated(self, value: Expr, outside: tuple[str, NDArray[np.bool_]]) -> Expr:
        name, mask = outside
        if not mask.any():
            return value
        return apply("where", Table(tuple(mask.astype(float).tolist()), at(name)), Const(self.extrapolation), value)


def _look_up(places: NDArray[np.int64], axis: Axis, line: Line) -> Index:
    """The index that output `axis` reads, as arithmetic where it is one: repeated or skipped elements."""
    o = np.arange(line.size)
    if line.size % line.extent == 0 and (places == o // (line.size // line.extent)).all():
        return Div(at(axis.name), line.size // line.extent)
    step = line.extent // line.size if line.size and line.extent % line.size == 0 else 0
    if step and (places == o * step + places[0]).all():
        return at(axis.name) * step + int(places[0])
    return _computed(places, at(axis.name), line.extent)


def _computed(places: NDArray[np.int64], index: Index, extent: int) -> Computed:
    return Computed(Table(tuple(places.reshape(-1).astype(float).tolist()), index), extent)
