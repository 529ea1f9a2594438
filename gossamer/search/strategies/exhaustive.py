"""Every design of a space, in order of its genes."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import numbered
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least


@dataclass(frozen=True)
class Exhaustive:
    """`batch` designs at a time. A space with more than `most` gene combinations is refused: it would never end."""

    batch: int = 1024
    most: int = 10_000_000

    def __post_init__(self) -> None:
        at_least("exhaustive", "batch", self.batch, 1)

    def start(self, problem: Problem, seed: int) -> "Counting":
        size = prod(problem.sizes.tolist())
        if size > self.most:
            raise SearchError(
                f"strategy 'exhaustive' was given a space of {size:.3g} gene combinations and asks for every one; it "
                f"takes {self.most:,}: narrow the space, raise 'most' or search at random"
            )
        return Counting(problem, self.batch, size)


class Counting:
    """A search that counts. `batch` combinations are looked at together; those that mean no design are skipped."""

    def __init__(self, problem: Problem, batch: int, size: int) -> None:
        self._problem, self._batch, self._size, self._next = problem, batch, size, 0

    def ask(self) -> Genomes:
        while self._next < self._size:
            start, self._next = self._next, min(self._next + self._batch, self._size)
            found = numbered(self._problem, start, self._next)
            if len(found):
                return found
        return np.zeros((0, self._problem.genes), np.int64)

    def tell(self, genomes: Genomes, values: NDArray[np.float64], violations: NDArray[np.float64]) -> None:
        """Nothing is learnt."""
