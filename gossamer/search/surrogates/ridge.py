"""Ridge regression on a space's features: the plainest surrogate, and the fastest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.spaces.base import Matrix, Space
from gossamer.search.surrogates.base import Vector


@dataclass(frozen=True)
class Ridge:
    """`penalty`: on the squared slopes of standardised features."""

    penalty: float = 3.0

    def __post_init__(self) -> None:
        if not self.penalty > 0:
            raise SearchError(f"surrogate 'ridge': penalty is {self.penalty}; it must be above 0")

    def fit(self, space: Space, genomes: Genomes, values: Vector, seed: int) -> "RidgePredictor":
        features = space.features(genomes)
        centre, unit = features.mean(axis=0), features.std(axis=0)
        scaled = (features - centre) / np.where(unit > 0, unit, 1.0)
        squares = scaled.T @ scaled + self.penalty * np.eye(scaled.shape[1])
        slopes = np.linalg.solve(squares, scaled.T @ (values - values.mean())) / np.where(unit > 0, unit, 1.0)
        left = values - values.mean() - (features - centre) @ slopes
        return RidgePredictor(space, slopes, float(values.mean() - centre @ slopes), float(left.std()))


@dataclass(frozen=True)
class RidgePredictor:
    """`deviation`: of what the line left unexplained of the designs it was fitted to."""

    space: Space
    slopes: NDArray[np.float64]
    start: float
    deviation: float

    def predict(self, genomes: Genomes) -> tuple[Vector, Vector]:
        features: Matrix = self.space.features(genomes)
        return features @ self.slopes + self.start, np.full(len(genomes), self.deviation)
