"""Coordinate descent: one choice at a time, all its values tried, the best kept.

`order: random` is the stochastic coordinate descent of Hao et al. (Auto-DNN, DAC 2019): the next choice is drawn at
random. `cyclic` takes them in order. When a whole round over the choices has improved nothing, the search goes on from
a random design (with `restarts`) or ends.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least, one_of
from gossamer.search.strategies.standing import badness, one_objective, standing
from gossamer.search.strategies.subspace import Answers

Matrix = NDArray[np.float64]
Order: TypeAlias = Literal["random", "cyclic"]


@dataclass(frozen=True)
class CoordinateDescent:
    """See the module's docstring. `genes`: so many choices are tried together, each on its own, and the best single
    change is kept: more evaluations at once.
    """

    genes: int = 1
    order: Order = "random"
    restarts: bool = True

    def __post_init__(self) -> None:
        at_least("coordinate-descent", "genes", self.genes, 1)
        one_of("coordinate-descent", "order", self.order, ("random", "cyclic"))

    def start(self, problem: Problem, seed: int) -> "Descent":
        one_objective(problem, "coordinate-descent")
        return Descent(problem, seed, self)


class Descent:
    """A run of coordinate descent."""

    def __init__(self, problem: Problem, seed: int, options: CoordinateDescent) -> None:
        self._problem, self._options = problem, options
        self._rng = np.random.default_rng(seed)
        self._asked, self._answers = Asked(problem), Answers(problem)
        self._current: Genomes | None = None
        self._queue: list[int] = []
        self._tried: Genomes = np.zeros((0, problem.genes), np.int64)

    def ask(self) -> Genomes:
        while True:
            if self._current is None:
                return self._begin()
            if not self._queue:
                self._current = None
                if not self._options.restarts:
                    return self._tried[:0]
                continue
            taken, self._queue = self._queue[: self._options.genes], self._queue[self._options.genes :]
            self._tried = np.concatenate([self._variants(place) for place in taken])
            fresh = self._asked.fresh(self._tried)
            if len(fresh):
                return fresh
            self._move()

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        if self._current is None:
            self._current, self._queue = genomes[0], self._order()
        else:
            self._move()

    def _begin(self) -> Genomes:
        """A design to start from: a seed of the problem, then random ones."""
        seeds = self._asked.fresh(self._problem.repair(self._problem.seeds.copy()), 1)
        return seeds if len(seeds) else self._asked.sampled(1, self._rng)

    def _order(self) -> list[int]:
        places = np.flatnonzero(self._problem.sizes > 1)
        return (self._rng.permutation(places) if self._options.order == "random" else places).tolist()

    def _variants(self, place: int) -> Genomes:
        """The current design with every value of one gene."""
        size = int(self._problem.sizes[place])
        genomes = np.tile(self._current, (size, 1)) if self._current is not None else self._tried
        genomes[:, place] = np.arange(size)
        return self._problem.repair(genomes)

    def _move(self) -> None:
        """To the best design tried, if it is better; then every choice is open again."""
        assert self._current is not None
        rows = np.concatenate([self._current[None], self._tried])
        values, violations = self._answers.of(rows)
        best = int(standing(values, badness(values, violations)).argmin())
        same = bool((rows[best] == self._current).all())
        if not same and _better(values, violations, best):
            self._current, self._queue = rows[best], self._order()


def _better(values: Matrix, violations: Matrix, place: int) -> bool:
    """Strictly better than the first row: no walk between equals."""
    bad = badness(values, violations)
    return bool((bad[place], values[place, 0]) < (bad[0], values[0, 0]) if bad[0] == 0 else bad[place] < bad[0])
