"""Results of a search in SQLite or PostgreSQL: one row per evaluation, and what the search was.

    store = Store("runs/first/store.sqlite")                     # or "postgresql://user@host/searches#first"
    store.settle({"space": "mobilenet", "seed": "0"}, space.choices)
    mine = store.claim(genomes)                                  # bool: designs that no other process evaluates
    store.add([Evaluation(...), ...])                            # all of them or none
    store.evaluations()                                          # in order; by any process, at any time

Evaluations are only ever added; a batch is there entirely or not at all. A search that is started again with the same
settings asks the same questions and finds its answers here, and several processes may do so at once: who claims a
design first evaluates it, the others wait for the answer, and the claims of a process that died pass to another.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, select, update

import gossamer
from gossamer.ir.errors import DataError, SearchError
from gossamer.search.choices import Choices, Genomes
from gossamer.search.database import errors, insert_new, open_database, shown
from gossamer.search.identity import described, differences
from gossamer.search.sessions import LEASE_S, Heart, Session, Watch
from gossamer.search.tables import CLAIMS, ROWS, SEARCH, SESSIONS, Evaluation, from_row, genome_texts, to_row

__all__ = ["Evaluation", "Store"]

_MANY = 500
"""Values in one IN (...): SQLite takes no more than some thousands."""


class Store:
    """`where`: a file, or a database URL. `create`: make it where there is none (else DataError)."""

    def __init__(self, where: Path | str, create: bool = True, lease_s: float = LEASE_S) -> None:
        self.where = str(where)
        if not create and "://" not in self.where and not Path(self.where).is_file():
            raise DataError(f"{self.where}: there is no such store of results; name the folder of a search")
        self._engine = open_database(self.where)
        self._watch = Watch(lease_s)
        self._seed = ""
        self._session: Session | None = None
        self._heart: Heart | None = None

    def settle(self, settings: Mapping[str, str], choices: Choices | None = None) -> None:
        """Record what the search is. SearchError when the store holds another one, saying what differs: a setting, the
        version of gossamer, a choice of the space.
        """
        asked = {**settings, "gossamer": gossamer.__version__}
        if choices is not None:
            asked["choices"] = described(choices)
        with errors(self.where), self._engine.begin() as connection:
            if self._added(connection, SEARCH, [("settled", "yes")]):
                self._added(connection, SEARCH, list(asked.items()))
            known = {row.name: row.value for row in connection.execute(select(SEARCH))}
        self._seed = settings.get("seed", "")
        changed = differences(known, asked)
        if changed:
            raise SearchError(
                f"{shown(self.where)}: holds another search ({'; '.join(changed)}); "
                "choose another folder, or repeat its settings"
            )

    def settings(self) -> dict[str, str]:
        """What was settled; "choices" as text."""
        with errors(self.where), self._engine.connect() as connection:
            return {row.name: row.value for row in connection.execute(select(SEARCH)) if row.name != "settled"}

    def evaluations(self) -> list[Evaluation]:
        """Everything evaluated so far, in the order it was asked for."""
        with errors(self.where), self._engine.connect() as connection:
            rows = connection.execute(select(ROWS).order_by(ROWS.c.number, ROWS.c.elapsed_s)).all()
        return [self._read(row) for row in rows]

    def found(self, genomes: Sequence[Genomes]) -> list[Evaluation]:
        """What is known of these designs by now, in no order."""
        texts = genome_texts(genomes)
        rows: list[Any] = []
        with errors(self.where), self._engine.connect() as connection:
            for start in range(0, len(texts), _MANY):
                part = texts[start : start + _MANY]
                rows += connection.execute(select(ROWS).where(ROWS.c.genome.in_(part))).all()
        return [self._read(row) for row in rows]

    def claim(self, genomes: Sequence[Genomes]) -> NDArray[np.bool_]:
        """bool [P]: the designs that this process is to evaluate. The others are, or were, evaluated by another one."""
        texts = genome_texts(genomes)
        me = self._join().id
        with errors(self.where), self._engine.begin() as connection:
            if self._added(connection, CLAIMS, [(text, me) for text in texts]) == len(texts):
                return np.ones(len(texts), np.bool_)
            owners: dict[str, str] = {}
            for start in range(0, len(texts), _MANY):
                part = texts[start : start + _MANY]
                for row in connection.execute(select(CLAIMS).where(CLAIMS.c.genome.in_(part))):
                    owners[row.genome] = row.session
            orphans = self._orphans(connection, set(owners.values()) - {me})
            for text in texts:
                if owners[text] in orphans and self._inherit(connection, text, owners[text]):
                    owners[text] = me
        return np.array([owners[text] == me for text in texts], np.bool_)

    def _orphans(self, connection: Connection, sessions: set[str]) -> set[str]:
        """Those of the sessions that are dead. One that left no trace never lived."""
        rows = connection.execute(select(SESSIONS).where(SESSIONS.c.id.in_(sessions))).all()
        return sessions - {row.id for row in rows if not self._watch.dead(row)}

    def _inherit(self, connection: Connection, text: str, dead: str) -> bool:
        """Take a claim over, unless another process was faster, or the dead one had finished the design."""
        done = connection.execute(select(ROWS.c.number).where(ROWS.c.genome == text)).first()
        mine = update(CLAIMS).where(CLAIMS.c.genome == text, CLAIMS.c.session == dead)
        return done is None and connection.execute(mine.values(session=self._join().id)).rowcount == 1

    def add(self, rows: Sequence[Evaluation]) -> list[Evaluation]:
        """All of them or none. Returns them as they are stored: where another process was faster, that one's."""
        if not rows:
            return []
        session = self._session.id if self._session else ""
        texts = genome_texts([row.genome for row in rows])
        values = [to_row(row, text, session) for row, text in zip(rows, texts)]
        with errors(self.where), self._engine.begin() as connection:
            added = self._added(connection, ROWS, values)
        if added == len(rows):
            return list(rows)
        known = {row.genome.tobytes(): row for row in self.found([row.genome for row in rows])}
        return [known[row.genome.tobytes()] for row in rows]

    def enter(self, seed: int) -> None:
        """Say who works on the search from here on; the first claim does so otherwise."""
        self._seed = str(seed)
        self._join()

    def sessions(self) -> list[dict[str, Any]]:
        """Every process that ever worked on it: host, process, seed, versions (JSON), started_s, ended."""
        with errors(self.where), self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(SESSIONS).order_by(SESSIONS.c.started_s))]

    def close(self) -> None:
        """Give up what was claimed and not evaluated."""
        if self._heart is not None:
            self._heart.stop()
            self._heart = None
        with suppress(DataError), errors(self.where):  # the claims of a process that is gone pass on anyway
            if self._session is not None:
                self._change(ended=1)
        self._session = None
        self._engine.dispose()

    def _join(self) -> Session:
        if self._session is None:
            self._session = Session.new(self._seed)
            with errors(self.where), self._engine.begin() as connection:
                connection.execute(SESSIONS.insert(), [self._session.row()])
            self._heart = Heart(lambda: self._change(beat=SESSIONS.c.beat + 1))
        return self._session

    def _change(self, **values: Any) -> None:
        assert self._session is not None
        with self._engine.begin() as connection:
            connection.execute(update(SESSIONS).where(SESSIONS.c.id == self._session.id).values(**values))

    def _added(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert the rows whose key is not there yet; how many those were. Rows are given to the driver as they are:
        SQLAlchemy's own handling would take longer than the database.
        """
        counted = connection.execution_options(preserve_rowcount=True)
        return counted.exec_driver_sql(insert_new(self._engine, table), list(rows)).rowcount

    def _read(self, row: Any) -> Evaluation:
        try:
            return from_row(row)
        except (ValueError, TypeError, AttributeError) as error:
            raise DataError(
                f"{shown(self.where)}: holds a result that cannot be read ({error}); "
                "move the file away or choose another folder"
            ) from None
