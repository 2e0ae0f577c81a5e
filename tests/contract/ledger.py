"""All that was ever sent to a controller, what was answered, and what must be true of its database because of that."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from random_load import Sent, nouns_of
from recompute import Log, assert_store_consistent
from sqlalchemy import Connection, func, select

from headgate.v1 import intent_pb2
from headgate_controller.store import tables
from headgate_controller.world import World

REGISTERED = ("hosts/",)
"""How ids of requests begin, and names in revisions, that are a host's own doing."""


class Ledger:
    """Requests by their ids, and answers; written by any thread, checked while nothing is under way."""

    def __init__(self) -> None:
        self.acknowledged, self.kept, self.lost = 0, 0, 0
        self.promised: dict[str, tuple[Any, ...]] = {}
        """What a request must be answered with whenever it is sent again."""
        self._sent: dict[str, Sent] = {}
        self._answers: dict[str, bytes | None] = {}
        self._unchecked: set[str] = set()
        self._stored: set[str] = set()
        self._since = 0
        self._log = Log()
        self._writing = threading.Lock()

    def __getitem__(self, id_: str) -> Sent:
        return self._sent[id_]

    def asked(self, sent: Sent) -> None:
        """Note that a request is sent, be it again."""
        with self._writing:
            if sent.id not in self._sent:
                self._unchecked.add(sent.id)
            self._sent[sent.id] = sent

    def heard(self, id_: str, answer: bytes | None) -> bool:
        """Note an answer, None for a refusal; return whether it is the first to this request."""
        sent = self._sent[id_]
        with self._writing:
            if id_ in self.promised:
                assert answer is not None, f"done, and refused when it was sent again: {sent}"
                assert sent.nouns(answer) in ((), self.promised[id_]), f"another answer than before: {sent}"
            if id_ in self._answers:
                return False
            self.acknowledged += answer is not None
            self._answers[id_] = answer
        return True

    def check(self, connection: Connection) -> tuple[World, list[Sent]]:
        """See that what must be true is; return the World, and the requests whose clients still wait for an answer."""
        waiting = self._check_requests(connection)
        return assert_store_consistent(connection, self._log), waiting

    def _check_requests(self, connection: Connection) -> list[Sent]:
        columns = tables.request.c
        known = set(connection.execute(select(columns.request_id)).scalars())
        assert known >= self._stored, "forgotten"
        new = known - self._stored
        assert {id_ for id_ in new if not id_.startswith(REGISTERED)} <= self._unchecked, "nobody asked for it"
        rows = select(columns.request_id, columns.response).where(columns.time > self._since)
        stored = {row.request_id: row.response for row in connection.execute(rows) if row.request_id in new}
        assert stored.keys() == new
        self._since = connection.execute(select(func.max(columns.time))).scalar() or 0
        owners = Counter(revision for id_ in new if (revision := _revision(stored[id_])))
        self._check_owners(owners, self._log.read(connection))
        for id_ in sorted(self._unchecked):
            self._check_one(id_, stored.get(id_))
        waiting = [self._sent[id_] for id_ in sorted(self._unchecked - self._answers.keys())]
        self.kept += sum(sent.id in known for sent in waiting)
        self.lost += sum(sent.id not in known for sent in waiting)
        self._stored, self._unchecked = known, {sent.id for sent in waiting} - known
        return waiting

    def _check_owners(self, owners: Counter[int], fresh: set[int]) -> None:
        """See that each revision is of one request, or of a host that registered."""
        assert owners.keys() <= fresh
        assert set(owners.values()) <= {1}, "two requests made one revision"
        for revision in fresh - owners.keys():
            names = self._log.names[revision]
            # With its gateways, which may move.
            assert any(name.startswith(REGISTERED) for name in names), f"nobody asked for revision {revision}: {names}"

    def _check_one(self, id_: str, stored: bytes | None) -> None:
        """See that a request has become what its client was told, and is done as a whole or not at all."""
        sent = self._sent[id_]
        if id_ in self._answers:
            answer = self._answers[id_]
            assert (answer is None) == (stored is None), f"acknowledged and lost, or refused and yet done: {sent}"
            if answer is not None and stored is not None:
                assert sent.nouns(answer) in ((), _nouns(stored)), f"not what was acknowledged: {sent}"
        if stored is not None:
            self.promised[id_] = _nouns(stored)
            if revision := _revision(stored):
                assert set(sent.names) <= self._log.names[revision], f"half done: {sent}"


def _revision(stored: bytes) -> int:
    return int(intent_pb2.BatchResponse.FromString(stored).revision)


def _nouns(stored: bytes) -> tuple[Any, ...]:
    return nouns_of(intent_pb2.BatchResponse.FromString(stored))
