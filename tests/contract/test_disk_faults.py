"""A database that is out of room, locked or damaged: refused in words that say the fix, nothing is lost or half done,
readers go on, and it recovers when the fault goes.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
from controller_site import Controller, assert_sound, controlling
from http_client import Answer, ask
from recompute import Log, assert_store_consistent, reading
from refusal import Refusal, of

from api import Api
from headgate.v1 import intent_pb2, token_pb2, token_pb2_grpc, vpc_pb2
from headgate_common.config import load
from headgate_controller import app
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError

T = TypeVar("T")
SECONDS = 20.0
MANY = 20
BUSY_SECONDS = 4.0
"""How long the controller waits for a database that somebody else holds."""

SERIALS = itertools.count(1)
RESTORE = "restore a backup into an empty database (docs/guide/backup.md)"
STATE = "/terraform/state/faults/s"
IN_A_SMALL_DISK = 'mount -t tmpfs -o size=3m none "$0" && exec "$@"'
"""A shell script that mounts a file system of its own, in a mount namespace of its own."""

ON_A_READ_ONLY_DISK = 'mount -t tmpfs none "$0" && cp "$1" "$0" && mount -o remount,ro "$0" && shift && exec "$@"'
"""Likewise, with a copy of a file on it and nothing to be written there."""

NAMESPACE = ("unshare", "--mount", "--map-root-user")
"""Gives anybody such a namespace, if the kernel lets them have user namespaces."""


WANTED = token_pb2.Token(projects=["faults"], access=token_pb2.TOKEN_ACCESS_READ_ONLY)


class Site:
    """A controller, what is asked of it, and what it has acknowledged."""

    def __init__(self, controller: Controller, database: Path) -> None:
        self.controller, self.database = controller, database
        self.api = Api(controller.api)
        self.tokens = token_pb2_grpc.TokenServiceStub(self.api.channel)  # type: ignore[no-untyped-call]
        self.acknowledged: dict[str, str] = {}
        self._number = 0

    def create(self, project: str, size: int = 0) -> None:
        """Create a VPC, with a description of so many bytes in all of several labels."""
        self._number += 1
        name = f"projects/{project}/vpcs/v{self._number}"
        request = intent_pb2.BatchRequest()
        request.mutations.add().create.Pack(vpc_pb2.Vpc(name=name))
        for part in range(size // 1000):
            request.mutations.add().create.Pack(vpc_pb2.Vpc(name=f"{name}-{part}", description="x" * 1000))
        self.api.intent.Batch(request, timeout=SECONDS)
        self.acknowledged[name] = self.api.get(name).uid

    def store_state(self, serial: int, size: int = 0) -> Answer:
        """Store a state of Terraform's, and return what is answered."""
        content = b'{"version": 4, "serial": %d, "outputs": "%s"}' % (serial, b"x" * size)
        return ask(self.controller.http, STATE, "POST", content)

    def create_token(self) -> Any:
        self._number += 1
        request = token_pb2.CreateTokenRequest(token_id=f"t{self._number}", token=WANTED)
        return self.tokens.CreateToken(request, timeout=SECONDS)

    def refusals(self, project: str) -> list[str]:
        """Return what each way to write is refused with, once it is: there may be room left for some."""
        large = until_refused(lambda: self.create(project, 20_000))
        small = until_refused(self.create_token)
        state = until(lambda: self.store_state(next(SERIALS), 50_000), lambda answer: answer.status >= 400)
        return [*(f"{found.code}: {found.message}" for found in (large, small)), f"{state.status}: {state.text}"]

    def assert_readers_go_on(self) -> None:
        """See that everything acknowledged is told: one by one, as a list, and to who begins to watch."""
        watched = {
            response.name
            for response in until_marked(self.api.intent.Watch(intent_pb2.WatchRequest(), timeout=SECONDS))
        }
        assert self.acknowledged.keys() <= watched
        for name, uid in self.acknowledged.items():
            assert self.api.get(name).uid == uid
        assert ask(self.controller.http, STATE).status == 200
        assert ask(self.controller.http, "/healthz").status == 200

    def assert_whole(self, project: str) -> None:
        """See that it has recovered: everything can be written, and the database is consistent."""
        self.create(project)
        self.create_token()
        assert self.store_state(next(SERIALS)).status == 200
        self.assert_readers_go_on()
        # A copy of the files: SQLite itself does not find its way into another mount namespace.
        copied = self.controller.database.with_name("copy.db")
        for ending in ("", "-wal"):
            shutil.copyfile(f"{self.database}{ending}", f"{copied}{ending}")
        with reading(copied) as connection:
            log = Log()
            log.read(connection)
            world = assert_store_consistent(connection, log)
            held = {name: world.resources[name].meta.uid for name in self.acknowledged}  # type: ignore[attr-defined]
            assert held == self.acknowledged
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert_sound(self.controller)

    def close(self) -> None:
        self.api.close()


def until_marked(watch: Any) -> Iterator[intent_pb2.WatchResponse]:
    """Yield what a watch tells before it says that this was everything."""
    for response in watch:
        if not response.name:
            watch.cancel()
            return
        yield response


@contextmanager
def serving(controller: Controller, find: Callable[[Controller], Path]) -> Iterator[Site]:
    """Run a controller that holds something; `find` tells where its database can be opened once it runs."""
    with controlling(controller):
        found = Site(controller, find(controller))
        found.create("first")
        assert found.store_state(next(SERIALS)).status == 200
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Site]:
    """A controller that others may do something to the database of."""
    controller = Controller(run_directory / "faults")
    with serving(controller, lambda made: made.database) as found:
        yield found


def need_namespaces() -> None:
    probe = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no user namespaces here: {probe.stderr.decode().strip()}")


@pytest.fixture(scope="module")
def small(run_directory: Path) -> Iterator[Site]:
    """A controller whose database lies on a disk of its own, of three megabytes."""
    need_namespaces()
    disk = run_directory / "disk"
    disk.mkdir()
    within = (*NAMESPACE, "sh", "-c", IN_A_SMALL_DISK, str(disk))
    controller = Controller(run_directory / "small", within=within, database=f"sqlite:///{disk}/headgate.db")

    def mounted(made: Controller) -> Path:
        assert made.process is not None
        return Path(f"/proc/{made.process.pid}/root{disk}/headgate.db")

    with serving(controller, mounted) as found:
        yield found


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Have no room left on a disk while the block runs."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    try:
        yield
    finally:
        filler.unlink()


def until(act: Callable[[], T], found: Callable[[T], bool]) -> T:
    """Act again and again, and return the first result that is as looked for."""
    deadline = time.monotonic() + SECONDS
    while not found(result := act()):
        assert time.monotonic() < deadline, result
    return result


def until_refused(act: Callable[[], Any]) -> Refusal:
    """Act again and again until it is refused."""

    def outcome() -> Refusal | None:
        try:
            act()
        except grpc.RpcError as error:
            return of(error)
        return None

    refused = until(outcome, lambda found: found is not None)
    assert refused is not None
    return refused


def test_a_full_disk_is_refused_in_words_while_readers_go_on_and_nothing_is_lost(small: Site) -> None:
    with full(small.database.parent):
        for said in small.refusals("full"):
            assert "database or disk is full" in said
            assert "Make room on the disk" in said
        small.assert_readers_go_on()
        for _ in range(MANY):
            until_refused(lambda: small.create("full", 20_000))
        assert small.controller.said().count("change not stored") < MANY / 2, "the disk may be the log's"
    small.assert_whole("full")


def test_a_database_that_another_program_holds_refuses_all_who_wait_at_once_and_recovers(site: Site) -> None:
    """They wait together, and not one after the other, each for as long as the database is waited for."""
    with closing(sqlite3.connect(site.database, isolation_level=None)) as other, ThreadPoolExecutor(10) as pool:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        waiting = [pool.submit(until_refused, partial(site.create, f"locked{number}")) for number in range(8)]
        state = pool.submit(site.store_state, next(SERIALS))
        token = pool.submit(until_refused, site.create_token)
        site.assert_readers_go_on()
        refused = [future.result() for future in (*waiting, token)]
        took = time.monotonic() - began
        other.execute("ROLLBACK")
    said = [*(f"{found.code}: {found.message}" for found in refused), state.result().text]
    for words in said:
        assert "database is locked" in words
        assert "Another program holds the database's file: end it" in words
    assert {found.code for found in refused} == {"UNAVAILABLE"}
    assert state.result().status == 503
    assert took < 3 * BUSY_SECONDS
    site.assert_whole("locked")


@contextmanager
def damaged(database: Path, table: str) -> Iterator[None]:
    """Have the first page of a table hold what nobody wrote while the block runs."""
    with closing(sqlite3.connect(database, timeout=SECONDS)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
        at = (root - 1) * size
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        whole = database.read_bytes()[at : at + size]
        overwrite(database, at, b"\xa5" * size)
        forget_pages(connection, 1)
        yield
        overwrite(database, at, whole)
        forget_pages(connection, 2)


def overwrite(database: Path, at: int, content: bytes) -> None:
    with database.open("r+b", buffering=0) as file:
        file.seek(at)
        file.write(content)


def forget_pages(connection: sqlite3.Connection, version: int) -> None:
    """Have everybody read anew what they remember of the file, since it has changed."""
    connection.execute(f"PRAGMA user_version = {version}")


def test_a_damaged_page_is_refused_with_the_way_to_a_backup_while_readers_go_on(site: Site) -> None:
    with damaged(site.database, "revision"):
        watch = site.api.intent.Watch(intent_pb2.WatchRequest(after_revision=1), timeout=SECONDS)
        told = until_refused(lambda: list(watch))
        change = until_refused(lambda: site.create("damaged"))
        site.assert_readers_go_on()
    for found in (told, change):
        assert (found.code, found.reason) == ("DATA_LOSS", "DATABASE_DAMAGED")
        assert "database disk image is malformed" in found.message
        assert (
            "stop the controller, and restore a backup into an empty database (docs/guide/backup.md)" in found.message
        )
    site.assert_whole("damaged")


def ended(database: Path) -> str:
    """Return what a controller says that cannot start with a database."""
    directory = database.parent
    controller = Controller(directory / "start", database=f"sqlite:///{database}")
    config = load(ControllerConfig, controller.configure(), {}, {})
    with pytest.raises(HeadgateError) as caught:
        asyncio.run(asyncio.wait_for(app.run(config, asyncio.Event()), SECONDS))
    said = str(caught.value)
    assert len(said.splitlines()) == 1, said
    return said


@pytest.fixture
def copy(site: Site, tmp_path: Path) -> Path:
    """A copy of the site's database, which nobody has open."""
    copied = tmp_path / "headgate.db"
    with closing(sqlite3.connect(site.database)) as there, closing(sqlite3.connect(copied)) as here:
        there.backup(here)
    return copied


@pytest.mark.parametrize("table", ["intent", "lease", "token", "alembic_version"])
def test_a_controller_whose_database_is_damaged_at_its_start_points_at_the_backup(copy: Path, table: str) -> None:
    with damaged(copy, table):
        said = ended(copy)
    assert "malformed" in said
    assert RESTORE in said


def test_a_resource_that_is_not_what_was_written_is_named_at_the_start(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE intent SET message = x'ffffffff'")
    assert "holds a Vpc that cannot be read" in ended(copy)
    assert RESTORE in ended(copy)


def test_a_database_on_a_disk_that_cannot_be_written_is_refused_at_the_start_with_the_fix(
    copy: Path, tmp_path: Path
) -> None:
    need_namespaces()
    disk = tmp_path / "disk"
    disk.mkdir()
    within = (*NAMESPACE, "sh", "-c", ON_A_READ_ONLY_DISK, str(disk), str(copy))
    controller = Controller(tmp_path / "start", within=within, database=f"sqlite:///{disk / copy.name}")
    controller.launch()
    assert controller.status(SECONDS) == 1
    (said,) = controller.said().splitlines()
    assert "Read-only file system" in said
    assert "Make its file, its directory and their file system writable for the controller." in said
