"""The net below the store, and databases that fail, SQLite and PostgreSQL: refused in words, and nothing half done."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ovsdb_server import eventually
from postgres_server import PostgresServer, sql
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from store_life import SUBNET, VPC, Store, change, creation, live, reopened, simple

from headgate_controller.errors import (
    AlreadyExistsError,
    BusyError,
    InconsistentError,
    UnavailableError,
    UnknownKindError,
)
from headgate_controller.kinds import registry
from headgate_controller.schema import Schema
from headgate_controller.store import tables
from headgate_controller.store.database import Database, load_world
from headgate_controller.store.lease import hold_lease
from headgate_controller.store.migrating import migrate
from headgate_controller.store.writer import Outcome
from headgate_controller.world import World


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
