"""What a predictor-guided search believes of one objective: a Gaussian process in the scale that fits it best.

Scale and relevances are looked for anew each time the known designs have grown by a sixth, and kept in between: finding
them costs more than everything else of a round. Above some 240 designs they are looked for on the best 120 and as many
of the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.spaces.base import Space
from gossamer.search.strategies.gaussian import GaussianProcess, fit
from gossamer.search.strategies.warp import Warp, warps

Matrix = NDArray[np.float64]

GROWTH = 1.15
_SETTLED = 150
"""From so many designs on the scale stays the one that was chosen."""
_PART = 120
_SAMPLES = 2000


@dataclass(frozen=True)
class Scaling:
    """Features of a space brought to unit variance, and each group to unit length; constant columns are dropped."""

    space: Space
    kept: NDArray[np.bool_]
    centre: Matrix
    unit: Matrix
    widths: tuple[int, ...]

    @staticmethod
    def of(space: Space, seed: int) -> "Scaling":
        """By designs drawn at random."""
        rng = np.random.default_rng(seed)
        drawn = rng.integers(0, space.choices.sizes, (_SAMPLES, len(space.choices)))
        found = space.features(space.repair(drawn))
        deviation = found.std(axis=0)
        kept = deviation > 0
        if not kept.any():  # designs that look all the same: one column that says nothing
            kept[:1], deviation = True, np.ones_like(deviation)
        parts = np.split(kept, np.cumsum(space.groups)[:-1])
        widths = tuple(int(part.sum()) for part in parts if part.any())
        unit = deviation[kept] * np.sqrt(np.repeat(widths, widths))
        return Scaling(space, kept, found.mean(axis=0)[kept], unit, widths)

    def __call__(self, genomes: Genomes) -> Matrix:
        """[n, columns kept]."""
        return (self.space.features(genomes)[:, self.kept] - self.centre) / self.unit


class Learner:
    """Learns one objective from all that is known each time it is asked to."""

    def __init__(self, widths: Sequence[int]) -> None:
        self._widths = widths
        self._logs: Matrix | None = None
        self._choice: int | None = None
        self._known = 0

    def learn(self, features: Matrix, values: Matrix, rng: np.random.Generator) -> tuple[Warp, GaussianProcess]:
        """The scale, and the model of the [n] values in that scale at [n, f] features."""
        if self._logs is None or len(values) >= GROWTH * self._known:
            self._search(features, values, rng)
        assert self._choice is not None
        warp = warps(values)[self._choice]
        return warp, fit(features, self._widths, warp.warped(values), self._logs, steps=0)

    def _search(self, features: Matrix, values: Matrix, rng: np.random.Generator) -> None:
        part = _part(values, rng)
        tried = warps(values)
        settled = self._choice is not None and len(values) >= _SETTLED
        best = -np.inf
        choices = [self._choice] if settled else range(len(tried))
        for choice in choices:
            assert choice is not None
            warp = tried[choice]
            steps = 25 if self._logs is None else 12
            model = fit(features[part], self._widths, warp.warped(values[part]), self._logs, steps)
            evidence = model.evidence + warp.log_slope(values[part])
            if evidence > best:
                best, found = evidence, (choice, model.logs)
        self._choice, self._logs = found
        self._known = len(values)


def _part(values: Matrix, rng: np.random.Generator) -> NDArray[np.int64]:
    if len(values) <= 2 * _PART:
        return np.arange(len(values))
    order = np.argsort(values, kind="stable")
    return np.concatenate([order[:_PART], rng.choice(order[_PART:], _PART, replace=False)])
