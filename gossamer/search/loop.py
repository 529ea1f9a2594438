"""The search loop: ask a strategy, evaluate what is new, store it, tell.

Every evaluation has a number; the sequence depends on the seed alone. On a resumed search the strategy asks the same
questions again and the store answers the first of them, so nothing is lost and nothing is evaluated twice.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.budget import Budget
from gossamer.search.choices import Genomes
from gossamer.search.estimators.base import Progress
from gossamer.search.inner import METRICS, Columns
from gossamer.search.objectives import Limit, Objective, matrix, violations
from gossamer.search.store import Evaluation, Store
from gossamer.search.strategies.base import Strategy

CHUNK = 32
"""Designs stored together: a killed search loses at most so many."""


@dataclass
class Archive:
    """Everything evaluated, in order, and where each genome is."""

    rows: list[Evaluation] = field(default_factory=list)
    places: dict[bytes, int] = field(default_factory=dict)

    def add(self, row: Evaluation) -> None:
        self.places[row.genome.tobytes()] = len(self.rows)
        self.rows.append(row)

    def columns(self, places: Sequence[int] | None = None) -> Columns:
        """Metrics of some rows, or of all."""
        rows = self.rows if places is None else [self.rows[place] for place in places]
        return {name: np.array([row.metrics.get(name, np.nan) for row in rows]) for name in METRICS}

    def columns_of(self, genomes: Genomes) -> Columns:
        return self.columns([self.places[genome.tobytes()] for genome in genomes])


@dataclass
class Loop:
    """`clock` counts search time across resumed runs; `interrupted` is set when Ctrl-C ended it."""

    strategy: Strategy
    evaluate: Callable[[Genomes], Columns]
    store: Store
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]
    budget: Budget
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    archive: Archive = field(default_factory=Archive)
    interrupted: bool = False
    replayed: int = 0

    def run(self) -> None:
        """Until the budget is spent, the space is exhausted, or Ctrl-C."""
        for row in self.store.evaluations():
            self.archive.add(row)
        self._before = self.archive.rows[-1].elapsed_s if self.archive.rows else 0.0
        self.replayed = len(self.archive.rows)
        try:
            while not self._spent() and self._generation():
                pass
        except KeyboardInterrupt:
            if not self.archive.rows:
                raise
            self.interrupted = True

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self.started

    def _spent(self) -> bool:
        done = len(self.archive.rows)
        self.progress("searching", int(1000 * self.budget.share(done, self.seconds)), 1000)
        return self.budget.spent(done, self.seconds) and bool(done)

    def _generation(self) -> bool:
        """One round; False when it was cut short or there was nothing left to ask."""
        genomes = self.strategy.ask()
        if not len(genomes):
            return False
        fresh = [genome for genome in genomes if genome.tobytes() not in self.archive.places]
        for start in range(0, len(fresh), CHUNK):
            if start and self._spent():
                return False
            self._evaluate(np.stack(fresh[start : start + CHUNK]))
        if any(genome.tobytes() not in self.archive.places for genome in genomes):
            return False
        metrics = self.archive.columns_of(genomes)
        self.strategy.tell(genomes, matrix(self.objectives, metrics), violations(self.limits, metrics))
        return True

    def _evaluate(self, genomes: Genomes) -> None:
        most = self.budget.evaluations
        if most is not None:
            genomes = genomes[: most - len(self.archive.rows)]
        if not len(genomes):
            return
        found = self.evaluate(genomes)
        rows = [
            Evaluation(
                len(self.archive.rows) + place,
                genome,
                {name: float(found[name][place]) for name in METRICS},
                self.seconds,
            )
            for place, genome in enumerate(genomes)
        ]
        self.store.add(rows)
        for row in rows:
            self.archive.add(row)


def feasible(archive: Archive, limits: Sequence[Limit]) -> list[int]:
    """Positions of designs that fit and meet every limit. SearchError, with the nearest there was, when there are
    none.
    """
    metrics = archive.columns()
    missed = violations(limits, metrics)
    found = np.flatnonzero((missed <= 0).all(axis=1) & np.isfinite(metrics["accuracy"])).tolist()
    if not found:
        _refuse(archive, limits, missed)
    return found


def _refuse(archive: Archive, limits: Sequence[Limit], missed: np.ndarray) -> None:
    from gossamer.search.objectives import show

    if not limits:
        raise SearchError(
            f"none of {len(archive.rows)} designs fits its hardware; widen the hardware choices or search longer"
        )
    nearest = archive.rows[int(np.maximum(missed, 0).sum(axis=1).argmin())].metrics
    said = ", ".join(
        f"{limit.objective.label} = {show(limit.objective, nearest[limit.objective.key])}" for limit in limits
    )
    texts = ", ".join(f"'{limit.text}'" for limit in limits)
    raise SearchError(
        f"none of {len(archive.rows)} designs meets {texts}: the nearest has {said}; relax the limits or search longer"
    )
