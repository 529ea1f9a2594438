"""A Gaussian process on a space's features, each group of features with a relevance of its own; see
`gossamer.search.strategies.gaussian`.
"""

from dataclasses import dataclass

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.spaces.base import Space
from gossamer.search.strategies.gaussian import GaussianProcess as Model
from gossamer.search.strategies.gaussian import fit
from gossamer.search.strategies.learner import Learner, Scaling
from gossamer.search.strategies.warp import Warp
from gossamer.search.surrogates.base import Vector


@dataclass(frozen=True)
class GaussianProcess:
    """`warped`: predict in the scale that makes the values likeliest (needed for latencies and errors); where that is
    no plain scale, deviations are those of the scale's derivative at the mean.
    """

    warped: bool = True
    most: int = 1500

    def __post_init__(self) -> None:
        if self.most < 2:
            raise SearchError(f"surrogate 'gaussian-process': most is {self.most}; it must be at least 2 designs")

    def fit(self, space: Space, genomes: Genomes, values: Vector, seed: int) -> "ProcessPredictor":
        """Beyond `most` designs a random part is learnt from: the cost grows with the cube of their number."""
        rng = np.random.default_rng(seed)
        if len(values) > self.most:
            part = rng.choice(len(values), self.most, replace=False)
            genomes, values = genomes[part], values[part]
        scaling = Scaling.of(space, seed)
        features = scaling(genomes)
        if self.warped:
            warp, model = Learner(scaling.widths).learn(features, values, rng)
            return ProcessPredictor(scaling, warp, model)
        return ProcessPredictor(scaling, Warp(), fit(features, scaling.widths, values))


@dataclass(frozen=True)
class ProcessPredictor:
    """See GaussianProcess."""

    scaling: Scaling
    warp: Warp
    model: Model

    def predict(self, genomes: Genomes) -> tuple[Vector, Vector]:
        mean, deviation = self.model.predict(self.scaling(genomes))
        upper, lower = self.warp.value(mean + deviation), self.warp.value(mean - deviation)
        return self.warp.value(mean), (upper - lower) / 2
