"""What a group of requests writes: resources, references, allocations, the log, and answers for repeated requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from sqlalchemy import Connection, Table, and_, bindparam, delete, insert, select, update

from headgate.v1 import intent_pb2
from headgate_controller.errors import RequestReusedError
from headgate_controller.intent import Stamp
from headgate_controller.mutations import Request
from headgate_controller.names import project_of
from headgate_controller.schema import Schema
from headgate_controller.serialized import Serialized, packed
from headgate_controller.store import tables
from headgate_controller.store.lease import hold_lease
from headgate_controller.store.statements import Statement
from headgate_controller.world import World

DAY = 24 * 3600 * 1_000_000_000
"""How long answers are kept, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the nouns after it, None for those that are gone, and the revision (0: nothing
    changed).
    """

    nouns: tuple[Any, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Step:
    """One request that was applied: the Worlds before and after, the names that differ, and its outcome."""

    request: Request
    stamp: Stamp
    before: World
    after: World
    changed: tuple[str, ...]
    outcome: Outcome


MATCHING = tables.intent.c.name == bindparam("key")
CHANGED = [column.name for column in tables.intent.columns if column is not tables.intent.c.name]
NEW_INTENT = Statement(insert(tables.intent))
CHANGED_INTENT = Statement(update(tables.intent).where(MATCHING), CHANGED)
GONE_INTENT = Statement(delete(tables.intent).where(MATCHING))
NEW_SECRET = Statement(insert(tables.secret))
GONE_SECRET = Statement(delete(tables.secret).where(tables.secret.c.name == bindparam("key")))
NEW_REVISION = Statement(insert(tables.revision))
NEW_ANSWER = Statement(insert(tables.request))


class Pairs:
    """A table whose rows each noun has some of."""

    def __init__(self, table: Table, of: Callable[[Any], set[Any]]) -> None:
        """Take what gives the rows of a noun, in the order of the table's columns."""
        self._of = of
        self._columns = table.columns.keys()
        match = and_(*(column == bindparam(f"old_{column.name}") for column in table.columns))
        self._new, self._gone = Statement(insert(table)), Statement(delete(table).where(match))

    def write(self, connection: Connection, base: World, final: World, touched: Sequence[str]) -> None:
        """Write what the rows have become: removals first, since another may take what one gives up."""
        old = {row for name in touched if name in base.resources for row in self._of(base.resources[name])}
        new = {row for name in touched if name in final.resources for row in self._of(final.resources[name])}
        if gone := sorted(old - new):
            names = [f"old_{name}" for name in self._columns]
            self._gone.run(connection, [dict(zip(names, row, strict=True)) for row in gone])
        if came := sorted(new - old):
            self._new.run(connection, [dict(zip(self._columns, row, strict=True)) for row in came])


def _references(noun: Any) -> set[tuple[str, str]]:
    return {(noun.name, target) for _, target in noun.references()}


def _allocations(noun: Any) -> set[tuple[str, str, str]]:
    return {(pool, str(number), noun.name) for pool, number in noun.taken()}


PAIRS = (Pairs(tables.reference, _references), Pairs(tables.allocation, _allocations))


class Records:
    """Writes steps with one leader's epoch. Owned by one thread."""

    def __init__(self, schema: Schema, epoch: int, serialized: Serialized) -> None:
        self._schema = schema
        self._epoch = epoch
        self._serialized = serialized
        self._made: dict[str, tuple[Any, bytes]] = {}
        self._swept = 0

    def remembered(self, connection: Connection, request: Request) -> Outcome | None:
        """Return what was answered to the same request before; None if nothing is known of it.

        Raises:
            RequestReusedError: another request had its id.
        """
        if not request.request_id:
            return None
        columns = tables.request.c
        query = select(columns.fingerprint, columns.response).where(columns.request_id == request.request_id)
        row = connection.execute(query).first()
        if row is None:
            return None
        check_same(request, row.fingerprint)
        response = intent_pb2.BatchResponse.FromString(row.response)
        return Outcome(tuple(self._unpacked(packed) for packed in response.resources), response.revision)

    def _unpacked(self, packed: Any) -> Any:
        if not packed.type_url:
            return None
        codec = self._schema.codecs[packed.TypeName()]
        return codec.from_store(codec.message.FromString(packed.value))

    def write(self, connection: Connection, steps: Sequence[Step]) -> None:
        """Write what the steps add up to, their log, and their answers.

        Raises:
            StaleEpochError: another controller leads now.
        """
        self._made = {}
        changing = [step for step in steps if step.changed]
        answers = [self._answer_row(step) for step in steps if step.request.request_id]
        if not changing and not answers:
            return
        hold_lease(connection, self._epoch)
        if changing:
            self._write_changes(connection, changing)
        if answers:
            NEW_ANSWER.run(connection, answers)
        self._sweep_answers(connection, steps[-1].stamp.time)

    def committed(self) -> None:
        """Keep the bytes of what was written last: it is on disk."""
        for name, (noun, made) in self._made.items():
            self._serialized.keep(name, noun, made)

    def _write_changes(self, connection: Connection, steps: Sequence[Step]) -> None:
        base, final = steps[0].before, steps[-1].after
        touched = sorted({name for step in steps for name in step.changed})
        self._write_intent(connection, base, final, touched)
        self._write_secrets(connection, base, final, touched)
        for pairs in PAIRS:
            pairs.write(connection, base, final, touched)
        NEW_REVISION.run(connection, [row for step in steps for row in self._log(step)])

    def _write_intent(self, connection: Connection, base: World, final: World, touched: Sequence[str]) -> None:
        there = [name for name in touched if name in final.resources]
        new = [self._row(final.resources[name]) for name in there if name not in base.resources]
        changed = [self._row(final.resources[name]) | {"key": name} for name in there if name in base.resources]
        gone = [{"key": name} for name in touched if name in base.resources and name not in final.resources]
        if gone:
            GONE_INTENT.run(connection, gone)
        if changed:
            CHANGED_INTENT.run(connection, changed)
        if new:
            NEW_INTENT.run(connection, new)

    def _write_secrets(self, connection: Connection, base: World, final: World, touched: Sequence[str]) -> None:
        old = [{"key": name} for name in touched if self._secret(base.resources.get(name)) is not None]
        new = [
            {"name": name, "message": message}
            for name in touched
            if (message := self._secret(final.resources.get(name))) is not None
        ]
        if old:
            GONE_SECRET.run(connection, old)
        if new:
            NEW_SECRET.run(connection, new)

    def _secret(self, noun: Any) -> bytes | None:
        """Return a resource's message with what is write-only; None if nothing in it is."""
        if noun is None:
            return None
        codec = self._schema.by_noun[type(noun)]
        if not codec.keeps_secrets:
            return None
        whole = codec.to_message(noun, secrets=True)
        return bytes(whole.SerializeToString()) if whole != codec.to_message(noun) else None

    def _row(self, noun: Any) -> dict[str, Any]:
        return {
            "name": noun.name,
            "kind": self._kind(noun),
            "project": project_of(noun.name),
            "uid": noun.meta.uid,
            "generation": noun.meta.generation,
            "revision": noun.meta.revision,
            "message": self._bytes(noun),
        }

    def _kind(self, noun: Any) -> str:
        return self._schema.by_noun[type(noun)].descriptor.full_name

    def _bytes(self, noun: Any) -> bytes:
        """Return what is stored of a noun of a World that is written now, made once."""
        made = self._made.get(noun.name)
        if made is None or made[0] is not noun:
            made = self._made[noun.name] = noun, self._serialized.of(noun)
        return made[1]

    def _log(self, step: Step) -> list[dict[str, Any]]:
        rows = []
        for position, name in enumerate(step.changed):
            before, after = step.before.resources.get(name), step.after.resources.get(name)
            row = {"revision": step.stamp.revision, "position": position, "name": name, "time": step.stamp.time}
            contents = {"before": before and self._serialized.of(before), "after": after and self._bytes(after)}
            rows.append(row | contents | {"kind": self._kind(after or before)})
        return rows

    def _answer_row(self, step: Step) -> dict[str, Any]:
        response = intent_pb2.BatchResponse(revision=step.outcome.revision)
        response.resources.extend(self._packed(noun) for noun in step.outcome.nouns)
        return {
            "request_id": step.request.request_id,
            "time": step.stamp.time,
            "fingerprint": step.request.fingerprint,
            "response": response.SerializeToString(),
        }

    def _packed(self, noun: Any) -> AnyMessage:
        return AnyMessage() if noun is None else packed(self._kind(noun), self._bytes(noun))

    def _sweep_answers(self, connection: Connection, now: int) -> None:
        """Forget old answers, now and then."""
        if now - self._swept > DAY // 24:
            self._swept = now
            connection.execute(delete(tables.request).where(tables.request.c.time < now - DAY))


def check_same(request: Request, fingerprint: bytes) -> None:
    """Check that a request whose id is known is the one known.

    Raises:
        RequestReusedError: it is another.
    """
    if request.fingerprint != fingerprint:
        raise RequestReusedError(
            f"request_id {request.request_id} belongs to another request; make a fresh UUID for each."
        )
