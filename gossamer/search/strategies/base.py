"""The seam of a search method: ask and tell.

    strategy = Nsga2(population=96).start(Problem(space, seeds, objectives=4, constraints=1), seed=0)
    genomes = strategy.ask()
    strategy.tell(genomes, values, violations)

A method is a frozen dataclass: its fields are the options a recipe may set; it is found by name through the entry-point
group `gossamer.strategies`. A started strategy is a deterministic function of its seed and of what it was told: the
same answers lead to the same questions. That is what lets a killed search resume from its store, and several processes
share one search - the questions are asked again and answered from the store.
"""

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Choices, Genomes
from gossamer.search.spaces.base import Space


@dataclass(frozen=True)
class Problem:
    """What a strategy may know. `seeds`: designs to begin with. `reference` [objectives]: the values beyond which a
    design is of no interest, where the user has said so. `network_genes`: so many first genes are the network's (and
    its bits'), those that follow the hardware's; by default all are the network's.
    """

    space: Space
    seeds: Genomes
    objectives: int
    constraints: int
    reference: NDArray[np.float64] | None = None
    network_genes: int = -1

    @property
    def choices(self) -> Choices:
        return self.space.choices

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Values per gene."""
        return self.space.choices.sizes

    @property
    def genes(self) -> int:
        return len(self.space.choices)

    def repair(self, genomes: Genomes) -> Genomes:
        return self.space.repair(genomes)

    def sample(self, count: int, rng: np.random.Generator) -> Genomes:
        return self.repair(rng.integers(0, self.sizes, (count, self.genes)))


class Strategy(Protocol):
    """A search under way."""

    def ask(self) -> Genomes:
        """Repaired genomes [n, genes] to evaluate next, no two equal; empty when there is nothing left to ask."""
        ...

    def tell(self, genomes: Genomes, values: NDArray[np.float64], violations: NDArray[np.float64]) -> None:
        """`values` [n, objectives], less is better (not finite: no value); `violations` [n, constraints], <= 0 is
        met.
        """
        ...


class Method(Protocol):
    """The settings of a search method."""

    def start(self, problem: Problem, seed: int) -> Strategy: ...


def load_method(name: str, population: int | None = None) -> Method:
    """The installed method `name` at its defaults; `population`, if given, where the method has one."""
    from gossamer.ir.registry import STRATEGIES

    method = STRATEGIES.load(name)
    if population is None or "population" not in {item.name for item in fields(method)}:
        return method()
    if population < 1:
        raise SearchError(f"a population needs at least one design, not {population}")
    return method(population=population)
