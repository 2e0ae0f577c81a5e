"""VPCs: a logical router, and for each external attachment a gateway port that the first living gateway host
carries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from headgate_common.rows import Member, Row, RowKey
from headgate_controller.errors import Violation
from headgate_controller.kinds.registry import ERROR, Condition, Faults, Kind
from headgate_controller.northbound_rows import (
    external_key,
    ha_chassis,
    ha_group,
    held,
    optional,
    redirect_of,
    router,
    router_key,
    router_port,
    switch_key,
    switch_port,
)
from headgate_controller.nouns.host import Host, carries_gateways, zone_of
from headgate_controller.nouns.route import Route
from headgate_controller.nouns.subnet import NAT, Subnet, attached, connected
from headgate_controller.nouns.vpc import ExternalAttachment, Vpc
from headgate_controller.observed import Observed
from headgate_controller.pools import free_mac, next_free
from headgate_controller.world import Answers, World

MAC_BINDING_SECONDS = 300
"""Age at which a router forgets a neighbour; without one OVN keeps a neighbour's address for ever, and a next hop
that was replaced stays a black hole.
"""

MOST_GATEWAYS = 5
"""Hosts in the order of an attachment: enough to survive failures, few enough that not every host watches every
other.
"""


def allocate(vpc: Vpc, before: Vpc | None, world: World) -> tuple[Vpc, Faults]:
    """Give each attachment its addresses, its Ethernet address and its order of gateway hosts, keeping what it had.

    An attachment is known by its subnet, which a VPC is attached to once at most, so that a new key moves no address.
    """
    old = {attachment.subnet: attachment for _, attachment in before.external_subnets} if before else {}
    macs = {attachment.router_mac or "" for attachment in old.values()}
    faults: list[Violation] = []
    given = []
    for key, attachment in vpc.external_subnets:
        kept = old.get(attachment.subnet, attachment)
        placed = replace(kept, gateway_hosts=_gateway_order(vpc.meta.uid, kept, world))
        addressed = _addressed(vpc, placed, macs, world)
        if addressed is None:
            text = f"{attachment.subnet} has no free address; widen its pools or release some."
            field, pool = f"external_subnets[{key}].subnet", f"{attachment.subnet}/-"
            faults.append(Violation(field, "POOL_EXHAUSTED", text, passing=True, holder=pool))
        given.append((key, addressed or placed))
        macs.add(given[-1][1].router_mac or "")
    return replace(vpc, external_subnets=tuple(given)), tuple(faults)


def _addressed(
    vpc: Vpc, attachment: ExternalAttachment, macs: Collection[str], world: World
) -> ExternalAttachment | None:
    """Return the attachment with addresses; None if there are none left. `macs` are the router's elsewhere."""
    subnet = world.get(Subnet, attachment.subnet)
    if subnet is None or subnet.external is None or _fits(attachment, subnet, world):
        return attachment
    ip = next_free(world, subnet)
    if ip is None:
        return None
    snat = (ip,) if subnet.external.mode == NAT else ()
    mac = free_mac(world, f"{vpc.meta.uid}/{subnet.meta.uid}", subnet.name, vpc.name, besides=macs)
    return replace(attachment, router_ips=(ip,), snat_ips=snat, router_mac=mac)


def _fits(attachment: ExternalAttachment, subnet: Subnet, world: World) -> bool:
    """Return whether the addresses that an attachment has are right for its subnet, which may have been replaced."""
    pool, nat = world.pool(subnet.name), subnet.external is not None and subnet.external.mode == NAT
    usable = [subnet.cidr is not None and ip in subnet.cidr and ip not in pool for ip in attachment.router_ips]
    return bool(usable) and all(usable) and bool(attachment.snat_ips) == nat


def _gateway_order(uid: str, attachment: ExternalAttachment, world: World) -> tuple[str, ...]:
    """Return the hosts for an attachment: those it had in their order, then new ones by rendezvous hashing, so that
    none moves when one comes; last those that drain or have no link, since a gateway there is better than none.
    """
    subnet = world.get(Subnet, attachment.subnet)
    if subnet is None or subnet.vlan is None:
        return ()
    network = subnet.vlan.physical_network
    there = [name for name in world.group("hosts_on", network) if _takes_gateways(world, name)]
    usable = {name for name in there if carries_gateways(world, name, network)}
    had = [name for name in attachment.gateway_hosts if name in there]
    new = sorted(
        (name for name in usable if name not in had),
        key=lambda name: sha256(f"{uid}/{subnet.meta.uid}/{name}".encode()).digest(),
    )
    kept, leaving = [name for name in had if name in usable], [name for name in had if name not in usable]
    return tuple([*kept, *new, *leaving][:MOST_GATEWAYS])


def _takes_gateways(world: World, name: str) -> bool:
    host = world.get(Host, name)
    return host is not None and host.takes_gateways


def validate(vpc: Vpc, world: World) -> Iterator[Violation]:
    """Yield every reason why `world` cannot hold `vpc`."""
    seen: dict[str, str] = {}
    for key, attachment in vpc.external_subnets:
        field = f"external_subnets[{key}].subnet"
        subnet = world.get(Subnet, attachment.subnet)
        if subnet is None:
            continue
        if subnet.external is None:
            text = f"{subnet.name} is not an external subnet; attach one that has `external` set."
            yield Violation(field, "NOT_EXTERNAL", text, needs=subnet.name)
        if subnet.name in seen:
            text = f"{subnet.name} is attached as {seen[subnet.name]!r} already; leave one of them out."
            yield Violation(field, "ATTACHED_TWICE", text)
        seen[subnet.name] = key
        yield from _overlaps(vpc, field, subnet, world)


def _overlaps(vpc: Vpc, field: str, subnet: Subnet, world: World) -> Iterator[Violation]:
    attached_too = (a.subnet for _, a in vpc.external_subnets if a.subnet != subnet.name)
    names = sorted({*world.group("subnets_of", vpc.name), *attached_too})
    others = [other for name in names if (other := world.get(Subnet, name))]
    for mine in subnet.prefixes():
        for other in others:
            for theirs in other.prefixes():
                if mine.overlaps(theirs):
                    text = (
                        f"{mine} overlaps {theirs} of {other.name}, to which {vpc.name} is connected; choose another."
                    )
                    yield Violation(field, "CIDR_OVERLAP", text, passing=True, holder=other.name)
        for route in sorted(world.group("route_to", (vpc.name, mine))):
            text = f"{route} routes {mine} elsewhere; delete that route first."
            yield Violation(field, "CIDR_ROUTED", text, passing=True, holder=route)


def compile_vpc(vpc: Vpc, world: Answers) -> Iterator[Row | Member]:
    """Yield the router and its external attachments.

    Source: ovn-nb(5), tables Logical_Router, Logical_Router_Port and HA_Chassis_Group.
    """
    key = router_key(vpc.name)
    yield router(key, {"mac_binding_age_threshold": str(MAC_BINDING_SECONDS)})
    for name, attachment, facts in attached(world, vpc.name):
        port = external_key(vpc.name, name)
        group = RowKey("HA_Chassis_Group", port.name)
        yield from _gateways(group, attachment)
        networks = [facts.cidr.address(ip) for ip in attachment.router_ips]
        yield from held(key, "ports", router_port(port, attachment.router_mac or "", networks, ha_group=group))
        peer = RowKey("Logical_Switch_Port", f"{port.name}/switch")
        options = {"router-port": port.name, "nat-addresses": "router"}
        row = switch_port(peer, type="router", addresses=optional("router"), options=options)
        yield from held(switch_key(attachment.subnet), "ports", row)


def _gateways(group: RowKey, attachment: ExternalAttachment) -> Iterator[Row | Member]:
    yield ha_group(group)
    for position, host in enumerate(attachment.gateway_hosts):
        chassis = host.removeprefix("hosts/")
        row = ha_chassis(RowKey("HA_Chassis", f"{group.name}/{chassis}"), chassis, 100 - position)
        yield from held(group, "ha_chassis", row)


@dataclass(frozen=True, slots=True)
class VpcSeen:
    """What is shown of a VPC besides what is stored."""

    active_gateways: tuple[tuple[str, str], ...]


def observe(vpc: Vpc, world: World, observed: Observed) -> VpcSeen:
    """Return which host carries each attachment, as OVN says."""
    places = ((key, observed.bound(redirect_of(external_key(vpc.name, key)))) for key, _ in vpc.external_subnets)
    return VpcSeen(tuple((key, f"hosts/{chassis}") for key, chassis in places if chassis))


def conditions(vpc: Vpc, world: World) -> Iterator[Condition]:
    """Yield what keeps the VPC from working, or is missing."""
    routed = _routed(vpc, world)
    for key, attachment in vpc.external_subnets:
        if attachment.subnet not in routed:
            yield Condition(
                "NO_ROUTE_OUT",
                f"No route leads to {attachment.subnet}, to which the VPC is attached as {key!r}: nothing reaches "
                "beyond it. Create one, for example of 0.0.0.0/0 with it as the next hop's external_subnet.",
            )
        subnet = world.get(Subnet, attachment.subnet)
        if subnet is None or subnet.external is None or subnet.vlan is None:
            continue
        network = subnet.vlan.physical_network
        if not any(carries_gateways(world, host, network) for host in attachment.gateway_hosts):
            first = next(iter(attachment.gateway_hosts), "")
            last = f"; {first} still does, though it drains or has no link" if first else ""
            yield Condition(
                "NO_GATEWAY_HOST",
                f"No host can carry the attachment {key!r}{last}: none is connected to the physical network of "
                f"{attachment.subnet}, with a link, and not draining. Add it to [physical_networks] of an agent's "
                "configuration, or see to the cables, `drain` and `gateway_capable` of the hosts that have it.",
                ERROR,
            )


def _routed(vpc: Vpc, world: World) -> set[str]:
    """Return the external subnets that a route of the VPC leads to, by name or by an address in them."""
    routes = [route for name in world.group("referrers", vpc.name) if (route := world.get(Route, name))]
    hops = [hop for route in routes for hop in route.next_hops]
    named = {hop.external_subnet for hop in hops if hop.external_subnet}
    near = {
        found.subnet
        for hop in hops
        for found in (connected(world, vpc.name) if hop.ip else ())
        if hop.ip and found.attachment and hop.ip.version == found.prefix.version and hop.ip.value in found.prefix
    }
    return named | near


def remarks(vpc: Vpc, world: World, observed: Observed) -> Iterator[Condition]:
    """Yield a warning if the hosts that hold a part of the VPC now are in several zones."""
    zones: dict[str, list[str]] = {}
    for chassis in observed.span(vpc.name):
        if zone := zone_of(world, f"hosts/{chassis}"):
            zones.setdefault(zone, []).append(chassis)
    if len(zones) > 1:
        where = "; ".join(f"{zone}: {', '.join(hosts)}" for zone, hosts in sorted(zones.items()))
        yield Condition(
            "SPANS_ZONES",
            f"Its ports and gateways are in several zones ({where}): traffic crosses between them, and if they are "
            "cut off from each other each part is on its own. Nothing needs to be done if that is meant.",
        )


KIND = Kind(
    message="headgate.v1.Vpc",
    noun=Vpc,
    allocate=allocate,
    validate=validate,
    compile=compile_vpc,
    conditions=conditions,
    live=VpcSeen,
    observe=observe,
    remarks=remarks,
)
