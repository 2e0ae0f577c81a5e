"""The OVSDB client against servers that are broken, or hostile: it says what is wrong, is bounded, and goes on."""

from __future__ import annotations

import asyncio
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from controller_site import Controller, assert_sound
from hypothesis import example, given
from hypothesis import strategies as st
from test_limits import MIB, resident

from api import Api
from fuzzing import damaged, fuzzing, kept, pieces
from headgate_common import ovsdb, ovsdb_framing
from headgate_common.ovsdb import Connection, ConnectionLostError, OvsdbError
from headgate_common.ovsdb_framing import JsonStream
from headgate_common.ovsdb_schema import Schema, decode, default, parse_schema
from headgate_controller.ovn.southbound import Southbound
from headgate_lab.waiting import wait_until

SECONDS = 20.0
KEPT = kept("ovsdb")
SIZES = st.lists(st.integers(0, 300), max_size=6)


@fuzzing(200)
@given(damaged(KEPT), SIZES)
def test_fuzz_whatever_arrives_is_messages_or_refused_wherever_it_is_cut(data: bytes, sizes: list[int]) -> None:
    stream = JsonStream()
    with suppress(ValueError):
        for piece in pieces(data, sizes):
            for message in stream.feed(piece):
                orjson.dumps(message)


@fuzzing(200)
@given(damaged(KEPT))
def test_fuzz_a_schema_of_any_form_is_read_or_refused_and_values_by_it(data: bytes) -> None:
    with suppress(*ovsdb.MALFORMED):
        document = orjson.loads(data)
        schema: Schema = parse_schema(document["result"])
        for table in schema.tables.values():
            for column in table.columns.values():
                default(column)
                for wire in ("x", 1, ["set", []], ["map", []], ["uuid", "x"], document):
                    with suppress(*ovsdb.MALFORMED):
                        decode(column, wire, lambda uuid: uuid)


def fed(stream: JsonStream, piece: bytes, times: int) -> None:
    for _ in range(times):
        stream.feed(piece)


def test_a_message_without_an_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovsdb_framing, "LARGEST_MESSAGE", 4 * MIB)
    for piece in (b'{"a":"' + b"x" * 65_000, b'{"a":[' + b"[" * 65_000, b'{"a":{' * 10_000):
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"more than 4194304 bytes|two objects"):
            fed(JsonStream(), piece, 1_000)
        assert tracemalloc.get_traced_memory()[1] < 20 * MIB
        tracemalloc.stop()


@asynccontextmanager
async def server(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Run a server that talks so while the block runs; give its address."""

    talks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(current := asyncio.current_task())  # type: ignore[arg-type]
        try:
            with suppress(OSError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
            talks.discard(current)  # type: ignore[arg-type]

    with tempfile.TemporaryDirectory(prefix="hgf-") as directory:
        path = f"{directory}/db.sock"
        listening = await asyncio.start_unix_server(serve, path)
        try:
            yield f"unix:{path}"
        finally:
            listening.close()
            for task in tuple(talks):
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)


def saying(*messages: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Talk so: a message for each request, or a moment later if none comes; then end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for message in messages:
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(100_000), 0.02)
            writer.write(message)
            await writer.drain()
        await asyncio.sleep(0.01)  # what was written is to arrive before the end

    return talk


@fuzzing(80)
@given(st.lists(damaged(KEPT), min_size=1, max_size=3))
@example([b'{"id":0,"error":null}'])
@example([b'{"id":[0],"result":1,"error":null}'])
@example([b'{"id":0,"result":7,"error":null}'])
def test_fuzz_whatever_a_server_answers_each_request_ends_in_words(answers: list[bytes]) -> None:
    async def act() -> None:
        async with server(saying(*answers)) as address:
            connection = await Connection.open(address)
            updates: list[Any] = []
            for ask in (
                lambda: connection.get_schema("OVN_Northbound"),
                lambda: connection.monitor("OVN_Northbound", "m", {"Logical_Switch": ["name"]}, updates.append),
                lambda: connection.transact("OVN_Northbound", [{"op": "comment"}]),
            ):
                with suppress(OvsdbError, ConnectionLostError):
                    await asyncio.wait_for(ask(), SECONDS)  # type: ignore[no-untyped-call]
            await connection.close()

    asyncio.run(act())


SNAPSHOT = (Path(__file__).parents[1] / "corpus/ovsdb/snapshot").read_bytes()
SCHEMA = (Path(__file__).parents[1] / "corpus/ovsdb/schema").read_bytes()


@fuzzing(30)
@given(damaged(KEPT), damaged(KEPT), st.booleans())
def test_fuzz_whatever_southbound_sends_its_reader_stays_and_dials_again(one: bytes, two: bytes, sane: bool) -> None:
    async def act() -> None:
        dialled = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await saying(*((SCHEMA, SNAPSHOT + one + two) if sane else (one, two)))(reader, writer)
            dialled.set()

        async with server(talk) as address:
            running = asyncio.create_task(Southbound(address).run())
            for _ in range(2):
                with suppress(TimeoutError):
                    await asyncio.wait_for(dialled.wait(), 0.1)
                dialled.clear()
            assert not running.done(), running.exception()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(act())


def test_a_server_that_asks_and_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovsdb, "MOST_UNREAD", MIB)

    async def ask(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        echo = orjson.dumps({"method": "echo", "params": ["x" * 1_000], "id": "e"})
        while True:
            writer.write(echo * 100)
            await writer.drain()

    async def act() -> str:
        async with server(ask) as address:
            connection = await Connection.open(address)
            return await asyncio.wait_for(connection.wait_lost(), SECONDS)

    assert "has not read" in asyncio.run(act())


class Hostile:
    """A server on a socket, in a thread of its own, that misbehaves in each connection in another way."""

    WAYS = (
        b"\xff\xfe no JSON at all",
        b'{"id":0,"result":7,"error":null}',
        b'{"id":0,"error":null}',
        b'{"id":{},"result":[],"error":null}',
        b'{"a":' + b"[" * 100_000,
        b'{"a":{}{}{}{}',
        b'{"id":0,"result":{"name":"OVN_Northbound","version":1,"tables":{"NB_Global":7}},"error":null}',
        SCHEMA + b'{"id":1,"result":[1,2],"error":null}',
        SCHEMA + b'{"id":1,"result":[true,"x",{"Logical_Switch":{"u":7}}],"error":null}',
        SCHEMA + SNAPSHOT + b'{"method":"update3","params":{},"id":null}',
        b'{"method":"echo","params":[],"id":"e"}' * 10_000,
        b'{"a":"' + b"x" * 30 * MIB,
    )

    def __init__(self) -> None:
        self.connections = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = self.WAYS[self.connections % len(self.WAYS)]
        self.connections += 1
        await saying(way)(reader, writer)


def test_a_controller_serves_while_its_databases_of_ovn_are_hostile(run_directory: Path) -> None:
    async def act(controller: Controller, hostile: Hostile) -> None:
        await asyncio.to_thread(controller.start)
        before, api = resident(controller), Api(controller.api)
        wanted = 2 * len(hostile.WAYS)
        await asyncio.to_thread(
            wait_until, lambda: hostile.connections >= wanted, seconds=SECONDS, what="all ways to be tried"
        )
        await asyncio.to_thread(api.create, "projects/p/vpcs/v")
        grown = resident(controller) - before
        print(f"{hostile.connections} hostile connections: memory +{grown / MIB:.0f} MiB")
        assert grown < 150 * MIB
        await asyncio.to_thread(controller.stop)
        api.close()

    async def run() -> None:
        hostile = Hostile()
        async with server(hostile.talk) as address:
            controller = Controller(run_directory / "hostile-ovn", northbound=address, southbound=address)
            try:
                await act(controller, hostile)
            finally:
                controller.kill()
        assert_sound(controller)

    asyncio.run(run())
