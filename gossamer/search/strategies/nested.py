"""A search inside a search: for every choice of the outer genes (hardware) the inner ones (network, bits) are searched.

As NAAS nests its loops: an outer design is worth what the best inner design found for it is worth, after
`inner_evaluations` evaluations. All outer designs of a round are searched side by side, so evaluations come in batches.
With `warm`, inner searches begin with the best network known so far.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.base import Method, Problem, Strategy
from gossamer.search.strategies.checks import at_least
from gossamer.search.strategies.evolution import Evolution
from gossamer.search.strategies.standing import Told, one_objective
from gossamer.search.strategies.subspace import Answers, SubSearch, SubSpace, answered, genes_of, others, questions

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Nested:
    """See the module's docstring. `outer_genes`: "hardware", "network", or how the outer genes' names begin."""

    outer: Method = field(default_factory=lambda: Evolution(population=8, children=8))
    inner: Method = field(default_factory=lambda: Evolution(population=10, children=10))
    inner_evaluations: int = 40
    outer_genes: str = "hardware"
    warm: bool = True

    def __post_init__(self) -> None:
        at_least("nested", "inner_evaluations", self.inner_evaluations, 1)

    def start(self, problem: Problem, seed: int) -> "Nesting":
        one_objective(problem, "nested")
        return Nesting(problem, seed, self)


class Nesting:
    """A run of nested searches."""

    def __init__(self, problem: Problem, seed: int, options: Nested) -> None:
        self._problem, self._options, self._seed = problem, options, seed
        places = genes_of(problem, options.outer_genes, "nested")
        self._inner_places = others(problem, places)
        base = np.zeros(problem.genes, np.int64)
        self._outer_space = SubSpace(problem.space, places, base)
        seeds = np.unique(self._outer_space.part(problem.seeds), axis=0)
        self._outer: Strategy = options.outer.start(
            Problem(self._outer_space, seeds, 1, problem.constraints), seed
        )
        self._answers, self._told = Answers(problem), Told(problem)
        self._searches: list[SubSearch] = []
        self._outers: Genomes = seeds[:0]
        self._started = 0

    def ask(self) -> Genomes:
        while True:
            if not self._searches and not self._begin():
                return np.zeros((0, self._problem.genes), np.int64)
            asked = questions(self._searches, self._answers)
            if len(asked):
                return asked
            self._end()

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        self._told.add(genomes, values, violations)
        answered(self._searches, self._answers)

    def _begin(self) -> bool:
        """An inner search for every outer design of the next round; False when there are none."""
        self._outers = self._outer.ask()
        self._searches = [self._search(base) for base in self._outer_space.whole(self._outers)]
        return bool(self._searches)

    def _search(self, base: Genomes) -> SubSearch:
        self._started += 1
        seeds = self._problem.seeds
        if self._options.warm and len(self._told):
            seeds = self._told.genomes[self._told.standing.argmin()][None]
        space = SubSpace(self._problem.space, self._inner_places, base)
        seed = self._seed + self._started
        return SubSearch(self._options.inner, space, self._problem, seeds, seed, (0,), self._options.inner_evaluations)

    def _end(self) -> None:
        """Tell the outer method what each of its designs is worth."""
        found = [search.judged(int(search.best(1)[0])) for search in self._searches]
        values, violations = (np.stack(part) for part in zip(*found))
        self._outer.tell(self._outers, values, violations)
        self._searches = []
