"""Between rows of Open vSwitch's replica and the values that managers use.

Keys and set members are written as mutations, so what others put beside them is never overwritten.

Source: ovs-vswitchd.conf.db(5).
"""

from collections.abc import Iterable
from typing import Any

from headgate_hostagent.managers.plan import (
    AddBridge,
    AddPort,
    Change,
    RemoveBridge,
    RemovePort,
    SetBridge,
    SetInterface,
    SetKey,
    SetSsl,
)
from headgate_hostagent.managers.seen import MARK, BridgeSeen, InterfaceSeen, PortSeen, SslSeen, SwitchSeen


class SwitchUnavailableError(OSError):
    """Open vSwitch's database does not answer, is empty, or refuses what is asked; the message says which."""


def read(idl: Any) -> SwitchSeen:
    """Return what the replica `idl` holds.

    Raises:
        SwitchUnavailableError: nobody has initialised the database.
    """
    root = _root(idl)
    bridges = (_bridge(row) for row in root.bridges)
    return SwitchSeen(
        external_ids=dict(root.external_ids),
        version=next(iter(root.ovs_version), ""),
        bridges={bridge.name: bridge for bridge in sorted(bridges, key=lambda bridge: bridge.name)},
        ssl=next((_ssl(row) for row in root.ssl), None),
    )


def write(idl: Any, txn: Any, changes: Iterable[Change]) -> None:
    """Add `changes` to the transaction `txn`, in order."""
    added: dict[str, Any] = {}
    for change in changes:
        match change:
            case SetKey(key, value):
                _set_key(idl, key, value)
            case AddBridge():
                added[change.name] = _add_bridge(idl, txn, change)
            case SetBridge():
                _set_bridge(idl, change)
            case RemoveBridge(name):
                _root(idl).delvalue("bridges", _named(idl, "Bridge", name).uuid)
            case AddPort():
                _add_port(idl, txn, change, added.get(change.bridge))
            case SetInterface(name, mark, iface_id):
                row = _named(idl, "Interface", name)
                row.setkey("external_ids", "iface-id", iface_id)
                row.setkey("external_ids", MARK, mark)
            case RemovePort(bridge_name, name):
                _named(idl, "Bridge", bridge_name).delvalue("ports", _named(idl, "Port", name).uuid)
            case SetSsl():
                _set_ssl(idl, txn, change)


def _root(idl: Any) -> Any:
    for row in idl.tables["Open_vSwitch"].rows.values():
        return row
    raise SwitchUnavailableError("Open vSwitch's database is empty; run: ovs-vsctl --no-wait init")


def _named(idl: Any, table: str, name: str) -> Any:
    return next(row for row in idl.tables[table].rows.values() if row.name == name)


def _bridge(row: Any) -> BridgeSeen:
    ports = (_port(port) for port in row.ports)
    return BridgeSeen(
        name=row.name,
        datapath_type=row.datapath_type or "system",
        hwaddr=row.other_config.get("hwaddr", ""),
        external_ids=dict(row.external_ids),
        ports={port.name: port for port in sorted(ports, key=lambda port: port.name)},
    )


def _port(row: Any) -> PortSeen:
    return PortSeen(row.name, dict(row.external_ids), tuple(_interface(interface) for interface in row.interfaces))


def _interface(row: Any) -> InterfaceSeen:
    return InterfaceSeen(
        name=row.name,
        type=row.type,
        options=dict(row.options),
        external_ids=dict(row.external_ids),
        link_up=next(iter(row.link_state), "") == "up",
        error=next(iter(row.error), ""),
        bfd_state=row.bfd_status.get("state", ""),
    )


def _ssl(row: Any) -> SslSeen:
    return SslSeen(row.private_key, row.certificate, row.ca_cert, dict(row.external_ids))


def _set_ssl(idl: Any, txn: Any, change: SetSsl) -> None:
    """Put a new row in place of the one there is: the schema has room for one."""
    if not change.identity:
        _root(idl).ssl = []
        return
    row = txn.insert(idl.tables["SSL"])
    row.private_key = row.certificate = change.identity
    row.ca_cert = change.ca_cert
    row.external_ids = {MARK: change.mark}
    _root(idl).ssl = [row]


def _set_key(idl: Any, key: str, value: str) -> None:
    if value:
        _root(idl).setkey("external_ids", key, value)
    else:
        _root(idl).delkey("external_ids", key)


def _set_bridge(idl: Any, change: SetBridge) -> None:
    row = _named(idl, "Bridge", change.name)
    row.datapath_type = change.datapath_type
    if change.hwaddr:
        row.setkey("other_config", "hwaddr", change.hwaddr)


def _add_bridge(idl: Any, txn: Any, change: AddBridge) -> Any:
    row = txn.insert(idl.tables["Bridge"])
    row.name = change.name
    row.datapath_type = change.datapath_type
    row.fail_mode = ["secure"] if change.secure else []
    row.other_config = _without_empty(
        {"hwaddr": change.hwaddr, "disable-in-band": "true" if change.secure else ""},
    )
    row.external_ids = _without_empty({MARK: change.mark})
    row.ports = [_insert_port(idl, txn, change.name, "internal", {})]
    _root(idl).addvalue("bridges", row.uuid)
    return row


def _add_port(idl: Any, txn: Any, change: AddPort, new_bridge: Any) -> None:
    """Insert a port; the columns of a bridge of this transaction are set, those of one that is there mutated."""
    external_ids = _without_empty({MARK: change.mark, "iface-id": change.iface_id})
    port = _insert_port(idl, txn, change.name, "", external_ids)
    if new_bridge is not None:
        new_bridge.ports = [*new_bridge.ports, port]
    else:
        _named(idl, "Bridge", change.bridge).addvalue("ports", port.uuid)


def _insert_port(idl: Any, txn: Any, name: str, kind: str, external_ids: dict[str, str]) -> Any:
    interface = txn.insert(idl.tables["Interface"])
    interface.name = name
    interface.type = kind
    interface.external_ids = external_ids
    port = txn.insert(idl.tables["Port"])
    port.name = name
    port.interfaces = [interface]
    return port


def _without_empty(values: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}
