"""What clients write and never read, in a controller that runs: nothing but the table for it holds it."""

from __future__ import annotations

import base64
import gzip
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from kitchen_site import FOLDER, kitchen, kitchen_sink
from refusal import refusal

from api import Api
from headgate.v1 import admin_pb2, admin_pb2_grpc, intent_pb2

PROJECT, SINK = "projects/secrets", "projects/secrets/kitchenSinks/s"
SECRETS = ("planted-one", "planted-two", "planted-three")
FIELDS: dict[str, Any] = {
    "title": "sink",
    "wall": {},
    "password": SECRETS[0],
    "taps": [{"name": "hot", "secret": SECRETS[1]}],
    "basin": {"depth": 1, "key": base64.b64encode(SECRETS[2].encode()).decode()},
}


@pytest.fixture(scope="module")
def controller(run_directory: Path) -> Iterator[Controller]:
    with kitchen(run_directory / "secrets") as running:
        yield running


@pytest.fixture
def descriptor() -> Iterator[Descriptor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield kitchen_sink()


@pytest.fixture
def api(controller: Controller, descriptor: Descriptor) -> Iterator[Api]:
    client = Api(controller.api, descriptor)
    yield client
    client.clear("secrets")
    client.close()


def message(descriptor: Descriptor, **fields: Any) -> Any:
    return ParseDict(fields, GetMessageClass(descriptor)())


def holding(database: Path) -> set[str]:
    """Return the tables in which any secret is found."""
    with closing(sqlite3.connect(database)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: repr(connection.execute(f"SELECT * FROM {name}").fetchall()) for name in names}
    return {name for name, content in found.items() if any(secret in content for secret in SECRETS)}


def assert_silent(*answers: Any) -> None:
    for answer in answers:
        assert not any(secret.encode() in answer.SerializeToString() for secret in SECRETS), answer


def test_no_method_answers_with_what_is_write_only(api: Api, descriptor: Descriptor) -> None:
    request_id = str(uuid.uuid4())
    create = {"parent": PROJECT, "kitchen_sink_id": "s", "kitchen_sink": message(descriptor, **FIELDS)}
    made = [api.call(descriptor, "Create", **create, request_id=request_id) for _ in range(2)]
    updated = api.update(SINK, password=SECRETS[0], taps=FIELDS["taps"], title="again")
    packed = AnyMessage()
    packed.Pack(message(descriptor, **FIELDS, name=SINK))
    mutation = intent_pb2.Mutation(update=intent_pb2.UpdateMutation(resource=packed))
    batch = api.intent.Batch(intent_pb2.BatchRequest(mutations=[mutation]))
    watch = api.intent.Watch(intent_pb2.WatchRequest(types=["kitchen_sink"]), timeout=10)
    first = next(watch)
    watch.cancel()
    history = api.intent.Watch(intent_pb2.WatchRequest(types=["kitchen_sink"], after_revision=1), timeout=10)
    later = next(history)
    history.cancel()
    listed = api.call(descriptor, "List", parent=PROJECT)
    assert_silent(*made, updated, batch, first, later, listed, api.get(SINK), api.realised(SINK))
    assert api.get(SINK).password_digest, "it is there all the same"


def test_a_filter_finds_nothing_by_what_is_write_only(api: Api, descriptor: Descriptor) -> None:
    api.create(SINK, **FIELDS)
    refused = refusal(api.call, descriptor, "List", parent=PROJECT, filter=f"password = {SECRETS[0]}")
    assert refused.faults == {("filter", "BAD_FILTER")}


def test_only_its_own_table_holds_it_and_only_as_long_as_the_resource_lives(
    api: Api, controller: Controller, descriptor: Descriptor
) -> None:
    api.create(SINK, **FIELDS)
    api.update(SINK, title="again")
    for _ in range(2):
        refusal(api.create, SINK, **FIELDS)
    assert holding(controller.database) == {"secret"}
    log = controller.log.read_text()
    assert not any(secret in log for secret in SECRETS)
    api.delete(SINK)
    assert holding(controller.database) == set()


def test_it_survives_a_restart_and_is_kept_by_an_update_after_it(api: Api, controller: Controller) -> None:
    before = api.create(SINK, **FIELDS)
    assert before.password_digest
    controller.kill()
    controller.start()
    after = api.update(SINK, title="after the restart")
    assert (after.password_digest, after.taps, after.basin) == (before.password_digest, before.taps, before.basin)


def test_a_backup_holds_secrets_sealed_only_and_a_restore_brings_them_back(
    run_directory: Path, descriptor: Descriptor
) -> None:
    key_file = run_directory / "backup.key"
    key_file.write_bytes(base64.b64encode(b"k" * 32))
    key_file.chmod(0o600)
    with kitchen(run_directory / "sealed", state_key_file=str(key_file)) as full:
        client = Api(full.api, descriptor)
        client.create(SINK, **FIELDS)
        parts = list(_admin(client).Backup(admin_pb2.BackupRequest(), timeout=30))
        client.close()
    assert list(parts[-1].summary.left_out) == []
    text = gzip.decompress(b"".join(part.content for part in parts))
    for secret in SECRETS:
        assert secret.encode() not in text
        assert not any(base64.b64encode(b" " * shift + secret.encode())[4:12] in text for shift in range(3))
    with kitchen(run_directory / "unsealed", state_key_file=str(key_file)) as empty:
        empty.await_said("northbound synchronised")
        client = Api(empty.api, descriptor)
        _admin(client).Restore((admin_pb2.RestoreRequest(content=part.content) for part in parts), timeout=30)
        client.close()
        empty.await_said("begun anew")
        assert holding(empty.database) == {"secret"}


def test_without_a_key_a_backup_leaves_secrets_out_and_says_so(api: Api, descriptor: Descriptor) -> None:
    api.create(SINK, **FIELDS)
    summary = list(_admin(api).Backup(admin_pb2.BackupRequest(), timeout=30))[-1].summary
    assert [words for words in summary.left_out if "secrets of 1 resources" in words and "state_key_file" in words]


def _admin(client: Api) -> Any:
    return admin_pb2_grpc.AdminServiceStub(client.channel)  # type: ignore[no-untyped-call]
