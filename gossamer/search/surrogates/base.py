"""Models that predict a number of a design from designs that were measured.

    predictor = XGBoost().fit(space, genomes, values, seed=0)
    mean, deviation = predictor.predict(others)

A surrogate is a frozen dataclass (its fields are its options) found through the entry-point group
`gossamer.surrogates`. Rank surrogates predict a score that orders designs as the value does; their scale means nothing.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.spaces.base import Space

Vector = NDArray[np.float64]


class Predictor(Protocol):
    """A fitted model."""

    def predict(self, genomes: Genomes) -> tuple[Vector, Vector]:
        """Mean and standard deviation [n] at [n, genes] repaired genomes; the deviation is 0 where a model has none."""
        ...


class Surrogate(Protocol):
    """The settings of a model."""

    def fit(self, space: Space, genomes: Genomes, values: Vector, seed: int) -> Predictor:
        """Learn from [n, genes] genomes and their [n] finite values (higher or lower may be better: it is not told)."""
        ...
