"""What an OVSDB server says of its tables, and values to and from the wire by it.

Source: RFC 7047, sections 3.2 (schema) and 5.1 (notation of values).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast

from headgate_common.rows import Atom, RowKey, Value

Wire = Any
"""A value in the server's notation, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Column:
    """The type of one column: a map if there is a `value_kind`, `scalar` if it always holds exactly one value.

    A value of the type `form` is in canonical form as it is; for a column of real numbers there is none.
    """

    name: str
    kind: str
    value_kind: str | None
    minimum: int
    maximum: int
    target: str | None
    strong: bool
    scalar: bool
    form: type[Any] | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table; what follows from the whole schema is worked out once.

    `links` are the columns that keep the rows of another table alive: strong references to a table that is no root.
    `loose_links` are those of them whose elements may come and go one by one.
    """

    name: str
    root: bool
    columns: Mapping[str, Column]
    references: tuple[str, ...]
    links: tuple[str, ...]
    loose_links: frozenset[str]
    removal_rank: int


@dataclass(frozen=True, slots=True)
class Schema:
    """One database as its server describes it."""

    name: str
    version: str
    tables: Mapping[str, Table]

    def column(self, table: str, column: str) -> Column | None:
        """Return the column, None if the server does not have it."""
        there = self.tables.get(table)
        return there.columns.get(column) if there else None

    def parents_of(self, table: str) -> Iterable[tuple[str, str]]:
        """Yield each table and column that keeps rows of `table` alive."""
        for parent in self.tables.values():
            for column in parent.links:
                if parent.columns[column].target == table:
                    yield parent.name, column


def parse_schema(document: Mapping[str, Any]) -> Schema:
    """Return the schema in a reply to `get_schema`."""
    described: Mapping[str, Any] = document["tables"]
    # A schema that marks no table as root, of before that was invented, means that all of them are.
    marked = any(table.get("isRoot") for table in described.values())
    roots = {name for name, table in described.items() if table.get("isRoot") or not marked}
    columns = {
        name: {c: _column(c, d["type"]) for c, d in table["columns"].items()} for name, table in described.items()
    }
    ranks = _removal_ranks(columns)
    tables = {name: _table(name, columns[name], roots, ranks[name]) for name in described}
    return Schema(document["name"], document["version"], tables)


def _table(name: str, columns: Mapping[str, Column], roots: set[str], rank: int) -> Table:
    references = tuple(c.name for c in columns.values() if c.target)
    links = tuple(c.name for c in columns.values() if c.target and c.strong and c.target not in roots)
    loose = frozenset(c for c in links if columns[c].minimum == 0 and columns[c].maximum > 1)
    return Table(name, name in roots, columns, references, links, loose, rank)


def _column(name: str, described: str | Mapping[str, Any]) -> Column:
    whole: Mapping[str, Any] = {"key": described} if isinstance(described, str) else described
    key = {"type": whole["key"]} if isinstance(whole["key"], str) else whole["key"]
    value = whole.get("value")
    least, most = whole.get("min", 1), whole.get("max", 1)
    scalar = value is None and least == 1 and most == 1
    return Column(
        name,
        kind=key["type"],
        value_kind=value if value is None or isinstance(value, str) else value["type"],
        minimum=least,
        maximum=sys.maxsize if most == "unlimited" else most,
        target=key.get("refTable"),
        strong=key.get("refType", "strong") == "strong",
        scalar=scalar,
        form=_form(key["type"], mapping=value is not None, scalar=scalar),
    )


def _form(kind: str, *, mapping: bool, scalar: bool) -> type[Any] | None:
    if mapping:
        return dict
    if kind == "real":
        return None
    return _SCALARS[kind] if scalar else frozenset


_SCALARS: Mapping[str, type[Any]] = {"integer": int, "boolean": bool, "string": str, "uuid": RowKey}


def _removal_ranks(columns: Mapping[str, Mapping[str, Column]]) -> dict[str, int]:
    """Return a rank for each table: rows of lower rank refer to those of higher, so remove them in that order."""
    referrers: dict[str, set[str]] = {name: set() for name in columns}
    for name, own in columns.items():
        for column in own.values():
            if column.target and column.target != name:
                referrers[column.target].add(name)
    try:
        return {name: rank for rank, name in enumerate(TopologicalSorter(referrers).static_order())}
    except CycleError:
        return dict.fromkeys(columns, 0)


def atoms(wire: Wire) -> list[Any]:
    """Return the elements of a set in any of its notations; an element that is a UUID as a bare string."""
    elements = wire[1] if isinstance(wire, list) and wire[0] == "set" else [wire]
    return [e[1] if isinstance(e, list) else e for e in elements]


def decode(column: Column, wire: Wire, row_at: Callable[[str], Atom | None]) -> Value:
    """Return a value from the wire: a dict for a map, a scalar for what is always one, else a frozenset.

    A reference becomes what `row_at` makes of its UUID, or is left out if that is None.
    """
    if column.value_kind is not None:
        return {str(key): str(value) for key, value in wire[1]}
    elements: Iterable[Atom] = atoms(wire)
    if column.kind == "uuid":
        elements = [row for uuid in cast("list[str]", elements) if (row := row_at(uuid)) is not None]
    elif column.kind == "real":
        elements = [float(cast("float", e)) for e in elements]
    return next(iter(elements), "") if column.scalar else frozenset(elements)


_ZERO: Mapping[str, Atom] = {
    "integer": 0,
    "real": 0.0,
    "boolean": False,
    "string": "",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


def default(column: Column) -> Value:
    """Return what a column holds that nobody has set, which is what a monitor leaves out."""
    if column.value_kind is not None:
        return {}
    return _ZERO[column.kind] if column.minimum == 1 and column.maximum == 1 else frozenset()


def canonical(column: Column, value: Value) -> Value:
    """Return a value as `decode` would: equal to what is read back after it was written.

    Raises: ValueError: a scalar column is given more or less than one value, or a set column a map.
    """
    if type(value) is column.form:
        return value
    if column.value_kind is not None:
        if not isinstance(value, Mapping):
            raise ValueError(f"{column.name} is a map, not {value!r}")
        return dict(value)
    if type(value) is frozenset:
        elements = value
    elif isinstance(value, Mapping):
        raise ValueError(f"{column.name} is no map: {value!r}")
    elif column.scalar:
        return float(cast("float", value)) if column.kind == "real" else value
    else:
        elements = frozenset((cast("Atom", value),))
    if column.kind == "real":
        elements = frozenset(float(cast("float", e)) for e in elements)
    if not column.scalar:
        return elements
    if len(elements) != 1:
        raise ValueError(f"{column.name} takes exactly one value, not {value!r}")
    return next(iter(elements))


def encode(column: Column, value: Value, reference: Callable[[RowKey], Wire | None]) -> Wire:
    """Return a value for the wire.

    References become what `reference` makes of them; those of which it makes None are left out of the set.
    """
    if column.value_kind is not None:
        pairs = cast("Mapping[str, str]", value).items()
        if column.kind == column.value_kind == "string":
            return ["map", [[k, v] for k, v in pairs]]
        return ["map", [[_atom(column.kind, k), _atom(column.value_kind, v)] for k, v in pairs]]
    textual = column.kind == "string"
    if textual and type(value) is str:
        return value
    elements = value if type(value) is frozenset else (cast("Atom", value),)
    wires: list[Wire] = [e if textual and type(e) is str else _element(column, e, reference) for e in elements]
    if None in wires:
        wires = [wire for wire in wires if wire is not None]
    return wires[0] if len(wires) == 1 else ["set", wires]


def _element(column: Column, element: Atom, reference: Callable[[RowKey], Wire | None]) -> Wire | None:
    if type(element) is RowKey:
        return reference(element)
    if column.kind == "uuid":
        return ["uuid", element]
    return _atom(column.kind, cast("str", element))


def _atom(kind: str, value: str | float | bool) -> Wire:
    if kind in {"string", "boolean"}:
        return value
    return int(value) if kind == "integer" else float(value)
