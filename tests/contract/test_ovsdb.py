"""The OVSDB client against a real ovsdb-server."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from ovsdb_server import NB_SCHEMA, OvsdbServer, connected, eventually, serving

from headgate_common import ovsdb_framing
from headgate_common.ovsdb import Connection, ConnectionLostError, OvsdbError
from headgate_common.ovsdb_framing import JsonStream
from headgate_common.ovsdb_schema import canonical, decode, default, encode
from headgate_common.rows import RowKey

DB = "OVN_Northbound"
SWITCHES = {"Logical_Switch": ("name", "ports", "external_ids"), "Logical_Switch_Port": ("name", "tag", "up")}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OvsdbServer]:
    with serving(tmp_path, NB_SCHEMA) as running:
        yield running


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario, 60))


def insert(table: str, name: str = "", **row: Any) -> dict[str, Any]:
    return {"op": "insert", "table": table, "row": {"name": name, **row}}


@pytest.mark.parametrize("seed", range(20))
def test_messages_are_found_wherever_the_bytes_are_cut(seed: int) -> None:
    chance = random.Random(seed)
    alphabet = ['"', "\\", "{", "}", "}{", "x", "ü", " ", "\n", '"}{"', '\\"']
    messages = [
        {"".join(chance.choices(alphabet, k=5)): ["".join(chance.choices(alphabet, k=9)), {"n": n, "o": {}}]}
        for n in range(30)
    ]
    wire = "".join(
        json.dumps(m, ensure_ascii=chance.random() < 0.5) + chance.choice(["", " \n"]) for m in messages
    ).encode()
    stream, found, at = JsonStream(), [], 0
    while at < len(wire):
        size = chance.choice([1, 2, 3, 7, 50, 1000])
        found += stream.feed(wire[at : at + size])
        at += size
    assert found == messages


def test_a_message_of_many_megabytes_in_small_chunks_costs_no_more_than_a_few_times_its_parsing() -> None:
    message = {"rows": [{"name": f"port-{n}", "match": 'inport == "x" && {y}'} for n in range(100_000)]}
    wire = json.dumps(message).encode() + b'{"next": 1}'
    stream, found, started = JsonStream(), [], time.process_time()
    for at in range(0, len(wire), 65_536):
        found += stream.feed(wire[at : at + 65_536])
    spent = time.process_time() - started
    assert found == [message, {"next": 1}]
    started = time.process_time()
    json.loads(wire[:-11])
    assert spent < 10 * (time.process_time() - started)


@pytest.mark.parametrize("wire", ['{"a": nonsense}', '{"a": 1}{"a": nonsense}', '{"a": nonsense}{"a": 1}', "nonsense"])
def test_what_is_no_json_is_refused(wire: str) -> None:
    with pytest.raises(ValueError, match="column"):
        JsonStream().feed(wire.encode())


def test_a_string_of_what_looks_like_boundaries_costs_its_length_and_not_the_square_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[int] = []

    def loads(data: bytes) -> object:
        parsed.append(len(data))
        return orjson.loads(data)

    monkeypatch.setattr(ovsdb_framing, "orjson", SimpleNamespace(loads=loads, JSONDecodeError=orjson.JSONDecodeError))
    message = {"description": "}{" * 10_000}
    wire = orjson.dumps(message)
    assert JsonStream().feed(wire * 3) == [message] * 3
    assert sum(parsed) < 4 * len(wire)


def test_the_server_tells_which_tables_are_roots_and_which_columns_keep_children(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            schema = await connection.get_schema(DB)
        switch, port = schema.tables["Logical_Switch"], schema.tables["Logical_Switch_Port"]
        assert switch.root
        assert not port.root
        assert "ports" in switch.loose_links
        assert "load_balancer_group" not in switch.links
        assert schema.tables["Meter"].links == ("bands",)
        assert not schema.tables["Meter"].loose_links
        assert ("Logical_Switch", "ports") in set(schema.parents_of("Logical_Switch_Port"))
        assert switch.removal_rank < port.removal_rank < schema.tables["HA_Chassis_Group"].removal_rank

    run(scenario())


def test_every_kind_of_value_comes_back_as_it_was_written(server: OvsdbServer) -> None:
    cases = {
        ("Logical_Switch_Port", "addresses"): frozenset({"a b", 'q"\\', "ü{}"}),
        ("Logical_Switch_Port", "tag"): frozenset({7}),
        ("Logical_Switch_Port", "enabled"): frozenset({False}),
        ("Logical_Switch_Port", "options"): {"k": "v", "": "empty key"},
        ("Logical_Switch_Port", "type"): "router",
        ("NB_Global", "ipsec"): True,
        ("NB_Global", "nb_cfg"): 5,
        ("QoS", "bandwidth"): {"rate": "20000"},
        ("Logical_Switch_Port", "dhcpv4_options"): frozenset({RowKey("DHCP_Options", "d")}),
        ("Logical_Switch", "ports"): frozenset({RowKey("Logical_Switch_Port", "p")}),
    }
    names = {"d": "d", "p": "p"}

    async def scenario() -> None:
        async with connected(server.remote) as connection:
            schema = await connection.get_schema(DB)
            rows: dict[str, dict[str, Any]] = {"DHCP_Options": {"cidr": "10.0.0.0/8"}, "Logical_Switch": {}}
            for (table, name), value in cases.items():
                column = schema.tables[table].columns[name]
                wire = encode(column, value, lambda key: ["named-uuid", names[key.name]])
                rows.setdefault(table, {})[name] = wire
            rows["QoS"] |= {"direction": "from-lport", "match": "1", "priority": 1}
            rows["Logical_Switch"]["qos_rules"] = ["named-uuid", "q"]
            tags = {"DHCP_Options": "d", "Logical_Switch_Port": "p", "QoS": "q"}
            inserts = [
                {"op": "insert", "table": t, "row": row, **({"uuid-name": tags[t]} if t in tags else {})}
                for t, row in rows.items()
            ]
            results = await connection.transact(DB, inserts)
            keys = {r["uuid"][1]: RowKey(t, tags.get(t, "")) for t, r in zip(rows, results, strict=True)}
            for (table, name), value in cases.items():
                column = schema.tables[table].columns[name]
                (read,) = await connection.transact(
                    DB, [{"op": "select", "table": table, "where": [], "columns": [name]}]
                )
                assert decode(column, read["rows"][0][name], keys.get) == value == canonical(column, value)

    run(scenario())


def test_a_value_left_out_by_a_monitor_is_the_default_of_its_type(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            schema = await connection.get_schema(DB)
            await connection.transact(
                DB,
                [
                    insert("Logical_Switch", "s", ports=["named-uuid", "p"]),
                    insert("Logical_Switch_Port", "p") | {"uuid-name": "p"},
                ],
            )
            (read,) = await connection.transact(DB, [{"op": "select", "table": "Logical_Switch_Port", "where": []}])
            for name, column in schema.tables["Logical_Switch_Port"].columns.items():
                if name != "name":
                    assert decode(column, read["rows"][0][name], lambda uuid: uuid) == default(column), name

    run(scenario())


@pytest.mark.parametrize("value", [frozenset(), frozenset({"a", "b"}), {"a": "b"}])
def test_a_value_that_does_not_suit_its_column_is_refused_before_it_is_written(server: OvsdbServer, value: Any) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            schema = await connection.get_schema(DB)
        with pytest.raises(ValueError, match="name"):
            canonical(schema.tables["Logical_Switch"].columns["name"], value)

    run(scenario())


def test_a_refused_operation_is_named_and_nothing_is_changed(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            bad = {"op": "insert", "table": "Logical_Switch", "row": {"nonsense": 1}}
            with pytest.raises(OvsdbError) as caught:
                await connection.transact(DB, [insert("Logical_Switch", "s"), bad, insert("Logical_Switch", "t")])
            assert caught.value.index == 1
            (read,) = await connection.transact(DB, [{"op": "select", "table": "Logical_Switch", "where": []}])
            assert read["rows"] == []

    run(scenario())


def test_a_commit_that_breaks_a_constraint_is_refused_past_the_last_operation(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            with pytest.raises(OvsdbError, match="constraint") as caught:
                await connection.transact(DB, [insert("Port_Group", "g"), insert("Port_Group", "g")])
            assert caught.value.index == 2

    run(scenario())


def test_an_unknown_method_or_database_is_an_error_of_the_request(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            with pytest.raises(OvsdbError) as caught:
                await connection.get_schema("Nonsense")
            assert caught.value.index is None
            with pytest.raises(OvsdbError):
                await connection.request("nonsense", [])

    run(scenario())


def test_updates_of_a_transaction_arrive_before_its_reply_and_in_order(server: OvsdbServer) -> None:
    async def scenario() -> None:
        events: list[Any] = []
        async with connected(server.remote) as connection:
            await connection.monitor(
                DB, "m", SWITCHES, lambda u: events.append(next(iter(u["Logical_Switch"].values()))["insert"]["name"])
            )
            sent = [
                connection.request("transact", [DB, insert("Logical_Switch", f"s{n}")], lambda _, n=n: events.append(n))
                for n in range(50)
            ]
            await asyncio.gather(*sent)
        assert events == [e for n in range(50) for e in (f"s{n}", n)]

    run(scenario())


def test_a_monitor_tells_of_others_changes_until_it_is_cancelled(server: OvsdbServer) -> None:
    async def scenario() -> None:
        seen: list[Any] = []
        async with connected(server.remote) as watcher, connected(server.remote) as other:
            await other.transact(DB, [insert("Logical_Switch", "old")])
            snapshot = await watcher.monitor(DB, "m", SWITCHES, seen.append)
            assert [u["initial"]["name"] for u in snapshot.rows["Logical_Switch"].values()] == ["old"]
            await other.transact(DB, [insert("Logical_Switch", "new")])
            await eventually(lambda: seen)
            await watcher.cancel_monitor("m")
            await other.transact(DB, [insert("Logical_Switch", "later")])
            await watcher.request("echo", [])
        assert len(seen) == 1

    run(scenario())


def test_ten_thousand_rows_arrive_whole(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            await connection.transact(
                DB, [insert("Logical_Switch", f"s{n}", external_ids=["map", [["k", "{" * 300]]]) for n in range(10_000)]
            )
            snapshot = await connection.monitor(DB, "m", SWITCHES, lambda _: None)
            assert len(snapshot.rows["Logical_Switch"]) == 10_000

    run(scenario())


def test_a_killed_server_fails_every_waiter_at_once(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote) as connection:
            server.suspend(stopped=True)
            waiting = [asyncio.ensure_future(connection.transact(DB, [])) for _ in range(3)]
            await asyncio.sleep(0)
            server.kill()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(r) for r in results] == [ConnectionLostError] * 3
            await connection.wait_lost()
            with pytest.raises(ConnectionLostError):
                await connection.transact(DB, [])

    run(scenario())


def test_a_silent_server_is_given_up_after_the_deadline(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with connected(server.remote, probe_seconds=0.1, dead_seconds=0.4) as connection:
            with pytest.raises(TimeoutError):  # probes keep an idle connection alive
                await asyncio.wait_for(connection.wait_lost(), 0.6)
            server.suspend(stopped=True)
            try:
                reason = await asyncio.wait_for(connection.wait_lost(), 5)
            finally:
                server.suspend(stopped=False)
            assert "silent" in reason

    run(scenario())


def test_the_servers_own_probes_are_answered() -> None:
    async def scenario() -> None:
        answered: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"method":"echo","params":["a"],"id":"echo"}')
            answered.append(await reader.readuntil(b"}"))
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as probing:
            port = probing.sockets[0].getsockname()[1]
            connection = await Connection.open(f"tcp:127.0.0.1:{port}")
            await connection.wait_lost()
            await connection.close()
        assert json.loads(answered[0]) == {"id": "echo", "result": ["a"], "error": None}

    run(scenario())


def test_closing_ends_a_connection_without_leftovers(server: OvsdbServer) -> None:
    async def scenario() -> None:
        connection = await Connection.open(server.remote)
        waiting = asyncio.ensure_future(connection.transact(DB, []))
        await asyncio.sleep(0)
        await connection.close()
        await connection.close()
        with pytest.raises(ConnectionLostError):
            await waiting

    run(scenario())


@pytest.mark.parametrize("remote", ["unix:/nonexistent/x.sock", "tcp:127.0.0.1:1"])
def test_nobody_there_is_an_os_error(remote: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        run(Connection.open(remote))


def test_an_address_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="ssl:"):
        run(Connection.open("ssl:127.0.0.1:6641"))
