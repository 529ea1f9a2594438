"""Where a resized axis reads, and with which weights: ONNX's Resize (operator set 19), one axis at a time.

Notation: an axis of `extent` elements becomes one of `size`; x(o) is the real position that output o stands for.
Everything here is numbers, computed once in float64.
"""

from dataclasses import dataclass
from math import floor
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mode: TypeAlias = Literal["nearest", "linear", "cubic"]
Coordinates: TypeAlias = Literal[
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"
]
Rounding: TypeAlias = Literal["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One axis: its extents, out / in scale, and the part (start, end) that tf_crop_and_resize reads."""

    extent: int
    size: int
    scale: float
    roi: tuple[float, float] = (0.0, 1.0)

    @property
    def same(self) -> bool:
        """Whether nothing changes along it."""
        return self.extent == self.size and abs(self.scale - 1) <= 1e-9 and self.roi == (0.0, 1.0)


def positions(line: Line, coordinates: Coordinates) -> Floats:
    """x(o) for every output o."""
    o, last, length = np.arange(line.size, dtype=np.float64), line.extent - 1, line.scale * line.extent
    if coordinates == "asymmetric":
        return o / line.scale
    if coordinates == "align_corners":
        return np.zeros_like(o) if length == 1 else o * last / (length - 1)
    if coordinates == "tf_crop_and_resize":
        start, end = line.roi
        span = np.full_like(o, (end - start) * last / 2) if length == 1 else o * (end - start) * last / (length - 1)
        return span + start * last
    if coordinates == "pytorch_half_pixel" and length == 1:
        return np.full_like(o, -0.5)
    centre = line.extent / 2 * (1 - line.size / length) if coordinates == "half_pixel_symmetric" else 0.0
    return centre + (o + 0.5) / line.scale - 0.5


def nearest(x: Floats, extent: int, rounding: Rounding) -> NDArray[np.int64]:
    """The one index that each position reads."""
    rounded = {
        "round_prefer_floor": lambda: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda: np.floor(x + 0.5),
        "floor": lambda: np.floor(x),
        "ceil": lambda: np.ceil(x),
    }[rounding]()
    return np.clip(rounded, 0, extent - 1).astype(np.int64)


def taps(
    x: Floats, line: Line, cubic_a: float | None, antialias: bool, exclude: bool
) -> tuple[NDArray[np.int64], Floats]:
    """(indices, weights), both [size, taps], of linear (cubic_a None) or cubic interpolation.

    `antialias` stretches the filter by in / out where the axis shrinks; `exclude` gives what lies outside no weight.
    """
    squeeze = min(line.scale, 1.0) if antialias else 1.0
    first = floor((-1 if cubic_a is None else -2) / squeeze) + 1
    offsets = np.arange(first, 2 - first)
    base = np.ceil(x) - 1
    distance = np.abs((offsets - (x - base)[:, None]) * squeeze)
    weights = np.clip(1 - distance, 0, None) if cubic_a is None else _cubic(distance, cubic_a)
    indices = base[:, None].astype(np.int64) + offsets
    if exclude:
        weights = np.where((indices < 0) | (indices >= line.extent), 0.0, weights)
    if antialias or exclude:
        total = weights.sum(axis=1, keepdims=True)
        weights = weights / np.where(total == 0, 1.0, total)
    used: NDArray[np.bool_] = np.count_nonzero(weights, axis=0) > 0
    used[0] |= not used.any()
    return np.clip(indices, 0, line.extent - 1)[:, used], weights[:, used]


def _cubic(d: Floats, a: float) -> Floats:
    """Keys' kernel (1981) at distance d."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
