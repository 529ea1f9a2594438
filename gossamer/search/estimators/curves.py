"""Where a learning curve leads: the accuracy after `epochs`, from the first few (after Domhan et al., IJCAI 2015).

    accuracy(e) = a - b e^-c,   b >= 0, c of a few fixed values

`a` and `b` are least squares for each c, and the c that fits best decides. Their ensemble of eleven families needs
sampling; of those the power law is the one that three epochs can determine.
"""

from collections.abc import Sequence

import numpy as np

POWERS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
LEAST_POINTS = 3


def extrapolated(curve: Sequence[float], epochs: int) -> float:
    """Expected accuracy after `epochs`, at least the best so far; 1 from fewer than three epochs, as nobody knows."""
    if len(curve) < LEAST_POINTS:
        return 1.0
    found = min((_fit(np.asarray(curve), power, epochs) for power in POWERS), key=lambda pair: pair[0])
    return float(np.clip(found[1], max(curve), 1.0))


def _fit(curve: np.ndarray, power: float, epochs: int) -> tuple[float, float]:
    """Squared error of the fit, and where it is at the end. A falling fit stays at its mean."""
    x = np.arange(1, len(curve) + 1, dtype=np.float64) ** -power
    centred = x - x.mean()
    slope = min(float(centred @ curve / (centred @ centred)), 0.0)
    error = curve - curve.mean() - slope * centred
    return float(error @ error), float(curve.mean() + slope * (epochs**-power - x.mean()))
