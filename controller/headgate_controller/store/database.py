"""Opening the store's database: what its connections are told, migrations, the one-process lock of the embedded store,
and reading what it holds.
"""

from __future__ import annotations

import fcntl
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from google.protobuf.message import DecodeError, Message
from sqlalchemy import Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from headgate_common.config_text import without_passwords
from headgate_controller.errors import OutOfRangeError, UnavailableError, UnknownKindError
from headgate_controller.schema import Schema
from headgate_controller.store import tables
from headgate_controller.store.complaints import GUIDE, DamagedError, fix, in_words, why
from headgate_controller.store.migrating import TooNewError, bring_up_to_date
from headgate_controller.world import EMPTY_WORLD, World

IDLE_SECONDS = 10.0
"""How long a transaction may stand still in PostgreSQL, unless told otherwise."""

LINGERING = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}
"""After how long PostgreSQL counts as gone, in seconds, and milliseconds in the last; the URL may say otherwise.

Source: PostgreSQL documentation, "Parameter Key Words" of libpq.
"""


CHECK = "Check its URL, its permissions and the disk."


class Database:
    """The store's database, open and up to date; `close` it."""

    def __init__(self, url: str, idle_seconds: float = IDLE_SECONDS) -> None:
        """Open it, making and migrating what is needed; in PostgreSQL a transaction that stands still for that long is
        ended, since it may keep the lease from others.

        Raises:
            UnavailableError: another process has it, or it cannot be opened; the message says what to do.
        """
        try:
            self._lock = _locked(url)
        except (OSError, ArgumentError) as error:
            raise unusable(url, error) from error
        self._url, self._idle_seconds = url, idle_seconds
        self._epoch: int | None = None
        self.engine = _engine(url, idle_seconds)
        try:
            with self.engine.begin() as connection:
                bring_up_to_date(connection)
        except DBAPIError as error:
            self.close()
            raise unusable(url, error) from error
        except TooNewError as error:
            self.close()
            raise _too_new(url, error) from error

    @property
    def shared(self) -> bool:
        """Whether other controllers may have it open, too."""
        return self.engine.dialect.name != "sqlite"

    def engine_for_one(self) -> Engine:
        """Return another way in, with one connection, for whom no other use of the database may hold up."""
        return _engine(self._url, self._idle_seconds, pool_size=1, max_overflow=0)

    def close(self) -> None:
        """Close it and let another process have it."""
        self.engine.dispose()
        if self._lock:
            self._lock.close()

    def lead_with(self, epoch: int) -> None:
        """Have everything that is opened from now on write with this epoch, whatever another leader may begin."""
        self._epoch = epoch

    def epoch(self) -> int:
        """Return the epoch to write with: the one said, else what the database holds."""
        return self.stored_epoch() if self._epoch is None else self._epoch

    def stored_epoch(self) -> int:
        """Return the epoch that the database holds."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(tables.lease.c.epoch)).scalar_one())

    def name(self) -> str:
        """Return the store's own name, which it has had from its beginning, and which its backups carry."""
        with self.engine.connect() as connection:
            return str(connection.execute(select(tables.lease.c.store)).scalar_one())


def unusable(url: str, reason: BaseException) -> UnavailableError:
    """Return what a controller ends with whose database cannot be opened or read."""
    parts = (f"The database {url} cannot be used: {why(reason)}.", fix(reason), CHECK)
    return UnavailableError(without_passwords(" ".join(part for part in parts if part)))


def _too_new(url: str, reason: TooNewError) -> UnavailableError:
    text = f"The database {url} was made by a newer release ({reason}). Run that one, or a later one."
    return UnavailableError(without_passwords(text))


def _engine(url: str, idle_seconds: float, **options: Any) -> Engine:
    """Return what opens connections to a database; `options` are those of SQLAlchemy."""
    if url.startswith("sqlite"):
        engine = create_engine(url, hide_parameters=True, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    said = make_url(url).query
    lingering = {key: value for key, value in LINGERING.items() if key not in said}
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=lingering, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = {round(idle_seconds * 1000)}")
        connection.commit()

    return engine


def _locked(url: str) -> IO[bytes] | None:
    """Take the lock of an embedded database for as long as the process lives; other databases have none."""
    path = (make_url(url).database or "").removeprefix("file:").partition("?")[0]
    if not url.startswith("sqlite") or path in ("", ":memory:"):
        return None
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    lock = Path(f"{Path(path).resolve()}.lock").open("ab")  # noqa: SIM115 - held for the life of the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise UnavailableError(
            f"Another controller has {path}. Stop that one; several share a PostgreSQL (docs/guide/controllers.md)."
        ) from error
    return lock


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA busy_timeout=4000")


def load_world(engine: Engine, schema: Schema, empty: World = EMPTY_WORLD) -> World:
    """Return the World that the database holds, begun from an empty one with the site's settings.

    Raises:
        UnknownKindError: it holds resources of a kind that is not there. DamagedError: one is not what was written.
    """
    nouns: list[Any] = []
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(tables.revision.c.revision))).scalar() or 0
        with_secrets = func.coalesce(tables.secret.c.message, tables.intent.c.message)
        joined = tables.intent.outerjoin(tables.secret, tables.intent.c.name == tables.secret.c.name)
        for kind, message in connection.execute(select(tables.intent.c.kind, with_secrets).select_from(joined)):
            codec = schema.codecs.get(kind)
            if codec is None:
                text = f"The database holds resources of the kind {kind}, which is not there; add its module to"
                raise UnknownKindError(f"{text} extra_kinds.")
            nouns.append(codec.from_store(_read(codec.message, message)))
    return replace(empty.filled(nouns), revision=newest)


def _read(kind: type[Message], content: bytes) -> Message:
    try:
        return kind.FromString(content)
    except DecodeError as error:
        text = f"The database holds a {kind.DESCRIPTOR.name} that cannot be read: {error}. It is damaged: restore a"
        raise DamagedError(f"{text} backup into an empty database ({GUIDE}).") from error


LoggedChange = tuple[int, str, str, int, bytes | None]
"""Revision, name, kind, time in nanoseconds, and the message, None if the resource is gone."""


def changes_after(engine: Engine, after: int, limit: int) -> list[LoggedChange]:
    """Return the changes after a revision, oldest first: about `limit` of them, and never part of a revision.

    Raises:
        OutOfRangeError: some have been forgotten. HeadgateError: the database cannot be read.
    """
    log = tables.revision.c
    with in_words("The log cannot be read"), engine.connect() as connection:
        last = connection.execute(
            select(log.revision)
            .where(log.revision > after)
            .order_by(log.revision, log.position)
            .offset(limit - 1)
            .limit(1)
        ).scalar()
        query = (
            select(log.revision, log.name, log.kind, log.time, log.after)
            .where(log.revision > after)
            .order_by(log.revision, log.position)
        )
        rows = connection.execute(query if last is None else query.where(log.revision <= last)).all()
    # Revisions have no gaps: where the next one is missing, the log begins later.
    if rows and rows[0].revision != after + 1:
        raise OutOfRangeError(
            f"The log begins with revision {rows[0].revision}, and what came after {after} is not all in it. Begin "
            "again with 0, which tells everything that there is; how far the log reaches back is said by history_days "
            "and history_revisions of the controller."
        )
    return [(row.revision, row.name, row.kind, row.time, row.after) for row in rows]
