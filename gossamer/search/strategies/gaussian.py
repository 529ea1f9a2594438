"""Gaussian-process regression over feature vectors; scale and noise are the likeliest of a short grid.

    model = fit(features, values)                 # [n, f], [n]
    mean, deviation = model.predict(others)       # [m], [m]

Kernel: exp(-|a - b|^2 / (2 scale^2)) on features brought to unit variance. A few hundred designs are what a search has
measured when a prediction is still worth anything; that many are solved exactly (Rasmussen & Williams 2006, alg. 2.1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

Matrix = NDArray[np.float64]

SCALES = (3.0, 5.0, 8.0, 12.0, 20.0)
"""In deviations of a feature; squared distances add up over features."""
NOISES = (1e-3, 1e-2, 5e-2)


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted model. `centre`, `spread`: of the values it was given."""

    features: Matrix
    factor: Matrix
    weights: Matrix
    scale: float
    noise: float
    centre: float
    spread: float

    def predict(self, features: Matrix) -> tuple[Matrix, Matrix]:
        """Mean and standard deviation [m] of the values at [m, f]."""
        kernel = _kernel(features, self.features, self.scale)
        reduced = solve_triangular(self.factor, kernel.T, lower=True, check_finite=False)
        variance = 1.0 + self.noise - np.einsum("nm,nm->m", reduced, reduced)
        return kernel @ self.weights * self.spread + self.centre, np.sqrt(np.maximum(variance, 1e-9)) * self.spread


def fit(features: Matrix, values: Matrix) -> GaussianProcess:
    """The most likely model of the grid for [n, f] features (already of unit variance) and [n] finite values."""
    centre, spread = float(values.mean()), float(values.std()) or 1.0
    target = (values - centre) / spread
    distances = _distances(features, features)
    best: tuple[float, GaussianProcess] | None = None
    for scale in SCALES:
        kernel = np.exp(-distances / (2 * scale * scale))
        for noise in NOISES:
            factor: Matrix = np.linalg.cholesky(kernel + noise * np.eye(len(target))).astype(np.float64)
            weights = cho_solve((factor, True), target, check_finite=False)
            likelihood = float(-0.5 * target @ weights - np.log(np.diag(factor)).sum())
            if best is None or likelihood > best[0]:
                best = likelihood, GaussianProcess(features, factor, weights, scale, noise, centre, spread)
    assert best is not None
    return best[1]


def _kernel(left: Matrix, right: Matrix, scale: float) -> Matrix:
    return np.exp(-_distances(left, right) / (2 * scale * scale))


def _distances(left: Matrix, right: Matrix) -> Matrix:
    """Squared distances of all pairs [m, n]."""
    squares = (left * left).sum(axis=1)[:, None] + (right * right).sum(axis=1) - 2 * left @ right.T
    return np.maximum(squares, 0.0)
