"""Subnets: a logical switch; inside a VPC also the router port that is its gateway and the translation of its
addresses, outside the VLAN it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headgate_common.rows import Member, Row, RowKey
from headgate_controller.addresses import V4, V6, Prefix, text, text4
from headgate_controller.errors import Violation
from headgate_controller.kinds.registry import ERROR, INFO, Condition, Faults, Kind
from headgate_controller.northbound_rows import (
    dhcp_key,
    dhcp_options,
    external_key,
    gateway_key,
    held,
    nat,
    optional,
    router_key,
    router_port,
    switch,
    switch_key,
    switch_port,
)
from headgate_controller.nouns.subnet import Subnet, attached
from headgate_controller.nouns.vpc import attachments, vpc_exists
from headgate_controller.pools import free_mac, usage
from headgate_controller.world import Answers, World

OVERLAY_MTU = 1442
"""What a workload can send through Geneve over IPv4 when the underlay carries 1500 bytes."""

LEASE_SECONDS = 86_400

LOW = 10
"""A subnet runs short when fewer than one in this many addresses are free."""


def allocate(subnet: Subnet, before: Subnet | None, world: World) -> tuple[Subnet, Faults]:
    """Choose the gateways that the platform provides and their Ethernet address."""
    segments = (subnet.name, subnet.vpc) if subnet.vpc else (subnet.name,)
    mac = before.gateway_mac if before else free_mac(world, f"{subnet.meta.uid}/gateway", *segments)
    subnet = replace(subnet, gateway_mac=mac)
    if subnet.vpc is None:
        return subnet, ()
    if subnet.cidr is not None and subnet.gateway is None:
        subnet = replace(subnet, gateway=subnet.cidr.base + 1)
    if subnet.ipv6_cidr is not None and subnet.ipv6_gateway is None:
        subnet = replace(subnet, ipv6_gateway=subnet.ipv6_cidr.base + 1)
    return subnet, ()


def validate(subnet: Subnet, world: World) -> Iterator[Violation]:
    """Yield every reason why `world` cannot hold `subnet`."""
    yield from _shape(subnet)
    yield from _ranges(subnet, world)
    yield from _gateways(subnet)
    yield from _pools(subnet)
    yield from _collisions(subnet, world)


def _shape(subnet: Subnet) -> Iterator[Violation]:
    if subnet.vpc and subnet.vlan:
        text = "A subnet of a VPC is an overlay segment; leave `vlan` out, or create the subnet outside of VPCs."
        yield Violation("vlan", "VLAN_IN_VPC", text)
    if subnet.vpc and subnet.external:
        text = "Only a VLAN subnet outside of VPCs can be external; leave `external` out, or name no VPC."
        yield Violation("external", "EXTERNAL_IN_VPC", text)
    if not subnet.vpc and not subnet.vlan:
        text = "A subnet outside of VPCs needs `vlan`; to make an overlay segment name a VPC."
        yield Violation("vlan", "VLAN_MISSING", text)
    if subnet.cidr is None and subnet.ipv6_cidr is None:
        yield Violation("cidr", "RANGE_MISSING", "One of `cidr` and `ipv6_cidr` is needed.")
    if subnet.external:
        yield from _external(subnet)


def _external(subnet: Subnet) -> Iterator[Violation]:
    if subnet.gateway is None:
        text = "An external subnet needs the address of the physical router; set `gateway`."
        yield Violation("gateway", "GATEWAY_MISSING", text)
    for field, value in (("ipv6_cidr", subnet.ipv6_cidr), ("ipv6_gateway", subnet.ipv6_gateway)):
        if value is not None:
            yield Violation(field, "IPV6_NOT_SUPPORTED", "External subnets carry IPv4 only; leave it out.")


def _ranges(subnet: Subnet, world: World) -> Iterator[Violation]:
    longest = 30 if subnet.external else 29
    if subnet.cidr and not 8 <= subnet.cidr.length <= longest:
        text = f"/{subnet.cidr.length} is not between /8 and /{longest}; choose another size."
        yield Violation("cidr", "CIDR_SIZE", text)
    if subnet.ipv6_cidr and subnet.ipv6_cidr.length != 64:
        text = f"/{subnet.ipv6_cidr.length} is not /64, which is the size of every IPv6 subnet."
        yield Violation("ipv6_cidr", "CIDR_SIZE", text)
    for field, prefix in (("cidr", subnet.cidr), ("ipv6_cidr", subnet.ipv6_cidr)):
        for reserved, use in world.reserved:
            if prefix and prefix.overlaps(reserved):
                text = f"{prefix} overlaps {reserved}, which is reserved for {use}; choose another range."
                yield Violation(field, "RESERVED_RANGE", text)


def _gateways(subnet: Subnet) -> Iterator[Violation]:
    for field, ip, prefix in (
        ("gateway", subnet.gateway, subnet.cidr),
        ("ipv6_gateway", subnet.ipv6_gateway, subnet.ipv6_cidr),
    ):
        if ip is None:
            continue
        if prefix is None:
            other = field.replace("gateway", "cidr")
            yield Violation(field, "RANGE_MISSING", f"It needs a range to be in; set `{other}` or leave it out.")
        elif ip not in prefix:
            outside = f"{text(prefix.version, ip)} is not in {prefix}; choose an address of that range."
            yield Violation(field, "OUTSIDE_RANGE", outside)
        elif ip == prefix.base or (prefix.version == V4 and ip == prefix.last):
            reserved = (
                f"{text(prefix.version, ip)} is the network's or the broadcast address of {prefix}; choose another."
            )
            yield Violation(field, "RESERVED_ADDRESS", reserved)


def _pools(subnet: Subnet) -> Iterator[Violation]:
    for position, pool in enumerate(subnet.pools):
        field = f"pools[{position}]"
        if pool.start > pool.end:
            reversed_ = f"{text4(pool.end)} is before {text4(pool.start)}; exchange start and end."
            yield Violation(f"{field}.end", "RANGE_REVERSED", reversed_)
        for name, ip in (("start", pool.start), ("end", pool.end)):
            if subnet.cidr is None or ip not in subnet.cidr:
                outside = (
                    f"{text4(ip)} is not in {subnet.cidr or 'any IPv4 range of the subnet'}; choose an address there."
                )
                yield Violation(f"{field}.{name}", "OUTSIDE_RANGE", outside)
        for earlier in subnet.pools[:position]:
            if pool.start <= earlier.end and earlier.start <= pool.end:
                overlap = f"It overlaps {text4(earlier.start)}-{text4(earlier.end)}; make one pool of both."
                yield Violation(field, "POOL_OVERLAP", overlap)


def _collisions(subnet: Subnet, world: World) -> Iterator[Violation]:
    if subnet.vlan:
        for holder in sorted(world.group("subnet_of_vlan", subnet.vlan)):
            taken = f"VLAN {subnet.vlan.id} of {subnet.vlan.physical_network} is {holder} already; choose another id."
            yield Violation("vlan", "VLAN_IN_USE", taken, passing=True, holder=holder)
    if subnet.vpc is None:
        return
    neighbours = [*world.group("subnets_of", subnet.vpc), *(a.subnet for _, a in attachments(world, subnet.vpc))]
    others = [found for name in sorted(set(neighbours)) if (found := world.get(Subnet, name))]
    for field, mine in (("cidr", subnet.cidr), ("ipv6_cidr", subnet.ipv6_cidr)):
        if mine is None:
            continue
        for other in others:
            for theirs in other.prefixes():
                if mine.overlaps(theirs):
                    overlap = f"{mine} overlaps {theirs} of {other.name}; choose another range."
                    yield Violation(field, "CIDR_OVERLAP", overlap, passing=True, holder=other.name)
        for route in sorted(world.group("route_to", (subnet.vpc, mine))):
            routed = f"{route} routes {mine} elsewhere; delete that route first, or choose another range."
            yield Violation(field, "CIDR_ROUTED", routed, passing=True, holder=route)


def compile_subnet(subnet: Subnet, world: Answers) -> Iterator[Row | Member]:
    """Yield the switch, and what joins it to its VPC's router or to its VLAN.

    Source: ovn-nb(5), tables Logical_Switch, Logical_Switch_Port, Logical_Router_Port, DHCP_Options and NAT.
    """
    if subnet.vpc and not vpc_exists(world, subnet.vpc):
        return
    yield switch(switch_key(subnet.name))
    if subnet.external is None:
        yield from _dhcp(subnet)
    if subnet.vlan:
        yield from _vlan_port(subnet)
    elif subnet.vpc:
        yield from _router_port(subnet, subnet.vpc)
        yield from _source_nat(subnet, subnet.vpc, world)


def _vlan_port(subnet: Subnet) -> Iterator[Row | Member]:
    assert subnet.vlan is not None
    key = RowKey("Logical_Switch_Port", f"{subnet.name}/vlan")
    options = {"network_name": subnet.vlan.physical_network}
    row = switch_port(key, type="localnet", addresses=optional("unknown"), options=options, tag=subnet.vlan.id or None)
    yield from held(switch_key(subnet.name), "ports", row)


def _router_port(subnet: Subnet, vpc: str) -> Iterator[Row | Member]:
    port = gateway_key(subnet.name)
    pairs = ((subnet.cidr, subnet.gateway), (subnet.ipv6_cidr, subnet.ipv6_gateway))
    networks = [prefix.address(ip) for prefix, ip in pairs if prefix is not None and ip is not None]
    ra = (
        {"address_mode": "dhcpv6_stateful", "mtu": str(OVERLAY_MTU), "send_periodic": "true"}
        if subnet.ipv6_cidr
        else {}
    )
    yield from held(router_key(vpc), "ports", router_port(port, subnet.gateway_mac or "", networks, ra=ra))
    peer = RowKey("Logical_Switch_Port", f"{subnet.name}/router")
    row = switch_port(peer, type="router", addresses=optional("router"), options={"router-port": port.name})
    yield from held(switch_key(subnet.name), "ports", row)


def _source_nat(subnet: Subnet, vpc: str, world: Answers) -> Iterator[Row | Member]:
    for key, attachment, _ in attached(world, vpc) if subnet.cidr else ():
        for ip in attachment.snat_ips:
            row = nat(
                RowKey("NAT", f"{subnet.name}/snat/{key}"), "snat", text4(ip), str(subnet.cidr), external_key(vpc, key)
            )
            yield from held(router_key(vpc), "nat", row)


def _dhcp(subnet: Subnet) -> Iterator[Row]:
    """Yield the DHCP options of each family; OVN answers from the switch itself, so the server's address is the
    gateway's.
    """
    mac = subnet.gateway_mac or ""
    if subnet.cidr and subnet.gateway is not None:
        gateway = text4(subnet.gateway)
        options = {"server_id": gateway, "server_mac": mac, "router": gateway, "lease_time": str(LEASE_SECONDS)}
        if subnet.vpc:
            options["mtu"] = str(OVERLAY_MTU)
        yield dhcp_options(
            dhcp_key(subnet.name, V4),
            str(subnet.cidr),
            options | _names(subnet, subnet.cidr, "domain_name"),
        )
    if subnet.ipv6_cidr and subnet.vpc:
        yield dhcp_options(
            dhcp_key(subnet.name, V6),
            str(subnet.ipv6_cidr),
            {"server_id": mac} | _names(subnet, subnet.ipv6_cidr, "domain_search"),
        )


def _names(subnet: Subnet, prefix: Prefix, domain_option: str) -> dict[str, str]:
    """Return the options of name service; the inner quotes are part of OVN's syntax, and without them the whole row
    is dead.
    """
    servers = [text(a.version, a.value) for a in subnet.dns_servers if a.version == prefix.version]
    options = {}
    if servers:
        options["dns_server"] = servers[0] if len(servers) == 1 else "{" + ", ".join(servers) + "}"
    if subnet.domain_name:
        options[domain_option] = f'"{subnet.domain_name}"'
    return options


def conditions(subnet: Subnet, world: World) -> Iterator[Condition]:
    """Yield what keeps the subnet from working, is missing, or runs short."""
    yield from _shortage(subnet, world)
    if subnet.external and not world.group("vpcs_on", subnet.name):
        text = "No VPC is attached to it: add it to external_subnets of one, or delete it if nobody is to use it."
        yield Condition("UNUSED_EXTERNAL_SUBNET", text, INFO)
    if subnet.vlan:
        network = subnet.vlan.physical_network
        if not world.group("hosts_on", network):
            yield Condition(
                "NO_HOST_ON_NETWORK",
                f"No host is connected to the physical network {network!r}; "
                "add it to [physical_networks] of an agent's configuration.",
                ERROR,
            )


def _shortage(subnet: Subnet, world: World) -> Iterator[Condition]:
    size, free = usage(world, subnet)
    if size and free * LOW < size:
        left = f"{free} of {size} addresses are free" if free else f"All {size} addresses are taken"
        text = f"{left}: add to `pools`, release some, or make a further subnet."
        yield Condition("ADDRESSES_LOW" if free else "ADDRESSES_EXHAUSTED", text)


KIND = Kind(
    message="headgate.v1.Subnet",
    noun=Subnet,
    allocate=allocate,
    validate=validate,
    compile=compile_subnet,
    conditions=conditions,
    shared=lambda subnet: subnet.external is not None,
)
