"""The seam of where candidates are evaluated: in this process, in worker processes, on many machines.

    pool = Processes(workers=2, timeout_s=60).start(job)
    for outcome in pool.stream(enumerate(genomes)):      # as they finish
        print(outcome.place, outcome.values, outcome.failure)
    pool.evaluate(genomes)                               # all of them, in order; a pool is an evaluator
    pool.close()

An executor is a frozen dataclass whose fields are the options a recipe may set; it is found by name through the
entry-point group `gossamer.executors`. Every executor gives the same values for the same seed: a candidate is evaluated
alone, by a deterministic evaluator, with the same number of threads. Only what fails may differ, as one process cannot
survive its own crash.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.evaluators import Evaluator
from gossamer.search.inner import Columns
from gossamer.search.objectives import Objective
from gossamer.search.tables import Evaluation


class Job(Protocol):
    """What is to be evaluated: started once in every worker. It pickles, and so does what it holds."""

    def start(self) -> Evaluator: ...


@dataclass(frozen=True)
class Outcome:
    """What became of one candidate. `place`: the number it was given; `values`: by `Objective.key`, nan where it
    failed; `seconds` it took; `worker` that had it; `failure`: why there are no values, "" where there are.
    """

    place: int
    values: Mapping[str, float]
    seconds: float
    worker: str
    failure: str = ""


class Pool(ABC):
    """Workers at work. An evaluator like any other, and one that says what became of each candidate."""

    @property
    @abstractmethod
    def metrics(self) -> tuple[Objective, ...]:
        """What the job's evaluator gives, in order."""

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many candidates are evaluated at once."""

    @abstractmethod
    def stream(self, tasks: Iterable[tuple[int, Genomes]]) -> Iterator[Outcome]:
        """Evaluate (place, genome) pairs; outcomes come as they finish. A task is only drawn from `tasks` when a
        worker is free for it. SearchError where no worker can be started.
        """

    def recall(self, rows: Sequence[Evaluation]) -> None:
        """What earlier processes evaluated: of use to a pool that remembers, nothing to any other."""
        return None

    @abstractmethod
    def close(self) -> None:
        """End the workers; twice is fine."""

    def evaluate(self, genomes: Genomes) -> Columns:
        """A value per metric and design, in order; nan where a candidate failed."""
        columns = {item.key: np.full(len(genomes), np.nan) for item in self.metrics}
        for outcome in self.stream(enumerate(genomes)):
            for key, value in outcome.values.items():
                columns[key][outcome.place] = value
        return columns


class Executor(Protocol):
    """The options of a way to evaluate."""

    def start(self, job: Job) -> Pool:
        """Start the workers. SearchError where the job cannot be started in them, with its own words."""
        ...
