"""A strict stand-in for an OVSDB database: it refuses every plan that a real one would refuse, lose or not need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from headgate_common.rows import Delete, Insert, Mutate, Plan, RowKey, Update, Value


class StrictRows:
    """Rows by key. `holders` are the set columns, as (table, column), that hold the rows of each non-root table."""

    def __init__(self, holders: Mapping[str, frozenset[tuple[str, str]]]) -> None:
        self.rows: dict[RowKey, dict[str, Value]] = {}
        self._holders = holders

    def apply(self, plan: Plan) -> None:
        """Do what the plan says, all or nothing as one transaction would; AssertionError says what is wrong with it."""
        assert list(plan.changes) == sorted(plan.changes, key=_order), "the plan is not in order"
        there = set(self.rows)
        gone_or_new: set[RowKey] = set()
        for change in plan.changes:
            if isinstance(change, Insert):
                assert change.key not in there, f"{change.key} is there already"
                self.rows[change.key] = dict(change.columns)
            else:
                assert change.key in there, f"{change.key} is not there"
            if isinstance(change, Insert | Delete):
                assert change.key not in gone_or_new
                gone_or_new.add(change.key)
        for change in plan.changes:
            if isinstance(change, Delete):
                del self.rows[change.key]
            elif isinstance(change, Update | Mutate):
                assert change.key not in gone_or_new, f"{change.key} is new or gone, and changed besides"
                self._change(change)
        self.check()

    def check(self) -> None:
        """Assert that no reference dangles, and that every row of a non-root table is held by another."""
        held = {
            (ref, (key.table, column))
            for key, columns in self.rows.items()
            for column, value in columns.items()
            for ref in references(value)
        }
        for ref, place in held:
            assert ref in self.rows, f"{place} names {ref}, which is not there"
        for key in self.rows:
            holders = self._holders.get(key.table)
            assert holders is None or any((key, place) in held for place in holders), f"{key} has no parent"

    def _change(self, change: Update | Mutate) -> None:
        columns = self.rows[change.key]
        if isinstance(change, Update):
            assert change.columns, "an update of nothing"
            for column, value in change.columns.items():
                assert columns[column] != value, f"{change.key} has that {column} already"
                columns[column] = value
            return
        held = columns[change.column]
        assert isinstance(held, frozenset)
        assert change.add or change.remove, "a mutation of nothing"
        assert not change.add & held, f"{change.key} {change.column} holds {change.add & held} already"
        assert change.remove <= held, f"{change.key} {change.column} does not hold {change.remove - held}"
        columns[change.column] = (held - change.remove) | change.add


def references(value: Value) -> Iterator[RowKey]:
    """Yield the rows that a value names."""
    values: Iterable[object] = value if isinstance(value, frozenset) else (value,)
    return (atom for atom in values if isinstance(atom, RowKey))


def _order(change: Insert | Update | Mutate | Delete) -> tuple[RowKey, str]:
    return change.key, change.column if isinstance(change, Mutate) else ""
