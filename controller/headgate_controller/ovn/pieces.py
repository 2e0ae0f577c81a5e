"""Cutting a plan into pieces that must each go in one transaction, and putting them in an order that works; pure.

An OVSDB server drops a row of a non-root table that no parent refers to when the transaction ends, without an error.
A new child and the link from its parent are therefore one piece, and so are the end of a link and the child that goes
with it: a switch with ten thousand ports is no single transaction. What is referred to comes before what refers to it;
removals come last, and in the reverse order.

Source: RFC 7047, section 3.2 (isRoot, refType).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from headgate_common.ovsdb_schema import Schema
from headgate_common.rows import EMPTY, Change, Delete, Insert, Mutate, Plan, RowKey, Update, Value

BATCH_ROWS = 300
"""Changes in a transaction, at most, but for a piece that is larger.

Between 100 and 500 a server takes the least time per row.
"""


class Link(NamedTuple):
    """A child to add to a column of its parent, or to take from it."""

    parent: RowKey
    column: str
    child: RowKey
    add: bool


Step = Insert | Update | Mutate | Delete | Link
Piece = tuple[Step, ...]
Batch = tuple[Piece, ...]


def batches(plan: Plan, schema: Schema, limit: int = BATCH_ROWS) -> list[Batch]:
    """Return the plan's pieces in an order that works, packed into transactions of at most `limit` changes.

    Deletes of non-root rows of which the plan does not say where they hang come last, in batches of their own: most of
    them are gone by then, with their parents.
    """
    adding, leaving, orphans = _sorted_pieces(_pieces(plan, schema), schema)
    return [*_packed([*adding, *leaving], limit), *_packed(orphans, limit)]


def _pieces(plan: Plan, schema: Schema) -> list[Piece]:
    """Return the steps of the plan, each piece with those that only work together.

    A piece is anchored at the row that it brings, moves or removes; a change of a row that stays is free. A parent that
    may not be without its children, or writes them as a whole, takes their pieces into its own.
    """
    anchored: dict[RowKey, list[Step]] = {}
    joined: dict[RowKey, RowKey] = {}
    free: list[Piece] = []
    for change in plan.changes:
        table = schema.tables[change.key.table]
        rest, links = _without_loose_links(change, table.loose_links) if table.loose_links else (change, ())
        for link in links:
            anchored.setdefault(link.child, []).append(link)
        if rest is None:
            continue
        children = () if isinstance(rest, Delete) else _children(rest, table.links)
        joined.update(dict.fromkeys(children, rest.key))
        if children or isinstance(rest, Insert | Delete):
            anchored.setdefault(rest.key, []).append(rest)
        else:
            free.append((rest,))
    for child, anchor in joined.items():
        if child in anchored and child != anchor:
            anchored.setdefault(_end(joined, anchor), []).extend(anchored.pop(child))
    return [*(tuple(steps) for steps in anchored.values()), *free]


def _without_loose_links(change: Change, loose: frozenset[str]) -> tuple[Change | None, Sequence[Link]]:
    """Return what of a change must go as a whole, if anything, and its links to children that may go one by one."""
    if isinstance(change, Mutate) and change.column in loose:
        return None, list(_mutated_links(change))
    if isinstance(change, Insert) and not loose.isdisjoint(change.columns):
        kept = {name: value for name, value in change.columns.items() if name not in loose}
        names = [name for name in change.columns if name in loose]
        links = [Link(change.key, name, child, add=True) for name in names for child in named_rows(change, name)]
        return Insert(change.key, kept), links
    return change, ()


def _children(change: Insert | Update | Mutate, links: Iterable[str]) -> Sequence[RowKey]:
    return [child for column in links for child in named_rows(change, column)]


def _end(joined: Mapping[RowKey, RowKey], key: RowKey) -> RowKey:
    while (following := joined.get(key, key)) != key:
        key = following
    return key


def _mutated_links(change: Mutate) -> Iterator[Link]:
    for add, elements in ((True, change.add), (False, change.remove)):
        for child in elements:
            if isinstance(child, RowKey):
                yield Link(change.key, change.column, child, add)


def named_rows(change: Insert | Update | Mutate, column: str) -> Sequence[RowKey]:
    """Return the rows that a change names in one column."""
    if isinstance(change, Mutate):
        named: Value = change.add | change.remove if change.column == column else EMPTY
    else:
        named = change.columns.get(column, EMPTY)
    return [e for e in (named if type(named) is frozenset else (named,)) if type(e) is RowKey] if named else ()


def _sorted_pieces(pieces: Iterable[Piece], schema: Schema) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Return the pieces that add or change, those that remove, and the removals that name no parent."""
    adding: list[Piece] = []
    leaving: list[tuple[int, Piece]] = []
    orphans: list[Piece] = []
    for piece in pieces:
        if len(piece) == 1 and isinstance(piece[0], Delete) and not schema.tables[piece[0].key.table].root:
            orphans.append(piece)
        elif (rank := _rank_of_leaving(piece, schema)) is not None:
            leaving.append((rank, piece))
        else:
            adding.append(piece)
    leaving.sort(key=lambda ranked: ranked[0])
    return _by_reference(adding, schema), [piece for _, piece in leaving], orphans


def _rank_of_leaving(piece: Piece, schema: Schema) -> int | None:
    """Return when a piece that only removes has its turn; None for any other."""
    rank: int | None = None
    for step in piece:
        if isinstance(step, Delete) or (isinstance(step, Link) and not step.add):
            gone = step.key if isinstance(step, Delete) else step.child
            rank = max(rank or 0, schema.tables[gone.table].removal_rank)
        else:
            return None
    return rank


def _by_reference(pieces: list[Piece], schema: Schema) -> list[Piece]:
    """Return the pieces with what is referred to before what refers to it.

    Two that refer to each other are left as they come: within one batch either order works.
    """
    births = {step.key: index for index, piece in enumerate(pieces) for step in piece if isinstance(step, Insert)}
    seen: set[int] = set()
    ordered: list[Piece] = []

    def visit(index: int) -> None:
        seen.add(index)
        for key in _needed(pieces[index], schema):
            before = births.get(key, index)
            if before not in seen:
                visit(before)
        ordered.append(pieces[index])

    for index in range(len(pieces)):
        if index not in seen:
            visit(index)
    return ordered


def _needed(piece: Piece, schema: Schema) -> list[RowKey]:
    """Return the rows that must be there for a piece to be written."""
    needed: list[RowKey] = []
    for step in piece:
        if isinstance(step, Link):
            needed += (step.parent, step.child)
        elif isinstance(step, Mutate):
            needed += [e for e in step.add if isinstance(e, RowKey)]
        elif not isinstance(step, Delete):
            for column in schema.tables[step.key.table].references:
                needed += named_rows(step, column)
    return needed


def _packed(pieces: Iterable[Piece], limit: int) -> Iterator[Batch]:
    batch: list[Piece] = []
    size = 0
    for piece in pieces:
        weight = max(1, len(piece) - [*map(type, piece)].count(Link))
        if batch and size + weight > limit:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(piece)
        size += weight
    if batch:
        yield tuple(batch)
