"""Compiler: keeps the rows of the World it stands at, and steps to another World by what differs.

One resource is one unit. Whatever a unit asks is remembered with who asked it: a resource, a group of an index, a view.
A step goes once through the questions that read something that changed, in rank order (resources and groups, views as
they were defined, units); an answer that comes out equal ends the propagation there. So a step costs what it changes,
not what there is, and always ends where a compile from nothing would.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from immutables import Map

from headgate_common.rows import Member, Plan, Row, RowKey
from headgate_controller.target import Piece, Target, Yield
from headgate_controller.world import Answers, Noun, View, World

CompileUnit = Callable[[Any, Answers], Iterator[Row | Member]]
"""Yields what realises one resource, asking about others only through its second argument; must not keep that."""

CELL_RANK = -1
"""Of a resource and of a group of an index: below all views."""

UNIT_RANK = sys.maxsize
"""Of a unit: above all views."""

N = TypeVar("N")


class RankError(Exception):
    """A view asks a view that is not defined before it, so that no order of one pass could be right."""


class ViewError(Exception):
    """A view raised; everyone who asks it is told so in the same words."""


class PieceError(Exception):
    """A unit yields what no database could hold: a fault of its code, whatever the intent."""


class Answer:
    """What is remembered of one question: its value, what it read, and who read it (`readers` is the inverse).

    Nobody reads a unit, and there are as many as resources: they share a set that stays empty.
    """

    __slots__ = ("question", "rank", "readers", "reads", "value")

    def __init__(self, question: Hashable, rank: int) -> None:
        self.question = question
        self.rank = rank
        self.value: object = None
        self.reads: tuple[Answer, ...] = ()
        self.readers: set[Answer] = set() if rank < UNIT_RANK else cast("set[Answer]", _NOBODY)


_NOBODY: frozenset[Answer] = frozenset()


@dataclass(frozen=True, slots=True)
class _Raised:
    """The value of a view, or of a unit, that raised."""

    text: str


Stale = defaultdict[int, dict[Answer, None]]
"""What is to be asked again, by rank; each question once."""


class Memory:
    """Answers of one World, each computed once, with who asked what: the `Answers` that units and views are handed.

    An answer lives only while somebody reads it.
    """

    def __init__(self) -> None:
        self.world = World()
        self._answers: dict[Hashable, Answer] = {}
        self._unread: list[Answer] = []
        self._reads: dict[Answer, None] = {}
        self._rank = UNIT_RANK

    @property
    def blank(self) -> bool:
        """Whether nothing was asked yet, or all of it is forgotten."""
        return not self._answers

    def get(self, kind: type[N], name: str) -> N | None:
        """Return the resource if it is there and of that kind; absence is remembered as well."""
        self._read(name)
        return self.world.get(kind, name)

    def group(self, index: str, key: Hashable) -> Map[str, None]:
        """Return the names found in an index under a key; emptiness is remembered as well."""
        self._read((index, key))
        return self.world.group(index, key)

    def ask(self, view: View, args: tuple[Hashable, ...]) -> object:
        """Return the answer of a view.

        Raises:
            RankError: the view that asks is not defined after the one asked.
            ViewError: the view raised.
        """
        if view.rank >= self._rank:
            raise RankError(f"{view.name} is asked by a view that is not defined after it")
        question = (view, args)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = Answer(question, view.rank)
            answer.value = self.evaluate(answer, view.compute, args)
        self._reads[answer] = None
        if type(answer.value) is _Raised:
            raise ViewError(f"{view.name}: {answer.value.text}")
        return answer.value

    def readers(self, question: Hashable) -> Iterable[Answer]:
        """Return who read the answer of a question, if anybody."""
        answer = self._answers.get(question)
        return () if answer is None else answer.readers

    def refresh(self, answer: Answer) -> bool:
        """Compute the answer of a view again; return whether it differs from what its readers read."""
        view, args = cast(tuple[View, tuple[Hashable, ...]], answer.question)
        before, answer.value = answer.value, self.evaluate(answer, view.compute, args)
        return answer.value is not before and answer.value != before

    def evaluate(self, answer: Answer, compute: Callable[..., object], args: tuple[object, ...]) -> object:
        """Return what `compute` does, having noted what it read; what it raises is a value too, and its reads count."""
        outer = self._reads, self._rank
        reads = self._reads = {}
        self._rank = answer.rank
        try:
            return compute(self, *args)
        except Exception as error:
            return _Raised(f"{type(error).__name__}: {error}")
        finally:
            self._reads, self._rank = outer
            self.exchange(answer, reads)

    def exchange(self, answer: Answer, reads: dict[Answer, None]) -> None:
        """Let the answer be a reader of just these."""
        before, answer.reads = answer.reads, tuple(reads)
        for read in reads:
            read.readers.add(answer)
        for read in before:
            if read not in reads:
                read.readers.remove(answer)
                if not read.readers:
                    self._unread.append(read)

    def sweep(self) -> None:
        """Forget what nobody reads any more; only at the end of a pass, so that nothing is computed twice in it."""
        while self._unread:
            answer = self._unread.pop()
            if not answer.readers and self._answers.get(answer.question) is answer:
                self._forget(answer)

    def _read(self, question: Hashable) -> None:
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = Answer(question, CELL_RANK)
        self._reads[answer] = None

    def _forget(self, answer: Answer) -> None:
        del self._answers[answer.question]
        self.exchange(answer, {})


HOLDABLE = (str, int, float, RowKey, frozenset, dict, Mapping)
"""What a column can hold (`rows.Value`), in the order in which it is found soonest."""


class Shapes:
    """One set of columns per table, as the first row of the table has it: a row that named fewer would keep old values.

    Held for the life of the compiler, since it is a property of the kinds' code and not of the intent.
    """

    def __init__(self) -> None:
        self._patterns: dict[str, Row] = {}

    def accept(self, pieces: Iterable[Piece]) -> tuple[Piece, ...]:
        """Return what one unit yields, each piece once.

        Raises:
            PieceError: a piece is impossible, or contradicts another.
        """
        rows: dict[RowKey, Row] = {}
        members: dict[Member, None] = {}
        for piece in pieces:
            if isinstance(piece, Member):
                members[piece] = None
            elif (first := rows.setdefault(piece.key, piece)) is not piece and first != piece:
                raise PieceError(f"{piece.key.table} {piece.key.name} is yielded twice, differently")
        for row in rows.values():
            self._check_row(row, members)
        for member in members:
            pattern = self._patterns.get(member.row.table)
            if pattern is not None and member.column not in pattern.member_columns:
                raise PieceError(f"{member.row.table}.{member.column} is no member column")
        return (*rows.values(), *members)

    def _check_row(self, row: Row, members: Iterable[Member]) -> None:
        pattern = self._patterns.get(row.key.table)
        if pattern is None:
            if not row.columns.keys().isdisjoint(row.member_columns):
                raise PieceError(f"{row.key.table} {row.key.name} sets a column that members feed")
            self._patterns[row.key.table] = row
        elif row.columns.keys() != pattern.columns.keys() or row.member_columns != pattern.member_columns:
            raise PieceError(f"{row.key.table} {row.key.name} names other columns than the rest of its table")
        for name, value in row.columns.items():
            if not isinstance(value, HOLDABLE):
                raise PieceError(f"{row.key.table} {row.key.name}: {name} is a {type(value).__name__}")
        if row.parent is not None and not any(m.value == row.key and m.row == row.parent for m in members):
            raise PieceError(f"{row.key.table} {row.key.name} is no member of its parent")


class Compiler:
    """The rows of one World, and the way to the next. Owned by one thread.

    Whatever it raises, `advance` leaves it useless: start again with a new one.
    """

    def __init__(self, units: Mapping[type, CompileUnit]) -> None:
        self.target = Target()
        self._compute = units
        self._memory = Memory()
        self._shapes = Shapes()
        self._units: dict[str, Answer] = {}
        self._raised: dict[str, str] = {}

    @property
    def world(self) -> World:
        """The World it stands at."""
        return self._memory.world

    @property
    def failed(self) -> Mapping[str, str]:
        """Units whose resource is not realised by a fault of code, each with words for it.

        One that raised yields nothing until something that it read changes. Those that yield different rows for one key
        keep the rest of their pieces, but nobody's row of that key is written.
        """
        return {**self._raised, **self.target.disputes()}

    @property
    def sound(self) -> bool:
        """True if no unit has failed and no row waits for another."""
        return not self._raised and self.target.complete

    def rows_of(self, name: str) -> tuple[RowKey, ...]:
        """Return the keys of the rows that a resource's unit yields; `target` knows which of them are written."""
        unit = self._units.get(name)
        return () if unit is None else tuple(piece.key for piece in _pieces(unit) if isinstance(piece, Row))

    def advance(self, world: World, touched: Iterable[str]) -> Plan:
        """Step to `world`, which differs from the last one at most in the resources named; return what that changes.

        `touched` may unite any number of revisions, and may name what has not changed. From the empty World with all
        names touched it is the full compile.
        """
        before, self._memory.world = self._memory.world, world
        stale: Stale = defaultdict(dict)
        for name in touched:
            old, new = before.resources.get(name), world.resources.get(name)
            if old is not new and old != new:
                self._mark(stale, name, old, new)
        changes = list(self._settle(stale))
        self._memory.sweep()
        return self.target.apply(changes)

    def _mark(self, stale: Stale, name: str, old: Noun | None, new: Noun | None) -> None:
        """Mark the resource's unit, and who read the resource or an index entry that it entered or left."""
        if not self._memory.blank:
            left = set() if old is None else set(old.entries())
            for question in (name, *(left if new is None else left.symmetric_difference(new.entries()))):
                _tell(stale, self._memory.readers(question))
        if name not in self._units:
            self._units[name] = Answer(name, UNIT_RANK)
        stale[UNIT_RANK][self._units[name]] = None

    def _settle(self, stale: Stale) -> Iterator[Yield]:
        """Ask again what is stale, lowest rank first; yield how the units come out."""
        while stale:
            rank = min(stale)
            for answer in stale.pop(rank):
                if rank == UNIT_RANK:
                    yield self._recompile(answer)
                elif self._memory.refresh(answer):
                    _tell(stale, answer.readers)

    def _recompile(self, unit: Answer) -> Yield:
        name, before = str(unit.question), _pieces(unit)
        noun = self.world.resources.get(name)
        compute = self._compute.get(type(noun))
        self._raised.pop(name, None)
        if noun is None or compute is None:
            self._memory.exchange(unit, {})
            del self._units[name]
            return Yield(name, before, ())
        unit.value = self._memory.evaluate(unit, self._accepted, (compute, noun))
        if isinstance(unit.value, _Raised):
            self._raised[name] = unit.value.text
        return Yield(name, before, _pieces(unit))

    def _accepted(self, memory: Memory, compute: CompileUnit, noun: Noun) -> tuple[Piece, ...]:
        return self._shapes.accept(compute(noun, memory))


def _pieces(unit: Answer) -> tuple[Piece, ...]:
    return unit.value if isinstance(unit.value, tuple) else ()


def _tell(stale: Stale, readers: Iterable[Answer]) -> None:
    for reader in readers:
        stale[reader.rank][reader] = None
