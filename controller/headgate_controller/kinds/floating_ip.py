"""Floating IPs: a translation in both directions at the gateway of the port's VPC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headgate_common.rows import Member, Row, RowKey
from headgate_controller.addresses import text4
from headgate_controller.errors import Violation
from headgate_controller.kinds.registry import ERROR, INFO, Condition, Faults, Kind
from headgate_controller.names import vpc_of
from headgate_controller.northbound_rows import external_key, held, nat, router_key
from headgate_controller.nouns.floating_ip import FloatingIp
from headgate_controller.nouns.port import Port, port_address
from headgate_controller.nouns.subnet import NAT, Subnet, attachment_of
from headgate_controller.nouns.vpc import Vpc, attachments
from headgate_controller.pools import next_free
from headgate_controller.world import Answers, World


def allocate(floating: FloatingIp, before: FloatingIp | None, world: World) -> tuple[FloatingIp, Faults]:
    """Choose the address if none was requested."""
    subnet = world.get(Subnet, floating.external_subnet)
    if floating.ip is not None or subnet is None or subnet.external is None:
        return floating, ()
    ip = next_free(world, subnet)
    if ip is None:
        fault = Violation(
            "ip",
            "POOL_EXHAUSTED",
            f"{subnet.name} has no free address; widen its pools or release some.",
            passing=True,
            holder=f"{subnet.name}/-",
        )
        return floating, (fault,)
    return replace(floating, ip=ip), ()


def validate(floating: FloatingIp, world: World) -> Iterator[Violation]:
    """Yield every reason why `world` cannot hold `floating`."""
    subnet = world.get(Subnet, floating.external_subnet)
    if subnet is not None:
        if subnet.external is None or subnet.external.mode != NAT:
            text = f"{subnet.name} is not an external subnet of mode NAT; name one that is."
            yield Violation("external_subnet", "NOT_NAT", text, needs=subnet.name)
            return
        yield from _address(floating, subnet, world)
    if floating.port:
        yield from _port(floating, floating.port, world)


def _address(floating: FloatingIp, subnet: Subnet, world: World) -> Iterator[Violation]:
    if floating.ip is None or subnet.cidr is None:
        return
    if floating.ip not in subnet.cidr:
        text = f"{text4(floating.ip)} is not in {subnet.cidr} of {subnet.name}; choose an address of that range."
        yield Violation("ip", "OUTSIDE_RANGE", text, needs=subnet.name)
    elif floating.ip in world.pool(subnet.name):
        yield _taken(floating.ip, subnet, world)


def _taken(ip: int, subnet: Subnet, world: World) -> Violation:
    """Return the violation of an address that is taken; who holds it is looked for only now."""
    for name in sorted(world.group("referrers", subnet.name)):
        other, vpc = world.get(FloatingIp, name), world.get(Vpc, name)
        router = vpc is not None and any(ip in a.router_ips for _, a in vpc.external_subnets if a.subnet == subnet.name)
        if router or (other is not None and other.ip == ip):
            what = "a router address" if router else "the address"
            text = f"{text4(ip)} is {what} of {name} already; choose another, or leave it out."
            return Violation("ip", "ADDRESS_IN_USE", text, passing=True, holder=name)
    text = f"{text4(ip)} is the gateway, the network's or the broadcast address of {subnet.name}; choose another."
    return Violation("ip", "RESERVED_ADDRESS", text, needs=subnet.name)


def _port(floating: FloatingIp, name: str, world: World) -> Iterator[Violation]:
    port, vpc = world.get(Port, name), vpc_of(name)
    if port is None:
        return
    if vpc is None:
        text = f"{name} is on a VLAN subnet; only ports of a VPC can have a floating IP."
        yield Violation("port", "PORT_NOT_IN_VPC", text)
        return
    if port.ip is None:
        text = f"{name} has no IPv4 address; name a port of a subnet that has `cidr`."
        yield Violation("port", "PORT_HAS_NO_IPV4", text, needs=name)
    if all(attachment.subnet != floating.external_subnet for _, attachment in attachments(world, vpc)):
        text = f"{vpc} is not attached to {floating.external_subnet}; add it to external_subnets of the VPC first."
        yield Violation("port", "NOT_ATTACHED", text, passing=True, needs=vpc)
    for other in sorted(world.group("floating_ip_of", (name, floating.external_subnet))):
        text = f"{name} has the floating IP {other} there already; release that first."
        yield Violation("port", "PORT_HAS_FLOATING_IP", text, passing=True, holder=other)


def compile_floating_ip(floating: FloatingIp, world: Answers) -> Iterator[Row | Member]:
    """Yield the translation; nothing while it stands for no port, or for one whose VPC is not attached.

    Source: ovn-nb(5), table NAT.
    """
    vpc = vpc_of(floating.port) if floating.port else None
    inside = port_address(world, floating.port) if floating.port else None
    attachment = attachment_of(world, vpc, floating.external_subnet) if vpc else None
    if vpc is None or inside is None or attachment is None or floating.ip is None:
        return
    key = RowKey("NAT", floating.name)
    row = nat(key, "dnat_and_snat", text4(floating.ip), text4(inside), external_key(vpc, attachment.key))
    yield from held(router_key(vpc), "nat", row)


def conditions(floating: FloatingIp, world: World) -> Iterator[Condition]:
    """Yield what keeps the floating IP from working, or is missing."""
    vpc = vpc_of(floating.port) if floating.port else None
    if floating.port is None:
        yield Condition(
            "NO_PORT", "It is reserved and stands for no port: set `port`, or delete it to release it.", INFO
        )
    if vpc and attachment_of(world, vpc, floating.external_subnet) is None:
        text = f"{vpc} is not attached to {floating.external_subnet}, or no host carries the attachment."
        yield Condition("NOT_ATTACHED", text, ERROR)


KIND = Kind(
    message="headgate.v1.FloatingIp",
    noun=FloatingIp,
    allocate=allocate,
    validate=validate,
    compile=compile_floating_ip,
    conditions=conditions,
)
