"""The floor of storing: what changed, what it is now, and the number of that change, in one commit that is on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE version (number INTEGER NOT NULL);
CREATE TABLE resource (name TEXT PRIMARY KEY, kind TEXT NOT NULL, message BLOB NOT NULL);
CREATE TABLE change (number INTEGER NOT NULL, name TEXT NOT NULL, message BLOB NOT NULL, PRIMARY KEY (number, name));
INSERT INTO version VALUES (0);
"""


class RawStore:
    """One database, by the standard library."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._number = 0

    def commit(self, names: Sequence[str], message: bytes) -> None:
        """Store resources, all in one change."""
        self._number += 1
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        run.execute("UPDATE version SET number = ?", (self._number,))
        run.executemany("INSERT INTO resource VALUES (?, 'port', ?)", [(name, message) for name in names])
        run.executemany("INSERT INTO change VALUES (?, ?, ?)", [(self._number, name, message) for name in names])
        run.execute("COMMIT")


@contextmanager
def raw_store(path: Path) -> Iterator[RawStore]:
    """Lend an empty database while the block runs."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        yield RawStore(connection)
