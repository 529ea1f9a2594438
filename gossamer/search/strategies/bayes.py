"""Predictor-guided search: a Gaussian process per objective, the next designs by expected hypervolume improvement.

After a first sample, every round fits a model of each objective to all designs told so far, predicts a pool of
candidates, and asks for those that together promise to move the front most. The pool is the whole space where that is
small, otherwise neighbours of the front and fresh samples. Each value is modelled as the logarithm of its distance from
the best one seen, which gives the good end of every objective room and takes outliers their weight. Constraints are
modelled as met (-1) or missed (1), so a design counts for as much as it is likely to be feasible.

A round takes up to a second or two, so this is for evaluations that cost as much: training, measuring, building.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.front import non_dominated
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.gaussian import fit
from gossamer.search.strategies.improvement import pick_batch, unbeaten_points

Matrix = NDArray[np.float64]

FIRST = 20
BATCH = 5
CAUTION = 2.0
"""Predicted deviations are taken this much larger: a model chosen by likelihood on 20 designs is too sure of itself.
Measured on NAS-Bench-201 and pixel3 latencies, mean of 4 to 8 seeds at 200 designs: 0.959 of the front's hypervolume
with 1, 0.979 with 1.5, 0.981 with 2, 0.973 with 3."""
WHOLE_SPACE = 20_000
"""Spaces up to this size are predicted whole."""
_POOL = 3000
_MODELLED = 800
"""Designs a model is fitted to at most: the best of each objective, and the latest."""


@dataclass(frozen=True)
class Bayes:
    """See the module's docstring. `batch`: designs a round."""

    batch: int = BATCH

    def start(self, problem: Problem, seed: int) -> "Guided":
        return Guided(problem, seed, self.batch)


class Guided:
    """A search by predictions."""

    def __init__(self, problem: Problem, seed: int, batch: int) -> None:
        self._problem, self._rng = problem, np.random.default_rng(seed)
        self._batch = batch
        self._genomes: Genomes = np.zeros((0, len(problem.sizes)), np.int64)
        self._values = np.zeros((0, problem.objectives))
        self._missed = np.zeros((0, problem.constraints))
        self._asked: set[bytes] = set()
        self._everything = self._enumerated() if prod(problem.sizes.tolist()) <= WHOLE_SPACE else None

    def ask(self) -> Genomes:
        pool = self._pool()
        if len(self._asked) < FIRST:
            chosen = self._first(pool)
        elif len(pool):
            chosen = pool[self._promising(pool)]
        else:
            chosen = pool
        self._asked |= {genome.tobytes() for genome in chosen}
        return chosen

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._genomes = np.concatenate([self._genomes, genomes])
        self._values = np.concatenate([self._values, values])
        self._missed = np.concatenate([self._missed, violations])

    def _enumerated(self) -> Genomes:
        every = np.stack(np.meshgrid(*map(np.arange, self._problem.sizes), indexing="ij"), -1)
        return np.unique(self._problem.repair(every.reshape(-1, len(self._problem.sizes))), axis=0)

    def _first(self, pool: Genomes) -> Genomes:
        """Seeds of the problem, then random designs."""
        order = self._rng.permutation(len(pool))[:FIRST]
        rows = [*self._problem.seeds[:FIRST], *pool[order]]
        distinct = {row.tobytes(): row for row in rows if row.tobytes() not in self._asked}
        return self._stacked(list(distinct.values())[: FIRST - len(self._asked)])

    def _pool(self) -> Genomes:
        """Candidates that were not asked for yet, no two equal."""
        drawn = self._everything if self._everything is not None else self._drawn()
        return self._stacked([row for row in drawn if row.tobytes() not in self._asked])

    def _drawn(self) -> Genomes:
        sizes = self._problem.sizes
        fresh = self._rng.integers(0, sizes, (_POOL // 3, len(sizes)))
        parents = self._genomes[self._front()] if len(self._genomes) else fresh
        children = parents[self._rng.integers(0, len(parents), _POOL - len(fresh))]
        changed = self._rng.random(children.shape) < np.maximum(1.5 / len(sizes), 0.02)
        children = np.where(changed, self._rng.integers(0, sizes, children.shape), children)
        return np.unique(self._problem.repair(np.concatenate([fresh, children])), axis=0)

    def _stacked(self, rows: list[Genomes]) -> Genomes:
        return np.stack(rows) if rows else np.zeros((0, len(self._problem.sizes)), np.int64)

    @property
    def _feasible(self) -> NDArray[np.bool_]:
        return np.asarray((self._missed <= 0).all(axis=1) & np.isfinite(self._values).all(axis=1))

    def _front(self) -> NDArray[np.int64]:
        places = np.flatnonzero(self._feasible)
        return places[non_dominated(self._values[places])] if len(places) else np.arange(len(self._values))

    def _promising(self, pool: Genomes) -> NDArray[np.int64]:
        """Positions in the pool of the next round."""
        seen, candidates = self._features(pool)
        places = np.flatnonzero(self._feasible)
        chance = self._chance(seen, candidates)
        if len(places) < 3:
            return np.argsort(-chance, kind="stable")[: self._batch]
        values = self._values[places]
        stretch = _Stretch.of(values)
        models = [fit(*self._modelled(seen[places], column)) for column in stretch(values).T]
        mean, deviation = (np.stack(part, axis=1) for part in zip(*(model.predict(candidates) for model in models)))
        points = stretch(self._open_points(values[non_dominated(values)]))
        return pick_batch(mean, CAUTION * deviation, chance, points, self._batch)

    def _open_points(self, front: Matrix) -> Matrix:
        """Points that the front does not beat, evenly in the values' own units: what hypervolume is measured in."""
        low, worst = front.min(axis=0), front.max(axis=0)
        high = worst if self._problem.reference is None else self._problem.reference
        room = np.maximum(high - low, 1e-9)
        return unbeaten_points(front, low - 0.1 * room, high, self._rng)

    def _modelled(self, features: Matrix, values: Matrix) -> tuple[Matrix, Matrix]:
        if len(values) <= _MODELLED:
            return features, values
        kept = np.union1d(np.argsort(values)[: _MODELLED // 2], np.arange(len(values) - _MODELLED // 2, len(values)))
        return features[kept], values[kept]

    def _features(self, pool: Genomes) -> tuple[Matrix, Matrix]:
        """Of the designs told and of the pool, both brought to unit variance over the pool."""
        raw = self._problem.space.features(np.concatenate([self._genomes, pool]))
        kept = raw[:, raw.std(axis=0) > 0]
        scaled = (kept - kept.mean(axis=0)) / kept.std(axis=0)
        return scaled[: len(self._genomes)], scaled[len(self._genomes) :]

    def _chance(self, seen: Matrix, candidates: Matrix) -> Matrix:
        """Probability of meeting all constraints."""
        from scipy.special import ndtr

        met = self._feasible
        if met.all():
            return np.ones(len(candidates))
        mean, deviation = fit(*self._modelled(seen, np.where(met, -1.0, 1.0))).predict(candidates)
        return ndtr(-mean / deviation)


@dataclass(frozen=True)
class _Stretch:
    """log(1 + distance from the best / 0.3 of the middle distance), per objective; a straight line beyond the best."""

    best: Matrix
    unit: Matrix

    @staticmethod
    def of(values: Matrix) -> "_Stretch":
        best = values.min(axis=0)
        return _Stretch(best, np.maximum(0.3 * np.median(values - best, axis=0), 1e-12))

    def __call__(self, values: Matrix) -> Matrix:
        away = (values - self.best) / self.unit
        return np.where(away >= 0, np.log1p(np.maximum(away, 0)), away)
