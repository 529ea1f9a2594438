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
from sqlalchemy import select

import gossamer
from gossamer.ir.errors import DataError, SearchError
from gossamer.search.choices import Choices, Genomes
from gossamer.search.claims import Claims
from gossamer.search.database import added, errors, open_database, shown, where_in
from gossamer.search.identity import described, differences
from gossamer.search.sessions import LEASE_S, Watch
from gossamer.search.tables import ROWS, SEARCH, SESSIONS, Evaluation, from_row, genome_texts, to_row

__all__ = ["Evaluation", "Store"]


class Store:
    """`where`: a file, or a database URL. `create`: make it where there is none (else DataError)."""

    def __init__(self, where: Path | str, create: bool = True, lease_s: float = LEASE_S) -> None:
        self.where = str(where)
        self._engine = open_database(self.where, create)
        self._watch = Watch(lease_s)
        self._seed = ""
        self._claims: Claims | None = None

    def settle(self, settings: Mapping[str, str], choices: Choices | None = None) -> None:
        """Record what the search is. SearchError when the store holds another one, saying what differs: a setting, the
        version of gossamer, a choice of the space.
        """
        asked = {**settings, "gossamer": gossamer.__version__}
        if choices is not None:
            asked["choices"] = described(choices)
        with errors(self.where), self._engine.begin() as connection:
            if added(connection, SEARCH, [("settled", "yes")]):
                added(connection, SEARCH, list(asked.items()))
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
        with errors(self.where), self._engine.connect() as connection:
            rows = where_in(connection, select(ROWS), ROWS.c.genome, genome_texts(genomes))
        return [self._read(row) for row in rows]

    def claim(self, genomes: Sequence[Genomes], slow: bool = False) -> NDArray[np.bool_]:
        """bool [P]: the designs that this process is to evaluate. The others are, or were, evaluated by another one, or
        it is not yet known. `slow`: evaluating them takes so long that who joins the search must not wait for it.
        """
        with errors(self.where):
            return self._entered().take(genome_texts(genomes), slow)

    def add(self, rows: Sequence[Evaluation]) -> list[Evaluation]:
        """All of them or none. Returns them as they are stored: where another process was faster, that one's."""
        if not rows:
            return []
        session = self._claims.session.id if self._claims else ""
        texts = genome_texts([row.genome for row in rows])
        values = [to_row(row, text, session) for row, text in zip(rows, texts)]
        with errors(self.where), self._engine.begin() as connection:
            count = added(connection, ROWS, values)
        if count == len(rows):
            return list(rows)
        known = {row.genome.tobytes(): row for row in self.found([row.genome for row in rows])}
        return [known[row.genome.tobytes()] for row in rows]

    def enter(self, seed: int) -> None:
        """Say who works on the search from here on; the first claim does so otherwise."""
        self._seed = str(seed)
        with errors(self.where):
            self._entered()

    def sessions(self) -> list[dict[str, Any]]:
        """Every process that ever worked on it: host, process, seed, versions (JSON), started_s, ended."""
        with errors(self.where), self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(SESSIONS).order_by(SESSIONS.c.started_s))]

    def leave(self) -> None:
        """Give up what was claimed and not evaluated; a claim enters again."""
        with suppress(DataError), errors(self.where):  # the claims of a process that is gone pass on anyway
            if self._claims is not None:
                self._claims.stop()
                self._claims.change(ended=1)
        self._claims = None

    def close(self) -> None:
        self.leave()
        self._engine.dispose()

    def _entered(self) -> Claims:
        if self._claims is None:
            self._claims = Claims(self._engine, self._watch, self._seed)
        return self._claims

    def _read(self, row: Any) -> Evaluation:
        try:
            return from_row(row)
        except (ValueError, TypeError, AttributeError) as error:
            raise DataError(
                f"{shown(self.where)}: holds a result that cannot be read ({error}); "
                "move the file away or choose another folder"
            ) from None
