"""The store on a real SQLite file and a real PostgreSQL: what is acknowledged is on disk, and what is refused leaves
nothing behind.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import pytest
from google.protobuf import json_format
from ovsdb_server import eventually
from postgres_server import PostgresServer, sql
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.exc import DBAPIError

from headgate_controller.errors import (
    AlreadyExistsError,
    BusyError,
    HeadgateError,
    InconsistentError,
    InvalidError,
    NotFoundError,
    RequestReusedError,
    UnavailableError,
    UnknownKindError,
)
from headgate_controller.kinds import registry
from headgate_controller.mutations import Create, Delete, Mutation, Request, Update
from headgate_controller.schema import Schema
from headgate_controller.store import states, tables
from headgate_controller.store.database import Database, changes_after, load_world
from headgate_controller.store.keyring import Keyring
from headgate_controller.store.lease import hold_lease
from headgate_controller.store.migrating import migrate
from headgate_controller.store.records import DAY
from headgate_controller.store.writer import Outcome, Writer
from headgate_controller.world import World

T = TypeVar("T")
VPC, SUBNET = "projects/p/vpcs/v", "projects/p/vpcs/v/subnets/s"
SCHEMA = Schema(registry.load())


def creation(name: str, **fields: Any) -> Create:
    codec = SCHEMA.codec_of(name)
    faults: list[Any] = []
    noun = codec.from_client(name, json_format.ParseDict(fields, codec.message()), faults)
    assert not faults
    return Create(codec, codec.with_uid(noun, str(uuid.uuid4())))


def change(name: str, mask: Sequence[str] = (), **fields: Any) -> Update:
    codec = SCHEMA.codec_of(name)
    return Update(codec, name, json_format.ParseDict(fields, codec.message()), tuple(mask))


class Store:
    """One life of a controller's store: opened, used from an event loop, closed."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.world = load_world(self.database.engine, SCHEMA)
        self.published: list[tuple[World, frozenset[str]]] = []
        self.writer: Any = None

    def publish(self, world: World, touched: frozenset[str]) -> None:
        self.world = world
        self.published.append((world, touched))

    async def submit(self, *mutations: Mutation, **options: Any) -> Outcome:
        outcome: Outcome = await self.writer.submit(Request(mutations, **options))
        return outcome

    async def repeatable(self, mutation: Mutation, request_id: str, content: bytes = b"same") -> Outcome:
        return await self.submit(mutation, request_id=request_id, fingerprint=sha256(content).digest())

    async def together(self, *requests: Awaitable[T] | Callable[[], Awaitable[T]]) -> list[T | BaseException]:
        """Return what becomes of requests that come while the writer is busy, and so are one group."""
        entered, go = threading.Event(), threading.Event()
        blocker = asyncio.create_task(self.submit(_Blocker(entered, go)))
        await asyncio.to_thread(entered.wait)
        tasks = [asyncio.create_task(request) for request in requests]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await blocker
        return found

    def rows(self, table: Any) -> list[Any]:
        with self.database.engine.connect() as connection:
            return list(connection.execute(select(table)).all())

    def count(self, table: Any) -> int:
        with self.database.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


class _Blocker:
    """A mutation that changes nothing and takes its time."""

    name = VPC

    def __init__(self, entered: threading.Event, go: threading.Event) -> None:
        self._entered, self._go = entered, go

    def apply(self, draft: Any, _schema: Schema, _stamp: Any) -> Any:
        self._entered.set()
        assert self._go.wait(10)
        return draft


@pytest.fixture
def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/headgate.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return str(request.getfixturevalue("file"))
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.prepared()


def live(url: str, act: Callable[[Store], Awaitable[T]]) -> T:
    """Open the store, act, close it; return what the act returns."""

    async def run() -> T:
        store = Store(url)
        store.writer = Writer(store.database, SCHEMA, store.world, store.publish)
        try:
            return await act(store)
        finally:
            store.writer.close()
            await asyncio.sleep(0)
            store.database.close()

    return asyncio.run(run())


def reopened(url: str) -> World:
    database = Database(url)
    try:
        return load_world(database.engine, SCHEMA)
    finally:
        database.close()


async def simple(store: Store) -> None:
    await store.submit(creation(VPC))
    await store.submit(creation(SUBNET, cidr="10.1.0.0/24", ipv6_cidr="fd00::/64"))


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


# --- the net, and a database that fails -------------------------------------------------------------------------------


def test_two_controllers_on_one_database_are_refused_in_words(file: str, tmp_path: Path) -> None:
    async def act(store: Store) -> None:
        with pytest.raises(UnavailableError, match=r"Another controller has .* Stop that one"):
            Database(file)
        program = f"from headgate_controller.store.database import Database\nDatabase({file!r})"
        child = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
        )
        assert "Another controller has" in child.stderr
        (tmp_path / "alias").symlink_to(tmp_path / "deep")
        with pytest.raises(UnavailableError, match="Another controller"):
            Database(f"sqlite:///{tmp_path}/alias/headgate.db")

    live(file, act)
    Database(file).close()


def forget(store: Store, owner: str, number: int) -> None:
    """Make memory believe that a number is free."""
    world: World = store.writer._world
    pools = world.pools.set(owner, world.pool(owner).flip(number))
    store.writer._world = World(world.revision, world.resources, world.index, pools)


def test_a_number_given_twice_is_caught_by_the_database_and_nothing_is_half_done(url: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        await store.submit(creation(f"{SUBNET}/ports/a", ip="10.1.0.9"))
        forget(store, SUBNET, 0x0A010009)
        before = [store.rows(table) for table in (tables.intent, tables.revision, tables.allocation, tables.reference)]
        with pytest.raises(InconsistentError, match=r"UNIQUE .*: allocation|unique constraint .allocation_pkey"):
            await store.submit(creation(f"{SUBNET}/ports/b", ip="10.1.0.9"))
        assert before == [
            store.rows(table) for table in (tables.intent, tables.revision, tables.allocation, tables.reference)
        ]
        good, bad = await store.together(
            store.submit(creation(f"{SUBNET}/ports/c", ip="10.1.0.77")),
            store.submit(creation(f"{SUBNET}/ports/d", ip="10.1.0.9")),
        )
        assert isinstance(good, Outcome)
        assert isinstance(bad, InconsistentError)

    live(url, act)
    assert f"{SUBNET}/ports/c" in reopened(url).resources
    assert f"{SUBNET}/ports/d" not in reopened(url).resources


def test_nobody_is_told_what_a_commit_that_failed_would_have_meant(url: str) -> None:
    """The second is refused in the group only because of the first, which the database then refuses."""

    async def act(store: Store) -> None:
        await simple(store)
        await store.submit(creation(f"{SUBNET}/ports/a", ip="10.1.0.9"))
        forget(store, SUBNET, 0x0A010009)
        name = f"{SUBNET}/ports/b"
        first, second = await store.together(
            store.submit(creation(name, ip="10.1.0.9")), store.submit(creation(name, ip="10.1.0.10"))
        )
        assert isinstance(first, InconsistentError)
        assert isinstance(second, Outcome), second
        assert store.world.resources[name].ip == 0x0A01000A  # type: ignore[attr-defined]

    live(url, act)


@contextmanager
def pragma(store: Store, on: str, off: str) -> Iterator[None]:
    """Have every connection of the store under a pragma."""

    def apply(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(on)

    def undo(connection: Any, _record: Any) -> None:
        connection.execute(off)

    event.listen(store.database.engine, "checkout", apply)
    event.listen(store.database.engine, "checkin", undo)
    try:
        yield
    finally:
        event.remove(store.database.engine, "checkout", apply)
        event.remove(store.database.engine, "checkin", undo)


def test_a_database_that_turns_read_only_refuses_in_words_and_recovers(file: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        with pragma(store, "PRAGMA query_only=ON", "PRAGMA query_only=OFF"):
            answers = await store.together(
                store.submit(creation(f"{SUBNET}/ports/a")), store.submit(creation(f"{SUBNET}/ports/b"))
            )
        for answer in answers:
            assert isinstance(answer, UnavailableError)
            assert "readonly database" in str(answer)
            assert "Make its file, its directory and their file system writable" in str(answer)
            assert "Nothing was changed" in str(answer)
        assert (await store.submit(creation(f"{SUBNET}/ports/a"))).revision == 3

    live(file, act)


def test_a_database_that_is_locked_refuses_in_words_and_recovers(file: str) -> None:
    async def act(store: Store) -> None:
        await simple(store)
        other = sqlite3.connect(file.removeprefix("sqlite:///"), isolation_level=None)
        with pragma(store, "PRAGMA busy_timeout=50", "PRAGMA busy_timeout=4000"):
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(UnavailableError, match="database is locked"):
                await store.submit(creation(f"{SUBNET}/ports/a"))
            other.execute("ROLLBACK")
        other.close()
        assert (await store.submit(creation(f"{SUBNET}/ports/a"))).revision == 3

    live(file, act)


def test_a_database_that_cannot_be_read_refuses_in_words_and_recovers(url: str) -> None:
    async def act(store: Store) -> None:
        sql(url, "ALTER TABLE request RENAME TO away")
        with pytest.raises(UnavailableError, match=r"no such table|does not exist"):
            await store.repeatable(creation(VPC), "one")
        sql(url, "ALTER TABLE away RENAME TO request")
        assert (await store.repeatable(creation(VPC), "one")).revision == 1

    live(url, act)


def test_commits_reach_the_disk_before_they_are_acknowledged(file: str) -> None:
    async def act(store: Store) -> None:
        with store.database.engine.connect() as connection:
            found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert found == ["wal", 2]

    live(file, act)


def test_a_controller_that_lost_its_lease_commits_nothing(url: str) -> None:
    async def act(store: Store) -> None:
        sql(url, "UPDATE lease SET epoch = epoch + 1")
        with pytest.raises(UnavailableError, match="Another controller leads"):
            await store.submit(creation(VPC))
        assert store.count(tables.intent) == 0

    live(url, act)


@pytest.mark.parametrize("bad", ["a directory", "no database", "under a file", "no URL", "read-only"])
def test_a_database_that_cannot_be_opened_is_refused_in_words(bad: str, tmp_path: Path) -> None:
    path = tmp_path / "headgate.db"
    urls = {
        "a directory": f"sqlite:///{tmp_path}",
        "no database": f"sqlite:///{path}",
        "under a file": f"sqlite:///{path}/deeper/headgate.db",
        "no URL": str(path),
        "read-only": f"sqlite:///file:{path}?mode=ro&uri=true",
    }
    path.write_text("this is no database, and it is long enough to be read as one" * 20)
    with pytest.raises(UnavailableError, match=r"cannot be used: .* Check its URL, its permissions and the disk"):
        Database(urls[bad])


def test_a_database_that_could_not_be_opened_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "headgate.db"
    path.write_text("this is no database" * 100)
    with pytest.raises(UnavailableError) as refused:
        Database(f"sqlite:///{path}")
    path.unlink()
    Database(f"sqlite:///{path}").close()
    assert refused.value.__cause__ is not None


def test_a_database_of_a_newer_release_is_refused_in_words(url: str) -> None:
    Database(url).close()
    sql(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnavailableError, match=r"was made by a newer release .*9999.*Run that one"):
        Database(url)


def test_a_database_with_the_latest_tables_is_opened_without_what_migrates(url: str) -> None:
    Database(url).close()
    program = (
        "import sys; from headgate_controller.store.database import Database; Database(sys.argv[1]).close(); "
        "print([name for name in sys.modules if name.startswith('alembic')])"
    )
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_controllers_that_start_at_once_migrate_one_after_the_other(postgres_server: PostgresServer) -> None:
    url, program = (
        postgres_server.new(),
        "import sys; from headgate_controller.store.database import Database\nDatabase",
    )
    started = [
        subprocess.Popen([sys.executable, "-c", f"{program}({url!r})"], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [(child.communicate(timeout=60)[1], child.returncode) for child in started] == [("", 0)] * 3


def test_tables_are_brought_up_to_date_under_a_leader_that_goes_on(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.new()
    older = "headgate_controller.store.database.bring_up_to_date"
    monkeypatch.setattr(older, lambda connection: migrate(connection, "0006"))

    async def act(store: Store) -> None:
        await simple(store)
        newer = asyncio.create_task(asyncio.to_thread(upgraded, url))
        while not newer.done():
            await store.submit(change(VPC, description=f"revision {store.world.revision}"))
        await newer
        await store.submit(change(VPC, description="and on"))

    live(url, act)
    monkeypatch.undo()
    assert sql(url, "SELECT count(DISTINCT revision) FROM revision") == [(reopened(url).revision,)]


def upgraded(url: str) -> None:
    """Do what a controller of this release does when it starts."""
    engine = create_engine(url)
    with engine.begin() as connection:
        migrate(connection, "head")
    engine.dispose()


def test_a_transaction_that_stands_still_keeps_the_lease_from_nobody(postgres_server: PostgresServer) -> None:
    url = postgres_server.prepared()
    database = Database(url, idle_seconds=0.2)
    with database.engine.connect() as paused:
        hold_lease(paused, 1)
        sql(url, "SET lock_timeout = '10s'", "UPDATE lease SET epoch = 2")
        with pytest.raises(DBAPIError, match="idle-in-transaction timeout"):
            paused.commit()
    database.close()


HANG = (
    "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$",
    "CREATE CONSTRAINT TRIGGER hang AFTER INSERT ON revision DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
    "EXECUTE FUNCTION hang()",
)
COMMITTING = "FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active' AND datname = current_database()"


@contextmanager
def commits_that_hang(server: PostgresServer, url: str, *, made: bool) -> Iterator[None]:
    """Have every commit hang: before it is made, or after, while it waits for a replica."""
    if made:
        server.administer("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        server.administer("SELECT pg_reload_conf()")
    else:
        sql(url, *HANG)
    try:
        yield
    finally:
        server.administer("ALTER SYSTEM RESET synchronous_standby_names")
        server.administer("SELECT pg_reload_conf()")


@pytest.mark.parametrize("made", [False, True], ids=["not made", "made"])
def test_of_a_commit_whose_answer_is_lost_nothing_is_claimed_and_the_database_is_read_anew(
    postgres_server: PostgresServer, made: bool
) -> None:
    url = postgres_server.prepared()

    async def act(store: Store) -> None:
        with commits_that_hang(postgres_server, url, made=made):
            asked = asyncio.create_task(store.repeatable(creation(VPC), "one"))
            await eventually(lambda: sql(url, f"SELECT pg_terminate_backend(pid) {COMMITTING}"))
            with pytest.raises(UnavailableError, match="It is not known whether the change was stored"):
                await asked
            with pytest.raises(UnavailableError, match="reads its database anew"):
                await store.submit(creation("projects/p/vpcs/w"))
        assert store.writer.in_doubt.is_set()
        assert store.published == []

    live(url, act)
    assert (VPC in reopened(url).resources) == made
    sql(url, "DROP FUNCTION IF EXISTS hang CASCADE")
    assert live(url, lambda store: store.repeatable(creation(VPC), "one")).revision == 1
    assert reopened(url).revision == 1


def test_resources_of_a_kind_that_is_no_longer_there_are_named(url: str) -> None:
    live(url, simple)
    database = Database(url)
    kinds = {name: kind for name, kind in registry.load().items() if name not in ("headgate.v1.Subnet")}
    poor = Schema(registry.load())
    poor.codecs = {name: codec for name, codec in poor.codecs.items() if name in kinds}
    with pytest.raises(UnknownKindError, match=r"headgate\.v1\.Subnet.*extra_kinds"):
        load_world(database.engine, poor)
    database.close()


def test_a_store_that_is_closed_answers_what_it_has_and_refuses_the_rest(url: str) -> None:
    async def act(store: Store) -> None:
        pending = asyncio.create_task(store.submit(creation(VPC)))
        await asyncio.sleep(0)
        store.writer.close()
        assert (await pending).revision == 1
        with pytest.raises(UnavailableError, match="stopping"):
            await store.submit(creation("projects/p/vpcs/w"))

    live(url, act)


def test_a_full_queue_refuses_what_comes_on_top_and_serves_it_once_there_is_room(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate_controller.store.writer.MOST_WAITING", 3)

    async def act(store: Store) -> None:
        found = await store.together(*(store.submit(creation(f"projects/p/vpcs/v{number}")) for number in range(4)))
        assert [type(one) for one in found] == [Outcome, Outcome, BusyError, BusyError]
        assert "3 changes wait to be stored, and 3 are the most" in str(found[2])
        assert sorted(store.world.resources) == ["projects/p/vpcs/v0", "projects/p/vpcs/v1"]
        await store.submit(creation("projects/p/vpcs/v2"), creation("projects/p/vpcs/v3"))

    live(url, act)


def test_a_caller_that_goes_away_does_not_take_its_change_along(url: str) -> None:
    async def act(store: Store) -> None:
        task = asyncio.create_task(store.submit(creation(VPC)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(AlreadyExistsError):
            await store.submit(creation(VPC))

    live(url, act)


# --- the log ----------------------------------------------------------------------------------------------------------


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
