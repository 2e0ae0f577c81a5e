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
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from doomed_controller import POINTS, Order
from ledger import Ledger
from ovsdb_server import NB_SCHEMA, OvsdbServer, serving
from random_load import Load, Sent
from recompute import assert_northbound_is_a_recompute, reading

from headgate_lab.waiting import wait_until

SEED = 20261126
KILLS = 200
LEAST_AT_A_POINT = 10
MOST_ANSWERS = 200
"""Answers after which a life that has not come to its point is ended at whatever it does."""

SECONDS = 20.0


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

    def answer(self) -> tuple[str, bytes | None] | None:
        """Return the next answer, None if it is a refusal, and to which request; None once the controller is dead."""
        heard = self._hear() if self.started else self._first
        if "ended" in heard:
            assert heard["ended"] == -9, f"it ended by itself: {heard['ended']}"
            self._lines.close()
            self._socket.close()
            return None
        assert "fault" not in heard, heard["fault"]
        self.under_way.discard(heard["id"])
        return heard["id"], bytes.fromhex(heard["answer"]) if "answer" in heard else None

    def _say(self, message: dict[str, Any]) -> None:
        # It may be dead already; what it said before that is still to be heard.
        with suppress(BrokenPipeError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        assert line, "the warm parent is gone"
        found: dict[str, Any] = json.loads(line)
        return found


class Client:
    """Sends requests to one life after another."""

    def __init__(self, chance: random.Random, database: Path) -> None:
        self.ledger = Ledger()
        self._chance = chance
        self._load = Load(chance, "r")
        self._database = database

    def check(self, northbound: str) -> list[Sent]:
        """See that what must be true is; return the requests that still wait for an answer."""
        # No connection may stay: whoever opens the database after a crash is to recover it, and that is the controller.
        with reading(self._database) as connection:
            world, waiting = self.ledger.check(connection)
        asyncio.run(assert_northbound_is_a_recompute(northbound, world))
        return waiting

    def live(self, life: Life, waiting: list[Sent]) -> bool:
        """Send what waits again, some that is answered as well, and then new requests, until the controller is dead.

        Return whether it died by itself, at its point.
        """
        old = sorted(self.ledger.promised)
        again = [self.ledger[id_] for id_ in self._chance.sample(old, min(len(old), 2))]
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
            self.ledger.asked(sent)
        life.ask(requests)

    def _heard(self, id_: str, answer: bytes | None) -> None:
        if self.ledger.heard(id_, answer):
            self._load.answered(self.ledger[id_], refused=answer is None)


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
    client = Client(chance, database)
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
        came = client.live(life, client.check(northbound.remote) if life.started else [])
        kills[point if came else "elsewhere"] += 1
    assert all(kills[point] >= LEAST_AT_A_POINT for point in POINTS), kills
    print(f"{KILLS} kills: {dict(sorted(kills.items()))}")
    told = client.ledger
    print(f"{told.acknowledged} acknowledged; unacknowledged {told.kept} kept, {told.lost} lost; seed {SEED}")
