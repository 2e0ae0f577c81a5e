"""Backups: a copy of every table as of one moment, taken while others go on writing.

What must not lie about in clear text is sealed with the keys of `state_key_file`; without keys it is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import IO, Any

from sqlalchemy import Connection, Engine, Table, func, select

from headgate_controller.store.backup_file import BackupWriter, Sealed
from headgate_controller.store.complaints import in_words
from headgate_controller.store.keyring import CLEAR, Keyring, about_secret, about_state
from headgate_controller.store.tables import intent, metadata, revision, secret, state_version

BATCH = 500
"""Rows that are read at once."""


def write_backup(engine: Engine, keyring: Keyring, file: IO[bytes]) -> dict[str, Any]:
    """Write a backup, and return its header.

    Raises:
        HeadgateError: the database cannot be read. OSError: the file cannot be written.
    """
    with in_words("The backup cannot be made"), _snapshot(engine) as connection:
        left_out = list(_left_out(connection, keyring))
        header = {
            "release": version("headgate"),
            "schema": connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one(),
            "time": time.time_ns(),
            "revision": connection.execute(select(func.max(revision.c.revision))).scalar() or 0,
            "resources": _count(connection, intent),
            "states": _states(connection, keyring),
            "left_out": left_out,
        }
        writer = BackupWriter(file, header)
        for table in metadata.sorted_tables:
            writer.table(table.name, table.columns.keys())
            for row in connection.execution_options(yield_per=BATCH).execute(select(table)):
                if (values := _sealed(table, dict(row._mapping), keyring)) is not None:
                    writer.row(list(values.values()))
        writer.finish()
    return header


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Hold a connection for which time stands still."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # The driver begins a transaction before writes only; without one each query sees another moment.
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
        connection.rollback()


def _sealed(table: Table, values: dict[str, Any], keyring: Keyring) -> dict[str, Any] | None:
    """Return a row as it may lie about: what is secret in it sealed; None if it is to be left out."""
    if table is secret:
        about = about_secret(values["name"])
        sealed = Sealed(keyring.seal(values["message"], about), keyring.current)
        return values | {"message": sealed} if keyring.current != CLEAR else None
    if table is state_version and values["key"] == CLEAR and values["content"] is not None:
        about = about_state(values["path"], values["version"])
        sealed_state = {"content": keyring.seal(values["content"], about), "key": keyring.current}
        return values | sealed_state if keyring.current != CLEAR else None
    return values


def _left_out(connection: Connection, keyring: Keyring) -> Iterator[str]:
    if keyring.current != CLEAR:
        return
    fix = "they are kept in clear text; give the controller a state_key_file"
    if secrets := _count(connection, secret):
        yield f"secrets of {secrets} resources: {fix}"
    clear = (state_version.c.key == CLEAR) & state_version.c.content.is_not(None)
    if states := connection.execute(select(func.count(state_version.c.path.distinct())).where(clear)).scalar_one():
        yield f"{states} states of Terraform: {fix}"


def _states(connection: Connection, keyring: Keyring) -> int:
    query = select(func.count(state_version.c.path.distinct()))
    kept = query if keyring.current != CLEAR else query.where(state_version.c.key != CLEAR)
    return int(connection.execute(kept).scalar_one())


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
