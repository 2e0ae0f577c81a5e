"""Acknowledged means kept: a controller that is killed at every point of the way from a request to its rows."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from doomed_controller import HOSTS, POINTS, Order
from ovsdb_server import NB_SCHEMA, OvsdbServer, serving
from random_load import Load, Sent, nouns_of
from recompute import Log, assert_northbound_is_a_recompute, assert_store_consistent
from sqlalchemy import Connection, create_engine, select

from headgate.v1 import intent_pb2
from headgate_controller.store import tables
from headgate_lab.waiting import wait_until

SEED = 20261126
KILLS = 200
LEAST_AT_A_POINT = 10
MOST_ANSWERS = 200
"""Answers after which a life that has not come to its point is ended at whatever it does."""

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told: the answer's bytes, None if it was refused."""

    content: bytes | None


class Life:
    """A running controller, as its one client sees it."""

    def __init__(self, address: Path, order: Order) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._socket.connect(str(address))
        self._lines = self._socket.makefile("rb")
        self._say(asdict(order))
        self._first: dict[str, Any] = self._hear()
        self.started = "ready" in self._first
        self.under_way: set[str] = set()

    def ask(self, requests: list[Sent]) -> None:
        for sent in requests:
            self.under_way.add(sent.id)
            self._say({"id": sent.id, "method": sent.method, "request": sent.message.SerializeToString().hex()})

    def end(self) -> None:
        """Have it killed at whatever it does."""
        self._say({})

    def answer(self) -> tuple[str, Answer] | None:
        """Return the next answer, and to which request; None once the controller is dead."""
        heard = self._hear() if self.started else self._first
        if "ended" in heard:
            assert heard["ended"] == -9, f"it ended by itself: {heard['ended']}"
            self._lines.close()
            self._socket.close()
            return None
        assert "fault" not in heard, heard["fault"]
        self.under_way.discard(heard["id"])
        return heard["id"], Answer(bytes.fromhex(heard["answer"]) if "answer" in heard else None)

    def _say(self, message: dict[str, Any]) -> None:
        # It may be dead already; what it said before that is still to be heard.
        with suppress(BrokenPipeError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        assert line, "the warm parent is gone"
        found: dict[str, Any] = json.loads(line)
        return found


class Clients:
    """All that was ever sent to the controller, what was answered, and what must be true because of that."""

    def __init__(self, chance: random.Random, database: Path) -> None:
        self.acknowledged, self.kept, self.lost = 0, 0, 0
        self._chance = chance
        self._load = Load(chance, "r")
        self._sent: dict[str, Sent] = {}
        self._answers: dict[str, Answer] = {}
        self._promised: dict[str, tuple[Any, ...]] = {}
        """What a request must be answered with whenever it is sent again."""
        self._unchecked: set[str] = set()
        self._log = Log()
        self._stored: set[str] = set()
        self._database = database

    def check(self, northbound: str) -> list[Sent]:
        """See that what must be true is; return the requests whose clients still wait for an answer."""
        # No connection may stay: whoever opens the database after a crash is to recover it, and that is the controller.
        engine = create_engine(f"sqlite:///{self._database}")
        with engine.connect() as connection:
            waiting = self._check_requests(connection)
            world = assert_store_consistent(connection, self._log)
        engine.dispose()
        asyncio.run(assert_northbound_is_a_recompute(northbound, world))
        return waiting

    def _check_requests(self, connection: Connection) -> list[Sent]:
        columns = tables.request.c
        known = set(connection.execute(select(columns.request_id)).scalars())
        assert known >= self._stored, "forgotten"
        new = known - self._stored
        assert {id_ for id_ in new if not id_.startswith(HOSTS)} <= self._unchecked, "nobody asked for it"
        query = select(columns.request_id, columns.response).where(columns.request_id.in_(new))
        stored = {row.request_id: row.response for row in connection.execute(query)}
        owners = Counter(revision for content in stored.values() if (revision := _revision(content)))
        assert owners == Counter(self._log.read(connection)), "each revision is of one request"
        for id_ in sorted(self._unchecked):
            self._check_one(id_, stored.get(id_))
        waiting = [self._sent[id_] for id_ in sorted(self._unchecked - self._answers.keys())]
        self.kept += sum(sent.id in known for sent in waiting)
        self.lost += sum(sent.id not in known for sent in waiting)
        self._stored, self._unchecked = known, {sent.id for sent in waiting} - known
        return waiting

    def _check_one(self, id_: str, stored: bytes | None) -> None:
        """See that a request has become what its client was told, and is done as a whole or not at all."""
        sent, answer = self._sent[id_], self._answers.get(id_)
        if answer is not None and answer.content is None:
            assert stored is None, f"refused, and yet done: {sent}"
        if answer is not None and answer.content is not None:
            assert stored is not None, f"acknowledged, and lost: {sent}"
            assert sent.nouns(answer.content) in ((), _nouns(stored)), f"not what was acknowledged: {sent}"
        if stored is not None:
            self._promised[id_] = _nouns(stored)
            if revision := _revision(stored):
                assert set(sent.names) <= self._log.names[revision], f"half done: {sent}"

    def live(self, life: Life, waiting: list[Sent]) -> bool:
        """Send what waits again, some that is answered as well, and then new requests, until the controller is dead.

        Return whether it died by itself, at its point.
        """
        old = sorted(self._promised)
        again = [self._sent[id_] for id_ in self._chance.sample(old, min(len(old), 2))]
        self._ask(life, [*waiting, *again] or [self._load.first()])
        width = self._chance.randint(1, 8)
        for _ in range(MOST_ANSWERS):
            self._ask(life, [self._load.next() for _ in range(width - len(life.under_way))])
            if (heard := life.answer()) is None:
                return True
            self._heard(*heard)
        life.end()
        while (heard := life.answer()) is not None:
            self._heard(*heard)
        return False

    def _ask(self, life: Life, requests: list[Sent]) -> None:
        for sent in requests:
            if sent.id not in self._sent:
                self._unchecked.add(sent.id)
            self._sent[sent.id] = sent
        life.ask(requests)

    def _heard(self, id_: str, answer: Answer) -> None:
        sent = self._sent[id_]
        if id_ in self._promised:
            assert answer.content is not None, f"done, and refused when it was sent again: {sent}"
            assert sent.nouns(answer.content) in ((), self._promised[id_]), f"another answer than before: {sent}"
        if id_ not in self._answers:
            self.acknowledged += answer.content is not None
            self._answers[id_] = answer
            self._load.answered(sent, refused=answer.content is None)


def _revision(stored: bytes) -> int:
    return int(intent_pb2.BatchResponse.FromString(stored).revision)


def _nouns(stored: bytes) -> tuple[Any, ...]:
    return nouns_of(intent_pb2.BatchResponse.FromString(stored))


@pytest.fixture
def warm(run_directory: Path) -> Iterator[Path]:
    """The socket of a warm parent, at which each connection is a new life."""
    address = run_directory / "doomed.sock"
    program = Path(__file__).with_name("doomed_controller.py")
    parent = subprocess.Popen([sys.executable, str(program), str(address)])
    try:
        wait_until(lambda: address.exists() or parent.poll() is not None, seconds=SECONDS, what="a warm parent")
        yield address
    finally:
        parent.kill()
        parent.wait()


@pytest.fixture
def northbound(tmp_path: Path) -> Iterator[OvsdbServer]:
    with serving(tmp_path / "nb", NB_SCHEMA) as server:
        yield server


def test_two_hundred_kills_at_named_points_lose_nothing_acknowledged_and_leave_nothing_half_done(
    warm: Path, northbound: OvsdbServer, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    database = tmp_path / "headgate.db"
    clients = Clients(chance, database)
    kills: Counter[str] = Counter()
    points = [POINTS[number % len(POINTS)] for number in range(KILLS)]
    chance.shuffle(points)
    for point in points:
        order = Order(
            database=f"sqlite:///{database}",
            northbound=northbound.remote,
            point=point,
            passage=chance.randint(1, 5),
            seconds=chance.uniform(0, 0.002 if point.startswith("during") else 0.05),
        )
        life = Life(warm, order)
        came = clients.live(life, clients.check(northbound.remote) if life.started else [])
        kills[point if came else "elsewhere"] += 1
    assert all(kills[point] >= LEAST_AT_A_POINT for point in POINTS), kills
    print(f"{KILLS} kills: {dict(sorted(kills.items()))}")
    print(f"{clients.acknowledged} acknowledged; unacknowledged {clients.kept} kept, {clients.lost} lost; seed {SEED}")
