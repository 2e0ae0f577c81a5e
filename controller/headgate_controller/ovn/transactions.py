"""From the pieces of a plan to the operations of a transaction; pure.

The operations of a batch are made only when its turn comes: references to rows of earlier batches need the UUIDs that
the server gave them.

Source: RFC 7047, section 5.2 (operations).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headgate_common.ovsdb import Op
from headgate_common.ovsdb_schema import Schema, Wire, encode
from headgate_common.rows import OWNER_KEY, Delete, Insert, Mutate, RowKey, Update, Value

from .pieces import BATCH_ROWS, Batch, Link, Piece, Step, batches, named_rows

__all__ = ["BATCH_ROWS", "Batch", "Link", "Piece", "Request", "UnwritableError", "batches", "guard", "request"]

GLOBAL_TABLE = "NB_Global"
EPOCH_KEY = "headgate-epoch"
"""Key of `NB_Global.external_ids` that holds the epoch of the one controller that may write."""


class UnwritableError(Exception):
    """A batch cannot be put into operations as things stand: `key` names the row to blame."""

    def __init__(self, key: RowKey, reason: str) -> None:
        super().__init__(f"{key.table} {key.name}: {reason}")
        self.key = key
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """The operations of one transaction, guard included.

    `born` names the row behind each insert by its index; `short` are rows written without an element of a set, which
    refers to a row that is not there.
    """

    operations: list[Op]
    born: Mapping[int, RowKey]
    short: frozenset[RowKey]

    @property
    def empty(self) -> bool:
        """True if there is nothing but the guard."""
        return len(self.operations) == 1


def guard(epoch: int) -> Op:
    """Return the operation that lets a transaction pass only if `epoch` still holds.

    It looks at our key alone: whatever else others keep in that column does not matter.
    """
    held = ["external_ids", "includes", ["map", [[EPOCH_KEY, str(epoch)]]]]
    there = {"columns": ["external_ids"], "until": "!=", "rows": []}
    return {"op": "wait", "timeout": 0, "table": GLOBAL_TABLE, "where": [held], **there}


def request(
    batch: Iterable[Piece], schema: Schema, uuids: Mapping[RowKey, str], epoch: int, *, lenient: bool = False
) -> Request:
    """Return the operations of a batch, given the UUIDs of the rows that are there.

    A row to insert that is there already is brought to its columns instead; one to delete that is gone is passed over.
    If `lenient`, an element of a set of references may name a row that is not there, and is left out.

    Raises: UnwritableError: a row to change, a parent, or what a reference names is not there; a child has no parent.
    """
    return _Request(schema, uuids, lenient).build([step for piece in batch for step in piece], epoch)


@dataclass(slots=True)
class _Request:
    """The operations of one transaction while they are being made."""

    schema: Schema
    uuids: Mapping[RowKey, str]
    lenient: bool
    named: dict[RowKey, str] = field(default_factory=dict)
    inserts: dict[RowKey, Op] = field(default_factory=dict)
    others: list[Op] = field(default_factory=list)
    short: set[RowKey] = field(default_factory=set)

    def build(self, steps: Sequence[Step], epoch: int) -> Request:
        births = [step for step in steps if isinstance(step, Insert) and step.key not in self.uuids]
        self.named = {step.key: f"r{number}" for number, step in enumerate(births)}
        self._check_parents(births, steps)
        for step in steps:
            if isinstance(step, Insert):
                self._insert(step)
            elif isinstance(step, Update):
                self._change(step.key, step.columns)
            elif isinstance(step, Mutate):
                self._mutate(step.key, step.column, step.add, step.remove)
        self._links([step for step in steps if isinstance(step, Link)])
        unlinked = {step.child for step in steps if isinstance(step, Link) and not step.add}
        unlinked.update(e for step in steps if isinstance(step, Mutate) for e in step.remove if isinstance(e, RowKey))
        for step in steps:
            if isinstance(step, Delete):
                self._delete(step.key, unlinked)
        born = dict(enumerate(self.inserts, start=1))
        return Request([guard(epoch), *self.inserts.values(), *self.others], born, frozenset(self.short))

    def _check_parents(self, births: Iterable[Insert], steps: Sequence[Step]) -> None:
        linked = {step.child for step in steps if isinstance(step, Link) and step.add}
        for step in steps:
            if isinstance(step, Insert | Update | Mutate):
                for column in self.schema.tables[step.key.table].links:
                    linked.update(named_rows(step, column))
        for birth in births:
            if birth.key not in linked and not self.schema.tables[birth.key.table].root:
                raise UnwritableError(birth.key, "no parent refers to it")

    def _insert(self, step: Insert) -> None:
        if step.key in self.uuids:
            self.short.add(step.key)
            self._change(step.key, step.columns)
            return
        # The server gives a column that is left out its type's default, which is what is false.
        columns = {name: value for name, value in step.columns.items() if value}
        columns.setdefault("external_ids", {})
        row = self._row(step.key, columns)
        if self.lenient:
            row = {column: wire for column, wire in row.items() if wire != ["set", []]}
        name = self.named[step.key]
        self.inserts[step.key] = {"op": "insert", "table": step.key.table, "uuid-name": name, "row": row}

    def _change(self, key: RowKey, columns: Mapping[str, Value]) -> None:
        if columns:
            row = self._row(key, columns)
            self.others.append({"op": "update", "table": key.table, "where": self._where(key), "row": row})

    def _mutate(self, key: RowKey, column: str, add: frozenset[Any], remove: frozenset[Any]) -> None:
        kind = self.schema.tables[key.table].columns[column]
        known = frozenset(e for e in remove if not isinstance(e, RowKey) or e in self.uuids)
        mutations = []
        if known:
            mutations.append([column, "delete", encode(kind, known, self._known)])
        if add and (wire := encode(kind, add, self._reference(key))) != ["set", []]:
            mutations.append([column, "insert", wire])
        if mutations:
            self.others.append({"op": "mutate", "table": key.table, "where": self._where(key), "mutations": mutations})

    def _links(self, links: Iterable[Link]) -> None:
        """Write all links of one column of a parent at once; those of a new parent go into its insert."""
        grouped: dict[tuple[RowKey, str], tuple[set[RowKey], set[RowKey]]] = {}
        for link in links:
            grouped.setdefault((link.parent, link.column), (set(), set()))[not link.add].add(link.child)
        for (parent, column), (added, removed) in grouped.items():
            absent = next((child for child in added if self._known(child) is None), None)
            if absent is not None:
                raise UnwritableError(absent, "it is not there for its parent to refer to")
            if parent in self.inserts:
                kind = self.schema.tables[parent.table].columns[column]
                self.inserts[parent]["row"][column] = encode(kind, frozenset(added), self._known)
            elif added or parent in self.uuids:
                self._mutate(parent, column, frozenset(added), frozenset(removed))

    def _delete(self, key: RowKey, unlinked: set[RowKey]) -> None:
        uuid = self.uuids.get(key)
        if uuid is None:
            return
        if self.schema.tables[key.table].root:
            self.others.append({"op": "delete", "table": key.table, "where": self._where(key)})
        elif key not in unlinked:
            # The server forbids to delete a child, and only it knows the parent.
            for table, column in self.schema.parents_of(key.table):
                wire = ["uuid", uuid]
                where, mutation = [column, "includes", wire], [column, "delete", wire]
                self.others.append({"op": "mutate", "table": table, "where": [where], "mutations": [mutation]})

    def _row(self, key: RowKey, columns: Mapping[str, Value]) -> dict[str, Wire]:
        table = self.schema.tables[key.table]
        if "external_ids" not in table.columns:
            raise UnwritableError(key, "rows of this table cannot say whose they are")
        row = {}
        for name, value in columns.items():
            if name == "external_ids":
                assert isinstance(value, Mapping)
                value = {**value, OWNER_KEY: key.name}  # noqa: PLW2901 (the same value, marked as ours)
            column = table.columns[name]
            resolve = self._reference(key, single=column.maximum == 1) if column.target else self._known
            try:
                row[name] = encode(column, value, resolve)
            except ValueError:
                raise UnwritableError(key, f"{name} takes no {value!r} in this version of OVN") from None
        return row

    def _where(self, key: RowKey) -> list[Any]:
        wire = self._known(key)
        if wire is None:
            raise UnwritableError(key, "it is not there")
        return [["_uuid", "==", wire]]

    def _known(self, key: RowKey) -> Wire | None:
        if (name := self.named.get(key)) is not None:
            return ["named-uuid", name]
        uuid = self.uuids.get(key)
        return None if uuid is None else ["uuid", uuid]

    def _reference(self, referrer: RowKey, *, single: bool = False) -> Callable[[RowKey], Wire | None]:
        """Return how to write a reference; one of many may be missing if that is tolerated, and is added later."""

        def resolve(key: RowKey) -> Wire | None:
            wire = self._known(key)
            if wire is None:
                if single or not self.lenient:
                    raise UnwritableError(referrer, f"it refers to {key.table} {key.name}, which is not there")
                self.short.add(referrer)
            return wire

        return resolve
