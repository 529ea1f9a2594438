"""Uniform random sampling: the yardstick for every other strategy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.base import Problem


@dataclass(frozen=True)
class RandomSearch:
    """Uniform samples, never the same design twice, `population` at a time; the problem's seeds come first."""

    population: int = 96

    def start(self, problem: Problem, seed: int) -> "Sampling":
        return Sampling(problem, seed, self.population)


class Sampling:
    """See RandomSearch."""

    def __init__(self, problem: Problem, seed: int, population: int) -> None:
        self._problem, self._population = problem, population
        self._rng = np.random.default_rng(seed)
        self._seen: set[bytes] = set()
        self._first = True

    def ask(self) -> Genomes:
        fresh: list[Genomes] = []
        for _ in range(20):
            for genome in self._draw():
                if len(fresh) < self._population and genome.tobytes() not in self._seen:
                    self._seen.add(genome.tobytes())
                    fresh.append(genome)
            if len(fresh) == self._population:
                break
        return np.stack(fresh) if fresh else np.zeros((0, self._problem.genes), np.int64)

    def _draw(self) -> Genomes:
        first, self._first = self._first, False
        drawn = self._problem.sample(self._population, self._rng)
        return np.concatenate([self._problem.seeds, drawn]) if first else drawn

    def tell(self, genomes: Genomes, values: NDArray[np.float64], violations: NDArray[np.float64]) -> None:
        """Nothing is learnt."""
