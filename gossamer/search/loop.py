"""The search loop: ask a strategy, evaluate what is new, store it, tell.

Every evaluation has a number; the sequence depends on the seed alone. On a resumed search the strategy asks the same
questions again and the store answers the first of them, so nothing is lost and nothing is evaluated twice. Several
processes share a search in the same way: all ask the same questions, each evaluates what it claims first.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.archive import Archive
from gossamer.search.budget import Budget
from gossamer.search.choices import Genomes
from gossamer.search.evaluators import Progress
from gossamer.search.executors.base import Pool
from gossamer.search.inner import Columns
from gossamer.search.objectives import Goal, Limit, matrix, violations
from gossamer.search.store import Store
from gossamer.search.strategies.base import Strategy
from gossamer.search.tables import WORDS, Evaluation, Status
from gossamer.search.work import Work

__all__ = ["Archive", "Loop", "feasible"]

NO_VALUE = 1e9
"""Violation of a design that has no value: as `Limit.violation` has it."""
STALE = 100
"""So many rounds without a new design end a search: its strategy goes in circles."""


@dataclass
class Loop:
    """`evaluate` gives the metrics of designs in this process; `pool`, if any, those that need workers, for the designs
    that `evaluate` finds to exist (none of its metrics is infinite). `seconds` counts search time across resumed runs;
    `interrupted` is set when Ctrl-C ended it; `replayed`: evaluations that were there already.
    """

    strategy: Strategy
    evaluate: Callable[[Genomes], Columns]
    store: Store
    objectives: Sequence[Goal]
    limits: Sequence[Limit]
    budget: Budget
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    archive: Archive = field(default_factory=Archive)
    interrupted: bool = False
    replayed: int = 0
    pool: Pool | None = None

    def run(self) -> None:
        """Until the budget is spent, the space is exhausted, or Ctrl-C."""
        self._known = {row.genome.tobytes(): row for row in self.store.evaluations()}
        self._news: dict[bytes, Evaluation] = {}
        self._before = max((row.elapsed_s for row in self._known.values()), default=0.0)
        self._stale = 0
        self.replayed = len(self._known)
        if self.pool is not None:
            self.pool.recall(list(self._known.values()))
        try:
            self._search()
        except KeyboardInterrupt:
            if not (self.archive.places or self._known or self._news):
                raise
            self.interrupted = True
        finally:
            self.store.leave()  # what follows may take minutes, and who shares the search need not wait for it
            self.archive.extend(sorted({**self._news, **self._known}.values(), key=lambda row: row.number))

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self.started

    def _search(self) -> None:
        if self._known and self.budget.spent(len(self._known), self.seconds):
            return
        work = Work(self.evaluate, self.store, self._judged, self._spent, lambda: self.seconds, self.pool)
        while not self._spent() and self._round(work):
            pass

    def _spent(self) -> bool:
        done = len(self.archive) + len(self._news)
        self.progress("searching", int(1000 * self.budget.share(done, self.seconds)), 1000)
        return bool(done) and self.budget.spent(done, self.seconds)

    def _round(self, work: Work) -> bool:
        """Ask, evaluate, tell; False when it was cut short or there was nothing left to ask."""
        genomes = self.strategy.ask()
        if not len(genomes):
            return False
        fresh = list(dict.fromkeys(key for key in _keys(genomes) if key not in self.archive.places))
        most = self.budget.evaluations
        allowed = fresh if most is None else fresh[: max(most - len(self.archive), 0)]
        if not self._obtained(allowed, work) or len(allowed) < len(fresh):
            return False
        self._tell(genomes)
        self._stale = 0 if fresh else self._stale + 1
        return self._stale < STALE

    def _obtained(self, fresh: Sequence[bytes], work: Work) -> bool:
        """Bring evaluations of these into the archive, in their order. False when it was cut short."""
        numbers = dict(zip(fresh, range(len(self.archive), len(self.archive) + len(fresh))))
        asked = [(number, np.frombuffer(key, np.int64)) for key, number in numbers.items() if key not in self._known]
        for row in work.run(asked):
            self._news[row.genome.tobytes()] = row
        rows = [self._news.pop(key, None) or self._known.pop(key, None) for key in fresh]
        done = [row for row in rows if row is not None]
        self.archive.extend(done)
        return len(done) == len(fresh)

    def _tell(self, genomes: Genomes) -> None:
        places = [self.archive.places[key] for key in _keys(genomes)]
        columns, lost = self.archive.columns(places), ~self.archive.ok(places)
        values, missed = matrix(self.objectives, columns), violations(self.limits, columns)
        values[lost] = np.inf
        missed[lost] = NO_VALUE
        self.strategy.tell(genomes, values, missed)

    def _judged(self, columns: Columns) -> list[tuple[Status, str]]:
        """A design must fit its hardware, what is optimised be finite, and what is limited have a value."""
        limited = violations(self.limits, columns)[:, : len(self.limits)]
        wrong = np.concatenate([~np.isfinite(matrix(self.objectives, columns)), limited >= NO_VALUE], axis=1)
        found: list[tuple[Status, str]] = [("ok", "")] * len(wrong)
        unfit = self._unfit(columns)
        for place in np.flatnonzero(wrong.any(axis=1) | unfit).tolist():
            metrics = {name: float(column[place]) for name, column in columns.items()}
            found[place] = ("unfit", _infinite(metrics)) if unfit[place] else ("quarantined", _reason(metrics))
        return found

    def _unfit(self, columns: Columns) -> NDArray[np.bool_]:
        """Where a cost is infinite; what should be large is no cost, so its infinity is a mistake and not a verdict."""
        axes = [item.objective for item in (*self.objectives, *self.limits)]
        gains = {axis.key for axis in axes if axis.higher_is_better}
        costs = [np.isposinf(column) for name, column in columns.items() if name not in gains]
        return np.any([np.zeros(len(next(iter(columns.values()))), np.bool_), *costs], axis=0)


def _infinite(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} is {value}" for name, value in metrics.items() if np.isposinf(value))


def _reason(metrics: dict[str, float]) -> str:
    wrong = [f"{name} is {value}" for name, value in metrics.items() if not np.isfinite(value)]
    return ", ".join(wrong) or "an objective is not finite"


def _keys(genomes: Genomes) -> list[bytes]:
    return [genome.tobytes() for genome in np.ascontiguousarray(genomes, np.int64)]


def feasible(archive: Archive, limits: Sequence[Limit]) -> list[int]:
    """Positions of designs that have values, fit and meet every limit. SearchError, with the nearest there was, when
    there are none.
    """
    usable = archive.ok()
    if not usable.any():
        raise SearchError(_nothing(archive))
    metrics = archive.columns()
    missed = violations(limits, metrics)
    found = np.flatnonzero((missed <= 0).all(axis=1) & usable).tolist()
    if not found:
        _refuse(archive, limits, missed, usable)
    return found


def _nothing(archive: Archive) -> str:
    reasons = [f"{count} {WORDS[status]}: {why}" for (status, why), count in list(archive.counts().items())[:3]]
    return (
        f"none of {len(archive)} designs has values ({'; '.join(reasons) or 'none was evaluated'}); "
        "widen the choices, or mend what evaluates them"
    )


def _refuse(archive: Archive, limits: Sequence[Limit], missed: NDArray[np.float64], usable: NDArray[np.bool_]) -> None:
    from gossamer.search.objectives import show

    if not limits:
        raise SearchError(
            f"none of {len(archive)} designs fits its hardware; widen the hardware choices or search longer"
        )
    distance = np.where(usable, np.maximum(missed, 0).sum(axis=1), np.inf)
    nearest = archive.columns([int(distance.argmin())])
    said = ", ".join(
        f"{limit.objective.label} = {show(limit.objective, float(limit.column(nearest)[0]))}" for limit in limits
    )
    texts = ", ".join(f"'{limit.text}'" for limit in limits)
    raise SearchError(
        f"none of {len(archive)} designs meets {texts}: the nearest has {said}; relax the limits or search longer"
    )
