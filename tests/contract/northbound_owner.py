"""A World to write, an owner who keeps Northbound at it, and strangers who write there too, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

from ovsdb_server import OvsdbServer, connected, eventually, running

from headgate_common.ovsdb import Connection
from headgate_common.rows import OWNER_KEY, RowKey, Wanted, diff
from headgate_controller.ovn.northbound import Northbound, NorthboundUnavailable

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
