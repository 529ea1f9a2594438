"""Scales in which values are easier to predict: as they are, their logarithm, or that of their distance from the best.

Latencies err by a share of themselves and errors shrink ever more slowly near the best, so neither is normal as it
stands. Which scale fits is decided by evidence: the likelihood of the values under a model in that scale, times the
scale's derivative, which makes scales comparable (Snelson et al. 2004, warped Gaussian processes).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Warp:
    """warped = log(1 + (value - start) / unit), going on as a straight line below `start`; unit 0: the value itself."""

    start: float = 0.0
    unit: float = 0.0

    def warped(self, values: Matrix) -> Matrix:
        if not self.unit:
            return values
        away = (values - self.start) / self.unit
        return np.where(away >= 0, np.log1p(np.maximum(away, 0.0)), away).astype(np.float64)

    def value(self, warped: Matrix) -> Matrix:
        """The inverse of `warped`."""
        if not self.unit:
            return warped
        away = np.where(warped >= 0, np.expm1(np.clip(warped, 0, 50)), warped)
        return self.start + self.unit * away.astype(np.float64)

    def log_slope(self, values: Matrix) -> float:
        """Sum of the logarithms of the derivative at the values."""
        if not self.unit:
            return 0.0
        away = (values - self.start) / self.unit
        return -float((np.log1p(np.maximum(away, 0)) + np.log(self.unit)).sum())


def warps(values: Matrix) -> Sequence[Warp]:
    """Scales worth trying, always as many and in the same order: none, near the best in three degrees, and nearly the
    plain logarithm (the last as the third where values may be 0 or less).
    """
    best = float(values.min())
    middle = float(np.median(values - best)) or 1.0
    degrees = [Warp(best, max(share * middle, 1e-12)) for share in (1.0, 0.3, 0.1)]
    log = Warp(0.0, 1e-3 * float(np.median(values))) if best > 0 else degrees[-1]
    return (Warp(), *degrees, log)
