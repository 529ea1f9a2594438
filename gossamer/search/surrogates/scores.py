"""Values on the scale networks learn best: normal scores, and the way back.

    z_i = Phi^-1((rank of y_i - 1/2) / n)

Accuracies and latencies have long tails; their normal scores have none, and order is all that a search needs. The way
back interpolates between the values known, and goes on in a straight line beyond the smallest and the largest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class NormalScores:
    """`values` rising, and their `scores`; equal values have one entry."""

    values: Vector
    scores: Vector

    def back(self, scores: Vector) -> Vector:
        """Values [n] at scores."""
        inside = np.interp(scores, self.scores, self.values)
        below, above = np.minimum(scores - self.scores[0], 0), np.maximum(scores - self.scores[-1], 0)
        return inside + self._slope * (below + above)

    def deviation(self, scores: Vector, deviations: Vector) -> Vector:
        """Deviations of values, from those of scores: half of what one deviation up and down makes."""
        return (self.back(scores + deviations) - self.back(scores - deviations)) / 2

    @property
    def _slope(self) -> float:
        extent = self.scores[-1] - self.scores[0]
        return float((self.values[-1] - self.values[0]) / extent) if extent else 0.0


def normal_scores(values: Vector) -> tuple[Vector, NormalScores]:
    """Scores [n] of values [n], and the way back."""
    scores = norm.ppf((rankdata(values) - 0.5) / len(values))
    distinct, places = np.unique(values, return_index=True)
    return scores, NormalScores(distinct, scores[places])
