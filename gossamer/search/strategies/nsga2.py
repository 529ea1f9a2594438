"""NSGA-II (Deb et al. 2002) through pymoo, behind our ask and tell.

Uniform crossover, and a mutation that gives a gene a new value with probability about 1/genes - half the time a
neighbouring one, since most choices are ordered. Constraints follow Deb's rule: feasible before infeasible, then the
smaller sum of violations.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.strategies.base import Problem

try:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.duplicate import DuplicateElimination
    from pymoo.core.mutation import Mutation
    from pymoo.core.problem import Problem as PymooProblem
    from pymoo.core.repair import Repair
    from pymoo.core.termination import NoTermination
    from pymoo.operators.crossover.ux import UniformCrossover
except ImportError:
    raise SearchError("strategy 'nsga2' needs pymoo: pip install 'gossamer[search]'") from None


@dataclass(frozen=True)
class Nsga2:
    """See the module's docstring. `population`: designs a generation."""

    population: int = 96

    def start(self, problem: Problem, seed: int) -> "Evolution":
        return Evolution(problem, seed, self.population)


class Evolution:
    """A run of NSGA-II."""

    def __init__(self, problem: Problem, seed: int, population: int) -> None:
        genes = problem.genes
        self._problem = PymooProblem(
            n_var=genes,
            n_obj=problem.objectives,
            n_ieq_constr=problem.constraints,
            xl=np.zeros(genes),
            xu=problem.sizes - 1.0,
            vtype=int,
        )
        rng = np.random.default_rng(seed)
        drawn = problem.sample(population, rng)
        first = np.unique(np.concatenate([problem.seeds, drawn])[:population], axis=0)
        operators: dict[str, Any] = {
            "sampling": first, "crossover": UniformCrossover(prob=0.9), "mutation": _Step(problem.sizes),
            "repair": _Canonical(problem), "eliminate_duplicates": _Distinct(),
        }  # fmt: skip
        self._algorithm = NSGA2(pop_size=population, **operators)
        self._algorithm.setup(self._problem, termination=NoTermination(), seed=seed, verbose=False)
        self._asked: Any = None

    def ask(self) -> Genomes:
        self._asked = self._algorithm.ask()
        if self._asked is None or not len(self._asked):
            return np.zeros((0, self._problem.n_var), np.int64)
        return _genomes(self._asked)

    def tell(self, genomes: Genomes, values: NDArray[np.float64], violations: NDArray[np.float64]) -> None:
        # pymoo has no use for infinities; the constraint that says "does not fit" ranks such designs.
        finite = np.where(np.isfinite(values), values, 1e30)
        for individual, f, g in zip(self._asked, finite, violations, strict=True):
            individual.F, individual.G = f, g
            individual.evaluated = {"F", "G", "H"}
        self._algorithm.evaluator.n_eval += len(genomes)
        self._algorithm.tell(infills=self._asked)


class _Step(Mutation):
    def __init__(self, sizes: NDArray[np.int64]) -> None:
        super().__init__(prob=1.0)
        self._sizes = sizes

    def _do(self, problem: Any, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> Any:
        genomes = X.astype(np.int64)
        changed = random_state.random(genomes.shape) < 1.5 / genomes.shape[1]
        fresh = random_state.integers(0, self._sizes, genomes.shape)
        near = np.clip(genomes + random_state.choice((-1, 1), genomes.shape), 0, self._sizes - 1)
        moved = np.where(random_state.random(genomes.shape) < 0.5, near, fresh)
        return np.where(changed, moved, genomes)


class _Canonical(Repair):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self._problem = problem

    def _do(self, problem: Any, X: Any, **kwargs: Any) -> Any:
        return self._problem.repair(X.astype(np.int64))


class _Distinct(DuplicateElimination):
    """pymoo compares all pairs of vectors; a set of byte strings does the same in linear time."""

    def _do(self, pop: Any, other: Any, is_duplicate: Any) -> Any:
        seen = set() if other is None else set(_keys(other))
        for place, key in enumerate(_keys(pop)):
            is_duplicate[place] |= key in seen
            if other is None:
                seen.add(key)
        return is_duplicate


def _keys(population: Any) -> list[bytes]:
    return [genome.tobytes() for genome in _genomes(population)]


def _genomes(population: Any) -> Genomes:
    """Attributes are read directly: `population.get` takes ten times as long."""
    return np.array([individual.X for individual in population], np.int64)
