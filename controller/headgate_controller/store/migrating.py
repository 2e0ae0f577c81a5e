"""Migrations: the tables of a database brought to what this release, or another, has.

Alembic, which does it, is large and slow to import, and nearly every start of a controller finds nothing to do: it is
imported only if there is something.
"""

from __future__ import annotations

import logging
import os
from importlib.resources import as_file, files

from sqlalchemy import Connection, func, inspect, select, text

MIGRATING = 0x4845414447415445
"""Key of the advisory lock under which PostgreSQL is migrated: controllers may start at once."""

VERSIONS = "alembic_version"
"""The table that says which migration a database is at."""


class TooNewError(Exception):
    """The database was made by a newer release."""


def bring_up_to_date(connection: Connection) -> None:
    """Bring a database to the latest tables, if it is not there.

    Raises: TooNewError.
    """
    if is_newest(connection):
        return
    _quieten()
    from alembic.util import CommandError

    try:
        migrate(connection, "head")
    except CommandError as error:
        raise TooNewError(str(error)) from error


def is_newest(connection: Connection) -> bool:
    """Return whether a database has the latest tables."""
    if not inspect(connection).has_table(VERSIONS):
        return False
    return connection.execute(text(f"SELECT version_num FROM {VERSIONS}")).scalars().all() == [newest()]  # noqa: S608


def newest() -> str:
    """Return the latest migration: files are named by their numbers."""
    versions = files("headgate_controller.store") / "migrations" / "versions"
    return max(file.name[:4] for file in versions.iterdir() if file.name[:4].isdecimal())


def migrate(connection: Connection, revision: str) -> None:
    """Bring a database to a revision of its tables, "head" for the latest."""
    _quieten()
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATING)))
    with as_file(files("headgate_controller.store") / "migrations") as path:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", os.fspath(path))
        command.upgrade(config, revision)


def _quieten() -> None:
    """Have Alembic tell of what goes wrong only; it begins to talk when it is imported."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
