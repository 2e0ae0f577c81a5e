"""The store on a real SQLite file and a real PostgreSQL: what is acknowledged is on disk, and what is refused leaves
nothing behind.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from postgres_server import sql
from sqlalchemy import event
from store_life import SUBNET, VPC, Store, change, creation, live, reopened, simple

from headgate_controller.errors import (
    InvalidError,
    NotFoundError,
    RequestReusedError,
)
from headgate_controller.mutations import Delete
from headgate_controller.schema import Schema
from headgate_controller.store import tables
from headgate_controller.store.records import DAY
from headgate_controller.store.writer import Outcome
from headgate_controller.world import World

# --- on disk ----------------------------------------------------------------------------------------------------------


def test_what_is_acknowledged_is_on_disk(url: str) -> None:
    async def act(store: Store) -> None:
        await store.submit(creation(VPC, description="kept"))
        assert sql(url, "SELECT name FROM intent") == [(VPC,)]

    live(url, act)
    world = reopened(url)
    assert world.resources[VPC].meta.description == "kept"  # type: ignore[attr-defined]


def test_a_process_that_is_killed_loses_nothing_it_acknowledged(url: str) -> None:
    program = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_store as t
async def act(store):
    await t.simple(store)
    for number in range(20):
        await store.submit(t.creation(f"{{t.SUBNET}}/ports/p{{number}}"))
        print(number, flush=True)
    os.kill(os.getpid(), 9)
t.live({url!r}, act)
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert child.returncode == -9, child.stderr
    assert len(child.stdout.split()) == 20
    assert len(reopened(url).resources) == 22


def test_what_is_loaded_equals_what_was(url: str) -> None:
    async def act(store: Store) -> World:
        await simple(store)
        await store.submit(creation("hosts/h1"))
        await store.submit(creation(f"{SUBNET}/ports/a", host="hosts/h1", labels={"tier": "web"}, vm="vm-1"))
        await store.submit(change(VPC, description="two"))
        await store.submit(
            creation("projects/p/subnets/x", vlan={"physical_network": "n", "id": 0}, cidr="10.9.0.0/24")
        )
        await store.submit(creation(f"{VPC}/routes/r", destination="0.0.0.0/0", next_hops=[{"ip": "10.1.0.9"}]))
        await store.submit(Delete(SUBNET, when_unreferenced=True))
        return store.world

    was, now = live(url, act), reopened(url)
    assert now.revision == was.revision == 8
    assert now.resources == was.resources
    assert now.index == was.index
    for owner, pool in was.pools.items():
        assert now.pool(owner)._chunks == pool._chunks
    assert live(url, lambda store: store.submit(change(VPC, description="three"))).revision == 9


def test_references_and_allocations_are_what_the_nouns_say(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        await store.submit(creation(f"{SUBNET}/ports/a"))
        await store.submit(creation(f"{SUBNET}/ports/b", ip="10.1.0.50"))
        await store.submit(change(f"{SUBNET}/ports/b", ip="10.1.0.51"))
        await store.submit(Delete(f"{SUBNET}/ports/a"))
        nouns: list[Any] = list(store.world.resources.values())
        pairs = {(noun.name, target) for noun in nouns for _, target in noun.references()}
        numbers = {(pool, str(number), noun.name) for noun in nouns for pool, number in noun.taken()}
        assert {tuple(row) for row in store.rows(tables.reference)} == pairs
        assert {tuple(row) for row in store.rows(tables.allocation)} == numbers

    live(url, act)


def test_opening_an_up_to_date_database_changes_nothing(file: str) -> None:
    live(file, simple)
    path = file.removeprefix("sqlite:///")

    def content() -> list[str]:
        with sqlite3.connect(path) as other:
            return list(other.iterdump())

    before = content()
    reopened(file)
    assert content() == before


# --- groups -----------------------------------------------------------------------------------------------------------


def test_requests_are_applied_in_the_order_they_came(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        names = [f"{SUBNET}/ports/p{number}" for number in range(30)]
        outcomes = await store.together(*(store.submit(creation(name)) for name in names))
        assert [o.nouns[0].name for o in outcomes] == names  # type: ignore[union-attr]
        assert [o.revision for o in outcomes] == list(range(3, 33))  # type: ignore[union-attr]
        assert [o.nouns[0].ip for o in outcomes] == sorted(o.nouns[0].ip for o in outcomes)  # type: ignore[union-attr]

    live(url, act)


def test_a_group_is_one_commit_and_one_publication(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        commits = []
        event.listen(store.database.engine, "commit", commits.append)
        store.published.clear()
        names = [f"{SUBNET}/ports/p{number}" for number in range(30)]
        await store.together(*(store.submit(creation(name)) for name in names))
        assert len(store.published) == 1
        assert store.published[0][1] == set(names)
        assert store.published[0][0].revision == 32
        assert len(commits) <= 2

    live(url, act)


def test_a_request_that_changes_nothing_takes_no_revision(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        nothing, something = await store.together(
            store.submit(change(VPC)), store.submit(creation(f"{SUBNET}/ports/a"))
        )
        assert isinstance(nothing, Outcome)
        assert isinstance(something, Outcome)
        assert (nothing.revision, something.revision) == (0, 3)

    live(url, act)


def test_one_refused_request_of_a_group_hurts_no_other(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        good, bad, missing, after = await store.together(
            store.submit(creation(f"{SUBNET}/ports/a", ip="10.1.0.9")),
            store.submit(creation(f"{SUBNET}/ports/b", ip="10.1.0.9")),
            store.submit(Delete(f"{SUBNET}/ports/none")),
            store.submit(change(f"{SUBNET}/ports/a", vm="vm-1")),
        )
        assert isinstance(good, Outcome)
        assert isinstance(bad, InvalidError)
        assert isinstance(missing, NotFoundError)
        assert isinstance(after, Outcome)
        assert (good.revision, after.revision) == (3, 4)
        assert after.nouns[0].vm == "vm-1"

    live(url, act)


def test_a_fault_of_the_code_in_one_request_of_a_group_hurts_no_other(url: str) -> None:
    class Broken:
        name = VPC

        def apply(self, _draft: Any, _schema: Schema, _stamp: Any) -> Any:
            raise ZeroDivisionError

    async def act(store: Store) -> None:
        good, bad = await store.together(store.submit(creation(VPC)), store.submit(Broken()))
        assert isinstance(good, Outcome)
        assert isinstance(bad, ZeroDivisionError)
        assert (await store.submit(change(VPC, description="it lives"))).revision == 2

    live(url, act)


def test_what_is_made_and_deleted_in_one_batch_leaves_no_trace(url: str) -> None:
    async def act(store: Store) -> None:
        outcome = await store.submit(creation(VPC), Delete(VPC))
        assert outcome == Outcome((None, None), 0)
        assert (store.count(tables.revision), store.count(tables.intent)) == (0, 0)
        assert (await store.submit(creation(VPC))).revision == 1

    live(url, act)


def test_a_batch_is_one_revision_or_nothing(url: str) -> None:
    async def act(store: Store) -> None:
        await store.submit(creation(VPC), creation(SUBNET, cidr="10.1.0.0/24"))
        with pytest.raises(InvalidError, match=r"10\.9\.0\.9"):
            await store.submit(creation(f"{SUBNET}/ports/a"), creation(f"{SUBNET}/ports/b", ip="10.9.0.9"))
        assert store.world.revision == 1
        assert [row.revision for row in store.rows(tables.revision)] == [1, 1]

    live(url, act)
    assert set(reopened(url).resources) == {VPC, SUBNET}


def test_an_address_freed_and_taken_in_one_group_is_the_new_holders(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        await store.submit(creation(f"{SUBNET}/ports/z", ip="10.1.0.9"))
        await store.together(
            store.submit(Delete(f"{SUBNET}/ports/z")), store.submit(creation(f"{SUBNET}/ports/a", ip="10.1.0.9"))
        )
        holders = {row.holder for row in store.rows(tables.allocation) if row.number == str(0x0A010009)}
        assert holders == {f"{SUBNET}/ports/a"}

    live(url, act)


# --- requests sent again ----------------------------------------------------------------------------------------------


def test_a_request_sent_again_gets_the_same_answer_and_changes_nothing(url: str) -> None:
    async def act(store: Store) -> tuple[Outcome, Outcome]:
        first = await store.repeatable(creation(VPC), "one")
        await store.submit(change(VPC, description="since then"))
        return first, await store.repeatable(creation(VPC), "one")

    first, again = live(url, act)
    assert again == first
    assert live(url, lambda store: store.repeatable(creation(VPC), "one")) == first, "a restart forgets nothing"
    assert reopened(url).revision == 2


def test_a_request_sent_again_at_once_gets_the_same_answer(url: str) -> None:
    async def act(store: Store) -> None:
        first, again, other = await store.together(
            store.repeatable(creation(VPC), "one"),
            store.repeatable(creation(VPC), "one"),
            store.repeatable(creation("projects/p/vpcs/w"), "one", b"other"),
        )
        assert isinstance(first, Outcome)
        assert again == first
        assert isinstance(other, RequestReusedError)
        two = [store.repeatable(creation("projects/p/vpcs/w"), "two") for _ in range(2)]
        first, again = await store.together(*two)
        assert isinstance(first, Outcome)
        assert again == first

    live(url, act)


def test_a_delete_sent_again_gets_the_same_answer(url: str) -> None:
    async def act(store: Store) -> None:
        await store.submit(creation(VPC))
        first = await store.repeatable(Delete(VPC), "one")
        assert await store.repeatable(Delete(VPC), "one") == first == Outcome((None,), 2)

    live(url, act)


def test_a_request_that_changed_nothing_is_remembered_too(url: str) -> None:
    async def act(store: Store) -> None:
        await store.submit(creation(VPC, description="one"))
        first = await store.repeatable(change(VPC, description="one"), "id")
        await store.submit(change(VPC, description="two"))
        assert await store.repeatable(change(VPC, description="one"), "id") == first
        assert store.world.resources[VPC].meta.description == "two"  # type: ignore[attr-defined]

    live(url, act)


def test_another_request_with_a_known_id_is_refused(url: str) -> None:
    async def act(store: Store) -> None:
        await store.repeatable(creation(VPC), "one")
        with pytest.raises(RequestReusedError, match="make a fresh UUID"):
            await store.repeatable(creation("projects/p/vpcs/w"), "one", b"other")

    live(url, act)
    assert set(reopened(url).resources) == {VPC}


def test_a_refused_request_may_be_repeated_with_its_id(url: str) -> None:
    async def act(store: Store) -> None:
        with pytest.raises(NotFoundError):
            await store.repeatable(change(VPC, description="x"), "one")
        await store.submit(creation(VPC))
        assert (await store.repeatable(change(VPC, description="x"), "one")).revision == 2

    live(url, act)


def test_answers_older_than_a_day_are_forgotten(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    live(url, lambda store: store.repeatable(creation(VPC), "old"))
    now = time.time_ns()
    monkeypatch.setattr("headgate_controller.store.writer.time.time_ns", lambda: now + DAY + DAY // 10)

    async def act(store: Store) -> list[str]:
        await store.repeatable(change(VPC, description="x"), "new")
        return [row.request_id for row in store.rows(tables.request)]

    assert live(url, act) == ["new"]


def test_validate_only_answers_and_changes_nothing(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        store.published.clear()
        outcome = await store.submit(creation(f"{SUBNET}/ports/a"), validate_only=True, request_id="one")
        assert (outcome.revision, outcome.nouns[0].ip) == (0, 0x0A010002)
        with pytest.raises(InvalidError):
            await store.submit(creation(f"{SUBNET}/ports/a", ip="10.9.0.9"), validate_only=True)
        assert (store.published, store.count(tables.intent), store.count(tables.request)) == ([], 2, 0)

    live(url, act)
    assert reopened(url).revision == 2
