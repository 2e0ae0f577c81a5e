"""Northbound against a real ovsdb-server: every rule of writing it, and repair of what others change."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ovsdb_server import NB_SCHEMA, OvsdbServer, connected, eventually, running, serving

from headgate_common.ovsdb import Connection
from headgate_common.rows import OWNER_KEY, Delete, Insert, Mutate, Plan, RowKey, Update, Wanted, diff
from headgate_controller.ovn.northbound import Northbound, NorthboundUnavailable, StaleEpochError

DB = "OVN_Northbound"
COLUMNS = {
    "Logical_Switch": ("name", "other_config", "ports", "acls", "load_balancer_group"),
    "Logical_Switch_Port": ("name", "type", "addresses", "enabled", "tag_request", "options", "dhcpv4_options"),
    "Logical_Router": ("name", "options", "ports", "nat", "static_routes"),
    "Logical_Router_Port": ("name", "mac", "networks", "ha_chassis_group"),
    "Logical_Router_Static_Route": ("ip_prefix", "nexthop", "output_port"),
    "NAT": ("type", "external_ip", "logical_ip", "gateway_port"),
    "DHCP_Options": ("cidr", "options", "external_ids"),
    "HA_Chassis_Group": ("name", "ha_chassis"),
    "HA_Chassis": ("chassis_name", "priority"),
    "Port_Group": ("name", "ports"),
    "Meter": ("name", "unit", "bands"),
    "Meter_Band": ("action", "rate"),
}
OPTIONS = {"bfd-min-rx": "100"}
World = dict[RowKey, Wanted]

SWITCH, ROUTER = RowKey("Logical_Switch", "vpc/s"), RowKey("Logical_Router", "vpc")
DHCP, GROUP = RowKey("DHCP_Options", "vpc/s/dhcp"), RowKey("Port_Group", "group")
LRP, HA = RowKey("Logical_Router_Port", "vpc/ext"), RowKey("HA_Chassis_Group", "gw")


def port(name: str) -> RowKey:
    return RowKey("Logical_Switch_Port", name)


def port_row(name: str, /, **columns: Any) -> Wanted:
    own: dict[str, Any] = {
        "name": name,
        "type": "",
        "addresses": frozenset({f"0a:00:00:00:00:01 10.0.0.{len(name)}"}),
        "enabled": frozenset({True}),
        "tag_request": frozenset({5}),
        "options": {"requested-chassis": "h1"},
        "dhcpv4_options": frozenset({DHCP}),
    }
    return Wanted(own | columns)


def world(*ports: str) -> World:
    """Return one VPC with a subnet of those ports, and something in every kind of table."""
    keys = frozenset(port(name) for name in ports)
    members, nat = frozenset({RowKey("HA_Chassis", "gw/h1"), RowKey("HA_Chassis", "gw/h2")}), RowKey("NAT", "vpc/snat")
    route, meter, band = (
        RowKey("Logical_Router_Static_Route", "vpc/r"),
        RowKey("Meter", "m"),
        RowKey("Meter_Band", "m/b"),
    )
    rows = {
        SWITCH: Wanted({"name": "s", "other_config": {"mcast_snoop": "false"}}, {"ports": keys}),
        DHCP: Wanted({"cidr": "10.0.0.0/24", "options": {"lease_time": "3600"}, "external_ids": {"ours": "1"}}),
        GROUP: Wanted({"name": "hg_group"}, {"ports": keys}),
        HA: Wanted({"name": "hg_gw"}, {"ha_chassis": members}),
        ROUTER: Wanted(
            {"name": "r", "options": {"mac_binding_age_threshold": "300"}},
            {"ports": frozenset({LRP}), "nat": frozenset({nat}), "static_routes": frozenset({route})},
        ),
        LRP: Wanted(
            {
                "name": "ext",
                "mac": "0a:00:00:00:00:02",
                "networks": frozenset({"192.0.2.2/24"}),
                "ha_chassis_group": frozenset({HA}),
            }
        ),
        route: Wanted({"ip_prefix": "0.0.0.0/0", "nexthop": "192.0.2.1", "output_port": frozenset({"ext"})}),
        nat: Wanted(
            {"type": "snat", "external_ip": "192.0.2.2", "logical_ip": "10.0.0.0/24", "gateway_port": frozenset({LRP})}
        ),
        meter: Wanted({"name": "m", "unit": "kbps"}, {"bands": frozenset({band})}),
        band: Wanted({"action": "drop", "rate": 1000}),
    }
    rows |= {key: Wanted({"chassis_name": key.name, "priority": 10}) for key in members}
    return rows | {port(name): port_row(name) for name in ports}


class Owner:
    """What the controller does with a Northbound: compare as a whole when it is new, repair when called."""

    def __init__(self, northbound: Northbound, wanted: World) -> None:
        self.northbound = northbound
        self.wanted = wanted
        self.synchronised = False
        self.repairs = 0
        self.wake = asyncio.Event()
        northbound.listen(lost=self._lost, attention=self.wake.set)

    def _lost(self) -> None:
        self.synchronised = False

    async def run(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            with contextlib.suppress(NorthboundUnavailable):
                if not self.synchronised:
                    await self.northbound.synchronise(self.wanted)
                    self.synchronised = True
                else:
                    self.repairs += 1
                    await self.northbound.repair(self.wanted.get)

    async def become(self, wanted: World) -> None:
        plan, self.wanted = diff(wanted, {key: row.all_columns() for key, row in self.wanted.items()}), wanted
        await self.northbound.apply(plan)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OvsdbServer]:
    with serving(tmp_path, NB_SCHEMA) as running_server:
        yield running_server


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario, 20))


@contextlib.asynccontextmanager
async def writing(
    server: OvsdbServer, epoch: int = 1, columns: Mapping[str, Any] = COLUMNS
) -> AsyncIterator[Northbound]:
    northbound = Northbound(server.remote, columns, epoch=epoch, options=OPTIONS)
    async with running(northbound.run()):
        await asyncio.wait_for(northbound.ready(), 10)
        yield northbound


@contextlib.asynccontextmanager
async def owned(server: OvsdbServer, wanted: World) -> AsyncIterator[Owner]:
    """Keep Northbound at `wanted` while the block runs; it is so when the block begins."""
    northbound = Northbound(server.remote, COLUMNS, epoch=1, options=OPTIONS)
    owner = Owner(northbound, wanted)
    async with running(northbound.run()), running(owner.run()):
        await eventually(lambda: owner.synchronised)
        yield owner


async def audit(server: OvsdbServer, wanted: World) -> int:
    """Return how much a newcomer would write."""
    async with writing(server) as newcomer:
        return await newcomer.synchronise(wanted)


async def rows_of(connection: Connection, table: str, **where: str) -> list[dict[str, Any]]:
    conditions = [[column, "==", value] for column, value in where.items()]
    (result,) = await connection.transact(DB, [{"op": "select", "table": table, "where": conditions}])
    rows: list[dict[str, Any]] = result["rows"]
    return rows


@contextlib.asynccontextmanager
async def observed(server: OvsdbServer) -> AsyncIterator[list[Any]]:
    """Collect every change of anything that anybody makes while the block runs."""
    changes: list[Any] = []
    async with connected(server.remote) as observer:
        schema = await observer.get_schema(DB)
        await observer.monitor(
            DB, "all", {t: list(table.columns) for t, table in schema.tables.items()}, changes.append
        )
        yield changes
        await observer.request("echo", [])


def nbctl(server: OvsdbServer, *arguments: str) -> str:
    """Edit by hand."""
    return subprocess.run(
        ["ovn-nbctl", f"--db={server.remote}", "--no-leader-only", *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


async def by_hand(server: OvsdbServer, *arguments: str) -> str:
    return await asyncio.to_thread(nbctl, server, *arguments)


def test_synchronise_writes_everything_and_a_second_one_writes_nothing_at_all(server: OvsdbServer) -> None:
    async def scenario() -> None:
        wanted = world("a", "b")
        async with writing(server) as northbound:
            assert await northbound.synchronise(wanted) == len(wanted) + 1
            async with observed(server) as changes:
                assert await northbound.synchronise(wanted) == 0
                assert await audit(server, wanted) == 0
                assert await northbound.apply(Plan()) is None
        assert changes == []

    run(scenario())


def test_rule_1_children_stay_with_their_parents_through_every_change(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a", "b")) as owner, connected(server.remote) as reader:
            await owner.become(world("b", "c"))
            assert {r["name"] for r in await rows_of(reader, "Logical_Switch_Port")} == {"b", "c"}
            assert await audit(server, world("b", "c")) == 0
            await owner.become({})
            for table in COLUMNS:
                assert await rows_of(reader, table) == [], table

    run(scenario())


def test_rule_1_a_child_that_no_parent_wants_is_refused_and_named(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            await northbound.apply(Plan((Insert(port("x"), {"name": "x"}), Insert(DHCP, {"cidr": "10.0.0.0/24"}))))
            assert "no parent" in northbound.refused[port("x")]
            assert list(northbound.refused) == [port("x")]

    run(scenario())


def test_rule_2_a_column_the_server_does_not_have_is_left_out(server: OvsdbServer) -> None:
    async def scenario() -> None:
        columns = {
            **COLUMNS,
            "Logical_Switch": ("name", "from_the_future"),
            "Future": ("name",),
            "Static_MAC_Binding": ("ip",),
        }
        wanted = {
            SWITCH: Wanted({"name": "s", "from_the_future": "x"}),
            RowKey("Future", "f"): Wanted({"name": "f"}),
            RowKey("Static_MAC_Binding", "b"): Wanted({"ip": "10.0.0.1"}),
        }
        async with writing(server, columns=columns) as northbound:
            assert await northbound.synchronise(wanted) == 2
            assert await northbound.synchronise(wanted) == 0
            assert (
                await northbound.apply(Plan((Update(SWITCH, {"from_the_future": "y"}), Delete(RowKey("Future", "f")))))
                is None
            )

    run(scenario())


def test_a_column_that_was_not_declared_is_a_mistake_of_the_caller(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            with pytest.raises(ValueError, match=r"Logical_Switch\.qos_rules"):
                await northbound.synchronise({SWITCH: Wanted({"qos_rules": frozenset()})})

    run(scenario())


def test_rule_2_what_breaks_a_constraint_is_refused_alone(server: OvsdbServer) -> None:
    async def scenario() -> None:
        wanted = world("a", "b")
        wanted[port("b")] = port_row("b", name="a")
        async with writing(server) as northbound, connected(server.remote) as reader:
            await northbound.synchronise(wanted)
            assert "constraint" in next(iter(northbound.refused.values()))
            assert len(await rows_of(reader, "Logical_Switch_Port")) == 1
            assert len(await rows_of(reader, "NAT")) == 1

    run(scenario())


def test_rule_3_our_own_changes_are_not_taken_for_others(server: OvsdbServer) -> None:
    async def scenario() -> None:
        chance = random.Random(1)
        async with owned(server, world("a")) as owner:
            for _ in range(60):
                await owner.become(world(*chance.sample("abcdefghij", chance.randrange(8))))
            await owner.become({})
            await owner.become(world("a"))
            await asyncio.sleep(0)
            assert owner.repairs == 0

    run(scenario())


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


def test_rule_4_a_writer_of_an_older_epoch_writes_nothing(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server, epoch=3) as older, writing(server, epoch=4) as newer:
            await older.synchronise(world("a"))
            await newer.synchronise(world("a"))
            async with observed(server) as changes:
                with pytest.raises(StaleEpochError):
                    await older.apply(Plan((Update(SWITCH, {"name": "mine"}),)), bump=True)
                with pytest.raises(StaleEpochError):
                    await older.synchronise({})
            assert changes == []
            assert await newer.stored_epoch() == 4

    run(scenario())


def test_rule_4_strangers_keys_beside_the_epoch_do_not_matter_and_stay(server: OvsdbServer) -> None:
    async def scenario() -> None:
        nbctl(server, "init")
        await by_hand(
            server, "set", "NB_Global", ".", "external_ids:theirs=1", "options:theirs=2", "options:bfd-min-rx=9"
        )
        async with writing(server) as northbound, connected(server.remote) as reader:
            await northbound.synchronise({})
            await by_hand(server, "set", "NB_Global", ".", "external_ids:more=3")
            await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)))
            (row,) = await rows_of(reader, "NB_Global")
        assert dict(row["external_ids"][1]) == {"theirs": "1", "more": "3", "headgate-epoch": "1"}
        assert dict(row["options"][1]) == {"theirs": "2", "bfd-min-rx": "100"}

    run(scenario())


@pytest.mark.parametrize("edit", ["the epoch", "the shared row as a whole"])
def test_rule_4_an_epoch_removed_by_hand_does_not_stop_the_writer(server: OvsdbServer, edit: str) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            await by_hand(server, *HAND_EDITS[edit])
            await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)))
            assert northbound.refused == {}
            assert await northbound.stored_epoch() == 1

    run(scenario())


def test_rule_5_a_bump_rides_in_the_last_transaction_of_the_plan(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            async with observed(server) as changes:
                assert await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)), bump=True) == 1
            assert len(changes) == 1
            assert await northbound.apply(Plan(), bump=True) == 2
            assert northbound.nb_cfg == 2
            await by_hand(server, "set", "NB_Global", ".", "sb_cfg=2")
            await eventually(lambda: northbound.sb_cfg == 2)

    run(scenario())


def test_rule_5_a_bump_is_not_lost_when_the_plan_is_refused(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            await northbound.synchronise({})
            assert await northbound.apply(Plan((Insert(port("x"), {}),)), bump=True) == 1

    run(scenario())


HAND_EDITS = {
    "a string": ["set", "Logical_Switch_Port", "a", "type=router"],
    "a set of strings": ["add", "Logical_Switch_Port", "a", "addresses", '"unknown"'],
    "an emptied set": ["clear", "Logical_Switch_Port", "a", "addresses"],
    "an optional boolean": ["set", "Logical_Switch_Port", "a", "enabled=false"],
    "an optional integer": ["clear", "Logical_Switch_Port", "a", "tag_request"],
    "an integer": ["set", "Meter_Band", "UUID", "rate=5"],
    "a key of a map": ["set", "Logical_Switch_Port", "a", "options:requested-chassis=h9"],
    "another key of a map": ["set", "Logical_Switch_Port", "a", "options:other=1"],
    "an optional reference": ["clear", "Logical_Switch_Port", "a", "dhcpv4_options"],
    "a reference set": ["clear", "Port_Group", "hg_group", "ports"],
    "a child": ["lsp-del", "a"],
    "a parent": ["ls-del", "s"],
    "a router with all that hangs on it": ["lr-del", "r"],
    "a strong reference": ["clear", "Logical_Router_Port", "ext", "ha_chassis_group"],
    "children of a group": ["clear", "HA_Chassis_Group", "hg_gw", "ha_chassis"],
    "a row that others refer to": ["--all", "destroy", "DHCP_Options"],
    "what we keep beside our mark": ["clear", "DHCP_Options", "UUID", "external_ids"],
    "our mark": ["remove", "Logical_Switch_Port", "a", "external_ids", OWNER_KEY],
    "our mark, changed": ["set", "Logical_Switch", "s", f"external_ids:{OWNER_KEY}=another"],
    "a key of the shared row": ["set", "NB_Global", ".", "options:bfd-min-rx=1"],
    "the epoch": ["remove", "NB_Global", ".", "external_ids", "headgate-epoch"],
    "the epoch, lowered": ["set", "NB_Global", ".", "external_ids:headgate-epoch=0"],
    "the shared row as a whole": ["--all", "destroy", "NB_Global"],
}


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


async def picture(reader: Connection) -> Any:
    """Return everything that Northbound holds, with keys for UUIDs."""
    tables = {table: await rows_of(reader, table) for table in (*COLUMNS, "NB_Global")}
    names = {
        row["_uuid"][1]: dict(row["external_ids"][1]).get(OWNER_KEY, "?") for rows in tables.values() for row in rows
    }

    def plain(value: Any) -> Any:
        if isinstance(value, list) and value[0] in {"set", "map"}:
            return sorted(map(str, map(plain, value[1])))
        return names.get(value[1], value[1]) if isinstance(value, list) and value[0] == "uuid" else value

    return {
        table: sorted(
            str({c: plain(v) for c, v in row.items() if c not in {"_uuid", "_version", "nb_cfg"}}) for row in rows
        )
        for table, rows in tables.items()
    }


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


def test_a_switch_deleted_while_its_ports_change_ends_up_right(server: OvsdbServer) -> None:
    async def scenario() -> None:
        names = [f"p{n}" for n in range(50)]
        async with owned(server, world(*names)) as owner, connected(server.remote) as other:
            for number in range(4):
                gone = asyncio.ensure_future(
                    other.transact(DB, [{"op": "delete", "table": "Logical_Switch", "where": []}])
                )
                await owner.become(world(*names[number % 7 :], "extra"))
                await gone
            await eventually(lambda: whole(other, owner), 20)
        assert await audit(server, owner.wanted) == 0

    async def whole(other: Connection, owner: Owner) -> bool:
        ports = {row["name"] for row in await rows_of(other, "Logical_Switch_Port")}
        return ports == {key.name for key in owner.wanted if key.table == "Logical_Switch_Port"}

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


def test_nothing_is_applied_on_a_new_connection_before_it_was_synchronised(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with writing(server) as northbound:
            with pytest.raises(NorthboundUnavailable):
                await northbound.apply(Plan((Insert(DHCP, {"cidr": "10.0.0.0/24"}),)))

    run(scenario())


def test_it_may_be_started_before_the_server_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        northbound = Northbound(f"unix:{tmp_path / 'db.sock'}", COLUMNS, epoch=1)
        owner = Owner(northbound, world("a"))
        async with running(northbound.run()), running(owner.run()):
            with pytest.raises(NorthboundUnavailable):
                await northbound.synchronise({})
            with serving(tmp_path, NB_SCHEMA):
                await eventually(lambda: owner.synchronised)

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


def test_names_swapped_between_rows_and_taken_over_from_removed_ones_work_in_any_batch(server: OvsdbServer) -> None:
    async def scenario() -> None:
        names = [f"p{n:03}" for n in range(700)]
        first = world(*names)
        second = dict(first)
        for one, other in zip(names[:350], reversed(names[350:]), strict=True):
            second[port(one)], second[port(other)] = port_row(other), port_row(one)
        third = world(*(f"new-{n}" for n in names)) | {port(f"new-{n}"): port_row(n) for n in names}
        async with owned(server, first) as owner:
            await owner.become(third)
            assert owner.northbound.refused == {}
        assert await audit(server, third) == 0

    run(scenario())


@pytest.mark.parametrize("seed", range(6))
def test_any_path_to_a_world_leaves_the_same_rows(server: OvsdbServer, seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        async with owned(server, {}) as owner:
            for _ in range(15):
                wanted = {} if chance.random() < 0.2 else world(*chance.sample("abcdefghij", chance.randrange(6)))
                for key in chance.sample(sorted(wanted), min(len(wanted), 2)):
                    if key.table == "Logical_Switch_Port":
                        wanted[key] = port_row(
                            key.name, addresses=frozenset({f"dynamic {chance.random()}"}), tag_request=frozenset()
                        )
                await owner.become(wanted)
                assert owner.northbound.refused == {}
            await owner.become(world("z"))
            async with connected(server.remote) as reader:
                taken = await picture(reader)
        assert await audit(server, world("z")) == 0
        server.kill()
        server.start(empty=True)
        async with owned(server, world("z")), connected(server.remote) as reader:
            assert await picture(reader) == taken

    run(scenario())


def test_members_are_added_and_taken_one_by_one(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with owned(server, world("a", "b")) as owner:
            async with observed(server) as changes:
                await owner.northbound.apply(Plan((Mutate(GROUP, "ports", frozenset(), frozenset({port("a")})),)))
            (change,) = changes
            ((difference,),) = [[update["modify"]] for update in change["Port_Group"].values()]
            assert difference["ports"][0] == "uuid"

    run(scenario())


def test_an_unknown_table_name_in_the_database_of_an_old_server_does_not_matter(tmp_path: Path) -> None:
    """A schema of before a table was invented: the rest is written."""
    import json

    schema = json.loads(NB_SCHEMA.read_text())
    del schema["tables"]["Port_Group"]
    del schema["tables"]["Logical_Switch_Port"]["columns"]["tag_request"]
    path = tmp_path / "old.ovsschema"
    path.write_text(json.dumps(schema))

    async def scenario(server: OvsdbServer) -> None:
        async with writing(server) as northbound:
            assert await northbound.synchronise(world("a")) == len(world("a"))
            assert await northbound.synchronise(world("a")) == 0

    with serving(tmp_path / "server", path) as server:
        run(scenario(server))
