"""Backup and restore: a network survives the loss of its controller's disk, and its hosts do not notice."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import gzip
import io
import json
import os
import re
import secrets
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
from controller_site import Central, Controller, assert_sound, central, controlling
from host_stream import host_stream
from http_client import ask
from postgres_server import PostgresServer
from refusal import refusal
from token_site import TokenSite

from api import Api
from headgate.v1 import admin_pb2, admin_pb2_grpc, vpc_pb2, vpc_pb2_grpc
from headgate_controller.api.admin_service import AdminService
from headgate_controller.store.backup import write_backup
from headgate_controller.store.backup_file import BackupReader
from headgate_controller.store.database import Database
from headgate_controller.store.keyring import Keyring, read_keyring
from headgate_controller.store.restore import Held
from headgate_lab.waiting import wait_until

SECONDS = 30.0
VPC, SUBNET = "projects/shop/vpcs/v", "projects/shop/vpcs/v/subnets/s"
PORT = f"{SUBNET}/ports/p"
STATE = "/terraform/state/shop/network"
CONTENT = b'{"version": 4, "serial": 1, "lineage": "l", "outputs": {"password": "Tr0ub4dor-planted"}}'
SECRET = b"Tr0ub4dor-planted"


class Site:
    """A controller and what a person does with its backups."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.api = Api(controller.api)
        self.admin = admin_pb2_grpc.AdminServiceStub(self.api.channel)  # type: ignore[no-untyped-call]

    def backup(self) -> tuple[bytes, admin_pb2.BackupSummary]:
        parts = list(self.admin.Backup(admin_pb2.BackupRequest(), timeout=SECONDS, wait_for_ready=True))
        return b"".join(part.content for part in parts), parts[-1].summary

    def restore(self, content: bytes) -> admin_pb2.RestoreResponse:
        chunks = (admin_pb2.RestoreRequest(content=content[at : at + 1000]) for at in range(0, len(content), 1000))
        answer: admin_pb2.RestoreResponse = self.admin.Restore(chunks, timeout=SECONDS, wait_for_ready=True)
        return answer

    def refused(self, content: bytes) -> str:
        return refusal(lambda: self.restore(content)).message

    def ready(self) -> None:
        """Return once the controller is in step with OVN; meanwhile it may begin anew."""

        def answered() -> bool:
            try:
                return ask(self.controller.http, "/readyz").status == 200
            except OSError:
                return False

        wait_until(answered, seconds=SECONDS, what="the controller to be ready")

    def uids(self) -> dict[str, tuple[str, int]]:
        names = self.api.names("")
        return {name: (found.uid, found.generation) for name in names for found in [self.api.get(name)]}


@pytest.fixture
def ovn_here(run_directory: Path) -> Iterator[Central]:
    with central(run_directory / f"b{secrets.token_hex(3)}") as found:
        yield found


@pytest.fixture
def lost(run_directory: Path, ovn_here: Central) -> tuple[Site, bytes]:
    """A site that ran, and whose controller is gone with its disk: its Northbound is there, and a backup of it."""
    site = made(run_directory, ovn_here)
    site.controller.start()
    site.ready()
    build(site)
    with host_stream(site.controller.hosts) as stream:
        stream.hello("h1")
        stream.accept()
    assert ask(site.controller.http, STATE, "POST", CONTENT).status == 200
    content, _ = site.backup()
    site.controller.kill()
    return site, content


@pytest.fixture(scope="module", autouse=True)
def made_sites() -> Iterator[None]:
    """Whatever a test made ends with the tests."""
    yield
    for site in MADE:
        site.controller.kill()
        site.api.close()


MADE: list[Site] = []


def made(directory: Path, site: Central | None, **settings: Any) -> Site:
    place = directory / f"c{secrets.token_hex(3)}"
    place.mkdir()
    key = place / "state.key"
    key.write_bytes(base64.b64encode(b"k" * 32))
    key.chmod(0o600)
    MADE.append(Site(Controller(place, site, **{"state_key_file": str(key)} | settings)))
    return MADE[-1]


def build(site: Site) -> None:
    site.api.create(VPC)
    site.api.create(SUBNET, cidr="10.1.0.0/24")
    site.api.create(PORT)
    site.api.realised(PORT)


def rows(site: Central) -> str:
    """Return all that Northbound holds, but for the numbers of leaders and of changes in its one shared row."""
    text = site.northbound()
    return re.sub(r"(?s)NB_Global table\n.*?\n\n", "", text)


def lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]


def packed(changed: list[Any]) -> bytes:
    """Return a backup of the lines, with a checksum that is right."""
    text = b"".join(json.dumps(line).encode() + b"\n" for line in changed[:-1])
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb") as out:
        out.write(text + json.dumps({"sha256": sha256(text).hexdigest()}).encode() + b"\n")
    return file.getvalue()


def answered(site: Site) -> dict[str, tuple[str, int]] | None:
    """Return what a controller holds; None while it begins anew."""
    try:
        return site.uids()
    except grpc.RpcError:
        return None


# --- the drill --------------------------------------------------------------------------------------------------------


def test_after_a_restore_rows_names_uids_states_and_hosts_are_what_they_were(
    lost: tuple[Site, bytes], run_directory: Path, ovn_here: Central
) -> None:
    old, content = lost
    before = rows(ovn_here)
    site = made(run_directory, ovn_here)
    site.controller.launch()
    site.controller.await_said("northbound left alone")
    assert rows(ovn_here) == before, "an empty store must not empty Northbound"

    answer = site.restore(content)
    site.controller.await_said("begun anew")
    site.ready()
    assert rows(ovn_here) == before
    assert (answer.summary.resources, answer.summary.states) == (4, 1)
    assert answer.epoch == 2
    with sqlite3.connect(old.controller.database) as was, sqlite3.connect(site.controller.database) as now:
        for table in ("intent", "reference", "allocation", "revision", "request", "token", "state_version"):
            query = f"SELECT * FROM {table} ORDER BY 1, 2"
            assert was.execute(query).fetchall() == now.execute(query).fetchall(), table
    assert ask(site.controller.http, STATE).body == CONTENT
    assert site.api.get(PORT).uid in before
    site.controller.stop()


def test_hosts_are_told_nothing_by_an_empty_store_and_need_nothing_new_after_the_restore(
    lost: tuple[Site, bytes], run_directory: Path, ovn_here: Central
) -> None:
    old, content = lost
    old.controller.start()
    with host_stream(old.controller.hosts) as stream:
        stream.hello("h1")
        held = stream.accept().version
    old.controller.kill()
    site = made(run_directory, ovn_here)
    site.controller.launch()
    site.controller.await_said("northbound left alone")
    with host_stream(site.controller.hosts) as stream:
        stream.hello("h1", held=held)
        ended = stream.end()
        assert ended is not None
        assert ended.code() is grpc.StatusCode.UNAVAILABLE
        assert "Hosts are told nothing yet" in str(ended.details())
    site.restore(content)
    site.controller.await_said("begun anew")
    site.ready()
    with host_stream(site.controller.hosts) as stream:
        stream.hello("h1", held=held)
        site.controller.await_said("host connected host=hosts/h1")
        site.api.create(f"{SUBNET}/ports/later", host="hosts/h1")
        desired = stream.desired()
        assert desired.base_version == held, "only the difference is told, and there was none before"
        assert desired.epoch == 2
        assert set(desired.put) == {f"{SUBNET}/ports/later"}
    site.controller.stop()


def test_a_restored_controller_fences_off_the_one_it_replaces(
    lost: tuple[Site, bytes], run_directory: Path, ovn_here: Central
) -> None:
    old, content = lost
    old.controller.start()
    old.ready()
    site = made(run_directory, ovn_here)
    site.controller.launch()
    site.controller.await_said("northbound left alone")
    site.restore(content)
    site.controller.await_said("begun anew")
    site.ready()
    assert old.controller.status() == 1
    assert "Another controller leads the site now" in old.controller.said()
    site.controller.stop()


# --- making one -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ovn_of_module(run_directory: Path) -> Iterator[Central]:
    with central(run_directory / "backups") as found:
        yield found


@pytest.fixture(scope="module")
def full(run_directory: Path, ovn_of_module: Central) -> Iterator[Site]:
    """A controller with something in it."""
    site = made(run_directory, ovn_of_module)
    with controlling(site.controller):
        site.ready()
        build(site)
        assert ask(site.controller.http, STATE, "POST", CONTENT).status == 200
        yield site


@pytest.fixture
def empty(run_directory: Path, ovn_here: Central) -> Iterator[Site]:
    site = made(run_directory, ovn_here)
    with controlling(site.controller):
        site.ready()
        yield site


def test_a_backup_says_what_it_holds_and_nothing_secret_in_clear_text(full: Site) -> None:
    secret = TokenSite(full.controller, full.controller.api).token("shop")[1]
    content, summary = full.backup()
    assert summary.revision >= 3
    assert (summary.resources, summary.states, list(summary.left_out)) == (3, 1, [])
    text = gzip.decompress(content)
    for planted in (SECRET, base64.b64encode(CONTENT)[:40], secret.encode(), secret.rpartition("_")[2].encode()):
        assert planted not in text


def test_without_a_key_states_are_left_out_and_that_is_said(run_directory: Path) -> None:
    site = made(run_directory, None, state_key_file="")
    with controlling(site.controller):
        assert ask(site.controller.http, STATE, "POST", CONTENT).status == 200
        content, summary = site.backup()
    assert summary.states == 0
    (said,) = summary.left_out
    assert "1 states of Terraform" in said
    assert "state_key_file" in said
    assert base64.b64encode(CONTENT)[:40] not in gzip.decompress(content)


def test_a_backup_made_while_others_write_is_of_one_revision(full: Site, empty: Site) -> None:
    stopped = threading.Event()
    client = Api(full.controller.api)

    written: list[str] = []

    def write() -> None:
        while not stopped.is_set():
            written.append(client.create(f"{SUBNET}/ports/w{len(written)}").name)

    def backup_after_more() -> tuple[bytes, Any]:
        before = len(written)
        wait_until(lambda: len(written) > before, seconds=SECONDS, what="another write")
        return full.backup()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backups = [backup_after_more() for _ in range(5)]
    finally:
        stopped.set()
        writer.join()
        client.close()
    revisions = [summary.revision for _, summary in backups]
    assert revisions == sorted(set(revisions)), "others did write meanwhile"
    content, summary = backups[2]
    empty.restore(content)
    empty.controller.await_said("begun anew")
    empty.ready()
    with sqlite3.connect(empty.controller.database) as database:
        assert database.execute("SELECT max(revision) FROM revision").fetchone() == (summary.revision,)
        assert database.execute("SELECT count(*), max(revision) FROM intent").fetchone() == (
            summary.resources,
            summary.revision,
        )


class Interrupting(io.BytesIO):
    """A file; when its first bytes are written, somebody else changes the database."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database: Path | None = database

    def write(self, data: Any) -> int:
        if self._database is not None:
            with sqlite3.connect(self._database) as other:
                other.execute("INSERT INTO state_lock VALUES ('p/late', 'id', x'7b7d')")
            self._database = None
        return super().write(data)


def test_what_is_written_while_a_backup_is_made_is_not_in_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/headgate.db")
    file = Interrupting(tmp_path / "headgate.db")
    write_backup(database.engine, Keyring(), file)
    database.close()
    backup = BackupReader(file)
    backup.verify()
    assert "state_lock" not in {table for table, _, _ in backup.rows()}


def test_a_site_moves_to_postgresql_and_back_and_the_network_stays_as_it_is(
    lost: tuple[Site, bytes], run_directory: Path, ovn_here: Central, postgres_server: PostgresServer
) -> None:
    _, content = lost
    before = rows(ovn_here)
    for settings in ({"database": postgres_server.prepared()}, {}):
        site = made(run_directory, ovn_here, **settings)
        site.controller.start()
        site.restore(content)
        site.ready()
        assert sorted(site.uids()) == ["hosts/h1", VPC, SUBNET, PORT]
        assert ask(site.controller.http, STATE).body == CONTENT
        assert rows(ovn_here) == before
        site.api.update(VPC, description="it goes on")
        content, summary = site.backup()
        assert (summary.resources, summary.states) == (4, 1)
        assert "lead lost" not in site.controller.said()
        site.controller.stop()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_controller_that_holds_something_is_not_restored_over(full: Site) -> None:
    content, _ = full.backup()
    before = full.uids()
    assert re.search(
        r"holds \d+ resources and 1 states of Terraform, which a backup would replace", full.refused(content)
    )
    assert full.uids() == before


def test_a_file_that_is_damaged_is_refused_in_words_and_nothing_is_done(full: Site, empty: Site) -> None:
    content, _ = full.backup()
    whole = lines(content)
    newer = [whole[0] | {"version": 2}, *whole[1:]]
    unknown = [whole[0] | {"schema": "9999"}, *whole[1:]]
    middle = len(content) // 2
    for bad, words in (
        (b"", "no backup of Headgate"),
        (b"hello", "cannot be read"),
        (os.urandom(500), "cannot be read"),
        (gzip.compress(b"hello\n"), "no backup of Headgate"),
        (content[:middle], "cannot be read"),
        (content[:-1], "cannot be read"),
        (content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], "backup"),
        (gzip.compress(gzip.decompress(content).replace(b"projects/shop", b"projects/chop", 1)), "is not whole"),
        (gzip.compress(b"\n".join(gzip.decompress(content).splitlines()[:-1])), "is not whole"),
        (packed(newer), "made by a newer release"),
        (packed(unknown), "does not know"),
        (packed([*whole[:1], {"table": "nothing", "columns": ["a"]}, [1], *whole[1:]]), "has a table 'nothing'"),
        (packed([*whole[:1], {"table": "token", "columns": ["a"]}, [1], *whole[1:]]), "unknown columns"),
    ):
        assert words in empty.refused(bad), bad[:80]
        wait_until(lambda: answered(empty) == {}, seconds=SECONDS, what="an empty controller")
    empty.restore(content)
    wait_until(lambda: answered(empty) == full.uids(), seconds=SECONDS, what="what the backup holds")
    empty.ready()
    assert_sound(empty.controller)


def test_a_controller_killed_in_the_middle_of_a_restore_is_empty_or_restored(
    full: Site, run_directory: Path, ovn_here: Central
) -> None:
    content, summary = full.backup()
    site = made(run_directory, ovn_here)
    outcomes = set()
    for attempt in range(8):
        site.controller.start()
        site.ready()
        timer = threading.Timer(0.01 + attempt * 0.02, site.controller.kill)
        timer.start()
        with suppress(grpc.RpcError):
            site.restore(content)
        timer.join()
        with sqlite3.connect(site.controller.database) as database:
            found = database.execute("SELECT count(*) FROM intent").fetchone()[0]
        assert found in (0, summary.resources)
        outcomes.add(found)
        if found:
            break
    site.controller.start()
    site.ready()
    site.controller.stop()


class Closed:
    """Stands for the commit queue; says when it is closed, which is when a restore begins to change the database."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def close(self) -> None:
        self.event.set()


def listens(controller: Controller) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(controller.api.removeprefix("unix:")) == 0


def is_free(controller: Controller) -> bool:
    """Return whether another controller could have the database."""
    with Path(f"{controller.database}.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_controller_that_is_told_to_stop_gives_the_database_up_only_after_the_restore(
    full: Site, empty: Site
) -> None:
    content, summary = full.backup()
    controller = empty.controller
    assert controller.process is not None
    other = sqlite3.connect(controller.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # the restore waits for it
    restoring = threading.Thread(target=lambda: answered_or_not(lambda: empty.restore(content)))
    restoring.start()
    try:
        wait_until(lambda: begun(empty), seconds=SECONDS, what="the restore to have begun")
        controller.process.terminate()
        wait_until(lambda: not listens(controller), seconds=SECONDS, what="the API to be gone")
    finally:
        other.execute("ROLLBACK")
        other.close()
    wait_until(lambda: is_free(controller), seconds=SECONDS, what="the database to be free", every=0.001)
    with sqlite3.connect(controller.database) as now:
        assert now.execute("SELECT count(*) FROM intent").fetchone() == (summary.resources,)
    assert controller.status() == 0
    restoring.join(SECONDS)


def begun(site: Site) -> bool:
    """Return whether nobody can change anything any more."""
    request = vpc_pb2.CreateVpcRequest(parent="projects/p", vpc_id="v", validate_only=True)
    stub = vpc_pb2_grpc.VpcServiceStub(site.api.channel)  # type: ignore[no-untyped-call]
    try:
        stub.CreateVpc(request, timeout=SECONDS)
    except grpc.RpcError as error:
        return "stopping" in str(error.details())
    return False


def answered_or_not(call: Callable[[], Any]) -> None:
    """Make a call, whatever comes of it."""
    with suppress(grpc.RpcError):
        call()


async def sent(content: bytes) -> AsyncIterator[admin_pb2.RestoreRequest]:
    yield admin_pb2.RestoreRequest(content=content)


async def ready_northbound() -> Held:
    return Held(0, ours=False)


def test_a_restore_whose_client_is_gone_is_finished_before_the_controller_begins_anew(
    full: Site, tmp_path: Path
) -> None:
    content, summary = full.backup()
    database, writer = Database(f"sqlite:///{tmp_path}/headgate.db"), Closed()

    async def scenario() -> int:
        keyring = read_keyring(str(full.controller.settings["state_key_file"]))
        service = AdminService(database, keyring, writer, ready_northbound)  # type: ignore[arg-type]
        with sqlite3.connect(tmp_path / "headgate.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            call = asyncio.create_task(service.restore(sent(content), None))
            assert await asyncio.to_thread(writer.event.wait, SECONDS)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
            assert not service.restored.is_set(), "the database still changes"
            other.execute("ROLLBACK")
        async with asyncio.timeout(SECONDS):
            await service.restored.wait()
        with sqlite3.connect(tmp_path / "headgate.db") as found:
            return int(found.execute("SELECT count(*) FROM intent").fetchone()[0])

    assert asyncio.run(scenario()) == summary.resources
    database.close()


def test_without_northbound_nothing_is_restored_since_its_epoch_is_not_known(full: Site, run_directory: Path) -> None:
    content, _ = full.backup()
    site = made(run_directory, None)
    with controlling(site.controller):
        assert "Northbound must be reachable" in site.refused(content)
