"""Uniform random sampling: the yardstick for every other strategy; and a Latin hypercube as a method of its own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least
from gossamer.search.strategies.sampling import Start, first_designs


@dataclass(frozen=True)
class RandomSearch:
    """Uniform samples, never the same design twice, `population` at a time; the problem's seeds come first."""

    population: int = 96

    def __post_init__(self) -> None:
        at_least("random", "population", self.population, 1)

    def start(self, problem: Problem, seed: int) -> "Sampling":
        return Sampling(problem, seed, self.population, "random")


@dataclass(frozen=True)
class LatinHypercube:
    """One Latin hypercube of `population` designs after the other; the problem's seeds come first."""

    population: int = 96

    def __post_init__(self) -> None:
        at_least("latin-hypercube", "population", self.population, 1)

    def start(self, problem: Problem, seed: int) -> "Sampling":
        return Sampling(problem, seed, self.population, "latin-hypercube")


class Sampling:
    """A search that draws."""

    def __init__(self, problem: Problem, seed: int, population: int, start: Start) -> None:
        self._problem, self._population = problem, population
        self._start: Start = start
        self._rng = np.random.default_rng(seed)
        self._asked = Asked(problem)

    def ask(self) -> Genomes:
        return first_designs(self._problem, self._asked, self._population, self._start, self._rng)

    def tell(self, genomes: Genomes, values: NDArray[np.float64], violations: NDArray[np.float64]) -> None:
        """Nothing is learnt."""
