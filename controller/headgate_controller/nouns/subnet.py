"""Subnets: overlay segments of a VPC, and VLANs of a physical network; the external ones among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from headgate_common.rows import Atom, RowKey
from headgate_controller.addresses import V4, V6, Address, Prefix
from headgate_controller.names import vpc_of
from headgate_controller.northbound_rows import dhcp_key, optional, switch_key
from headgate_controller.nouns.meta import NEW, Meta
from headgate_controller.nouns.vpc import ExternalAttachment, attachments, vpc_exists
from headgate_controller.world import Answers, Entry, view

NAT, ROUTED = "nat", "routed"


@dataclass(frozen=True, slots=True)
class Vlan:
    """A VLAN of a physical network; id 0 is untagged."""

    physical_network: str
    id: int


@dataclass(frozen=True, slots=True)
class AddressRange:
    """IPv4 addresses from start to end, both included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class External:
    """How VPCs reach beyond an external subnet: `NAT` or `ROUTED`."""

    mode: str


@dataclass(frozen=True, slots=True)
class Subnet:
    """One network segment with its address ranges."""

    name: str
    meta: Meta = NEW
    vlan: Vlan | None = None
    cidr: Prefix | None = None
    ipv6_cidr: Prefix | None = None
    gateway: int | None = None
    ipv6_gateway: int | None = None
    pools: tuple[AddressRange, ...] = ()
    external: External | None = None
    dns_servers: tuple[Address, ...] = ()
    domain_name: str | None = None
    gateway_mac: str | None = None

    @property
    def vpc(self) -> str | None:
        """The VPC it is a segment of; None for a VLAN."""
        return vpc_of(self.name)

    def prefixes(self) -> Iterator[Prefix]:
        """Yield its address ranges, one of each family at most."""
        for prefix in (self.cidr, self.ipv6_cidr):
            if prefix is not None:
                yield prefix

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield the resources it refers to, each with the path of the field."""
        if self.vpc:
            yield "parent", self.vpc

    def entries(self) -> Iterator[Entry]:
        """Yield where it is found."""
        if self.vpc:
            yield "referrers", self.vpc
            yield "subnets_of", self.vpc
        if self.vlan:
            yield "subnet_of_vlan", self.vlan
            yield "subnets_on", self.vlan.physical_network
        if self.gateway_mac:
            yield "mac", (self.name, self.gateway_mac)
            if self.vpc:
                yield "mac", (self.vpc, self.gateway_mac)

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield the addresses that no workload can have: network, broadcast, gateway."""
        if self.cidr:
            yield from ((self.name, ip) for ip in {self.cidr.base, self.cidr.last, self.gateway} if ip is not None)
        if self.ipv6_cidr:
            yield from ((ipv6_pool(self.name), ip) for ip in {self.ipv6_cidr.base, self.ipv6_gateway} if ip is not None)


def ipv6_pool(subnet: str) -> str:
    """Return the pool of a subnet's IPv6 addresses; its IPv4 pool is its name."""
    return f"{subnet}#ipv6"


class SubnetFacts(NamedTuple):
    """What ports need of their subnet: the key of its switch, and those of its DHCP options, if it has any. All its
    ports share them; a change of anything else recompiles no port.
    """

    switch: RowKey
    dhcpv4: frozenset[Atom]
    dhcpv6: frozenset[Atom]


class ExternalFacts(NamedTuple):
    """What routers need of an external subnet; such a subnet is IPv4 only, and always has a gateway."""

    mode: str
    cidr: Prefix
    gateway: int


class Attached(NamedTuple):
    """One attachment that works: its external subnet is there and a host can carry it."""

    key: str
    attachment: ExternalAttachment
    facts: ExternalFacts


@view
def subnet_facts(world: Answers, name: str) -> SubnetFacts | None:
    """Return what ports need; None unless the subnet, and its VPC if it is in one, are there."""
    subnet = world.get(Subnet, name)
    if subnet is None or (subnet.vpc and not vpc_exists(world, subnet.vpc)):
        return None
    dhcp_v4 = subnet.cidr is not None and subnet.gateway is not None
    dhcp_v6 = subnet.ipv6_cidr is not None and subnet.vpc is not None
    return SubnetFacts(
        switch_key(name),
        optional(dhcp_key(name, V4) if dhcp_v4 else None),
        optional(dhcp_key(name, V6) if dhcp_v6 else None),
    )


@view
def external_facts(world: Answers, name: str) -> ExternalFacts | None:
    """Return what routers need; None unless there is such a subnet and it is external."""
    subnet = world.get(Subnet, name)
    if subnet is None or subnet.external is None or subnet.cidr is None or subnet.gateway is None:
        return None
    return ExternalFacts(subnet.external.mode, subnet.cidr, subnet.gateway)


@view
def attached(world: Answers, vpc: str) -> tuple[Attached, ...]:
    """Return the attachments of a VPC that work."""
    found = ((key, attachment, external_facts(world, attachment.subnet)) for key, attachment in attachments(world, vpc))
    return tuple(
        Attached(key, a, facts) for key, a, facts in found if facts is not None and a.gateway_hosts and a.router_ips
    )


@view
def attachment_of(world: Answers, vpc: str, external_subnet: str) -> Attached | None:
    """Return how a VPC is attached to an external subnet; None if it is not, or not so that it works."""
    return next((a for a in attached(world, vpc) if a.attachment.subnet == external_subnet), None)


class Connected(NamedTuple):
    """A prefix that a VPC's router is directly connected to: by a subnet of the VPC or by the attachment of this
    key.
    """

    prefix: Prefix
    router_ip: int | None
    subnet: str
    attachment: str | None

    def usable(self, address: int) -> bool:
        """Return whether an address of the prefix can be a neighbour's."""
        reserved = {self.prefix.base, self.router_ip} | ({self.prefix.last} if self.prefix.version == V4 else set())
        return address not in reserved


@view
def connected(world: Answers, vpc: str) -> tuple[Connected, ...]:
    """Return every prefix that a VPC's router is directly connected to, by attachments that no host carries too; it
    grows with subnets, never with ports.
    """
    found = []
    for name in sorted(world.group("subnets_of", vpc)):
        subnet = world.get(Subnet, name)
        if subnet is not None:
            found += [
                Connected(p, subnet.gateway if p.version == V4 else subnet.ipv6_gateway, name, None)
                for p in subnet.prefixes()
            ]
    for key, attachment in attachments(world, vpc):
        facts = external_facts(world, attachment.subnet)
        if facts is not None and attachment.router_ips:
            found.append(Connected(facts.cidr, attachment.router_ips[0], attachment.subnet, key))
    return tuple(found)


class Hop(NamedTuple):
    """A resolved next hop: its address, and the router port that leads to it as (subnet name or None, attachment key
    or None).
    """

    address: Address
    subnet: str | None
    attachment: str | None


@view
def hop_through(world: Answers, vpc: str, external_subnet: str, version: int) -> Hop | None:
    """Return the gateway of an attached external subnet; None if the attachment does not work, or for IPv6."""
    found = attachment_of(world, vpc, external_subnet) if version == V4 else None
    return None if found is None else Hop(Address(version, found.facts.gateway), None, found.key)


@view
def hop_to(world: Answers, vpc: str, address: Address) -> Hop | None:
    """Return the way to a neighbour of the router; None if no connected prefix that works holds it, or if it can be
    nobody's but the router's own.
    """
    for found in connected(world, vpc):
        if found.prefix.version == address.version and address.value in found.prefix:
            works = found.attachment is None or attachment_of(world, vpc, found.subnet) is not None
            if not works or not found.usable(address.value):
                return None
            return Hop(address, None if found.attachment else found.subnet, found.attachment)
    return None
