"""One part of the genes after the other: the network first and then its hardware, or the reverse, once or in turns.

    phase 1   `first` searches the `first_genes` for `evaluations` designs, all other genes as in the base design
    phase 2   `second` searches the others, for each of the `keep` best designs of phase 1
    ...       in turns until `phases` are done; the last goes on as long as the budget does

The base design is the best of the problem's seeds and of the middle value of every gene, which are evaluated before
phase 1: a base whose hardware no network fits would spoil it. `first_objective` names the one
objective (from 0) that phase 1 looks at: 0 with accuracy first is the "separate" search of Codesign-NAS (network for
accuracy alone, then its accelerator); many phases are its "phase" search.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.strategies.base import Method, Problem
from gossamer.search.strategies.checks import at_least
from gossamer.search.strategies.nsga2 import Nsga2
from gossamer.search.strategies.standing import badness, standing
from gossamer.search.strategies.subspace import Answers, SubSearch, SubSpace, answered, genes_of, others, questions

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class TwoPhase:
    """See the module's docstring. `evaluations`: of every phase but the last. `first_objective` -1: all of them."""

    first: Method = field(default_factory=lambda: Nsga2(population=20))
    second: Method = field(default_factory=lambda: Nsga2(population=20))
    first_genes: str = "network"
    evaluations: int = 100
    first_objective: int = -1
    keep: int = 1
    phases: int = 2

    def __post_init__(self) -> None:
        for option, least in (("evaluations", 1), ("first_objective", -1), ("keep", 1), ("phases", 2)):
            at_least("two-phase", option, getattr(self, option), least)

    def start(self, problem: Problem, seed: int) -> "Phases":
        if self.first_objective >= problem.objectives:
            raise SearchError(
                f"strategy 'two-phase': first_objective = {self.first_objective}, but there are {problem.objectives} "
                "objectives, counted from 0"
            )
        return Phases(problem, seed, self)


class Phases:
    """A run in phases."""

    def __init__(self, problem: Problem, seed: int, options: TwoPhase) -> None:
        self._problem, self._options, self._seed = problem, options, seed
        first = genes_of(problem, options.first_genes, "two-phase")
        self._places = (first, others(problem, first))
        self._answers = Answers(problem)
        self._phase = 0
        self._bases = problem.repair(np.concatenate([problem.seeds, (problem.sizes // 2)[None]]))
        self._searches: list[SubSearch] = []

    def ask(self) -> Genomes:
        if not self._searches and len(opening := self._answers.unknown(self._bases)):
            return opening
        while True:
            asked = questions(self._searches, self._answers)
            if len(asked) or self._phase == self._options.phases - 1:
                return asked
            bases = self._best()
            self._phase += 1
            self._searches = self._begin(bases)

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        if not self._searches:
            known, missed = self._answers.of(self._bases)
            self._searches = self._begin(self._bases[[standing(known, badness(known, missed)).argmin()]])
            return
        answered(self._searches, self._answers)

    def _begin(self, bases: Genomes) -> list[SubSearch]:
        """A search from every base; the last phase has no end."""
        last = self._phase == self._options.phases - 1
        share = -1 if last else max(1, self._options.evaluations // len(bases))
        return [self._search(base, share, number) for number, base in enumerate(bases)]

    def _search(self, base: Genomes, evaluations: int, number: int) -> SubSearch:
        options, turn = self._options, self._phase % 2
        space = SubSpace(self._problem.space, self._places[turn], base)
        method = options.second if turn else options.first
        seed = self._seed + 1000 * self._phase + number
        seeds = np.concatenate([base[None], self._problem.seeds])
        return SubSearch(method, space, self._problem, seeds, seed, self._objectives(turn), evaluations)

    def _objectives(self, turn: int) -> tuple[int, ...]:
        chosen = self._options.first_objective
        return (chosen,) if turn == 0 and chosen >= 0 else tuple(range(self._problem.objectives))

    def _best(self) -> Genomes:
        """The best `keep` designs of the phase, shared among its searches."""
        each = -(-self._options.keep // len(self._searches))
        found = np.concatenate([search.wholes[search.best(each)] for search in self._searches])
        return np.unique(found, axis=0)[: self._options.keep]
