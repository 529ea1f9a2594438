"""The seam of a search method: ask and tell.

    strategy = load_strategy("nsga2", Problem(choices, seeds, objectives=4, constraints=1), seed=0)
    genomes = strategy.ask()
    strategy.tell(genomes, values, violations)

A strategy is a deterministic function of its seed and of what it was told: the same answers lead to the same questions.
That is what lets a killed search resume from its store - the questions are asked again and answered from the store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes


@dataclass(frozen=True)
class Problem:
    """What a strategy may know. `sizes`: values per gene. `seeds`: designs to begin with. `repair` makes genomes
    canonical. `features`: [n, genes] -> [n, f] numbers that say what a design is like, for methods that predict.
    `reference`: the values beyond which a design is of no interest, where the user has said so.
    """

    sizes: NDArray[np.int64]
    seeds: Genomes
    repair: Callable[[Genomes], Genomes]
    objectives: int
    constraints: int
    features: Callable[[Genomes], NDArray[np.float64]] | None = None
    reference: NDArray[np.float64] | None = None

    def described(self, genomes: Genomes) -> NDArray[np.float64]:
        """The features of designs; where the space has none of its own, one number per value of each gene."""
        if self.features is not None:
            return self.features(genomes)
        return np.concatenate([genomes[:, [i]] == np.arange(n) for i, n in enumerate(self.sizes)], axis=1).astype(float)


class Strategy(Protocol):
    """Built as `Strategy(problem, seed, population)`."""

    def ask(self) -> Genomes:
        """Repaired genomes [n, genes] to evaluate next, no two equal; empty when the space is exhausted."""
        ...

    def tell(self, genomes: Genomes, values: NDArray[np.float64], violations: NDArray[np.float64]) -> None:
        """`values` [n, objectives], less is better; `violations` [n, constraints], <= 0 is met."""
        ...


def load_strategy(name: str, problem: Problem, seed: int, population: int) -> Strategy:
    """The installed strategy `name`."""
    from gossamer.ir.registry import STRATEGIES

    return STRATEGIES.load(name)(problem, seed, population)


class RandomSearch:
    """Uniform samples, never the same design twice: the yardstick for other strategies."""

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
        return np.stack(fresh) if fresh else np.zeros((0, len(self._problem.sizes)), np.int64)

    def _draw(self) -> Genomes:
        first, self._first = self._first, False
        drawn = self._problem.repair(
            self._rng.integers(0, self._problem.sizes, (self._population, len(self._problem.sizes)))
        )
        return np.concatenate([self._problem.seeds, drawn]) if first else drawn

    def tell(self, genomes: Genomes, values: NDArray[np.float64], violations: NDArray[np.float64]) -> None:
        """Nothing is learnt."""
