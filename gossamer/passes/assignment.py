"""One choice for every variable, so that the choices and what pairs of them cost together are cheapest.

The partitioned Boolean quadratic problem of register allocators and layout planners (Scholz and Eckstein, LCTES 2002):
minimise  sum_i own_i[x_i] + sum_ij pair_ij[x_i, x_j].  Variables with at most two neighbours are eliminated exactly by
dynamic programming (rules R0, R1, R2), which solves chains, trees and series-parallel graphs to the optimum. Where all
variables left have three neighbours or more (rule RN), the one with most takes the choice that is best for itself and
its neighbours; single choices are then improved until none can be. `Solution.exact` says whether RN was needed.

    problem = Assignment()
    x, y = problem.variable([0.0, 3.0]), problem.variable([1.0, 0.0])
    problem.pair(x, y, np.array([[5.0, 9.0], [0.0, 0.0]]))
    assert problem.solve().choices == (1, 1)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """The choice of every variable, what all of them cost, and whether nothing can be cheaper for certain."""

    choices: tuple[int, ...]
    cost: float
    exact: bool


@dataclass
class Assignment:
    """Variables are numbered in the order they are made."""

    own: list[Costs] = field(default_factory=list[Costs])
    pairs: dict[tuple[int, int], Costs] = field(default_factory=dict[tuple[int, int], Costs])

    def variable(self, costs: Sequence[float]) -> int:
        """A new variable and the cost of each of its choices."""
        self.own.append(np.array(costs, np.float64))
        return len(self.own) - 1

    def pair(self, first: int, second: int, costs: Costs) -> None:
        """What pairs of choices cost, [first's, second's]; adds to what was said before. `first` may be `second`."""
        if first == second:
            self.own[first] = self.own[first] + np.diagonal(costs)
            return
        key, costs = ((first, second), costs) if first < second else ((second, first), costs.T)
        self.pairs[key] = self.pairs[key] + costs if key in self.pairs else costs

    def cost(self, choices: Sequence[int]) -> float:
        """What these choices cost together."""
        own = sum(float(costs[choice]) for costs, choice in zip(self.own, choices, strict=True))
        return own + sum(float(costs[choices[i], choices[j]]) for (i, j), costs in self.pairs.items())

    def solve(self) -> Solution:
        """The cheapest choices, or good ones where the graph is too entangled."""
        elimination = _Elimination(self)
        choices = elimination.run()
        if not elimination.exact:
            self._improve(choices)
        return Solution(tuple(choices), self.cost(choices), elimination.exact)

    def _improve(self, choices: list[int]) -> None:
        near = _neighbours(self)
        waiting = set(range(len(choices)))
        while waiting:
            variable = waiting.pop()
            total = self.own[variable] + sum(costs[:, choices[other]] for other, costs in near[variable].items())
            best = int(np.argmin(total))
            if total[best] < total[choices[variable]]:
                choices[variable] = best
                waiting |= near[variable].keys()


def _neighbours(problem: Assignment) -> list[dict[int, Costs]]:
    near: list[dict[int, Costs]] = [{} for _ in problem.own]
    for (i, j), costs in problem.pairs.items():
        near[i][j], near[j][i] = costs, costs.T
    return near


class _Elimination:
    """Takes variables out one by one, then chooses for them in reverse."""

    def __init__(self, problem: Assignment) -> None:
        self.own = list(problem.own)
        self.near = _neighbours(problem)
        self.exact = True

    def run(self) -> list[int]:
        gone: list[tuple[int, Costs, dict[int, Costs]]] = []
        left = set(range(len(self.own)))
        easy = [v for v in left if len(self.near[v]) <= 2]
        while left:
            while easy and (easy[-1] not in left or len(self.near[easy[-1]]) > 2):
                easy.pop()
            variable = easy.pop() if easy else max(left, key=lambda v: (len(self.near[v]), -v))
            near = self.near[variable]
            if len(near) > 2:
                self._settle(variable)
            gone.append((variable, self.own[variable], dict(near)))
            self._remove(variable)
            left.discard(variable)
            easy += [v for v in near if len(self.near[v]) <= 2]
        choices = [0] * len(self.own)
        for variable, own, near in reversed(gone):
            total = own + sum(costs[:, choices[other]] for other, costs in near.items())
            choices[variable] = int(np.argmin(total))
        return choices

    def _settle(self, variable: int) -> None:
        """RN: keep only the choice that looks best from here."""
        self.exact = False
        total = self.own[variable].copy()
        for other, costs in self.near[variable].items():
            total += (costs + self.own[other]).min(axis=1)
        only = np.full_like(total, np.inf)
        best = int(np.argmin(total))
        only[best] = self.own[variable][best]
        self.own[variable] = only

    def _remove(self, variable: int) -> None:
        """R0, R1, R2, or a settled variable: what it costs goes to its neighbours."""
        own, near = self.own[variable], self.near[variable]
        for other in near:
            del self.near[other][variable]
        if len(near) == 1:
            ((other, costs),) = near.items()
            self.own[other] = self.own[other] + (own[:, None] + costs).min(axis=0)
        elif len(near) == 2:
            (a, to_a), (b, to_b) = near.items()
            self._join(a, b, (own[:, None, None] + to_a[:, :, None] + to_b[:, None, :]).min(axis=0))
        elif near:
            best = int(np.argmin(own))
            for other, costs in near.items():
                self.own[other] = self.own[other] + costs[best]

    def _join(self, a: int, b: int, costs: Costs) -> None:
        known = self.near[a].get(b)
        total = costs if known is None else known + costs
        self.near[a][b], self.near[b][a] = total, total.T
