"""What OVN accepts though it breaks, as one check of all rows together: no set of kinds may ever compile to any of it.

Source: the effects were seen on OVN 23.03.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Any

from kind_site import Rows

from headgate_common.rows import RowKey

TABLES = {
    "Logical_Switch",
    "Logical_Switch_Port",
    "Logical_Router",
    "Logical_Router_Port",
    "Logical_Router_Static_Route",
    "NAT",
    "DHCP_Options",
    "HA_Chassis_Group",
    "HA_Chassis",
}


def audit(rows: Rows) -> None:
    """Assert that OVN makes of the rows what they mean."""
    assert {key.table for key in rows} <= TABLES, "a table without checks"
    _switches(rows)
    _routers(rows)
    _gateways(rows)
    _routes(rows)
    _translations(rows)
    _dhcp(rows)


def _of(rows: Rows, table: str) -> Iterator[tuple[RowKey, dict[str, Any]]]:
    return ((key, row) for key, row in rows.items() if key.table == table)


def _unique(values: Iterable[object], what: str) -> None:
    seen = list(values)
    assert len(seen) == len(set(seen)), f"{what} twice: {sorted(map(str, seen))}"


def one(value: Any) -> Any:
    """Return the element of an optional column that must be there."""
    (element,) = value
    return element


def interfaces(port: dict[str, Any]) -> list[IPv4Interface | IPv6Interface]:
    """Return the addresses of a router port."""
    return [ip_interface(network) for network in port["networks"]]


def _switches(rows: Rows) -> None:
    switches = dict(_of(rows, "Logical_Switch"))
    _unique((row["name"] for row in switches.values()), "a switch's name")
    _unique((key for row in switches.values() for key in row["ports"]), "a port in two switches")
    ports = dict(_of(rows, "Logical_Switch_Port"))
    _unique((row["name"] for row in ports.values()), "a switch port's name")
    _unique((row["options"]["router-port"] for row in ports.values() if row["type"] == "router"), "a router-port")
    localnets = [row for row in ports.values() if row["type"] == "localnet"]
    _unique(((row["options"]["network_name"], row["tag"]) for row in localnets), "a VLAN")
    for row in localnets:
        assert all(0 < tag < 4095 for tag in row["tag"])
    for row in switches.values():
        _workloads(rows, [ports[key] for key in row["ports"]])


def _workloads(rows: Rows, ports: list[dict[str, Any]]) -> None:
    """Check the addresses on one switch, those of its routers included."""
    macs, ips, ranges = [], [], []
    for row in ports:
        if row["type"] == "router":
            router = rows[RowKey("Logical_Router_Port", row["options"]["router-port"])]
            macs.append(router["mac"])
            ips += [interface.ip for interface in interfaces(router)]
            ranges += [interface.network for interface in interfaces(router)]
    for row in ports:
        if row["type"] == "":
            assert row["addresses"] == row["port_security"]
            mac, *addresses = one(row["addresses"]).split(" ")
            assert len(mac) == 17
            macs.append(mac)
            ips += [ip_address(address) for address in addresses]
            for address in map(ip_address, addresses):
                same = [network for network in ranges if network.version == address.version]
                assert not same or any(address in network for network in same), f"{address} is outside of {same}"
                assert address not in {network.network_address for network in ranges}
    _unique(macs, "an Ethernet address on a switch")
    _unique(ips, "an address on a switch")


def _routers(rows: Rows) -> None:
    ports = dict(_of(rows, "Logical_Router_Port"))
    for _, router in _of(rows, "Logical_Router"):
        own = [ports[key] for key in router["ports"]]
        _unique((port["mac"] for port in own), "an Ethernet address on a router")
        networks = [interface.network for port in own for interface in interfaces(port)]
        for position, network in enumerate(networks):
            for other in networks[:position]:
                assert network.version != other.version or not network.overlaps(other), f"{network}, {other}"
        for port in own:
            for interface in interfaces(port):
                assert interface.ip != interface.network.network_address, interface
                assert interface.version == 6 or interface.ip != interface.network.broadcast_address, interface
    peers = {row["options"]["router-port"] for _, row in _of(rows, "Logical_Switch_Port") if row["type"] == "router"}
    assert peers == {row["name"] for row in ports.values()}, "a router port without its switch port, or the reverse"


def _gateways(rows: Rows) -> None:
    """Check that what joins a router to a physical network is carried by an order of hosts."""
    groups = dict(_of(rows, "HA_Chassis_Group"))
    for group in groups.values():
        hosts = [rows[key] for key in group["ha_chassis"]]
        assert hosts, "a group of no hosts"
        _unique((host["chassis_name"] for host in hosts), "a host in a group")
        _unique((host["priority"] for host in hosts), "a priority in a group")
    outside = {key for _, row in _of(rows, "Logical_Switch") if _is_vlan(rows, row) for key in row["ports"]}
    for key, row in _of(rows, "Logical_Switch_Port"):
        if row["type"] == "router":
            port = rows[RowKey("Logical_Router_Port", row["options"]["router-port"])]
            assert bool(port["ha_chassis_group"]) == (key in outside), "a gateway without hosts, or hosts without"


def _is_vlan(rows: Rows, switch: dict[str, Any]) -> bool:
    return any(rows[key]["type"] == "localnet" for key in switch["ports"])


def _routes(rows: Rows) -> None:
    ports = dict(_of(rows, "Logical_Router_Port"))
    for _, router in _of(rows, "Logical_Router"):
        own = {ports[key]["name"]: ports[key] for key in router["ports"]}
        routes = [rows[key] for key in router["static_routes"]]
        _unique(((row["ip_prefix"], row["nexthop"]) for row in routes), "a next hop of a route")
        for row in routes:
            hop, prefix = ip_address(row["nexthop"]), ip_network(row["ip_prefix"])
            assert hop.version == prefix.version, f"{prefix} via {hop}"
            output = own[one(row["output_port"])]
            connected = [i for i in interfaces(output) if i.version == hop.version and hop in i.network]
            assert connected, f"{hop} is not in {output['networks']}: a black hole"
            assert hop not in {i.ip for port in own.values() for i in interfaces(port)}, f"{hop} is its own"
            assert prefix not in {i.network for port in own.values() for i in interfaces(port)}, (
                f"{prefix} is connected"
            )


def _translations(rows: Rows) -> None:
    nats = dict(_of(rows, "NAT"))
    floating = [row for row in nats.values() if row["type"] == "dnat_and_snat"]
    _unique((row["external_ip"] for row in floating), "an external address")
    _unique(((row["logical_ip"], row["gateway_port"]) for row in floating), "a port's address")
    for _, router in _of(rows, "Logical_Router"):
        translations = [rows[key] for key in router["nat"]]
        _unique(((row["type"], row["logical_ip"], row["gateway_port"]) for row in translations), "a translated prefix")
        for row in translations:
            assert not row["logical_port"]
            assert not row["external_mac"]
            gateway = one(row["gateway_port"])
            assert gateway in router["ports"], "a translation at another router's gateway"
            assert rows[gateway]["ha_chassis_group"], "a translation without a gateway"
            external = ip_address(row["external_ip"])
            own = [i for i in interfaces(rows[gateway]) if external in i.network]
            assert own, f"{external} is in no connected network"
            assert (external in {i.ip for i in own}) == (row["type"] == "snat"), f"{external} is the router's own"


def _dhcp(rows: Rows) -> None:
    for key, row in _of(rows, "DHCP_Options"):
        ip_network(row["cidr"])
        for option in ("domain_name", "domain_search"):
            text = row["options"].get(option, '"x"')
            assert text[0] == text[-1] == '"', f"{key}: OVN cannot parse {option}"
            assert '"' not in text[1:-1]
        assert row["options"].get("lease_time", "0").isdigit()
        if ":" not in row["cidr"]:
            assert row["options"].keys() >= {"server_id", "server_mac", "lease_time"}
