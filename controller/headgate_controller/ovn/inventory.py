"""Which rows of a database are ours, and which changes to them are not our own doing; pure.

Only keys and UUIDs are kept, no contents: a row that somebody else changed is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from headgate_common.ovsdb import Op, TableUpdates
from headgate_common.ovsdb_schema import Column, Schema, Wire, atoms, canonical, decode, default
from headgate_common.rows import OWNER_KEY, Atom, Change, Insert, Mutate, Plan, RowKey, Update, Value, Wanted

_STRAY = "stray "

Contents = dict[RowKey, dict[str, Value]]
"""Rows of ours as they are: the columns that we watch, without our mark in `external_ids`."""


@dataclass(slots=True)
class Echo:
    """What one transaction of ours changed, so that its update can be told from anybody else's.

    An update that arrives before our reply was committed before our transaction or with it, so whatever it says of a
    column that we wrote whole, or of an element that we added or removed, is as we left it. Everything else is foreign.
    `shared` is true if it wrote our keys of the shared row.
    """

    rows: set[str] = field(default_factory=set)
    columns: dict[str, set[str]] = field(default_factory=dict)
    elements: dict[tuple[str, str], set[Any]] = field(default_factory=dict)
    shared: bool = False

    def covers(self, uuid: str, differences: Mapping[str, Wire]) -> bool:
        """Return True if a change of a row is all our own."""
        whole = self.columns.get(uuid, ())
        return all(column in whole or self._touched(uuid, column, wire) for column, wire in differences.items())

    def _touched(self, uuid: str, column: str, wire: Wire) -> bool:
        elements = self.elements.get((uuid, column))
        return elements is not None and elements.issuperset(atoms(wire))


def echo_of(operations: Sequence[Op], results: Sequence[Any]) -> Echo:
    """Return what a transaction that succeeded changed."""
    echo = Echo()
    born = {
        op["uuid-name"]: result["uuid"][1]
        for op, result in zip(operations, results, strict=True)
        if "uuid-name" in op  # the shared row has none
    }
    echo.rows.update(born.values())
    for op in operations:
        if op["op"] not in {"update", "mutate", "delete"} or not op["where"] or op["where"][0][0] != "_uuid":
            continue
        uuid = op["where"][0][2][1]
        if op["op"] == "delete":
            echo.rows.add(uuid)
        elif op["op"] == "update":
            echo.columns.setdefault(uuid, set()).update(op["row"])
        else:
            for column, _, wire in op["mutations"]:
                echo.elements.setdefault((uuid, column), set()).update(born.get(atom, atom) for atom in atoms(wire))
    return echo


class Inventory:
    """Our rows by key and by UUID, kept up to date by a monitor's updates.

    `columns` are the columns watched, by table: those of them that the server has, and `external_ids`; `absent` the
    tables and columns that it does not have. A second row
    with the key of another is kept as a stray, under a key that nobody wants, so that it is removed.
    """

    def __init__(self, schema: Schema, columns: Mapping[str, Iterable[str]]) -> None:
        self.schema = schema
        self.columns: dict[str, dict[str, Column]] = {}
        self.absent: set[str] = set()
        self.uuids: dict[RowKey, str] = {}
        self._keys: dict[str, RowKey] = {}
        for table, names in columns.items():
            self._watch(table, names)

    def _watch(self, table: str, names: Iterable[str]) -> None:
        there = self.schema.tables.get(table)
        if there is None or "external_ids" not in there.columns:
            self.absent.add(table)
            return
        self.absent.update(f"{table}.{name}" for name in names if name not in there.columns)
        self.columns[table] = {name: there.columns[name] for name in (*names, "external_ids") if name in there.columns}

    def load(self, rows: TableUpdates) -> Contents:
        """Take in all rows afresh, and return the contents of ours."""
        self.uuids.clear()
        self._keys.clear()
        for table, by_uuid in rows.items():
            for uuid, update in by_uuid.items():
                if (name := _owner(update["initial"])) is not None:
                    self._adopt(table, uuid, name)
        keys = self._keys
        return {
            keys[uuid]: self.contents(table, update["initial"])
            for table, by_uuid in rows.items()
            for uuid, update in by_uuid.items()
            if uuid in keys
        }

    def contents(self, table: str, row: Mapping[str, Wire]) -> dict[str, Value]:
        """Return the watched columns of a row, references as keys.

        Children of ours that carry no key belong to somebody else, who put them there: they are passed over.
        """
        values: dict[str, Value] = {}
        for name, column in self.columns[table].items():
            wire = row.get(name)
            values[name] = default(column) if wire is None else decode(column, wire, self._row_at(table, name))
        marks = values["external_ids"]
        if isinstance(marks, dict):
            marks.pop(OWNER_KEY, None)
        return values

    def absorb(self, updates: TableUpdates, echo: Echo | None = None, going: Iterable[RowKey] = ()) -> set[RowKey]:
        """Take in a monitor's update, and return the rows of ours in it that somebody else may have changed.

        `echo` is the transaction of ours that the update preceded; `going` are rows that it is no surprise to see gone.
        """
        suspects: set[RowKey] = set()
        echo = echo or Echo()
        for table, by_uuid in updates.items():
            for uuid, update in by_uuid.items():
                key = self._absorb_row(table, uuid, update, echo)
                if key is not None:
                    suspects.add(key)
        return suspects.difference(going) if suspects else suspects

    def born(self, key: RowKey, uuid: str) -> None:
        """Take in a row that we inserted."""
        self.uuids[key] = uuid
        self._keys[uuid] = key

    def row_named(self, beginning: str) -> str | None:
        """Return the name in the key of the row whose UUID begins so."""
        return next((key.name for uuid, key in self._keys.items() if uuid.startswith(beginning)), None)

    def forget(self, key: RowKey) -> None:
        """Give up a row: it is not ours any more."""
        self._keys.pop(self.uuids.pop(key), None)

    def fit(self, wanted: Mapping[RowKey, Wanted]) -> dict[RowKey, Wanted]:
        """Return desired rows in the form in which they are read back, without what this server does not have.

        A column that has another type there counts as one that it does not have.

        Raises: ValueError: a column is not watched.
        """
        return {key: self._fit_row(key.table, row) for key, row in wanted.items() if key.table not in self.absent}

    def _fit_row(self, table: str, row: Wanted) -> Wanted:
        columns, members = self._fit_columns(table, row.columns), self._fit_columns(table, row.members)
        if columns is row.columns and members is row.members:
            return row
        return Wanted(columns, cast("Mapping[str, frozenset[Atom]]", members))

    def fit_plan(self, plan: Plan) -> Plan:
        """Return a plan without what this server does not have, likewise.

        Raises: ValueError: a column is not watched.
        """
        changes: list[Change] = []
        for change in plan.changes:
            if change.key.table in self.absent:
                continue
            if isinstance(change, Insert | Update):
                changes.append(type(change)(change.key, self._fit_columns(change.key.table, change.columns)))
            elif not isinstance(change, Mutate) or self._fit_columns(change.key.table, {change.column: change.add}):
                changes.append(change)
        return Plan(tuple(changes))

    def _fit_columns(self, table: str, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """Return the columns that this server has, in their form; nearly always all are, and it is the same mapping."""
        watched = self.columns.get(table, {})
        if _in_form(values, watched):
            return values
        fitted = {}
        for name, value in values.items():
            column = watched.get(name)
            if column is not None:
                try:
                    fitted[name] = canonical(column, value)
                except ValueError:
                    # The server's column is of another type than in the schemas that we know.
                    self.absent.add(f"{table}.{name}")
                    del watched[name]
            elif f"{table}.{name}" not in self.absent:
                raise ValueError(f"{table}.{name} is not among the columns declared")
        return fitted

    def _absorb_row(self, table: str, uuid: str, update: Mapping[str, Any], echo: Echo) -> RowKey | None:
        """Take in the change of one row; return its key if it is ours and the change is not."""
        if "delete" in update:
            key = self._keys.pop(uuid, None)
            if key is not None and self.uuids.get(key) == uuid:
                del self.uuids[key]
            return None if uuid in echo.rows else key
        key = self._keys.get(uuid)
        if (row := update.get("insert")) is not None:
            name = _owner(row)
            return self._adopt(table, uuid, name) if key is None and name is not None else None
        differences = update["modify"]
        if key is None:
            name = _owner(differences)
            return None if name is None else self._adopt(table, uuid, name)
        return None if uuid in echo.rows or echo.covers(uuid, differences) else key

    def _adopt(self, table: str, uuid: str, name: str) -> RowKey:
        key = RowKey(table, name)
        if key in self.uuids:
            key = RowKey(table, f"{_STRAY}{uuid}")
        self.born(key, uuid)
        return key

    def _row_at(self, table: str, name: str) -> Callable[[str], Atom | None]:
        column = self.columns[table][name]
        if column.target is None or name in self.schema.tables[table].links:
            return self._keys.get
        return lambda uuid: self._keys.get(uuid, uuid)


def _in_form(values: Mapping[str, Value], columns: Mapping[str, Column]) -> bool:
    """Return whether every value is of a column that is there, and in the form in which it is read back."""
    for name, value in values.items():  # no all(): it takes twice as long, for each row of a site
        column = columns.get(name)
        if column is None or type(value) is not column.form:
            return False
    return True


def unmarked(key: RowKey, row: Mapping[str, Wire]) -> bool:
    """Return True if a row of ours, as it was read, does not carry its key."""
    name = _owner(row)
    return name is None or (name != key.name and not key.name.startswith(_STRAY))


def _owner(row: Mapping[str, Wire]) -> str | None:
    """Return the mark in a row's `external_ids`, or in the difference of them."""
    for key, value in _pairs(row.get("external_ids")):
        if key == OWNER_KEY:
            return value
    return None


def _pairs(wire: Wire | None) -> Iterator[tuple[str, str]]:
    yield from () if wire is None else wire[1]
