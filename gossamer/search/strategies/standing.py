"""Who is better: feasible before infeasible, then by value or by Pareto rank and crowding.

Deb's rule (2002): a design that meets every constraint beats one that does not; of two that do not, the one with the
smaller sum of violations. Among feasible ones the smaller value wins, or with several objectives the smaller Pareto
rank and, within a rank, the larger crowding distance. Ranks come from moocore (C), crowding is computed for all fronts
at once.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.strategies.base import Problem

Matrix = NDArray[np.float64]
Places = NDArray[np.int64]

UNKNOWN = 1e9
"""Counts as the violation where there is none."""


def badness(values: Matrix, violations: Matrix) -> Matrix:
    """[n]: 0 for a design that meets all constraints, otherwise the sum of what it misses; inf without values."""
    missed = np.where(np.isfinite(violations), np.maximum(violations, 0.0), UNKNOWN).sum(axis=1)
    return np.where(np.isfinite(values).all(axis=1), missed, np.inf)


def standing(values: Matrix, bad: Matrix) -> Places:
    """[n] place of each design, 0 for the best. `bad`: see `badness`."""
    order = np.lexsort((*_tie_breaks(values, bad), bad))
    places = np.empty(len(bad), np.int64)
    places[order] = np.arange(len(bad))
    return places


def _tie_breaks(values: Matrix, bad: Matrix) -> tuple[Matrix, ...]:
    """Keys of feasible designs, least important first; 0 for the others."""
    fine = bad == 0
    if values.shape[1] == 1:
        return (np.where(fine, values[:, 0], 0.0),)
    rank, room = np.zeros(len(bad)), np.zeros(len(bad))
    if fine.any():
        rank[fine] = pareto_ranks(values[fine])
        room[fine] = -crowding(values[fine], rank[fine])
    return room, rank


def pareto_ranks(values: Matrix) -> Places:
    """[n] 0 on the front, 1 on the front of what is left, ..."""
    from moocore import pareto_rank

    return np.asarray(pareto_rank(values), np.int64)


def crowding(values: Matrix, rank: Matrix) -> Matrix:
    """Deb's crowding distance [n] within each rank: sum over objectives of the gap between both neighbours as a share
    of the rank's extent; inf at the ends.
    """
    total = np.zeros(len(rank))
    for column in values.T:
        order = np.lexsort((column, rank))
        ranks, sorted_column = rank[order], column[order]
        starts = np.flatnonzero(np.r_[True, ranks[1:] != ranks[:-1]])
        ends = np.r_[starts[1:], len(order)] - 1
        extent = np.repeat(sorted_column[ends] - sorted_column[starts], ends - starts + 1)
        gaps = np.full(len(order), np.inf)
        gaps[1:-1] = (sorted_column[2:] - sorted_column[:-2]) / np.where(extent[1:-1] > 0, extent[1:-1], 1.0)
        gaps[starts], gaps[ends] = np.inf, np.inf
        total[order] += gaps
    return total


def one_objective(problem: Problem, method: str) -> None:
    """SearchError where a method that needs a single number is given several."""
    if problem.objectives != 1:
        raise SearchError(
            f"strategy '{method}' improves one number and was given {problem.objectives} objectives; "
            "give one objective, such as weighted_product"
        )


@dataclass
class Told:
    """Everything a strategy was told, in order: genomes [n, genes], values [n, objectives], violations [n, c]."""

    problem: Problem
    _parts: list[tuple[Genomes, Matrix, Matrix]] = field(default_factory=list)
    _joined: tuple[Genomes, Matrix, Matrix] | None = None

    def add(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._parts.append((genomes, values, violations))
        self._joined = None

    def __len__(self) -> int:
        return sum(len(part[0]) for part in self._parts)

    @property
    def genomes(self) -> Genomes:
        return self._all[0]

    @property
    def values(self) -> Matrix:
        return self._all[1]

    @property
    def violations(self) -> Matrix:
        return self._all[2]

    @property
    def bad(self) -> Matrix:
        return badness(self.values, self.violations)

    @property
    def standing(self) -> Places:
        return standing(self.values, self.bad)

    @property
    def _all(self) -> tuple[Genomes, Matrix, Matrix]:
        if self._joined is None:
            empty = np.zeros((0, self.problem.genes), np.int64)
            first = (empty, np.zeros((0, self.problem.objectives)), np.zeros((0, self.problem.constraints)))
            genomes, values, violations = zip(first, *self._parts)
            self._joined = np.concatenate(genomes), np.concatenate(values), np.concatenate(violations)
            self._parts = [self._joined]
        return self._joined
