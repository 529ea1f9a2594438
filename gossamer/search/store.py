"""Results of a search in SQLite (or any database SQLAlchemy knows): one row per evaluation, and what the search was.

Rows are only ever added, in the order in which designs were evaluated; a batch is there entirely or not at all. A
search that is started again with the same settings asks the same questions and finds its answers here.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Column, Engine, Float, Integer, MetaData, Table, Text, create_engine, event, insert, select
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.choices import Genomes

_META = MetaData()
_SETTINGS = Table("search", _META, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
_ROWS = Table(
    "evaluation",
    _META,
    Column("number", Integer, primary_key=True),
    Column("genome", Text, nullable=False, unique=True),
    Column("metrics", Text, nullable=False),
    Column("elapsed_s", Float, nullable=False),
)


@dataclass(frozen=True)
class Evaluation:
    """One design as it was evaluated. `metrics`: column -> value. `elapsed_s`: search time spent when it was done."""

    number: int
    genome: Genomes
    metrics: Mapping[str, float]
    elapsed_s: float


class Store:
    """`where`: a file, or a database URL."""

    def __init__(self, where: Path | str) -> None:
        self.where = str(where)
        with self._errors():
            if "://" not in self.where:
                Path(self.where).parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(self.where)
            _META.create_all(self._engine)

    def settle(self, settings: Mapping[str, str]) -> None:
        """Record what the search is. SearchError when the store holds another one."""
        with self._errors(), self._engine.begin() as connection:
            known = {row.name: row.value for row in connection.execute(select(_SETTINGS))}
            if not known:
                connection.execute(
                    insert(_SETTINGS), [{"name": name, "value": value} for name, value in settings.items()]
                )
        changed = [
            f"{name} {known[name]}, now {value}"
            for name, value in settings.items()
            if known and known.get(name) != value and name in known
        ]
        if changed:
            raise SearchError(
                f"{self.where}: holds another search ({'; '.join(changed)}); "
                "choose another folder, or repeat its settings"
            )

    def evaluations(self) -> list[Evaluation]:
        """Everything evaluated so far, in order."""
        with self._errors(), self._engine.connect() as connection:
            rows = connection.execute(select(_ROWS).order_by(_ROWS.c.number)).all()
        try:
            return [_read(row) for row in rows]
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{self.where}: holds a result that cannot be read ({error}); "
                "move the file away or choose another folder"
            ) from None

    def add(self, rows: Sequence[Evaluation]) -> None:
        """All of them or none."""
        if not rows:
            return
        values = [
            {
                "number": row.number,
                "genome": _text(row.genome),
                "metrics": json.dumps(_finite(row.metrics)),
                "elapsed_s": row.elapsed_s,
            }
            for row in rows
        ]
        with self._errors(), self._engine.begin() as connection:
            connection.execute(insert(_ROWS), values)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise DataError(f"{self.where}: {_reason(error)}") from None


def _engine(where: str) -> Engine:
    if "://" in where:
        return create_engine(where)
    engine = create_engine(f"sqlite:///{where}")

    @event.listens_for(engine, "connect")
    def _tune(connection: Any, _: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        # A killed process loses nothing that was committed; only a power cut could take the last batch.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _reason(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if "full" in text or "No space" in text:
        return (
            "cannot be written, the disk is full; what was found until now is kept, "
            "free some space and start again to go on"
        )
    if "locked" in text:
        return "is in use by another search; wait for it or choose another folder"
    if isinstance(error, DatabaseError | sqlite3.DatabaseError) and (
        "not a database" in text or "malformed" in text or "no such" in text or "corrupt" in text
    ):
        return f"is not a readable store of results ({text}); move the file away or choose another folder"
    return f"cannot be used as a store of results ({text})"


def _text(genome: Genomes) -> str:
    return " ".join(map(str, genome.tolist()))


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no infinity: null stands for a design that does not fit."""
    return {name: float(value) if np.isfinite(value) else None for name, value in metrics.items()}


def _read(row: Any) -> Evaluation:
    metrics = {name: float("inf") if value is None else float(value) for name, value in json.loads(row.metrics).items()}
    return Evaluation(row.number, np.array(row.genome.split(), np.int64), metrics, row.elapsed_s)
