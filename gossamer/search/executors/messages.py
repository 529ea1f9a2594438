"""What a pool and its workers say to each other."""

from collections.abc import Mapping
from dataclasses import dataclass

from gossamer.search.choices import Genomes
from gossamer.search.objectives import Objective


@dataclass(frozen=True)
class Begin:
    """To a new worker: where modules are found, the pickled job, how many threads it may use."""

    path: tuple[str, ...]
    job: bytes
    threads: int


@dataclass(frozen=True)
class Task:
    """Evaluate one genome."""

    genome: Genomes


@dataclass(frozen=True)
class Ready:
    """The job has been started; it gives these metrics."""

    metrics: tuple[Objective, ...]


@dataclass(frozen=True)
class Refused:
    """The input's fault, in the words of an error of gossamer.ir.errors: the search cannot go on."""

    error: str
    message: str


@dataclass(frozen=True)
class Done:
    """The values of a task, or why it has none."""

    values: Mapping[str, float]
    seconds: float
    failure: str = ""
