"""One life of a store for tests: opened, used from an event loop, closed."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from google.protobuf import json_format
from sqlalchemy import func, select

from headgate_controller.kinds import registry
from headgate_controller.mutations import Create, Mutation, Request, Update
from headgate_controller.schema import Schema
from headgate_controller.store.database import Database, load_world
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
