"""Ports: a logical switch port, known to OVN and to the host's Open vSwitch by the port's uid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headgate_common.rows import EMPTY, Atom, Member, Row, RowKey
from headgate_controller.addresses import V4, V6, text, text4
from headgate_controller.errors import Violation
from headgate_controller.kinds.registry import ERROR, Condition, Faults, Kind
from headgate_controller.names import id_of
from headgate_controller.northbound_rows import held, switch_port
from headgate_controller.nouns.port import Port
from headgate_controller.nouns.subnet import Subnet, ipv6_pool, subnet_facts
from headgate_controller.observed import Observed
from headgate_controller.pools import free_mac, next_free, next_free_ipv6
from headgate_controller.world import Answers, World


def allocate(port: Port, before: Port | None, world: World) -> tuple[Port, Faults]:
    """Choose the addresses that were not requested; a port on its way out gets none, and gives up those that it may
    not have.
    """
    subnet = world.get(Subnet, port.subnet)
    chosen: dict[str, Any] = {"iface_id": port.meta.uid}
    if port.meta.deleting:
        return _yielding(replace(port, **chosen), subnet, world), ()
    if subnet is None or subnet.external:
        return replace(port, **chosen), ()
    return _addressed(port, subnet, world, chosen)


def _addressed(port: Port, subnet: Subnet, world: World, chosen: dict[str, Any]) -> tuple[Port, Faults]:
    """Return the port with what is `chosen`, and with the addresses that were not requested."""
    faults: list[Violation] = []
    if port.ip is None and subnet.cidr:
        chosen["ip"] = next_free(world, subnet)
        if chosen["ip"] is None:
            exhausted = f"{subnet.name} has no free address; widen its pools or release some."
            faults.append(Violation("ip", "POOL_EXHAUSTED", exhausted, passing=True, holder=f"{subnet.name}/-"))
    if port.ipv6 is None and subnet.ipv6_cidr:
        chosen["ipv6"] = next_free_ipv6(world, subnet)
    if port.mac is None:
        chosen["mac"] = free_mac(world, port.meta.uid, port.subnet)
    return replace(port, **chosen), tuple(faults)


def _yielding(port: Port, subnet: Subnet | None, world: World) -> Port:
    """Return the port without the addresses that a subnet made anew in the place of its own does not let it have."""
    if subnet is None or any(violation.field in ("ip", "ipv6") for violation in validate(port, world)):
        return replace(port, ip=None, ipv6=None)
    return port


def validate(port: Port, world: World) -> Iterator[Violation]:
    """Yield every reason why `world` cannot hold `port`."""
    subnet = world.get(Subnet, port.subnet)
    if subnet is None:
        return
    if subnet.external:
        external = f"{subnet.name} is external and takes no ports; choose another (VPCs attach to this one)."
        yield Violation("parent", "SUBNET_IS_EXTERNAL", external, needs=subnet.name)
        return
    for field, version, ip, prefix, pool in (
        ("ip", V4, port.ip, subnet.cidr, subnet.name),
        ("ipv6", V6, port.ipv6, subnet.ipv6_cidr, ipv6_pool(subnet.name)),
    ):
        if ip is None:
            continue
        if prefix is None:
            missing = f"{subnet.name} has no range of that family; leave it out."
            yield Violation(field, "RANGE_MISSING", missing, needs=subnet.name)
        elif ip not in prefix:
            outside = f"{text(version, ip)} is not in {prefix} of {subnet.name}; choose an address of that range."
            yield Violation(field, "OUTSIDE_RANGE", outside, needs=subnet.name)
        elif ip in world.pool(pool):
            yield _taken(port, field, version, ip, subnet, world)
    for other in sorted(world.group("mac", (port.subnet, port.mac))):
        in_use = f"{port.mac} is the address of {other} already; choose another, or leave it out."
        yield Violation("mac", "MAC_IN_USE", in_use, passing=True, holder=other)


def _taken(port: Port, field: str, version: int, ip: int, subnet: Subnet, world: World) -> Violation:
    """Return the violation of an address that is taken; who holds it is looked for only now."""
    holders = (world.get(Port, name) for name in world.group("referrers", subnet.name))
    for holder in holders:
        if holder is not None and ip == (holder.ip if version == V4 else holder.ipv6):
            in_use = f"{text(version, ip)} is the address of {holder.name} already; choose another, or leave it out."
            return Violation(field, "ADDRESS_IN_USE", in_use, passing=True, holder=holder.name)
    gateway = subnet.gateway if version == V4 else subnet.ipv6_gateway
    what = "the gateway" if ip == gateway else "the network's or the broadcast address"
    reserved = f"{text(version, ip)} is {what} of {subnet.name}; choose another, or leave it out."
    return Violation(field, "RESERVED_ADDRESS", reserved, needs=subnet.name)


def compile_port(port: Port, world: Answers) -> Iterator[Row | Member]:
    """Yield the switch port.

    Source: ovn-nb(5), table Logical_Switch_Port.
    """
    facts = subnet_facts(world, port.subnet)
    if facts is None or port.mac is None:
        return
    ips = [text4(port.ip)] if port.ip is not None else []
    ips += [text(V6, port.ipv6)] if port.ipv6 is not None else []
    addresses: frozenset[Atom] = frozenset({" ".join([port.mac, *ips])})
    key = RowKey("Logical_Switch_Port", port.meta.uid)
    row = switch_port(
        key,
        addresses=addresses,
        port_security=addresses,
        options={"requested-chassis": id_of(port.host)} if port.host else {},
        dhcpv4=facts.dhcpv4 if port.ip is not None else EMPTY,
        dhcpv6=facts.dhcpv6 if port.ipv6 is not None else EMPTY,
    )
    yield from held(facts.switch, "ports", row)


@dataclass(frozen=True, slots=True)
class PortSeen:
    """What is shown of a port besides what is stored."""

    bound_host: str


def observe(port: Port, world: World, observed: Observed) -> PortSeen:
    """Return where the port is plugged."""
    chassis = observed.bound(port.iface_id)
    return PortSeen(f"hosts/{chassis}" if chassis else "")


def conditions(port: Port, world: World) -> Iterator[Condition]:
    """Yield what keeps the port from working: it may be bound only where its VLAN does not reach."""
    subnet = None if port.host is None else world.get(Subnet, port.subnet)
    if subnet is None or subnet.vlan is None:
        return
    network = subnet.vlan.physical_network
    if port.host not in world.group("hosts_on", network):
        text = (
            f"{port.host} may bind it, and is not connected to the physical network {network!r} of {subnet.name}: "
            "let another host bind it, or add the network to [physical_networks] of that agent's configuration."
        )
        yield Condition("HOST_NOT_ON_NETWORK", text, ERROR)


KIND = Kind(
    message="headgate.v1.Port",
    noun=Port,
    allocate=allocate,
    validate=validate,
    compile=compile_port,
    conditions=conditions,
    live=PortSeen,
    observe=observe,
)
