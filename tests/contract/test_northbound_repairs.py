"""Northbound when others write there as well, or when it was away: ours is made good, theirs is left alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from northbound_owner import (
    DB,
    GROUP,
    HAND_EDITS,
    SWITCH,
    Owner,
    audit,
    by_hand,
    nbctl,
    owned,
    picture,
    rows_of,
    run,
    world,
)
from ovsdb_server import OvsdbServer, connected, eventually

from headgate_common.ovsdb import Connection
from headgate_common.rows import OWNER_KEY, Delete, Plan
from headgate_controller.ovn.northbound import NorthboundUnavailable


def test_rule_3_a_foreign_change_amid_our_own_is_noticed(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a", "b")) as owner, connected(server.remote) as other:
            for number in range(100):
                bad = {
                    "op": "update",
                    "table": "Logical_Switch_Port",
                    "where": [["name", "==", "a"]],
                    "row": {"type": f"{number}"},
                }
                lose = {
                    "op": "mutate",
                    "table": "Port_Group",
                    "where": [],
                    "mutations": [
                        ["ports", "delete", other_port(await rows_of(other, "Logical_Switch_Port", name="a"))]
                    ],
                }
                foreign = asyncio.ensure_future(other.transact(DB, [bad, lose]))
                await owner.become(world("a", *(["b"] if number % 2 else [])))
                await foreign
            await eventually(lambda: is_right(owner, other), 5)
        assert await audit(server, owner.wanted) == 0

    def other_port(rows: list[dict[str, Any]]) -> Any:
        return rows[0]["_uuid"]

    async def is_right(owner: Owner, other: Connection) -> bool:
        (row,) = await rows_of(other, "Logical_Switch_Port", name="a")
        (group,) = await rows_of(other, "Port_Group")
        ports = group["ports"][1] if group["ports"][0] == "set" else [group["ports"]]
        return row["type"] == "" and row["_uuid"] in ports

    run(scenario())


@pytest.mark.parametrize("edit", HAND_EDITS.values(), ids=HAND_EDITS)
def test_a_hand_edit_is_repaired_within_a_second(server: OvsdbServer, edit: list[str]) -> None:
    async def scenario() -> None:
        wanted = world("a", "b")
        async with owned(server, wanted) as owner, connected(server.remote) as reader:
            before = await picture(reader)
            # Rows without a name are found by their UUID only.
            table = next((word for word in edit if word in {"Meter_Band", "DHCP_Options"} and "UUID" in edit), "")
            uuid = (await rows_of(reader, table))[0]["_uuid"][1] if table else ""
            await by_hand(server, *(uuid if word == "UUID" else word for word in edit))
            await eventually(lambda: same(reader, before), 1)
            assert owner.northbound.refused == {}
        assert await audit(server, wanted) == 0

    async def same(reader: Connection, before: Any) -> bool:
        return bool(await picture(reader) == before)

    run(scenario())


def test_rows_of_others_survive_everything(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a")) as owner, connected(server.remote) as reader:
            await by_hand(server, "ls-add", "theirs", "--", "lsp-add", "theirs", "p1", "--", "lsp-add", "s", "p2")
            await by_hand(server, "lr-add", "theirs", "--", "lr-nat-add", "r", "snat", "192.0.2.9", "10.9.0.0/24")
            await by_hand(server, "set", "Logical_Switch", "s", "name=edited")
            await eventually(lambda: has(reader, "Logical_Switch", "s"), 1)
            await owner.northbound.synchronise(owner.wanted)
            for table, name in {"Logical_Switch": "theirs", "Logical_Router": "theirs"}.items():
                assert await has(reader, table, name)
            assert {"p1", "p2"} <= {row["name"] for row in await rows_of(reader, "Logical_Switch_Port")}
            assert len(await rows_of(reader, "NAT")) == 2
        assert await audit(server, owner.wanted) == 0

    async def has(reader: Connection, table: str, name: str) -> bool:
        return bool(await rows_of(reader, table, name=name))

    run(scenario())


def test_a_foreign_port_in_our_port_group_is_taken_out_but_lives(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a")), connected(server.remote) as reader:
            await by_hand(server, "ls-add", "t", "--", "lsp-add", "t", "p", "--", "pg-set-ports", "hg_group", "p", "a")
            await eventually(lambda: only_ours(reader), 1)
            assert await rows_of(reader, "Logical_Switch_Port", name="p")

    async def only_ours(reader: Connection) -> bool:
        (group,) = await rows_of(reader, "Port_Group")
        (ours,) = await rows_of(reader, "Logical_Switch_Port", name="a")
        return bool(group["ports"] == ours["_uuid"])

    run(scenario())


@pytest.mark.parametrize("before", [True, False], ids=["found at start", "made meanwhile"])
@pytest.mark.parametrize("name", ["nobody/wants", SWITCH.name])
def test_a_row_with_a_key_that_nobody_wants_or_that_is_taken_is_deleted(
    server: OvsdbServer, name: str, before: bool
) -> None:
    async def scenario() -> None:
        make = [
            "ls-add",
            "x",
            "--",
            "set",
            "Logical_Switch",
            "x",
            f"external_ids:{OWNER_KEY}={name}",
            "--",
            "lsp-add",
            "x",
            "y",
        ]
        make += ["--", "set", "Logical_Switch_Port", "y", f"external_ids:{OWNER_KEY}={name}/y"]
        wanted = world("a")
        async with owned(server, wanted):
            pass
        if before:
            await by_hand(server, *make)
        async with owned(server, wanted), connected(server.remote) as reader:
            if not before:
                await by_hand(server, *make)
            await eventually(lambda: single(reader), 1)
        assert await audit(server, wanted) == 0

    async def single(reader: Connection) -> bool:
        return (
            len(await rows_of(reader, "Logical_Switch")) == 1 and len(await rows_of(reader, "Logical_Switch_Port")) == 1
        )

    run(scenario())


def test_our_child_under_a_strangers_parent_is_removed_and_the_stranger_stays(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, {}), connected(server.remote) as reader:
            await by_hand(server, "ls-add", "t", "--", "lsp-add", "t", "p", "--", "lsp-add", "t", "q")
            await by_hand(server, "set", "Logical_Switch_Port", "p", f"external_ids:{OWNER_KEY}=gone")
            await eventually(lambda: left(reader), 1)
            assert len(await rows_of(reader, "Logical_Switch")) == 1

    async def left(reader: Connection) -> bool:
        return [row["name"] for row in await rows_of(reader, "Logical_Switch_Port")] == ["q"]

    run(scenario())


def test_a_name_taken_by_a_stranger_is_retried_ever_less_often_until_it_is_free(server: OvsdbServer) -> None:
    async def scenario() -> None:
        nbctl(server, "ls-add", "t", "--", "lsp-add", "t", "a")
        async with owned(server, world("a")) as owner, connected(server.remote) as reader:
            await eventually(lambda: owner.repairs >= 6)
            assert "a" in {key.name for key in owner.northbound.refused}
            assert owner.repairs <= 8, "it waits before it tries again"
            await by_hand(server, "ls-del", "t")
            await eventually(lambda: not owner.northbound.refused)
            (ours,) = await rows_of(reader, "Logical_Switch_Port", name="a")
            await eventually(lambda: in_group(reader, ours["_uuid"]))
        assert await audit(server, world("a")) == 0

    async def in_group(reader: Connection, uuid: Any) -> bool:
        (group,) = await rows_of(reader, "Port_Group")
        return bool(group["ports"] == uuid)

    run(scenario())


def test_a_second_writer_that_never_gives_in_does_not_make_it_spin(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a")) as owner, connected(server.remote) as other:
            bad = {"op": "update", "table": "Logical_Switch", "where": [], "row": {"name": "theirs"}}
            for _ in range(300):
                await other.transact(DB, [bad])
                await asyncio.sleep(0.002)
            assert 0 < owner.repairs < 20

    run(scenario())


@pytest.mark.parametrize("empty", [False, True], ids=["with its data", "empty"])
def test_a_server_killed_and_started_again_is_made_right(server: OvsdbServer, empty: bool) -> None:
    async def scenario() -> None:
        async with owned(server, world("a", "b")) as owner:
            server.kill()
            await eventually(lambda: not owner.synchronised)
            with pytest.raises(NorthboundUnavailable):
                await owner.northbound.apply(Plan((Delete(GROUP),)))
            server.start(empty=empty)
            await eventually(lambda: owner.synchronised)
        assert await audit(server, world("a", "b")) == 0

    run(scenario())


def test_an_interrupted_plan_is_finished_by_repair(server: OvsdbServer) -> None:
    async def scenario() -> None:
        wanted = world(*(f"p{n}" for n in range(2000)))
        async with owned(server, world()) as owner:
            task = asyncio.create_task(owner.become(wanted))
            await eventually(lambda: owner.wanted is wanted)
            async with connected(server.remote) as reader:
                await eventually(lambda: rows_of(reader, "Logical_Switch_Port"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await eventually(lambda: finished(server, 2000))
        assert await audit(server, wanted) == 0

    async def finished(server: OvsdbServer, count: int) -> bool:
        async with connected(server.remote) as reader:
            return len(await rows_of(reader, "Logical_Switch_Port")) == count

    run(scenario())
