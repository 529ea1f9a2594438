"""Workers that remember: hardware never changes what a network alone is worth, so designs that differ in hardware are
one question, trained or measured once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gossamer.search.choices import Genomes
from gossamer.search.executors.base import Outcome, Pool
from gossamer.search.objectives import Objective
from gossamer.search.tables import HERE, Evaluation


@dataclass
class RememberingPool(Pool):
    """`genes`: so many first genes are the network's."""

    inner: Pool
    genes: int
    _known: dict[bytes, Outcome] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[Objective, ...]:
        return self.inner.metrics

    @property
    def workers(self) -> int:
        return self.inner.workers

    def recall(self, rows: Sequence[Evaluation]) -> None:
        for row in rows:
            asked = row.worker != HERE and row.status != "failed"
            if asked and all(item.key in row.metrics for item in self.metrics):
                values = {item.key: row.metrics[item.key] for item in self.metrics}
                self._known[row.genome[: self.genes].tobytes()] = Outcome(-1, values, 0.0, row.worker)

    def stream(self, tasks: Iterable[tuple[int, Genomes]]) -> Iterator[Outcome]:
        """As Pool.stream. A network that failed is tried again when it is asked for again."""
        asked: dict[int, bytes] = {}
        waiting: dict[bytes, list[int]] = {}
        ready: list[Outcome] = []
        for outcome in self.inner.stream(self._fresh(tasks, asked, waiting, ready)):
            key = asked.pop(outcome.place)
            if not outcome.failure:
                self._known[key] = outcome
            yield outcome
            yield from (replace(outcome, place=place, seconds=0.0) for place in waiting.pop(key))
            while ready:
                yield ready.pop(0)
        yield from ready

    def _fresh(
        self,
        tasks: Iterable[tuple[int, Genomes]],
        asked: dict[int, bytes],
        waiting: dict[bytes, list[int]],
        ready: list[Outcome],
    ) -> Iterator[tuple[int, Genomes]]:
        """Tasks whose network nobody has been given: the others are answered from memory, or wait."""
        for place, genome in tasks:
            key = genome[: self.genes].tobytes()
            if key in self._known:
                ready.append(replace(self._known[key], place=place, seconds=0.0))
            elif key in waiting:
                waiting[key].append(place)
            else:
                asked[place], waiting[key] = key, []
                yield place, genome

    def close(self) -> None:
        self.inner.close()
