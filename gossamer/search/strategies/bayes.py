"""Predictor-guided search: a Gaussian process per objective, the next designs by expected hypervolume improvement.

After a first sample, every round fits a model of each objective to all designs told so far (`learner`), predicts a pool
of candidates, and asks for those that together promise to move the front most (`improvement`). The pool is the whole
space where that is small, otherwise neighbours of the front and fresh samples. Values far beyond the reference point
count as lying a little beyond it, and a design that far off in one objective teaches nothing about the others.
Constraints are modelled as met (-1) or missed (1), so a design counts for as much as it is likely to be feasible.

A round takes up to a second or two, so this is for evaluations that cost as much: training, measuring, building.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.front import non_dominated
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.gaussian import fit
from gossamer.search.strategies.improvement import Outlook, pick_batch
from gossamer.search.strategies.learner import Learner, Scaling

Matrix = NDArray[np.float64]

WHOLE_SPACE = 20_000
"""Spaces up to this size are predicted whole."""
_POOL = 3000
_BEYOND = 2.0
"""How far beyond the reference values are told apart, in distances from the best value to the reference."""
_FEWEST = 15
"""With fewer designs of interest than that, all are learnt from."""


@dataclass(frozen=True)
class Bayes:
    """See the module's docstring. `first`: random designs to begin with; `batch`: designs a round at least, `growth`:
    or so large a share of those known; `caution`: predicted deviations are taken this much larger, since a model
    chosen by likelihood on few designs is too sure of itself.
    """

    first: int = 20
    batch: int = 5
    growth: float = 0.07
    caution: float = 1.5

    def __post_init__(self) -> None:
        if self.first < 2 or self.batch < 1:
            raise SearchError("strategy 'bayes': first must be at least 2 and batch at least 1")
        if not (0 <= self.growth <= 1 and self.caution > 0):
            raise SearchError("strategy 'bayes': growth is a share from 0 to 1, caution is above 0")

    def start(self, problem: Problem, seed: int) -> "Guided":
        return Guided(problem, seed, self)


class Guided:
    """A search by predictions."""

    def __init__(self, problem: Problem, seed: int, options: Bayes) -> None:
        self._problem, self._rng, self._options = problem, np.random.default_rng(seed), options
        self._genomes: Genomes = np.zeros((0, problem.genes), np.int64)
        self._values = np.zeros((0, problem.objectives))
        self._missed = np.zeros((0, problem.constraints))
        self._asked: set[bytes] = set()
        self._everything = self._enumerated() if prod(problem.sizes.tolist()) <= WHOLE_SPACE else None
        self._scaling = Scaling.of(problem.space, seed)
        self._learners = [Learner(self._scaling.widths) for _ in range(problem.objectives)]

    def ask(self) -> Genomes:
        pool = self._pool()
        if len(self._asked) < self._options.first:
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
        return np.unique(self._problem.repair(every.reshape(-1, self._problem.genes)), axis=0)

    def _first(self, pool: Genomes) -> Genomes:
        """Seeds of the problem, then random designs."""
        order = self._rng.permutation(len(pool))[: self._options.first]
        rows = [*self._problem.seeds[: self._options.first], *pool[order]]
        distinct = {row.tobytes(): row for row in rows if row.tobytes() not in self._asked}
        return self._stacked(list(distinct.values())[: self._options.first - len(self._asked)])

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
        return np.stack(rows) if rows else np.zeros((0, self._problem.genes), np.int64)

    @property
    def _feasible(self) -> NDArray[np.bool_]:
        return np.asarray((self._missed <= 0).all(axis=1) & np.isfinite(self._values).all(axis=1))

    def _front(self) -> NDArray[np.int64]:
        places = np.flatnonzero(self._feasible)
        return places[non_dominated(self._values[places])] if len(places) else np.arange(len(self._values))

    def _promising(self, pool: Genomes) -> NDArray[np.int64]:
        """Positions in the pool of the next round."""
        seen, candidates = self._scaling(self._genomes), self._scaling(pool)
        count = max(self._options.batch, int(self._options.growth * len(self._genomes)))
        chance = self._chance(seen, candidates)
        places = np.flatnonzero(self._feasible)
        if len(places) < 3:
            return np.argsort(-chance, kind="stable")[:count]
        values = self._values[places]
        low, high = self._box(values)
        outlook = self._outlook(seen[places], values, high + _BEYOND * (high - values.min(axis=0)), candidates, chance)
        inside = values[(values < high).all(axis=1)]
        return pick_batch(outlook, inside[non_dominated(inside)], low, high, count)

    def _box(self, values: Matrix) -> tuple[Matrix, Matrix]:
        """Below anything expected, and the reference point: the front's worst where the user has given none."""
        best = values.min(axis=0)
        reference = self._problem.reference
        high = values[non_dominated(values)].max(axis=0) if reference is None else reference
        high = np.maximum(high, best + 1e-9 * np.maximum(np.abs(best), 1.0))
        return best - 0.2 * (high - best), high

    def _outlook(self, seen: Matrix, values: Matrix, ends: Matrix, candidates: Matrix, chance: Matrix) -> Outlook:
        """Predictions of every objective; values beyond `ends` are taken to lie there."""
        beyond = values >= ends
        found = []
        for axis, learner in enumerate(self._learners):
            others = np.delete(beyond, axis, axis=1).any(axis=1)
            of_interest = ~others if (~others).sum() >= _FEWEST else np.ones_like(others)
            warp, model = learner.learn(
                seen[of_interest], np.minimum(values[of_interest, axis], ends[axis]), self._rng
            )
            found.append((warp, *model.predict(candidates)))
        mean, deviation = (np.stack([item[place] for item in found], axis=1) for place in (1, 2))
        return Outlook(mean, self._options.caution * deviation, [item[0] for item in found], chance)

    def _chance(self, seen: Matrix, candidates: Matrix) -> Matrix:
        """Probability of meeting all constraints."""
        from scipy.special import ndtr

        met = self._feasible
        if met.all():
            return np.ones(len(candidates))
        mean, deviation = fit(seen, self._scaling.widths, np.where(met, -1.0, 1.0), steps=10).predict(candidates)
        return ndtr(-mean / deviation)
