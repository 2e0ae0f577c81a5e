"""What OVN Southbound says of hosts and of where ports are bound, kept small in memory; nothing is ever written.

It reads with our own client: at tens of thousands of bindings a general replica in Python costs minutes of CPU to load.

Source: ovn-sb(5), tables Chassis, Chassis_Private, Port_Binding and SB_Global.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headgate_common.ovsdb import Connection, Snapshot, TableUpdates
from headgate_common.ovsdb_schema import Wire, atoms

from .dial import Address, stay_connected

log = logging.getLogger(__name__)

DATABASE = "OVN_Southbound"

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Chassis": ("name",),
    "Chassis_Private": ("name", "nb_cfg"),
    "Port_Binding": ("logical_port", "chassis"),
    "SB_Global": ("nb_cfg",),
}


class Southbound:
    """A reader of Southbound that keeps itself connected while `run` runs.

    While `connected` is false, everything is as it was last seen. `chassis_nb_cfg` tells by host how far it has
    realised Northbound, `bindings` by logical port on which host it is bound, None if on none; `absent` is what of
    `COLUMNS` the server does not have.
    """

    def __init__(self, remote: str, pki_dir: Path = Path()) -> None:
        self.connected = False
        self.absent: frozenset[str] = frozenset()
        self.schema_version = ""
        self.nb_cfg = 0
        self.chassis_nb_cfg: dict[str, int] = {}
        self.bindings: dict[str, str | None] = {}
        self._address = Address(remote, pki_dir)
        self.on_translated: Callable[[int], None] = lambda _nb_cfg: None
        self.on_confirmed: Callable[[str, int | None], None] = lambda _host, _nb_cfg: None
        self._on_change: Callable[[frozenset[str]], None] = lambda _: None
        self._rows: dict[str, dict[str, dict[str, Wire]]] = {table: {} for table in COLUMNS}
        self._ports: dict[str, str] = {}

    @property
    def chassis(self) -> set[str]:
        """The hosts that OVN knows. O(hosts)."""
        return {row["name"] for row in self._rows["Chassis"].values()}

    def confirmed(self) -> int:
        """Return the highest nb_cfg that Southbound or any host has come to. O(hosts)."""
        return max((self.nb_cfg, *self.chassis_nb_cfg.values()))

    @property
    def why_unready(self) -> str:
        """Why nothing new is known of the hosts; empty if everything is."""
        return "" if self.connected else f"{self._address.remote} is not connected"

    def listen(self, on_change: Callable[[frozenset[str]], None]) -> None:
        """Have `on_change` called after each batch of updates, and when the connection comes or goes.

        It gets the logical ports whose bindings changed, appeared or vanished. Besides, `on_translated` gets each
        nb_cfg that Southbound has come to, `on_confirmed` a host's name and the nb_cfg that it has carried out, None
        once it is gone.
        """
        self._on_change = on_change

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await stay_connected(self._address, self._connect, self._disconnected)

    async def _connect(self, connection: Connection) -> None:
        schema = await connection.get_schema(DATABASE)
        columns = {
            table: [name for name in names if schema.column(table, name)]
            for table, names in COLUMNS.items()
            if table in schema.tables
        }
        self.absent = frozenset(f"{t}.{c}" for t, names in COLUMNS.items() for c in names if not schema.column(t, c))
        self.schema_version = schema.version
        if self.absent:
            log.warning("columns unknown to the server left out", extra={"columns": sorted(self.absent)})
        await connection.monitor(DATABASE, "headgate", columns, self._updated, on_start=self._started)

    def _started(self, snapshot: Snapshot) -> None:
        self._rows = {table: {} for table in COLUMNS}
        gone = frozenset(self.bindings)
        self._ports.clear()
        self.bindings.clear()
        self.chassis_nb_cfg.clear()
        self.connected = True
        # Tables without rows are not in the snapshot, but what was known of them must go too.
        self._on_change(gone | self._absorb({table: snapshot.rows.get(table, {}) for table in COLUMNS}))

    def _disconnected(self) -> None:
        self.connected = False
        self._on_change(frozenset())

    def _updated(self, updates: TableUpdates) -> None:
        self._on_change(self._absorb(updates))

    def _absorb(self, updates: TableUpdates) -> frozenset[str]:
        """Take in a batch of updates, and return the ports whose bindings it touches."""
        for table in updates.keys() - {"Port_Binding", "Chassis_Private"}:
            for uuid, update in updates[table].items():
                _merge(self._rows[table], uuid, update)
        for uuid, update in _ends_first(updates.get("Chassis_Private", {})):
            self._confirm(uuid, update)
        if "SB_Global" in updates:
            self.nb_cfg = next((row.get("nb_cfg", 0) for row in self._rows["SB_Global"].values()), 0)
            self.on_translated(self.nb_cfg)
        bound = _ends_first(updates.get("Port_Binding", {}))
        return frozenset(port for uuid, update in bound for port in self._bind(uuid, update))

    def _confirm(self, uuid: str, update: Mapping[str, Any]) -> None:
        """Take in how far one host is; every host tells that after every change."""
        rows = self._rows["Chassis_Private"]
        host = rows[uuid]["name"] if uuid in rows else ""
        self.chassis_nb_cfg.pop(host, None)
        _merge(rows, uuid, update)
        if uuid in rows:
            host = rows[uuid]["name"]
            self.chassis_nb_cfg[host] = rows[uuid].get("nb_cfg", 0)
        self.on_confirmed(host, self.chassis_nb_cfg.get(host))

    def _bind(self, uuid: str, update: Mapping[str, Any]) -> tuple[str, ...]:
        """Take in a change of one binding, and return its port."""
        if "delete" in update:
            port = self._ports.pop(uuid)
            del self.bindings[port]
            return (port,)
        # OVN never renames a binding.
        row = update.get("modify") or update.get("insert") or update.get("initial") or {}
        port = self._ports.get(uuid) or row["logical_port"]
        self._ports[uuid] = port
        self.bindings[port] = self._chassis_name(row["chassis"]) if "chassis" in row else self.bindings.get(port)
        return (port,)

    def _chassis_name(self, wire: Wire) -> str | None:
        name: str | None = None
        for uuid in atoms(wire):
            name = self._rows["Chassis"].get(uuid, {}).get("name")
        return name


def _ends_first(updates: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the changes of a table's rows: a port or a host may lose one row and get another in one batch."""
    return sorted(updates.items(), key=lambda item: "delete" not in item[1])


def _merge(rows: dict[str, dict[str, Wire]], uuid: str, update: Mapping[str, Any]) -> None:
    """Take in a change of a row whose watched columns hold at most one value each: differences are new values."""
    if "delete" in update:
        rows.pop(uuid, None)
    elif (differences := update.get("modify")) is not None:
        rows[uuid].update(differences)
    else:
        rows[uuid] = dict(update.get("insert") or update.get("initial") or {})
