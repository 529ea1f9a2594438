"""Integer types for tensors: which scale and zero point stand for a range, a weight or a bias."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import PassError
from gossamer.ir.graph import Array
from gossamer.ir.types import DType, Quant, TensorType

_BITS = re.compile(r"(?:w(\d+)a(\d+)|(\d+))\Z")
_FEWEST, _MOST = 2, 16


@dataclass(frozen=True)
class LayerBits:
    """Precision of one layer: of its weight and of the activation that it reads."""

    weight: int
    activation: int

    def __post_init__(self) -> None:
        for bits in (self.weight, self.activation):
            if not _FEWEST <= bits <= _MOST:
                raise PassError(f"quantize: {bits} bits; needs {_FEWEST} to {_MOST}")

    @staticmethod
    def parse(text: str) -> "LayerBits | None":
        """`8`, `w4a8`, or `float` (None). PassError for anything else."""
        if text == "float":
            return None
        match = _BITS.match(text)
        if match is None:
            raise PassError(f"quantize: '{text}' is no precision; needs to be like 8, w4a8 or float")
        return LayerBits(int(match[1] or match[3]), int(match[2] or match[3]))


def activation_type(low: float, high: float, bits: int, shape: tuple[int, ...]) -> TensorType:
    """Unsigned, with the zero point that makes 0 exact; `low` <= 0 <= `high`."""
    dtype = DType("u", bits)
    scale = short((high - low) / dtype.high) if high > low else 1.0
    zero = min(max(round(-low / scale), 0), dtype.high)
    return TensorType(dtype, shape, Quant((scale,), (zero,)))


def weight_type(weight: NDArray[Any], axis: int, bits: int, least: NDArray[np.float64]) -> TensorType:
    """Signed and symmetric, one scale per output channel (`axis`), none below `least` [oc].

    At 8 bits and more the largest weight of a channel sets its scale; below, whatever part of it gives the least
    squared error, since few steps are better spent where most weights are.
    """
    rows = np.moveaxis(np.asarray(weight, np.float64), axis, 0).reshape(weight.shape[axis], -1)
    limit = DType("i", bits).high
    largest = np.abs(rows).max(axis=1, initial=0.0) / limit
    scales = np.maximum(largest if bits >= 8 else _least_squares(rows, largest, limit), least)
    scales[scales == 0] = 1.0
    found = tuple(short(float(s)) for s in scales)
    return TensorType(DType("i", bits), tuple(weight.shape), Quant(found, (0,), axis))


def _least_squares(rows: NDArray[np.float64], largest: NDArray[np.float64], limit: int) -> NDArray[np.float64]:
    best, least = largest.copy(), np.full(len(rows), np.inf)
    for part in (1 - k / 40 for k in range(25)):
        scale = np.maximum(largest * part, 1e-300)[:, None]
        error = np.square(np.clip(np.rint(rows / scale), -limit, limit) * scale - rows).sum(1)
        best, least = np.where(error < least, scale[:, 0], best), np.minimum(error, least)
    return np.where(largest > 0, best, 0.0)


def stored(read: Callable[[], NDArray[Any]], type: TensorType) -> Callable[[], Array]:
    """The real numbers that `read` gives, as integers of a symmetric `type`; a weight's range is kept symmetric."""

    def integers() -> Array:
        quant = type.quant
        assert quant is not None
        shape = tuple(-1 if k == quant.axis else 1 for k in range(type.rank))
        steps = np.rint(np.asarray(read(), np.float64) / np.asarray(quant.scale).reshape(shape))
        return np.clip(steps, -type.dtype.high, type.dtype.high).astype(type.dtype.numpy)

    return integers


def short(scale: float) -> float:
    """The scale to six significant digits: nothing is lost by it, and the text form stays readable."""
    if not isfinite(scale):
        raise PassError(f"quantize: a scale of {scale}; the weights or the calibration hold a value that is not finite")
    return float(f"{scale:.6g}")
