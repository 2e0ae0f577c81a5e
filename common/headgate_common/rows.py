"""Rows, members and plans: what an OVSDB database should hold, and what must change so that it does.

A row is named by a `RowKey`, which is kept in the row's `external_ids:headgate-key`: a row is ours if and only if it
carries one. References are `RowKey`s too; they become UUIDs only in the client that writes.

Source: RFC 7047, section 3.2, for the shapes of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

OWNER_KEY = "headgate-key"
"""Key of `external_ids` that marks a row as ours and holds its `RowKey.name`."""


class RowKey(NamedTuple):
    """The identity of one of our rows, whatever its UUID."""

    table: str
    name: str


Atom = str | int | float | bool | RowKey
Value = Atom | frozenset[Atom] | Mapping[str, str]
"""One column: a scalar, a set (an optional scalar is a set of at most one), or a map of strings."""

EMPTY: frozenset[Atom] = frozenset()
"""The value of a set column, or of an optional scalar, with nothing in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One desired row.

    It names every column that its unit owns, every time; an absent value is an empty set or map, else a stale one would
    stay. `member_columns` are the set columns that members feed; they are owned too.

    A row of a table that is no root of its schema names as its `parent` the row whose set column holds it, and its unit
    yields that `Member` too: such a row cannot be in the database without its parent.
    """

    key: RowKey
    columns: Mapping[str, Value]
    member_columns: tuple[str, ...] = ()
    parent: RowKey | None = None


class Member(NamedTuple):
    """One element of a set column of a row, contributed by any unit."""

    row: RowKey
    column: str
    value: Atom


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row as it should be: its own columns, and what its members add up to."""

    columns: Mapping[str, Value]
    members: Mapping[str, frozenset[Atom]] = field(default_factory=dict)

    def all_columns(self) -> Mapping[str, Value]:
        """Return every owned column with its value."""
        return {**self.columns, **self.members} if self.members else self.columns


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row with all its columns, members included."""

    key: RowKey
    columns: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Update:
    """New values of whole columns of a row that is there."""

    key: RowKey
    columns: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Mutate:
    """Elements to add to and to take from one set column of a row that is there."""

    key: RowKey
    column: str
    add: frozenset[Atom]
    remove: frozenset[Atom]


@dataclass(frozen=True, slots=True)
class Delete:
    """A row that must go."""

    key: RowKey


Change = Insert | Update | Mutate | Delete


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in no particular order: the writer sorts them by what refers to what."""

    changes: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """True if there is nothing to write."""
        return not self.changes


def diff(desired: Mapping[RowKey, Wanted], actual: Mapping[RowKey, Mapping[str, Value]]) -> Plan:
    """Return the plan from `actual` to `desired`, sorted by key: equal inputs give equal plans.

    Only columns that the desired row names are compared, so columns that OVN itself fills in
    (`Logical_Switch_Port.up`) never cause a write.
    """
    changes: list[Change] = []
    for key in sorted(desired.keys() | actual.keys()):
        wanted, there = desired.get(key), actual.get(key)
        if wanted is None:
            changes.append(Delete(key))
        elif there is None:
            changes.append(Insert(key, wanted.all_columns()))
        else:
            changes.extend(row_changes(key, wanted, there))
    return Plan(tuple(changes))


def row_changes(key: RowKey, wanted: Wanted, there: Mapping[str, Value]) -> Iterator[Change]:
    """Yield what makes one row, as it is `there`, what it should be."""
    columns = {name: value for name, value in wanted.columns.items() if not _same(value, there.get(name, EMPTY))}
    if columns:
        yield Update(key, columns)
    for column, elements in sorted(wanted.members.items()):
        held = _as_set(there.get(column, EMPTY))
        if held != elements:
            yield Mutate(key, column, add=elements - held, remove=held - elements)


def _same(one: Value, other: Value) -> bool:
    """Return whether two values are one to OVSDB: nothing may be a map, a set of one element may be the element."""
    if one == other:
        return True
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        return not one and not other
    return _as_set(one) == _as_set(other)


def _as_set(value: Value) -> frozenset[Atom]:
    if isinstance(value, frozenset):
        return value
    return EMPTY if isinstance(value, Mapping) else frozenset({value})
