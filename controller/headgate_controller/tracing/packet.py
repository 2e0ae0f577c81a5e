"""The packet that a workload, or somebody outside, would send."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headgate_controller.addresses import V4, V6, Address, Prefix, parse_address
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.names import vpc_of
from headgate_controller.nouns.floating_ip import FloatingIp
from headgate_controller.nouns.port import Port
from headgate_controller.nouns.subnet import NAT, Subnet, attachment_of, external_facts
from headgate_controller.world import World

ICMP, TCP, UDP = "icmp", "tcp", "udp"
HIGH_PORT = 40_000
"""The port that an asking program would have."""

SYN, SYN_ACK = 0x02, 0x12
"""What opens a TCP connection, and what answers that. Source: RFC 9293, 3.1."""

SOMEBODY = "02:00:00:00:00:01"
"""Stands for a neighbour on a physical network, whose Ethernet address no row holds."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it enters a logical switch; `switch` and `inport` are OVN's names."""

    switch: str
    inport: str
    mac: str
    to_mac: str
    source: Address
    destination: Address
    protocol: str = ICMP
    source_port: int = HIGH_PORT
    destination_port: int = 80
    flags: int = SYN

    @property
    def flow(self) -> str:
        """The packet in ovn-trace's language. Source: ovn-trace(8), "microflow"."""
        ip = f"ip{self.source.version}"
        ports = f"{{0}}.src == {self.source_port} && {{0}}.dst == {self.destination_port}"
        payload = {
            ICMP: f"icmp{self.source.version} && icmp{self.source.version}.type == {8 if ip == 'ip4' else 128}",
            TCP: f"tcp && {ports.format('tcp')} && tcp.flags == {self.flags}",
            UDP: f"udp && {ports.format('udp')}",
        }
        return " && ".join(
            [
                f'inport == "{self.inport}"',
                f"eth.src == {self.mac}",
                f"eth.dst == {self.to_mac}",
                f"{ip}.src == {self.source}",
                f"{ip}.dst == {self.destination}",
                "ip.ttl == 64",
                payload[self.protocol],
            ]
        )

    def __str__(self) -> str:
        """Return the packet in words, for people."""
        if self.protocol == ICMP:
            return f"ping {self.source} > {self.destination}"
        return (
            f"{self.protocol} {_with_port(self.source, self.source_port)} > "
            f"{_with_port(self.destination, self.destination_port)}"
        )


def _with_port(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == V6 else f"{address}:{port}"


def from_port(world: World, name: str, destination: Address) -> Packet:
    """Return what the workload of a port would send to an address.

    Raises:
        InvalidError: the port has no address of that family, or nobody would take the packet.
    """
    port = world.get(Port, name)
    subnet = world.get(Subnet, port.subnet) if port else None
    if port is None or subnet is None or port.mac is None:
        raise _refused("source", "REFERENCE_NOT_FOUND", f"There is no port {name}; name one, or an external subnet.")
    value = port.ip if destination.version == V4 else port.ipv6
    if value is None:
        text = f"{name} has no IPv{destination.version} address, so it cannot reach {destination}; name another."
        raise _refused("source", "NO_ADDRESS", text)
    prefix = subnet.cidr if destination.version == V4 else subnet.ipv6_cidr
    to_mac = _neighbour(world, subnet, prefix, destination)
    return Packet(subnet.name, port.iface_id, port.mac, to_mac, Address(destination.version, value), destination)


def _neighbour(world: World, subnet: Subnet, prefix: Prefix | None, destination: Address) -> str:
    """Return the Ethernet address that a workload of a subnet would send to."""
    gateway = subnet.gateway if destination.version == V4 else subnet.ipv6_gateway
    router = subnet.gateway_mac or SOMEBODY
    if prefix is None or destination.value not in prefix:
        if gateway is None:
            text = f"{subnet.name} has no gateway, so that nothing on it can reach {destination}; give it one."
            raise _refused("destination", "NO_GATEWAY", text)
        return router
    if destination.value == gateway:
        return router
    for name in sorted(world.group("referrers", subnet.name)):
        port = world.get(Port, name)
        if port is not None and port.mac and destination.value in (port.ip, port.ipv6):
            return port.mac
    if subnet.vlan is not None:
        return SOMEBODY
    text = f"No port of {subnet.name} has the address {destination}, so nobody would answer for it; name another."
    raise _refused("destination", "NOBODY", text)


def from_outside(world: World, name: str, destination: Address, source: Address) -> Packet:
    """Return what somebody beyond an external subnet would send to an address.

    Raises:
        InvalidError: it is no external subnet, or no router on it answers for the address.
    """
    subnet = world.get(Subnet, name)
    if subnet is None or subnet.external is None:
        text = f"{name} is neither a port nor an external subnet; name one of these."
        raise _refused("source", "REFERENCE_NOT_FOUND", text)
    mac = _router(world, subnet, destination)
    if mac is None:
        text = (
            f"No router on {name} answers for {destination}: it is no floating IP there, no router's address, and in "
            "no subnet of a VPC that is routed by it."
        )
        raise _refused("destination", "NOBODY", text)
    return Packet(name, f"{name}/vlan", SOMEBODY, mac, source, destination)


def _router(world: World, subnet: Subnet, destination: Address) -> str | None:
    """Return the Ethernet address of the router on an external subnet that answers for an address, or leads to it."""
    for vpc in sorted(world.group("vpcs_on", subnet.name)):
        found = attachment_of(world, vpc, subnet.name)
        if found is None:
            continue
        ours = {*found.attachment.router_ips, *found.attachment.snat_ips, *_floating(world, vpc, subnet.name)}
        routed = found.facts.mode != NAT and any(
            destination.value in prefix and prefix.version == destination.version
            for inner in world.group("subnets_of", vpc)
            if (noun := world.get(Subnet, inner))
            for prefix in noun.prefixes()
        )
        if routed or (destination.version == V4 and destination.value in ours):
            return found.attachment.router_mac
    return None


def _floating(world: World, vpc: str, subnet: str) -> set[int]:
    users = (world.get(FloatingIp, name) for name in world.group("referrers", subnet))
    return {f.ip for f in users if f is not None and f.ip is not None and f.port and vpc_of(f.port) == vpc}


def address_of(world: World, destination: str, version: int = V4) -> Address:
    """Return the address that a destination means to a workload: of a port (of the family asked for, if it has both),
    of a floating IP, or itself.

    Raises:
        InvalidError: it means none.
    """
    port, floating = world.get(Port, destination), world.get(FloatingIp, destination)
    if port is not None:
        found = {V4: port.ip, V6: port.ipv6}
        for family in (version, V4 + V6 - version):
            if (value := found[family]) is not None:
                return Address(family, value)
    if floating is not None and floating.ip is not None:
        return Address(V4, floating.ip)
    try:
        return parse_address(destination)
    except ValueError:
        text = f"{destination!r} is no port, floating IP or address that is there; name one of these."
        raise _refused("destination", "REFERENCE_NOT_FOUND", text) from None


def outside_address_of(world: World, destination: str, subnet: str) -> Address:
    """Return the address that a destination means to somebody beyond an external subnet: a port's floating IP there, if
    that subnet translates.

    Raises:
        InvalidError: it means none.
    """
    facts = external_facts(world, subnet)
    if world.get(Port, destination) is None or facts is None or facts.mode != NAT:
        return address_of(world, destination)
    for name in world.group("floating_ip_of", (destination, subnet)):
        return address_of(world, name)
    text = f"{destination} has no floating IP on {subnet}, so that nobody out there can reach it; give it one."
    raise _refused("destination", "NO_FLOATING_IP", text)


def answer(world: World, sent: Packet, end: str, seen: tuple[Address, Address]) -> Packet | None:
    """Return the answer to a packet that ended at a port or an external subnet, where it was seen with these addresses
    as source and destination; None if none is sent, or if its way follows from the connection (SNAT).
    """
    source, destination = seen
    try:
        if world.get(Port, end) is not None:
            back = from_port(world, end, source)
        elif source == sent.source or _is_floating(world, end, source):
            back = from_outside(world, end, source, destination)
        else:
            return None
    except InvalidError:
        return None
    return replace(back, protocol=sent.protocol, source_port=sent.destination_port, destination_port=sent.source_port)


def _is_floating(world: World, subnet: str, address: Address) -> bool:
    return any(address.value in _floating(world, vpc, subnet) for vpc in world.group("vpcs_on", subnet))


def _refused(field: str, reason: str, text: str) -> InvalidError:
    return InvalidError("", [Violation(field, reason, text)])
