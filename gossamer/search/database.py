"""Opening the database of a store: a file (SQLite), or a URL of SQLite or PostgreSQL.

    open_database("runs/first/store.sqlite")
    open_database("postgresql://user:password@host/searches#first")      # tables in the schema "first"
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Inspector,
    Select,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.tables import META

WAIT_S = 60.0
"""How long a writer waits for another process to finish writing (SQLite)."""
_TRIES = 20
_MANY = 500
"""Values in one IN (...): SQLite takes no more than some thousands."""


def shown(where: str) -> str:
    """The place as messages may name it: without the password."""
    if "://" not in where:
        return where
    place, mark, schema = where.partition("#")
    try:
        return make_url(place).render_as_string(hide_password=True) + mark + schema
    except ArgumentError:
        return where.partition("://")[0] + "://..."


def open_database(where: str, create: bool = True) -> Engine:
    """Connect, and make the tables where there are none (`create`; else DataError). DataError: not a place for a store;
    SearchError: a store of another version.
    """
    with errors(where):
        engine = _engine(where, create)
        for attempt in range(_TRIES):
            try:
                return _prepared(engine, where, create)
            except DatabaseError as error:
                # Two processes that start together both make the tables; one of them is told that they exist.
                if attempt == _TRIES - 1 or not _collided(error):
                    engine.dispose()
                    raise
                time.sleep(0.05 * (attempt + 1))
    raise AssertionError


def added(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert the rows (all columns, in order) whose key is not there yet; how many those were. They are given to the
    driver as they are: SQLAlchemy's own handling would take longer than the database.
    """
    counted = connection.execution_options(preserve_rowcount=True)
    return counted.exec_driver_sql(_insert_new(connection.engine, table), list(rows)).rowcount


def where_in(connection: Connection, query: Select[Any], column: Column[Any], values: Sequence[str]) -> list[Any]:
    """Rows of a query whose column is one of many values."""
    parts = (values[start : start + _MANY] for start in range(0, len(values), _MANY))
    return [row for part in parts for row in connection.execute(query.where(column.in_(part)))]


def full_name(engine: Engine, table: Table) -> str:
    """As SQL names it."""
    quote, schema = engine.dialect.identifier_preparer.quote, _schema(engine)
    return f"{quote(schema)}.{quote(table.name)}" if schema else quote(table.name)


@cache
def _insert_new(engine: Engine, table: Table) -> str:
    """In the manner of the engine's driver."""
    mark = "?" if engine.dialect.name == "sqlite" else "%s"
    columns = ", ".join(engine.dialect.identifier_preparer.quote(column.name) for column in table.columns)
    marks = ", ".join([mark] * len(table.columns))
    return f"INSERT INTO {full_name(engine, table)} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"


def _schema(engine: Engine) -> str | None:
    return (engine.get_execution_options().get("schema_translate_map") or {}).get(None)


@contextmanager
def errors(where: str) -> Iterator[None]:
    """Turns what a database says into a DataError of one sentence."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ModuleNotFoundError) as error:
        raise DataError(f"{shown(where)}: {_reason(error)}") from None


def _engine(where: str, create: bool) -> Engine:
    place, _, schema = where.partition("#") if "://" in where else (where, "", "")
    url = make_url(place) if "://" in place else make_url("sqlite://").set(database=place)
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise DataError(f"{shown(where)}: a store is a file, or a database of sqlite:/// or postgresql://, not {kind}")
    if kind == "sqlite":
        return _sqlite(url, where, create)
    driver = url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
    engine = create_engine(driver, pool_pre_ping=True)
    return engine.execution_options(schema_translate_map={None: schema}) if schema else engine


def _sqlite(url: Any, where: str, create: bool) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise DataError("sqlite: a store needs a file, as in sqlite:///runs/first/store.sqlite")
    if not create and not Path(url.database).is_file():
        raise _absent(where)
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": WAIT_S})

    @event.listens_for(engine, "connect")
    def _tune(connection: Any, _: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        # A killed process loses nothing that was committed; only a power cut could take the last batch.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _absent(where: str) -> DataError:
    return DataError(f"{shown(where)}: there is no such store of results; name the folder of a search, or its database")


def _prepared(engine: Engine, where: str, create: bool) -> Engine:
    schema = _schema(engine)
    if not create and not inspect(engine).has_table(META.sorted_tables[0].name, schema):
        raise _absent(where)
    if schema and create:
        with engine.begin() as connection:
            quoted = engine.dialect.identifier_preparer.quote(schema)
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quoted}"))
    for table in META.sorted_tables:
        _refuse_other(inspect(engine), table, schema, where)
    if create:
        META.create_all(engine)
    return engine


def _refuse_other(found: Inspector, table: Table, schema: str | None, where: str) -> None:
    """SearchError where the table is there with other columns."""
    if not found.has_table(table.name, schema):
        return
    columns = {column["name"] for column in found.get_columns(table.name, schema)}
    lacking = [column.name for column in table.columns if column.name not in columns]
    if lacking:
        raise SearchError(
            f"{shown(where)}: was written by another version of gossamer (its table '{table.name}' has no "
            f"{', '.join(lacking)}); choose another place, or read it with that version"
        )


def _collided(error: DatabaseError) -> bool:
    said = str(error.orig)
    return any(word in said for word in ("already exists", "locked", "duplicate key", "tuple concurrently"))


def _reason(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if isinstance(error, ModuleNotFoundError | NoSuchModuleError):
        return f"needs the package {getattr(error, 'name', said)}: pip install 'gossamer[postgres]'"
    if "full" in said or "No space" in said:
        return (
            "cannot be written, the disk is full; what was found until now is kept, "
            "free some space and start again to go on"
        )
    if "locked" in said:
        return "is in use by another search; wait for it or choose another folder"
    if isinstance(error, DatabaseError | sqlite3.DatabaseError) and any(
        word in said for word in ("not a database", "malformed", "no such", "corrupt")
    ):
        return f"is not a readable store of results ({said}); move the file away or choose another folder"
    return f"cannot be used as a store of results ({said})"
