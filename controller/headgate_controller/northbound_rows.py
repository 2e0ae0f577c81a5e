"""Rows of OVN Northbound, one constructor for each table, so that every row of a table names the same columns.

Source: ovn-nb(5), OVN 23.03.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from headgate_common.rows import EMPTY, Atom, Member, Row, RowKey, Value

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Logical_Switch": ("name", "other_config", "ports"),
    "Logical_Switch_Port": (
        "name",
        "type",
        "addresses",
        "port_security",
        "options",
        "dhcpv4_options",
        "dhcpv6_options",
        "tag",
    ),
    "Logical_Router": ("name", "options", "ports", "static_routes", "nat"),
    "Logical_Router_Port": ("name", "mac", "networks", "ipv6_ra_configs", "options", "ha_chassis_group"),
    "Logical_Router_Static_Route": ("ip_prefix", "nexthop", "output_port", "policy", "options"),
    "NAT": ("type", "external_ip", "logical_ip", "external_mac", "logical_port", "gateway_port", "options"),
    "DHCP_Options": ("cidr", "options"),
    "HA_Chassis_Group": ("name", "ha_chassis"),
    "HA_Chassis": ("chassis_name", "priority"),
}
"""Every column that a desired row may name, and so what the writer watches."""

CHASSIS_REDIRECT = "cr-"
"""How OVN names the binding of a router port that one host at a time carries."""


def optional(value: Atom | None) -> frozenset[Atom]:
    """Return the set form of a value that may be absent."""
    return frozenset() if value is None else frozenset({value})


def switch_key(subnet: str) -> RowKey:
    """Return the key of a subnet's switch."""
    return RowKey("Logical_Switch", subnet)


def dhcp_key(subnet: str, version: int) -> RowKey:
    """Return the key of the DHCP options of a subnet's range of a family, 4 or 6."""
    return RowKey("DHCP_Options", f"{subnet}/v{version}")


def router_key(vpc: str) -> RowKey:
    """Return the key of a VPC's router."""
    return RowKey("Logical_Router", vpc)


def gateway_key(subnet: str) -> RowKey:
    """Return the key of the router port that is the gateway of a VPC's subnet."""
    return RowKey("Logical_Router_Port", f"{subnet}/gateway")


def external_key(vpc: str, attachment: str) -> RowKey:
    """Return the key of the router port of a VPC's external attachment."""
    return RowKey("Logical_Router_Port", f"{vpc}/external/{attachment}")


def redirect_of(port: RowKey) -> str:
    """Return the name under which Southbound says which host carries a router port that one at a time does."""
    return f"{CHASSIS_REDIRECT}{port.name}"


def held(parent: RowKey, column: str, row: Row) -> Iterator[Row | Member]:
    """Yield a row of a table that is no root of the schema, and its place in the set column of its parent."""
    yield Row(row.key, row.columns, row.member_columns, parent)
    yield Member(parent, column, row.key)


def switch(key: RowKey) -> Row:
    """Return a switch."""
    return Row(key, {"name": key.name, "other_config": {}}, ("ports",))


def switch_port(  # noqa: PLR0913 - the columns of the table
    key: RowKey,
    *,
    type: str = "",  # noqa: A002 - the column's name
    addresses: frozenset[Atom] = EMPTY,
    port_security: frozenset[Atom] = EMPTY,
    options: Mapping[str, str] | None = None,
    dhcpv4: frozenset[Atom] = EMPTY,
    dhcpv6: frozenset[Atom] = EMPTY,
    tag: int | None = None,
) -> Row:
    """Return a switch port; its OVN name is the key's name."""
    columns: dict[str, Value] = {
        "name": key.name,
        "type": type,
        "addresses": addresses,
        "port_security": port_security,
        "options": options or {},
        "dhcpv4_options": dhcpv4,
        "dhcpv6_options": dhcpv6,
        "tag": optional(tag),
    }
    return Row(key, columns)


def router(key: RowKey, options: Mapping[str, str]) -> Row:
    """Return a router."""
    return Row(key, {"name": key.name, "options": options}, ("ports", "static_routes", "nat"))


def router_port(
    key: RowKey,
    mac: str,
    networks: Iterable[str],
    *,
    ra: Mapping[str, str] | None = None,
    ha_group: RowKey | None = None,
) -> Row:
    """Return a router port; `networks` are the router's addresses with their prefix lengths, `ra` the IPv6 router
    advertisements.
    """
    columns: dict[str, Value] = {
        "name": key.name,
        "mac": mac,
        "networks": frozenset(networks),
        "ipv6_ra_configs": ra or {},
        "options": {},
        "ha_chassis_group": optional(ha_group),
    }
    return Row(key, columns)


def static_route(key: RowKey, prefix: str, next_hop: str, output: RowKey) -> Row:
    """Return a static route that leaves by a router port."""
    return Row(
        key,
        {
            "ip_prefix": prefix,
            "nexthop": next_hop,
            "output_port": optional(output.name),
            "policy": frozenset(),
            "options": {},
        },
    )


def nat(key: RowKey, kind: str, external_ip: str, logical_ip: str, gateway: RowKey) -> Row:
    """Return an address translation done at a gateway port; `kind` is "snat" or "dnat_and_snat"."""
    columns: dict[str, Value] = {
        "type": kind,
        "external_ip": external_ip,
        "logical_ip": logical_ip,
        "external_mac": frozenset(),
        "logical_port": frozenset(),
        "gateway_port": optional(gateway),
        "options": {},
    }
    return Row(key, columns)


def dhcp_options(key: RowKey, cidr: str, options: Mapping[str, str]) -> Row:
    """Return the DHCP options of a range."""
    return Row(key, {"cidr": cidr, "options": options})


def ha_group(key: RowKey) -> Row:
    """Return a group of hosts of which the first that is up serves."""
    return Row(key, {"name": key.name}, ("ha_chassis",))


def ha_chassis(key: RowKey, chassis: str, priority: int) -> Row:
    """Return one host of a group; the highest priority serves."""
    return Row(key, {"chassis_name": chassis, "priority": priority})
