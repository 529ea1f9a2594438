"""Greedy changes: from one design, step by step, always the change that costs least for what it gains.

    all changes of one choice -> evaluate -> keep the best -> ...

`start_from: largest, changes: down` is pruning as NetAdapt does it (Yang et al. 2018), and backward selection; with
`smallest` and `up` networks grow. The best change of a step is

    while a limit is missed       the one with the least loss of the first objective per violation it removes
    with several objectives       the one with the least loss of the first per share of the others' sum it saves, so
                                  the steps trace a front (NetAdapt's sequence of networks)
    with one objective            the one with the least value, if it improves

where a change that wins on both sides comes before any that trades. NetAdapt fixes how much each step must save and
fine-tunes briefly; here the step is one value of one choice and what an evaluation does is the evaluator's.
When no change is any good the search goes on from a random design (with `restarts`) or ends.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import one_of
from gossamer.search.strategies.standing import badness
from gossamer.search.strategies.subspace import Answers

Matrix = NDArray[np.float64]
From: TypeAlias = Literal["largest", "smallest", "seed"]
Changes: TypeAlias = Literal["down", "up", "near", "any"]


@dataclass(frozen=True)
class Greedy:
    """See the module's docstring. `largest`, `smallest`: the last, first value of every choice; `seed`: the problem's
    first seed. `changes`: to the value before, after, either, or to any other.
    """

    start_from: From = "largest"
    changes: Changes = "down"
    restarts: bool = True

    def __post_init__(self) -> None:
        one_of("greedy", "start_from", self.start_from, ("largest", "smallest", "seed"))
        one_of("greedy", "changes", self.changes, ("down", "up", "near", "any"))

    def start(self, problem: Problem, seed: int) -> "Steps":
        return Steps(problem, seed, self)


class Steps:
    """A run of greedy changes."""

    def __init__(self, problem: Problem, seed: int, options: Greedy) -> None:
        self._problem, self._options = problem, options
        self._rng = np.random.default_rng(seed)
        self._asked, self._answers = Asked(problem), Answers(problem)
        self._current: Genomes | None = None
        self._next: Genomes | None = self._first()
        self._changed: Genomes = np.zeros((0, problem.genes), np.int64)

    def ask(self) -> Genomes:
        while True:
            if self._current is None:
                return self._begin()
            self._changed = self._changes(self._current)
            fresh = self._asked.fresh(self._changed)
            if len(fresh):
                return fresh
            self._step()

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        if self._current is None:
            self._current = genomes[0]
        else:
            self._step()

    def _first(self) -> Genomes:
        sizes, seeds = self._problem.sizes, self._problem.seeds
        chosen = sizes - 1 if self._options.start_from == "largest" else np.zeros_like(sizes)
        chosen = seeds[0] if self._options.start_from == "seed" and len(seeds) else chosen
        return self._problem.repair(chosen[None].copy())

    def _begin(self) -> Genomes:
        """The design to start from: the one of the options, later random ones or none."""
        first, self._next = self._next, None
        if first is not None:
            return self._asked.fresh(first)
        return self._asked.sampled(1 if self._options.restarts else 0, self._rng)

    def _changes(self, genome: Genomes) -> Genomes:
        """Designs that one allowed change leads to, distinct."""
        changed = self._problem.choices.neighbours(genome) if self._options.changes == "any" else self._stepped(genome)
        changed = np.unique(self._problem.repair(changed), axis=0)
        return changed[(changed != genome).any(axis=1)]

    def _stepped(self, genome: Genomes) -> Genomes:
        one = np.eye(len(genome), dtype=np.int64)
        steps = {"down": -one, "up": one, "near": np.concatenate([-one, one])}[self._options.changes]
        changed = genome + steps
        return changed[((changed >= 0) & (changed < self._problem.sizes)).all(axis=1)]

    def _step(self) -> None:
        """To the best change; nowhere, so that the next question starts anew, when none is any good."""
        assert self._current is not None
        if not len(self._changed):
            self._current = None
            return
        values, violations = self._answers.of(np.concatenate([self._current[None], self._changed]))
        best = best_change(values, badness(values, violations))
        self._current = None if best is None else self._changed[best]


def best_change(values: Matrix, bad: Matrix) -> int | None:
    """The best row after the first, counted from 0, as the module's docstring says; None when none is any good."""
    with np.errstate(invalid="ignore"):
        saved = bad[0] - bad[1:] if bad[0] > 0 else _cost(values)[0] - _cost(values)[1:]
        loss = values[1:, 0] - values[0, 0]
    if bad[0] == 0 and values.shape[1] == 1:
        saved = -loss
    usable = (saved > 0) & np.isfinite(values[1:]).all(axis=1) & (bad[1:] <= bad[0])
    if not usable.any():
        return None
    # From a design without values any that has some is a gain.
    loss = np.where(usable, np.where(np.isfinite(loss), loss, -saved), 0.0)
    kind = np.where(loss > 0, 1, 0)
    size = np.where(loss > 0, loss / np.where(usable & np.isfinite(saved), saved, 1.0), loss)
    return int(np.lexsort((size, kind, ~usable))[0])


def _cost(values: Matrix) -> Matrix:
    """[n]: the sum of all objectives but the first, as shares of the first row's."""
    unit = np.abs(values[0, 1:])
    return (values[:, 1:] / np.where(unit > 0, unit, 1.0)).sum(axis=1)
