"""Resizing by interpolation, one axis after the other: weighted taps at positions fixed at compile time."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gossamer.ir.errors import IRError
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_float
from gossamer.ir.types import TensorType, Value

Mode: TypeAlias = Literal["nearest", "linear", "cubic"]
Coordinates: TypeAlias = Literal[
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"
]
Rounding: TypeAlias = Literal["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


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
        if self.scales and (len(self.scales) != rank or not min(self.scales) > 0):
            raise IRError(f"scales is {self.scales}, needed {rank} numbers > 0, one per axis of x, or none")
        wanted = 2 * rank if self.coordinates == "tf_crop_and_resize" else 0
        if len(self.roi) != wanted:
            raise IRError(f"roi is {self.roi}, needed {wanted} numbers for coordinates {self.coordinates}")
        if any(size and not extent for size, extent in zip(self.sizes, self.x.shape)):
            raise IRError(f"x has shape {self.x.shape}, needed elements to give {self.sizes}")
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
