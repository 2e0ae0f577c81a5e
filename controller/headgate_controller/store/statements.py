"""Statements that are put into words once.

SQLAlchemy goes over a statement each time it is executed, which takes longer than SQLite needs to carry it out. Errors
are its own all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql.dml import UpdateBase

Row = Mapping[str, Any]
"""Values by the names of a statement's parameters."""


class Statement:
    """An INSERT of all columns of a table, an UPDATE of some, or a DELETE. Any thread may run it."""

    def __init__(self, clause: UpdateBase, columns: Sequence[str] | None = None) -> None:
        """Take a statement; `columns` are those that an UPDATE sets, each a parameter of its name."""
        self._clause = clause
        self._columns = columns
        self._worded: dict[str, tuple[str, Callable[[Row], Any]]] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> CursorResult[Any]:
        """Carry it out for each of the rows, of which there must be one at least, in one go.

        Raises:
            SQLAlchemyError: the database refuses.
        """
        words, values = self._worded.get(connection.dialect.name) or self._put(connection)
        parameters = [values(row) for row in rows]
        return connection.exec_driver_sql(words, parameters if len(parameters) > 1 else parameters[0])

    def _put(self, connection: Connection) -> tuple[str, Callable[[Row], Any]]:
        compiled: Any = self._clause.compile(dialect=connection.dialect, column_keys=self._columns)
        put = str(compiled), _values(compiled.positiontup)
        self._worded[connection.dialect.name] = put
        return put


def _values(names: Sequence[str] | None) -> Callable[[Row], Any]:
    """Return how a row becomes parameters: by their places, or if they have none by their names."""
    if names is None:
        return dict
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names)
