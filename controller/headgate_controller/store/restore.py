"""Restoring: the tables of a backup in place of those of an empty store, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, MetaData, Table, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from headgate_controller.errors import HeadgateError
from headgate_controller.store.backup_file import BackupError, BackupReader, Sealed
from headgate_controller.store.complaints import refusal
from headgate_controller.store.database import Database
from headgate_controller.store.keyring import Keyring, about_secret
from headgate_controller.store.lease import hold_lease
from headgate_controller.store.migrating import VERSIONS, migrate
from headgate_controller.store.tables import intent, lease, metadata, state_version

BATCH = 500
"""Rows that are written at once."""

LEADERS = ("holder", "endpoints", "session", "expire_time")
"""What the lease says of who leads."""


class NotEmptyError(HeadgateError):
    """The store holds something that a backup would replace."""

    code, reason = "FAILED_PRECONDITION", "STORE_NOT_EMPTY"


def check_empty(engine: Engine) -> None:
    """See that a store holds nothing but hosts, which register by themselves, and tokens.

    Raises:
        NotEmptyError: it holds more.
    """
    with engine.connect() as connection:
        _check_empty(connection)


class Held(NamedTuple):
    """What Northbound holds: the epoch it is at, and whether its rows are of the store that is to be replaced."""

    epoch: int
    ours: bool


def restore(database: Database, backup: BackupReader, keyring: Keyring, northbound: Held) -> int:
    """Put a verified backup in place of what the store holds, and return the epoch to go on with.

    That is a higher one than the backup's, the store's and Northbound's. A store whose rows are in Northbound keeps its
    name; else it takes the backup's. Who leads, does so still.

    The tables are made as they were when the backup was made, filled, and brought up to date by the migrations that
    any database goes through.

    Raises:
        NotEmptyError. BackupError: the backup does not fit. SealedError: a key is missing. HeadgateError: the
            database refuses it.
    """
    try:
        with database.engine.connect() as connection:
            _begin(connection)
            hold_lease(connection, database.epoch())
            _check_empty(connection)
            before = connection.execute(select(lease)).mappings().one()
            _make_tables(connection, str(backup.header.get("schema", "")))
            _fill(connection, backup, keyring)
            migrate(connection, "head")
            known = connection.execute(select(lease.c.epoch)).scalar_one()
            following = max(int(known), int(before["epoch"]), northbound.epoch) + 1
            kept = [*LEADERS, "store"] if northbound.ours else LEADERS
            connection.execute(update(lease).values(epoch=following, **{name: before[name] for name in kept}))
            connection.commit()
            return following
    except SQLAlchemyError as error:
        raise refusal(error, "The backup cannot be stored") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        text = f"What is in the backup does not fit its tables: {error!r}. Nothing was changed; take another copy."
        raise BackupError(text) from error


def _begin(connection: Connection) -> None:
    """Begin a transaction that holds changes of tables too, and that nobody writes beside."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_empty(connection: Connection) -> None:
    resources = select(func.count()).select_from(intent).where(intent.c.project != "")
    states = select(func.count(state_version.c.path.distinct()))
    found = [connection.execute(query).scalar_one() for query in (resources, states)]
    if any(found):
        raise NotEmptyError(
            f"The controller holds {found[0]} resources and {found[1]} states of Terraform, which a backup would "
            "replace. Nothing was changed; restore into a controller with a database of its own."
        )


def _make_tables(connection: Connection, schema: str) -> None:
    """Make the tables as a backup of that schema has them."""
    metadata.drop_all(connection)
    connection.exec_driver_sql(f"DROP TABLE {VERSIONS}")
    try:
        migrate(connection, schema)
    except Exception as error:  # the library has no one error for it
        text = (
            f"The backup's tables are of schema {schema!r}, which this release does not know: it was made by a newer "
            "one. Nothing was changed; restore it with that release, or a later one."
        )
        raise BackupError(text) from error


def _fill(connection: Connection, backup: BackupReader, keyring: Keyring) -> None:
    there = MetaData()
    there.reflect(connection)
    for table in there.tables.values():
        if table.name != VERSIONS:
            connection.execute(table.delete())  # migrations put first rows into some
    for name, rows in groupby(_opened(backup, keyring), key=lambda row: row[0]):
        if name not in there.tables:
            raise BackupError(f"The backup has a table {name!r}, which its schema does not have. Nothing was changed.")
        for batch in _batches(values for _, values in rows):
            _insert(connection, there.tables[name], batch)


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if unknown := rows[0].keys() - set(table.columns.keys()):
        raise BackupError(f"The backup's table {table.name} has unknown columns: {', '.join(sorted(unknown))}.")
    connection.execute(insert(table), list(rows))


def _opened(backup: BackupReader, keyring: Keyring) -> Iterator[tuple[str, dict[str, Any]]]:
    for table, columns, values in backup.rows():
        row = dict(zip(columns, values, strict=True))
        for column, value in row.items():
            if isinstance(value, Sealed):
                row[column] = keyring.open(value.key, value.content, about_secret(str(row["name"])))
        yield table, row


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
