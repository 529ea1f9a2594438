"""Integer programming over additive tables: the best design of a model in which every choice adds its share.

Designs that differ from a base design in one choice are evaluated, and what each value of a choice changes becomes its
entry in a table. The best combination is then found exactly (HiGHS through scipy's `milp`; a multiple-choice knapsack):

    minimise    sum_c,v w . d[c, v] x[c, v]                 w: weights of the objectives, d: changes of their values
    so that     sum_v x[c, v] = 1                           every choice takes one value
                base_j + sum_c,v e[c, v, j] x[c, v] <= 0    every constraint holds (their violations are linear in a
                                                            metric, so tables are exact where the metric is a sum)
                sum_{v > 0} x[c, v] <= sum_{allowed u} x[p, u]      a choice whose condition fails keeps its first value
                sum_c x[c, g_c] <= choices - 1              and no design g that this table has answered before

It is what HAO does with latency and accuracy tables of operators, and APQ-like bit allocation with layer tables. Each
round solves `solutions` programs (several objectives: one weight vector each, drawn from the simplex), the answers are
evaluated, and the next table is built around the best design found when that has changed. A table that has answered
`_MOST` times has little left to say; the next is then built around a random design.

A value whose own design has no value or fits no hardware is closed while its table lasts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Choices, Condition, Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least
from gossamer.search.strategies.standing import UNKNOWN, Told
from gossamer.search.strategies.subspace import Answers

Matrix = NDArray[np.float64]

_MOST = 32


@dataclass(frozen=True)
class IntegerProgram:
    """See the module's docstring. `margin`: what constraints are tightened by, as a share of their bounds, for tables
    that are not exact; `seconds`: the longest that one program may take.
    """

    solutions: int = 8
    margin: float = 0.0
    seconds: float = 20.0

    def __post_init__(self) -> None:
        at_least("integer-program", "solutions", self.solutions, 1)
        at_least("integer-program", "seconds", self.seconds, 1e-3)

    def start(self, problem: Problem, seed: int) -> "Programs":
        return Programs(problem, seed, self)


@dataclass(frozen=True)
class Table:
    """Changes from a base design. `columns`: the choice and value of each variable [v]; `values` [v, objectives],
    `violations` [v, constraints]: what it adds; `open` [v]: whether it may be taken.
    """

    base: Genomes
    base_violations: Matrix
    genes: Genomes
    taken: Genomes
    values: Matrix
    violations: Matrix
    open: NDArray[np.bool_]


class Programs:
    """A run of integer programs."""

    def __init__(self, problem: Problem, seed: int, options: IntegerProgram) -> None:
        self._problem, self._options = problem, options
        self._rng = np.random.default_rng(seed)
        self._asked, self._answers, self._told = Asked(problem), Answers(problem), Told(problem)
        self._base: Genomes | None = None
        self._table: Table | None = None
        self._excluded: list[Genomes] = []
        self._solving = False

    def ask(self) -> Genomes:
        if self._base is None:
            return self._first()
        fresh = self._asked.fresh(np.concatenate([self._base[None], *self._variants(self._base)[:2]]))
        self._solving = not len(fresh)
        if len(fresh):
            return fresh
        solved = self._solved()
        return solved if len(solved) else self._restarted()

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        self._told.add(genomes, values, violations)
        if self._base is None or self._solving:
            best = self._told.genomes[self._told.standing.argmin()]
            if self._base is None or (best != self._base).any():
                self._base, self._table, self._excluded = best, None, []

    def _restarted(self) -> Genomes:
        """A random design, around which the next table is built, with nothing told before it."""
        self._base, self._table, self._excluded = None, None, []
        self._told = Told(self._problem)
        return self._asked.sampled(1, self._rng)

    def _first(self) -> Genomes:
        seeds = self._asked.fresh(self._problem.repair(self._problem.seeds.copy()))
        middle = self._problem.repair((self._problem.sizes // 2)[None])
        return seeds if len(seeds) else self._asked.fresh(middle)

    def _variants(self, base: Genomes) -> tuple[Genomes, Genomes, Genomes]:
        """For every value of every choice a pair of designs that differ in it alone, and [v, 2] the choice and the
        value. The first of a pair is the base design where the choice is active; otherwise its conditions are made to
        hold. Where the value takes other choices away, both of the pair have those at their first values, so that
        what they add is not counted twice.
        """
        sizes = self._problem.sizes
        genes = np.repeat(np.arange(len(sizes)), sizes)
        taken = np.concatenate([np.arange(size) for size in sizes])
        rows = np.arange(len(genes))
        grounds = np.stack([self._ground(base, gene) for gene in range(len(sizes))])[genes]
        own = grounds[rows, genes].copy()
        changed = grounds.copy()
        changed[rows, genes] = taken
        changed = self._problem.repair(changed)
        grounds = changed.copy()
        grounds[rows, genes] = own
        return self._problem.repair(grounds), changed, np.stack([genes, taken], axis=1)

    def _ground(self, base: Genomes, gene: int) -> Genomes:
        """The base design, changed where a choice needs other values to be active."""
        ground = base.copy()
        waiting = [gene]
        choices = self._problem.choices
        while waiting:
            for condition in choices.items[waiting.pop()].when:
                parent = choices.places[condition.choice]
                allowed = _allowed(choices, condition)
                if allowed and int(ground[parent]) not in allowed:
                    ground[parent] = allowed[0]
                waiting.append(parent)
        return self._problem.repair(ground[None])[0]

    def _tabled(self) -> Table:
        assert self._base is not None
        grounds, changed, columns = self._variants(self._base)
        before, missed_before = self._answers.of(grounds)
        after, missed_after = self._answers.of(changed)
        fine: NDArray[np.bool_] = np.asarray(np.isfinite(after + before).all(axis=1))
        fine &= np.asarray((np.abs(missed_after) < UNKNOWN).all(axis=1))
        kept = changed[np.arange(len(columns)), columns[:, 0]] == columns[:, 1]  # what repair undoes is no value
        change = np.where(fine[:, None], after - before, 0.0)
        missed = np.where(fine[:, None], missed_after - missed_before, 0.0)
        _, base_missed = self._answers.of(self._base[None])
        return Table(self._base, base_missed[0], columns[:, 0], columns[:, 1], change, missed, fine & kept)

    def _solved(self) -> Genomes:
        """Designs that solve the programs and were not asked for yet."""
        self._table = self._table or self._tabled()
        found: list[Genomes] = [np.zeros((0, self._problem.genes), np.int64)]
        for weights in self._weights():
            found.append(self._new(weights))
        return np.concatenate(found)

    def _new(self, weights: Matrix) -> Genomes:
        """The best design under these weights that was not asked for, or none."""
        assert self._table is not None
        while len(self._excluded) < _MOST:
            excluded = np.stack([self._table.base, *self._excluded])
            solution = solve(self._problem.choices, self._table, weights, excluded, self._options)
            if solution is None:
                break
            self._excluded.append(solution)
            fresh = self._asked.fresh(self._problem.repair(solution[None]))
            if len(fresh):
                return fresh
        return np.zeros((0, self._problem.genes), np.int64)

    def _weights(self) -> Matrix:
        """One row per program: objectives brought to the extent of their tables."""
        assert self._table is not None
        extent = np.maximum(self._table.values.max(axis=0) - self._table.values.min(axis=0), 1e-30)
        if self._problem.objectives == 1:
            return np.ones((self._options.solutions, 1)) / extent
        return self._rng.dirichlet(np.ones(self._problem.objectives), self._options.solutions) / extent


def solve(
    choices: Choices, table: Table, weights: Matrix, excluded: Genomes, options: IntegerProgram
) -> Genomes | None:
    """The best genome of the table under its constraints; None where there is none."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    least: Any = -np.inf
    open_values: Any = np.where(table.open, 1.0, 0.0)
    met: Any = -table.base_violations - options.margin
    most: Any = len(choices) - 1
    rows = [
        _one_each(len(choices), table),
        LinearConstraint(table.violations.T, least, met),
        *_conditions(choices, table),
        LinearConstraint(_matches(table, excluded), least, most),
    ]
    limits: dict[str, Any] = {"time_limit": options.seconds}
    found = milp(
        table.values @ weights,
        integrality=np.ones(len(table.genes)),
        bounds=Bounds(0, open_values),
        constraints=[row for row in rows if row.A.shape[0]],
        options=limits,
    )
    if found.x is None:
        return None
    genome = np.zeros(len(choices), np.int64)
    picked = found.x > 0.5
    genome[table.genes[picked]] = table.taken[picked]
    return genome


def _allowed(choices: Choices, condition: Condition) -> list[int]:
    """The values, by number, with which a condition holds."""
    values = choices.items[choices.places[condition.choice]].values
    return [number for number, value in enumerate(values) if value in condition.values]


def _one_each(genes: int, table: Table) -> Any:
    from scipy.optimize import LinearConstraint

    return LinearConstraint((table.genes[None] == np.arange(genes)[:, None]).astype(float), 1, 1)


def _matches(table: Table, designs: Genomes) -> Matrix:
    """[designs, v]: 1 where a design has that value, so a row sums to how many genes are alike."""
    return (designs[:, table.genes] == table.taken).astype(float)


def _conditions(choices: Choices, table: Table) -> list[Any]:
    """A choice may leave its first value only where its conditions hold."""
    from scipy.optimize import LinearConstraint

    rows = []
    for place, item in enumerate(choices.items):
        for condition in item.when:
            parent = choices.places[condition.choice]
            row = ((table.genes == place) & (table.taken > 0)).astype(float)
            row -= (table.genes == parent) & np.isin(table.taken, _allowed(choices, condition))
            rows.append(LinearConstraint(row[None], -np.inf, 0))
    return rows
