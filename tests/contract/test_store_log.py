"""The log of revisions, and what else is stored beside intent, on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from store_life import SCHEMA, SUBNET, VPC, Store, change, creation, live, simple

from headgate_controller.errors import (
    HeadgateError,
)
from headgate_controller.kinds import registry
from headgate_controller.mutations import Create, Delete, Request
from headgate_controller.schema import Schema
from headgate_controller.store import states, tables
from headgate_controller.store.database import Database, changes_after, load_world
from headgate_controller.store.keyring import Keyring
from headgate_controller.store.writer import Writer


def test_the_log_tells_every_change_in_order(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        await store.submit(change(VPC, description="two"))
        await store.submit(Delete(SUBNET))
        log = changes_after(store.database.engine, 0, 100)
        assert [(entry[0], entry[1], entry[4] is None) for entry in log] == [
            (1, VPC, False),
            (2, SUBNET, False),
            (3, VPC, False),
            (4, SUBNET, True),
        ]
        assert [entry[2] for entry in log] == ["headgate.v1.Vpc", "headgate.v1.Subnet"] * 2
        codec = SCHEMA.codecs["headgate.v1.Vpc"]
        noun = codec.from_store(codec.message.FromString(log[2][4] or b""))
        assert noun == store.world.resources[VPC]
        assert noun.meta.update_time == log[2][3]
        rows = store.rows(tables.revision)
        assert (rows[0].before, rows[2].before, rows[3].before is None) == (None, rows[0].after, False)

    live(url, act)


def test_pages_of_the_log_hold_whole_revisions(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        for batch in range(3):
            await store.submit(*(creation(f"{SUBNET}/ports/p{batch}-{number}") for number in range(4)))
        engine = store.database.engine
        assert [entry[0] for entry in changes_after(engine, 0, 1)] == [1]
        assert [entry[0] for entry in changes_after(engine, 0, 3)] == [1, 2, 3, 3, 3, 3]
        assert [entry[0] for entry in changes_after(engine, 2, 5)] == [3] * 4 + [4] * 4
        assert changes_after(engine, 5, 5) == []
        seen, after = [], 0
        while page := changes_after(engine, after, 2):
            seen += [(entry[0], entry[1]) for entry in page]
            after = page[-1][0]
        assert seen == sorted(seen)
        assert len(seen) == 14

    live(url, act)


def test_a_state_that_takes_long_to_be_read_keeps_no_commit_waiting(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go = threading.Event(), threading.Event()

    def read(_content: bytes) -> int:
        entered.set()
        assert go.wait(10)
        return 7

    async def act(store: Store) -> None:
        kept = states.States(store.database, Keyring())
        running = asyncio.create_task(kept.run())
        writing = asyncio.create_task(kept.write("p/s", b"{}", ""))
        try:
            await asyncio.to_thread(entered.wait)
            await asyncio.wait_for(store.submit(creation(VPC)), 3)
        finally:
            go.set()
        await writing
        assert [version.serial for version in await kept.versions("p/s")] == [7]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    monkeypatch.setattr(states, "serial_of", read)
    live(url, act)


def test_a_refusal_is_an_error_of_the_tree(url: str) -> None:
    async def act(store: Store) -> None:
        await store.submit(creation(VPC))
        for attempt in (store.submit(creation(VPC)), store.submit(Delete("projects/p/vpcs/none"))):
            with pytest.raises(HeadgateError):
                await attempt

    live(url, act)


def test_a_new_kind_is_stored_without_a_table_of_its_own(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "new_kind"))
    known = Schema(registry.load(["headgate_test.gadget"]))
    gadget = "projects/p/vpcs/v/gadgets/g"
    codec = known.codecs["headgate_test.v1.Gadget"]
    noun = codec.with_uid(codec.kind.noun(gadget, subnet=SUBNET, colour="red"), str(uuid.uuid4()))

    async def act() -> Any:
        database = Database(url)
        writer = Writer(database, known, load_world(database.engine, known), lambda _world, _touched: None)
        await writer.submit(Request([creation(VPC), creation(SUBNET, cidr="10.1.0.0/24"), Create(codec, noun)]))
        made = load_world(database.engine, known).resources[gadget]
        await writer.submit(Request([Delete(gadget)]))
        gone = load_world(database.engine, known)
        writer.close()
        database.close()
        return made, gone

    made, gone = asyncio.run(act())
    assert (made.ip, made.colour) == (0x0A010002, "red")
    assert gadget not in gone.resources
    assert 0x0A010002 not in gone.pool(SUBNET)
