"""NSGA-III (Deb & Jain 2014): survivors of the last front are spread over reference directions, for many objectives.

The evolution is that of `evolution`; survival is pymoo's (normalisation by the hyperplane through the extreme points,
association with Das-Dennis directions, niching), called on arrays. Infeasible designs only survive where there are too
few feasible ones, by the sum of their violations. Tournaments compare feasibility alone, as published.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least, one_of, share
from gossamer.search.strategies.evolution import Evolution, Evolving
from gossamer.search.strategies.sampling import STARTS, Start

try:
    from pymoo.algorithms.moo.nsga3 import HyperplaneNormalization, associate_to_niches, calc_niche_count, niching
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
    from pymoo.util.ref_dirs import get_reference_directions
except ImportError:
    raise SearchError("strategy 'nsga3' needs pymoo: pip install 'gossamer[search]'") from None

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Nsga3:
    """Options as of nsga2. There are as many directions as fit the population."""

    population: int = 92
    crossover: float = 0.9
    mutation: float = 1.0
    genes: float = 1.5
    start_with: Start = "random"

    def __post_init__(self) -> None:
        at_least("nsga3", "population", self.population, 2)
        for option in ("crossover", "mutation"):
            share("nsga3", option, getattr(self, option))
        at_least("nsga3", "genes", self.genes, 0)
        one_of("nsga3", "start_with", self.start_with, STARTS)

    def start(self, problem: Problem, seed: int) -> Evolving:
        if problem.objectives < 2:
            raise SearchError("strategy 'nsga3' spreads designs over objectives and was given one; use 'evolution'")
        same = Evolution(
            self.population, self.population, self.crossover, self.mutation, self.genes, 2, self.start_with
        )
        return Evolving(problem, seed, same, Niches(problem.objectives, self.population, seed))


def directions(objectives: int, population: int) -> Matrix:
    """The finest Das-Dennis grid of at most `population` directions: [directions, objectives], sums 1."""
    partitions = 1
    while comb(objectives + partitions, partitions + 1) <= population:
        partitions += 1
    return np.asarray(get_reference_directions("das-dennis", objectives, n_partitions=partitions))


class Niches:
    """Survival by reference directions; remembers ideal and extreme points."""

    def __init__(self, objectives: int, population: int, seed: int) -> None:
        self._directions = directions(objectives, population)
        self._scale = HyperplaneNormalization(objectives)
        self._rng = np.random.default_rng(seed + 1)

    def __call__(self, values: Matrix, bad: Matrix, count: int) -> tuple[Genomes, Genomes]:
        fine = np.flatnonzero(bad == 0)
        kept = fine[self._of_feasible(values[fine], count)] if len(fine) else fine
        others = np.argsort(bad, kind="stable")
        others = others[bad[others] > 0][: count - len(kept)]
        return np.concatenate([kept, others]), np.r_[np.zeros(len(kept), np.int64), 1 + np.arange(len(others))]

    def _of_feasible(self, values: Matrix, count: int) -> Genomes:
        """Positions of survivors."""
        fronts = [np.asarray(front) for front in NonDominatedSorting().do(values, n_stop_if_ranked=count)]
        self._scale.update(values, nds=fronts[0])
        ranked = np.concatenate(fronts)
        if len(ranked) <= count:
            return ranked
        niche, distance, _ = associate_to_niches(
            values[ranked], self._directions, self._scale.ideal_point, self._scale.nadir_point
        )
        sure = len(ranked) - len(fronts[-1])
        taken = calc_niche_count(len(self._directions), niche[:sure])
        last = niching(
            fronts[-1], count - sure, taken, niche[sure:], distance[sure:], random_state=self._rng
        )  # fmt: skip
        return np.concatenate([ranked[:sure], fronts[-1][last]])
