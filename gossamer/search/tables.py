"""The tables of a store, and how an evaluation is written as a row and read back.

    search       name, value: what the search is (settings, the choices of its space, versions)
    session      one process that worked on it: host, process, seed, versions, a beat that shows it is alive
    claim        genome, session: who evaluates, or evaluated, a design
    evaluation   one design: genome, metrics, status, times, worker

Rows of `search`, `claim` and `evaluation` are only ever added; a claim changes hands when its session has died.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Any, Literal, TypeAlias

import numpy as np
from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

from gossamer.search.choices import Genomes

Status: TypeAlias = Literal["ok", "unfit", "quarantined", "failed"]
"""unfit: the design does not fit its hardware, a cost is infinite; quarantined: what the search looks at is nan or
infinite (a gap in a table, a training that diverged); failed: the evaluation itself crashed or ran out of its time or
memory. None of them is ever returned; `why` says more.
"""
WORDS: Mapping[str, str] = {
    "unfit": "do not fit their hardware",
    "quarantined": "quarantined",
    "failed": "failed",
}
"""How messages say that designs have a status: `12 designs do not fit their hardware`."""

HERE = "here"
"""The worker of designs that the searching process evaluates itself."""

SHARING, ALONE, ASKED = 0, 1, 2
"""Standing of a session: it claims every design it takes up; none; none until now, but another process waits."""

META = MetaData()
SEARCH = Table("search", META, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
SESSIONS = Table(
    "session",
    META,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("seed", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("started_s", Float(53), nullable=False),
    Column("beat", Integer, nullable=False),
    Column("ended", Integer, nullable=False),
    Column("standing", Integer, nullable=False),
)
CLAIMS = Table(
    "claim",
    META,
    Column("genome", Text, primary_key=True),
    Column("session", Text, nullable=False),
    sqlite_with_rowid=False,
)
ROWS = Table(
    "evaluation",
    META,
    Column("genome", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("started_s", Float(53), nullable=False),
    Column("seconds", Float(53), nullable=False),
    Column("elapsed_s", Float(53), nullable=False),
    Column("worker", Text, nullable=False),
    Column("session", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One design as it was evaluated. Metrics are Python floats.

    `number`: how many others the search asked for before; `metrics`: column -> value; `elapsed_s`: search time spent
    when it was done; `started_s`: seconds since 1970; `seconds` it took (its share, where designs are evaluated
    together); `worker`: which one had it.
    """

    number: int
    genome: Genomes
    metrics: Mapping[str, float]
    elapsed_s: float
    status: Status = "ok"
    why: str = ""
    started_s: float = 0.0
    seconds: float = 0.0
    worker: str = ""


def genome_texts(genomes: Sequence[Genomes]) -> list[str]:
    """The genes as they are stored: `0 3 1`."""
    if not len(genomes):
        return []
    every = np.stack(genomes) if isinstance(genomes, list | tuple) else np.asarray(genomes)
    if every.size and every.min() >= 0 and every.max() < 10:
        return _digits(every)
    return [" ".join(map(str, genome)) for genome in every.tolist()]


def _digits(genomes: Genomes) -> list[str]:
    """The same for genes of one digit, all at once: a tenth of the time."""
    width = 2 * genomes.shape[1]
    letters = np.full((len(genomes), width), ord(" "), np.uint8)
    letters[:, ::2] = genomes + ord("0")
    text = letters.tobytes().decode("ascii")
    return [text[start : start + width - 1] for start in range(0, len(text), width)]


def to_row(item: Evaluation, genome: str, session: str) -> tuple[Any, ...]:
    """An evaluation, its genome as text, as the columns of `evaluation`, in their order."""
    return (
        genome,
        item.number,
        _json(item.metrics),
        item.status,
        item.why,
        item.started_s,
        item.seconds,
        item.elapsed_s,
        item.worker,
        session,
    )


def from_row(row: Any) -> Evaluation:
    """ValueError or TypeError where the columns are not what `to_row` writes."""
    _check_status(row.status)
    metrics = {name: float(value) for name, value in json.loads(row.metrics).items()}
    genome = np.array(row.genome.split(), np.int64)
    return Evaluation(
        row.number, genome, metrics, row.elapsed_s, row.status, row.why, row.started_s, row.seconds, row.worker
    )


def _check_status(status: object) -> None:
    if status != "ok" and status not in WORDS:
        raise ValueError(f"status '{status}'")


def _json(metrics: Mapping[str, float]) -> str:
    """Half of a stored row's time would go into `json.dumps`. JSON has neither infinity nor nan: strings stand for
    them.
    """
    pairs = [f"{_quoted(name)}: {value!r}" for name, value in metrics.items()]
    if all(map(isfinite, metrics.values())):
        return f"{{{', '.join(pairs)}}}"
    return json.dumps({name: value if isfinite(value) else repr(value) for name, value in metrics.items()})


@cache
def _quoted(name: str) -> str:
    return json.dumps(name)
