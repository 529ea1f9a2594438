"""Simplicial homology global optimisation (Endres et al. 2018; scipy's `shgo`) over a few genes at a time.

FLASH searches five numbers of a network with it. Each round takes `genes` of the genes (drawn at random, all where
there are no more), spreads `points` Sobol points over their values, triangulates them, and descends from every local
minimum of the triangulation over neighbouring values; the other genes stay at the best design known. Rounds follow
until nothing new is left. More than eight genes make the triangulation slow beyond use, so that is the most.

scipy calls a function where we ask and tell, so the round is run again from its beginning whenever answers come in:
what is known is looked up, and the first points that are not known are asked for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least
from gossamer.search.strategies.standing import Told, badness, one_objective
from gossamer.search.strategies.subspace import Answers, SubSpace

Matrix = NDArray[np.float64]

_MOST_GENES = 8
_IDLE_ROUNDS = 20
_MISSED = 1e6
"""A design that misses a limit is worse than any that does not."""


@dataclass(frozen=True)
class Shgo:
    """See the module's docstring."""

    genes: int = 3
    points: int = 16

    def __post_init__(self) -> None:
        at_least("shgo", "points", self.points, 4)
        at_least("shgo", "genes", self.genes, 1)
        at_least("shgo", f"{_MOST_GENES} - genes", _MOST_GENES - self.genes, 0)

    def start(self, problem: Problem, seed: int) -> "Homology":
        one_objective(problem, "shgo")
        return Homology(problem, seed, self)


class _Unknown(Exception):
    """Designs whose values a round needs."""

    def __init__(self, genomes: Genomes) -> None:
        self.genomes = genomes


class Homology:
    """A run of SHGO."""

    def __init__(self, problem: Problem, seed: int, options: Shgo) -> None:
        self._problem, self._options = problem, options
        self._rng = np.random.default_rng(seed)
        self._asked, self._answers, self._told = Asked(problem), Answers(problem), Told(problem)
        self._round: SubSpace | None = None
        self._idle = 0

    def ask(self) -> Genomes:
        seeds = self._problem.repair(self._problem.seeds.copy())
        if not len(self._asked) and len(seeds):
            return self._asked.fresh(seeds)
        while self._idle < _IDLE_ROUNDS:
            self._round = self._round or self._next()
            try:
                self._descend(self._round)
            except _Unknown as unknown:
                self._idle = 0
                return self._asked.fresh(unknown.genomes)
            self._round, self._idle = None, self._idle + 1
        return self._asked.sampled(self._options.points, self._rng)

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        self._told.add(genomes, values, violations)

    def _next(self) -> SubSpace:
        """The genes of the next round, around the best design known."""
        open_genes = np.flatnonzero(self._problem.sizes > 1)
        count = min(self._options.genes, len(open_genes))
        places = np.sort(self._rng.permutation(open_genes)[:count])
        middle = self._problem.repair((self._problem.sizes // 2)[None])[0]
        base = self._told.genomes[self._told.standing.argmin()] if len(self._told) else middle
        return SubSpace(self._problem.space, places, base)

    def _descend(self, space: SubSpace) -> None:
        """One run of scipy's; raises _Unknown for what is not known yet."""
        from scipy.optimize import shgo

        sizes = space.choices.sizes
        if len(sizes) < 2:  # nothing to triangulate
            self._costs(space, np.arange(sizes.prod())[:, None])
            return

        def cells(points: Matrix) -> Genomes:
            return np.clip((np.atleast_2d(points) * sizes).astype(np.int64), 0, sizes - 1)

        def cost(point: Matrix) -> float:
            return float(self._costs(space, cells(point))[0])

        def together(_: Callable[..., Any], points: Iterable[Matrix]) -> list[float]:
            return self._costs(space, cells(np.array(list(points)))).tolist()

        minimiser = {"method": _Valleys(lambda genomes: self._costs(space, genomes), cells, sizes)}
        workers: Any = together  # scipy's own description takes a map-like callable, its type does not
        shgo(
            cost, [(0.0, 1.0)] * len(sizes), n=self._options.points, sampling_method="sobol",
            minimizer_kwargs=minimiser, workers=workers,
        )  # fmt: skip

    def _costs(self, space: SubSpace, genomes: Genomes) -> Matrix:
        """[n] values of sub-genomes; raises _Unknown when some are not known."""
        wholes = space.whole(genomes)
        unknown = self._answers.unknown(wholes)
        if len(unknown):
            raise _Unknown(unknown)
        values, violations = self._answers.of(wholes)
        bad = badness(values, violations)
        clean = np.where(bad == 0, values[:, 0], _MISSED * (1.0 + np.minimum(bad, 1e9)))
        return clean


class _Valleys:
    """A local minimiser for scipy: from a cell to its best neighbour until there is no better one."""

    def __init__(self, costs: Callable[[Genomes], Matrix], cells: Callable[[Matrix], Genomes], sizes: Genomes) -> None:
        self._costs, self._cells, self._sizes = costs, cells, sizes

    def lower(self) -> str:
        """scipy asks every method for its name in lower case, and calls those of one's own so."""
        return "_custom"

    def __call__(self, fun: Any, x0: Matrix, *args: Any, **kwargs: Any) -> Any:
        from scipy.optimize import OptimizeResult

        here = self._cells(x0)[0]
        while True:
            steps = np.concatenate([np.zeros((1, len(here)), np.int64), np.eye(len(here), dtype=np.int64)])
            around = np.unique(np.clip(here + np.concatenate([steps, -steps]), 0, self._sizes - 1), axis=0)
            costs, own = self._costs(around), self._costs(here[None])[0]
            best = int(costs.argmin())
            if costs[best] >= own:
                return OptimizeResult(x=(here + 0.5) / self._sizes, fun=float(own), success=True, nfev=0)
            here = around[best]
