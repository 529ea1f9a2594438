"""NSGA-II (Deb et al. 2002) behind our ask and tell, all designs of a generation at once.

Tournament winners are crossed uniformly and mutated; the best `population` of parents and children survive: feasible
first, then by Pareto rank, then by crowding distance (`standing`). Arrays instead of pymoo's object per design make
the method's own share a few microseconds a design; the tests hold it to pymoo's results.
"""

from dataclasses import dataclass

from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least, one_of, share
from gossamer.search.strategies.evolution import Evolution, Evolving
from gossamer.search.strategies.sampling import STARTS, Start


@dataclass(frozen=True)
class Nsga2:
    """`population`: designs a generation. `crossover`, `mutation`: the share of children that are crossed, mutated;
    `genes`: how many genes a mutation changes on average.
    """

    population: int = 96
    crossover: float = 0.9
    mutation: float = 1.0
    genes: float = 1.5
    start_with: Start = "random"

    def __post_init__(self) -> None:
        at_least("nsga2", "population", self.population, 1)
        for option in ("crossover", "mutation"):
            share("nsga2", option, getattr(self, option))
        at_least("nsga2", "genes", self.genes, 0)
        one_of("nsga2", "start_with", self.start_with, STARTS)

    def start(self, problem: Problem, seed: int) -> Evolving:
        same = Evolution(
            self.population, self.population, self.crossover, self.mutation, self.genes, 2, self.start_with
        )
        return Evolving(problem, seed, same)
