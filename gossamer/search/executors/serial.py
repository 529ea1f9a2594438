"""Candidates one after the other in this process: for debugging, and where processes cannot be started.

A crash or a hang of a candidate is one of the search; that is what the other executors are for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.executors.base import Job, Outcome, Pool
from gossamer.search.executors.one import evaluate_one
from gossamer.search.objectives import Objective
from gossamer.search.threads import torch_threads


@dataclass(frozen=True)
class Serial:
    """`threads`: that torch computes with; trained weights depend on it."""

    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise SearchError(f"executor serial: threads = {self.threads} must be at least 1")

    def start(self, job: Job) -> Pool:
        return SerialPool(job, self.threads)


class SerialPool(Pool):
    """See Serial."""

    def __init__(self, job: Job, threads: int) -> None:
        self._threads = threads
        with torch_threads(threads):
            self._evaluator = job.start()

    @property
    def metrics(self) -> tuple[Objective, ...]:
        return self._evaluator.metrics

    @property
    def workers(self) -> int:
        return 1

    def stream(self, tasks: Iterable[tuple[int, Genomes]]) -> Iterator[Outcome]:
        for place, genome in tasks:
            with torch_threads(self._threads):
                done = evaluate_one(self._evaluator, genome)
            yield Outcome(place, done.values, done.seconds, "serial", done.failure)

    def close(self) -> None:
        """Nothing runs."""
