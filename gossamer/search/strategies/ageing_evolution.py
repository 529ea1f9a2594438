"""Ageing evolution (Real et al. 2019, "Regularized evolution", alg. 1): tournaments choose parents, the oldest die.

The population is the last `population` designs told. Each child is the winner of a tournament of `tournament` members
with `mutations` genes changed. With several objectives every tournament draws weights w of its own, uniform over the
simplex, and compares

    max_i w_i (f_i - low_i) / (high_i - low_i)           low, high: over the population's feasible members

as uNAS does with random scalarisation (Liberis et al. 2021, sec. 3.4); `scalarisation: sum` adds the terms instead.
Designs that miss a constraint lose against those that do not; among them the smaller sum of violations wins.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.breeding import fresh_children, mutated_exactly
from gossamer.search.strategies.checks import at_least, one_of
from gossamer.search.strategies.sampling import STARTS, Start, first_designs
from gossamer.search.strategies.standing import badness

Matrix = NDArray[np.float64]
Scalarisation: TypeAlias = Literal["max", "sum"]


@dataclass(frozen=True)
class AgeingEvolution:
    """See the module's docstring. `batch`: children asked for together; published searches take one."""

    population: int = 100
    tournament: int = 25
    mutations: int = 1
    batch: int = 10
    start_with: Start = "random"
    scalarisation: Scalarisation = "max"

    def __post_init__(self) -> None:
        for option in ("population", "tournament", "mutations", "batch"):
            at_least("ageing-evolution", option, getattr(self, option), 1)
        one_of("ageing-evolution", "start_with", self.start_with, STARTS)
        one_of("ageing-evolution", "scalarisation", self.scalarisation, ("max", "sum"))

    def start(self, problem: Problem, seed: int) -> "Ageing":
        return Ageing(problem, seed, self)


class Ageing:
    """A run of ageing evolution."""

    def __init__(self, problem: Problem, seed: int, options: AgeingEvolution) -> None:
        self._problem, self._options = problem, options
        self._rng = np.random.default_rng(seed)
        self._asked = Asked(problem)
        self._genomes: Genomes = np.zeros((0, problem.genes), np.int64)
        self._values, self._bad = np.zeros((0, problem.objectives)), np.zeros(0)

    def ask(self) -> Genomes:
        if not len(self._genomes):
            return first_designs(
                self._problem, self._asked, self._options.population, self._options.start_with, self._rng
            )
        return fresh_children(self._children, self._asked, self._options.batch, self._rng)

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        youngest = slice(-self._options.population, None)
        self._genomes = np.concatenate([self._genomes, genomes])[youngest]
        self._values = np.concatenate([self._values, values])[youngest]
        self._bad = np.concatenate([self._bad, badness(values, violations)])[youngest]

    def _children(self, count: int) -> Genomes:
        drawn = self._rng.integers(0, len(self._genomes), (count, self._options.tournament))
        winner = self._scores(drawn).argmin(axis=1)[:, None]
        parents = self._genomes[np.take_along_axis(drawn, winner, axis=1)[:, 0]]
        sizes = self._problem.sizes
        return self._problem.repair(mutated_exactly(parents, sizes, self._options.mutations, self._rng))

    def _scores(self, drawn: Genomes) -> Matrix:
        """[tournaments, members], less is better: 0 to 1 where feasible, 2 to 3 where not."""
        fine = self._bad == 0
        terms = self._weights(len(drawn))[:, None] * _unit(self._values, fine)[drawn]
        score = terms.max(axis=2) if self._options.scalarisation == "max" else terms.sum(axis=2)
        missed = np.where(np.isfinite(self._bad), self._bad / (1.0 + np.minimum(self._bad, 1e12)), 1.0)
        return np.where(fine[drawn], score, 2.0 + missed[drawn])

    def _weights(self, count: int) -> Matrix:
        if self._problem.objectives == 1:
            return np.ones((count, 1))
        return self._rng.dirichlet(np.ones(self._problem.objectives), count)


def _unit(values: Matrix, fine: NDArray[np.bool_]) -> Matrix:
    """Values as a share of the extent of the feasible ones; 1 for the others."""
    if not fine.any():
        return np.ones(values.shape)
    low, high = values[fine].min(axis=0), values[fine].max(axis=0)
    clean = np.where(fine[:, None], values, high)
    return (clean - low) / np.where(high > low, high - low, 1.0)
