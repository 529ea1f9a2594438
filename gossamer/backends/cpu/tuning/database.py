"""Measured schedules, kept between compilations: SQLite, shared by processes that tune at the same time.

A row is one schedule of one layer on one hardware with one compiler: what it took, or why it could not be measured
("crash", "timeout", "wrong": its results are not those of the layer's own schedule). A file that is damaged, or that is
no such database, is moved aside with a warning.
"""

import json
import os
import sqlite3
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gossamer.backends.cpu.cache import cache_folder
from gossamer.ir.errors import BackendError

APPLICATION = 0x676F7373  # "goss"
"""SQLite's application_id of our files."""

FORMAT = 1
BUSY_S = 60.0

_TABLE = """create table if not exists measured (
    layer text not null, machine text not null, schedule text not null, status text not null, seconds real,
    primary key (layer, machine, schedule))"""

_FEATURES = """create table if not exists features (
    layer text not null, machine text not null, schedule text not null, features text not null,
    primary key (layer, machine, schedule))"""
"""What a model learns from, as JSON; a table of its own, so that files from before it had one stay good."""

_MADE = "select count(*) from sqlite_master where name in ('measured', 'features')"

_ROWS = """select layer, schedule, status, seconds, features
    from measured left join features using (layer, machine, schedule) where machine = ?"""


class UnusableDatabase(BackendError):
    """The file cannot be read or written: a full disk, no permission, damage while it was in use."""


@dataclass(frozen=True)
class Measured:
    """What came of one schedule of a layer. `seconds`: lower quartile of its runs; None when `status` is not "ok".

    `features`: what a model learns from; {} where nobody kept them."""

    layer: str
    schedule: str
    status: str
    seconds: float | None
    features: Mapping[str, float] = field(default_factory=dict[str, float], compare=False)


class TuningDatabase:
    """Every row is of one `machine`: hardware and compiler in one word."""

    def __init__(self, path: Path, machine: str) -> None:
        self.path, self.machine = path, machine
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not _ours(path):
                _set_aside(path)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        with self._open():
            pass

    def of(self, layer: str) -> tuple[Measured, ...]:
        """What is known of a layer, fastest first, failures last."""
        with self._open() as connection:
            rows = connection.execute(
                f"{_ROWS} and layer = ? order by status != 'ok', seconds", (self.machine, layer)
            ).fetchall()
        return tuple(_row(*row) for row in rows)

    def rows(self) -> tuple[Measured, ...]:
        """What is known of every layer, by layer and schedule."""
        with self._open() as connection:
            rows = connection.execute(f"{_ROWS} order by layer, schedule", (self.machine,)).fetchall()
        return tuple(_row(*row) for row in rows)

    def record(self, rows: Iterable[Measured]) -> None:
        """Add rows; one that is there already is replaced, but for its features where the new one has none."""
        rows = tuple(rows)
        with self._open() as connection:
            connection.executemany(
                "insert or replace into measured (layer, machine, schedule, status, seconds) values (?, ?, ?, ?, ?)",
                [(r.layer, self.machine, r.schedule, r.status, r.seconds) for r in rows],
            )
            connection.executemany(
                "insert or replace into features (layer, machine, schedule, features) values (?, ?, ?, ?)",
                [(r.layer, self.machine, r.schedule, json.dumps(dict(r.features))) for r in rows if r.features],
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction; another process that writes is waited for. Tables are made where there are none: the file
        may have been deleted, or moved aside by another process, since it was last open. Raises BackendError."""
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_S)
            try:
                connection.execute("pragma journal_mode = wal")
                if connection.execute(_MADE).fetchone() != (2,):
                    _make(connection)
                with connection:
                    yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError | sqlite3.Error) -> BackendError:
        why = "is a folder" if self.path.is_dir() else getattr(error, "strerror", None) or error
        return UnusableDatabase(f"{self.path}: the tuning database cannot be used ({why}); name another file, or off")


def _make(connection: sqlite3.Connection) -> None:
    """Another process may do so at the same time, or may have done half of it."""
    connection.execute(f"pragma application_id = {APPLICATION}")
    connection.execute(f"pragma user_version = {FORMAT}")
    connection.execute(_TABLE)
    connection.execute(_FEATURES)


def _row(layer: str, schedule: str, status: str, seconds: float | None, features: str | None) -> Measured:
    return Measured(layer, schedule, status, seconds, json.loads(features) if features else {})


OFF = "off"
"""Named as a database: none is used."""


def database_path(named: "Path | str | None") -> Path | None:
    """The file named, else GOSSAMER_TUNING's, else tuning.sqlite in the user's cache; None when it is `off`."""
    given = named or os.environ.get("GOSSAMER_TUNING")
    if given:
        return None if str(given) == OFF else Path(given)
    return cache_folder() / "tuning.sqlite"


def _ours(path: Path) -> bool:
    """Whether the file is a sound database of this format. One that another process is about to fill is."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S)
        try:
            sound = connection.execute("pragma quick_check").fetchone() == ("ok",)
            tables = connection.execute("select count(*) from sqlite_master").fetchone() == (0,)
            number = connection.execute("pragma application_id").fetchone()[0]
            version = connection.execute("pragma user_version").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.OperationalError:
        raise  # locked, or unreadable: that says nothing of what is in it
    except sqlite3.DatabaseError:
        return False
    return sound and (tables or (number, version) == (APPLICATION, FORMAT))


def _set_aside(path: Path) -> None:
    kept = path.with_name(f"{path.name}.bad-{time.time_ns()}")
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):  # another process was faster
            path.with_name(path.name + ending).rename(kept.with_name(kept.name + ending))
    warnings.warn(
        f"{path}: damaged, or no tuning database of this version; kept as {kept.name}, a new one is begun", stacklevel=3
    )
