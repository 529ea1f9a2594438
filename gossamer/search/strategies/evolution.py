"""A (mu + lambda) evolutionary algorithm: the best of parents and children survive.

Children come from two tournament winners: uniform crossover with probability `crossover`, then with probability
`mutation` about `genes` genes change. Survivors are the best `parents` of parents and children together: feasible
first, then the value (one objective) or Pareto rank and crowding (several).

`culling` as in AnalogNAS (thesis 5.3.3, alg. 6): so many times, first designs that miss a constraint are replaced by
others of the same cell of the Latin hypercube - here every gene at most one value away - before evolution begins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.breeding import crossed, fresh_children, mutated, tournaments
from gossamer.search.strategies.checks import at_least, one_of, share
from gossamer.search.strategies.sampling import STARTS, Start, first_designs
from gossamer.search.strategies.standing import badness, standing

Matrix = NDArray[np.float64]
Survival: TypeAlias = Callable[[Matrix, Matrix, int], tuple[Genomes, Genomes]]
"""(values, badness, count) -> positions of at most `count` survivors, and how each stands in tournaments."""


@dataclass(frozen=True)
class Evolution:
    """See the module's docstring. `population` designs to begin with, `children` a generation."""

    population: int = 50
    children: int = 50
    crossover: float = 0.5
    mutation: float = 0.9
    genes: float = 1.5
    tournament: int = 2
    start_with: Start = "latin-hypercube"
    culling: int = 0

    def __post_init__(self) -> None:
        for option in ("population", "children", "tournament"):
            at_least("evolution", option, getattr(self, option), 1)
        for option in ("crossover", "mutation"):
            share("evolution", option, getattr(self, option))
        at_least("evolution", "culling", self.culling, 0)
        one_of("evolution", "start_with", self.start_with, STARTS)

    def start(self, problem: Problem, seed: int) -> "Evolving":
        return Evolving(problem, seed, self)


def the_best(values: Matrix, bad: Matrix, count: int) -> tuple[Genomes, Genomes]:
    """The survival of the docstring."""
    kept = np.argsort(standing(values, bad))[:count]
    return kept, np.arange(len(kept))


class Evolving:
    """A run of the evolutionary algorithm."""

    def __init__(self, problem: Problem, seed: int, options: Evolution, survival: Survival = the_best) -> None:
        self._problem, self._options, self._survival = problem, options, survival
        self._rng = np.random.default_rng(seed)
        self._asked = Asked(problem)
        self._culled = 0
        self._genomes: Genomes = np.zeros((0, problem.genes), np.int64)
        self._values, self._bad = np.zeros((0, problem.objectives)), np.zeros(0)
        self._standing = np.zeros(0, np.int64)

    def ask(self) -> Genomes:
        options = self._options
        if not len(self._genomes):
            return first_designs(self._problem, self._asked, options.population, options.start_with, self._rng)
        if self._culled < options.culling:
            self._culled += 1
            redrawn = self._asked.fresh(self._near(self._genomes[self._bad > 0]))
            if len(redrawn):
                return redrawn
        return fresh_children(self._children, self._asked, options.children, self._rng)

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._genomes = np.concatenate([self._genomes, genomes])
        self._values = np.concatenate([self._values, values])
        self._bad = np.concatenate([self._bad, badness(values, violations)])
        kept, self._standing = self._survival(self._values, self._bad, self._options.population)
        self._genomes, self._values, self._bad = self._genomes[kept], self._values[kept], self._bad[kept]

    def _near(self, genomes: Genomes) -> Genomes:
        moved = genomes + self._rng.integers(-1, 2, genomes.shape)
        return self._problem.repair(np.clip(moved, 0, self._problem.sizes - 1))

    def _children(self, count: int) -> Genomes:
        options, rng = self._options, self._rng
        left, right = (
            self._genomes[tournaments(self._standing, count, options.tournament, rng)] for _ in range(2)
        )
        children = crossed(left, right, options.crossover, rng)
        changed = mutated(children, self._problem.sizes, options.genes, rng)
        mutates = rng.random((count, 1)) < options.mutation
        return self._problem.repair(np.where(mutates, changed, children))
