"""Target: what the pieces of all units add up to, and the plan that a change of some units makes.

A piece is a row or a member. Several units may yield the same one: it stays until the last of them drops it. A piece is
written only while every row that it names is written: a row waits for its parent and for the rows that its columns
name, a member for its row and for the row that is its value. What waits is held and comes by itself when the last of
those rows does, so each plan is closed: nothing in the database ever refers to a row that is not there, and no child is
without its parent. Rows that name each other in a circle are never written (no Northbound column allows one).

Two units that yield one key with different rows are both at fault: nobody's row is written until they agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar, cast

from headgate_common.rows import Atom, Change, Delete, Insert, Member, Mutate, Plan, Row, RowKey, Update, Value, Wanted

Piece = Row | Member
"""What a unit yields."""

K = TypeVar("K")
V = TypeVar("V")


class Yield(NamedTuple):
    """What one unit yielded before, and what it yields now."""

    unit: str
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


class Target:
    """All desired rows, kept by what the units yield. Owned by one thread."""

    def __init__(self) -> None:
        self._claims = _Claims()
        self._members = _Members()
        self._written: dict[RowKey, Row] = {}
        self._names: dict[RowKey, tuple[RowKey, ...]] = {}
        self._namers: dict[RowKey, set[RowKey]] = {}

    def __contains__(self, key: RowKey) -> bool:
        """Return whether the row is to be in the database: yielded, undisputed, and not waiting for another row."""
        return key in self._written

    @property
    def complete(self) -> bool:
        """True if every row that is yielded is to be in the database."""
        return len(self._claims) == len(self._written)

    def wanted(self, key: RowKey) -> Wanted | None:
        """Return one row as it should be; None if it should not be there. O(its members)."""
        row = self._written.get(key)
        return None if row is None else self._wanted(row)

    def all_wanted(self) -> dict[RowKey, Wanted]:
        """Return every row as it should be; O(everything), for audits."""
        return {key: self._wanted(row) for key, row in self._written.items()}

    def disputes(self) -> dict[str, str]:
        """Return each unit whose row differs from another unit's of the same key, with words for it."""
        return self._claims.disputes()

    def apply(self, changes: Sequence[Yield]) -> Plan:
        """Take the changed units in, and return what that changes, sorted by key: equal inputs give equal plans.

        All that goes is taken out before what comes is put in, so a piece that moves from unit to unit stays as it is.
        """
        step = _Step()
        changes = [change for change in changes if change.before != change.after]
        for unit, before, after in changes:
            for piece in _only_in(before, after):
                self._drop(step, unit, piece)
        for unit, before, after in changes:
            for piece in _only_in(after, before):
                self._take(step, unit, piece)
        self._unwrite(step)
        self._write(step)
        return Plan(tuple(sorted((*self._row_changes(step), *self._mutations(step)), key=_plan_order)))

    def _wanted(self, row: Row) -> Wanted:
        return Wanted(row.columns, self._fed(row))

    def _fed(self, row: Row) -> dict[str, frozenset[Atom]]:
        if not row.member_columns:
            return {}
        fed = self._members.of(row.key)
        return {name: frozenset(filter(self._can_hold, fed.get(name, ()))) for name in row.member_columns}

    def _can_hold(self, value: Atom) -> bool:
        return type(value) is not RowKey or value in self._written

    def _drop(self, step: _Step, unit: str, piece: Piece) -> None:
        if isinstance(piece, Member):
            if self._members.drop(piece):
                step.went[piece] = None
        else:
            self._claims.drop(unit, piece.key)
            step.claimed[piece.key] = None

    def _take(self, step: _Step, unit: str, piece: Piece) -> None:
        if isinstance(piece, Member):
            if self._members.take(piece):
                if piece in step.went:
                    del step.went[piece]
                else:
                    step.came[piece] = None
        else:
            self._claims.take(unit, piece)
            step.claimed[piece.key] = None

    def _unwrite(self, step: _Step) -> None:
        """Take out the rows that nobody yields, or that name more rows than before, and all that waits for them.

        The latter may come back at once. That every row is written *after* all those it names, never merely together
        with them, makes the outcome a function of the pieces alone, even if some of them name each other in a circle.
        """
        falling = [key for key in step.claimed if self._name_again(key)]
        while falling:
            key = falling.pop()
            row = self._written.pop(key, None)
            if row is not None:
                step.rows[key] = row
                self._stir(step, key)
                falling.extend(self._namers.get(key, ()))

    def _write(self, step: _Step) -> None:
        """Put in, or bring up to date, every row that can be written, and all that waited for it."""
        agreed, written, rising = self._claims.agreed, self._written, [*step.claimed, *step.rows]
        while rising:
            key = rising.pop()
            row, there = agreed(key), written.get(key)
            if row is None or row is there or not all(map(written.__contains__, self._names.get(key, ()))):
                continue
            written[key] = row
            step.rows.setdefault(key, there)
            if there is None:
                self._stir(step, key)
                rising.extend(self._namers.get(key, ()))

    def _name_again(self, key: RowKey) -> bool:
        """Note which rows the row at `key` names now; return whether it has to be taken out before it may stay."""
        row = self._claims.agreed(key)
        before, after = self._names.get(key, ()), () if row is None else _named(row)
        if after != before:
            for name in before:
                _discard(self._namers, name, key)
            for name in after:
                _add(self._namers, name, key)
            if after:
                self._names[key] = after
            else:
                del self._names[key]
        return row is None or not all(map(before.__contains__, after))

    def _stir(self, step: _Step, key: RowKey) -> None:
        step.stirred.update(dict.fromkeys(self._members.naming(key)))

    def _row_changes(self, step: _Step) -> Iterator[Change]:
        for key, before in step.rows.items():
            after = self._written.get(key)
            if after is None:
                yield Delete(key)
            elif before is None:
                yield Insert(key, {**after.columns, **self._fed(after)})
            elif columns := _differing(before.columns, after.columns):
                yield Update(key, columns)

    def _mutations(self, step: _Step) -> Iterator[Mutate]:
        sets: dict[tuple[RowKey, str], tuple[set[Atom], set[Atom]]] = {}
        for member in {**step.came, **step.went, **step.stirred}:
            key, column, value = member
            row = self._written.get(key)
            if row is None or not step.was_written(key, row) or column not in row.member_columns:
                continue
            before = member not in step.came and self._could_hold(step, value)
            after = member not in step.went and self._can_hold(value)
            if before is not after:
                sets.setdefault((key, column), (set(), set()))[before].add(value)
        for (key, column), (add, remove) in sets.items():
            yield Mutate(key, column, frozenset(add), frozenset(remove))

    def _could_hold(self, step: _Step, value: Atom) -> bool:
        return type(value) is not RowKey or step.was_written(value, self._written.get(value))


@dataclass(slots=True)
class _Step:
    """What one `apply` has touched, and how it was before."""

    claimed: dict[RowKey, None] = field(default_factory=dict)
    rows: dict[RowKey, Row | None] = field(default_factory=dict)
    """The rows written before, of those taken out, put in or exchanged."""
    came: dict[Member, None] = field(default_factory=dict)
    went: dict[Member, None] = field(default_factory=dict)
    stirred: dict[Member, None] = field(default_factory=dict)
    """Members whose value came or went as a row; those of them that are neither in `came` nor in `went` stayed."""

    def was_written(self, key: RowKey, now: Row | None) -> bool:
        return self.rows.get(key, now) is not None


class _Claims:
    """Who yields which row. Most rows have one owner, whose name then stands for the table of units."""

    def __init__(self) -> None:
        self._rows: dict[RowKey, Row | None] = {}
        self._owners: dict[RowKey, str | dict[str, Row]] = {}
        self._disputed: set[RowKey] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def agreed(self, key: RowKey) -> Row | None:
        """Return the row that all who yield this key agree on; None if they do not, or nobody yields it."""
        return self._rows.get(key)

    def take(self, unit: str, row: Row) -> None:
        key = row.key
        owner = self._owners.get(key)
        if owner is None:
            self._owners[key], self._rows[key] = unit, row
            return
        if isinstance(owner, str):
            owner = self._owners[key] = {owner: cast(Row, self._rows[key])}
        owner[unit] = row
        if self._rows[key] != row:
            self._rows[key] = None
            self._disputed.add(key)

    def drop(self, unit: str, key: RowKey) -> None:
        owner = self._owners[key]
        if isinstance(owner, str) or len(owner) == 1:
            del self._rows[key], self._owners[key]
            return
        del owner[unit]
        row, *others = owner.values()
        if key in self._disputed and all(other == row for other in others):
            self._rows[key] = row
            self._disputed.remove(key)

    def disputes(self) -> dict[str, str]:
        return {
            unit: f"{key.table} {key.name} is yielded differently by {', '.join(sorted(owner)[:3])}"
            for key in sorted(self._disputed)
            for owner in [cast(dict[str, Row], self._owners[key])]
            for unit in sorted(owner)
        }


class _Members:
    """The members yielded, how often each, and which of them have a given row as their value: most rows are in one
    place, whose member then stands for the set.
    """

    def __init__(self) -> None:
        self._values: dict[RowKey, dict[str, set[Atom]]] = {}
        self._repeats: dict[Member, int] = {}
        self._naming: dict[RowKey, Member | set[Member]] = {}

    def __contains__(self, member: Member) -> bool:
        return member.value in self._values.get(member.row, {}).get(member.column, ())

    def of(self, key: RowKey) -> Mapping[str, Collection[Atom]]:
        """Return the values of each fed column of a row."""
        return self._values.get(key, {})

    def naming(self, key: RowKey) -> Collection[Member]:
        """Return the members whose value is the row."""
        naming = self._naming.get(key, ())
        return naming if type(naming) is set else (cast(Member, naming),) if naming else ()

    def take(self, member: Member) -> bool:
        """Count one more; return whether it is the first."""
        key, column, value = member
        columns = self._values.get(key)
        if columns is None:
            columns = self._values[key] = {}
        values = columns.get(column)
        if values is None:
            columns[column] = {value}
        elif value in values:
            self._repeats[member] = self._repeats.get(member, 0) + 1
            return False
        else:
            values.add(value)
        if type(value) is RowKey:
            self._name(value, member)
        return True

    def _name(self, key: RowKey, member: Member) -> None:
        naming = self._naming.get(key)
        if naming is None:
            self._naming[key] = member
        elif type(naming) is set:
            naming.add(member)
        else:
            self._naming[key] = {cast(Member, naming), member}

    def drop(self, member: Member) -> bool:
        """Count one less; return whether it was the last."""
        repeats = self._repeats.pop(member, 0)
        if repeats:
            if repeats > 1:
                self._repeats[member] = repeats - 1
            return False
        columns = self._values[member.row]
        _discard(columns, member.column, member.value)
        if not columns:
            del self._values[member.row]
        if type(member.value) is RowKey:
            self._unname(member.value, member)
        return True

    def _unname(self, key: RowKey, member: Member) -> None:
        naming = self._naming[key]
        if type(naming) is set and len(naming) > 1:
            naming.remove(member)
        else:
            del self._naming[key]


def _only_in(some: tuple[Piece, ...], others: tuple[Piece, ...]) -> Iterable[Piece]:
    """Return the pieces of one tuple that the other lacks; a row that differs is lacking."""
    if not some or not others:
        return some
    rows = {piece.key: piece for piece in others if isinstance(piece, Row)}
    members = {piece for piece in others if isinstance(piece, Member)}
    return [p for p in some if (p not in members if isinstance(p, Member) else rows.get(p.key) != p)]


def _named(row: Row) -> tuple[RowKey, ...]:
    """Return the rows that have to be there for this one: its parent and those its columns name, each once."""
    names: dict[RowKey, None] = {} if row.parent is None else {row.parent: None}
    for value in row.columns.values():
        if type(value) is RowKey:
            names[value] = None
        elif type(value) is frozenset:
            for atom in value:
                if type(atom) is RowKey:
                    names[atom] = None
    return tuple(names)


def _differing(before: Mapping[str, Value], after: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in after.items() if before[name] != value}


def _add(sets: dict[K, set[V]], key: K, value: V) -> None:
    """Put a value into one of many sets, which is there only while it holds something."""
    values = sets.get(key)
    if values is None:
        sets[key] = {value}
    else:
        values.add(value)


def _discard(sets: dict[K, set[V]], key: K, value: V) -> None:
    """Take a value out of one of many sets, and the set with its last value."""
    values = sets[key]
    values.discard(value)
    if not values:
        del sets[key]


def _plan_order(change: Change) -> tuple[RowKey, str]:
    return change.key, change.column if isinstance(change, Mutate) else ""
