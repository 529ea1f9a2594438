"""From designs that a strategy asks for to their evaluations: claimed, evaluated here or in a pool, stored, or awaited
from another process that shares the search.

A design is claimed in the store right before it is evaluated and written right after, so a killed search loses what
was in flight and nothing else. A design that does not fit its hardware, and one whose values are nan or infinite, is
stored and counted by its status, and told to the strategy as having no value.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.executors.base import Outcome, Pool
from gossamer.search.inner import Columns
from gossamer.search.store import Store
from gossamer.search.tables import HERE, Evaluation, Status

CHUNK = 32
"""Designs that are evaluated together in this process, at first; a search that has come far takes more at once. How
many depends on nothing but the place in the sequence, as a sum may be rounded otherwise in a batch of another size.
"""
MOST = 1024
POLL_S = (0.02, 0.5)
"""First and longest wait between two looks at what other processes have done."""


def chunk_size(done: int) -> int:
    """Designs evaluated together after `done` others."""
    return min(max(CHUNK, done // 8), MOST)


Numbered = tuple[int, Genomes]
"""A design and its number in the search."""

Verdict = tuple[Status, str]
"""Status and reason of an evaluation."""


@dataclass
class Work:
    """`evaluate` prices designs in this process; `pool`, if any, adds its own metrics to those that have no infinite
    one. `judge`: what of every design's metrics; `stop` is asked before anything new is begun; `seconds`: search time.
    """

    evaluate: Callable[[Genomes], Columns]
    store: Store
    judge: Callable[[Columns], list[Verdict]]
    stop: Callable[[], bool]
    seconds: Callable[[], float]
    pool: Pool | None = None

    def run(self, asked: Sequence[Numbered]) -> Iterator[Evaluation]:
        """Evaluations of these distinct designs in any order; all of them, unless `stop` said so."""
        waiting = {genome.tobytes(): number for number, genome in asked}
        pause = POLL_S[0]
        while waiting:
            todo = [(number, np.frombuffer(key, np.int64)) for key, number in waiting.items()]
            news = 0
            for row in self._pass(todo):
                news += 1
                del waiting[row.genome.tobytes()]
                yield row
            if not waiting or self.stop():
                return
            for row in self.store.found([genome for _, genome in todo if genome.tobytes() in waiting]):
                news += 1
                del waiting[row.genome.tobytes()]
                yield row
            pause = POLL_S[0] if news else min(2 * pause, POLL_S[1])
            if waiting and not news:
                time.sleep(pause)

    def _pass(self, todo: Sequence[Numbered]) -> Iterator[Evaluation]:
        """What this process can claim of them."""
        return self._here(todo) if self.pool is None else self._pooled(self.pool, todo)

    def _here(self, todo: Sequence[Numbered]) -> Iterator[Evaluation]:
        start = 0
        while start < len(todo) and not (start and self.stop()):
            part = todo[start : start + chunk_size(todo[start][0])]
            start += len(part)
            mine = self._claimed(part)
            if mine:
                began = time.time()
                columns = self.evaluate(np.stack([genome for _, genome in mine]))
                yield from self._stored(mine, columns, began)

    def _pooled(self, pool: Pool, todo: Sequence[Numbered]) -> Iterator[Evaluation]:
        """Designs without an infinite metric go to the pool, one by one as it has room for them."""
        began = time.time()
        priced = self.evaluate(np.stack([genome for _, genome in todo]))
        dead = np.any([np.zeros(len(todo)), *map(np.isposinf, priced.values())], axis=0)
        lost = self._claimed([todo[place] for place in np.flatnonzero(dead).tolist()])
        if lost:
            numbers = {number for number, _ in lost}
            kept = [place for place, (number, _) in enumerate(todo) if number in numbers]
            missing = {item.key: np.full(len(lost), np.nan) for item in pool.metrics}
            yield from self._stored(lost, {**missing, **_picked(priced, kept)}, began)
        begun: dict[int, float] = {}
        for outcome in pool.stream(self._drawn(todo, np.flatnonzero(~dead).tolist(), begun)):
            own = _picked(priced, [outcome.place])
            yield from self.store.add([self._row(todo[outcome.place], own, outcome, begun[outcome.place])])

    def _claimed(self, part: Sequence[Numbered]) -> list[Numbered]:
        if not part:
            return []
        mine = self.store.claim([genome for _, genome in part])
        return [item for item, own in zip(part, mine.tolist()) if own]

    def _stored(self, part: Sequence[Numbered], columns: Columns, began: float) -> list[Evaluation]:
        """Evaluated in this process since `began`."""
        share, elapsed = (time.time() - began) / len(part), self.seconds()
        values = zip(*(column.tolist() for column in columns.values()))
        rows = [
            Evaluation(number, genome, dict(zip(columns, row)), elapsed, status, why, began, share, HERE)
            for (number, genome), row, (status, why) in zip(part, values, self.judge(columns), strict=True)
        ]
        return self.store.add(rows)

    def _drawn(
        self, todo: Sequence[Numbered], places: Sequence[int], begun: dict[int, float]
    ) -> Iterator[tuple[int, Genomes]]:
        """Claims a design when a worker is free for it, and notes the time."""
        for count, place in enumerate(places):
            if count and self.stop():
                return
            if self.store.claim([todo[place][1]], slow=True)[0]:
                begun[place] = time.time()
                yield place, todo[place][1]

    def _row(self, item: Numbered, priced: Columns, outcome: Outcome, began: float) -> Evaluation:
        number, genome = item
        columns = {**priced, **{name: np.array([value]) for name, value in outcome.values.items()}}
        status, why = ("failed", outcome.failure) if outcome.failure else self.judge(columns)[0]
        metrics = {name: float(column[0]) for name, column in columns.items()}
        return Evaluation(
            number, genome, metrics, self.seconds(), status, why, began, outcome.seconds, outcome.worker
        )


def _picked(columns: Columns, places: Sequence[int]) -> Columns:
    return {name: column[places] for name, column in columns.items()}
