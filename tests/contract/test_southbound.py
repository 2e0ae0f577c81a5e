"""Southbound as it is read from a real ovsdb-server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from ovsdb_server import SB_SCHEMA, OvsdbServer, connected, eventually, running, serving

from headgate_common.ovsdb import Connection
from headgate_controller.ovn.southbound import Southbound

DB = "OVN_Southbound"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OvsdbServer]:
    with serving(tmp_path, SB_SCHEMA) as running_server:
        yield running_server


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario, 30))


@contextlib.asynccontextmanager
async def reading(server: OvsdbServer) -> AsyncIterator[tuple[Southbound, list[frozenset[str]]]]:
    southbound = Southbound(server.remote)
    told: list[frozenset[str]] = []
    southbound.listen(told.append)
    async with running(southbound.run()):
        await eventually(lambda: southbound.connected)
        yield southbound, told


def host(name: str, ip: str) -> list[dict[str, Any]]:
    encap = {"type": "geneve", "ip": ip, "chassis_name": name}
    return [
        {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap},
        {
            "op": "insert",
            "table": "Chassis",
            "uuid-name": "c",
            "row": {"name": name, "hostname": f"{name}.example", "encaps": ["named-uuid", "e"]},
        },
        {"op": "insert", "table": "Chassis_Private", "row": {"name": name, "chassis": ["named-uuid", "c"]}},
    ]


def bound(name: str, key: int = 1, **columns: Any) -> list[dict[str, Any]]:
    datapath = {"op": "insert", "table": "Datapath_Binding", "uuid-name": "d", "row": {"tunnel_key": key}}
    row = {"logical_port": name, "datapath": ["named-uuid", "d"], "tunnel_key": 1} | columns
    return [datapath, {"op": "insert", "table": "Port_Binding", "row": row}]


async def change(connection: Connection, table: str, key: tuple[str, str], **row: Any) -> None:
    where = [[key[0], "==", key[1]]]
    await connection.transact(DB, [{"op": "update", "table": table, "where": where, "row": row}])


async def uuid_of(connection: Connection, table: str, name: str) -> Any:
    where = [["name", "==", name]]
    (result,) = await connection.transact(DB, [{"op": "select", "table": table, "where": where}])
    return result["rows"][0]["_uuid"]


def test_hosts_are_known_while_they_are_there(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as ovn:
            await ovn.transact(DB, host("h1", "172.31.0.11"))
            async with reading(server) as (southbound, _):
                await ovn.transact(DB, host("h2", "172.31.0.12"))
                await eventually(lambda: "h2" in southbound.chassis)
                assert southbound.chassis == {"h1", "h2"}
                where = [["name", "==", "h1"]]
                await ovn.transact(DB, [{"op": "delete", "table": "Chassis", "where": where}])
                await eventually(lambda: southbound.chassis == {"h2"})

    run(scenario())


def test_what_each_host_has_realised_is_followed(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as ovn, reading(server) as (southbound, told):
            await ovn.transact(DB, [*host("h1", "172.31.0.11"), {"op": "insert", "table": "SB_Global", "row": {}}])
            await eventually(lambda: southbound.chassis_nb_cfg == {"h1": 0})
            await change(ovn, "Chassis_Private", ("name", "h1"), nb_cfg=7)
            await ovn.transact(DB, [{"op": "update", "table": "SB_Global", "where": [], "row": {"nb_cfg": 7}}])
            await eventually(lambda: southbound.nb_cfg == 7)
            assert southbound.chassis_nb_cfg == {"h1": 7}
            assert len(told) == 4, "once when it connected, then once for each transaction"
            await ovn.transact(DB, host("h2", "172.31.0.12"))
            again = {"op": "insert", "table": "Chassis_Private", "row": {"name": "h1", "nb_cfg": 8}}
            where = [["name", "==", "h1"]]
            await ovn.transact(DB, [{"op": "delete", "table": "Chassis_Private", "where": where}, again])
            await eventually(lambda: southbound.chassis_nb_cfg == {"h1": 8, "h2": 0})
            await ovn.transact(DB, [{"op": "delete", "table": "Chassis_Private", "where": where}])
            await eventually(lambda: southbound.chassis_nb_cfg == {"h2": 0})

    run(scenario())


def test_bindings_are_followed_from_their_creation_to_their_end(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as ovn, reading(server) as (southbound, told):
            await ovn.transact(DB, [*host("h1", "172.31.0.11"), *bound("p")])
            await eventually(lambda: southbound.bindings == {"p": None})
            chassis = await uuid_of(ovn, "Chassis", "h1")
            await change(ovn, "Port_Binding", ("logical_port", "p"), chassis=chassis)
            await eventually(lambda: southbound.bindings == {"p": "h1"})
            await ovn.transact(DB, [{"op": "delete", "table": "Chassis", "where": []}])
            await eventually(lambda: southbound.bindings == {"p": None})
            await ovn.transact(DB, [{"op": "delete", "table": "Port_Binding", "where": []}])
            await eventually(lambda: southbound.bindings == {})
            assert told[1:] == [frozenset({"p"})] * 4

    run(scenario())


def test_a_port_that_gets_another_row_in_one_transaction_stays_bound(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as ovn, reading(server) as (southbound, _):
            for number in range(2):
                await ovn.transact(DB, host(f"h{number}", f"172.31.0.{number}"))
            for number in range(1, 9):
                place, gone = f"h{number % 2}", {"op": "delete", "table": "Port_Binding", "where": []}
                chassis = await uuid_of(ovn, "Chassis", place)
                await ovn.transact(DB, [gone, *bound("p", number, chassis=chassis)])
                await eventually(lambda expected=place: southbound.bindings == {"p": expected})

    run(scenario())


def test_without_its_server_it_keeps_what_it_saw_last_and_says_so(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as ovn:
            await ovn.transact(DB, [*host("h1", "172.31.0.11"), *bound("p")])
        async with reading(server) as (southbound, told):
            server.kill()
            await eventually(lambda: not southbound.connected)
            assert southbound.chassis_nb_cfg == {"h1": 0}
            assert set(southbound.bindings) == {"p"}
            assert told[-1] == frozenset()
            server.start()
            await eventually(lambda: southbound.connected)
            assert set(southbound.bindings) == {"p"}

    run(scenario())


def test_a_server_that_comes_back_empty_leaves_nothing_of_the_past(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as ovn:
            await ovn.transact(DB, [*host("h1", "172.31.0.11"), *bound("p")])
        async with reading(server) as (southbound, told):
            server.kill()
            server.start(empty=True)
            await eventually(lambda: southbound.connected and southbound.bindings == {})
            assert (southbound.chassis, southbound.chassis_nb_cfg, southbound.nb_cfg) == (set(), {}, 0)
            assert told[-1] == frozenset({"p"})

    run(scenario())
