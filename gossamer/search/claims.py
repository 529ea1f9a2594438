"""Who evaluates what, when several processes share a search.

A process that is alone need not write down what it takes up: everything that is not evaluated is its. One that joins
it asks it to share; from its next step on, every design is claimed by a row of the table `claim`, and until then the
newcomer waits. Whoever inserts the row of a design first evaluates it; the rows of a session that died pass on.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select, text, update

from gossamer.search.database import added, full_name, where_in
from gossamer.search.sessions import Heart, Session, Watch
from gossamer.search.tables import ALONE, ASKED, CLAIMS, ROWS, SESSIONS, SHARING


class Claims:
    """The claims of one process. `watch` tells it who else is alive."""

    def __init__(self, engine: Engine, watch: Watch, seed: str) -> None:
        self._engine, self._watch = engine, watch
        self.session = Session.new(seed)
        self._alone = self._join()
        self._heart = Heart(lambda: self.change(beat=SESSIONS.c.beat + 1))

    def take(self, texts: Sequence[str], slow: bool) -> NDArray[np.bool_]:
        """bool [P]: the designs that this process is to evaluate. `slow` ones are claimed even when it is alone, so
        that whoever joins it while they are evaluated need not wait.
        """
        if self._alone and (slow or self._asked()):
            self.change(standing=SHARING)
            self._alone = False
        if self._alone:
            return np.ones(len(texts), np.bool_)
        with self._engine.begin() as connection:
            if self._others_alone(connection):
                return np.zeros(len(texts), np.bool_)
            mine = self._inserted(connection, texts)
            known = {row.genome for row in where_in(connection, select(ROWS.c.genome), ROWS.c.genome, texts)}
        return np.array([text in mine and text not in known for text in texts], np.bool_)

    def change(self, **values: Any) -> None:
        """Of this process's row in `session`."""
        with self._engine.begin() as connection:
            connection.execute(update(SESSIONS).where(SESSIONS.c.id == self.session.id).values(**values))

    def stop(self) -> None:
        """No more beats."""
        self._heart.stop()

    def _join(self) -> bool:
        """Enter the table of sessions, one process after the other; whether no other one is there."""
        me = self.session.id
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"LOCK TABLE {full_name(self._engine, SESSIONS)} IN EXCLUSIVE MODE"))
            connection.execute(SESSIONS.insert(), [self.session.row()])
            others = [row.id for row in self._sessions(connection) if row.id != me and not self._watch.dead(row)]
            if others:
                asked = update(SESSIONS).where(SESSIONS.c.id.in_(others), SESSIONS.c.standing == ALONE)
                connection.execute(asked.values(standing=ASKED))
            else:
                connection.execute(update(SESSIONS).where(SESSIONS.c.id == me).values(standing=ALONE))
        return not others

    def _asked(self) -> bool:
        """Whether somebody wants to share."""
        with self._engine.connect() as connection:
            query = select(SESSIONS.c.standing).where(SESSIONS.c.id == self.session.id)
            return connection.execute(query).scalar() != ALONE

    def _others_alone(self, connection: Connection) -> bool:
        rows = [row for row in self._sessions(connection) if row.standing != SHARING and row.id != self.session.id]
        return not all(self._watch.dead(row) for row in rows)

    def _sessions(self, connection: Connection) -> Sequence[Any]:
        return connection.execute(select(SESSIONS).where(SESSIONS.c.ended == 0)).all()

    def _inserted(self, connection: Connection, texts: Sequence[str]) -> set[str]:
        """Claims that are this process's by now."""
        me = self.session.id
        # all in one order: two processes that wait for each other's rows would be a deadlock in PostgreSQL
        if added(connection, CLAIMS, [(genome, me) for genome in sorted(texts)]) == len(texts):
            return set(texts)
        owners = {row.genome: row.session for row in where_in(connection, select(CLAIMS), CLAIMS.c.genome, texts)}
        orphaned = self._orphans(connection, set(owners.values()) - {me})
        for genome, owner in sorted(owners.items()):
            if owner in orphaned and self._inherited(connection, genome, owner):
                owners[genome] = me
        return {genome for genome, owner in owners.items() if owner == me}

    def _orphans(self, connection: Connection, sessions: set[str]) -> set[str]:
        """Those of the sessions that are dead. One that left no trace never lived."""
        rows = connection.execute(select(SESSIONS).where(SESSIONS.c.id.in_(sessions))).all()
        return sessions - {row.id for row in rows if not self._watch.dead(row)}

    def _inherited(self, connection: Connection, genome: str, dead: str) -> bool:
        """Take a claim over, unless another process was faster."""
        mine = update(CLAIMS).where(CLAIMS.c.genome == genome, CLAIMS.c.session == dead)
        return connection.execute(mine.values(session=self.session.id)).rowcount == 1
