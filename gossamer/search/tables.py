"""The tables of a store, and how an evaluation is written as a row and read back.

    search       name, value: what the search is (settings, the choices of its space, versions)
    session      one process that worked on it: host, process, seed, versions, a beat that shows it is alive
    claim        genome, session: who evaluates, or evaluated, a design
    evaluation   one design: genome, metrics, status, times, worker

Rows of `search`, `claim` and `evaluation` are only ever added; a claim changes hands when its session has died.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, TypeAlias

import numpy as np
from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

from gossamer.search.choices import Genomes

Status: TypeAlias = Literal["ok", "quarantined", "failed"]
"""quarantined: a metric is nan or infinite (a design that does not fit its hardware, a gap in a table); failed: the
evaluation itself crashed or ran out of its time or memory. Neither is ever returned; `why` says more.
"""

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
    Column("number", Integer, nullable=False, index=True),
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
    """One design as it was evaluated.

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


def genome_text(genome: Genomes) -> str:
    """The genes as they are stored: `0 3 1`."""
    return " ".join(map(str, genome.tolist()))


def to_row(item: Evaluation, session: str) -> dict[str, Any]:
    """An evaluation as the columns of `evaluation`."""
    return {
        "genome": genome_text(item.genome),
        "number": item.number,
        "metrics": json.dumps({name: _number(value) for name, value in item.metrics.items()}),
        "status": item.status,
        "why": item.why,
        "started_s": item.started_s,
        "seconds": item.seconds,
        "elapsed_s": item.elapsed_s,
        "worker": item.worker,
        "session": session,
    }


def from_row(row: Any) -> Evaluation:
    """ValueError or TypeError where the columns are not what `to_row` writes."""
    metrics = {name: float(value) for name, value in json.loads(row.metrics).items()}
    genome = np.array(row.genome.split(), np.int64)
    return Evaluation(
        row.number, genome, metrics, row.elapsed_s, row.status, row.why, row.started_s, row.seconds, row.worker
    )


def _number(value: float) -> float | str:
    """JSON has neither infinity nor nan: "inf", "-inf" and "nan" stand for them."""
    value = float(value)
    return value if isfinite(value) else repr(value)
