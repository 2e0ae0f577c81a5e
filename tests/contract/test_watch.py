"""The watch on a log that holds more than the controller knows any more."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from data_plane import Display
from headgate.v1 import intent_pb2
from headgate_controller.api.callers import caller
from headgate_controller.api.intent_service import IntentService
from headgate_controller.kinds import registry
from headgate_controller.mutations import Create, Delete, Mutation, Request
from headgate_controller.principal import ADMINISTRATOR
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.store.database import Database, load_world
from headgate_controller.store.writer import Writer


def creation(schema: Schema, name: str, **fields: Any) -> Create:
    codec = schema.codec_of(name)
    return Create(codec, codec.with_uid(codec.kind.noun(name, **fields), str(uuid.uuid4())))


async def written(database: Database, schema: Schema, *mutations: Mutation) -> None:
    """Commit mutations, each in a revision of its own."""
    writer = Writer(database, schema, load_world(database.engine, schema), lambda _world, _touched: None)
    for mutation in mutations:
        await writer.submit(Request([mutation]))
    writer.close()


async def watched(database: Database, schema: Schema, **request: Any) -> list[tuple[int, str]]:
    """Return revision and name of each change after the first revision, until there are no more."""
    committed = Committed(load_world(database.engine, schema))
    unused: Any = None
    shown = Display(schema, committed.world).shown
    service = IntentService(schema, committed, unused, database.engine, unused, shown, unused)
    caller.set(ADMINISTRATOR)
    seen: list[tuple[int, str]] = []
    async for response in service.watch(intent_pb2.WatchRequest(**request), None):
        if not response.name:
            return seen
        seen.append((response.revision, response.name))
    raise AssertionError("a watch does not end")


@pytest.mark.parametrize("types", [[], ["vpc"]])
def test_changes_of_a_kind_that_is_no_longer_there_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, types: list[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "new_kind"))
    rich, poor = Schema(registry.load(["headgate_test.kitchen_sink"])), Schema(registry.load())
    sink, vpc = "projects/p/kitchenSinks/s", "projects/p/vpcs/v"

    async def scenario() -> None:
        database = Database(f"sqlite:///{tmp_path}/headgate.db")
        first, last = creation(poor, "projects/p/vpcs/first"), creation(poor, vpc)
        await written(database, rich, first, creation(rich, sink, title="sink"), Delete(sink), last)
        assert await watched(database, poor, after_revision=1, types=types) == [(4, vpc)]
        database.close()

    asyncio.run(scenario())
