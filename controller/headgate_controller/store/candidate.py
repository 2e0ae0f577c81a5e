"""Candidates for the lead: of several controllers that share a database one holds a lease in it, which lasts for some
seconds and is renewed; by the database's clock alone, so that nobody else's matters.

A term is one leader's time with one epoch. Whoever takes over from another, or from itself without having ended in
order, begins a higher epoch; that takes the lock of the lease's row, which every transaction of a leader holds until
its commit. So what the former leader has begun is over by then, and whatever it begins later finds another epoch.
"""

from __future__ import annotations

import math
import uuid
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BigInteger, Connection, cast, extract, func, select, update

from headgate_controller.store.database import Database
from headgate_controller.store.tables import lease

SECOND = 1_000_000_000
RELEASED = 0
"""Stands for the end of a lease that its holder has given back."""

NOW = cast(extract("epoch", func.clock_timestamp()) * SECOND, BigInteger)
"""The database's clock, in nanoseconds since the epoch."""


class Term(NamedTuple):
    """One leader's time: its epoch, and whether nobody can have written with that before."""

    epoch: int
    new: bool


class Leader(NamedTuple):
    """Who leads: by what name, where it is reached, and for how many seconds to come it does so whatever happens."""

    name: str
    endpoints: tuple[str, ...]
    seconds: float


class Candidate(Protocol):
    """One controller that can lead. Each method is one transaction, blocks, and raises SQLAlchemyError if the database
    does not take it. `seconds` is how long a term lasts unless it is prolonged.
    """

    seconds: float

    def stand(self, above: int) -> Term | Leader:
        """Begin a term, with an epoch above that one, or tell who leads."""

    def renew(self, term: Term) -> bool:
        """Prolong a term; return False if it is over."""

    def resumed(self, term: Term) -> Term | None:
        """Return what has become of a term whose holder has ended everything that it had begun, and begins anew; None
        if it is over.
        """

    def release(self, term: Term) -> None:
        """End a term in order: nothing that was begun in it is under way any more."""


class SoleCandidate:
    """The one controller that has an embedded database, for as long as its process lives."""

    seconds = math.inf

    def __init__(self, database: Database) -> None:
        self._database = database

    def stand(self, above: int) -> Term:
        """Return the term that the database is at: it has had no other leader."""
        return Term(self._database.stored_epoch(), new=False)

    def renew(self, term: Term) -> bool:
        """Return True: the lock does not end."""
        return True

    def resumed(self, term: Term) -> Term:
        """Return the term with the epoch that the database has now."""
        return self.stand(term.epoch)

    def release(self, term: Term) -> None:
        """Do nothing: the lock is given back with the database."""


class SharedCandidate:
    """One of the controllers that share a database."""

    def __init__(self, database: Database, name: str, endpoints: tuple[str, ...], seconds: float) -> None:
        self._engine = database.engine_for_one()
        self._name = name
        self._endpoints = ",".join(endpoints)
        self.seconds = seconds
        self._session = str(uuid.uuid4())

    def stand(self, above: int) -> Term | Leader:
        """Begin a term if nobody else's is under way, or tell who leads.

        The epoch is kept if the last leader had the same name and ended in order: that was this controller, before a
        restart, and a restart is to write nothing.
        """
        with self._engine.begin() as connection:
            if (leader := self._other_leader(_row(connection))) is not None:
                return leader
            found = _row(connection, locked=True)
            if (leader := self._other_leader(found)) is not None:
                return leader
            kept = found.expire_time == RELEASED and found.holder == self._name and found.epoch > above
            epoch = found.epoch if kept else max(found.epoch, above) + 1
            own = {"holder": self._name, "endpoints": self._endpoints, "session": self._session}
            connection.execute(update(lease).values(epoch=epoch, expire_time=self._end, **own))
            return Term(epoch, new=not kept)

    def renew(self, term: Term) -> bool:
        """Prolong a term; return False if it is over. A restore that is under way may have raised its epoch."""
        return self.resumed(term) is not None

    def resumed(self, term: Term) -> Term | None:
        """Return the term prolonged, under a higher epoch if a backup was restored in it; None if it is over."""
        mine = lease.c.session == self._session
        with self._engine.begin() as connection:
            prolonged = update(lease).where(mine).values(expire_time=self._end).returning(lease.c.epoch)
            epoch = connection.execute(prolonged).scalar()
        return None if epoch is None else Term(epoch, new=epoch != term.epoch)

    def release(self, term: Term) -> None:
        """Give the lease back, so that others need not wait for its end."""
        mine = (lease.c.session == self._session) & (lease.c.epoch == term.epoch)
        with self._engine.begin() as connection:
            connection.execute(update(lease).where(mine).values(expire_time=RELEASED))

    @property
    def _end(self) -> Any:
        return NOW + round(self.seconds * SECOND)

    def _other_leader(self, row: Any) -> Leader | None:
        seconds = (row.expire_time - row.now) / SECOND
        if row.session == self._session or seconds <= 0:
            return None
        return Leader(row.holder, tuple(filter(None, row.endpoints.split(","))), seconds)


def _row(connection: Connection, *, locked: bool = False) -> Any:
    query = select(lease, NOW.label("now"))
    return connection.execute(query.with_for_update() if locked else query).one()
